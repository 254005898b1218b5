//! A real API server takes every manifest, which is then no drift to Flux, and refuses what cannot work with a message that says what to do.

use std::collections::BTreeSet;

use kube::api::{Api, DynamicObject, Patch, PatchParams, PostParams};
use kube::core::{ApiResource, GroupVersionKind};
use serde_json::{Value, json};
use vobiz_harness::control_plane::{ControlPlane, ControlPlaneOptions};
use vobiz_operator::crd::{GROUP, VERSION};
use vobiz_operator::kubectl::validation::Definitions;

use crate::readme::{is_for_a_tool, shown_objects};
use crate::{flux, render};

/// Where to change a valid object, to what, and what the refusal must say.
pub type Refusal = (&'static str, Value, &'static str);

const NAME: &str = "must be the name of an object";
const CONTROL: &str = "must not contain control characters";
const MARKER: &str = "must not contain '[vobiz-operator '";
const SECRET_KEY: &str = "must be a key of a Secret";
const VALUES: &str = "In and NotIn need values, Exists and DoesNotExist have none";
const KEYS: &str = "must have keys of the form name or prefix/name";
const RESERVED: &str = "must not use keys of vobiz.ai/ nor app.kubernetes.io/managed-by";

pub fn subaccount() -> Value {
    json!({
        "apiVersion": "vobiz.ai/v1alpha1",
        "kind": "Subaccount",
        "metadata": { "name": "acme", "namespace": "default" },
        "spec": { "accountRef": { "name": "vobiz" } },
    })
}

/// What house rules ask of every Secret.
pub fn labelled() -> Value {
    let mut object = subaccount();
    object["spec"]["secretRef"] = json!({
        "labels": {
            "app.kubernetes.io/part-of": "voice", "app.kubernetes.io/name": "acme", "app.kubernetes.io/instance": "acme-prod",
            "reloader.example.com/match": "true", "vobiz.ai.example.com/team": "voice",
        },
        "annotations": {"reflector.v1.k8s.emberstack.com/reflection-allowed": "true", "kubernetes.io/description": "the pair"},
    });
    object
}

pub fn account() -> Value {
    json!({
        "apiVersion": "vobiz.ai/v1alpha1",
        "kind": "Account",
        "metadata": { "name": "vobiz", "namespace": "default" },
        "spec": { "credentialsSecretRef": { "name": "vobiz-credentials" } },
    })
}

fn refused_subaccounts() -> Vec<Refusal> {
    vec![
        (
            "/metadata/name",
            json!("a".repeat(64)),
            "metadata.name must be at most 63 characters",
        ),
        ("/spec/accountRef/name", json!("../secrets/x"), NAME),
        ("/spec/accountRef/name", json!("Vobiz"), NAME),
        ("/spec/name", json!("   "), "name must have 1 to 100 characters"),
        (
            "/spec/name",
            json!("a".repeat(101)),
            "name must have 1 to 100 characters",
        ),
        ("/spec/name", json!("a\nb"), CONTROL),
        ("/spec/name", json!("a [vobiz-operator b"), MARKER),
        ("/spec/description", json!("a\u{85}b"), CONTROL),
        ("/spec/description", json!("[vobiz-operator 0123"), MARKER),
        ("/spec/description", json!("a".repeat(501)), "500"),
        ("/spec/email", json!("a\tb"), CONTROL),
        ("/spec/phone", json!("1\u{7f}"), CONTROL),
        ("/spec/rateLimit", json!(0), "greater than or equal to 1"),
        (
            "/spec/permissions",
            json!({ "calls": true }),
            "spec.permissions.cdr: Required value",
        ),
        (
            "/spec/kycMode",
            json!("customer_use"),
            "kycMode customer_use needs an email: set spec.email",
        ),
        (
            "/spec/kycMode",
            json!("other_use"),
            "\"personal_use\", \"customer_use\"",
        ),
        ("/spec/businessType", json!("guild"), "\"individual\""),
        ("/spec/secretRef", json!({ "name": "a/b" }), NAME),
        (
            "/spec/secretRef",
            json!({ "keys": { "authId": "auth_token" } }),
            "keys.authId and keys.authToken must differ",
        ),
        (
            "/spec/secretRef",
            json!({ "keys": { "authId": "a b" } }),
            SECRET_KEY,
        ),
        (
            "/spec/secretRef",
            json!({ "keys": { "authToken": "..a" } }),
            SECRET_KEY,
        ),
        (
            "/spec/secretRef",
            json!({ "labels": { "vobiz.ai/subaccount": "other" } }),
            RESERVED,
        ),
        (
            "/spec/secretRef",
            json!({ "labels": { "app.kubernetes.io/managed-by": "other" } }),
            RESERVED,
        ),
        (
            "/spec/secretRef",
            json!({ "annotations": { "vobiz.ai/managed-keys": "{}" } }),
            RESERVED,
        ),
        ("/spec/secretRef", json!({ "annotations": { "a b": "c" } }), KEYS),
        ("/spec/secretRef", json!({ "labels": { "a b": "c" } }), KEYS),
        (
            "/spec/secretRef",
            json!({ "labels": { "a": "b c" } }),
            "should match",
        ),
        (
            "/spec/deletion",
            json!({ "policy": "Keep" }),
            "\"Delete\", \"Disable\", \"Retain\"",
        ),
    ]
}

fn cluster_account() -> Value {
    json!({
        "apiVersion": "vobiz.ai/v1alpha1",
        "kind": "ClusterAccount",
        "metadata": { "name": "shared" },
        "spec": {
            "credentialsSecretRef": { "name": "vobiz-credentials" },
            "namePrefix": format!("{}{{namespace}}", "a".repeat(37)),
            "allowedNamespaces": { "names": ["team"], "selector": { "matchExpressions": [
                { "key": "tier", "operator": "In", "values": ["gold"] },
                { "key": "closed", "operator": "DoesNotExist" },
            ] } },
            "adoptable": [{ "authId": "SA_ONE", "namespace": "team" }],
        },
    })
}

fn refused_cluster_accounts() -> Vec<Refusal> {
    let selector = |expression: Value| json!({ "matchExpressions": [expression] });
    let at = "/spec/allowedNamespaces/selector";
    vec![
        (at, selector(json!({ "key": "tier", "operator": "In" })), VALUES),
        (
            at,
            selector(json!({ "key": "tier", "operator": "NotIn", "values": [] })),
            VALUES,
        ),
        (
            at,
            selector(json!({ "key": "tier", "operator": "Exists", "values": ["gold"] })),
            VALUES,
        ),
        (
            at,
            selector(json!({ "key": "tier", "operator": "Like" })),
            "\"In\", \"NotIn\", \"Exists\", \"DoesNotExist\"",
        ),
        (
            "/spec/allowedNamespaces/names",
            json!([""]),
            "at least 1 chars long",
        ),
        (
            "/spec/adoptable",
            json!([{ "authId": "*", "namespace": "team" }]),
            "should match",
        ),
        ("/spec/adoptable", json!([{ "authId": "SA_ONE" }]), "namespace"),
    ]
}

/// Of either kind.
fn refused_parents() -> Vec<Refusal> {
    vec![
        (
            "/spec/credentialsSecretRef",
            json!({ "name": "a", "authIdKey": "auth_token" }),
            "authIdKey and authTokenKey must differ",
        ),
        ("/spec/credentialsSecretRef", json!({ "name": "a/b" }), NAME),
        (
            "/spec/credentialsSecretRef",
            json!({ "name": "a", "authTokenKey": "." }),
            SECRET_KEY,
        ),
        (
            "/spec/credentialsSecretRef",
            json!({ "name": "a", "authIdKey": "a b" }),
            SECRET_KEY,
        ),
        (
            "/spec/apiGeneration",
            json!("Gen3"),
            "\"Auto\", \"Gen1\", \"Gen2\"",
        ),
        ("/spec/namePrefix", json!("a\n"), CONTROL),
        ("/spec/namePrefix", json!("[vobiz-operator "), MARKER),
        (
            "/spec/namePrefix",
            json!("a".repeat(38)),
            "at most 37 characters beside {namespace}",
        ),
        (
            "/spec/namePrefix",
            json!("{namespace}{namespace}"),
            "namePrefix may hold {namespace} once and no other braces",
        ),
        (
            "/spec/namePrefix",
            json!("{name}-"),
            "namePrefix may hold {namespace} once and no other braces",
        ),
        (
            "/spec/rateLimit",
            json!({ "requestsPerSecond": 0 }),
            "greater than or equal to 1",
        ),
        (
            "/spec/rateLimit",
            json!({ "burst": 0 }),
            "greater than or equal to 1",
        ),
        (
            "/spec/resyncIntervalSeconds",
            json!(9),
            "greater than or equal to 10",
        ),
        (
            "/spec/resyncIntervalSeconds",
            json!(86_401),
            "less than or equal to 86400",
        ),
    ]
}

fn refused_accounts() -> Vec<Refusal> {
    vec![("/spec/adoptable", json!({ "authIds": ["SA_*"] }), "should match")]
}

/// A valid object of each kind, and what makes it one that cannot work.
pub fn all() -> [(Value, Vec<Refusal>); 3] {
    let with_parents = |own: Vec<Refusal>| [own, refused_parents()].concat();
    [
        (subaccount(), refused_subaccounts()),
        (account(), with_parents(refused_accounts())),
        (cluster_account(), with_parents(refused_cluster_accounts())),
    ]
}

/// The object with the value at a JSON pointer.
pub fn with(mut object: Value, pointer: &str, value: &Value) -> Value {
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    object.pointer_mut(parent).unwrap()[key] = value.clone();
    object
}

fn api(control_plane: &ControlPlane, kind: &str) -> Api<DynamicObject> {
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(GROUP, VERSION, kind));
    if kind.starts_with("Cluster") {
        return Api::all_with(control_plane.client(), &resource);
    }
    Api::namespaced_with(control_plane.client(), "default", &resource)
}

async fn create(api: &Api<DynamicObject>, object: &Value, dry_run: bool) -> Result<DynamicObject, String> {
    let parameters = PostParams {
        dry_run,
        ..PostParams::default()
    };
    let object = serde_json::from_value(object.clone()).unwrap();
    api.create(&parameters, &object)
        .await
        .map_err(|error| error.to_string())
}

#[tokio::test]
async fn an_api_server_takes_every_manifest_and_refuses_what_cannot_work() {
    let options = ControlPlaneOptions {
        definitions: Some(render::root().join("crds")),
        ..ControlPlaneOptions::default()
    };
    let control_plane = ControlPlane::start(&options).await.unwrap();

    for folder in [
        "crds",
        "manifests/base",
        "manifests/overlays/dev",
        "manifests/overlays/staging",
        "manifests/overlays/prod",
        "manifests/overlays/namespaced",
        "manifests/samples",
        "manifests/subaccounts/overlays/dev",
        "manifests/subaccounts/overlays/staging",
        "manifests/subaccounts/overlays/prod",
        "manifests/subaccounts/departments",
        "manifests/subaccounts/reseller",
        "manifests/gitops/argocd/subaccounts/dev",
        "manifests/gitops/argocd/subaccounts/staging",
        "manifests/gitops/argocd/subaccounts/prod",
    ] {
        let path = render::root().join(folder);
        control_plane.kubectl().apply_kustomization(&path).await.unwrap();
        flux::ensure_nothing_to_do(&control_plane, folder).await;
    }

    what_the_documents_show_is_taken(&control_plane).await;

    let subaccounts = api(&control_plane, "Subaccount");
    let definitions = Definitions::new().unwrap();
    for (valid, refusals) in all() {
        let kind = valid["kind"].as_str().unwrap();
        let api = api(&control_plane, kind);
        create(&api, &valid, true).await.unwrap();
        for (pointer, value, message) in refusals {
            let object = with(valid.clone(), pointer, &value);
            let refusal = create(&api, &object, true).await;
            let refusal = refusal.expect_err(&format!("{pointer} {value} was taken"));
            assert!(
                refusal.contains(message),
                "{pointer} {value} was refused without '{message}': {refusal}"
            );
            // What kubectl vobiz says of it without a cluster. Go writes characters that cannot be printed in another way.
            for error in definitions.errors(kind, &object, None) {
                let said = error.to_string();
                assert!(
                    said.contains("\\u{") || refusal.contains(&said),
                    "the API server does not say '{said}' but {refusal}"
                );
            }
        }
    }

    create(&subaccounts, &labelled(), true).await.unwrap();
    let misspelt = with(subaccount(), "/spec/nmae", &json!("Acme"));
    let strict = control_plane
        .kubectl()
        .apply(&misspelt.to_string())
        .await
        .unwrap_err();
    for error in definitions.errors("Subaccount", &misspelt, None) {
        assert!(
            strict.to_string().contains(&error.to_string()),
            "{error}: {strict}"
        );
    }
    new_objects_are_unobserved_and_carry_no_deletion_policy(&subaccounts).await;
    what_is_optional_can_be_taken_away_but_the_account_stays(&subaccounts).await;
    long_names_and_longest_prefix_fit_together(&subaccounts).await;
}

/// Field by field: kubectl asks the API server to refuse what it does not know.
async fn what_the_documents_show_is_taken(control_plane: &ControlPlane) {
    let kubectl = control_plane.kubectl();
    let shown: Vec<(String, Value)> = shown_objects()
        .into_iter()
        .filter(|(_, object)| !is_for_a_tool(object))
        .collect();
    let namespaces: BTreeSet<&str> = shown
        .iter()
        .filter_map(|(_, object)| object["metadata"]["namespace"].as_str())
        .collect();
    for name in namespaces {
        let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
        kubectl.apply(&namespace.to_string()).await.unwrap();
    }
    for (document, object) in shown {
        let arguments = ["apply", "--dry-run=server", "--validate=strict", "--filename=-"];
        let taken = kubectl.run_with_input(&arguments, &object.to_string()).await;
        assert!(taken.is_ok(), "{document} shows what is refused: {taken:?}");
    }
}

async fn new_objects_are_unobserved_and_carry_no_deletion_policy(subaccounts: &Api<DynamicObject>) {
    let created = create(subaccounts, &subaccount(), false).await.unwrap();
    assert_eq!(created.data["status"], json!({ "observedGeneration": -1 }));
    let expected = json!({
        "accountRef": { "kind": "Account", "name": "vobiz" },
        "credentialRecovery": "Manual",
        "enabled": true,
        "managementPolicy": "Full",
        "secretRef": { "keys": { "authId": "auth_id", "authToken": "auth_token" } },
    });
    assert_eq!(created.data["spec"], expected);
}

async fn what_is_optional_can_be_taken_away_but_the_account_stays(subaccounts: &Api<DynamicObject>) {
    let patch = async |spec: Value| {
        let patch = Patch::Merge(json!({ "spec": spec }));
        subaccounts
            .patch("acme", &PatchParams::default(), &patch)
            .await
            .map_err(|error| error.to_string())
    };
    patch(json!({ "email": "a@b.example", "kycMode": "customer_use" }))
        .await
        .unwrap();
    let refusal = patch(json!({ "email": null }))
        .await
        .expect_err("customer_use without an email");
    assert!(refusal.contains("set spec.email"), "{refusal}");
    let changed = patch(json!({ "email": null, "kycMode": null })).await.unwrap();
    assert!(changed.data["spec"]["kycMode"].is_null() && changed.data["spec"]["email"].is_null());
    let refusal = patch(json!({ "accountRef": { "name": "other" } }))
        .await
        .expect_err("another account");
    assert!(
        refusal.contains("accountRef cannot be changed: an account at Vobiz stays under its parent"),
        "{refusal}"
    );
    let refusal = patch(json!({ "authId": "SA_ONE" }))
        .await
        .expect_err("another account for an object that has one");
    assert!(
        refusal.contains("authId cannot be changed, set or taken out later"),
        "{refusal}"
    );
}

async fn long_names_and_longest_prefix_fit_together(subaccounts: &Api<DynamicObject>) {
    let longest = with(subaccount(), "/metadata/name", &json!("a".repeat(63)));
    create(subaccounts, &longest, true).await.unwrap();
    let named = with(longest, "/spec/name", &json!("ä".repeat(100)));
    create(subaccounts, &named, true).await.unwrap();
}
