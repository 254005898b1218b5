//! An Account or a `ClusterAccount`, as one type: nothing that a pass does differs between them but where things are. PURE.
//!
//! One without a namespace is a `ClusterAccount`: see [`AccountKey`].

use crate::account::key::AccountKey;
use crate::controller::wake::Guarded;
use crate::crd::{
    Account, AccountSpec, AccountStatus, AllowedNamespaces, ClusterAccount, ClusterAccountSpec, Grants,
    ParentSpec,
};
use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;
use kube::core::{NamespaceResourceScope, Selector, SelectorExt as _};
use serde::Deserialize;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// An Account or a `ClusterAccount`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(from = "Stored")]
pub struct AccountObject {
    /// Its metadata; without a namespace it is a `ClusterAccount`.
    pub metadata: ObjectMeta,
    /// What both kinds say.
    pub spec: ParentSpec,
    /// Of a `ClusterAccount`: whose Subaccounts may name it.
    pub allowed_namespaces: AllowedNamespaces,
    /// The subaccounts that are there already and that Subaccounts may have.
    pub adoptable: Grants,
    /// What the operator knows.
    pub status: Option<AccountStatus>,
}

impl From<Account> for AccountObject {
    fn from(account: Account) -> Self {
        let AccountSpec { parent, adoptable } = account.spec;
        Self {
            metadata: account.metadata,
            spec: parent,
            allowed_namespaces: AllowedNamespaces::default(),
            adoptable: Grants::OfOwnNamespace(adoptable),
            status: account.status,
        }
    }
}

impl From<ClusterAccount> for AccountObject {
    fn from(account: ClusterAccount) -> Self {
        let ClusterAccountSpec {
            parent,
            allowed_namespaces,
            adoptable,
        } = account.spec;
        Self {
            metadata: account.metadata,
            spec: parent,
            allowed_namespaces,
            adoptable: Grants::ByNamespace(adoptable),
            status: account.status,
        }
    }
}

/// An answer of the API server, of whichever kind: what only one of them says may be left out.
#[derive(Deserialize)]
struct Stored {
    metadata: ObjectMeta,
    spec: StoredSpec,
    status: Option<AccountStatus>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct StoredSpec {
    #[serde(flatten)]
    parent: ParentSpec,
    #[serde(default)]
    allowed_namespaces: AllowedNamespaces,
    #[serde(default)]
    adoptable: Grants,
}

impl From<Stored> for AccountObject {
    fn from(
        Stored {
            metadata,
            spec,
            status,
        }: Stored,
    ) -> Self {
        Self {
            metadata,
            spec: spec.parent,
            allowed_namespaces: spec.allowed_namespaces,
            adoptable: spec.adoptable,
            status,
        }
    }
}

impl AccountObject {
    /// As [`From`], of one that may not be readable.
    #[must_use]
    pub fn guarded<K: Into<Self>>(account: Guarded<K>) -> Guarded<Self> {
        Guarded(account.0.map(Into::into))
    }

    /// The Account, as an event names it.
    #[must_use]
    pub fn reference(&self) -> ObjectReference {
        let metadata = &self.metadata;
        ObjectReference {
            api_version: Some(Self::api_version(&()).into_owned()),
            kind: Some(AccountKey::of(self).kind().as_str().to_owned()),
            namespace: metadata.namespace.clone(),
            name: metadata.name.clone(),
            uid: metadata.uid.clone(),
            resource_version: metadata.resource_version.clone(),
            ..ObjectReference::default()
        }
    }

    /// Whether Subaccounts of a namespace may name it: an Account serves its own one. None where the namespace's labels, which decide, are
    /// not known; they are asked for only where they decide.
    pub fn allows(
        &self,
        namespace: &str,
        labels: impl FnOnce() -> Option<BTreeMap<String, String>>,
    ) -> Option<bool> {
        if let Some(own) = &self.metadata.namespace {
            return Some(own == namespace);
        }
        let AllowedNamespaces { names, selector } = &self.allowed_namespaces;
        if names.iter().any(|name| name == namespace) {
            return Some(true);
        }
        let Some(selector) = selector else {
            return Some(false);
        };
        let labels = labels()?;
        // The schema admits no operator that this does not know.
        let selector = Selector::try_from(selector.clone());
        Some(selector.is_ok_and(|selector| selector.matches(&labels)))
    }
}

/// By the paths of both kinds: one without a namespace is of the whole cluster.
impl Resource for AccountObject {
    type DynamicType = ();
    type Scope = NamespaceResourceScope;

    fn kind((): &()) -> Cow<'_, str> {
        Account::kind(&())
    }

    fn group((): &()) -> Cow<'_, str> {
        Account::group(&())
    }

    fn version((): &()) -> Cow<'_, str> {
        Account::version(&())
    }

    fn plural((): &()) -> Cow<'_, str> {
        Account::plural(&())
    }

    fn url_path((): &(), namespace: Option<&str>) -> String {
        match namespace {
            Some(_) => Account::url_path(&(), namespace),
            None => ClusterAccount::url_path(&(), None),
        }
    }

    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn shared(allowed: &Value) -> AccountObject {
        serde_json::from_value(json!({
            "apiVersion": "vobiz.ai/v1alpha1", "kind": "ClusterAccount", "metadata": {"name": "shared"},
            "spec": {"credentialsSecretRef": {"name": "pair"}, "allowedNamespaces": allowed},
        }))
        .unwrap()
    }

    fn labels(value: &str) -> BTreeMap<String, String> {
        [("tier".to_owned(), value.to_owned())].into()
    }

    #[test]
    fn a_cluster_account_serves_the_namespaces_that_it_names_or_whose_labels_it_selects_and_no_others() {
        let (gold, tin) = (labels("gold"), labels("tin"));
        let expressions = |operator: &str, values: Value| json!({"selector": {"matchExpressions": [{"key": "tier", "operator": operator, "values": values}]}});
        for (allowed, when_gold, when_tin) in [
            (json!({}), false, false),
            (json!({"names": ["team"]}), true, true),
            (json!({"names": ["others"]}), false, false),
            (json!({"selector": {}}), true, true),
            (
                json!({"selector": {"matchLabels": {"tier": "gold"}}}),
                true,
                false,
            ),
            (
                json!({"names": ["team"], "selector": {"matchLabels": {"tier": "gold"}}}),
                true,
                true,
            ),
            (expressions("In", json!(["gold"])), true, false),
            (expressions("NotIn", json!(["gold"])), false, true),
            (expressions("Exists", Value::Null), true, true),
            (expressions("DoesNotExist", Value::Null), false, false),
            // Nobody knows what it asks for.
            (expressions("Like", json!(["gold"])), false, false),
        ] {
            let account = shared(&allowed);
            let found = [&gold, &tin].map(|labels| account.allows("team", || Some(labels.clone())));
            assert_eq!(found, [Some(when_gold), Some(when_tin)], "{allowed}");
        }
        assert_eq!(
            shared(&json!({"selector": {}})).allows("team", || None),
            None,
            "not seen yet"
        );
        assert_eq!(shared(&json!({})).allows("team", || None), Some(false));
    }

    #[test]
    fn an_account_serves_its_own_namespace_alone() {
        let account: AccountObject = serde_json::from_value(json!({
            "apiVersion": "vobiz.ai/v1alpha1", "kind": "Account", "metadata": {"name": "own", "namespace": "team"},
            "spec": {"credentialsSecretRef": {"name": "pair"}},
        }))
        .unwrap();
        assert_eq!(
            (account.allows("team", || None), account.allows("others", || None)),
            (Some(true), Some(false))
        );
    }
}
