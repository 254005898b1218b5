//! What a Subaccount's status says about the user's Secret. PURE.

use crate::crd::condition::{ConditionStatus, ConditionType, NewCondition, Reason};
use crate::subaccount::plan::{Block, Rest, Wait};
use crate::subaccount::tell::View;
use vobiz_protocol::facts::UserSecret;

/// Whether the pair is in the user's Secret, as far as this pass knows.
pub(super) fn published(view: &View<'_>, rest: Rest, message: &str) -> Option<NewCondition> {
    let kind = ConditionType::CredentialsPublished;
    let (status, reason, message) = match (view.facts.secret, rest) {
        (_, Rest::Blocked(Block::CredentialsLost)) => {
            (ConditionStatus::False, Reason::CredentialsLost, message)
        }
        (_, Rest::Blocked(Block::SecretConflict)) => {
            (ConditionStatus::False, Reason::SecretConflict, message)
        }
        _ if let Some(told) = view.contested => (ConditionStatus::False, Reason::SecretContested, told),
        (_, Rest::Waiting(Wait::SecretForbidden)) => {
            (ConditionStatus::False, Reason::SecretForbidden, message)
        }
        (UserSecret::Refused, _) => (ConditionStatus::False, Reason::SecretForbidden, view.refused),
        (UserSecret::Foreign, _) if view.auth_id.is_some() => (
            ConditionStatus::False,
            Reason::SecretConflict,
            "the Secret belongs to somebody else, holds more than the pair, or is of another type",
        ),
        (UserSecret::Good, _) => (
            ConditionStatus::True,
            Reason::SecretWritten,
            "the Secret held the pair at the last look",
        ),
        _ if view.auth_id.is_none() && !view.facts.identity => (
            ConditionStatus::Unknown,
            Reason::Progressing,
            "there is no pair yet",
        ),
        _ => return None,
    };
    Some(NewCondition::new(kind, status, reason, message))
}
