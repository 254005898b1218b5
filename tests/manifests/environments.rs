//! One set of Subaccounts makes three environments.

use k8s_openapi::api::core::v1::Namespace;
use serde_json::{Value, json};
use vobiz_operator::crd::{Account, AccountKind, ClusterAccount, DeletionPolicy, Subaccount};

use crate::render::{self, understood};

const ENVIRONMENTS: [(&str, DeletionPolicy); 3] = [
    ("dev", DeletionPolicy::Delete),
    ("staging", DeletionPolicy::Disable),
    ("prod", DeletionPolicy::Retain),
];

fn rendered(environment: &str) -> Vec<Value> {
    render::kustomize(&format!("manifests/subaccounts/overlays/{environment}"))
}

#[test]
fn each_environment_has_its_namespace_name_prefix_and_deletion_policy() {
    for (environment, policy) in ENVIRONMENTS {
        let objects = rendered(environment);
        let namespace = format!("vobiz-{environment}");
        assert_eq!(
            render::only(&objects, "Namespace")["metadata"]["name"],
            namespace.as_str()
        );
        for object in objects.iter().filter(|object| object["kind"] != "Namespace") {
            assert_eq!(object["metadata"]["namespace"], namespace.as_str());
        }
        let account: Account = understood(render::only(&objects, "Account"));
        assert_eq!(account.spec.parent.name_prefix, format!("{environment}-"));
        assert_eq!(account.spec.parent.defaults.deletion.policy, Some(policy));
    }
}

#[test]
fn the_subaccounts_themselves_are_the_same_in_every_environment() {
    let subaccounts = |environment: &str| -> Vec<Value> {
        let mut objects = rendered(environment);
        objects.retain(|object| object["kind"] == "Subaccount");
        for object in &mut objects {
            object["metadata"]["namespace"] = json!("anywhere");
        }
        objects
    };
    let dev = subaccounts("dev");
    assert!(dev.len() > 1);
    assert_eq!((&dev, &dev), (&subaccounts("staging"), &subaccounts("prod")));
    for subaccount in &dev {
        let subaccount: Subaccount = understood(subaccount);
        assert!(
            subaccount.spec.deletion.is_unset(),
            "the Account's default would not apply"
        );
        assert_eq!(subaccount.spec.name, None, "the Account's prefix would not apply");
    }
}

#[test]
fn no_environment_brings_credentials_along() {
    for (environment, _) in ENVIRONMENTS {
        let objects = rendered(environment);
        assert!(render::of_kind(&objects, "Secret").is_empty());
        let account: Account = understood(render::only(&objects, "Account"));
        assert_eq!(
            account.spec.parent.credentials_secret_ref.name,
            "vobiz-credentials"
        );
    }
}

#[test]
fn each_customer_of_the_reseller_has_a_namespace_that_its_parent_allows_and_nothing_of_the_parent() {
    let objects = render::kustomize("manifests/subaccounts/reseller");
    let parent: ClusterAccount = understood(render::only(&objects, "ClusterAccount"));
    let allowed = parent.spec.allowed_namespaces;
    let selected = allowed.selector.unwrap().match_labels.unwrap();
    assert!(allowed.names.is_empty() && !selected.is_empty());
    let mut customers = Vec::new();
    for namespace in render::of_kind(&objects, "Namespace") {
        let namespace: Namespace = understood(namespace);
        assert_eq!(namespace.metadata.labels.unwrap(), selected);
        customers.push(namespace.metadata.name.unwrap());
    }
    let mut served = Vec::new();
    for subaccount in render::of_kind(&objects, "Subaccount") {
        let subaccount: Subaccount = understood(subaccount);
        let reference = subaccount.spec.account_ref;
        assert_eq!(reference.kind, AccountKind::ClusterAccount);
        assert_eq!(Some(reference.name), parent.metadata.name);
        served.push(subaccount.metadata.namespace.unwrap());
    }
    assert_eq!((served.len(), &served), (3, &customers));
    assert!(render::of_kind(&objects, "Secret").is_empty());
}
