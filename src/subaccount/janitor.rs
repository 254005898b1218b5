//! The janitor: passes over Records, whether their objects live or not. It tells once of an account whose object went without its
//! finalizer, after a look at what became of it. I/O.

use super::again::Ended;
use super::context::Context;
use super::pass::{Listed, Pass};
use super::plan::Rest;
use super::reconcile::run;
use super::report;
use super::store::record::Phase;
use super::tell::Outcome;
use super::tell::news::{self, Fate, of_orphan};
use super::traces::ListWaiter;
use crate::account::key::AccountKey;
use crate::controller::cluster::ClusterError;
use crate::controller::refusal::Refusal;
use crate::controller::versioned::{Versioned, get_versioned, replace};
use crate::controller::wake::Guarded;
use crate::crd::{ORPHAN_TOLD_ANNOTATION, Subaccount};
use crate::vobiz::AuthId;
use futures::future::join_all;
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt;
use std::sync::Arc;
use std::time::Duration;
use vobiz_protocol::facts::{Confirmation, Remote};

/// How long a process that is to end goes on trying to store such pairs, and how often.
const LAST_ATTEMPTS: Duration = Duration::from_secs(10);
const LAST_PAUSE: Duration = Duration::from_secs(1);

/// One pass over a Record, whether its object lives or not. None: there was nothing to do.
pub async fn record(context: &Context, secret: &str) -> Option<Ended> {
    let stored = context.records.in_secret(secret)?;
    let record = &stored.record;
    let held = context.held_pairs.get(&record.subject.uid).is_some();
    let cached = context.cached(&record.subject.namespace, &record.subject.name);
    let is_its = |object: &Arc<Guarded<Subaccount>>| object.uid().as_deref() == Some(&record.subject.uid);
    // Of one that cannot be read no pass comes that could store its pair.
    let lives = cached.is_some_and(|object| is_its(&object) && (object.0.is_ok() || !held));
    let ended = matches!(record.ledger.phase, Phase::Closed | Phase::Kept);
    // A living object looks after its Record itself, but for the epochs that a takeover fenced.
    if lives && (held || ended || !record.ledger.is_fenced()) {
        context.refusals.clear(context.source_of_record(secret));
        return None;
    }
    let mut pass = Pass::of_record(context, secret.to_owned(), record);
    let outcome = run(&mut pass).await;
    let orphan = tell_orphan(&pass, &outcome).await;
    report::note_refusals(&pass, &outcome, orphan.refusal);
    report::publish(&pass, news::of_deeds(&pass.deeds)).await;
    tell_overtaken(&pass).await;
    pass.leave_queue(&outcome);
    pass.await_list(&outcome, ListWaiter::Record(pass.record_name.clone()));
    let next = if orphan.again {
        Some(context.traces.pauses.failed(pass.uid.clone()))
    } else if outcome.rest == Rest::Settled {
        context.traces.pauses.succeeded(&pass.uid);
        None
    } else {
        pass.next(&outcome)
    };
    if context.records.in_secret(secret).is_none() {
        context.traces.forget_record(secret, Some(&pass.uid));
    }
    Some(Ended::new(&outcome, next))
}

/// The last attempts to store pairs that are in memory only, before the process ends. One that cannot be stored is lost, and nothing
/// else: its attempt is fenced by the next process, and its account deleted.
pub async fn store_held_pairs(context: &Context) {
    let attempts = async {
        while !context.held_pairs.all().is_empty() {
            let held = context.held_pairs.all().into_iter();
            join_all(held.map(|(_, held)| async move {
                let mut pass = Pass::of_record(context, held.record_name, &held.read.record);
                run(&mut pass).await
            }))
            .await;
            tokio::time::sleep(LAST_PAUSE).await;
        }
    };
    if tokio::time::timeout(LAST_ATTEMPTS, attempts).await.is_err() {
        for (uid, held) in context.held_pairs.all() {
            tracing::error!(uid, auth_id = %held.pair.auth_id, "a pair could not be stored, and is lost");
        }
    }
}

/// The last word of an object that went past our finalizer, once its account is as its policy says.
async fn tell_overtaken(pass: &Pass<'_>) {
    let (Some(gone), Some(record)) = (&pass.known.overtaken, pass.known.record()) else {
        return;
    };
    let is_done = match record.ledger.phase {
        Phase::Closed => record.auth_id().is_some() && pass.known.remote == Remote::Gone,
        Phase::Kept => !record.ledger.disable || pass.known.remote == Remote::Matches,
        Phase::Open | Phase::Bound => false,
    };
    if is_done {
        report::publish(pass, vec![news::farewell(Some(record), None, false)]).await;
        pass.context.traces.overtaken.forget(&pass.uid);
        if let Some(account) = AccountKey::of_user(gone) {
            pass.context.registry.wake(&account);
        }
    }
}

/// What came of telling of an orphan.
#[derive(Debug, Default)]
struct Told {
    /// Something could not be done yet: it is to be tried again.
    again: bool,
    /// That the Record says so is refused.
    refusal: Option<Refusal>,
}

/// A bound account whose object is gone: a restore brings objects back with new uids, so it is reported and kept. Only who
/// watches its namespace tells: others see its Record too.
async fn tell_orphan(pass: &Pass<'_>, outcome: &Outcome) -> Told {
    let is_bound = pass.known.is_bound();
    let is_gone = pass.known.confirmation == Confirmation::Refuted;
    let is_ours = pass.context.subaccounts.cover(&pass.key.namespace);
    let (true, Some(id)) = (
        is_bound && is_gone && is_ours && outcome.rest == Rest::Settled,
        pass.auth_id(),
    ) else {
        return Told::default();
    };
    let secret = match record_secret(pass).await {
        Ok(Some(secret)) => secret,
        Ok(None) => return Told::default(),
        Err(error) => return failed(pass, &error),
    };
    if secret.object().annotations().get(ORPHAN_TOLD_ANNOTATION) == Some(&pass.uid) {
        return Told::default();
    }
    if !pass.remembered(|remembered| remembered.orphan_reported) {
        let Some(fate) = fate(pass, &id).await else {
            return Told {
                again: true,
                refusal: None,
            };
        };
        tracing::warn!(object = %pass.key, uid = pass.uid, auth_id = %id, "an object is gone without its finalizer");
        report::publish(pass, vec![of_orphan(&id, fate, &pass.record_name)]).await;
        pass.remembered(|remembered| {
            remembered.orphan_reported = true;
            remembered.forget_missing();
        });
    }
    // Another process, or this one after its next start, need not say it again.
    let marked = secret.map(|mut secret| {
        secret
            .annotations_mut()
            .insert(ORPHAN_TOLD_ANNOTATION.to_owned(), pass.uid.clone());
        secret
    });
    match replace(&pass.context.record_api(), marked).await {
        Ok(_) => Told::default(),
        Err(error) => failed(pass, &error),
    }
}

/// The Record's Secret as this pass read it.
async fn record_secret(pass: &Pass<'_>) -> Result<Option<Versioned<Secret>>, ClusterError> {
    match pass.known.read_record() {
        Some(read) => Ok(Some(read.secret.clone())),
        None => get_versioned(&pass.context.record_api(), &pass.record_name).await,
    }
}

fn failed(pass: &Pass<'_>, error: &ClusterError) -> Told {
    tracing::warn!(record = pass.record_name, %error, "failed to note on the record that its orphan was told");
    Told {
        again: true,
        refusal: error.refusal(),
    }
}

/// None: Vobiz cannot be asked now, or its list, without which a 404 proves nothing, is still to be read.
async fn fate(pass: &Pass<'_>, id: &AuthId) -> Option<Fate> {
    if pass.known.remote == Remote::Gone {
        // A list has confirmed the 404 of an earlier pass: another one would want another list.
        return Some(Fate::Gone);
    }
    let Some(access) = pass.access() else {
        let parent = pass.parent()?;
        return pass.context.is_abandoned(&parent).then_some(Fate::Unseen);
    };
    if access.get(pass.generation()?, id).await.ok()?.is_some() {
        return Some(Fate::Kept);
    }
    match pass.note_missing(&access, id) {
        Listed::Absent => Some(Fate::Gone),
        Listed::Shown(_) => Some(Fate::Kept),
        Listed::Unread => {
            access.parent.request_list(pass.missing_since());
            pass.context.registry.wake(&access.account);
            None
        }
    }
}
