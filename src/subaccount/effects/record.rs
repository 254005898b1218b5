//! Steps on the Record: each write is a compare-and-swap. I/O.

use super::impossible;
use crate::account::marker::Series;
use crate::account::roster::marker_of;
use crate::controller::cluster::{ClusterError, REQUEST_DEADLINE, within};
use crate::controller::versioned::{Versioned, create_versioned, get_versioned, replace};
use crate::crd::{MANAGED_BY, MANAGED_BY_LABEL};
use crate::subaccount::facts::{self, Confirmation, Made, Object};
use crate::subaccount::memory::Unspent;
use crate::subaccount::outcome::Outcome;
use crate::subaccount::pass::{Pass, now, wall_clock};
use crate::subaccount::plan::{Block, Rest};
use crate::subaccount::record::{self, Phase, Record, Subject};
use crate::vobiz::AuthId;
use k8s_openapi::api::core::v1::{Namespace, Secret};
use kube::api::{Api, DeleteParams, Preconditions};
use std::collections::BTreeMap;
use std::time::Duration;

/// Pause between two attempts to find out what became of a bind, while the pair is in memory only.
const BIND_PAUSE: Duration = Duration::from_secs(1);

pub(super) async fn read(pass: &mut Pass<'_>) -> Result<(), Outcome> {
    let at = now();
    let read = get_versioned(&pass.context.record_api(), &record::secret_name(&pass.uid))
        .await
        .map_err(|error| Outcome::of_cluster("read the record", &error))?;
    if pass.facts.confirmation == Confirmation::Confirmed {
        pass.facts.looked_again = true;
    }
    pass.record_at = Some(at);
    match read {
        None => {
            pass.record = None;
            pass.facts.record = facts::Record::Absent;
            pass.context
                .memory
                .with(&pass.uid, |remembered| remembered.unspent = None);
            look_for_predecessor(pass).await
        }
        Some(secret) => take(pass, secret),
    }
}

/// The cache names an earlier object of this name that left an account: only its Record, read by quorum, stops a create.
async fn look_for_predecessor(pass: &mut Pass<'_>) -> Result<(), Outcome> {
    let hint = pass
        .context
        .records
        .predecessor(&pass.key.namespace, &pass.key.name, &pass.uid);
    let Some(hint) = hint.filter(|_| pass.facts.object == Object::Live) else {
        pass.facts.predecessor = false;
        return Ok(());
    };
    let read = get_versioned(
        &pass.context.record_api(),
        &record::secret_name(&hint.subject.uid),
    )
    .await
    .map_err(|error| Outcome::of_cluster("read the record of an earlier object of this name", &error))?;
    let record = read.and_then(|secret| record::decode(secret.object().data.as_ref()?).ok());
    pass.facts.predecessor = record.is_some_and(|record| matches!(record.phase, Phase::Bound | Phase::Kept));
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
        pass.context
            .memory
            .with(&pass.uid, |remembered| remembered.unspent = None);
    } else {
        claim(pass);
    }
    Ok(())
}

pub(super) async fn rebuild(pass: &mut Pass<'_>) -> Result<(), Outcome> {
    let marker = proven_marker(pass);
    let record = new_record(pass).await?.rebuilt(marker, wall_clock());
    create(pass, &record).await
}

pub(super) async fn take_over(pass: &mut Pass<'_>) -> Result<(), Outcome> {
    let at = wall_clock();
    swap(pass, "take over the record", |record| record.taken_over(at)).await?;
    claim(pass);
    Ok(())
}

pub(super) async fn restore_pair(pass: &mut Pass<'_>) -> Result<(), Outcome> {
    let Some((pair, _)) = pass.evidence.clone() else {
        return Err(impossible("evidence"));
    };
    let (marker, at) = (proven_marker(pass), wall_clock());
    swap(pass, "restore the record", |record| {
        record.restored(pair, marker, at)
    })
    .await
}

pub(super) async fn close(pass: &mut Pass<'_>) -> Result<(), Outcome> {
    let Some(decision) = pass.decision() else {
        return Err(impossible("decision"));
    };
    let known: Option<AuthId> = pass.known_id();
    let at = wall_clock();
    swap(pass, "close the record", |record| {
        record.closed(decision, known, at)
    })
    .await
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
        let written = swap(pass, "bind the record", |record| record.bound(attempt)).await;
        if written.is_ok() {
            pass.made = None;
            return Ok(());
        }
        match look_again(pass).await {
            None => {
                // Not ours any more, and not fenced either: the Record was lost. The account is reported, not deleted.
                tracing::error!(auth_id = %pair.auth_id, "the record was lost while its account was being created");
                pass.made = None;
                return Err(Outcome::outdated());
            }
            Some(found) if found.auth_id.as_ref() == Some(&pair.auth_id) => {
                pass.made = None;
                return Ok(());
            }
            Some(found) if found.series != claimed.series => {
                tracing::error!(auth_id = %pair.auth_id, "the record was replaced while its account was being created");
                pass.made = None;
                return Err(Outcome::outdated());
            }
            Some(found) if found.fenced_through >= claimed.epoch => {
                pass.facts.made = Made::Fenced;
                return Ok(());
            }
            // Still open with our epoch: the compare-and-swap is tried again with the version just read.
            Some(_) => tokio::time::sleep(BIND_PAUSE).await,
        }
    }
}

/// Reads the Record until it can be read: nothing may be concluded from a failure.
async fn look_again(pass: &mut Pass<'_>) -> Option<Record> {
    loop {
        match get_versioned(&pass.context.record_api(), &record::secret_name(&pass.uid)).await {
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
    let parameters = DeleteParams {
        preconditions: Some(Preconditions {
            uid: secret.object().metadata.uid.clone(),
            resource_version: Some(secret.version().to_owned()),
        }),
        ..DeleteParams::default()
    };
    if pass.facts.parent_abandoned && record.auth_id.is_some() && pass.facts.remote != facts::Remote::Gone {
        tracing::warn!(
            uid = pass.uid,
            parent = %record.parent,
            "a closed record goes after its retention: no account of its parent is left to prove its subaccount gone with"
        );
    }
    let name = record::secret_name(&pass.uid);
    let deleted = within(
        REQUEST_DEADLINE,
        pass.context.record_api().delete(&name, &parameters),
    )
    .await;
    match deleted {
        Ok(_) => {}
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
    let namespaces: Api<Namespace> = Api::all(pass.context.cluster.clone());
    let namespace = get_versioned(&namespaces, &pass.key.namespace)
        .await
        .map_err(|error| Outcome::of_cluster("read the namespace", &error))?;
    let namespace_uid = namespace.and_then(|namespace| namespace.into_object().metadata.uid);
    let subject = Subject {
        namespace: pass.key.namespace.clone(),
        namespace_uid: namespace_uid.ok_or_else(Outcome::outdated)?,
        name: pass.key.name.clone(),
        uid: pass.uid.clone(),
    };
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
    secret.metadata.name = Some(record::secret_name(&pass.uid));
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

/// Replaces the Record by what `change` makes of it, if it is still the one that was read.
async fn swap(pass: &mut Pass<'_>, act: &str, change: impl FnOnce(Record) -> Record) -> Result<(), Outcome> {
    let Some((record, Some(secret))) = pass.record.clone() else {
        return Err(impossible("record"));
    };
    let changed = change(record);
    let data = record::encode(&changed);
    let secret = secret.map(|secret| Secret {
        data: Some(data),
        ..secret
    });
    let at = now();
    let written: Result<Versioned<Secret>, ClusterError> = replace(&pass.context.record_api(), secret).await;
    let written = written.map_err(|error| Outcome::of_cluster(act, &error))?;
    pass.record_at = Some(at);
    take(pass, written)
}

/// Folds a Record that was just read or written into the facts.
fn take(pass: &mut Pass<'_>, secret: Versioned<Secret>) -> Result<(), Outcome> {
    let empty = BTreeMap::new();
    let record = record::decode(secret.object().data.as_ref().unwrap_or(&empty)).map_err(|damaged| {
        let name = record::secret_name(&pass.uid);
        Outcome::blocked(
            Block::CredentialsLost,
            format!("{damaged}: correct or delete the Secret {name} of the operator"),
        )
    })?;
    let unspent = pass.context.memory.with(&pass.uid, |remembered| {
        if record.is_fenced() {
            remembered.note_fence(record.fenced_through, now());
        }
        let current = Unspent {
            epoch: record.epoch,
            version: secret.version().to_owned(),
        };
        if remembered.unspent.as_ref() != Some(&current) {
            remembered.unspent = None;
        }
        remembered.unspent.is_some()
    });
    let phase = match record.phase {
        Phase::Open => facts::Phase::Open { unspent },
        Phase::Bound => facts::Phase::Bound,
        Phase::Closed => facts::Phase::Closed {
            account: record.auth_id.is_some(),
        },
        Phase::Kept => facts::Phase::Kept {
            disable: record.disable,
        },
    };
    pass.facts.record = facts::Record::Present {
        phase,
        fenced: record.is_fenced(),
        quorum: true,
    };
    pass.record = Some((record, Some(secret)));
    Ok(())
}

/// This process opened or took over the epoch just now: it may post it, once.
fn claim(pass: &mut Pass<'_>) {
    let Some((record, Some(secret))) = &pass.record else {
        return;
    };
    let unspent = Unspent {
        epoch: record.epoch,
        version: secret.version().to_owned(),
    };
    let fenced = record.is_fenced();
    pass.context
        .memory
        .with(&pass.uid, |remembered| remembered.unspent = Some(unspent));
    pass.facts.record = facts::Record::Present {
        phase: facts::Phase::Open { unspent: true },
        fenced,
        quorum: true,
    };
}

/// The marker of the account that the user's Secret proved, if it is one of this cluster.
fn proven_marker(pass: &Pass<'_>) -> Option<crate::account::marker::Marker> {
    let (_, account) = pass.evidence.as_ref()?;
    let generation = pass.generation()?;
    marker_of(account.as_ref()?, generation).filter(|marker| marker.installation == pass.context.installation)
}

#[expect(clippy::disallowed_methods, reason = "a series is random bits, never reused")]
fn new_series() -> Series {
    Series(rand::random())
}
