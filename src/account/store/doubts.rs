//! What passes over Subaccounts were answered that is for their Account's own pass to look into. I/O (clock).

use crate::account::key::AccountKey;
use crate::clock::now;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// What passes over Subaccounts were answered that is for their Account's own pass to look into. Of stored Accounts alone:
/// an answer that comes later leaves nothing behind.
#[derive(Debug, Default)]
pub(in crate::account) struct Doubts {
    state: Mutex<HashMap<AccountKey, Doubt>>,
}

/// A list that answers 404 so often, and for so long, is retired: a gateway that is being restarted answers so for moments.
const RETIRED_AFTER: (u32, Duration) = (3, Duration::from_secs(5));

#[derive(Debug, Default, Clone, Copy)]
struct Doubt {
    /// The pair was refused, or Vobiz does not answer: it may have been rotated, or everything is down.
    pair: bool,
    /// When the balance was last too low.
    balance: Option<Instant>,
    /// How often in a row, and since when, the list of the generation in use was answered as if there were none.
    unserved: Option<(u32, Instant)>,
}

impl Doubts {
    /// The Account is stored.
    pub(in crate::account) fn admit(&self, account: &AccountKey) {
        self.lock().entry(account.clone()).or_default();
    }

    /// The Account is gone.
    pub(in crate::account) fn forget(&self, account: &AccountKey) {
        self.lock().remove(account);
    }

    /// The pair was refused, or nothing was answered.
    pub(in crate::account) fn doubt_pair(&self, account: &AccountKey) {
        if let Some(doubt) = self.lock().get_mut(account) {
            doubt.pair = true;
        }
    }

    /// The balance was too low.
    pub(in crate::account) fn doubt_balance(&self, account: &AccountKey) {
        if let Some(doubt) = self.lock().get_mut(account) {
            doubt.balance = Some(now());
        }
    }

    /// Whether the pair was refused, or nothing was answered, since the last time this was asked.
    pub(in crate::account) fn take_pair(&self, account: &AccountKey) -> bool {
        self.lock()
            .get_mut(account)
            .is_some_and(|doubt| std::mem::take(&mut doubt.pair))
    }

    /// A person says that the balance was topped up, or wants to know.
    pub(in crate::account) fn forget_balance(&self, account: &AccountKey) {
        if let Some(doubt) = self.lock().get_mut(account) {
            doubt.balance = None;
        }
    }

    /// Whether the balance was too low within this time.
    pub(in crate::account) fn balance_within(&self, account: &AccountKey, period: Duration) -> bool {
        self.lock()
            .get(account)
            .and_then(|doubt| doubt.balance)
            .is_some_and(|at| now().duration_since(at) < period)
    }

    /// Notes whether the list of the generation of the API in use was answered as if there were none, while another one's was well. True
    /// once that has lasted.
    pub(in crate::account) fn note_generation(&self, account: &AccountKey, is_unserved: bool) -> bool {
        let mut doubts = self.lock();
        let Some(doubt) = doubts.get_mut(account) else {
            return false;
        };
        if !is_unserved {
            doubt.unserved = None;
            return false;
        }
        let now = now();
        let (count, since) = doubt
            .unserved
            .map_or((1, now), |(count, since)| (count + 1, since));
        doubt.unserved = Some((count, since));
        count >= RETIRED_AFTER.0 && now.duration_since(since) >= RETIRED_AFTER.1
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<AccountKey, Doubt>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn when_a_thousand_accounts_have_come_and_gone_no_doubt_is_left() {
        let doubts = Doubts::default();
        for number in 0..1000 {
            let account = AccountKey::within("dev", &format!("vobiz-{number}"));
            doubts.admit(&account);
            doubts.doubt_pair(&account);
            doubts.admit(&account);
            assert!(doubts.take_pair(&account), "seen again, not new");
            doubts.forget(&account);
            // An answer that came after it went.
            doubts.doubt_pair(&account);
            doubts.doubt_balance(&account);
            assert!(!doubts.note_generation(&account, true));
        }
        assert!(doubts.lock().is_empty());
    }
}
