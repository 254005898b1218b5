//! Steps on the Record: each write is a compare-and-swap. I/O.

use super::{impossible, lookup};
use crate::account::marker::Series;
use crate::account::roster::marker_of;
use crate::controller::cluster::ClusterError;
use crate::controller::versioned::{Versioned, create_versioned, delete, get_versioned, replace};
use crate::crd::{MANAGED_BY, MANAGED_BY_LABEL};
use crate::subaccount::facts::{self, Confirmation, Made, Object};
use crate::subaccount::memory::Unspent;
use crate::subaccount::outcome::Outcome;
use crate::subaccount::pass::{Pass, now, wall_clock};
use crate::subaccount::plan::{Block, Rest};
use crate::subaccount::record::{self, Ledger, Record};
use crate::vobiz::AuthId;
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt;
use std::collections::BTreeMap;
use std::time::Duration;
use vobiz_protocol::judge::{self, Bind};

/// Pause between two attempts to find out what became of a bind, while the pair is in memory only.
const BIND_PAUSE: Duration = Duration::from_secs(1);

pub(super) async fn read(pass: &mut Pass<'_>) -> Result<(), Outcome> {
    let at = now();
    let found = lookup::find(pass).await?;
    if pass.facts.confirmation == Confirmation::Confirmed {
        pass.facts.looked_again = true;
    }
    pass.record_at = Some(at);
    if let Some(secret) = found {
        return take(pass, secret);
    }
    pass.record = None;
    pass.facts.record = facts::Record::Absent;
    forget_unspent(pass);
    Ok(())
}

/// The intent to create. With it comes the right to post its first epoch, unless the object is going already.
pub(super) async fn open(pass: &mut Pass<'_>) -> Result<(), Outcome> {
    let record = new_record(pass).await?;
    create(pass, &record).await?;
    if pass.facts.object == Object::Deleting {
        // Whoever acted on the object before the Record existed must be seen: both are looked at again.
        pass.facts.confirmation = Confirmation::Unasked;
        pass.facts.looked_again = false;
        forget_unspent(pass);
    } else {
        claim(pass);
    }
    Ok(())
}

/// A new series: under the account's own one, a takeover by a pass that does not know of it yet would fence its epoch.
pub(super) async fn rebuild(pass: &mut Pass<'_>) -> Result<(), Outcome> {
    let record = new_record(pass).await?;
    create(pass, &record).await
}

pub(super) async fn take_over(pass: &mut Pass<'_>) -> Result<(), Outcome> {
    swap(pass, "take over the record", Ledger::taken_over).await?;
    claim(pass);
    Ok(())
}

/// The account is gone and the status names none: a new attempt, looked at as if nothing were known.
pub(super) async fn reopen(pass: &mut Pass<'_>) -> Result<(), Outcome> {
    swap(pass, "open the record again", Ledger::reopened).await?;
    claim(pass);
    Ok(())
}

pub(super) async fn restore_pair(pass: &mut Pass<'_>) -> Result<(), Outcome> {
    let Some((pair, _)) = pass.evidence.clone() else {
        return Err(impossible("evidence"));
    };
    let marker = proven_marker(pass);
    swap(pass, "restore the record", |ledger| {
        ledger.restored(pair.auth_id, pair.auth_token, marker)
    })
    .await
}

pub(super) async fn close(pass: &mut Pass<'_>) -> Result<(), Outcome> {
    let Some(decision) = pass.decision() else {
        return Err(impossible("decision"));
    };
    let known: Option<AuthId> = pass.known_id();
    swap(pass, "close the record", |ledger| ledger.closed(decision, known)).await
}

/// Writes the pair. It exists nowhere else: this gives up only on proof that the Record has another owner.
pub(super) async fn bind(pass: &mut Pass<'_>) -> Result<(), Outcome> {
    let Some(pair) = pass.made.clone() else {
        return Err(impossible("pair"));
    };
    let Some((claimed, _)) = pass.record.clone() else {
        return Err(impossible("record"));
    };
    loop {
        let attempt = pair.clone();
        let written = swap(pass, "bind the record", |ledger| {
            ledger.bound(attempt.auth_id, attempt.auth_token)
        })
        .await;
        if written.is_ok() {
            pass.made = None;
            return Ok(());
        }
        let found = look_again(pass).await;
        let found = found.as_ref().map(|record| &record.ledger);
        match judge::bind(&claimed.ledger, &pair.auth_id, found) {
            Bind::Done => {
                pass.made = None;
                return Ok(());
            }
            Bind::Fenced => {
                pass.facts.made = Made::Fenced;
                return Ok(());
            }
            Bind::Lost => {
                tracing::error!(auth_id = %pair.auth_id, "the record was lost while its account was being created");
                pass.made = None;
                return Err(Outcome::outdated());
            }
            // The compare-and-swap is tried again with the version just read.
            Bind::Again => tokio::time::sleep(BIND_PAUSE).await,
        }
    }
}

/// Reads the Record until it can be read: nothing may be concluded from a failure.
async fn look_again(pass: &mut Pass<'_>) -> Option<Record> {
    loop {
        match get_versioned(&pass.context.record_api(), &pass.record_name).await {
            Ok(None) => return None,
            Ok(Some(secret)) => {
                take(pass, secret).ok();
                return pass.record.as_ref().map(|(record, _)| record.clone());
            }
            Err(error) => {
                tracing::warn!(uid = pass.uid, %error, "failed to read the record of an account that was just created");
                tokio::time::sleep(BIND_PAUSE).await;
            }
        }
    }
}

pub(super) async fn discard(pass: &mut Pass<'_>) -> Result<(), Outcome> {
    let Some((record, Some(secret))) = &pass.record else {
        return Err(impossible("record"));
    };
    if pass.facts.parent_abandoned
        && record.ledger.auth_id.is_some()
        && pass.facts.remote != facts::Remote::Gone
    {
        tracing::warn!(
            uid = pass.uid,
            parent = %record.parent,
            "a closed record goes after its retention: no account of its parent is left to prove its subaccount gone with"
        );
    }
    match delete(&pass.context.record_api(), secret).await {
        Ok(()) => {}
        Err(error) if error.is_not_found() => {}
        Err(error) => return Err(Outcome::of_cluster("drop the record", &error)),
    }
    pass.context.memory.forget(&pass.uid);
    Err(Outcome::new(Rest::Settled, ""))
}

async fn new_record(pass: &Pass<'_>) -> Result<Record, Outcome> {
    let Some(access) = pass.access() else {
        return Err(impossible("access"));
    };
    let subject = lookup::subject(pass).await?;
    Ok(Record::open(
        subject,
        access.parent.id.clone(),
        access.generation,
        new_series(),
    ))
}

async fn create(pass: &mut Pass<'_>, record: &Record) -> Result<(), Outcome> {
    let mut secret = Secret {
        type_: Some(record::RECORD_TYPE.to_owned()),
        ..Secret::default()
    };
    pass.record_name = record::secret_name(&pass.uid);
    secret.metadata.name = Some(pass.record_name.clone());
    secret.metadata.namespace = Some(pass.context.operator_namespace.clone());
    secret.metadata.labels = Some(BTreeMap::from([(
        MANAGED_BY_LABEL.to_owned(),
        MANAGED_BY.to_owned(),
    )]));
    secret.data = Some(record::encode(record));
    let at = now();
    let created = create_versioned(&pass.context.record_api(), &secret)
        .await
        .map_err(|error| Outcome::of_cluster("create the record", &error))?;
    pass.record_at = Some(at);
    take(pass, created)
}

/// Replaces the Record by what the transition makes of it, if it is still the one that was read.
async fn swap(
    pass: &mut Pass<'_>,
    act: &str,
    transition: impl FnOnce(Ledger) -> Ledger,
) -> Result<(), Outcome> {
    let Some((record, Some(secret))) = pass.record.clone() else {
        return Err(impossible("record"));
    };
    let at = now();
    let written = write(pass, &record.with(transition, wall_clock()), secret).await;
    let written = written.map_err(|error| Outcome::of_cluster(act, &error))?;
    pass.record_at = Some(at);
    take(pass, written)
}

/// Replaces the content of a Record that was read.
pub(super) async fn write(
    pass: &Pass<'_>,
    record: &Record,
    read: Versioned<Secret>,
) -> Result<Versioned<Secret>, ClusterError> {
    let data = record::encode(record);
    let changed = read.map(|secret| Secret {
        data: Some(data),
        ..secret
    });
    replace(&pass.context.record_api(), changed).await
}

/// The Record in a Secret that was read.
pub(super) fn decode(secret: &Secret) -> Result<Record, Outcome> {
    let empty = BTreeMap::new();
    record::decode(secret.data.as_ref().unwrap_or(&empty)).map_err(|damaged| {
        let name = secret.name_any();
        Outcome::blocked(
            Block::CredentialsLost,
            format!("{damaged}: correct or delete the Secret {name} of the operator"),
        )
    })
}

/// Folds a Record that was just read or written into the facts.
pub(super) fn take(pass: &mut Pass<'_>, secret: Versioned<Secret>) -> Result<(), Outcome> {
    let record = decode(secret.object())?;
    if record.subject.uid != pass.uid {
        // A later object took it over.
        return Err(Outcome::outdated());
    }
    let ledger = &record.ledger;
    let unspent = pass.context.memory.with(&pass.uid, |remembered| {
        if ledger.is_fenced() {
            remembered.note_fence(ledger.fenced_through, now());
        }
        let current = Unspent {
            epoch: ledger.epoch,
            version: secret.version().to_owned(),
        };
        if remembered.unspent.as_ref() != Some(&current) {
            remembered.unspent = None;
        }
        remembered.unspent.is_some()
    });
    let same_account = pass
        .auth_id()
        .is_none_or(|known| record.auth_id() == Some(&known));
    pass.facts
        .take_record(record.ledger.fact(unspent, true), same_account);
    pass.record = Some((record, Some(secret)));
    Ok(())
}

fn forget_unspent(pass: &Pass<'_>) {
    pass.context
        .memory
        .with(&pass.uid, |remembered| remembered.unspent = None);
}

/// This process opened or took over the epoch just now: it may post it, once, if the object is then read again.
fn claim(pass: &mut Pass<'_>) {
    let Some((record, Some(secret))) = &pass.record else {
        return;
    };
    let unspent = Unspent {
        epoch: record.ledger.epoch,
        version: secret.version().to_owned(),
    };
    pass.facts.record = record.ledger.fact(true, true);
    pass.facts.confirmation = Confirmation::Unasked;
    pass.context
        .memory
        .with(&pass.uid, |remembered| remembered.unspent = Some(unspent));
}

/// Series and epoch in the marker of the account that was proved, if it is one of this cluster.
fn proven_marker(pass: &Pass<'_>) -> Option<(Series, u32)> {
    let (_, account) = pass.evidence.as_ref()?;
    let generation = pass.generation()?;
    marker_of(account.as_ref()?, generation)
        .filter(|marker| marker.installation == pass.context.installation)
        .map(|marker| (marker.series, marker.epoch))
}

#[expect(clippy::disallowed_methods, reason = "a series is random bits, never reused")]
fn new_series() -> Series {
    Series(rand::random())
}
