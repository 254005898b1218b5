//! The actions that people find beside an object in Argo CD do what its annotations ask for, and nothing else.

use jiff::Timestamp;
use serde_json::{Value, json};
use vobiz_operator::crd::{PAUSED_ANNOTATION, RECONCILE_REQUESTED_ANNOTATION};

use super::lua::{self, Question};
use super::{kinds, settings};
use crate::render;

/// What the `ConfigMap` says of each kind's actions.
fn actions() -> Vec<(String, Value)> {
    settings("resource.customizations.actions.vobiz.ai_")
        .into_iter()
        .map(|(kind, text)| (kind, render::documents(&text).remove(0)))
        .collect()
}

/// The names of the actions that Argo CD offers for an object, sorted; those that it greys out begin with a dash.
fn offered(settings: &Value, object: &Value) -> Vec<String> {
    let script = settings["discovery.lua"].as_str().unwrap();
    let answers = lua::answers(&[Question::new("discovery", script, object)]);
    let offered = answers[0].as_object().unwrap().iter().map(|(name, action)| {
        assert!(action["displayName"].is_string() && action["iconClass"].is_string());
        let dash = if action["disabled"] == true { "-" } else { "" };
        format!("{dash}{name}")
    });
    offered.collect()
}

/// The merge patch that an action makes.
fn patch(settings: &Value, action: &str, object: &Value) -> Value {
    let definitions = settings["definitions"].as_array().unwrap();
    let definition = definitions.iter().find(|definition| definition["name"] == action);
    let script = definition.unwrap()["action.lua"].as_str().unwrap();
    lua::answers(&[Question::new("action", script, object)]).remove(0)
}

/// An object with what Lua may take for something else: an empty map, an empty list, a list of maps.
fn object(annotations: &Value) -> Value {
    let mut object = json!({
        "metadata": {"name": "acme", "generation": 3, "finalizers": ["vobiz.ai/subaccount"]},
        "spec": {"accountRef": {"name": "vobiz"}, "secretRef": {"labels": {}}, "rateLimit": 500, "enabled": false},
        "status": {"observedGeneration": 3, "conditions": [{"type": "Ready", "status": "True", "extra": {}}]},
    });
    if !annotations.is_null() {
        object["metadata"]["annotations"] = annotations.clone();
    }
    object
}

#[test]
fn every_kind_can_be_looked_at_and_subaccounts_be_paused_and_resumed() {
    let names: Vec<String> = actions().into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(names, kinds());
    for (kind, settings) in actions() {
        let defined = settings["definitions"].as_array().unwrap().iter();
        let mut defined: Vec<String> = defined
            .map(|one| one["name"].as_str().unwrap().to_owned())
            .collect();
        defined.sort();
        if kind != "Subaccount" {
            assert_eq!(offered(&settings, &object(&Value::Null)), ["reconcile"]);
            assert_eq!(defined, ["reconcile"]);
            continue;
        }
        assert_eq!(defined, ["pause", "reconcile", "resume"]);
        for at_work in [
            Value::Null,
            json!({"a": "b"}),
            json!({PAUSED_ANNOTATION: "false"}),
        ] {
            let found = offered(&settings, &object(&at_work));
            assert_eq!(found, ["pause", "reconcile", "-resume"]);
        }
        let found = offered(&settings, &object(&json!({PAUSED_ANNOTATION: "true"})));
        assert_eq!(found, ["-pause", "-reconcile", "resume"]);
    }
}

#[test]
fn an_action_changes_its_annotation_and_nothing_else() {
    let annotated = |key: &str, value: &Value| json!({"metadata": {"annotations": {key: value}}});
    for (kind, settings) in actions() {
        for before in [
            Value::Null,
            json!({}),
            json!({"a": "b"}),
            json!({RECONCILE_REQUESTED_ANNOTATION: "1"}),
        ] {
            let found = patch(&settings, "reconcile", &object(&before));
            let value = &found["metadata"]["annotations"][RECONCILE_REQUESTED_ANNOTATION];
            let requested: Timestamp = value.as_str().unwrap().parse().unwrap();
            assert!(requested > "2026-01-01T00:00:00Z".parse().unwrap(), "{requested}");
            assert_eq!(found, annotated(RECONCILE_REQUESTED_ANNOTATION, value), "{kind}");
            if kind == "Subaccount" {
                let found = patch(&settings, "pause", &object(&before));
                assert_eq!(found, annotated(PAUSED_ANNOTATION, &json!("true")));
            }
        }
        if kind == "Subaccount" {
            for before in [
                json!({PAUSED_ANNOTATION: "true"}),
                json!({"a": "b", PAUSED_ANNOTATION: "true"}),
            ] {
                let found = patch(&settings, "resume", &object(&before));
                assert_eq!(found, annotated(PAUSED_ANNOTATION, &json!("false")));
            }
        }
    }
}
