//! Samples are understood field by field.

use std::fs;

use k8s_openapi::api::core::v1::Secret;
use serde_json::Value;
use vobiz_operator::crd::{Account, Subaccount};

use crate::render::{self, understood};

fn sample(name: &str) -> Value {
    let text = fs::read_to_string(render::root().join("manifests/samples").join(name)).unwrap();
    let mut documents = render::documents(&text);
    assert_eq!(documents.len(), 1, "{name}");
    documents.remove(0)
}

#[test]
fn account_and_credentials_fit_together() {
    let account: Account = understood(&sample("account.yaml"));
    let secret: Secret = understood(&sample("credentials-secret.yaml"));
    assert_eq!(account.metadata.namespace, secret.metadata.namespace);
    let reference = account.spec.parent.credentials_secret_ref;
    assert_eq!(Some(reference.name), secret.metadata.name);
    let keys: Vec<String> = secret.string_data.unwrap().into_keys().collect();
    assert_eq!(keys, [reference.auth_id_key, reference.auth_token_key]);
}

#[test]
fn subaccounts_name_the_account() {
    let account: Account = understood(&sample("account.yaml"));
    for name in [
        "subaccount-minimal.yaml",
        "subaccount-full.yaml",
        "subaccount-adopted.yaml",
    ] {
        let subaccount: Subaccount = understood(&sample(name));
        assert_eq!(Some(subaccount.spec.account_ref.name), account.metadata.name);
        assert_eq!(subaccount.metadata.namespace, account.metadata.namespace);
    }
}

#[test]
fn the_minimal_subaccount_sets_only_what_is_required_and_the_full_one_every_field() {
    let minimal = sample("subaccount-minimal.yaml");
    assert_eq!(
        minimal["spec"].as_object().unwrap().keys().collect::<Vec<_>>(),
        ["accountRef"]
    );
    let mut full = sample("subaccount-full.yaml");
    // One that has every other field has an account made.
    full["spec"]["authId"] = sample("subaccount-adopted.yaml")["spec"]["authId"].take();
    for definition in vobiz_operator::crd::custom_resource_definitions() {
        let definition = serde_json::to_value(definition).unwrap();
        if definition["spec"]["names"]["kind"] == "Subaccount" {
            let schema = &definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
            all_fields("spec", &schema["properties"]["spec"], &full["spec"]);
        }
    }
}

fn all_fields(at: &str, schema: &Value, sample: &Value) {
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        assert!(
            !sample[name].is_null(),
            "the full sample does not show {at}.{name}"
        );
        all_fields(&format!("{at}.{name}"), property, &sample[name]);
    }
}

#[test]
fn the_samples_can_be_applied_without_overwriting_credentials() {
    let objects = render::kustomize("manifests/samples");
    let kinds: Vec<&Value> = objects.iter().map(|object| &object["kind"]).collect();
    assert_eq!(kinds, ["Namespace", "Account", "Subaccount", "Subaccount"]);
}
