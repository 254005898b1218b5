//! What is handed out for Flux is understood by Flux, whole and in order, and Flux finds nothing to do where all of it was applied.

use std::time::Duration;

use serde_json::Value;
use vobiz_harness::control_plane::ControlPlane;
use vobiz_harness::flux::Flux;
use vobiz_harness::judges;

use crate::judge;
use crate::render;

const FOLDER: &str = "manifests/gitops/flux";

/// The configuration of Flux, by kind.
fn configured(kind: &str) -> Vec<Value> {
    let mut objects = render::kustomize(FOLDER);
    objects.retain(|object| object["kind"] == kind);
    objects
}

fn check(objects: &[Value]) -> Result<String, String> {
    let texts: Vec<String> = objects.iter().map(Value::to_string).collect();
    judge::run(&judges::FLUX, "flux", &["check"], &texts.join("\n---\n"))
}

#[test]
fn flux_knows_every_field_of_its_configuration() {
    let mut objects = render::kustomize(FOLDER);
    check(&objects).unwrap_or_else(|said| panic!("{said}"));
    objects.last_mut().unwrap()["spec"]["dependson"] = Value::Null;
    let refusal = check(&objects).unwrap_err();
    assert!(
        refusal.contains("unknown field") && refusal.contains("dependson"),
        "{refusal}"
    );
}

#[test]
fn flux_applies_the_kinds_then_the_operator_then_the_subaccounts_from_folders_that_are_here() {
    let sources = configured("GitRepository");
    assert_eq!(sources.len(), 1);
    let mut known: Vec<Value> = Vec::new();
    for kustomization in configured("Kustomization") {
        let spec = &kustomization["spec"];
        assert_eq!(spec["sourceRef"]["name"], sources[0]["metadata"]["name"]);
        let objects = render::kustomize(spec["path"].as_str().unwrap());
        for dependency in spec["dependsOn"].as_array().into_iter().flatten() {
            assert!(
                known.contains(&dependency["name"]),
                "{dependency} does not come before"
            );
        }
        let checks = spec["healthChecks"].as_array().cloned().unwrap_or_default();
        for check in &checks {
            let object = render::only(&objects, check["kind"].as_str().unwrap());
            assert_eq!(object["apiVersion"], check["apiVersion"]);
            assert_eq!(object["metadata"]["name"], check["name"]);
            assert_eq!(object["metadata"]["namespace"], check["namespace"]);
        }
        assert!(
            spec["wait"] == true || !checks.is_empty(),
            "nothing says when it is ready"
        );
        for image in spec["images"].as_array().into_iter().flatten() {
            let deployment = render::only(&objects, "Deployment");
            let used = deployment["spec"]["template"]["spec"]["containers"][0]["image"].as_str();
            assert!(
                used.unwrap()
                    .starts_with(&format!("{}:", image["name"].as_str().unwrap()))
            );
        }
        // With a definition go its objects, and with each of them what it keeps at Vobiz.
        if !render::of_kind(&objects, "CustomResourceDefinition").is_empty() {
            assert_eq!(spec["prune"], false);
        }
        if !render::of_kind(&objects, "Deployment").is_empty() {
            assert_eq!(
                spec["deletionPolicy"], "Orphan",
                "who is gone finishes no deletion"
            );
        }
        let prod = kustomization["metadata"]["name"] == "vobiz-subaccounts-prod";
        if prod {
            assert_eq!(
                (&spec["prune"], &spec["deletionPolicy"]),
                (&false.into(), &"Orphan".into())
            );
        }
        known.push(kustomization["metadata"]["name"].clone());
    }
    let expected = [
        "vobiz-crds",
        "vobiz-operator",
        "vobiz-subaccounts-dev",
        "vobiz-subaccounts-prod",
        "vobiz-subaccounts-staging",
    ];
    assert_eq!(known, expected);
}

/// Lets Flux apply a folder that kubectl may have applied before, and look at it again.
pub async fn ensure_nothing_to_do(control_plane: &ControlPlane, folder: &str) {
    let kubectl = control_plane.kubectl();
    let manifests = kubectl.kustomize(&render::root().join(folder)).await.unwrap();
    let flux = Flux::new(kubectl, "vobiz", Duration::from_mins(1)).await.unwrap();
    flux.apply(&manifests).await.unwrap();
    flux.ensure_no_drift(&manifests).await.unwrap();
}
