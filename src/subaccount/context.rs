//! What every pass over Subaccounts and Records shares. I/O (holds the clients).

use super::store::held_pairs::HeldPairs;
use super::store::records::Records;
use super::traces::Traces;
use crate::account::key::AccountKey;
use crate::account::marker::Installation;
use crate::account::object::AccountObject;
use crate::account::store::registry::Registry;
use crate::account::store::tally::Tally;
use crate::controller::event::Recorder;
use crate::controller::namespaces::Namespaces;
use crate::controller::refusals::{Refusals, Requester};
use crate::controller::wake::{Caches, Guarded, ObjectKey, Waker};
use crate::crd::Subaccount;
use crate::metrics::Metrics;
use crate::vobiz::ParentAuthId;
use k8s_openapi::api::core::v1::Secret;
use kube::{Api, Client, ResourceExt};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

/// Longest time between a read or write of the Record and its POST, where settle allows it.
const LONGEST_GUARD: Duration = Duration::from_secs(30);

/// The caches have seen by then what there is to see of an object and a Record.
const LOST_AFTER: Duration = Duration::from_mins(1);

/// Times that the flags set.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// After this long a request that was sent can no longer commit, and the list shows what did.
    pub settle: Duration,
    /// How long a closed Record with fenced epochs is kept after its last fence.
    pub retention: Duration,
    /// Between two looks at each user's Secret.
    pub secret_check_interval: Duration,
}

impl Times {
    /// Longest time between a read or write of the Record and its POST. Another process may fence the attempt right after
    /// that read: half of settle is left for the request to take effect once it has left.
    #[must_use]
    pub fn guard(self) -> Duration {
        LONGEST_GUARD.min(self.settle / 2)
    }
}

/// Shared by all passes.
pub struct Context {
    /// The cluster.
    pub cluster: Client,
    /// Where Records are kept.
    pub operator_namespace: String,
    /// Tells this cluster's markers from others'.
    pub installation: Installation,
    /// Times that the flags set.
    pub times: Times,
    /// Accounts and their parents.
    pub registry: Arc<Registry>,
    /// How many of them keep an account, by Account.
    pub tally: Arc<Tally>,
    /// Cached Subaccounts.
    pub subaccounts: Caches<Guarded<Subaccount>>,
    /// Cached Accounts and, where they are watched, `ClusterAccounts`.
    pub accounts: Caches<Guarded<AccountObject>>,
    /// Cached namespaces, where they are watched.
    pub namespaces: Namespaces,
    /// Cached Records.
    pub records: Arc<Records>,
    /// What passes leave behind.
    pub traces: Arc<Traces>,
    /// Pairs that no Record holds yet.
    pub held_pairs: HeldPairs,
    /// Wakes objects.
    pub wake_object: Waker<Guarded<Subaccount>>,
    /// Wakes the janitor of a Record.
    pub wake_record: Waker<Secret>,
    /// When this process made its first pass, once it did.
    pub working_since: OnceLock<Instant>,
    /// Publishes events.
    pub recorder: Recorder,
    /// What Kubernetes refuses now.
    pub refusals: Refusals,
    /// Counts.
    pub metrics: Metrics,
}

impl Context {
    /// The Records' API.
    #[must_use]
    pub fn record_api(&self) -> Api<Secret> {
        Api::namespaced(self.cluster.clone(), &self.operator_namespace)
    }

    /// The janitor's pass over the Record in this Secret, as one who may be refused something: a name may have several Records.
    #[must_use]
    pub fn source_of_record(&self, secret: &str) -> Requester {
        source_of_record(&self.operator_namespace, secret)
    }

    /// The cached object of this name, if it decodes.
    #[must_use]
    pub fn cached(&self, namespace: &str, name: &str) -> Option<Arc<Guarded<Subaccount>>> {
        self.subaccounts.get(namespace, name)
    }

    /// Whether this very object is stored.
    #[must_use]
    pub fn is_stored(&self, key: &ObjectKey, uid: &str) -> bool {
        self.subaccounts.has(&key.namespace, &key.name, uid)
    }

    /// The Account as it is stored, looked at or not.
    #[must_use]
    pub fn account(&self, account: &AccountKey) -> Option<Arc<Guarded<AccountObject>>> {
        self.accounts.get(account.namespace(), account.name())
    }

    /// Whether the Account is stored and its own pass can look at it.
    #[must_use]
    pub fn account_is_readable(&self, account: &AccountKey) -> bool {
        let stored = self.account(account);
        stored.is_some_and(|stored| stored.0.is_ok())
    }

    /// Whether the Account serves the namespace, as far as it can be read; none until the namespace was seen.
    #[must_use]
    pub fn is_allowed(&self, account: &AccountKey, namespace: &str) -> Option<bool> {
        let stored = self.account(account);
        let Some(Ok(account)) = stored.as_ref().map(|stored| &stored.0) else {
            return Some(true);
        };
        account.allows(namespace, || self.namespaces.labels(namespace))
    }

    /// Whether no stored Account can belong to this parent. One that no pass has looked at yet, as after a start, still
    /// may.
    #[must_use]
    pub fn is_abandoned(&self, parent: &ParentAuthId) -> bool {
        let looked_at = |account: &Arc<Guarded<AccountObject>>| {
            self.registry.account(&AccountKey::of(&**account)).is_some()
        };
        !self.registry.knows(parent) && self.accounts.all().all(|account| looked_at(&account))
    }

    /// Whether a create for this object has to wait until pairs of others are stored.
    #[must_use]
    pub fn creates_wait(&self, uid: &str, now: Instant) -> bool {
        if !self.held_pairs.hold_creates_of(uid, now) {
            return false;
        }
        for (of, held) in self.held_pairs.all() {
            let subject = &held.read.record.subject;
            let object = self.cached(&subject.namespace, &subject.name);
            let lives = object.is_some_and(|object| object.uid().as_deref() == Some(&of));
            let recorded = self.records.in_secret(&held.record_name).is_some();
            // No pass comes any more that could store it. Its marker is on the account, which is reported.
            if !lives && !recorded && now.duration_since(held.since) > LOST_AFTER {
                tracing::error!(uid = of, auth_id = %held.pair.auth_id, "a pair is given up: object and record are gone");
                self.held_pairs.release(&of);
            }
        }
        self.held_pairs.hold_creates_of(uid, now)
    }
}

/// See [`Context::source_of_record`].
#[must_use]
pub fn source_of_record(operator_namespace: &str, secret: &str) -> Requester {
    let key = ObjectKey {
        namespace: operator_namespace.to_owned(),
        name: secret.to_owned(),
    };
    Requester::Object("Record", key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_leaves_so_early_that_a_fence_written_before_it_settles_later() {
        let guard = |settle| {
            let times = Times {
                settle: Duration::from_secs(settle),
                retention: Duration::from_hours(24),
                secret_check_interval: Duration::from_mins(15),
            };
            times.guard().as_millis()
        };
        assert_eq!(guard(120), 30_000, "the default leaves 90 s");
        assert_eq!(guard(86_400), 30_000);
        assert_eq!((guard(60), guard(20), guard(1)), (30_000, 10_000, 500));
    }
}
