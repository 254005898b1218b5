//! One thing that was examined, and how it is. PURE.

use crate::kubectl::failure::Failure;
use serde::Serialize;

/// How it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// As it should be.
    Ok,
    /// Not all as it should be, or not all was seen.
    Warning,
    /// Something does not work.
    Fault,
}

impl Verdict {
    /// As it is printed.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Fault => "fault",
        }
    }
}

/// What was examined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// The definition of a kind.
    Definition,
    /// The operator's Deployment and its Pods.
    Operator,
    /// Which replica works.
    Leader,
    /// What the operator may do.
    OperatorRights,
    /// What the caller may do.
    OwnRights,
    /// An Account or a `ClusterAccount`: its credentials, and how it stands.
    Account,
    /// What time the servers say it is.
    Clock,
    /// Records.
    Record,
    /// Secrets with the pairs of Subaccounts.
    Secret,
}

impl Part {
    /// As it is printed.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Definition => "definition",
            Self::Operator => "operator",
            Self::Leader => "leader",
            Self::OperatorRights => "operator-rights",
            Self::OwnRights => "own-rights",
            Self::Account => "account",
            Self::Clock => "clock",
            Self::Record => "record",
            Self::Secret => "secret",
        }
    }
}

/// One thing that was examined. Never holds a token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Check {
    /// How it is.
    pub verdict: Verdict,
    /// What was examined.
    pub part: Part,
    /// Which one.
    pub object: String,
    /// What was found.
    pub message: String,
    /// What to do; none where nothing is to be done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

impl Check {
    /// It is as it should be.
    #[must_use]
    pub fn ok(part: Part, object: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            verdict: Verdict::Ok,
            part,
            object: object.into(),
            message: message.into(),
            remedy: None,
        }
    }

    /// It is not all as it should be.
    #[must_use]
    pub fn warning(
        part: Part,
        object: impl Into<String>,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            verdict: Verdict::Warning,
            remedy: Some(remedy.into()),
            ..Self::ok(part, object, message)
        }
    }

    /// It does not work.
    #[must_use]
    pub fn fault(
        part: Part,
        object: impl Into<String>,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            verdict: Verdict::Fault,
            ..Self::warning(part, object, message, remedy)
        }
    }

    /// The caller may not see it.
    #[must_use]
    pub fn unseen(part: Part, object: impl Into<String>, why: &str) -> Self {
        Self::warning(
            part,
            object,
            format!("not seen: {why}"),
            "ask for that right, or somebody who has it",
        )
    }

    /// The look at it failed.
    #[must_use]
    pub fn failed(part: Part, object: impl Into<String>, failure: &Failure) -> Self {
        Self::fault(part, object, failure.cause(), failure.remedy())
    }
}

/// All that was examined.
#[derive(Debug, Serialize)]
pub struct Report {
    /// In the order in which it was looked at.
    pub checks: Vec<Check>,
    /// How many of them are how.
    pub summary: Summary,
}

/// How many checks are how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// As they should be.
    pub ok: usize,
    /// Not all as they should be, or not all seen.
    pub warning: usize,
    /// Something does not work.
    pub fault: usize,
}

impl Report {
    /// Of these checks.
    #[must_use]
    pub fn of(checks: Vec<Check>) -> Self {
        let count = |verdict: Verdict| checks.iter().filter(|check| check.verdict == verdict).count();
        let summary = Summary {
            ok: count(Verdict::Ok),
            warning: count(Verdict::Warning),
            fault: count(Verdict::Fault),
        };
        Self { checks, summary }
    }
}
