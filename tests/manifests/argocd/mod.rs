//! What is handed out for Argo CD works there.

/// The actions that people find beside an object do what its annotations ask for, and nothing else.
mod actions;
/// The Applications and sets of Subaccounts are whole, in order, and nothing goes unasked where it matters.
mod applications;
/// The health checks judge every state as kstatus does.
mod health;
/// Two interpreters for Argo CD's scripts.
mod lua;

use std::fs;

use vobiz_operator::crd::custom_resource_definitions;

use crate::render;

const PATCH: &str = "manifests/gitops/argocd/argocd-cm-patch.yaml";

/// Our kinds.
fn kinds() -> Vec<String> {
    let definitions = custom_resource_definitions().into_iter();
    definitions.map(|definition| definition.spec.names.kind).collect()
}

/// What the `ConfigMap` says of each kind under keys that begin so.
fn settings(prefix: &str) -> Vec<(String, String)> {
    let config = &render::documents(&fs::read_to_string(render::root().join(PATCH)).unwrap())[0];
    let data = config["data"].as_object().unwrap();
    let settings = data.iter().filter_map(|(key, value)| {
        let kind = key.strip_prefix(prefix)?;
        Some((kind.to_owned(), value.as_str().unwrap().to_owned()))
    });
    settings.collect()
}

#[test]
fn the_config_map_holds_health_checks_and_actions_alone() {
    let health = settings("resource.customizations.health.vobiz.ai_").len();
    let actions = settings("resource.customizations.actions.vobiz.ai_").len();
    assert_eq!(settings("").len(), health + actions);
}
