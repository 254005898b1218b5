//! What is told of fields that a spec names no longer. PURE.

use super::*;
use crate::crd::condition::{ConditionStatus, Reason};
use crate::vobiz::AuthId;
use jiff::Timestamp;
use serde_json::{Value, json};
use vobiz_protocol::facts::{Facts, Object};

fn object(spec: &Value) -> Subaccount {
    let mut object = json!({
        "apiVersion": "vobiz.ai/v1alpha1", "kind": "Subaccount",
        "metadata": {"name": "acme", "namespace": "team", "uid": "u-1", "generation": 1},
        "spec": {"accountRef": {"name": "main"}},
    });
    for (key, value) in spec.as_object().unwrap() {
        object["spec"][key] = value.clone();
    }
    serde_json::from_value(object).unwrap()
}

/// The status after a pass whose `Synced` says this.
fn after(
    previous: &SubaccountStatus,
    spec: &Value,
    said: &str,
    was_compared: bool,
    id: &str,
) -> SubaccountStatus {
    let facts = Facts::unknown(Object::Live);
    let auth_id = AuthId::parse(id).unwrap();
    let view = View {
        facts: &facts,
        auth_id: Some(&auth_id),
        parent: None,
        generation: None,
        policy: None,
        secret_name: "acme-vobiz",
        remote: None,
        drift: "",
        refused: "",
        contested: None,
    };
    let synced = NewCondition {
        kind: ConditionType::Synced,
        status: ConditionStatus::True,
        reason: Reason::ReconcileSuccess,
        message: said.to_owned(),
    };
    let conditions = told(vec![synced], &object(spec), previous, &view, was_compared);
    SubaccountStatus {
        conditions: crate::crd::condition::merge(&[], conditions, 1, Timestamp::UNIX_EPOCH),
        auth_id: Some(id.to_owned()),
        ..SubaccountStatus::default()
    }
}

fn message(status: &SubaccountStatus) -> &str {
    &status.conditions[0].message
}

#[test]
fn a_field_that_the_spec_names_no_longer_is_told_until_it_is_named_again() {
    let permissions = json!({"calls": false, "cdr": false});
    let all = json!({"permissions": permissions, "rateLimit": 5});
    let created = SubaccountStatus {
        auth_id: Some("SA_ONE".to_owned()),
        ..SubaccountStatus::default()
    };
    let first = after(&created, &all, "went well", true, "SA_ONE");
    assert_eq!(message(&first), "went well; managed: rateLimit, permissions");
    let less = json!({"rateLimit": 5});
    let second = after(&first, &less, "went well", true, "SA_ONE");
    let told = "went well; managed: rateLimit; no longer managed: permissions (stays as it is at Vobiz)";
    assert_eq!(message(&second), told);
    let again = after(&second, &less, message(&second), true, "SA_ONE");
    assert_eq!(message(&again), told, "it stays so");
    let failed = after(&second, &json!({}), "failed", false, "SA_ONE");
    assert_eq!(
        message(&failed),
        "failed; no longer managed: rateLimit, permissions (stays as it is at Vobiz)"
    );
    let named = after(&failed, &all, "went well", true, "SA_ONE");
    assert_eq!(message(&named), message(&first));
    assert_eq!(
        message(&after(&second, &json!({}), "went well", true, "SA_TWO")),
        "went well",
        "another account"
    );
}

#[test]
fn a_field_that_was_never_sent_is_not_called_managed() {
    let none = SubaccountStatus {
        auth_id: Some("SA_ONE".to_owned()),
        ..SubaccountStatus::default()
    };
    let refused = after(&none, &json!({"phone": "1"}), "failed", false, "SA_ONE");
    assert_eq!(message(&refused), "failed");
    assert_eq!(
        message(&after(&refused, &json!({}), "went well", true, "SA_ONE")),
        "went well"
    );
}
