//! What a Subaccount's status says while it is paused. PURE.

use super::{parse, progress};
use crate::crd::SubaccountStatus;
use crate::crd::condition::{self as conditions, ConditionStatus, ConditionType, NewCondition, Reason};
use crate::subaccount::facts::Object;

/// What is held.
#[must_use]
pub fn paused_message(deleting: bool) -> &'static str {
    if deleting {
        "paused: the deletion is held until the annotation vobiz.ai/paused is removed"
    } else {
        "paused: nothing is done until the annotation vobiz.ai/paused is removed"
    }
}

/// Everything stays as it was, but for the word that nothing is done any more.
pub(super) fn paused(object: Object, previous: &SubaccountStatus) -> Vec<NewCondition> {
    let (deleting, new) = (
        object == Object::Deleting,
        conditions::find(&previous.conditions, ConditionType::Ready).is_none(),
    );
    let message = paused_message(deleting);
    let mut kept = match (deleting, new) {
        (true, _) => progress(ConditionStatus::False, Reason::Deleting, message),
        (false, true) => progress(ConditionStatus::Unknown, Reason::Progressing, message),
        (false, false) => [
            ConditionType::Ready,
            ConditionType::Reconciling,
            ConditionType::Stalled,
        ]
        .into_iter()
        .filter_map(|kind| conditions::find(&previous.conditions, kind).and_then(parse))
        .collect(),
    };
    kept.push(NewCondition::new(
        ConditionType::Synced,
        ConditionStatus::Unknown,
        Reason::Paused,
        message,
    ));
    kept
}
