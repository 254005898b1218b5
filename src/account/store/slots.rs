//! Lets passes over Accounts that have proved nothing yet take turns: in each namespace one has a worker at a time. I/O (wakes passes).
//!
//! Hundreds of new Accounts, or of such whose pair is wrong, would otherwise be ahead of everybody else's in every worker.

use crate::account::key::AccountKey;
use crate::account::waker::AccountWaker;
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Who has a turn, and who waits for one.
#[derive(Clone, Debug)]
pub struct Slots {
    wake_account: AccountWaker,
    state: Arc<Mutex<HashMap<String, Unproved>>>,
}

/// The Accounts of one namespace that have proved nothing.
#[derive(Debug, Default)]
struct Unproved {
    /// One of them has its turn.
    busy: bool,
    waiting: VecDeque<AccountKey>,
    known: HashSet<AccountKey>,
}

/// A turn; its end wakes the next.
#[derive(Debug)]
pub struct Slot {
    slots: Slots,
    namespace: String,
}

impl Slots {
    /// Nobody has a turn; `wake_account` wakes an Account's own pass.
    #[must_use]
    pub fn new(wake_account: AccountWaker) -> Self {
        Self {
            wake_account,
            state: Arc::default(),
        }
    }

    /// A turn, or none now: then the Account is woken when it is the next. One that was deleted meanwhile does not come; who
    /// waits asks again by itself at last.
    #[must_use]
    pub fn enter(&self, account: &AccountKey) -> Option<Slot> {
        let mut state = self.lock();
        let line = state.entry(account.namespace().to_owned()).or_default();
        if line.busy {
            if line.known.insert(account.clone()) {
                line.waiting.push_back(account.clone());
            }
            return None;
        }
        line.busy = true;
        if line.known.remove(account) {
            line.waiting.retain(|waiting| waiting != account);
        }
        Some(Slot {
            slots: self.clone(),
            namespace: account.namespace().to_owned(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Unproved>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut state = self.slots.lock();
        let Some(line) = state.get_mut(&self.namespace) else {
            return;
        };
        line.busy = false;
        if let Some(next) = line.waiting.pop_front() {
            line.known.remove(&next);
            self.slots.wake_account.wake(&next);
        }
        if line.waiting.is_empty() {
            state.remove(&self.namespace);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::controller::wake::{Scope, queues};
    use futures::{FutureExt as _, StreamExt as _};

    fn key(namespace: &str, name: &str) -> AccountKey {
        AccountKey::within(namespace, name)
    }

    #[test]
    fn in_each_namespace_one_has_a_turn_and_its_end_wakes_the_next() {
        let (waker, mut ends) = queues(&[Scope::Cluster]);
        let mut woken = || ends[0].next().now_or_never().flatten().map(|wake| wake.key.name);
        let slots = Slots::new(AccountWaker::new(waker));
        let first = slots.enter(&key("many", "1"));
        assert!(first.is_some() && slots.enter(&key("few", "1")).is_some());
        for name in ["2", "3", "2"] {
            assert!(slots.enter(&key("many", name)).is_none());
        }
        assert_eq!(woken(), None);
        drop(first);
        assert_eq!((woken().as_deref(), woken()), (Some("2"), None));
        // The one that was woken is gone; another asks again.
        let third = slots.enter(&key("many", "3"));
        assert!(third.is_some());
        assert!(slots.enter(&key("many", "gone")).is_none());
        drop(third);
        assert_eq!((woken().as_deref(), woken()), (Some("gone"), None));
        assert!(slots.lock().is_empty());
    }
}
