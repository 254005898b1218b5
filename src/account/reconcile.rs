//! One pass over an Account: credentials, API generation, the list of its parent, its status, and the in-use marks. I/O.

use crate::account::act::look::Look;
use crate::account::context::AccountContext;
use crate::account::key::AccountKey;
use crate::account::known::{Found, Hold, unread};
use crate::account::object::AccountObject;
use crate::account::obstacles::Obstacles;
use crate::account::pass::{AccountPass, interval};
use crate::account::store::named_secrets::named_by_status;
use crate::account::tell::status::{AccountFindings, is_look_requested};
use crate::account::tell::trouble::{AccountTrouble, Act};
use crate::clock::now;
use crate::controller::cluster::ClusterError;
use crate::controller::guarded_patch::is_on;
use crate::crd::IN_USE_FINALIZER;
use crate::crd::condition::{ConditionType, find};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long a first answer of Vobiz may take before the Account says that it waits for it.
const TOLD_AFTER: Duration = Duration::from_secs(2);

/// When who waits for a turn asks again, should nobody wake it.
const ASKED_AGAIN: Duration = Duration::from_secs(5);

/// The pass. Returns when the next one is due if nothing happens before.
pub async fn reconcile(
    cached: Arc<AccountObject>,
    context: &AccountContext,
) -> Result<Option<Duration>, ClusterError> {
    let account = &*context.newest.of(cached);
    let key = AccountKey::of(account);
    let users = context.dependents.users(&key);
    if is_look_requested(account) {
        context.registry.doubts.forget_balance(&key);
    }
    let pass = AccountPass {
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

impl AccountPass<'_> {
    async fn run(&self) -> Result<Duration, ClusterError> {
        let mut obstacles = Obstacles::default();
        let marked = self.mark_account().await;
        let account = obstacles
            .pass(Act::MarkAccount, marked)?
            .unwrap_or_else(|| self.account.clone());
        let read = obstacles.pass(Act::ReadSecret, self.credentials_secret().await)?;
        let secret = read.as_ref().and_then(Option::as_ref);
        let known = self.context.registry.account(&self.key);
        let found = match &read {
            Some(secret) => match self.look(&account, secret.as_ref(), known.as_deref()) {
                Look::Found(found) => *found,
                Look::Awaited(trouble, since) => return self.wait(&account, trouble, since).await,
            },
            None => unread(&account, known.as_deref()),
        };
        let hold = self.hold_secret(account, secret, &found, &mut obstacles).await?;
        let told = found.told(&obstacles);
        let findings = self.findings(&found, &hold, secret, told.clone());
        let written = self.write_status(&hold.account, &findings).await;
        obstacles.pass(Act::WriteStatus, written)?;
        self.tell_refusals(&obstacles, known.as_deref()).await;

        let gate = found
            .access
            .as_ref()
            .map(|access| Arc::clone(&access.parent.gate));
        let next = found.next;
        self.hand_over(found, &hold, &obstacles);
        // A pair that is in doubt stays so until it was read and tried.
        if let (Some(gate), Some(_)) = (gate, &read) {
            gate.resume();
        }
        let told = told.or_else(|| obstacles.trouble().cloned());
        Ok(self.pause(told.as_ref(), next))
    }

    /// Hands what was found over to those who ask for it.
    fn hand_over(&self, found: Found, hold: &Hold, obstacles: &Obstacles) {
        let registry = &self.context.registry;
        let uid = self.account.metadata.uid.as_deref().unwrap_or_default();
        let changed = registry.set(&self.key, uid, found.into_snapshot(hold, obstacles));
        registry.trials.settle(&self.key);
        if changed {
            self.context.dependents.changed(&self.key);
        }
        if registry.account(&self.key).is_none() {
            // It went meanwhile.
            self.context.refusals.clear(self.source());
        }
    }

    /// The end of a pass that has nothing to tell yet. Who waits for long says so, unless there is something better to read.
    async fn wait(
        &self,
        account: &AccountObject,
        awaited: AccountTrouble,
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
        let findings = AccountFindings {
            credentials_secret_name: named_by_status(account),
            trouble: Some(awaited),
            users: self.users.clone(),
            ..AccountFindings::default()
        };
        self.write_status(account, &findings).await?;
        Ok(interval(account))
    }

    /// Nobody uses a deleting Account any more: its Secret is let go, then the Account itself.
    async fn release(&self) -> Result<Option<Duration>, ClusterError> {
        let mut obstacles = Obstacles::default();
        let released = obstacles.pass(Act::Release, self.mark_account().await)?;
        if released
            .as_ref()
            .is_some_and(|account| is_on(account, IN_USE_FINALIZER))
        {
            // Somebody needs it whom the cache does not show yet.
            return Ok(Some(ASKED_AGAIN));
        }
        if released.is_some() {
            let uid = self.account.metadata.uid.as_deref().unwrap_or_default();
            self.context.registry.remove(&self.key, uid);
            self.context.refusals.clear(self.source());
            return Ok(None);
        }
        let findings = AccountFindings {
            credentials_secret_name: named_by_status(self.account),
            trouble: obstacles.trouble().cloned(),
            ..AccountFindings::default()
        };
        let written = self.write_status(self.account, &findings).await;
        obstacles.pass(Act::WriteStatus, written)?;
        let known = self.context.registry.account(&self.key);
        self.tell_refusals(&obstacles, known.as_deref()).await;
        let trouble = obstacles.trouble();
        Ok(Some(self.pause(trouble, interval(self.account))))
    }
}
