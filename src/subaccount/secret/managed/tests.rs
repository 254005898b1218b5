//! What comes off a Secret, and what stays. PURE.

use super::*;
use serde_json::json;

fn secret(metadata: &Value) -> Secret {
    serde_json::from_value(json!({"apiVersion": "v1", "kind": "Secret", "metadata": metadata})).unwrap()
}

fn reference(labels: &Value, annotations: &Value) -> SecretReference {
    serde_json::from_value(json!({"labels": labels, "annotations": annotations})).unwrap()
}

fn manager(name: &str, labels: &[&str]) -> FieldManager {
    let labels: serde_json::Map<_, _> = labels
        .iter()
        .map(|label| (format!("f:{label}"), json!({})))
        .collect();
    FieldManager {
        name: name.to_owned(),
        fields: json!({"f:metadata": {"f:labels": labels}}),
        ..FieldManager::default()
    }
}

fn labels_after(metadata: &Value, managers: &[FieldManager]) -> Vec<String> {
    let mut secret = secret(metadata);
    apply(&mut secret, &SecretReference::default(), managers);
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
        &[],
    );
    assert!(stored.annotations().contains_key(MANAGED_KEYS_ANNOTATION));
    apply(
        &mut stored,
        &reference(&json!({"team": "voice"}), &json!({})),
        &[],
    );
    assert_eq!(stored.labels().len(), 2);
    assert!(!stored.annotations().contains_key("copy"));
    apply(&mut stored, &reference(&json!({}), &json!({})), &[]);
    assert_eq!(stored.labels().keys().collect::<Vec<_>>(), ["theirs"]);
    assert_eq!(stored.annotations().keys().collect::<Vec<_>>(), ["note"]);
}

#[test]
fn without_the_annotation_the_api_server_tells_what_the_operator_wrote() {
    let metadata = json!({"labels": {
        "team": "voice", "theirs": "1", "vobiz.ai/subaccount": "acme", "app.kubernetes.io/managed-by": "vobiz-operator",
    }});
    let managers = [
        manager(
            "vobiz-operator",
            &["team", "vobiz.ai/subaccount", "app.kubernetes.io/managed-by"],
        ),
        manager("kubectl-label", &["theirs"]),
    ];
    assert!(needs_managers(&secret(&metadata), &SecretReference::default()));
    assert_eq!(
        labels_after(&metadata, &managers),
        ["app.kubernetes.io/managed-by", "theirs", "vobiz.ai/subaccount"]
    );
    assert_eq!(labels_after(&metadata, &[]).len(), 4, "nobody knows");
}

#[test]
fn who_wrote_a_key_is_asked_only_where_one_may_have_to_come_off() {
    let managed = json!({"labels": ["team"]}).to_string();
    let fixed = json!({"vobiz.ai/subaccount": "acme", "app.kubernetes.io/managed-by": "vobiz-operator"});
    let named = reference(&json!({"team": "voice"}), &json!({}));
    let none = SecretReference::default();
    let table = [
        (
            json!({"labels": fixed, "annotations": {"vobiz.ai/auth-id": "SA_ONE"}}),
            &none,
            false,
        ),
        (json!({"labels": {"team": "voice"}}), &named, false),
        (json!({"labels": {"team": "voice"}}), &none, true),
        (
            json!({"labels": {"team": "voice"}, "annotations": {MANAGED_KEYS_ANNOTATION: managed}}),
            &named,
            false,
        ),
        (
            json!({"labels": {"team": "voice"}, "annotations": {MANAGED_KEYS_ANNOTATION: managed}}),
            &none,
            true,
        ),
        (
            json!({"labels": {"theirs": "1"}, "annotations": {MANAGED_KEYS_ANNOTATION: managed}}),
            &none,
            false,
        ),
    ];
    for (metadata, reference, needs) in table {
        assert_eq!(needs_managers(&secret(&metadata), reference), needs, "{metadata}");
    }
}

#[test]
fn a_key_that_somebody_else_keeps_too_stays_when_the_spec_names_it_no_longer() {
    let managed = json!({"labels": ["team"]}).to_string();
    let applied = json!({"metadata": {"labels": {"team": "voice"}}}).to_string();
    let table = [
        (json!({}), None, 0),
        (json!({}), Some("vobiz-operator"), 0),
        (json!({}), Some("argocd"), 1),
        (json!({LAST_APPLIED_ANNOTATION: applied}), None, 1),
        (json!({LAST_APPLIED_ANNOTATION: "no json"}), None, 0),
    ];
    for (mut annotations, by, left) in table {
        annotations[MANAGED_KEYS_ANNOTATION] = json!(managed);
        let metadata = json!({"labels": {"team": "voice"}, "annotations": annotations});
        let managers: Vec<_> = by.map(|by| manager(by, &["team"])).into_iter().collect();
        assert_eq!(
            labels_after(&metadata, &managers).len(),
            left,
            "{metadata} {by:?}"
        );
    }
}

#[test]
fn who_put_a_copy_of_the_secret_back_keeps_none_of_its_keys() {
    let managed = json!({"labels": ["team"]}).to_string();
    let keys = ["team", "app.kubernetes.io/managed-by"];
    let copy = json!({"metadata": {"labels": {"team": "voice", "vobiz.ai/subaccount": "acme"}}}).to_string();
    for (applied, managers) in [("", vec![manager("velero", &keys)]), (copy.as_str(), Vec::new())] {
        let annotations = json!({MANAGED_KEYS_ANNOTATION: managed, LAST_APPLIED_ANNOTATION: applied});
        let metadata = json!({"labels": {"team": "voice", "theirs": "1"}, "annotations": annotations});
        assert_eq!(labels_after(&metadata, &managers), ["theirs"], "{metadata}");
    }
}

#[test]
fn a_secret_of_an_earlier_version_is_as_good_without_the_annotation() {
    let reference = reference(&json!({"team": "voice"}), &json!({}));
    let stored = secret(&json!({"labels": {"team": "voice"}, "annotations": {}}));
    let mut wanted = stored.clone();
    apply(&mut wanted, &reference, &[]);
    assert!(stored != wanted && same(&stored, &wanted));
    let mut edited = wanted.clone();
    let annotations = edited.metadata.annotations.as_mut().unwrap();
    annotations.insert(MANAGED_KEYS_ANNOTATION.to_owned(), "{}".to_owned());
    assert!(!same(&edited, &wanted), "one that somebody edited is put right");
}
