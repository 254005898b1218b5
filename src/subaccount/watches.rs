//! What is watched, and which passes each change brings. I/O (watches).

use super::context::{Context, source_of_record};
use super::holders::{Holders, Holding, kept_under, misses_its_record};
use super::kept::Keeper;
use super::store::record::{Phase, RECORD_TYPE, secret_name};
use super::store::records::{Change, Records};
use super::traces::Traces;
use super::wish::WISHES;
use crate::account::key::AccountKey;
use crate::account::store::named_secrets::NamedSecrets;
use crate::account::store::tally::Tally;
use crate::account::users::{account_named_by, names};
use crate::account::waker::AccountWaker;
use crate::account::watches::own_part;
use crate::clock::now;
use crate::controller::cache::Whole;
use crate::controller::changes::Changes;
use crate::controller::nameplate::Nameplate;
use crate::controller::readiness::Readiness;
use crate::controller::refusals::{Refusals, Requester};
use crate::controller::trigger::Trigger;
use crate::controller::wake::{Caches, Guarded, ObjectKey, Scope, Waker};
use crate::controller::watch::{Target, Watch, watch, whole};
use crate::crd::{
    ACCEPT_RESTORED_NAMESPACE_ANNOTATION, AccountKind, FINALIZER, MANAGED_BY, MANAGED_BY_LABEL,
    SUBACCOUNT_LABEL, Subaccount,
};
use crate::metrics::Metrics;
use k8s_openapi::api::core::v1::{Namespace, Secret};
use kube::core::{NamespaceResourceScope, PartialObjectMeta};
use kube::runtime::watcher::{self, Event};
use kube::{Client, Resource, ResourceExt};
use std::convert::identity;
use std::future::Future;
use std::sync::Arc;

/// Everything that watches need.
pub struct Watches {
    /// The cluster.
    pub cluster: Client,
    /// Where Records are kept.
    pub operator_namespace: String,
    /// Series of gone objects are dropped.
    pub metrics: Metrics,
    /// Hears of lists that fail.
    pub readiness: Readiness,
    /// What was refused to gone objects is dropped.
    pub refusals: Refusals,
    /// Wakes an Account whose first Subaccount came or whose last one went.
    pub wake_account: AccountWaker,
    /// Wakes an object whose Record was lost.
    pub wake_object: Waker<Guarded<Subaccount>>,
    /// Wakes the janitor of a gone object's Record.
    pub wake_record: Waker<Secret>,
    /// The cached Records.
    pub records: Arc<Records>,
    /// What passes over Subaccounts and Records leave behind.
    pub traces: Arc<Traces>,
    /// How many Subaccounts keep an account, by Account.
    pub tally: Arc<Tally>,
    /// The Accounts there are, and which Secrets they name.
    pub named_secrets: Arc<NamedSecrets>,
}

impl Watches {
    /// Wakes the Subaccounts that name an Account.
    pub fn user_waker(
        &self,
        subaccounts: Caches<Guarded<Subaccount>>,
    ) -> impl Fn(&AccountKey) + Send + 'static + use<> {
        let wake_object = self.wake_object.clone();
        move |account| {
            let near = subaccounts.those(|kept| account.reaches(kept.namespace()));
            for user in near.filter(|user| names(user, account) == Some(true)) {
                wake_object.wake(&ObjectKey::of(&*user));
            }
        }
    }

    /// The namespaces, by their metadata: a `ClusterAccount` may allow those with certain labels.
    #[must_use]
    pub fn namespaces(
        &self,
        subaccounts: Caches<Guarded<Subaccount>>,
    ) -> Watch<PartialObjectMeta<Namespace>> {
        let (wake_object, wake_account) = (self.wake_object.clone(), self.wake_account.clone());
        let mut labels = Changes::default();
        let (cluster, metrics, readiness) =
            (self.cluster.clone(), self.metrics.clone(), self.readiness.clone());
        let target = Target::unnamespaced(cluster, "Namespace", metrics, readiness);
        watch(
            target,
            Guarded::or_bare,
            Whole::of,
            without_annotations,
            move |event, ()| {
                let name = match event {
                    Event::Apply(namespace) | Event::InitApply(namespace) => {
                        let name = namespace.name_any();
                        labels.differs(&name, Some(namespace.labels())).then_some(name)
                    }
                    Event::Delete(namespace) => {
                        labels.forget(&namespace.name_any());
                        None
                    }
                    Event::Init | Event::InitDone => None,
                };
                for object in name.iter().flat_map(|name| subaccounts.of_namespace(name)) {
                    let account = account_named_by(&object);
                    if let Some(account) =
                        account.filter(|account| account.kind() == AccountKind::ClusterAccount)
                    {
                        wake_object.wake(&ObjectKey::of(&*object));
                        // Whether it is in use may depend on it.
                        wake_account.wake(&account);
                    }
                }
                false
            },
        )
    }

    /// The Subaccounts of a scope.
    #[must_use]
    pub fn subaccounts(&self, scope: &Scope) -> Watch<Guarded<Subaccount>> {
        let (mut trigger, mut keeper) = (Trigger::new(FINALIZER, &WISHES), Keeper::default());
        let (mut holders, tally) = (Holders::default(), Arc::clone(&self.tally));
        // Whom a list tells of is woken at its end: only then does the cache show who uses what.
        let mut listed: Vec<Holding> = Vec::new();
        let named_secrets = Arc::clone(&self.named_secrets);
        let (wake_account, wake_record) = (self.wake_account.clone(), self.wake_record.clone());
        let wake_held = move |holding: &Holding| match holding {
            Holding::Account(account) => wake_account.wake(account),
            Holding::AnyOf(namespace) => {
                for account in named_secrets.accounts_of(namespace) {
                    wake_account.wake(&account);
                }
            }
        };
        let (metrics, operator_namespace) = (self.metrics.clone(), self.operator_namespace.clone());
        let (records, traces) = (Arc::clone(&self.records), Arc::clone(&self.traces));
        let refusals = self.refusals.clone();
        watch(
            self.target::<Subaccount>("Subaccount", scope, watcher::Config::default()),
            identity,
            move |object| keeper.keep(object),
            own_part,
            move |event, ()| match event {
                Event::Apply(object) | Event::InitApply(object) => {
                    let changed = holders.came(object);
                    if matches!(event, Event::InitApply(_)) {
                        listed.extend(changed);
                    } else {
                        changed.iter().for_each(&wake_held);
                    }
                    if let Ok(object) = &object.0 {
                        traces.newest.seen(object);
                    }
                    let (key, uid) = (ObjectKey::of(object), object.uid().unwrap_or_default());
                    tally.note(&uid, kept_under(object));
                    metrics.admit_object(&key.namespace, &key.name, &uid);
                    trigger.admits(object)
                }
                Event::Delete(object) => {
                    trigger.forget(object);
                    let key = ObjectKey::of(object);
                    let uid = object.uid().unwrap_or_default();
                    metrics.forget_object(&key.namespace, &key.name, &uid);
                    refusals.clear(Requester::Object("Subaccount", key.clone()));
                    traces.forget_object(&key, &uid);
                    if object
                        .0
                        .as_ref()
                        .is_ok_and(|gone| traces.overtaken.went(gone, now()))
                    {
                        tracing::info!(object = %key, uid, "an object went past its finalizer: its deletion had begun before");
                    }
                    tally.note(&uid, None);
                    let taken_over = records.get(&uid).map(|stored| stored.secret.clone());
                    wake_record.wake(&ObjectKey {
                        namespace: operator_namespace.clone(),
                        name: taken_over.unwrap_or_else(|| secret_name(&uid)),
                    });
                    holders.went(object).iter().for_each(&wake_held);
                    false
                }
                Event::InitDone => {
                    listed.drain(..).for_each(|holding| wake_held(&holding));
                    false
                }
                Event::Init => false,
            },
        )
    }

    /// The Records: the only Secrets that are listed and watched, in the operator's own namespace.
    #[must_use]
    pub fn records(&self, subaccounts: Caches<Guarded<Subaccount>>) -> Watch<Secret> {
        let own = Scope::Namespace(self.operator_namespace.clone());
        let selection = watcher::Config::default().fields(&format!("type={RECORD_TYPE}"));
        let (records, wake_object) = (Arc::clone(&self.records), self.wake_object.clone());
        let (known, traces) = (Arc::clone(&self.records), Arc::clone(&self.traces));
        let (refusals, operator_namespace) = (self.refusals.clone(), self.operator_namespace.clone());
        let wake_account = self.wake_account.clone();
        let mut accepted = Changes::default();
        let digest = move |event: &mut Event<Secret>| {
            if let Event::Delete(secret) = event {
                let name = secret.name_any();
                let served = records
                    .in_secret(&name)
                    .map(|stored| stored.record.subject.uid.clone());
                let overtaken = served.as_deref().and_then(|uid| traces.overtaken.of(uid, now()));
                traces.forget_record(&name, served.as_deref());
                if let Some(account) = overtaken.as_deref().and_then(AccountKey::of_user) {
                    wake_account.wake(&account);
                }
            }
            let before = match event {
                Event::Apply(secret) | Event::InitApply(secret) => {
                    records.phase_in_secret(&secret.name_any())
                }
                Event::Delete(_) | Event::Init | Event::InitDone => None,
            };
            (records.apply(event), before)
        };
        watch(
            self.target("Record", &own, selection),
            // One that cannot be read counts as damaged.
            Guarded::or_bare,
            Nameplate::of,
            digest,
            move |event, (changes, before)| {
                for change in changes {
                    match change {
                        Change::Lost(namespace, name) | Change::Mended(namespace, name) => {
                            wake_object.wake(&ObjectKey { namespace, name });
                        }
                        Change::Damaged(name, damaged) => {
                            tracing::error!(name, %damaged, "a record cannot be read");
                        }
                        Change::None => {}
                    }
                }
                match event {
                    // The janitor looks when a Record appears or its phase changes.
                    Event::Apply(secret) | Event::InitApply(secret) => {
                        let key = ObjectKey::of(secret);
                        let is_accepted = accepted.differs(
                            &key,
                            secret.annotations().get(ACCEPT_RESTORED_NAMESPACE_ANNOTATION),
                        );
                        if let Some(stored) = known.in_secret(&key.name) {
                            let subject = &stored.record.subject;
                            let object = subaccounts.get(&subject.namespace, &subject.name);
                            // One that somebody put back is what an object without its pair waits for.
                            let is_missed =
                                before.is_none() && object.as_deref().is_some_and(misses_its_record);
                            // What is closed stands in no successor's way any more.
                            let is_freed = stored.record.ledger.phase == Phase::Closed
                                && before.is_some_and(|before| before != Phase::Closed)
                                && object.is_some_and(|object| object.uid().as_deref() != Some(&subject.uid));
                            if is_accepted || is_missed || is_freed {
                                wake_object.wake(&ObjectKey {
                                    namespace: subject.namespace.clone(),
                                    name: subject.name.clone(),
                                });
                            }
                        }
                        before != known.phase_in_secret(&key.name)
                    }
                    Event::Delete(secret) => {
                        refusals.clear(source_of_record(&operator_namespace, &secret.name_any()));
                        accepted.forget(&ObjectKey::of(secret));
                        false
                    }
                    Event::Init | Event::InitDone => false,
                }
            },
        )
    }

    /// Users' Secrets, their metadata alone, for those who grant the right: a change is looked at at once.
    pub fn user_secrets(
        &self,
        scope: &Scope,
        context: Arc<Context>,
    ) -> impl Future<Output = ()> + Send + use<> {
        let selection = watcher::Config::default().labels(&format!("{MANAGED_BY_LABEL}={MANAGED_BY}"));
        let target = self.target::<PartialObjectMeta<Secret>>("Secret", scope, selection);
        let Watch { task, .. } = watch(target, Guarded::or_bare, Whole::of, whole, move |event, ()| {
            if let Event::Apply(secret) | Event::Delete(secret) = event
                && let Some(name) = secret.labels().get(SUBACCOUNT_LABEL)
            {
                let namespace = secret.namespace().unwrap_or_default();
                if let Some(uid) = context.cached(&namespace, name).and_then(|object| object.uid()) {
                    context
                        .traces
                        .memory
                        .with(&uid, |remembered| remembered.secret_suspect = true);
                    context.wake_object.wake(&ObjectKey {
                        namespace,
                        name: name.clone(),
                    });
                }
            }
            false
        });
        task
    }

    fn target<Read>(&self, kind: &'static str, scope: &Scope, selection: watcher::Config) -> Target<Read>
    where
        Read: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    {
        let (cluster, metrics, readiness) =
            (self.cluster.clone(), self.metrics.clone(), self.readiness.clone());
        Target::new(cluster, kind, scope, selection, metrics, readiness)
    }
}

/// What nobody here reads of a namespace.
fn without_annotations(event: &mut Event<PartialObjectMeta<Namespace>>) {
    if let Event::Apply(namespace) | Event::InitApply(namespace) = event {
        namespace.metadata.annotations = None;
        namespace.metadata.owner_references = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crd::{Account, CONFIRM_MASS_DELETION_ANNOTATION};
    use serde_json::json;
    use std::collections::{HashMap, HashSet};

    #[test]
    fn every_annotation_that_the_operator_acts_on_is_kept_and_nothing_else() {
        let own = || {
            let of_accounts = [
                CONFIRM_MASS_DELETION_ANNOTATION,
                ACCEPT_RESTORED_NAMESPACE_ANNOTATION,
            ];
            WISHES.into_iter().chain(of_accounts)
        };
        let foreign = [
            "meta.helm.sh/release-name",
            "vobiz.ai.example.com/paused",
            "vobiz.ai",
        ];
        let annotations: HashMap<&str, &str> = own().chain(foreign).map(|key| (key, "true")).collect();
        let object: Account = serde_json::from_value(json!({
            "apiVersion": "vobiz.ai/v1alpha1", "kind": "Account",
            "metadata": {
                "name": "vobiz", "labels": {"team": "voice"}, "annotations": annotations, "finalizers": ["theirs"],
                "ownerReferences": [{"apiVersion": "v1", "kind": "ConfigMap", "name": "all", "uid": "1"}],
            },
            "spec": {"credentialsSecretRef": {"name": "credentials"}},
        }))
        .unwrap();
        let mut event = Event::Apply(object);
        own_part(&mut event);
        let Event::Apply(kept) = event else { unreachable!() };
        let kept_annotations: HashSet<&str> = kept.annotations().keys().map(String::as_str).collect();
        assert_eq!(kept_annotations, own().collect());
        assert!(kept.labels().is_empty() && kept.owner_references().is_empty());
        assert_eq!(kept.finalizers(), ["theirs"]);
    }
}
