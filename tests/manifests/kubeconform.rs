//! Strict kubeconform takes what is handed out, and refuses what the schemas alone can refuse.

use std::fs;

use serde_json::{Value, json};
use vobiz_harness::directory::TemporaryDirectory;
use vobiz_harness::judges;
use vobiz_operator::crd::{GROUP, VERSION, custom_resource_definitions};

use crate::refusals::{subaccount, with};
use crate::{judge, render};

const SETS: [&str; 6] = [
    "samples",
    "subaccounts/overlays/dev",
    "subaccounts/overlays/staging",
    "subaccounts/overlays/prod",
    "subaccounts/departments",
    "subaccounts/reseller",
];

/// No field beside those that a schema names, as the API server has it where it is asked to validate strictly.
fn close(schema: &mut Value) {
    if schema["properties"].is_object() && schema["additionalProperties"].is_null() {
        schema["additionalProperties"] = json!(false);
    }
    for nested in ["items", "additionalProperties"] {
        if schema[nested].is_object() {
            close(&mut schema[nested]);
        }
    }
    let properties = schema.get_mut("properties").and_then(Value::as_object_mut);
    for property in properties.into_iter().flat_map(serde_json::Map::values_mut) {
        close(property);
    }
}

/// A folder with the schema of each kind, as kubeconform looks for it.
fn schemas() -> TemporaryDirectory {
    let folder = TemporaryDirectory::new("kubeconform").unwrap();
    for definition in custom_resource_definitions() {
        let definition = serde_json::to_value(definition).unwrap();
        let mut schema = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"].clone();
        for of_any_object in ["apiVersion", "kind"] {
            schema["properties"][of_any_object] = json!({"type": "string"});
        }
        schema["properties"]["metadata"] = json!({"type": "object"});
        close(&mut schema);
        let kind = definition["spec"]["names"]["singular"].as_str().unwrap();
        fs::write(folder.path().join(format!("{kind}.json")), schema.to_string()).unwrap();
    }
    folder
}

fn judged(folder: &TemporaryDirectory, objects: &[Value]) -> Result<String, String> {
    let location = format!("{}/{{{{.ResourceKind}}}}.json", folder.path().display());
    let texts: Vec<String> = objects.iter().map(Value::to_string).collect();
    let arguments = ["-strict", "-summary", "-schema-location", &location, "-"];
    judge::run(
        &judges::KUBECONFORM,
        "kubeconform",
        &arguments,
        &texts.join("\n---\n"),
    )
}

#[test]
fn every_set_is_valid_and_an_unknown_field_a_wrong_type_and_a_lacking_field_are_not() {
    let folder = schemas();
    let mut objects = Vec::new();
    for set in SETS {
        objects.extend(render::kustomize(&format!("manifests/{set}")));
    }
    objects.retain(|object| object["apiVersion"] == format!("{GROUP}/{VERSION}"));
    let said = judged(&folder, &objects).unwrap_or_else(|said| panic!("{said}"));
    let expected = format!("Valid: {}, Invalid: 0, Errors: 0, Skipped: 0", objects.len());
    assert!(said.contains(&expected), "{said}");
    for (pointer, value) in [
        ("/spec/nmae", json!("Acme")),
        ("/spec/enabled", json!("yes")),
        ("/spec/accountRef", json!({})),
    ] {
        let wrong = with(subaccount(), pointer, &value);
        assert!(judged(&folder, &[wrong]).is_err(), "{pointer} {value} is taken");
    }
}
