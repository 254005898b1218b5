//! What comes off a Secret, and what stays. PURE.

use super::*;
use serde_json::json;

fn secret(metadata: &Value) -> Secret {
    serde_json::from_value(json!({"apiVersion": "v1", "kind": "Secret", "metadata": metadata})).unwrap()
}

fn reference(labels: &Value, annotations: &Value) -> SecretReference {
    serde_json::from_value(json!({"labels": labels, "annotations": annotations})).unwrap()
}

fn labels_after(metadata: &Value, reference: &SecretReference) -> Vec<String> {
    let mut secret = secret(metadata);
    apply(&mut secret, reference);
    secret.labels().keys().cloned().collect()
}

#[test]
fn what_a_spec_names_no_longer_comes_off_and_what_it_never_named_stays() {
    let mut stored = secret(
        &json!({"labels": {"team": "voice", "theirs": "1"}, "annotations": {"copy": "yes", "note": "n"}}),
    );
    apply(
        &mut stored,
        &reference(&json!({"team": "voice"}), &json!({"copy": "yes"})),
    );
    assert!(stored.annotations().contains_key(MANAGED_KEYS_ANNOTATION));
    apply(&mut stored, &reference(&json!({"team": "voice"}), &json!({})));
    assert_eq!(stored.labels().len(), 2);
    assert!(!stored.annotations().contains_key("copy"));
    apply(&mut stored, &reference(&json!({}), &json!({})));
    assert_eq!(stored.labels().keys().collect::<Vec<_>>(), ["theirs"]);
    assert_eq!(stored.annotations().keys().collect::<Vec<_>>(), ["note"]);
}

#[test]
fn without_the_annotation_the_api_server_tells_what_the_operator_wrote() {
    let metadata = json!({
        "labels": {"team": "voice", "theirs": "1", "vobiz.ai/subaccount": "acme", "app.kubernetes.io/managed-by": "vobiz-operator"},
        "managedFields": [
            {"manager": "vobiz-operator", "operation": "Update", "fieldsType": "FieldsV1", "fieldsV1": {"f:metadata": {"f:labels": {
                ".": {}, "f:team": {}, "f:vobiz.ai/subaccount": {}, "f:app.kubernetes.io/managed-by": {}}}}},
            {"manager": "kubectl-label", "operation": "Update", "fieldsV1": {"f:metadata": {"f:labels": {"f:theirs": {}}}}},
        ],
    });
    let left = labels_after(&metadata, &SecretReference::default());
    assert_eq!(
        left,
        ["app.kubernetes.io/managed-by", "theirs", "vobiz.ai/subaccount"]
    );
    let mut unknown = metadata;
    unknown["managedFields"] = Value::Null;
    assert_eq!(
        labels_after(&unknown, &SecretReference::default()).len(),
        4,
        "nobody knows"
    );
}

#[test]
fn a_key_that_somebody_else_keeps_too_stays_when_the_spec_names_it_no_longer() {
    let managed = json!({"labels": ["team"]}).to_string();
    let applied = json!({"metadata": {"labels": {"team": "voice"}}}).to_string();
    let by = |manager: &str| json!([{"manager": manager, "operation": "Apply", "fieldsV1": {"f:metadata": {"f:labels": {"f:team": {}}}}}]);
    let table = [
        (json!({}), json!([]), 0),
        (json!({}), by("vobiz-operator"), 0),
        (json!({}), by("argocd"), 1),
        (json!({LAST_APPLIED_ANNOTATION: applied}), json!([]), 1),
        (json!({LAST_APPLIED_ANNOTATION: "no json"}), json!([]), 0),
    ];
    for (mut annotations, managed_fields, left) in table {
        annotations[MANAGED_KEYS_ANNOTATION] = json!(managed);
        let metadata =
            json!({"labels": {"team": "voice"}, "annotations": annotations, "managedFields": managed_fields});
        let found = labels_after(&metadata, &SecretReference::default());
        assert_eq!(found.len(), left, "{metadata}");
    }
}

#[test]
fn a_secret_of_an_earlier_version_is_as_good_without_the_annotation() {
    let reference = reference(&json!({"team": "voice"}), &json!({}));
    let stored = secret(&json!({"labels": {"team": "voice"}, "annotations": {}}));
    let mut wanted = stored.clone();
    apply(&mut wanted, &reference);
    assert!(stored != wanted && same(&stored, &wanted));
    let mut edited = wanted.clone();
    let annotations = edited.metadata.annotations.as_mut().unwrap();
    annotations.insert(MANAGED_KEYS_ANNOTATION.to_owned(), "{}".to_owned());
    assert!(!same(&edited, &wanted), "one that somebody edited is put right");
}
