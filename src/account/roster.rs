//! What the list of one parent account last showed, and when that proves something. PURE.

use crate::account::marker::Marker;
use crate::vobiz::{AuthId, Generation, Subaccount};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Instant;

/// The accounts of one parent, as last listed and as our own calls have changed them since.
#[derive(Debug, Default)]
pub struct Roster {
    accounts: HashMap<AuthId, Subaccount>,
    /// Ids that our own calls touched while a list was being read: the list may show an older state of them.
    touched: HashSet<AuthId>,
    /// When the newest complete list was begun; absent until one was read.
    swept_at: Option<Instant>,
}

impl Roster {
    /// Whether a complete list was ever read: without one, absence says nothing at all.
    #[must_use]
    pub fn is_known(&self) -> bool {
        self.swept_at.is_some()
    }

    /// When the newest complete list was begun.
    #[must_use]
    pub fn swept_at(&self) -> Option<Instant> {
        self.swept_at
    }

    /// The account as last seen.
    #[must_use]
    pub fn get(&self, id: &AuthId) -> Option<&Subaccount> {
        self.accounts.get(id)
    }

    /// How many accounts the parent has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.accounts.len()
    }

    /// Whether no account is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.accounts.is_empty()
    }

    /// Every account, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &Subaccount> {
        self.accounts.values()
    }

    /// A list is about to be read: from here on our own calls win over what it shows.
    pub fn begin_list(&mut self) {
        self.touched.clear();
    }

    /// Takes over a complete list that was begun at `begun`; what our own calls did meanwhile is kept.
    pub fn replace(&mut self, listed: impl IntoIterator<Item = Subaccount>, begun: Instant) {
        let mut accounts: HashMap<_, _> = listed
            .into_iter()
            .map(|account| (account.auth_id.clone(), account))
            .collect();
        for id in self.touched.drain() {
            match self.accounts.remove(&id) {
                Some(ours) => accounts.insert(id, ours),
                None => accounts.remove(&id),
            };
        }
        self.accounts = accounts;
        self.swept_at = Some(begun);
    }

    /// Folds in what one of our own calls was answered.
    pub fn note(&mut self, account: Subaccount) {
        self.touched.insert(account.auth_id.clone());
        self.accounts.insert(account.auth_id.clone(), account);
    }

    /// Folds in a proof (404) that the account is gone.
    pub fn forget(&mut self, id: &AuthId) {
        self.touched.insert(id.clone());
        self.accounts.remove(id);
    }
}

/// The marker that an account carries: generation 1 has no description, there the name itself is staged as the marker.
#[must_use]
pub fn marker_of(account: &Subaccount, generation: Generation) -> Option<Marker> {
    match generation {
        Generation::Gen1 => {
            Marker::at_end_of(&account.name).filter(|marker| marker.to_string() == account.name)
        }
        Generation::Gen2 => account.description.as_deref().and_then(Marker::at_end_of),
    }
}

/// Two lists read one after the other, as a proof of what is not there.
#[derive(Debug, Clone)]
pub struct Walk {
    /// When the first of the two lists was begun.
    pub begun: Instant,
    /// Every marked account that either list showed.
    pub marked: BTreeMap<Marker, HashSet<AuthId>>,
}

/// Whether two lists together missed nothing: pages shift while accounts come and go, so one list proves no absence.
///
/// No id stands twice in the first, and the second shows all of the first; an id that it lacks counts as shown if
/// it was proved gone (404) between the two.
#[must_use]
pub fn misses_nothing(first: &[AuthId], second: &[AuthId], proved_gone: &HashSet<AuthId>) -> bool {
    let mut seen = HashSet::with_capacity(first.len());
    let no_duplicate = first.iter().all(|id| seen.insert(id));
    let second: HashSet<_> = second.iter().collect();
    no_duplicate
        && first
            .iter()
            .all(|id| second.contains(id) || proved_gone.contains(id))
}

/// The marked accounts of two lists.
#[must_use]
pub fn marked(lists: [&[Subaccount]; 2], generation: Generation) -> BTreeMap<Marker, HashSet<AuthId>> {
    let mut marked: BTreeMap<Marker, HashSet<AuthId>> = BTreeMap::new();
    for account in lists.into_iter().flatten() {
        if let Some(marker) = marker_of(account, generation) {
            marked.entry(marker).or_default().insert(account.auth_id.clone());
        }
    }
    marked
}
