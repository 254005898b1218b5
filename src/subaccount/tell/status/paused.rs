//! What a Subaccount's status says while it is paused. PURE.

use crate::crd::SubaccountStatus;
use crate::crd::condition::{ConditionStatus, ConditionType, NewCondition, Reason, find, not_ready};
use crate::subaccount::stored_status::said;
use vobiz_protocol::facts::Object;

/// Everything stays as it was, but for the word that nothing is done any more.
pub(super) fn paused(object: Object, previous: &SubaccountStatus) -> Vec<NewCondition> {
    let is_deleting = object == Object::Deleting;
    let is_new = find(&previous.conditions, ConditionType::Ready).is_none();
    let synced = synced(is_deleting);
    let unready = |status, reason| not_ready(status, ConditionType::Reconciling, reason, &synced.message);
    let mut conditions = match (is_deleting, is_new) {
        (true, _) => unready(ConditionStatus::False, Reason::Deleting),
        (false, true) => unready(ConditionStatus::Unknown, Reason::Progressing),
        (false, false) => [
            ConditionType::Ready,
            ConditionType::Reconciling,
            ConditionType::Stalled,
        ]
        .into_iter()
        .filter_map(|kind| said(&previous.conditions, kind))
        .collect(),
    };
    conditions.push(synced);
    conditions
}

/// What is held.
pub(super) fn synced(is_deleting: bool) -> NewCondition {
    let message = if is_deleting {
        "paused: the deletion is held until the annotation vobiz.ai/paused is removed"
    } else {
        "paused: nothing is done until the annotation vobiz.ai/paused is removed"
    };
    NewCondition::new(
        ConditionType::Synced,
        ConditionStatus::Unknown,
        Reason::Paused,
        message,
    )
}
