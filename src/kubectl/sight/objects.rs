//! Objects as they are stored, whole: what an apply makes of one depends on who wrote which part. I/O.

use kube::api::{Api, GetParams, ListParams, Patch, PatchParams, PostParams};
use kube::core::NamespaceResourceScope;
use kube::{Client, Resource};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{Seen, pages};
use crate::account::key::AccountKey;
use crate::controller::cluster::{ClusterError, ask, body};
use crate::controller::wake::ObjectKey;
use crate::crd::{Account, AccountKind, ClusterAccount, Subaccount};
use crate::kubectl::failure::Failure;

/// The kinds that people write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A parent account, for one namespace.
    Account,
    /// A parent account, for the whole cluster.
    ClusterAccount,
    /// A Subaccount.
    Subaccount,
}

impl Kind {
    /// As Kubernetes names it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Account => AccountKind::Account.as_str(),
            Self::ClusterAccount => AccountKind::ClusterAccount.as_str(),
            Self::Subaccount => "Subaccount",
        }
    }

    /// The kind of this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Account, Self::ClusterAccount, Self::Subaccount]
            .into_iter()
            .find(|kind| kind.as_str() == name)
    }
}

/// Which object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId {
    /// Its kind.
    pub kind: Kind,
    /// Its namespace, empty where it has none, and its name.
    pub key: ObjectKey,
}

impl ObjectId {
    /// The Account that it is, if it is one.
    #[must_use]
    pub fn account(&self) -> Option<AccountKey> {
        let kind = match self.kind {
            Kind::Account => AccountKind::Account,
            Kind::ClusterAccount => AccountKind::ClusterAccount,
            Kind::Subaccount => return None,
        };
        Some(AccountKey::named(&self.key.namespace, kind, &self.key.name))
    }
}

impl std::fmt::Display for ObjectId {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} {}", self.kind.as_str(), self.key)
    }
}

/// The object as it is stored; none if there is none.
pub async fn get(cluster: &Client, id: &ObjectId) -> Result<Seen<Option<Value>>, Failure> {
    let name = &id.key.name;
    let found: Result<Value, ClusterError> = match id.kind {
        Kind::Subaccount => {
            ask(&within::<Subaccount>(cluster, id), |request| {
                request.get(name, &GetParams::default())
            })
            .await
        }
        Kind::Account => {
            ask(&within::<Account>(cluster, id), |request| {
                request.get(name, &GetParams::default())
            })
            .await
        }
        Kind::ClusterAccount => {
            let api: Api<ClusterAccount> = Api::all(cluster.clone());
            ask(&api, |request| request.get(name, &GetParams::default())).await
        }
    };
    let found = match found {
        Err(error) if error.is_not_found() => Ok(None),
        found => found.map(Some),
    };
    Seen::of(&id.to_string(), found)
}

fn subaccounts_of(cluster: &Client, namespace: Option<&str>) -> (Api<Subaccount>, String) {
    match namespace {
        Some(namespace) => (
            Api::namespaced(cluster.clone(), namespace),
            format!("Subaccounts of the namespace {namespace}"),
        ),
        None => (
            Api::all(cluster.clone()),
            "Subaccounts of all namespaces".to_owned(),
        ),
    }
}

/// The Subaccounts of a namespace, or of all, that carry the labels of a selector; `each` is given one page after the other.
pub async fn list(
    cluster: &Client,
    namespace: Option<&str>,
    selector: Option<&str>,
    each: impl FnMut(Vec<Value>),
) -> Result<(), Failure> {
    let (api, what) = subaccounts_of(cluster, namespace);
    let parameters = ListParams {
        label_selector: selector.map(str::to_owned),
        ..ListParams::default()
    };
    let listed = pages::each(&api, parameters, each).await;
    listed.map_err(|error| Failure::of_cluster(what, &error))
}

/// The Subaccounts of a namespace, or of all, page by page and read as the caller likes; or why the caller may not list them.
pub async fn subaccounts<Item: DeserializeOwned>(
    cluster: &Client,
    namespace: Option<&str>,
    each: impl FnMut(Vec<Item>),
) -> Result<Seen<()>, Failure> {
    let (api, what) = subaccounts_of(cluster, namespace);
    Seen::of(&what, pages::each(&api, ListParams::default(), each).await)
}

/// The Accounts of a namespace that carry the labels of a selector.
pub async fn accounts(
    cluster: &Client,
    namespace: &str,
    selector: Option<&str>,
) -> Result<Vec<ObjectId>, Failure> {
    let api: Api<Account> = Api::namespaced(cluster.clone(), namespace);
    let parameters = ListParams {
        label_selector: selector.map(str::to_owned),
        ..ListParams::default()
    };
    let id = |item: &Value| {
        item["metadata"]["name"].as_str().map(|name| ObjectId {
            kind: Kind::Account,
            key: ObjectKey {
                namespace: namespace.to_owned(),
                name: name.to_owned(),
            },
        })
    };
    let mut found = Vec::new();
    pages::each(&api, parameters, |page: Vec<Value>| {
        found.extend(page.iter().filter_map(id));
    })
    .await
    .map_err(|error| Failure::of_cluster(format!("Accounts of the namespace {namespace}"), &error))?;
    Ok(found)
}

/// What the API server would make of a new object, or of a merge patch of a stored one: nothing is stored.
pub async fn dry_run(cluster: &Client, id: &ObjectId, change: Change<'_>) -> Result<Value, ClusterError> {
    match id.kind {
        Kind::Subaccount => dry_run_at(&within::<Subaccount>(cluster, id), &id.key.name, change).await,
        Kind::Account => dry_run_at(&within::<Account>(cluster, id), &id.key.name, change).await,
        Kind::ClusterAccount => {
            let api: Api<ClusterAccount> = Api::all(cluster.clone());
            dry_run_at(&api, &id.key.name, change).await
        }
    }
}

/// A change that is tried.
#[derive(Clone, Copy)]
pub enum Change<'a> {
    /// This object is created.
    Create(&'a Value),
    /// This is merged into it.
    Merge(&'a Value),
}

async fn dry_run_at<K: Resource + Clone>(
    api: &Api<K>,
    name: &str,
    change: Change<'_>,
) -> Result<Value, ClusterError> {
    match change {
        Change::Create(object) => {
            let parameters = PostParams {
                dry_run: true,
                field_manager: None,
            };
            ask(api, |request| request.create(&parameters, body(object)?)).await
        }
        Change::Merge(patch) => {
            let parameters = PatchParams {
                dry_run: true,
                ..PatchParams::default()
            };
            ask(api, |request| {
                request.patch(name, &parameters, &Patch::Merge(patch))
            })
            .await
        }
    }
}

fn within<K>(cluster: &Client, id: &ObjectId) -> Api<K>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
{
    Api::namespaced(cluster.clone(), &id.key.namespace)
}
