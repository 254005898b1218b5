//! What a Subaccount's status says of the customer's identity check. PURE.

use crate::crd::condition::{ConditionStatus, ConditionType, NewCondition, Reason};
use crate::crd::{KycMode, KycStatus, Subaccount};
use crate::vobiz;

/// Whether what the list shows of an account's identity check differs from what the status says.
#[must_use]
pub fn kyc_differs(object: &Subaccount, account: &vobiz::Subaccount) -> bool {
    object
        .status
        .as_ref()
        .is_some_and(|status| status.kyc != kyc(account))
}

/// Whether the subaccount may place and receive calls, as far as Vobiz tells.
pub(super) fn calls_allowed(account: &vobiz::Subaccount) -> NewCondition {
    let (status, reason, message) = match (
        account.is_enabled(),
        account.kyc_calls_blocked,
        account.fields.kyc_mode.as_deref(),
    ) {
        (false, _, _) => (
            ConditionStatus::False,
            Reason::AccountDisabled,
            "the subaccount is disabled",
        ),
        (true, Some(true), _) => (
            ConditionStatus::False,
            Reason::KycPending,
            "Vobiz blocks calls until the customer's identity check is complete",
        ),
        (true, Some(false), Some("customer_use")) => (
            ConditionStatus::True,
            Reason::KycComplete,
            "the customer's identity check is complete",
        ),
        (true, Some(false), _) => (
            ConditionStatus::True,
            Reason::KycNotRequired,
            "no identity check is asked for",
        ),
        (true, None, _) => (
            ConditionStatus::Unknown,
            Reason::NotReported,
            "Vobiz does not report an identity check",
        ),
    };
    NewCondition::new(ConditionType::CallsAllowed, status, reason, message)
}

/// What the status shows of the check.
pub(super) fn kyc(account: &vobiz::Subaccount) -> Option<KycStatus> {
    let mode = match account.fields.kyc_mode.as_deref() {
        Some("personal_use") => Some(KycMode::PersonalUse),
        Some("customer_use") => Some(KycMode::CustomerUse),
        _ => None,
    };
    let kyc = KycStatus {
        mode,
        calls_blocked: account.kyc_calls_blocked,
    };
    (kyc != KycStatus::default()).then_some(kyc)
}
