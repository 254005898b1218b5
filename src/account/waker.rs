//! Wakes passes over Accounts. I/O (fills queues).

use crate::account::key::AccountKey;
use crate::account::object::AccountObject;
use crate::controller::wake::{Guarded, Waker};

/// Wakes passes over Accounts, of whichever kind.
#[derive(Clone, Debug)]
pub struct AccountWaker(Waker<Guarded<AccountObject>>);

impl AccountWaker {
    /// Puts them into these queues.
    #[must_use]
    pub fn new(queues: Waker<Guarded<AccountObject>>) -> Self {
        Self(queues)
    }

    /// Asks for a pass over the Account.
    pub fn wake(&self, account: &AccountKey) {
        self.0.wake_within(account.namespace(), account.name());
    }
}
