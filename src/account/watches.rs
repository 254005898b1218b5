//! The watch of Accounts, and which passes each change brings. I/O (watches).

use crate::account::credentials_watch::CredentialsWatch;
use crate::account::key::AccountKey;
use crate::account::object::AccountObject;
use crate::account::store::members::Terms;
use crate::account::store::registry::Registry;
use crate::account::store::tally::Tally;
use crate::controller::cache::Whole;
use crate::controller::changes::Changes;
use crate::controller::newest::Newest;
use crate::controller::readiness::Readiness;
use crate::controller::refusals::Refusals;
use crate::controller::trigger::Trigger;
use crate::controller::wake::{Guarded, Scope};
use crate::controller::watch::{Target, Watch, watch};
use crate::crd::{
    ACCEPT_RESTORED_NAMESPACE_ANNOTATION, Account, AllowedNamespaces, CONFIRM_MASS_DELETION_ANNOTATION,
    ClusterAccount, DeletionPolicy, GROUP, Grants, IN_USE_FINALIZER, RECONCILE_REQUESTED_ANNOTATION,
};
use crate::metrics::Metrics;
use kube::runtime::watcher::{self, Event};
use kube::{Client, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use std::fmt::Debug;
use std::sync::Arc;

/// Everything that the watch needs.
pub struct AccountWatches {
    /// The cluster.
    pub cluster: Client,
    /// Counts what is passed over.
    pub metrics: Metrics,
    /// Hears of lists that fail.
    pub readiness: Readiness,
    /// What was refused to gone Accounts is dropped.
    pub refusals: Refusals,
    /// What passes find.
    pub registry: Arc<Registry>,
    /// How many Subaccounts keep an account, by Account.
    pub tally: Arc<Tally>,
    /// Accounts as our own writes returned them.
    pub newest: Arc<Newest<AccountObject>>,
    /// Follows the Secrets that they name.
    pub credentials: Arc<CredentialsWatch>,
}

impl AccountWatches {
    /// The Accounts of a scope, or the `ClusterAccounts`.
    #[must_use]
    pub fn accounts(
        &self,
        scope: &Scope,
        wake_users: impl Fn(&AccountKey) + Send + 'static,
    ) -> Watch<Guarded<AccountObject>> {
        let (cluster, metrics, readiness) =
            (self.cluster.clone(), self.metrics.clone(), self.readiness.clone());
        match scope {
            Scope::Cluster | Scope::Namespace(_) => {
                let all = watcher::Config::default();
                let target = Target::new(cluster, "Account", scope, all, metrics, readiness);
                self.watch::<Account>(target, wake_users)
            }
            Scope::Unnamespaced => self.watch::<ClusterAccount>(
                Target::unnamespaced(cluster, "ClusterAccount", metrics, readiness),
                wake_users,
            ),
        }
    }

    fn watch<Read>(
        &self,
        target: Target<Read>,
        wake_users: impl Fn(&AccountKey) + Send + 'static,
    ) -> Watch<Guarded<AccountObject>>
    where
        Read: Resource<DynamicType = ()>
            + Into<AccountObject>
            + Clone
            + DeserializeOwned
            + Debug
            + Send
            + 'static,
        Read::Scope: 'static,
    {
        let mut trigger = Trigger::new(
            IN_USE_FINALIZER,
            &[CONFIRM_MASS_DELETION_ANNOTATION, RECONCILE_REQUESTED_ANNOTATION],
        );
        let (mut accepted, mut said) = (Changes::default(), Changes::default());
        let (registry, tally) = (Arc::clone(&self.registry), Arc::clone(&self.tally));
        let (refusals, newest) = (self.refusals.clone(), Arc::clone(&self.newest));
        let credentials = Arc::clone(&self.credentials);
        watch(
            target,
            AccountObject::guarded,
            Whole::of,
            own_part,
            move |event, ()| match event {
                Event::Apply(object) | Event::InitApply(object) => {
                    // Of a whole list once, at its end.
                    if credentials.named.note(object) && matches!(event, Event::Apply(_)) {
                        credentials.follow();
                    }
                    if let Ok(account) = &object.0 {
                        registry.set_terms(&AccountKey::of(account), Terms::of(&account.spec));
                    }
                    // Those who wait for this word have nothing else to wake them.
                    let key = AccountKey::of(object);
                    registry.admit(&key, &object.uid().unwrap_or_default());
                    let accepts = object.annotations().get(ACCEPT_RESTORED_NAMESPACE_ANNOTATION);
                    let says = object.0.as_ref().ok().map(Says::of);
                    // Their status names the policy in force and what they may not do; with a first look at the Account they have a
                    // pass anyhow.
                    let says_otherwise = said.knows(&key) & said.differs(&key, Some(&says));
                    if accepted.differs(&key, accepts) || says_otherwise {
                        wake_users(&key);
                    }
                    trigger.admits(object)
                }
                Event::Delete(object) => {
                    trigger.forget(object);
                    // Also one whose finalizer somebody took off: nothing may be done in its name any more.
                    let key = AccountKey::of(object);
                    let uid = object.uid().unwrap_or_default();
                    registry.remove(&key, &uid);
                    newest.forget(&uid);
                    accepted.forget(&key);
                    said.forget(&key);
                    tally.forget(&key);
                    credentials.named.forget(&key);
                    credentials.follow();
                    wake_users(&key);
                    refusals.clear(key.requester());
                    false
                }
                Event::InitDone => {
                    credentials.follow();
                    false
                }
                Event::Init => false,
            },
        )
    }
}

/// What an Account says that its Subaccounts tell in their status, or wait for.
#[derive(Clone, PartialEq)]
struct Says {
    policy: Option<DeletionPolicy>,
    allowed: AllowedNamespaces,
    adoptable: Grants,
}

impl Says {
    fn of(account: &AccountObject) -> Self {
        Self {
            policy: account.spec.defaults.deletion.policy,
            allowed: account.allowed_namespaces.clone(),
            adoptable: account.adoptable.clone(),
        }
    }
}

/// Takes out what people and their tools keep on an object for themselves: no pass reads it.
pub fn own_part<K: Resource>(event: &mut Event<K>) {
    let (Event::Apply(object) | Event::InitApply(object) | Event::Delete(object)) = event else {
        return;
    };
    let metadata = object.meta_mut();
    metadata.labels = None;
    metadata.owner_references = None;
    let is_own = |key: &str| key.split_once('/').is_some_and(|(prefix, _)| prefix == GROUP);
    if let Some(annotations) = &mut metadata.annotations {
        annotations.retain(|key, _| is_own(key));
    }
}
