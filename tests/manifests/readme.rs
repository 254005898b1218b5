//! What the documents show works: manifests are understood, hold against the definitions, and commands apply what is there.

use std::fmt::Debug;

use k8s_openapi::api::admissionregistration::v1::{
    ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding,
};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Namespace, ResourceQuota};
use k8s_openapi::api::rbac::v1::RoleBinding;
use serde_json::Value;
use vobiz_operator::crd::{Account, ClusterAccount, GROUP, Subaccount};
use vobiz_operator::kubectl::validation::Definitions;

use crate::documents::all_blocks;
use crate::render::{self, understood};

/// Stands for an id in what is shown.
const SOME_ID: &str = "SA_...";

/// Every object that a document shows, with the document.
pub fn shown_objects() -> Vec<(String, Value)> {
    let mut found = Vec::new();
    for (document, block) in all_blocks("yaml") {
        let block = block.replace(SOME_ID, "SA_EXAMPLE");
        let objects = render::documents(&block).into_iter();
        found.extend(objects.map(|object| (document.clone(), object)));
    }
    found
}

/// What another tool reads, and no API server: kustomizations, and values of the chart.
pub fn is_for_a_tool(object: &Value) -> bool {
    let version = object["apiVersion"].as_str();
    version.is_none_or(|version| version.starts_with("kustomize.config.k8s.io/"))
}

fn known<T: serde::de::DeserializeOwned + serde::Serialize + Debug>(object: &Value) {
    drop(understood::<T>(object));
}

#[test]
fn manifests_in_the_documents_are_understood_field_by_field_and_hold_against_the_definitions() {
    let definitions = Definitions::new().unwrap();
    let mut of_ours = 0;
    for (document, object) in shown_objects() {
        if is_for_a_tool(&object) {
            continue;
        }
        match object["kind"].as_str().unwrap() {
            "Subaccount" => known::<Subaccount>(&object),
            "Account" => known::<Account>(&object),
            "ClusterAccount" => known::<ClusterAccount>(&object),
            "Deployment" => known::<Deployment>(&object),
            "Namespace" => known::<Namespace>(&object),
            "ResourceQuota" => known::<ResourceQuota>(&object),
            "RoleBinding" => known::<RoleBinding>(&object),
            "ValidatingAdmissionPolicy" => known::<ValidatingAdmissionPolicy>(&object),
            "ValidatingAdmissionPolicyBinding" => known::<ValidatingAdmissionPolicyBinding>(&object),
            other => panic!("{document} shows a {other}, which this test does not know"),
        }
        if object["apiVersion"].as_str().unwrap().starts_with(GROUP) {
            let kind = object["kind"].as_str().unwrap();
            let errors = definitions.errors(kind, &object, None);
            let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
            assert!(errors.is_empty(), "{document} shows what is refused: {errors:?}");
            of_ours += 1;
        }
    }
    assert!(of_ours > 10, "{of_ours}");
}

#[test]
fn folders_that_commands_apply_are_there() {
    let mut seen = 0;
    for (document, block) in all_blocks("sh") {
        for word in block.split_whitespace() {
            let path = word.trim_start_matches("vobiz-operator/");
            if path.starts_with("manifests/") || path.starts_with("crds") {
                assert!(render::root().join(path).exists(), "{document} names {word}");
                seen += 1;
            }
        }
    }
    assert!(seen > 1);
}
