//! PURE. The ways in which one write is broken.

use http::StatusCode;

use crate::denier::Denier;
use crate::write::{Server, Write};

/// When an injected status comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Moment {
    /// The server never hears of the request.
    BeforeCommit,
    /// The server has carried it out.
    AfterCommit,
}

/// What is done at a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mode {
    /// SIGKILL; the server never hears of the request.
    KillBefore,
    /// SIGKILL when the server has answered; the answer is lost.
    KillAfterCommit,
    /// SIGKILL when the operator has the answer, before it can ask for anything more about this object.
    KillAfterAnswer,
    /// The connection closes; the server never hears of the request.
    Drop,
    /// The server has carried it out; the connection is reset in the middle of the answer.
    Reset,
    /// Silence until after the operator's time-out, then the server carries it out.
    Late,
    /// Another answer instead of the server's.
    Status(u16, Moment),
    /// The server has carried it out; the answer is whole for HTTP, and its JSON ends in the middle.
    Truncated,
    /// Every watch that is open falls silent until the operator gives it up.
    WatchHeld,
    /// Every watch that is open ends with 410 Gone.
    WatchGone,
    /// Every watch that is open is seconds late from here on.
    WatchDelayed,
    /// SIGSTOP when the server has answered; another process takes over; then SIGCONT: two leaders.
    Stop,
    /// The same of an elected leader, until another one has taken the Lease and has led for a while.
    StopBeyondLease,
    /// The same, when the server has answered the look at the object that follows: what the process believes of it is old
    /// when it goes on.
    StopAtLook,
    /// The API server refuses it, and every repetition of it, until it is allowed again.
    Refused(Denier),
}

/// What a mode needs, and so which plans can share a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// One request is broken, nobody else notices.
    Request,
    /// The process is killed: everybody in its run is hit.
    Kill,
    /// All watches of the process are hit.
    Watch,
    /// Two processes that both work; the one that wrote is stopped for a while.
    Stop,
    /// One write of one plan is refused for long, nobody else may notice.
    Refused,
    /// What is refused is the only place for a pair that was just made: the process makes no other meanwhile.
    RefusedBind,
    /// Two processes of which one leads by the Lease; it is stopped for longer than that lasts.
    Lease,
}

const STATUSES: [u16; 6] = [409, 429, 500, 502, 503, 504];

impl Mode {
    /// Every mode, in a fixed order.
    #[must_use]
    pub fn all() -> Vec<Self> {
        let mut modes = vec![
            Self::KillBefore,
            Self::KillAfterCommit,
            Self::KillAfterAnswer,
            Self::Drop,
            Self::Reset,
            Self::Late,
        ];
        for moment in [Moment::BeforeCommit, Moment::AfterCommit] {
            modes.extend(STATUSES.map(|status| Self::Status(status, moment)));
        }
        modes.extend([
            Self::Truncated,
            Self::WatchHeld,
            Self::WatchGone,
            Self::WatchDelayed,
            Self::Stop,
            Self::StopBeyondLease,
            Self::StopAtLook,
        ]);
        modes.extend(Denier::ALL.map(Self::Refused));
        modes
    }

    /// Whether it means something at this write: only between a new Record and its POST is the object looked at, and the
    /// API server refuses only what it is asked. A namespace that is ending takes no new objects, and nothing else is refused for it;
    /// that it takes no more events is no trouble.
    #[must_use]
    pub fn fits(self, write: &Write) -> bool {
        match self {
            Self::StopAtLook => write.opens_a_record(),
            Self::StopBeyondLease => write.is_a_leaders(),
            Self::Refused(Denier::Terminating) => write.is_new_object(),
            Self::Refused(_) => write.server == Server::Kubernetes,
            _ => true,
        }
    }

    /// Whether it is one of those that stand for all of their sort.
    #[must_use]
    pub fn is_sample(self) -> bool {
        match self {
            Self::Status(status, _) => matches!(status, 409 | 503),
            Self::Refused(denier) => matches!(denier, Denier::Policy | Denier::Rights),
            _ => true,
        }
    }

    /// What it needs.
    #[must_use]
    pub fn kind(self) -> Kind {
        match self {
            Self::KillBefore | Self::KillAfterCommit | Self::KillAfterAnswer => Kind::Kill,
            Self::WatchHeld | Self::WatchGone | Self::WatchDelayed => Kind::Watch,
            Self::Stop | Self::StopAtLook => Kind::Stop,
            Self::StopBeyondLease => Kind::Lease,
            Self::Refused(_) => Kind::Refused,
            _ => Kind::Request,
        }
    }

    /// The name in a plan.
    #[must_use]
    pub fn name(self) -> String {
        match self {
            Self::KillBefore => "kill-before".to_owned(),
            Self::KillAfterCommit => "kill-after-commit".to_owned(),
            Self::KillAfterAnswer => "kill-after-answer".to_owned(),
            Self::Drop => "drop".to_owned(),
            Self::Reset => "reset-mid-body".to_owned(),
            Self::Late => "late-commit".to_owned(),
            Self::Status(status, Moment::BeforeCommit) => format!("{status}-before"),
            Self::Status(status, Moment::AfterCommit) => format!("{status}-after"),
            Self::Truncated => "truncated-json".to_owned(),
            Self::WatchHeld => "watch-held".to_owned(),
            Self::WatchGone => "watch-gone".to_owned(),
            Self::WatchDelayed => "watch-delayed".to_owned(),
            Self::Stop => "stop".to_owned(),
            Self::StopBeyondLease => "stop-beyond-lease".to_owned(),
            Self::StopAtLook => "stop-at-look".to_owned(),
            Self::Refused(denier) => format!("refused-{}", denier.name()),
        }
    }
}

/// The body of an injected status, in the server's own words.
#[must_use]
pub fn refusal(server: Server, status: u16) -> String {
    let reason = StatusCode::from_u16(status)
        .ok()
        .and_then(|status| status.canonical_reason())
        .unwrap_or_default()
        .replace(' ', "");
    match server {
        Server::Kubernetes => serde_json::json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": "injected",
            "reason": reason, "code": status,
        }),
        Server::Vobiz => serde_json::json!({
            "status": "error", "error": {"code": "INJECTED", "message": "injected"},
            "timestamp": "2026-01-01T00:00:00Z", "requestId": "req_injected",
        }),
    }
    .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_mode_has_a_name_of_its_own_and_every_status_comes_before_and_after_the_commit() {
        let names: BTreeSet<String> = Mode::all().into_iter().map(Mode::name).collect();
        assert_eq!(names.len(), Mode::all().len());
        assert_eq!(
            names.iter().filter(|name| name.starts_with(['4', '5'])).count(),
            12
        );
    }

    #[test]
    fn a_lease_is_outlasted_where_two_leaders_must_not_both_believe_something_to_be_theirs() {
        let fits = |server, action| Mode::StopBeyondLease.fits(&Write::new(server, action));
        assert!(fits(Server::Vobiz, "delete account"));
        assert!(fits(Server::Kubernetes, "create record"));
        assert!(fits(Server::Kubernetes, "update record"));
        assert!(!fits(Server::Kubernetes, "patch subaccounts/status"));
    }

    #[test]
    fn only_what_the_api_server_is_asked_can_be_refused_for_good() {
        let refused = Mode::Refused(Denier::Policy);
        assert!(refused.fits(&Write::new(Server::Kubernetes, "update record")));
        assert!(!refused.fits(&Write::new(Server::Vobiz, "create account")));
    }
}
