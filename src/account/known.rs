//! What a pass over an Account knows of its parent. I/O (none of its own: holds the way to the parent).

use crate::account::access::Access;
use crate::account::object::AccountObject;
use crate::account::obstacles::Obstacles;
use crate::account::pass::interval;
use crate::account::store::named_secrets::named_by_status;
use crate::account::store::registry::Snapshot;
use crate::account::tell::trouble::AccountTrouble;
use crate::crd::SubaccountCounts;
use std::time::{Duration, Instant};

/// What a pass found out about the parent.
pub(super) struct Found {
    pub(super) access: Option<Access>,
    /// The pair in the Secret is this Account's, and works.
    pub(super) is_proved: bool,
    pub(super) trouble: Option<AccountTrouble>,
    pub(super) counts: Option<SubaccountCounts>,
    /// Which list the Subaccounts were last compared with.
    pub(super) compared: Option<Instant>,
    /// Which failure to read the list is told.
    pub(super) failed: Option<Instant>,
    /// The pause until the list is due.
    pub(super) next: Duration,
}

/// How the Account and its credentials Secret are held.
pub(super) struct Hold {
    /// The Account as our own writes left it.
    pub(super) account: AccountObject,
    /// No former Secret carries a mark any more.
    pub(super) is_released: bool,
    /// Both are marked as in use.
    pub(super) in_use: bool,
}

impl Found {
    /// What is told of both: a person must act on what Kubernetes refuses, and only waits where Vobiz asked to slow down.
    pub(super) fn told(&self, obstacles: &Obstacles) -> Option<AccountTrouble> {
        let trouble = self.trouble.as_ref();
        let lasting = trouble.filter(|trouble| **trouble != AccountTrouble::RateLimited);
        lasting.or(obstacles.trouble()).or(trouble).cloned()
    }

    /// What Subaccounts go by.
    pub(super) fn into_snapshot(self, hold: &Hold, obstacles: &Obstacles) -> Snapshot {
        // A pause that Vobiz asked for is kept by the gate; those who wait for it need no other reason.
        let trouble = self
            .trouble
            .filter(|trouble| *trouble != AccountTrouble::RateLimited);
        Snapshot {
            closing: hold.account.metadata.deletion_timestamp.is_some(),
            in_use: hold.in_use,
            name_prefix: hold.account.spec.name_prefix.clone(),
            access: self.access,
            trouble: trouble.or_else(|| obstacles.trouble().cloned()),
            compared: self.compared,
            failed: self.failed,
        }
    }
}

/// What is known of an Account whose Secret could not be read: what the last pass found, if that was the same Secret.
pub(super) fn unread(account: &AccountObject, known: Option<&Snapshot>) -> Found {
    let same = named_by_status(account).as_ref() == Some(&account.spec.credentials_secret_ref.name);
    let known = known.filter(|_| same);
    Found {
        access: known.and_then(|known| known.access.clone()),
        is_proved: false,
        trouble: known
            .filter(|known| !known.is_connected())
            .and_then(|known| known.trouble.clone()),
        counts: None,
        compared: known.and_then(|known| known.compared),
        failed: known.and_then(|known| known.failed),
        next: interval(account),
    }
}
