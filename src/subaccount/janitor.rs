//! The janitor: passes over Records, whether their objects live or not. I/O.

use super::again::Ended;
use super::context::Context;
use super::pass::Pass;
use super::plan::Rest;
use super::reconcile::run;
use super::store::record::Phase;
use super::tell::news;
use super::traces::ListWaiter;
use super::{orphan, report};
use crate::controller::wake::Guarded;
use crate::crd::Subaccount;
use futures::future::join_all;
use kube::ResourceExt;
use std::sync::Arc;
use std::time::Duration;

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
    let orphan = orphan::tell(&pass, &outcome).await;
    report::note_refusals(&pass, &outcome, orphan.refusal);
    report::publish(&pass, news::of_deeds(&pass.deeds)).await;
    pass.await_list(&outcome, ListWaiter::Record(pass.record_name.clone()));
    pass.leave_queue(&outcome);
    let next = if orphan.again {
        Some(context.backoff_next(&pass.uid))
    } else if outcome.rest == Rest::Settled {
        context.succeeded(&pass.uid);
        None
    } else {
        pass.next(&outcome)
    };
    if context.records.in_secret(secret).is_none() {
        context.traces().forget_record(secret, Some(&pass.uid));
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
