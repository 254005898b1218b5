//! One pass over an Account: credentials, API generation, the list of its parent, its status, and the in-use marks. I/O.

mod in_use;
mod survey;

use crate::account::access::Access;
use crate::account::breaker::Absence;
use crate::account::connect::{self, Connection};
use crate::account::generation::stored;
use crate::account::registry::{Registry, Snapshot, Trouble};
use crate::account::status::{self, Findings};
use crate::controller::backoff::Backoff;
use crate::controller::cluster::ClusterError;
use crate::controller::event::{EventKind, Recorder};
use crate::controller::guarded_patch;
use crate::controller::instrument::Metrics;
use crate::controller::newest::Newest;
use crate::controller::refusals::Refusals;
use crate::controller::versioned::{Versioned, get_versioned};
use crate::controller::wake::ObjectKey;
use crate::crd::condition::Reason;
use crate::crd::{Account, SubaccountCounts};
use crate::vobiz::ParentAuthId;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret;
use kube::api::Api;
use kube::{Client, Resource};
use serde_json::json;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What an Account's pass asks of, and tells to, whoever depends on Accounts.
pub trait Dependents: Send + Sync {
    /// Names of the Subaccounts that name this Account.
    fn users(&self, account: &ObjectKey) -> Vec<String>;
    /// Whether a Subaccount that names this Account lives under this parent.
    fn any_under(&self, account: &ObjectKey, parent: &ParentAuthId) -> bool;
    /// What the newest list does not show of the accounts that living objects are bound to.
    fn absence(&self, access: &Access) -> Absence;
    /// A complete list was read: compare it, wake what differs, and count.
    fn swept(&self, access: &Access) -> SubaccountCounts;
    /// A complete walk was made: wake what waits for one.
    fn walked(&self, parent: &ParentAuthId);
    /// What Subaccounts of this Account may be waiting for has changed.
    fn changed(&self, account: &ObjectKey);
}

/// Everything that passes over Accounts share.
pub struct Context {
    /// The cluster.
    pub cluster: Client,
    /// What passes find.
    pub registry: Arc<Registry>,
    /// Who depends on Accounts.
    pub dependents: Arc<dyn Dependents>,
    /// Publishes events.
    pub recorder: Recorder,
    /// What Kubernetes refuses now.
    pub refusals: Refusals,
    /// Counts.
    pub metrics: Metrics,
    /// Pauses of Accounts in trouble.
    pub backoff: Mutex<Backoff<ObjectKey>>,
    /// The moment that monotonic times count from.
    pub started: Instant,
    /// Accounts as our own writes returned them.
    pub newest: Newest<Account>,
}

/// The pass. Returns when the next one is due if nothing happens before.
pub async fn reconcile(cached: Arc<Account>, context: &Context) -> Result<Option<Duration>, ClusterError> {
    let account = &*context.newest.of(cached);
    let key = ObjectKey::of(account);
    let users = context.dependents.users(&key);
    if account.metadata.deletion_timestamp.is_some() && users.is_empty() {
        release(account, context).await?;
        context
            .registry
            .remove(&key, account.metadata.uid.as_deref().unwrap_or_default());
        context.metrics.forget_account(&key.to_string());
        return Ok(None);
    }
    let pass = Pass {
        account,
        context,
        key,
        users,
    };
    pass.run().await
}

struct Pass<'a> {
    account: &'a Account,
    context: &'a Context,
    key: ObjectKey,
    users: Vec<String>,
}

impl Pass<'_> {
    async fn run(&self) -> Result<Option<Duration>, ClusterError> {
        let account = self.mark_account().await?;
        let secret = self.credentials_secret().await?;
        let known = self.context.registry.account(&self.key);
        let (access, mut trouble) =
            match connect::connect(&account, secret.as_ref(), known.as_deref(), self.context).await {
                Connection::Good(access) => (Some(access), None),
                Connection::Bad { access, trouble } => (access, Some(trouble)),
            };
        let mut counts = None;
        let mut compared = known.as_ref().and_then(|known| known.compared);
        let interval =
            Duration::from_secs(u64::try_from(account.spec.resync_interval_seconds).unwrap_or(300));
        let mut next = interval;
        if let (Some(access), None) = (&access, &trouble) {
            // Subaccounts that are being deleted may be served from here on, before the first list is complete.
            match self.survey(access, interval).await {
                Ok(due) => next = due,
                Err(error) => trouble = Some(connect::trouble(&error)),
            }
            let confirmed = self.confirm_mass_deletion(access);
            // Another Account of the same parent may have read the list.
            let listed = access.parent.roster().swept_at();
            if listed.is_some() && (listed != compared || confirmed) {
                counts = Some(self.context.dependents.swept(access));
                compared = listed;
            }
        }
        if let (Some(access), None) = (&access, &trouble) {
            let token = access.parent.breaker().token();
            trouble = token.map(|token| connect::mass_deletion(&token));
        }
        if trouble.is_none() && self.context.registry.doubts.balance_within(&self.key, interval) {
            trouble = Some(connect::low_balance());
        }
        if let (Some(pause), None) = (
            access.as_ref().and_then(|access| access.parent.gate.pause_left()),
            &trouble,
        ) {
            trouble = Some(connect::rate_limited());
            next = pause;
        }
        let findings = Findings {
            auth_id: access.as_ref().map(|access| access.parent.id.to_string()),
            generation: access.as_ref().map(|access| stored(access.generation)),
            credentials_secret_name: Some(account.spec.credentials_secret_ref.name.clone()),
            counts,
            trouble: trouble.clone(),
            users: self.users.clone(),
            secret_deleting: secret
                .as_ref()
                .is_some_and(|secret| secret.metadata.deletion_timestamp.is_some()),
        };
        self.release_former_secret(&account).await?;
        let account = self.write_status(account, &findings).await?;
        let in_use = self.mark_secret(&account, secret.as_ref()).await?;
        let gate = access.as_ref().map(|access| Arc::clone(&access.parent.gate));
        let changed = self.context.registry.set(
            &self.key,
            account.metadata.uid.as_deref().unwrap_or_default(),
            Snapshot {
                closing: account.metadata.deletion_timestamp.is_some(),
                in_use,
                name_prefix: account.spec.name_prefix.clone(),
                access,
                // A pause that Vobiz asked for is kept by the gate; those who wait for it need no other reason.
                trouble: trouble
                    .clone()
                    .filter(|trouble| trouble.reason != Reason::RateLimited),
                compared,
            },
        );
        if changed {
            self.context.dependents.changed(&self.key);
        }
        if let Some(gate) = gate {
            gate.resume();
        }
        Ok(Some(self.pause(trouble.as_ref(), next)))
    }

    async fn credentials_secret(&self) -> Result<Option<Secret>, ClusterError> {
        let name = &self.account.spec.credentials_secret_ref.name;
        Ok(get_versioned(&self.secrets(), name)
            .await?
            .map(Versioned::into_object))
    }

    async fn write_status(&self, account: Account, findings: &Findings) -> Result<Account, ClusterError> {
        let Some(status) = status::of(&account, findings, wall_clock()) else {
            return Ok(account);
        };
        let news = status::news(&account, findings);
        let operations = vec![json!({"op": "add", "path": "/status", "value": status})];
        let written = guarded_patch::patch_status(&self.accounts(), &account, operations).await?;
        for (reason, note) in news {
            let (regarding, recorder) = (account.object_ref(&()), &self.context.recorder);
            recorder
                .publish(regarding, EventKind::Warning, reason, "Reconcile", &note)
                .await;
        }
        Ok(self.note(written))
    }

    /// Keeps what our own write returned: the next pass may come before the cache hears of it.
    fn note(&self, written: Account) -> Account {
        self.context.newest.note(Arc::new(written.clone()));
        written
    }

    /// The pause before the next pass; one that grows while the Account is in trouble.
    #[expect(clippy::disallowed_methods, reason = "the pause is spread by random bits")]
    fn pause(&self, trouble: Option<&Trouble>, next: Duration) -> Duration {
        let mut backoff = self
            .context
            .backoff
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        match trouble {
            // The list is read at its usual pace: it may show them again.
            None
            | Some(Trouble {
                reason: Reason::MassDeletionSuspected,
                ..
            }) => {
                backoff.succeeded(&self.key);
                next
            }
            Some(trouble) => {
                let pause = backoff.failed(self.key.clone(), self.context.started.elapsed(), rand::random());
                // The gate knows how long Vobiz asked us to stay away, unless another Account's pass has heard it.
                if trouble.reason == Reason::RateLimited {
                    next.min(pause)
                } else {
                    pause
                }
            }
        }
    }

    fn accounts(&self) -> Api<Account> {
        Api::namespaced(self.context.cluster.clone(), &self.key.namespace)
    }

    fn secrets(&self) -> Api<Secret> {
        Api::namespaced(self.context.cluster.clone(), &self.key.namespace)
    }
}

/// Nobody uses a deleting Account any more: its Secret is let go, then the Account itself.
async fn release(account: &Account, context: &Context) -> Result<(), ClusterError> {
    let pass = Pass {
        account,
        context,
        key: ObjectKey::of(account),
        users: Vec::new(),
    };
    pass.mark_account().await.map(drop)
}

#[expect(clippy::disallowed_methods, reason = "schedules on the monotonic clock")]
fn now() -> Instant {
    Instant::now()
}

#[expect(clippy::disallowed_methods, reason = "transition times are wall time")]
fn wall_clock() -> Timestamp {
    Timestamp::now()
}
