//! Which conditions are written, with which values and reasons: what people and their tools may rely on. A condition that is not in
//! these tables cannot be made. PURE.

use super::reason::ConditionStatus::{False, True, Unknown};
use super::reason::ConditionType::{CallsAllowed, CredentialsPublished, Ready, Reconciling, Stalled, Synced};
use super::reason::{ConditionStatus, ConditionType, Reason};

/// A condition with one value, and the reasons that it has then.
#[derive(Clone, Copy, Debug)]
pub struct Said {
    /// Which condition.
    pub kind: ConditionType,
    /// Its value.
    pub status: ConditionStatus,
    /// Its reasons.
    pub reasons: &'static [Reason],
}

const fn said(kind: ConditionType, status: ConditionStatus, reasons: &'static [Reason]) -> Said {
    Said {
        kind,
        status,
        reasons,
    }
}

/// Why a Subaccount is not Ready until a person acts.
const STALLED: &[Reason] = &[
    Reason::InvalidSpec,
    Reason::Unsupported,
    Reason::Forbidden,
    Reason::OrphanFound,
    Reason::ExternalResourceMissing,
    Reason::SecretConflict,
    Reason::AuthIdConflict,
    Reason::NamespaceNotAllowed,
    Reason::AdoptionNotAllowed,
    Reason::CredentialsLost,
    Reason::UnusableAnswer,
];

/// Why one is not Ready that had no account yet.
const FIRST: &[Reason] = &[
    Reason::Progressing,
    Reason::ProgressingWithRetry,
    Reason::DependencyNotReady,
    Reason::WriteRefused,
];

/// Why one is not Ready any more.
const AGAIN: &[Reason] = &[
    Reason::ProgressingWithRetry,
    Reason::DependencyNotReady,
    Reason::WriteRefused,
    Reason::Deleting,
];

/// The conditions of a Subaccount.
pub const OF_SUBACCOUNT: &[Said] = &[
    said(
        Ready,
        True,
        &[Reason::Available, Reason::Disabled, Reason::Observed],
    ),
    said(Ready, False, AGAIN),
    said(Ready, False, STALLED),
    said(Ready, Unknown, FIRST),
    said(Synced, True, &[Reason::ReconcileSuccess]),
    said(
        Synced,
        False,
        &[
            Reason::VobizUnavailable,
            Reason::RateLimited,
            Reason::ReconcileError,
            Reason::DriftDetected,
        ],
    ),
    said(Synced, Unknown, &[Reason::Paused]),
    said(CredentialsPublished, True, &[Reason::SecretWritten]),
    said(
        CredentialsPublished,
        False,
        &[
            Reason::SecretConflict,
            Reason::SecretForbidden,
            Reason::SecretContested,
            Reason::CredentialsLost,
        ],
    ),
    said(
        CredentialsPublished,
        Unknown,
        &[Reason::Progressing, Reason::NotManaged],
    ),
    said(CallsAllowed, True, &[Reason::KycNotRequired, Reason::KycComplete]),
    said(
        CallsAllowed,
        False,
        &[Reason::KycPending, Reason::AccountDisabled],
    ),
    said(CallsAllowed, Unknown, &[Reason::NotReported]),
    said(Reconciling, True, FIRST),
    said(Reconciling, True, &[Reason::Deleting]),
    said(Stalled, True, STALLED),
];

/// Why an Account cannot be used until a person acts.
const ACCOUNT_STALLED: &[Reason] = &[
    Reason::Unauthorized,
    Reason::Forbidden,
    Reason::InsufficientBalance,
    Reason::MassDeletionSuspected,
    Reason::ParentChanged,
    Reason::Unsupported,
];

/// Why it cannot be used for a while.
const ACCOUNT_RECONCILING: &[Reason] = &[
    Reason::Progressing,
    Reason::ProgressingWithRetry,
    Reason::RateLimited,
    Reason::VobizUnavailable,
    Reason::WriteRefused,
    Reason::Deleting,
];

/// The conditions of an Account and of a `ClusterAccount`.
pub const OF_ACCOUNT: &[Said] = &[
    said(Ready, True, &[Reason::Available]),
    said(Ready, False, &[Reason::CredentialsMissing]),
    said(Ready, False, ACCOUNT_RECONCILING),
    said(Ready, False, ACCOUNT_STALLED),
    said(Reconciling, True, ACCOUNT_RECONCILING),
    said(Stalled, True, ACCOUNT_STALLED),
];

/// Whether either table has it.
#[must_use]
pub fn has(kind: ConditionType, status: ConditionStatus, reason: Reason) -> bool {
    let mut all = OF_SUBACCOUNT.iter().chain(OF_ACCOUNT);
    all.any(|said| said.kind == kind && said.status == status && said.reasons.contains(&reason))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_is_said_with_some_condition_and_what_is_not_in_the_tables_is_nowhere() {
        for reason in Reason::ALL.iter().copied() {
            let all = ConditionType::ALL.iter().flat_map(|kind| {
                ConditionStatus::ALL
                    .iter()
                    .map(move |status| has(*kind, *status, reason))
            });
            assert!(all.into_iter().any(|is_there| is_there), "{reason}");
        }
        assert!(!has(Ready, True, Reason::Unauthorized));
        assert!(!has(Stalled, False, Reason::InvalidSpec));
    }
}
