//! Drives one pass: observe, plan, act, and again; then what it tells, and the time of the next pass. I/O.

use super::context::{Context, ListWaiter};
use super::explain::explain;
use super::facts::Object;
use super::known::KnownSecret;
use super::outcome::{Next, Outcome, SECRET_PROBE, secret_probe};
use super::pass::Pass;
use super::plan::{Rest, Step, Wait, plan};
use super::store::record::Phase;
use super::{act, news, orphan, report};
use crate::clock::now;
use crate::controller::wake::Guarded;
use crate::crd::Subaccount;
use futures::future::join_all;
use kube::ResourceExt;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

/// Steps after which a pass gives way to others: more of them, and it goes in circles.
const STEPS_PER_PASS: usize = 40;

/// A safety net for passes that something else wakes.
const WOKEN_AT_LAST: Duration = Duration::from_mins(5);

/// Passes in a row that found something else than they had read, before it is told.
const OUTDATED_BEFORE_TOLD: u32 = 2;

/// How long a process that is to end goes on trying to store such pairs, and how often.
const LAST_ATTEMPTS: Duration = Duration::from_secs(10);
const LAST_PAUSE: Duration = Duration::from_secs(1);

/// The longest pause between two attempts to store a pair that is in memory only.
const HELD_PAUSE: Duration = Duration::from_secs(10);

/// What a pass comes to for its controller.
#[derive(Clone, Copy, Debug)]
pub struct Ended {
    /// When to look again; none: when something changes.
    pub next: Option<Duration>,
    /// A request that it made failed.
    pub failed: bool,
}

impl Ended {
    fn new(outcome: &Outcome, next: Option<Duration>) -> Self {
        let failed = outcome.failed_request
            || matches!(outcome.rest, Rest::Waiting(Wait::Cluster | Wait::WriteRefused));
        Self { next, failed }
    }
}

/// One pass over a Subaccount as the cache shows it.
pub async fn object(context: &Context, cached: Arc<Subaccount>) -> Ended {
    let mut pass = Pass::of_object(context, cached);
    let observed = pass.known.object.clone();
    let outcome = run(&mut pass).await;
    let outcome = persistent(&pass, outcome);
    report::finish(&mut pass, observed.as_deref(), &outcome).await;
    await_list(&pass, &outcome, ListWaiter::Object(pass.key.clone()));
    tracing::debug!(object = %pass.key, uid = pass.uid, rest = ?outcome.rest, "pass over a subaccount ended");
    // The series of an object that is gone went with it.
    if !pass.released {
        report::metrics(&pass);
    }
    pass.leave_queue(&outcome);
    let ended = Ended::new(&outcome, next(&pass, &outcome));
    if !context.is_stored(&pass.key, &pass.uid) {
        // It went meanwhile: no pass comes any more that could clear it away.
        context.traces().forget_object(&pass.key, &pass.uid);
    }
    ended
}

/// The janitor's pass over a Record, whether its object lives or not. None: there was nothing to do.
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
    await_list(&pass, &outcome, ListWaiter::Record(pass.record_name.clone()));
    pass.leave_queue(&outcome);
    let next = if orphan.again {
        Some(context.backoff_next(&pass.uid))
    } else if outcome.rest == Rest::Settled {
        context.succeeded(&pass.uid);
        None
    } else {
        next(&pass, &outcome)
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

/// What keeps changing under a pass time and again is told: no pass ends without a word for long.
fn persistent(pass: &Pass<'_>, outcome: Outcome) -> Outcome {
    let count = pass.context.memory.with(&pass.uid, |remembered| {
        remembered.outdated_in_a_row = match outcome.rest {
            Rest::Outdated => remembered.outdated_in_a_row.saturating_add(1),
            _ => 0,
        };
        remembered.outdated_in_a_row
    });
    if count < OUTDATED_BEFORE_TOLD {
        return outcome;
    }
    let message = match outcome.message.as_str() {
        "" => "what the operator reads changes before it can act: is another one at work on this object?",
        message => message,
    };
    Outcome {
        refusal: outcome.refusal,
        ..Outcome::waiting(Wait::Cluster, outcome.after, message)
    }
}

async fn run(pass: &mut Pass<'_>) -> Outcome {
    for _ in 0..STEPS_PER_PASS {
        pass.look_around();
        let step = plan(&pass.facts());
        tracing::trace!(object = %pass.key, uid = pass.uid, ?step, "next step");
        if let Step::Rest(rest) = step {
            return explain(pass, rest);
        }
        if let Err(outcome) = act::run(step, pass).await {
            return outcome;
        }
    }
    tracing::error!(object = %pass.key, uid = pass.uid, "a pass goes in circles");
    Outcome::outdated()
}

/// A pass that needs a walk, or a list, asks the Account for one and is woken by its result.
fn await_list(pass: &Pass<'_>, outcome: &Outcome, waiter: ListWaiter) {
    let (Rest::Waiting(wait @ (Wait::CleanWalk | Wait::List)), Some(access)) = (outcome.rest, pass.access())
    else {
        return;
    };
    pass.context.await_list(&access.parent.id, waiter);
    match wait {
        Wait::CleanWalk => {
            let marks = pass.marks().unwrap_or_else(|| access.clone());
            marks.parent.request_walk(pass.walk_not_before());
        }
        _ => access.parent.request_list(pass.missing_since()),
    }
    pass.context.registry.wake(&access.account);
}

fn next(pass: &Pass<'_>, outcome: &Outcome) -> Option<Duration> {
    if pass.status_failed {
        return Some(pass.context.backoff_next(&pass.uid));
    }
    let checks_secret = pass.known.life == Object::Live && !matches!(pass.known.secret, KnownSecret::Foreign);
    let settled = if checks_secret {
        pass.secret_due_in()
    } else {
        WOKEN_AT_LAST
    };
    let next = outcome.next(settled);
    let waits_for_secret = outcome.after.is_none() && next == Next::After(SECRET_PROBE);
    let waiting = pass.context.memory.note_waiting(&pass.uid, waits_for_secret);
    match next {
        Next::After(pause) => {
            pass.context.succeeded(&pass.uid);
            let interval = pass.context.times.secret_check_interval;
            Some(if waits_for_secret {
                secret_probe(waiting).min(interval)
            } else {
                pause
            })
        }
        Next::Woken => Some(WOKEN_AT_LAST),
        Next::InTurn => None,
        Next::Backoff => {
            let pause = pass.context.backoff_next(&pass.uid);
            let holds = pass.context.held_pairs.get(&pass.uid).is_some();
            Some(if holds { pause.min(HELD_PAUSE) } else { pause })
        }
    }
}

impl Context {
    fn succeeded(&self, uid: &str) {
        self.backoff
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .succeeded(&uid.to_owned());
    }

    #[expect(clippy::disallowed_methods, reason = "the pause is spread by random bits")]
    fn backoff_next(&self, uid: &str) -> Duration {
        let mut backoff = self.backoff.lock().unwrap_or_else(PoisonError::into_inner);
        backoff.failed(uid.to_owned(), now().duration_since(self.started), rand::random())
    }
}
