//! One pass over an Account: credentials, API generation, the list of its parent, its status, and the in-use marks. I/O.

pub mod in_use;
mod look;
mod obstacles;
mod survey;
mod tell;

use crate::account::access::Access;
use crate::account::breaker::Absence;
use crate::account::errands::Errands;
use crate::account::generation::stored;
use crate::account::key::AccountKey;
use crate::account::members::Terms;
use crate::account::registry::{Registry, Snapshot};
use crate::account::slots::Slots;
use crate::account::tally::Tally;
use crate::account::tell::status::{Findings, is_look_requested};
use crate::account::tell::trouble::{Act, Again, Trouble};
use crate::account::users::Users;
use crate::clock::now;
use crate::controller::backoff::Backoff;
use crate::controller::cluster::ClusterError;
use crate::controller::event::Recorder;
use crate::controller::instrument::Metrics;
use crate::controller::newest::Newest;
use crate::controller::refusals::Refusals;
use crate::controller::versioned::{Versioned, get_versioned};
use crate::crd::condition::{ConditionType, find};
use crate::crd::{Account, SubaccountCounts};
use crate::vobiz::ParentAuthId;
use k8s_openapi::api::core::v1::Secret;
use kube::Client;
use kube::api::Api;
use look::{Look, unread};
use obstacles::Obstacles;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tell::told;

/// How long a first answer of Vobiz may take before the Account says that it waits for it.
const TOLD_AFTER: Duration = Duration::from_secs(2);

/// When who waits for a turn asks again, should nobody wake it.
const ASKED_AGAIN: Duration = Duration::from_secs(5);

/// What an Account's pass asks of, and tells to, whoever depends on Accounts.
pub trait Dependents: Send + Sync {
    /// The Subaccounts that name this Account, or may.
    fn users(&self, account: &AccountKey) -> Users;
    /// The other Accounts of its namespace that need this credentials Secret: Subaccounts use them, and they name it.
    fn sharers(&self, account: &AccountKey, secret: &str) -> Vec<AccountKey>;
    /// Whether a Subaccount that names this Account lives under this parent.
    fn any_under(&self, account: &AccountKey, parent: &ParentAuthId) -> bool;
    /// What the newest list does not show of the accounts that living objects are bound to.
    fn absence(&self, access: &Access) -> Absence;
    /// A complete list was read: compare it, wake what differs, and count.
    fn swept(&self, access: &Access) -> SubaccountCounts;
    /// A complete list was read, or a walk made: wake what waits for one.
    fn listed(&self, parent: &ParentAuthId);
    /// What Subaccounts of this Account may be waiting for has changed.
    fn changed(&self, account: &AccountKey);
}

/// Everything that passes over Accounts share.
pub struct Context {
    /// The cluster.
    pub cluster: Client,
    /// What passes find.
    pub registry: Arc<Registry>,
    /// Who depends on Accounts.
    pub dependents: Arc<dyn Dependents>,
    /// How many Subaccounts they have.
    pub tally: Arc<Tally>,
    /// What Vobiz is asked beside the passes.
    pub errands: Errands,
    /// Whose turn it is among Accounts that have proved nothing.
    pub slots: Slots,
    /// Publishes events.
    pub recorder: Recorder,
    /// What Kubernetes refuses now.
    pub refusals: Refusals,
    /// Counts.
    pub metrics: Metrics,
    /// Pauses of Accounts in trouble.
    pub backoff: Mutex<Backoff<AccountKey>>,
    /// The moment that monotonic times count from.
    pub started: Instant,
    /// Accounts as our own writes returned them.
    pub newest: Arc<Newest<Account>>,
}

/// The pass. Returns when the next one is due if nothing happens before.
pub async fn reconcile(cached: Arc<Account>, context: &Context) -> Result<Option<Duration>, ClusterError> {
    let account = &*context.newest.of(cached);
    let key = AccountKey::of(account);
    let users = context.dependents.users(&key);
    if is_look_requested(account) {
        context.registry.doubts.forget_balance(&key);
    }
    let pass = Pass {
        account,
        context,
        key,
        users,
    };
    if account.metadata.deletion_timestamp.is_some() && !pass.is_held() {
        pass.release().await
    } else {
        let is_proved = context.registry.is_proved(&pass.key);
        let slot = if is_proved {
            None
        } else {
            context.slots.enter(&pass.key)
        };
        if !is_proved && slot.is_none() {
            return Ok(Some(ASKED_AGAIN));
        }
        pass.run().await.map(Some)
    }
}

struct Pass<'a> {
    account: &'a Account,
    context: &'a Context,
    key: AccountKey,
    users: Users,
}

impl Pass<'_> {
    async fn run(&self) -> Result<Duration, ClusterError> {
        let mut obstacles = Obstacles::default();
        let marked = self.mark_account().await;
        let account = obstacles
            .pass(Act::MarkAccount, marked)?
            .unwrap_or_else(|| self.account.clone());
        let read = obstacles.pass(Act::ReadSecret, self.credentials_secret().await)?;
        let known = self.context.registry.account(&self.key);
        let found = match &read {
            Some(secret) => match self.look(&account, secret.as_ref(), known.as_deref()) {
                Look::Found(found) => *found,
                Look::Awaited(trouble, since) => return self.wait(&account, trouble, since).await,
            },
            None => unread(&account, known.as_deref()),
        };
        let secret = read.as_ref().and_then(Option::as_ref);

        let released = self.release_former_secret(&account).await;
        let is_released = obstacles.pass(Act::ReleaseFormerSecret, released)?.is_some();
        let (mut account, mut in_use) = (account, false);
        if is_released {
            let named = self.name_secret(account.clone(), secret).await;
            if let Some(named) = obstacles.pass(Act::NameSecret, named)? {
                account = named;
                let marked = self.mark_secret(&account, secret, &found).await;
                in_use = obstacles.pass(Act::MarkSecret, marked)?.unwrap_or(false);
            }
        }
        let told = told(&found, &obstacles);
        let findings = Findings {
            auth_id: found.access.as_ref().map(|access| access.parent.id.to_string()),
            generation: found.access.as_ref().map(|access| stored(access.generation)),
            // The former one stays named until it is let go.
            credentials_secret_name: if is_released {
                Some(account.spec.credentials_secret_ref.name.clone())
            } else {
                in_use::status_secret_name(&account)
            },
            counts: found.counts,
            managed: self.managed(&account, found.counts),
            trouble: told.clone(),
            users: self.users.clone(),
            shared_terms: found.access.as_ref().map_or_else(Vec::new, |access| {
                self.context.registry.shared_terms(&access.parent.id)
            }),
            secret_deleting: secret.is_some_and(|secret| secret.metadata.deletion_timestamp.is_some()),
        };
        let written = self.write_status(&account, &findings).await;
        obstacles.pass(Act::WriteStatus, written)?;
        self.tell_refusals(&obstacles, known.as_deref()).await;

        let gate = found
            .access
            .as_ref()
            .map(|access| Arc::clone(&access.parent.gate));
        // A pause that Vobiz asked for is kept by the gate; those who wait for it need no other reason.
        let trouble = found.trouble.filter(|trouble| *trouble != Trouble::RateLimited);
        let changed = self.context.registry.set(
            &self.key,
            account.metadata.uid.as_deref().unwrap_or_default(),
            Snapshot {
                closing: account.metadata.deletion_timestamp.is_some(),
                in_use,
                name_prefix: account.spec.name_prefix.clone(),
                access: found.access,
                trouble: trouble.or_else(|| obstacles.trouble().cloned()),
                compared: found.compared,
                failed: found.failed,
            },
        );
        self.context.registry.trials.settle(&self.key);
        if changed {
            self.context.dependents.changed(&self.key);
        }
        if self.context.registry.account(&self.key).is_none() {
            // It went meanwhile.
            self.context.refusals.clear(self.source());
        }
        // A pair that is in doubt stays so until it was read and tried.
        if let (Some(gate), Some(_)) = (gate, &read) {
            gate.resume();
        }
        let told = told.or_else(|| obstacles.trouble().cloned());
        Ok(self.pause(told.as_ref(), found.next))
    }

    /// The end of a pass that has nothing to tell yet. Who waits for long says so, unless there is something better to read.
    async fn wait(
        &self,
        account: &Account,
        awaited: Trouble,
        since: Instant,
    ) -> Result<Duration, ClusterError> {
        let status = account.status.as_ref();
        let is_told = status.is_some_and(|status| find(&status.conditions, ConditionType::Ready).is_some());
        let left = TOLD_AFTER.saturating_sub(now().duration_since(since));
        if is_told {
            return Ok(interval(account));
        }
        if !left.is_zero() {
            return Ok(left);
        }
        let findings = Findings {
            credentials_secret_name: in_use::status_secret_name(account),
            trouble: Some(awaited),
            users: self.users.clone(),
            ..Findings::default()
        };
        self.write_status(account, &findings).await?;
        Ok(interval(account))
    }

    /// Nobody uses a deleting Account any more: its Secret is let go, then the Account itself.
    async fn release(&self) -> Result<Option<Duration>, ClusterError> {
        let mut obstacles = Obstacles::default();
        let released = self.mark_account().await;
        if obstacles.pass(Act::Release, released)?.is_some() {
            let uid = self.account.metadata.uid.as_deref().unwrap_or_default();
            self.context.registry.remove(&self.key, uid);
            self.context.refusals.clear(self.source());
            return Ok(None);
        }
        let findings = Findings {
            credentials_secret_name: in_use::status_secret_name(self.account),
            trouble: obstacles.trouble().cloned(),
            ..Findings::default()
        };
        let written = self.write_status(self.account, &findings).await;
        obstacles.pass(Act::WriteStatus, written)?;
        let known = self.context.registry.account(&self.key);
        self.tell_refusals(&obstacles, known.as_deref()).await;
        let trouble = obstacles.trouble();
        Ok(Some(self.pause(trouble, interval(self.account))))
    }

    async fn credentials_secret(&self) -> Result<Option<Secret>, ClusterError> {
        let name = &self.account.spec.credentials_secret_ref.name;
        Ok(get_versioned(&self.secrets(), name)
            .await?
            .map(Versioned::into_object))
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
        let again = trouble.map_or(Again::AsUsual, |trouble| trouble.row().again);
        if again == Again::AsUsual {
            backoff.succeeded(&self.key);
            return next;
        }
        let pause = backoff.failed(
            self.key.clone(),
            now().duration_since(self.context.started),
            rand::random(),
        );
        if again == Again::Sooner {
            next.min(pause)
        } else {
            pause
        }
    }

    fn accounts(&self) -> Api<Account> {
        Api::namespaced(self.context.cluster.clone(), self.key.namespace())
    }

    fn secrets(&self) -> Api<Secret> {
        Api::namespaced(self.context.cluster.clone(), self.key.namespace())
    }
}

fn interval(account: &Account) -> Duration {
    Terms::of(&account.spec).interval
}
