//! What follows a pass: when the next one is due, and who is asked to wake it. I/O (reads what is remembered; no request).

use super::known::KnownSecret;
use super::pass::Pass;
use super::plan::{Rest, Wait};
use super::tell::Outcome;
use super::tell::rows::{Next, SECRET_PROBE, secret_probe};
use super::traces::ListWaiter;
use std::time::Duration;
use vobiz_protocol::facts::Object;

/// A safety net for passes that something else wakes.
const WOKEN_AT_LAST: Duration = Duration::from_mins(5);

/// Passes in a row that found something else than they had read, before it is told.
const OUTDATED_BEFORE_TOLD: u32 = 2;

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
    pub(super) fn new(outcome: &Outcome, next: Option<Duration>) -> Self {
        let failed = outcome.failed_request
            || matches!(outcome.rest, Rest::Waiting(Wait::Cluster | Wait::WriteRefused));
        Self { next, failed }
    }
}

impl Pass<'_> {
    /// What keeps changing under a pass time and again is told: no pass ends without a word for long.
    pub(super) fn persistent(&self, outcome: Outcome) -> Outcome {
        let count = self.remembered(|remembered| {
            remembered.outdated_in_a_row = match outcome.rest {
                Rest::Outdated => remembered.outdated_in_a_row.saturating_add(1),
                _ => 0,
            };
            remembered.outdated_in_a_row
        });
        if count < OUTDATED_BEFORE_TOLD {
            outcome
        } else {
            outcome.persistent()
        }
    }

    /// A pass that needs a walk, or a list, asks the Account for one and is woken by its result.
    pub(super) fn await_list(&self, outcome: &Outcome, waiter: ListWaiter) {
        let Some(access) = self.access() else { return };
        // Whoever's deletion comes last, or fails, has the others proved.
        if self.known.life != Object::Live && access.parent.is_proof_wanted() {
            self.context.registry.wake(&access.account);
        }
        let Rest::Waiting(wait @ (Wait::CleanWalk | Wait::List | Wait::SharedProof)) = outcome.rest else {
            return;
        };
        self.context.traces.await_list(&access.parent.id, waiter);
        match wait {
            Wait::CleanWalk => {
                let marks = self.marks().unwrap_or_else(|| access.clone());
                marks.parent.request_walk(self.walk_not_before());
            }
            Wait::List => access.parent.request_list(self.missing_since()),
            // The Account is woken once, when the walk can prove them all.
            _ => return,
        }
        self.context.registry.wake(&access.account);
    }

    /// Whether the list that the pass waits for was read and judged while it told that it waits: it asked to be woken too late for that.
    fn has_list(&self, outcome: &Outcome) -> bool {
        let (Rest::Waiting(wait), Some(access)) = (outcome.rest, self.access()) else {
            return false;
        };
        match wait {
            Wait::List => access.parent.has_list_since(self.missing_since()),
            Wait::SharedProof => !self.waits_for_proof(),
            _ => false,
        }
    }

    /// When the next pass is due; none: when something changes.
    pub(super) fn next(&self, outcome: &Outcome) -> Option<Duration> {
        if self.status_failed {
            return Some(self.context.traces.pauses.failed(self.uid.clone()));
        }
        let checks_secret =
            self.known.life == Object::Live && !matches!(self.known.secret, KnownSecret::Foreign);
        let settled = if checks_secret {
            self.secret_due_in()
        } else {
            WOKEN_AT_LAST
        };
        let next = outcome.next(settled);
        let waits_for_secret = outcome.after.is_none() && next == Next::After(SECRET_PROBE);
        let waiting = self
            .context
            .traces
            .memory
            .note_waiting(&self.uid, waits_for_secret);
        match next {
            Next::After(pause) => {
                self.context.traces.pauses.succeeded(&self.uid);
                let interval = self.context.times.secret_check_interval;
                Some(if waits_for_secret {
                    secret_probe(waiting).min(interval)
                } else {
                    pause
                })
            }
            Next::Woken if self.has_list(outcome) => Some(Duration::ZERO),
            Next::Woken => Some(WOKEN_AT_LAST),
            Next::InTurn => None,
            Next::Backoff => {
                let pause = self.context.traces.pauses.failed(self.uid.clone());
                let holds = self.context.held_pairs.get(&self.uid).is_some();
                Some(if holds { pause.min(HELD_PAUSE) } else { pause })
            }
        }
    }
}
