//! What an earlier pass said in a Subaccount's status. PURE.

use crate::crd::Subaccount;
use crate::crd::condition::{ConditionStatus, ConditionType, NewCondition, Reason, find};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

/// Whether the status says that the object's present spec is applied: it then stays untouched while its parent is in
/// trouble.
#[must_use]
pub fn is_applied(object: &Subaccount) -> bool {
    object.status.as_ref().is_some_and(|status| {
        Some(status.observed_generation) == object.metadata.generation
            && find(&status.conditions, ConditionType::Ready)
                .is_some_and(|ready| ready.status == ConditionStatus::True.as_str())
    })
}

/// Whether the last thing that was said is that nothing is done.
#[must_use]
pub fn was_paused(conditions: &[Condition]) -> bool {
    find(conditions, ConditionType::Synced).is_some_and(|synced| synced.reason == Reason::Paused.as_str())
}

/// The condition of that type, to be said again; none if it was never said, or in words that this version does not know.
#[must_use]
pub fn said(conditions: &[Condition], kind: ConditionType) -> Option<NewCondition> {
    let stored = find(conditions, kind)?;
    Some(NewCondition {
        kind,
        status: ConditionStatus::parse(&stored.status)?,
        reason: Reason::parse(&stored.reason)?,
        message: stored.message.clone(),
    })
}
