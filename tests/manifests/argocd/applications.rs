//! The Applications and sets of Subaccounts for Argo CD are whole, in order, and nothing goes unasked where it matters.

use serde_json::Value;

use crate::documents::text;
use crate::render;

const APPLICATIONS: &str = "manifests/gitops/argocd/applications.yaml";
const ENVIRONMENTS: [&str; 3] = ["dev", "staging", "prod"];
const WAVE: &str = "argocd.argoproj.io/sync-wave";
const OPTIONS: &str = "argocd.argoproj.io/sync-options";

fn annotation<'a>(object: &'a Value, key: &str) -> Option<&'a str> {
    object["metadata"]["annotations"][key].as_str()
}

fn wave(object: &Value) -> i64 {
    annotation(object, WAVE).unwrap_or("0").parse().unwrap()
}

fn set(environment: &str) -> Vec<Value> {
    render::kustomize(&format!("manifests/gitops/argocd/subaccounts/{environment}"))
}

#[test]
fn applications_take_what_is_here_server_side_and_the_kinds_first() {
    let applications = render::documents(&text(APPLICATIONS));
    let mut waves = Vec::new();
    for application in &applications {
        assert_eq!(application["kind"], "Application");
        let spec = &application["spec"];
        let objects = render::kustomize(spec["source"]["path"].as_str().unwrap());
        assert!(!objects.is_empty());
        let options = spec["syncPolicy"]["syncOptions"].as_array().unwrap();
        assert!(options.contains(&Value::from("ServerSideApply=true")));
        // With a definition go its objects, and with each of them what it keeps at Vobiz.
        let has_definitions = !render::of_kind(&objects, "CustomResourceDefinition").is_empty();
        assert_eq!(spec["syncPolicy"]["automated"]["prune"], !has_definitions);
        let images = spec["source"]["kustomize"]["images"]
            .as_array()
            .into_iter()
            .flatten();
        for image in images {
            let (name, _) = image.as_str().unwrap().split_once('=').unwrap();
            let deployment = render::only(&objects, "Deployment");
            let used = &deployment["spec"]["template"]["spec"]["containers"][0]["image"];
            assert!(used.as_str().unwrap().starts_with(&format!("{name}:")), "{used}");
        }
        waves.push(wave(application));
    }
    assert_eq!(waves, [0, 1, 2, 2, 2], "kinds, operator, Subaccounts");
}

#[test]
fn a_set_is_the_environments_own_and_goes_namespace_account_subaccounts() {
    for environment in ENVIRONMENTS {
        let mut objects = set(environment);
        for object in &objects {
            let expected = match object["kind"].as_str().unwrap() {
                "Namespace" => -1,
                "Account" => 0,
                "Subaccount" => 1,
                other => panic!("a {other} has no place in the order"),
            };
            assert_eq!(wave(object), expected);
        }
        for object in &mut objects {
            object["metadata"].as_object_mut().unwrap().remove("annotations");
        }
        let own = render::kustomize(&format!("manifests/subaccounts/overlays/{environment}"));
        assert_eq!(objects, own);
    }
}

#[test]
fn nothing_of_prod_goes_unless_a_person_confirms_it() {
    for environment in ENVIRONMENTS {
        let expected = (environment == "prod").then_some("Prune=confirm,Delete=confirm");
        for object in set(environment) {
            assert_eq!(annotation(&object, OPTIONS), expected, "{environment}");
        }
    }
}
