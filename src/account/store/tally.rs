//! Has an Account tell how many Subaccounts it has, some time after that has changed. I/O (shared state, the clock).

use crate::account::errands::Errands;
use crate::account::key::AccountKey;
use crate::account::store::counts::Counts;
use crate::account::store::registry::Registry;
use crate::clock::now;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How many Subaccounts keep an account under each Account.
pub struct Tally {
    counts: Mutex<Counts>,
    registry: Arc<Registry>,
    errands: Errands,
}

impl Tally {
    /// Nothing is counted yet.
    #[must_use]
    pub fn new(registry: Arc<Registry>, errands: Errands) -> Self {
        Self {
            counts: Mutex::default(),
            registry,
            errands,
        }
    }

    /// Under which Account the Subaccount of this uid keeps an account now, if it does.
    pub fn note(self: &Arc<Self>, uid: &str, account: Option<AccountKey>) {
        let due = self.lock().note(uid, account, now());
        for (account, pause) in due {
            self.ring_after(account, pause);
        }
    }

    /// How many there are under this Account.
    #[must_use]
    pub fn managed(&self, account: &AccountKey) -> i64 {
        self.lock().managed(account)
    }

    /// The Account is gone.
    pub fn forget(&self, account: &AccountKey) {
        self.lock().forget(account);
    }

    /// How many there are, if it is time to tell that they have become more or fewer.
    pub(in crate::account) fn due(&self, account: &AccountKey) -> Option<i64> {
        self.lock().due(account, now())
    }

    /// The Account's status says that there are so many.
    pub(in crate::account) fn told(self: &Arc<Self>, account: &AccountKey, managed: i64) {
        let again = self.lock().told(account, managed, now());
        if let Some(pause) = again {
            self.ring_after(account.clone(), pause);
        }
    }

    fn ring_after(self: &Arc<Self>, account: AccountKey, pause: Duration) {
        let tally = Arc::clone(self);
        self.errands.send(async move {
            tokio::time::sleep(pause).await;
            tally.ring(&account);
        });
    }

    fn ring(&self, account: &AccountKey) {
        if !self.registry.holds(account) {
            self.forget(account);
        } else if self.due(account).is_some() {
            self.registry.wake(account);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
