//! How a pass ended: the one value that status, events, metrics and the next pass are made from. PURE.

use super::findings::Findings;
use super::rows::{Next, row};
use crate::account::access::CallError;
use crate::controller::cluster::ClusterError;
use crate::controller::refusal::Refusal;
use crate::subaccount::plan::{Block, Rest, Wait};
use crate::vobiz::{AuthId, Error};
use jiff::Timestamp;
use std::time::Duration;

/// What a 403 for an account means that the parent's list does not show.
const ELSEWHERE: &str = "Vobiz answers 403 for this subaccount alone, and the list of its parent account does not show it: it belongs to \
                         another main account. Ask Vobiz to give it back, or let this object go without it: delete it with the annotation \
                         vobiz.ai/force-delete: \"true\"";

/// What Vobiz dates later than this is tried all the same: a clock that is wrong, here or there, must not put it off for ever.
const LONGEST_COOL_OFF: Duration = Duration::from_hours(1);

/// How a pass ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Why.
    pub rest: Rest,
    /// What to tell people: stable text without times of ours, counters, values or secrets.
    pub message: String,
    /// When to look again; none: as `rest` says.
    pub after: Option<Duration>,
    /// A request made for this very object failed.
    pub failed_request: bool,
    /// The write that Kubernetes refused.
    pub refusal: Option<Box<Refusal>>,
}

impl Outcome {
    /// An outcome without a failed request.
    #[must_use]
    pub fn new(rest: Rest, message: impl Into<String>) -> Self {
        Self {
            rest,
            message: message.into(),
            after: None,
            failed_request: false,
            refusal: None,
        }
    }

    /// The end of a pass that `plan` decided on.
    #[must_use]
    pub fn of_rest(rest: Rest, found: &Findings<'_>) -> Self {
        let mut refused = found.refused.iter();
        let refusal = refused.find_map(|(refusal, _)| refusal.clone());
        Self {
            after: found.due_in,
            refusal: refusal.filter(|_| matches!(rest, Rest::Waiting(_))).map(Box::new),
            ..Self::new(rest, (row(rest).message)(found))
        }
    }

    /// The end of a pass that has nothing to tell.
    #[must_use]
    pub fn outdated() -> Self {
        Self::new(Rest::Outdated, "")
    }

    /// A request to Vobiz that was not answered as hoped.
    #[must_use]
    pub fn of_call(act: &str, error: &CallError) -> Self {
        match error {
            CallError::Held => Self::new(Rest::Waiting(Wait::Gate), ""),
            CallError::Elsewhere => Self {
                failed_request: true,
                ..Self::new(
                    Rest::Blocked(Block::Forbidden),
                    format!("failed to {act}: {ELSEWHERE}"),
                )
            },
            CallError::Failed(error) => Self::of_error(act, error),
        }
    }

    /// A request for the account that this object is about. A cool-off that Vobiz dates is told with its date; nobody can edit an object
    /// that is going, so that it is tried again.
    #[must_use]
    pub fn of_own_call(act: &str, error: &CallError, is_deleting: bool, wall: Timestamp) -> Self {
        let mut outcome = Self::of_call(act, error);
        if let CallError::Failed(Error::Conflict {
            until: Some(until), ..
        }) = error
        {
            outcome.message = format!("{}; tried again after {until}", outcome.message);
            outcome.after = cool_off_left(*until, wall);
        }
        if is_deleting && matches!(outcome.rest, Rest::Blocked(_)) {
            outcome.rest = Rest::Waiting(Wait::Unavailable);
        }
        outcome
    }

    /// A request to Vobiz that failed.
    #[must_use]
    pub fn of_error(act: &str, error: &Error) -> Self {
        let message = format!("failed to {act}: {error}");
        let (rest, after) = match error {
            Error::RateLimited { retry_after } => (Rest::Waiting(Wait::RateLimited), Some(*retry_after)),
            Error::Conflict { .. } => (Rest::Waiting(Wait::CoolOff), None),
            Error::Invalid { .. } | Error::Unsupported { .. } => (Rest::Blocked(Block::InvalidSpec), None),
            // Whose trouble it is, the Account's own pass finds out.
            Error::Forbidden { .. } => (Rest::Blocked(Block::Forbidden), None),
            Error::Unauthorized | Error::InsufficientBalance => (Rest::Waiting(Wait::Account), None),
            Error::NotFound
            | Error::Server { .. }
            | Error::Unreachable(_)
            | Error::Interrupted(_)
            | Error::Unusable(_)
            | Error::Redirected { .. }
            | Error::Unexpected { .. } => (Rest::Waiting(Wait::Unavailable), None),
        };
        Self {
            rest,
            message,
            after,
            failed_request: true,
            refusal: None,
        }
    }

    /// A request to Kubernetes that failed. What changed under us brings its own event; what is refused stays so until somebody
    /// allows it.
    #[must_use]
    pub fn of_cluster(act: &str, error: &ClusterError) -> Self {
        let outdated = error.is_conflict()
            || error.is_not_found()
            || error.is_already_exists()
            || error.is_failed_test()
            || error.is_namespace_terminating();
        if outdated {
            Self::new(Rest::Outdated, format!("failed to {act}: {error}"))
        } else {
            let refusal = error.refusal();
            let wait = match &refusal {
                Some(refusal) if refusal.request.verb.is_write() => Wait::WriteRefused,
                _ => Wait::Cluster,
            };
            Self {
                refusal: refusal.map(Box::new),
                ..Self::new(Rest::Waiting(wait), failure(act, error))
            }
        }
    }

    /// The same, where what failed was to store the pair of an account: it exists nowhere else.
    #[must_use]
    pub fn holding(self, pair: &AuthId) -> Self {
        let rest = match self.rest {
            Rest::Waiting(Wait::WriteRefused) => self.rest,
            _ => Rest::Waiting(Wait::Cluster),
        };
        let message = format!(
            "{}; the pair of {pair} is in the operator's memory only: do not stop the operator before it is stored",
            self.message
        );
        Self {
            rest,
            message,
            ..self
        }
    }

    /// The same, where pass after pass was outdated: none ends without a word for long.
    #[must_use]
    pub fn persistent(self) -> Self {
        let rest = Rest::Waiting(Wait::Cluster);
        let message = match self.message.as_str() {
            "" => "what the operator reads changes before it can act: is another one at work on this object?"
                .to_owned(),
            _ => self.message,
        };
        Self {
            rest,
            message,
            ..self
        }
    }

    /// When the next pass is due. `settled` is the pause of an object at rest.
    #[must_use]
    pub fn next(&self, settled: Duration) -> Next {
        match (self.after, row(self.rest).next) {
            (Some(after), _) => Next::After(after),
            // What it waits for was asked for just now, and failed: nothing need wake it.
            (None, Some(Next::Woken)) if self.failed_request => Next::Backoff,
            (None, next) => next.unwrap_or(Next::After(settled)),
        }
    }
}

/// The pause until the end of a cool-off, at most an hour; none if it is over.
#[must_use]
pub fn cool_off_left(until: Timestamp, wall: Timestamp) -> Option<Duration> {
    let left = Duration::try_from(until.duration_since(wall)).ok()?;
    (!left.is_zero()).then(|| left.min(LONGEST_COOL_OFF))
}

/// What people are told of a Secret of theirs that Kubernetes refuses to store.
#[must_use]
pub fn unpublished(name: &str, error: &ClusterError) -> String {
    let failed = failure(&format!("store the Secret {name}"), error);
    format!("{failed}; the pair is safe in the record")
}

/// What people are told about a request to Kubernetes that failed; one that is refused names who refuses it, and what to do.
#[must_use]
pub fn failure(act: &str, error: &ClusterError) -> String {
    match error.refusal() {
        Some(refusal) => format!("failed to {act}: {refusal}"),
        None => format!("failed to {act}: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::subaccount::tell::rows::STALLED_PROBE;

    const REST: Duration = Duration::from_mins(15);

    #[test]
    fn each_refusal_of_vobiz_ends_the_pass_in_the_way_that_a_person_can_act_on() {
        let later = Duration::from_secs(7);
        let table = [
            (
                Error::RateLimited { retry_after: later },
                Rest::Waiting(Wait::RateLimited),
                Next::After(later),
            ),
            (
                Error::Conflict {
                    code: None,
                    until: None,
                },
                Rest::Waiting(Wait::CoolOff),
                Next::Backoff,
            ),
            (
                Error::Forbidden { code: None },
                Rest::Blocked(Block::Forbidden),
                Next::After(STALLED_PROBE),
            ),
            (
                Error::Server { status: 503 },
                Rest::Waiting(Wait::Unavailable),
                Next::Backoff,
            ),
            (Error::NotFound, Rest::Waiting(Wait::Unavailable), Next::Backoff),
            (Error::Unauthorized, Rest::Waiting(Wait::Account), Next::Backoff),
            (
                Error::InsufficientBalance,
                Rest::Waiting(Wait::Account),
                Next::Backoff,
            ),
        ];
        for (error, rest, next) in table {
            let outcome = Outcome::of_error("create the subaccount", &error);
            assert_eq!((outcome.rest, outcome.next(REST)), (rest, next), "{error}");
            assert!(
                outcome.failed_request && outcome.message.starts_with("failed to create the subaccount: ")
            );
        }
    }

    #[test]
    fn a_call_that_the_gate_holds_back_is_no_failure_and_comes_when_the_gate_opens() {
        let outcome = Outcome::of_call("read", &CallError::Held);
        assert_eq!(outcome, Outcome::new(Rest::Waiting(Wait::Gate), ""));
        assert_eq!(outcome.next(REST), Next::InTurn);
        assert!(!outcome.failed_request);
    }

    #[test]
    fn an_account_of_another_main_account_is_nobodys_trouble_but_its_objects_and_the_way_out_is_told() {
        let outcome = Outcome::of_call("read the subaccount", &CallError::Elsewhere);
        assert_eq!(outcome.rest, Rest::Blocked(Block::Forbidden));
        assert!(outcome.failed_request && outcome.message.contains(crate::crd::FORCE_DELETE_ANNOTATION));
    }

    #[test]
    fn a_pass_comes_again_when_there_is_a_reason_to() {
        let table = [
            (Rest::Settled, Next::After(REST)),
            (Rest::Outdated, Next::Backoff),
            (Rest::Blocked(Block::InvalidSpec), Next::After(STALLED_PROBE)),
            (Rest::Waiting(Wait::Account), Next::Woken),
            (Rest::Waiting(Wait::CleanWalk), Next::Woken),
            (Rest::Waiting(Wait::List), Next::Woken),
            (Rest::Waiting(Wait::SharedProof), Next::Woken),
            (Rest::Waiting(Wait::Rival), Next::Backoff),
            (Rest::Waiting(Wait::StillThere), Next::Backoff),
            (Rest::Waiting(Wait::OutcomeUnknown), Next::Backoff),
        ];
        for (rest, next) in table {
            assert_eq!(Outcome::new(rest, "").next(REST), next, "{rest:?}");
        }
    }

    #[test]
    fn a_cool_off_is_waited_for_and_a_wrong_clock_puts_nothing_off_for_more_than_an_hour() {
        let (now, minute) = (Timestamp::UNIX_EPOCH, Duration::from_mins(1));
        assert_eq!(cool_off_left(now + minute, now), Some(minute));
        assert_eq!(
            cool_off_left(now + minute, now + LONGEST_COOL_OFF),
            None,
            "an hour fast"
        );
        let slow = now - LONGEST_COOL_OFF;
        assert_eq!(cool_off_left(now + minute, slow), Some(LONGEST_COOL_OFF));
        assert_eq!(
            cool_off_left(Timestamp::MAX, Timestamp::MIN),
            Some(LONGEST_COOL_OFF)
        );
        assert_eq!(cool_off_left(Timestamp::MIN, Timestamp::MAX), None);
        assert_eq!(cool_off_left(now, now), None);
    }
}
