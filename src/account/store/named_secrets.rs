//! Which credentials Secrets Accounts name, whether the Accounts can be read or not. PURE.

use crate::account::key::AccountKey;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::account::object::AccountObject;
use crate::controller::wake::Guarded;

/// The credentials Secrets that an Account names: the one of its spec, and the one that may carry its mark.
#[must_use]
pub fn named_secrets(account: &Guarded<AccountObject>) -> BTreeSet<String> {
    match &account.0 {
        Ok(account) => of_readable(account),
        Err(unreadable) => ["/spec/credentialsSecretRef/name", "/status/credentialsSecretName"]
            .into_iter()
            .filter_map(|place| unreadable.text(place).map(str::to_owned))
            .collect(),
    }
}

/// As [`named_secrets`], of an Account that can be read.
#[must_use]
pub fn of_readable(account: &AccountObject) -> BTreeSet<String> {
    let named = account.spec.credentials_secret_ref.name.clone();
    std::iter::once(named).chain(named_by_status(account)).collect()
}

/// The only one that may carry the Account's mark.
#[must_use]
pub fn named_by_status(account: &AccountObject) -> Option<String> {
    account.status.as_ref()?.credentials_secret_name.clone()
}

/// What every Account of the caches names.
#[derive(Debug)]
pub struct NamedSecrets {
    by_account: Mutex<BTreeMap<AccountKey, BTreeSet<String>>>,
    operator_namespace: String,
}

impl NamedSecrets {
    /// Nothing yet. The Secrets of `ClusterAccounts` are in the operator's namespace.
    #[must_use]
    pub fn new(operator_namespace: String) -> Self {
        Self {
            by_account: Mutex::default(),
            operator_namespace,
        }
    }

    /// The Account names these now. True if it named others before.
    pub fn note(&self, account: &Guarded<AccountObject>) -> bool {
        let names = named_secrets(account);
        let mut all = self.lock();
        all.insert(AccountKey::of(account), names.clone()) != Some(names)
    }

    /// The Account is gone.
    pub fn forget(&self, account: &AccountKey) {
        self.lock().remove(account);
    }

    /// Namespace and name of every Secret that is named.
    #[must_use]
    pub fn all(&self) -> BTreeSet<(String, String)> {
        let all = self.lock();
        let of_one = |(account, names): (&AccountKey, &BTreeSet<String>)| {
            let namespace = account.credentials_namespace(&self.operator_namespace).to_owned();
            let names = names.clone().into_iter();
            names
                .map(move |name| (namespace.clone(), name))
                .collect::<Vec<_>>()
        };
        all.iter().flat_map(of_one).collect()
    }

    /// The Accounts that name this Secret.
    #[must_use]
    pub fn namers(&self, namespace: &str, secret: &str) -> Vec<AccountKey> {
        let all = self.lock();
        all.iter()
            .filter(|(account, names)| {
                account.credentials_namespace(&self.operator_namespace) == namespace && names.contains(secret)
            })
            .map(|(account, _)| account.clone())
            .collect()
    }

    /// The Accounts that a Subaccount of the namespace may name.
    #[must_use]
    pub fn accounts_of(&self, namespace: &str) -> Vec<AccountKey> {
        let all = self.lock();
        all.keys()
            .filter(|account| account.reaches(namespace))
            .cloned()
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<AccountKey, BTreeSet<String>>> {
        self.by_account.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn account(generation: &str) -> Guarded<AccountObject> {
        serde_json::from_value(json!({
            "apiVersion": "vobiz.ai/v1alpha1", "kind": "Account",
            "metadata": {"name": "vobiz", "namespace": "team", "uid": "1"},
            "spec": {"credentialsSecretRef": {"name": "new"}, "apiGeneration": generation},
            "status": {"observedGeneration": 1, "credentialsSecretName": "old"},
        }))
        .unwrap()
    }

    #[test]
    fn an_account_that_cannot_be_read_names_its_secrets_all_the_same() {
        let both: BTreeSet<String> = ["new", "old"].map(str::to_owned).into();
        for generation in ["Gen2", "Gen3"] {
            assert_eq!(named_secrets(&account(generation)), both, "{generation}");
        }
        let named = NamedSecrets::new("operator".to_owned());
        assert!(named.note(&account("Gen3")) && !named.note(&account("Gen2")));
        let key = AccountKey::of(&account("Gen3"));
        assert_eq!(named.accounts_of("team"), std::slice::from_ref(&key));
        assert_eq!(named.namers("team", "old"), std::slice::from_ref(&key));
        assert!(named.namers("tea", "old").is_empty() && named.all().len() == 2);
        assert!(named.accounts_of("tea").is_empty());
        named.forget(&key);
        assert!(named.accounts_of("team").is_empty());
    }
}
