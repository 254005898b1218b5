//! Steps on the Record: each write is a compare-and-swap. I/O.

use super::lookup::{self, decode};
use super::needs::{must, proven_pair, read_record};
use super::remote::{access, no_access};
use crate::account::marker::Series;
use crate::account::parent::roster::marker_of;
use crate::clock::{now, wall_clock};
use crate::controller::cluster::ClusterError;
use crate::controller::versioned::{Versioned, create_versioned, delete, replace};
use crate::crd::{AUTH_ID_LABEL, MANAGED_BY, MANAGED_BY_LABEL};
use crate::dice::random;
use crate::subaccount::known::KnownRecord;
use crate::subaccount::pass::Pass;
use crate::subaccount::plan::Rest;
use crate::subaccount::store::memory::{Remembered, Unspent};
use crate::subaccount::store::record::{self, Ledger, Phase, ReadRecord, Record};
use crate::subaccount::tell::{Outcome, StepError};
use crate::vobiz::{self, AuthId, Generation};
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt;
use std::time::Instant;
use vobiz_protocol::facts::{Confirmation, Object, Remote};

pub(super) async fn read(pass: &mut Pass<'_>) -> Result<(), Outcome> {
    let at = now();
    let found = lookup::find(pass).await?;
    if pass.known.confirmation == Confirmation::Confirmed {
        pass.known.looked_again = true;
    }
    if let Some(secret) = found {
        return take(pass, secret, at);
    }
    pass.known.take_no_record();
    pass.remembered(|remembered| remembered.unspent = None);
    Ok(())
}

/// The intent to create. With it comes the right to post its first epoch, unless the object is going already.
pub(super) async fn open(pass: &mut Pass<'_>) -> Result<(), Outcome> {
    let record = new_record(pass, Ledger::open).await?;
    create(pass, &record).await?;
    if pass.known.life == Object::Deleting {
        // Whoever acted on the object before the Record existed must be seen: both are looked at again.
        pass.known.confirmation = Confirmation::Unasked;
        pass.known.looked_again = false;
        pass.remembered(|remembered| remembered.unspent = None);
    } else {
        claim(pass);
    }
    Ok(())
}

/// A new series: under the account's own one, a takeover by a pass that does not know of it yet would fence its epoch. Whoever looks
/// for Records of the account finds this one from here on; so who else holds it is looked at again.
pub(super) async fn rebuild(pass: &mut Pass<'_>) -> Result<(), Outcome> {
    let id = must(pass.known.named_id(), "account to restore")?;
    let record = new_record(pass, |series, generation| {
        Ledger::rebuilding(series, generation, id)
    })
    .await?;
    create(pass, &record).await?;
    pass.known.claim = None;
    Ok(())
}

pub(super) async fn take_over(pass: &mut Pass<'_>) -> Result<(), Outcome> {
    begin_epoch(pass, "take over the record", Ledger::taken_over).await
}

/// The account is gone and the status names none: a new attempt, looked at as if nothing were known.
pub(super) async fn reopen(pass: &mut Pass<'_>) -> Result<(), Outcome> {
    begin_epoch(pass, "open the record again", Ledger::reopened).await
}

/// Another epoch, with the right to post it under the generation of the API that the Account uses.
async fn begin_epoch(
    pass: &mut Pass<'_>,
    act: &str,
    transition: fn(Ledger, Generation) -> Ledger,
) -> Result<(), Outcome> {
    let generation = access(pass)?.generation;
    swap(pass, act, |ledger| transition(ledger, generation)).await?;
    claim(pass);
    Ok(())
}

pub(super) async fn restore_pair(pass: &mut Pass<'_>) -> Result<(), Outcome> {
    let (pair, account) = proven_pair(pass)?;
    let marker = account.and_then(|account| own_marker(pass, &account));
    let restored = |ledger: Ledger| match ledger.phase {
        Phase::Bound => ledger.completed(pair.auth_token),
        Phase::Open | Phase::Closed | Phase::Kept => ledger.restored(pair.auth_id, pair.auth_token, marker),
    };
    swap(pass, "restore the record", restored).await?;
    pass.deeds.inherited = true;
    Ok(())
}

pub(super) async fn close(pass: &mut Pass<'_>) -> Result<(), Outcome> {
    let decision = must(pass.decision(), "decision")?;
    // What is somebody else's is not this object's to close.
    let known: Option<AuthId> = pass.known.named_id().filter(|_| pass.conflict().is_none());
    if let (Some(id), Some(access)) = (&known, pass.access()) {
        // What became of an earlier deletion says nothing of the one that is decided now.
        access.parent.deletions().forget(id);
    }
    swap(pass, "close the record", |ledger| ledger.closed(decision, known)).await
}

pub(super) async fn discard(pass: &mut Pass<'_>) -> Result<(), Outcome> {
    let ReadRecord { record, secret, .. } = read_record(pass)?;
    if record.ledger.auth_id.is_some() && pass.known.remote != Remote::Gone {
        tracing::warn!(
            uid = pass.uid,
            parent = %record.parent,
            "a closed record goes after its retention: no account of its parent is left to prove its subaccount gone with"
        );
    }
    match delete(&pass.context.record_api(), &secret).await {
        Ok(()) => {}
        Err(error) if error.is_not_found() => {}
        Err(error) => return Err(Outcome::of_cluster("drop the record", &error)),
    }
    pass.context.traces.memory.forget(&pass.uid);
    pass.context.traces.memory.forget(&pass.record_name);
    Err(Outcome::new(Rest::Settled, ""))
}

/// The Record of this object, not stored yet, with a new series.
pub(super) async fn new_record(
    pass: &Pass<'_>,
    ledger: impl FnOnce(Series, Generation) -> Ledger,
) -> Result<Record, Outcome> {
    // For a tombstone the status tells under which parent the account lives.
    let told = || pass.parent().zip(pass.recorded_generation());
    let (parent, generation) = match pass.access() {
        Some(access) => (access.parent.id.clone(), access.generation),
        None => told().ok_or_else(|| no_access(pass))?,
    };
    // What an earlier object left is never judged by a cached one: a namespace of this name may have come anew.
    let namespace_uid = match pass.context.namespaces.uid(&pass.key.namespace) {
        Some(cached) => cached,
        None => lookup::read_namespace_uid(pass).await?,
    };
    let subject = lookup::subject(pass, namespace_uid);
    Ok(Record {
        subject,
        parent,
        ledger: ledger(Series(random()), generation),
        last_fenced_at: None,
    })
}

pub(super) async fn create(pass: &mut Pass<'_>, record: &Record) -> Result<(), Outcome> {
    let mut secret = Secret {
        type_: Some(record::RECORD_TYPE.to_owned()),
        ..Secret::default()
    };
    pass.record_name = record::secret_name(&pass.uid);
    secret.metadata.name = Some(pass.record_name.clone());
    secret.metadata.namespace = Some(pass.context.operator_namespace.clone());
    store(&mut secret, record);
    let at = now();
    let created = create_versioned(&pass.context.record_api(), &secret)
        .await
        .map_err(|error| Outcome::of_cluster(&format!("create the record {}", pass.record_name), &error))?;
    take(pass, created, at)
}

/// Replaces the Record by what the transition makes of it, if it is still the one that was read.
pub(super) async fn swap(
    pass: &mut Pass<'_>,
    act: &str,
    transition: impl FnOnce(Ledger) -> Ledger,
) -> Result<(), Outcome> {
    let ReadRecord { record, secret, .. } = read_record(pass)?;
    let at = now();
    let written = write(pass, &record.with(transition, wall_clock()), secret).await;
    let written = written.map_err(|error| Outcome::of_cluster(act, &error))?;
    take(pass, written, at)
}

/// Replaces the content of a Record that was read.
pub(super) async fn write(
    pass: &Pass<'_>,
    record: &Record,
    read: Versioned<Secret>,
) -> Result<Versioned<Secret>, ClusterError> {
    let changed = read.map(|mut secret| {
        store(&mut secret, record);
        secret
    });
    replace(&pass.context.record_api(), changed).await
}

/// Puts the Record into its Secret, with the labels by which it is found.
fn store(secret: &mut Secret, record: &Record) {
    secret.data = Some(record::encode(record));
    let labels = secret.metadata.labels.get_or_insert_default();
    labels.insert(MANAGED_BY_LABEL.to_owned(), MANAGED_BY.to_owned());
    match record.held_id().map(AuthId::as_label) {
        Some(id) => labels.insert(AUTH_ID_LABEL.to_owned(), id.to_owned()),
        None => labels.remove(AUTH_ID_LABEL),
    };
}

/// Takes over a Record that was read or written; `at`: before that.
pub(super) fn take(pass: &mut Pass<'_>, secret: Versioned<Secret>, at: Instant) -> Result<(), Outcome> {
    let record = decode(secret.object())?;
    if record.subject.uid != pass.uid {
        // A later object took it over.
        return Err(Outcome::outdated());
    }
    if let (Some(named), Some(held)) = (pass.known.named_id(), record.auth_id())
        && pass.known.life == Object::Live
        && named != *held
    {
        let error = StepError::TurnedBack {
            named,
            held: held.clone(),
            record: secret.object().name_any(),
        };
        return Err(error.into());
    }
    let ledger = &record.ledger;
    if ledger.is_fenced() {
        let note = |remembered: &mut Remembered| remembered.note_fence(ledger.fenced_through, now());
        pass.context.traces.memory.with(&pass.record_name, note);
    }
    // Under a newer generation than the Record names nobody would find it.
    let generation = pass.generation();
    let may_post = generation.is_some_and(|generation| ledger.may_post(generation));
    let mut read = ReadRecord {
        record,
        secret,
        at,
        unspent: false,
    };
    let own = Unspent::of(&read);
    read.unspent = pass.remembered(|remembered| {
        let unspent = &mut remembered.unspent;
        unspent.take_if(|unspent| !may_post || *unspent != own);
        unspent.is_some()
    });
    pass.known.take_record(read);
    Ok(())
}

/// This process opened or took over the epoch just now: it may post it, once, if the object is then read again.
fn claim(pass: &mut Pass<'_>) {
    let KnownRecord::Read(read) = &mut pass.known.record else {
        return;
    };
    read.unspent = true;
    let unspent = Unspent::of(read);
    pass.known.confirmation = Confirmation::Unasked;
    pass.remembered(|remembered| remembered.unspent = Some(unspent));
}

/// Series and epoch in the account's marker, if it is one of this installation.
pub(super) fn own_marker(pass: &Pass<'_>, account: &vobiz::Subaccount) -> Option<(Series, u32)> {
    marker_of(account, pass.generation()?)
        .filter(|marker| marker.installation == pass.context.installation)
        .map(|marker| (marker.series, marker.epoch))
}
