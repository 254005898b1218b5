//! Conditions in status: what becomes of the previous ones. Their types, values and reasons are in `reason`. PURE.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

pub use super::reason::{ConditionStatus, ConditionType, Reason};
use super::vocabulary;

/// A condition as a pass finds it, before its transition time is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewCondition {
    /// Which condition.
    pub kind: ConditionType,
    /// Its value.
    pub status: ConditionStatus,
    /// Why, for programs.
    pub reason: Reason,
    /// Why and what to do, for people: stable text without times of ours, counters, ids of requests or secrets.
    pub message: String,
}

impl NewCondition {
    /// A condition with this value, reason and text.
    #[must_use]
    pub fn new(kind: ConditionType, status: ConditionStatus, reason: Reason, message: &str) -> Self {
        debug_assert!(
            vocabulary::has(kind, status, reason),
            "no table has {kind} {status} {reason}"
        );
        Self {
            kind,
            status,
            reason,
            message: message.to_owned(),
        }
    }
}

/// Not Ready, and why in a second condition too, which exists only while it is true.
#[must_use]
pub fn not_ready(
    status: ConditionStatus,
    second: ConditionType,
    reason: Reason,
    message: &str,
) -> Vec<NewCondition> {
    vec![
        NewCondition::new(ConditionType::Ready, status, reason, message),
        NewCondition::new(second, ConditionStatus::True, reason, message),
    ]
}

/// The conditions to write: exactly the desired ones, in their order.
///
/// A condition whose value is unchanged keeps its transition time; the others get `now`, in whole seconds as
/// Kubernetes stores it.
#[must_use]
pub fn merge(
    previous: &[Condition],
    desired: Vec<NewCondition>,
    generation: i64,
    now: Timestamp,
) -> Vec<Condition> {
    let now = Time(Timestamp::from_second(now.as_second()).unwrap_or(now));
    desired
        .into_iter()
        .map(
            |NewCondition {
                 kind,
                 status,
                 reason,
                 message,
             }| {
                let last_transition_time = find(previous, kind)
                    .filter(|before| before.status == status.as_str())
                    .map_or_else(|| now.clone(), |before| before.last_transition_time.clone());
                Condition {
                    last_transition_time,
                    message,
                    observed_generation: Some(generation),
                    reason: reason.as_str().to_owned(),
                    status: status.as_str().to_owned(),
                    type_: kind.as_str().to_owned(),
                }
            },
        )
        .collect()
}

/// Whether two sets of conditions say the same, apart from transition times and order.
#[must_use]
pub fn same(a: &[Condition], b: &[Condition]) -> bool {
    a.len() == b.len()
        && a.iter()
            .all(|one| b.iter().any(|other| says_the_same(one, other)))
}

/// The condition of that type, if present.
#[must_use]
pub fn find(conditions: &[Condition], kind: ConditionType) -> Option<&Condition> {
    conditions
        .iter()
        .find(|condition| condition.type_ == kind.as_str())
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

fn says_the_same(a: &Condition, b: &Condition) -> bool {
    // Without `..`: a field that is added must be thought of here.
    let Condition {
        last_transition_time: _,
        message,
        observed_generation,
        reason,
        status,
        type_,
    } = a;
    *message == b.message
        && *observed_generation == b.observed_generation
        && *reason == b.reason
        && *status == b.status
        && *type_ == b.type_
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn ready(status: ConditionStatus, reason: Reason, message: &str) -> NewCondition {
        NewCondition {
            kind: ConditionType::Ready,
            status,
            reason,
            message: message.to_owned(),
        }
    }

    fn reconciling() -> NewCondition {
        NewCondition {
            kind: ConditionType::Reconciling,
            status: ConditionStatus::True,
            reason: Reason::Progressing,
            message: String::new(),
        }
    }

    #[test]
    fn a_condition_keeps_its_transition_time_while_only_reason_message_or_generation_change() {
        let first = merge(
            &[],
            vec![ready(ConditionStatus::True, Reason::Available, "usable")],
            1,
            at(100),
        );
        let second = merge(
            &first,
            vec![ready(ConditionStatus::True, Reason::Disabled, "off")],
            2,
            at(200),
        );
        assert_eq!(second[0].last_transition_time, Time(at(100)));
        assert_eq!(
            (
                second[0].reason.as_str(),
                second[0].message.as_str(),
                second[0].observed_generation
            ),
            ("Disabled", "off", Some(2))
        );
    }

    #[test]
    fn a_condition_whose_value_changes_gets_the_present_time_in_whole_seconds() {
        let first = merge(
            &[],
            vec![ready(ConditionStatus::True, Reason::Available, "")],
            1,
            at(100),
        );
        let now = Timestamp::from_millisecond(200_750).unwrap();
        let second = merge(
            &first,
            vec![ready(ConditionStatus::False, Reason::InvalidSpec, "")],
            1,
            now,
        );
        assert_eq!(second[0].last_transition_time, Time(at(200)));
    }

    #[test]
    fn a_condition_that_is_no_longer_desired_is_removed_and_comes_back_with_a_new_time() {
        let unknown = ready(ConditionStatus::Unknown, Reason::Progressing, "");
        let first = merge(&[], vec![unknown, reconciling()], 1, at(100));
        let available = ready(ConditionStatus::True, Reason::Available, "");
        let second = merge(&first, vec![available.clone()], 1, at(200));
        assert!(find(&second, ConditionType::Reconciling).is_none());
        let third = merge(&second, vec![available, reconciling()], 1, at(300));
        assert_eq!(
            find(&third, ConditionType::Reconciling)
                .unwrap()
                .last_transition_time,
            Time(at(300))
        );
        assert_eq!(
            find(&third, ConditionType::Ready).unwrap().last_transition_time,
            Time(at(200))
        );
    }

    #[test]
    fn nothing_has_changed_when_only_transition_times_and_order_differ() {
        let available = ready(ConditionStatus::True, Reason::Available, "usable");
        let one = merge(&[], vec![available.clone(), reconciling()], 1, at(100));
        let other = merge(&[], vec![reconciling(), available], 1, at(200));
        assert!(same(&one, &other));
    }

    #[test]
    fn every_other_difference_is_a_change() {
        let base = merge(
            &[],
            vec![ready(ConditionStatus::True, Reason::Available, "usable")],
            1,
            at(100),
        );
        let changes: [fn(&mut Condition); 5] = [
            |c| c.message = "other".to_owned(),
            |c| c.observed_generation = Some(2),
            |c| c.reason = "Disabled".to_owned(),
            |c| c.status = "False".to_owned(),
            |c| c.type_ = "Synced".to_owned(),
        ];
        for change in changes {
            let mut edited = base.clone();
            change(&mut edited[0]);
            assert!(!same(&base, &edited));
        }
        assert!(!same(&base, &[]) && !same(&[], &base));
    }
}
