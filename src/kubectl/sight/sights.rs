//! Everything that a plan looks at, each thing once. I/O.

use std::collections::HashMap;

use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Secret};
use kube::Api;

use super::Seen;
use super::account::Account;
use super::records::Records;
use crate::account::key::AccountKey;
use crate::account::marker::{INSTALLATION_CONFIG_MAP, Installation};
use crate::account::object::AccountObject;
use crate::controller::versioned::{Versioned, get_versioned};
use crate::kubectl::failure::Failure;
use crate::kubectl::session::Session;

/// Everything that a plan looks at.
pub struct Sights<'a> {
    session: &'a Session,
    /// The Records.
    pub records: Records,
    /// Accounts as manifests will make them.
    pub planned: HashMap<AccountKey, AccountObject>,
    accounts: HashMap<AccountKey, Account>,
    namespaces: HashMap<String, Seen<Option<Namespace>>>,
    installation: Option<Seen<Option<Installation>>>,
}

impl<'a> Sights<'a> {
    /// Nothing was looked at.
    #[must_use]
    pub fn new(session: &'a Session) -> Self {
        Self {
            session,
            records: Records::new(session),
            planned: HashMap::new(),
            accounts: HashMap::new(),
            namespaces: HashMap::new(),
            installation: None,
        }
    }

    /// The Account.
    pub async fn account(&mut self, key: &AccountKey) -> Result<&mut Account, Failure> {
        if !self.accounts.contains_key(key) {
            let planned = self.planned.get(key).cloned();
            let account = Account::look(self.session, key, planned).await?;
            self.accounts.insert(key.clone(), account);
        }
        let gone = || Failure::new(key.to_string(), "it was not looked at", "try again");
        self.accounts.get_mut(key).ok_or_else(gone)
    }

    /// Every Account that was looked at.
    pub fn accounts(&self) -> impl Iterator<Item = &Account> {
        self.accounts.values()
    }

    /// The namespace; none if there is none.
    pub async fn namespace(&mut self, name: &str) -> Result<&Seen<Option<Namespace>>, Failure> {
        if !self.namespaces.contains_key(name) {
            let namespaces: Api<Namespace> = Api::all(self.session.cluster.clone());
            let read = get_versioned(&namespaces, name).await;
            let read = read.map(|read| read.map(Versioned::into_object));
            let seen = Seen::of(&format!("namespace {name}"), read)?;
            self.namespaces.insert(name.to_owned(), seen);
        }
        let gone = || Failure::new(name, "it was not looked at", "try again");
        self.namespaces.get(name).ok_or_else(gone)
    }

    /// Whose marks are those of this cluster's operator; none if it has never run.
    pub async fn installation(&mut self) -> Result<Seen<Option<Installation>>, Failure> {
        if let Some(known) = &self.installation {
            return Ok(known.clone());
        }
        let api: Api<ConfigMap> =
            Api::namespaced(self.session.cluster.clone(), &self.session.operator_namespace);
        let read = get_versioned(&api, INSTALLATION_CONFIG_MAP).await;
        let kept =
            |read: Option<Versioned<ConfigMap>>| read.and_then(|read| Installation::kept_in(read.object()));
        let what = format!(
            "ConfigMap {INSTALLATION_CONFIG_MAP} in the namespace {}",
            self.session.operator_namespace
        );
        let seen = Seen::of(&what, read.map(kept))?;
        Ok(self.installation.insert(seen).clone())
    }

    /// A Secret of the user's; none if there is none.
    pub async fn user_secret(
        &self,
        namespace: &str,
        name: &str,
    ) -> Result<Seen<Option<Versioned<Secret>>>, Failure> {
        let api: Api<Secret> = Api::namespaced(self.session.cluster.clone(), namespace);
        Seen::of(
            &format!("Secret {namespace}/{name}"),
            get_versioned(&api, name).await,
        )
    }
}
