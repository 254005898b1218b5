//! Which Account is meant. PURE.

use crate::controller::refusals::Requester;
use crate::controller::wake::ObjectKey;
use crate::crd::{AccountKind, AccountReference, Subaccount};
use kube::Resource;
use std::fmt;

/// Which Account: the name of one of a namespace, or of one of the whole cluster.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct AccountKey {
    namespace: Option<String>,
    name: String,
}

impl AccountKey {
    /// The key of an Account.
    pub fn of<K: Resource>(account: &K) -> Self {
        let metadata = account.meta();
        Self {
            namespace: metadata.namespace.clone(),
            name: metadata.name.clone().unwrap_or_default(),
        }
    }

    /// The Account of this name in a namespace.
    #[must_use]
    pub fn within(namespace: &str, name: &str) -> Self {
        Self {
            namespace: Some(namespace.to_owned()),
            name: name.to_owned(),
        }
    }

    /// The one of this kind and name, as a Subaccount of the namespace names it.
    #[must_use]
    pub fn named(namespace: &str, kind: AccountKind, name: &str) -> Self {
        Self {
            namespace: (kind == AccountKind::Account).then(|| namespace.to_owned()),
            name: name.to_owned(),
        }
    }

    /// The one that a Subaccount of the namespace refers to.
    #[must_use]
    pub fn referred(namespace: &str, reference: &AccountReference) -> Self {
        Self::named(namespace, reference.kind, &reference.name)
    }

    /// The one that a Subaccount refers to; none if that has no namespace.
    #[must_use]
    pub fn of_user(object: &Subaccount) -> Option<Self> {
        let namespace = object.metadata.namespace.as_deref()?;
        Some(Self::referred(namespace, &object.spec.account_ref))
    }

    /// Of which kind it is.
    #[must_use]
    pub fn kind(&self) -> AccountKind {
        match self.namespace {
            Some(_) => AccountKind::Account,
            None => AccountKind::ClusterAccount,
        }
    }

    /// Whether Subaccounts of the namespace can name it.
    #[must_use]
    pub fn reaches(&self, namespace: &str) -> bool {
        self.namespace.as_deref().is_none_or(|own| own == namespace)
    }

    /// Where its credentials are kept.
    #[must_use]
    pub fn credentials_namespace<'a>(&'a self, operator_namespace: &'a str) -> &'a str {
        self.namespace.as_deref().unwrap_or(operator_namespace)
    }

    /// Its namespace; empty where it belongs to the whole cluster.
    #[must_use]
    pub fn namespace(&self) -> &str {
        self.namespace.as_deref().unwrap_or_default()
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The Account's pass, as one who may be refused something.
    #[must_use]
    pub fn requester(&self) -> Requester {
        let key = ObjectKey {
            namespace: self.namespace().to_owned(),
            name: self.name.clone(),
        };
        Requester::Object(self.kind().as_str(), key)
    }
}

impl fmt::Display for AccountKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(formatter, "{namespace}/{}", self.name),
            None => formatter.write_str(&self.name),
        }
    }
}
