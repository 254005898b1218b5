//! How one Subaccount stands, in a line, and which of two stands worse. PURE.

use crate::controller::lenient::Guarded;
use crate::crd::condition::{ConditionStatus, ConditionType, Reason, find};
use crate::crd::{NOT_OBSERVED, Subaccount};
use crate::subaccount::tell::rows::UNREADABLE;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{Resource as _, ResourceExt as _};
use serde::Serialize;

/// How bad it is, the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Standing {
    /// Nothing goes on before a person acts.
    Stalled,
    /// It is being deleted.
    Deleting,
    /// Something else must happen first, or is tried again.
    Waiting,
    /// No operator has looked at it.
    Unseen,
    /// It can be used, and something about it is not as it should be.
    Impaired,
    /// It is as its manifest says.
    Ready,
}

/// How one Subaccount stands.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    /// How bad it is.
    pub standing: Standing,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// What Ready says.
    pub ready: String,
    /// And why.
    pub reason: String,
    /// Its account at Vobiz.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth_id: Option<String>,
    /// What it waits for, and what to do; empty where it is as it should be.
    pub message: String,
}

impl Row {
    /// Of a Subaccount, whether it can be read or not.
    #[must_use]
    pub fn of(object: &Guarded<Subaccount>) -> Self {
        let row = Self {
            standing: Standing::Stalled,
            namespace: object.namespace().unwrap_or_default(),
            name: object.name_any(),
            ready: ConditionStatus::False.as_str().to_owned(),
            reason: Reason::Unsupported.as_str().to_owned(),
            auth_id: None,
            message: UNREADABLE.to_owned(),
        };
        match &object.0 {
            Ok(object) => row.read(object),
            Err(_) => row,
        }
    }

    fn read(self, object: &Subaccount) -> Self {
        let status = object.status.clone().unwrap_or_default();
        let ready = find(&status.conditions, ConditionType::Ready);
        let standing = standing(object, &status.conditions);
        let unseen = "no operator has looked at it: see whether one runs and watches this namespace";
        let said = match standing {
            Standing::Unseen if ready.is_none() => unseen.to_owned(),
            Standing::Ready => String::new(),
            Standing::Impaired => impairment(&status.conditions).map_or_else(String::new, told),
            _ => ready.map_or_else(String::new, |ready| ready.message.clone()),
        };
        Self {
            standing,
            ready: ready
                .map_or(ConditionStatus::Unknown.as_str(), |ready| &ready.status)
                .to_owned(),
            reason: ready.map_or("-", |ready| &ready.reason).to_owned(),
            auth_id: status.auth_id,
            message: said,
            ..self
        }
    }
}

fn standing(object: &Subaccount, conditions: &[Condition]) -> Standing {
    let is = |kind: ConditionType, status: ConditionStatus| {
        find(conditions, kind).is_some_and(|found| found.status == status.as_str())
    };
    let observed = object
        .status
        .as_ref()
        .map_or(NOT_OBSERVED, |status| status.observed_generation);
    if is(ConditionType::Stalled, ConditionStatus::True) {
        Standing::Stalled
    } else if object.meta().deletion_timestamp.is_some() {
        Standing::Deleting
    } else if observed == NOT_OBSERVED {
        Standing::Unseen
    } else if !is(ConditionType::Ready, ConditionStatus::True)
        || is(ConditionType::Reconciling, ConditionStatus::True)
    {
        Standing::Waiting
    } else if Some(observed) != object.meta().generation {
        // It was edited since. A paused one stays so.
        Standing::Waiting
    } else if impairment(conditions).is_some() {
        Standing::Impaired
    } else {
        Standing::Ready
    }
}

/// What is not as it should be of a Subaccount that can be used.
fn impairment(conditions: &[Condition]) -> Option<&Condition> {
    let kinds = [
        ConditionType::Synced,
        ConditionType::CredentialsPublished,
        ConditionType::CallsAllowed,
    ];
    let fine = [Reason::NotManaged, Reason::NotReported, Reason::AccountDisabled].map(Reason::as_str);
    let of_kinds = kinds.into_iter().filter_map(|kind| find(conditions, kind));
    let mut not_true = of_kinds.filter(|found| found.status != ConditionStatus::True.as_str());
    not_true.find(|found| !fine.contains(&found.reason.as_str()))
}

fn told(condition: &Condition) -> String {
    let Condition {
        type_,
        reason,
        message,
        ..
    } = condition;
    if message.is_empty() {
        format!("{type_}: {reason}")
    } else {
        format!("{type_}: {reason}: {message}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn row(deleting: bool, generation: i64, status: &Value) -> Row {
        let mut object = json!({
            "apiVersion": "vobiz.ai/v1alpha1", "kind": "Subaccount",
            "metadata": {"name": "acme", "namespace": "team", "uid": "u", "generation": generation},
            "spec": {"accountRef": {"name": "vobiz"}}, "status": status,
        });
        if deleting {
            object["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
        }
        Row::of(&serde_json::from_value(object).unwrap())
    }

    fn status(conditions: &[(&str, &str, &str)]) -> Value {
        let conditions = conditions.iter().map(|(kind, status, reason)| {
            json!({"type": kind, "status": status, "reason": reason, "message": format!("says {reason}"),
                "lastTransitionTime": "2026-01-01T00:00:00Z"})
        });
        json!({"observedGeneration": 1, "authId": "SA_1", "conditions": conditions.collect::<Vec<_>>()})
    }

    #[test]
    fn the_worst_comes_first_and_says_what_to_do() {
        let ready = ("Ready", "True", "Available");
        let table = [
            (row(false, 1, &status(&[ready])), Standing::Ready, ""),
            (
                row(
                    false,
                    1,
                    &status(&[ready, ("Synced", "False", "VobizUnavailable")]),
                ),
                Standing::Impaired,
                "Synced: VobizUnavailable: says VobizUnavailable",
            ),
            (
                row(
                    false,
                    1,
                    &status(&[
                        ("Ready", "True", "Observed"),
                        ("CredentialsPublished", "Unknown", "NotManaged"),
                    ]),
                ),
                Standing::Ready,
                "",
            ),
            (
                row(false, 2, &status(&[ready])),
                Standing::Waiting,
                "says Available",
            ),
            (
                row(false, 1, &json!({"observedGeneration": -1})),
                Standing::Unseen,
                "no operator has looked at it: see whether one runs and watches this namespace",
            ),
            (
                row(
                    false,
                    1,
                    &status(&[
                        ("Ready", "False", "DependencyNotReady"),
                        ("Reconciling", "True", "DependencyNotReady"),
                    ]),
                ),
                Standing::Waiting,
                "says DependencyNotReady",
            ),
            (
                row(
                    true,
                    1,
                    &status(&[
                        ("Ready", "False", "Deleting"),
                        ("Reconciling", "True", "Deleting"),
                    ]),
                ),
                Standing::Deleting,
                "says Deleting",
            ),
            (
                row(
                    false,
                    1,
                    &status(&[
                        ("Ready", "False", "OrphanFound"),
                        ("Stalled", "True", "OrphanFound"),
                    ]),
                ),
                Standing::Stalled,
                "says OrphanFound",
            ),
        ];
        for (row, standing, message) in &table {
            assert_eq!((row.standing, row.message.as_str()), (*standing, *message));
        }
        let (good, bad) = (&table[0].0, &table[7].0);
        assert!(bad < good, "sorted, what needs a person comes first");
    }

    #[test]
    fn one_that_cannot_be_read_needs_a_person() {
        let object = json!({
            "apiVersion": "vobiz.ai/v1alpha1", "kind": "Subaccount",
            "metadata": {"name": "odd", "namespace": "team", "uid": "u"}, "spec": {"accountRef": 7},
        });
        let row = Row::of(&serde_json::from_value(object).unwrap());
        assert_eq!((row.standing, row.name.as_str()), (Standing::Stalled, "odd"));
        assert_eq!(row.message, UNREADABLE);
    }
}
