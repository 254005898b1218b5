//! An Account as its last pass left it, and what may be done by its word. I/O (none of its own: holds the way to the parent).

use crate::account::access::Access;
use crate::account::key::AccountKey;
use crate::account::tell::trouble::{AccountTrouble, Way};
use crate::vobiz::ParentAuthId;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Instant;

/// An Account as its last pass left it.
#[derive(Clone)]
pub struct Snapshot {
    /// It is being deleted: no more creates.
    pub closing: bool,
    /// It and its credentials Secret are marked as in use, so that neither goes before its Subaccounts.
    pub in_use: bool,
    /// Put before the name of a Subaccount that gives none.
    pub name_prefix: String,
    /// How to reach its parent; absent until credentials were read and found good.
    pub access: Option<Access>,
    /// Why no call should be made now.
    pub trouble: Option<AccountTrouble>,
    /// Which list its Subaccounts were last compared with: when that list was begun.
    pub compared: Option<Instant>,
    /// Which failure to read the list it has told.
    pub failed: Option<Instant>,
}

impl Snapshot {
    /// Whether calls may be made. A low balance holds creates back and nothing else, and so does what Kubernetes keeps
    /// from us; what a suspected mass deletion holds back depends on the account.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        self.way() != Way::Closed
    }

    /// Whether the last pass found that the pair works and the list answers.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.way() == Way::Open
    }

    fn way(&self) -> Way {
        self.trouble
            .as_ref()
            .map_or(Way::Open, |trouble| trouble.row().way)
    }
}

/// Every Account that had a pass, by its name and by the parent that it reaches.
#[derive(Default)]
pub(in crate::account) struct Snapshots {
    by_account: HashMap<AccountKey, Arc<Snapshot>>,
    /// None: those of which no pass has found out yet whose they are.
    by_parent: HashMap<Option<ParentAuthId>, BTreeSet<AccountKey>>,
}

impl Snapshots {
    /// The Account as its last pass left it.
    pub(in crate::account) fn get(&self, account: &AccountKey) -> Option<&Arc<Snapshot>> {
        self.by_account.get(account)
    }

    /// Takes over what a pass found.
    pub(in crate::account) fn insert(&mut self, account: &AccountKey, snapshot: Snapshot) {
        self.remove(account);
        let of_parent = self.by_parent.entry(parent_of(&snapshot)).or_default();
        of_parent.insert(account.clone());
        self.by_account.insert(account.clone(), Arc::new(snapshot));
    }

    /// The Account is gone.
    pub(in crate::account) fn remove(&mut self, account: &AccountKey) {
        let Some(snapshot) = self.by_account.remove(account) else {
            return;
        };
        let parent = parent_of(&snapshot);
        if let Some(of_parent) = self.by_parent.get_mut(&parent) {
            of_parent.remove(account);
            if of_parent.is_empty() {
                self.by_parent.remove(&parent);
            }
        }
    }

    /// The Accounts that reach this parent, usable or not.
    pub(in crate::account) fn of(&self, parent: &ParentAuthId) -> impl Iterator<Item = &Snapshot> {
        let accounts = self.by_parent.get(&Some(parent.clone())).into_iter().flatten();
        accounts.filter_map(|account| self.by_account.get(account).map(|snapshot| &**snapshot))
    }

    /// Whether there is an Account of which it is not known yet whose it is.
    pub(in crate::account) fn has_unknown(&self) -> bool {
        self.by_parent.contains_key(&None)
    }

    #[cfg(test)]
    pub(in crate::account) fn sizes(&self) -> [usize; 2] {
        [self.by_account.len(), self.by_parent.len()]
    }
}

fn parent_of(snapshot: &Snapshot) -> Option<ParentAuthId> {
    snapshot.access.as_ref().map(|access| access.parent.id.clone())
}
