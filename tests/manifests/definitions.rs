//! `crds/` says what the code says, in YAML that every reader understands.

use std::fs;

use serde_json::{Value, json};
use vobiz_operator::crd::{custom_resource_definitions, yaml};

use crate::render;

fn schemas() -> Vec<(String, Value)> {
    custom_resource_definitions()
        .iter()
        .map(|definition| {
            let definition = serde_json::to_value(definition).unwrap();
            let kind = definition["spec"]["names"]["kind"].as_str().unwrap().to_owned();
            (
                kind,
                definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"].clone(),
            )
        })
        .collect()
}

/// Every schema below this one, with its path.
fn walk<'a>(at: &str, schema: &'a Value, found: &mut Vec<(String, &'a Value)>) {
    found.push((at.to_owned(), schema));
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        walk(&format!("{at}.{name}"), property, found);
    }
    for nested in ["items", "additionalProperties"] {
        if schema[nested].is_object() {
            walk(&format!("{at}.{nested}"), &schema[nested], found);
        }
    }
}

#[test]
fn the_definitions_in_the_repository_are_those_of_the_code() {
    let definitions = custom_resource_definitions();
    for definition in &definitions {
        let path = format!(
            "crds/{}_{}.yaml",
            definition.spec.group, definition.spec.names.plural
        );
        let stored = fs::read_to_string(render::root().join(&path)).unwrap();
        assert_eq!(
            stored,
            yaml(definition).unwrap(),
            "{path} is out of date: run `cargo xtask crds`"
        );
    }
    let files = render::yaml_files("crds");
    let generated = files
        .iter()
        .filter(|path| !path.ends_with("kustomization.yaml"))
        .count();
    assert_eq!(
        generated,
        definitions.len(),
        "a definition that the code does not have: {files:?}"
    );
}

#[test]
fn the_definitions_survive_a_reader_of_another_make() {
    for definition in custom_resource_definitions() {
        let read = render::documents(&yaml(&definition).unwrap());
        assert_eq!(read, [serde_json::to_value(&definition).unwrap()]);
    }
}

#[test]
fn texts_that_look_like_numbers_or_switches_stay_texts() {
    let texts = [
        "on", "off", "yes", "no", "y", "n", "null", "~", "1_000", "0x1f", "1e3", "0o7", "012", "1:30", ".inf",
    ];
    let texts = [
        &texts[..],
        &[
            "2026-11-23",
            "- a",
            "a: b",
            "a #b",
            " a ",
            "",
            "!a",
            "&a",
            "*a",
            "a\nb",
            "a\n",
        ],
    ]
    .concat();
    for text in texts {
        let mut definition = custom_resource_definitions().remove(0);
        definition.metadata.annotations = Some([(text.to_owned(), text.to_owned())].into());
        let read = render::documents(&yaml(&definition).unwrap());
        assert_eq!(
            read[0]["metadata"]["annotations"],
            json!({ text: text }),
            "{text:?}"
        );
    }
}

#[test]
fn kustomize_renders_every_definition() {
    let names: Vec<Value> = render::kustomize("crds")
        .iter()
        .map(|object| object["metadata"]["name"].clone())
        .collect();
    assert_eq!(
        names,
        [
            "accounts.vobiz.ai",
            "clusteraccounts.vobiz.ai",
            "subaccounts.vobiz.ai"
        ]
    );
}

#[test]
fn nothing_is_nullable_and_status_starts_unobserved() {
    for (kind, schema) in schemas() {
        let status = &schema["properties"]["status"];
        assert_eq!(status["default"], json!({ "observedGeneration": -1 }), "{kind}");
        assert_eq!(
            status["properties"]["observedGeneration"]["default"], -1,
            "{kind}"
        );
        assert_eq!(
            status["properties"]["conditions"]["x-kubernetes-list-type"], "map",
            "{kind}"
        );
        assert_eq!(
            status["properties"]["conditions"]["x-kubernetes-list-map-keys"],
            json!(["type"]),
            "{kind}"
        );
        let mut found = Vec::new();
        walk(&kind, &schema, &mut found);
        for (at, schema) in found {
            assert!(schema["nullable"].is_null(), "{at} is nullable");
            let values = schema["enum"].as_array().into_iter().flatten();
            assert!(values.clone().all(|value| !value.is_null()), "{at} takes null");
        }
    }
}

#[test]
fn nothing_has_a_title_which_makes_generators_of_clients_drop_a_kind() {
    for (kind, schema) in schemas() {
        let mut found = Vec::new();
        walk(&kind, &schema, &mut found);
        for (at, schema) in found {
            assert!(schema["title"].is_null(), "{at} is titled {}", schema["title"]);
        }
    }
}

#[test]
fn no_rule_uses_what_judges_without_a_cluster_do_not_know() {
    let mut seen = 0;
    for (kind, schema) in schemas() {
        let mut found = Vec::new();
        walk(&kind, &schema, &mut found);
        let rules = found.iter().flat_map(|(at, schema)| {
            let rules = schema["x-kubernetes-validations"]
                .as_array()
                .into_iter()
                .flatten();
            rules.map(move |rule| (at, rule["rule"].as_str().unwrap()))
        });
        for (at, rule) in rules {
            // Added to Kubernetes after kubectl-validate 0.0.4, which refuses every object of a kind that has one.
            assert!(!rule.contains("format."), "{at}: {rule}");
            seen += 1;
        }
    }
    assert!(seen > 20, "{seen}");
}

#[test]
fn the_only_times_are_those_of_conditions_which_are_whole_seconds() {
    for (kind, schema) in schemas() {
        let mut found = Vec::new();
        walk(&kind, &schema, &mut found);
        let times = found.iter().filter(|(_, schema)| schema["format"] == "date-time");
        assert_eq!(
            times.map(|(at, _)| at.as_str()).collect::<Vec<_>>(),
            [format!("{kind}.status.conditions.items.lastTransitionTime")],
            "classes made by fabric8 read no time with a fraction"
        );
    }
}

#[test]
fn every_field_has_a_description_and_every_rule_says_what_to_do() {
    for (kind, schema) in schemas() {
        let mut found = Vec::new();
        walk(&kind, &schema, &mut found);
        for (at, schema) in found {
            // Types of Kubernetes, members of lists and maps and the object's own fields are described elsewhere.
            let last = at.rsplit('.').next();
            let is_member = matches!(last, Some("additionalProperties" | "items"));
            if at.starts_with(&format!("{kind}.spec.")) && !is_member {
                assert!(schema["description"].is_string(), "{at} is not described");
            }
            for rule in schema["x-kubernetes-validations"]
                .as_array()
                .into_iter()
                .flatten()
            {
                let message = rule["message"].as_str().unwrap_or_default();
                assert!(message.contains("must") || message.contains(':'), "{at}: {rule}");
            }
        }
    }
}

#[test]
fn every_text_that_a_user_writes_has_a_greatest_length() {
    for (kind, schema) in schemas() {
        let mut found = Vec::new();
        walk(&kind, &schema, &mut found);
        for (at, schema) in found
            .iter()
            .filter(|(at, _)| at.starts_with(&format!("{kind}.spec.")))
        {
            let bounded = match schema["type"].as_str() {
                Some("string") => schema["maxLength"].is_number() || schema["enum"].is_array(),
                Some("array") => schema["maxItems"].is_number(),
                Some("object") => schema["properties"].is_object() || schema["maxProperties"].is_number(),
                _ => true,
            };
            assert!(bounded, "{at} has no bound");
        }
    }
}

#[test]
fn a_field_that_does_nothing_yet_is_no_field() {
    let (_, subaccount) = schemas()
        .into_iter()
        .find(|(kind, _)| kind == "Subaccount")
        .unwrap();
    let fields: Vec<&String> = subaccount["properties"]["spec"]["properties"]
        .as_object()
        .unwrap()
        .keys()
        .collect();
    assert_eq!(
        fields,
        [
            "accountRef",
            "authId",
            "businessType",
            "credentialRecovery",
            "deletion",
            "description",
            "email",
            "enabled",
            "kycMode",
            "managementPolicy",
            "name",
            "permissions",
            "phone",
            "rateLimit",
            "secretRef"
        ]
    );
    let (_, account) = schemas().into_iter().find(|(kind, _)| kind == "Account").unwrap();
    let fields: Vec<&String> = account["properties"]["spec"]["properties"]
        .as_object()
        .unwrap()
        .keys()
        .collect();
    assert_eq!(
        fields,
        [
            "adoptable",
            "apiGeneration",
            "credentialsSecretRef",
            "defaults",
            "namePrefix",
            "rateLimit",
            "resyncIntervalSeconds"
        ]
    );
}

#[test]
fn no_deletion_policy_is_written_into_an_object_that_names_none() {
    for (kind, schema) in schemas() {
        let mut found = Vec::new();
        walk(&kind, &schema, &mut found);
        for (at, schema) in found
            .iter()
            .filter(|(at, _)| at.contains(".deletion") || at.ends_with(".defaults"))
        {
            assert!(
                schema["default"].is_null(),
                "{at} has a default: the Account's could never apply"
            );
        }
    }
}
