//! Which Account is meant. PURE.

use crate::controller::wake::{Guarded, ObjectKey, Waker};
use crate::crd::Account;
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

    /// As an object among others.
    #[must_use]
    pub fn object(&self) -> ObjectKey {
        ObjectKey {
            namespace: self.namespace().to_owned(),
            name: self.name.clone(),
        }
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

/// Wakes passes over Accounts, of whichever kind.
#[derive(Clone, Debug)]
pub struct AccountWaker(Waker<Guarded<Account>>);

impl AccountWaker {
    /// Puts them into these queues.
    #[must_use]
    pub fn new(queues: Waker<Guarded<Account>>) -> Self {
        Self(queues)
    }

    /// Asks for a pass over the Account.
    pub fn wake(&self, account: &AccountKey) {
        self.0.wake_within(account.namespace(), account.name());
    }
}
