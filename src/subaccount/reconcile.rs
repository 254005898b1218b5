//! Drives one pass: observe, plan, act, and again; then what it tells, and the time of the next pass. I/O.

use super::again::Ended;
use super::context::Context;
use super::explain::explain;
use super::pass::Pass;
use super::plan::{Step, plan};
use super::tell::Outcome;
use super::traces::ListWaiter;
use super::{act, report};
use crate::crd::Subaccount;
use std::sync::Arc;

/// Steps after which a pass gives way to others: more of them, and it goes in circles.
const STEPS_PER_PASS: usize = 40;

/// One pass over a Subaccount as the cache shows it.
pub async fn object(context: &Context, cached: Arc<Subaccount>) -> Ended {
    let mut pass = Pass::of_object(context, cached);
    let observed = pass.known.object.clone();
    let outcome = run(&mut pass).await;
    let outcome = pass.persistent(outcome);
    report::finish(&mut pass, observed.as_deref(), &outcome).await;
    // First: its own place is nobody's to wait for.
    pass.leave_queue(&outcome);
    pass.await_list(&outcome, ListWaiter::Object(pass.key.clone()));
    tracing::debug!(object = %pass.key, uid = pass.uid, rest = ?outcome.rest, "pass over a subaccount ended");
    // The series of an object that is gone went with it.
    if !pass.released {
        report::metrics(&pass);
    }
    let ended = Ended::new(&outcome, pass.next(&outcome));
    if !context.is_stored(&pass.key, &pass.uid) {
        // It went meanwhile: no pass comes any more that could clear it away.
        context.traces.forget_object(&pass.key, &pass.uid);
    }
    ended
}

/// Plans and acts until there is nothing to do, or something else must happen first.
pub(super) async fn run(pass: &mut Pass<'_>) -> Outcome {
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
