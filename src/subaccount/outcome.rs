//! How a pass ended: the one value that status, events, metrics and the next pass are made from. PURE.

use super::plan::{Block, Rest, Wait};
use crate::account::access::CallError;
use crate::controller::cluster::ClusterError;
use crate::vobiz::Error;
use std::time::Duration;

/// Stalled objects are looked at again after this long, even if nobody changed anything.
pub const STALLED_PROBE: Duration = Duration::from_mins(15);

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
}

/// When the next pass is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// After this time.
    After(Duration),
    /// After a pause that grows with every failure.
    Backoff,
    /// When something wakes it; the time is a safety net.
    Woken,
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
        }
    }

    /// The end of a pass that has nothing to tell.
    #[must_use]
    pub fn outdated() -> Self {
        Self::new(Rest::Outdated, "")
    }

    /// A wait of known length.
    #[must_use]
    pub fn waiting(wait: Wait, after: Option<Duration>, message: impl Into<String>) -> Self {
        Self {
            after,
            ..Self::new(Rest::Waiting(wait), message)
        }
    }

    /// A person must look.
    #[must_use]
    pub fn blocked(block: Block, message: impl Into<String>) -> Self {
        Self::new(Rest::Blocked(block), message)
    }

    /// A request to Vobiz that was not answered as hoped.
    #[must_use]
    pub fn of_call(act: &str, error: &CallError) -> Self {
        match error {
            CallError::Held(after) => Self::waiting(Wait::Gate, Some(*after), ""),
            CallError::Failed(error) => Self::of_error(act, error),
        }
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
        }
    }

    /// A request to Kubernetes that failed. What changed under us brings its own event.
    #[must_use]
    pub fn of_cluster(act: &str, error: &ClusterError) -> Self {
        let outdated = error.is_conflict()
            || error.is_not_found()
            || error.is_already_exists()
            || error.is_failed_test()
            || error.is_namespace_terminating();
        let rest = if outdated {
            Rest::Outdated
        } else {
            Rest::Waiting(Wait::Cluster)
        };
        Self::new(rest, format!("failed to {act}: {error}"))
    }

    /// When the next pass is due. `settled` is the pause of an object at rest.
    #[must_use]
    pub fn next(&self, settled: Duration) -> Next {
        if let Some(after) = self.after {
            return Next::After(after);
        }
        match self.rest {
            Rest::Settled => Next::After(settled),
            Rest::Blocked(_) => Next::After(STALLED_PROBE),
            Rest::Waiting(Wait::Account) if self.failed_request => Next::Backoff,
            Rest::Waiting(Wait::Account | Wait::AccountPreparing | Wait::CleanWalk | Wait::Retention) => {
                Next::Woken
            }
            Rest::Outdated | Rest::Waiting(_) => Next::Backoff,
        }
    }
}
