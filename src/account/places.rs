//! Where an Account, its credentials and its Subaccounts are: those of a `ClusterAccount` are elsewhere than those of an Account. I/O (makes
//! clients; no request).

use crate::account::key::AccountKey;
use crate::account::object::AccountObject;
use crate::controller::wake::Guarded;
use crate::crd::{AccountKind, Subaccount};
use k8s_openapi::api::core::v1::Secret;
use kube::core::NamespaceResourceScope;
use kube::{Api, Client, Resource};

/// The places of a cluster.
#[derive(Clone)]
pub struct Places {
    /// The cluster.
    pub cluster: Client,
    /// Where the credentials of a `ClusterAccount` are.
    pub operator_namespace: String,
}

impl Places {
    /// Where the Account is read and written.
    #[must_use]
    pub fn accounts(&self, account: &AccountKey) -> Api<AccountObject> {
        self.beside(account)
    }

    /// The same, of one that cannot be read.
    #[must_use]
    pub fn unreadable_accounts(&self, account: &AccountKey) -> Api<Guarded<AccountObject>> {
        self.beside(account)
    }

    /// Where its credentials are.
    #[must_use]
    pub fn secrets(&self, account: &AccountKey) -> Api<Secret> {
        let namespace = account.credentials_namespace(&self.operator_namespace);
        Api::namespaced(self.cluster.clone(), namespace)
    }

    /// Where Subaccounts may name it.
    #[must_use]
    pub fn subaccounts(&self, account: &AccountKey) -> Api<Guarded<Subaccount>> {
        self.beside(account)
    }

    fn beside<K>(&self, account: &AccountKey) -> Api<K>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    {
        match account.kind() {
            AccountKind::Account => Api::namespaced(self.cluster.clone(), account.namespace()),
            AccountKind::ClusterAccount => Api::all(self.cluster.clone()),
        }
    }
}
