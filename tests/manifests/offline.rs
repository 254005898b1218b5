//! Without an API server the same is refused as with one, for the same reason, and what it takes is taken.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use vobiz_operator::crd::{GROUP, VERSION, custom_resource_definitions};
use vobiz_operator::kubectl::validation::Definitions;

use crate::refusals::{account, all, labelled, subaccount, with};
use crate::render;

/// A rule: its kind, the path of what it is about, and its message.
type Rule = (String, String, String);

fn errors(definitions: &Definitions, object: &Value, stored: Option<&Value>) -> Vec<String> {
    let kind = object["kind"].as_str().unwrap();
    let found = definitions.errors(kind, object, stored);
    found.iter().map(ToString::to_string).collect()
}

/// Every rule of the definitions that looks at one object alone.
fn rules() -> BTreeSet<Rule> {
    fn add(kind: &str, path: &str, schema: &Value, found: &mut BTreeSet<Rule>) {
        for rule in schema["x-kubernetes-validations"]
            .as_array()
            .into_iter()
            .flatten()
        {
            if !rule["rule"].as_str().unwrap().contains("oldSelf") {
                let message = rule["message"].as_str().unwrap().to_owned();
                found.insert((kind.to_owned(), path.to_owned(), message));
            }
        }
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            let path = if path.is_empty() {
                name.clone()
            } else {
                format!("{path}.{name}")
            };
            add(kind, &path, property, found);
        }
        if schema["items"].is_object() {
            add(kind, &format!("{path}[0]"), &schema["items"], found);
        }
    }
    let mut found = BTreeSet::new();
    for definition in custom_resource_definitions() {
        let definition = serde_json::to_value(definition).unwrap();
        let schema = &definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
        add(
            definition["spec"]["names"]["kind"].as_str().unwrap(),
            "",
            schema,
            &mut found,
        );
    }
    found
}

#[test]
fn every_object_that_an_api_server_refuses_is_refused_for_the_same_reason_and_every_rule_refuses_one() {
    let definitions = Definitions::new().unwrap();
    let mut idle = rules();
    assert!(idle.len() > 20, "{idle:?}");
    for (valid, refusals) in all() {
        assert_eq!(errors(&definitions, &valid, None), Vec::<String>::new());
        let kind = valid["kind"].as_str().unwrap();
        for (pointer, value, message) in refusals {
            let found = errors(&definitions, &with(valid.clone(), pointer, &value), None);
            assert!(
                found.iter().any(|error| error.contains(message)),
                "{pointer} {value} is not refused with '{message}': {found:?}"
            );
            idle.retain(|(of, path, message)| {
                let is_it =
                    |error: &String| error.starts_with(path.as_str()) && error.ends_with(message.as_str());
                of != kind || !found.iter().any(is_it)
            });
        }
    }
    assert_eq!(
        idle,
        BTreeSet::new(),
        "no object shows that these rules are looked at"
    );
}

#[test]
fn what_an_api_server_takes_is_taken() {
    let definitions = Definitions::new().unwrap();
    let mut looked_at = 0;
    for folder in [
        "samples",
        "subaccounts/overlays/dev",
        "subaccounts/overlays/staging",
        "subaccounts/overlays/prod",
        "subaccounts/departments",
        "subaccounts/reseller",
    ] {
        for object in render::kustomize(&format!("manifests/{folder}")) {
            if object["apiVersion"] == format!("{GROUP}/{VERSION}") {
                assert_eq!(
                    errors(&definitions, &object, None),
                    Vec::<String>::new(),
                    "{object:#}"
                );
                looked_at += 1;
            }
        }
    }
    assert!(looked_at > 10, "{looked_at}");
    let optional = [
        "authId",
        "email",
        "enabled",
        "kycMode",
        "name",
        "permissions",
        "rateLimit",
        "secretRef",
    ];
    let mut emptied = with(labelled(), "/metadata/annotations", &Value::Null);
    for field in optional {
        emptied["spec"][field] = Value::Null;
    }
    let longest = with(subaccount(), "/metadata/name", &json!("a".repeat(63)));
    // Characters count, not bytes.
    let named = with(longest, "/spec/name", &json!("ä".repeat(100)));
    for object in [labelled(), emptied, named.clone()] {
        assert_eq!(errors(&definitions, &object, None), Vec::<String>::new());
    }
    let too_long = with(named, "/spec/name", &json!("ä".repeat(101)));
    assert_eq!(errors(&definitions, &too_long, None).len(), 1);
    for (prefix, wrong) in [("ä".repeat(37), 0), ("ä".repeat(38), 1), ("x\ny".to_owned(), 1)] {
        let object = with(account(), "/spec/namePrefix", &json!(prefix));
        assert_eq!(errors(&definitions, &object, None).len(), wrong, "{prefix}");
    }
}

#[test]
fn unknown_fields_and_values_of_another_type_are_told_by_their_paths() {
    let definitions = Definitions::new().unwrap();
    for (pointer, value, expected) in [
        ("/spec/nmae", json!("Acme"), "unknown field \"spec.nmae\""),
        (
            "/spec/accountRef/namespace",
            json!("b"),
            "unknown field \"spec.accountRef.namespace\"",
        ),
        ("/metadata/lables", json!({}), "unknown field \"metadata.lables\""),
        ("/specs", json!({}), "unknown field \"specs\""),
        (
            "/spec/enabled",
            json!("yes"),
            "spec.enabled: Invalid value: \"string\": spec.enabled in body must be of type boolean: \"string\"",
        ),
        (
            "/metadata/labels",
            json!({"a": true}),
            "metadata.labels.a: Invalid value: \"boolean\": metadata.labels.a in body must be of type string: \"boolean\"",
        ),
        ("/spec", Value::Null, "spec: Required value"),
    ] {
        let found = errors(&definitions, &with(subaccount(), pointer, &value), None);
        assert_eq!(found, [expected]);
    }
}

#[test]
fn an_update_is_held_against_what_is_stored_and_not_blamed_for_what_was_wrong_before() {
    let definitions = Definitions::new().unwrap();
    let stored = with(
        with(subaccount(), "/spec/description", &json!("one\ttwo")),
        "/status",
        &json!({"authId": "SA_ONE", "observedGeneration": 1}),
    );
    let changed = |pointer: &str, value: &Value| {
        errors(&definitions, &with(stored.clone(), pointer, value), Some(&stored)).join("\n")
    };
    assert_eq!(changed("/spec/rateLimit", &json!(5)), "");
    assert_eq!(
        changed("/spec/accountRef/kind", &json!("Account")),
        "",
        "the default"
    );
    for (pointer, value, message) in [
        (
            "/spec/description",
            json!("one\tthree"),
            "must not contain control characters",
        ),
        (
            "/spec/accountRef",
            json!({"name": "other"}),
            "spec.accountRef: Invalid value: accountRef cannot be changed",
        ),
        (
            "/spec/authId",
            json!("SA_ONE"),
            "spec: Invalid value: authId cannot be changed, set or taken out later",
        ),
    ] {
        let found = changed(pointer, &value);
        assert!(found.contains(message) && found.lines().count() == 1, "{found}");
    }
}
