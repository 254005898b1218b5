//! One pass over an Account: credentials, API generation, the list of its parent, its status, and the in-use marks. I/O.

use crate::account::access::Access;
use crate::account::connect::{self, Connection};
use crate::account::generation::stored;
use crate::account::registry::{Registry, Snapshot, Trouble};
use crate::account::status::{self, Findings};
use crate::account::sweep::{SweepError, sweep, walk};
use crate::controller::backoff::Backoff;
use crate::controller::cluster::ClusterError;
use crate::controller::event::{EventKind, Recorder};
use crate::controller::guarded_patch::{self, is_on};
use crate::controller::instrument::Metrics;
use crate::controller::newest::Newest;
use crate::controller::versioned::{Versioned, get_versioned};
use crate::controller::wake::ObjectKey;
use crate::crd::condition::Reason;
use crate::crd::{Account, IN_USE_FINALIZER, SubaccountCounts};
use crate::vobiz::ParentAuthId;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret;
use kube::api::Api;
use kube::{Client, Resource};
use serde_json::json;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Pause before a walk is tried again whose list kept changing.
const RESTLESS_PAUSE: Duration = Duration::from_secs(10);

/// What an Account's pass asks of, and tells to, whoever depends on Accounts.
pub trait Dependents: Send + Sync {
    /// Names of the Subaccounts that name this Account.
    fn users(&self, account: &ObjectKey) -> Vec<String>;
    /// Whether a Subaccount that names this Account lives under this parent.
    fn any_under(&self, account: &ObjectKey, parent: &ParentAuthId) -> bool;
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
                // Accounts come and go, perhaps by our own hand: those who wait for a walk wait a little longer.
                Err(SweepError::Restless) => next = RESTLESS_PAUSE.min(interval),
                Err(error) => trouble = Some(connect::trouble(&error)),
            }
            // Another Account of the same parent may have read the list.
            let listed = access.parent.roster().swept_at();
            if listed.is_some() && listed != compared {
                counts = Some(self.context.dependents.swept(access));
                compared = listed;
            }
        }
        if trouble.is_none() && self.context.registry.doubts.balance_within(&self.key, interval) {
            trouble = Some(connect::low_balance());
        }
        if let (Some(pause), None) = (
            access
                .as_ref()
                .and_then(|access| access.parent.gate.cooling_down()),
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
        Ok(Some(self.pause(trouble.as_ref(), next)))
    }

    /// The list, if it is due, or a walk, if one is wanted and may begin.
    async fn survey(&self, access: &Access, interval: Duration) -> Result<Duration, SweepError> {
        let mut schedule = access.parent.sweeping.lock().await;
        let wanted = access.parent.wanted_walk();
        let walk_now = wanted.is_some_and(|not_before| not_before <= now());
        let sweep_now = schedule.due(interval).is_none_or(|due| due <= now());
        if walk_now {
            walk(access).await?;
        } else if sweep_now {
            sweep(access).await?;
        }
        if walk_now || sweep_now {
            #[expect(clippy::disallowed_methods, reason = "sweeps are spread by random bits")]
            schedule.swept(now(), rand::random());
        }
        if walk_now {
            self.context.dependents.walked(&access.parent.id);
        }
        let walk_due = access.parent.wanted_walk();
        let due = [schedule.due(interval), walk_due]
            .into_iter()
            .flatten()
            .min()
            .unwrap_or_else(now);
        Ok(due.saturating_duration_since(now()))
    }

    async fn mark_account(&self) -> Result<Account, ClusterError> {
        let in_use = !self.users.is_empty();
        let deleting = self.account.metadata.deletion_timestamp.is_some();
        match is_on(self.account, IN_USE_FINALIZER) {
            false if in_use && !deleting => {
                Ok(self.note(guarded_patch::add(&self.accounts(), self.account, IN_USE_FINALIZER).await?))
            }
            true if !in_use => {
                self.release_secret(status_secret_name(self.account)).await?;
                let released =
                    guarded_patch::remove(&self.accounts(), self.account, IN_USE_FINALIZER).await?;
                Ok(self.note(released.unwrap_or_else(|| self.account.clone())))
            }
            _ => Ok(self.account.clone()),
        }
    }

    async fn credentials_secret(&self) -> Result<Option<Secret>, ClusterError> {
        let name = &self.account.spec.credentials_secret_ref.name;
        Ok(get_versioned(&self.secrets(), name)
            .await?
            .map(Versioned::into_object))
    }

    /// The Secret of an earlier `credentialsSecretRef` is let go before the status names the new one.
    async fn release_former_secret(&self, account: &Account) -> Result<(), ClusterError> {
        let former = status_secret_name(account);
        if former.as_deref() == Some(account.spec.credentials_secret_ref.name.as_str()) {
            return Ok(());
        }
        self.release_secret(former).await
    }

    async fn release_secret(&self, name: Option<String>) -> Result<(), ClusterError> {
        let Some(name) = name else { return Ok(()) };
        if let Some(secret) = get_versioned(&self.secrets(), &name).await? {
            guarded_patch::remove(&self.secrets(), secret.object(), IN_USE_FINALIZER).await?;
        }
        Ok(())
    }

    /// True if the Account and its Secret are both held for their Subaccounts.
    async fn mark_secret(&self, account: &Account, secret: Option<&Secret>) -> Result<bool, ClusterError> {
        if !is_on(account, IN_USE_FINALIZER) {
            return Ok(false);
        }
        match secret {
            Some(secret) if is_on(secret, IN_USE_FINALIZER) => Ok(true),
            Some(secret) if secret.metadata.deletion_timestamp.is_none() => {
                guarded_patch::add(&self.secrets(), secret, IN_USE_FINALIZER).await?;
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    async fn write_status(&self, account: Account, findings: &Findings) -> Result<Account, ClusterError> {
        let Some(status) = status::of(&account, findings, wall_clock()) else {
            return Ok(account);
        };
        let news = status::news(&account, findings);
        let operations = vec![json!({"op": "add", "path": "/status", "value": status})];
        let written = guarded_patch::patch_status(&self.accounts(), &account, operations).await?;
        if let Some(trouble) = news {
            let recorder = &self.context.recorder;
            let (reason, note) = (trouble.reason.as_str(), trouble.message.as_str());
            recorder
                .publish(
                    account.object_ref(&()),
                    EventKind::Warning,
                    reason,
                    "Reconcile",
                    note,
                )
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
            None => {
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

fn status_secret_name(account: &Account) -> Option<String> {
    account.status.as_ref()?.credentials_secret_name.clone()
}
