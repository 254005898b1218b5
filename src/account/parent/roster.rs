//! What the list of one parent account last showed, and when that proves something. PURE.

use crate::account::marker::{Marker, Series};
use crate::account::parent::inherited::Inherited;
use crate::vobiz::{AuthId, Fields, Generation, Permissions, Subaccount};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Instant;

/// The accounts of one parent, as last listed and as our own calls have changed them since.
#[derive(Debug)]
pub struct Roster {
    generation: Generation,
    remotes: HashMap<AuthId, Subaccount>,
    /// Which accounts carry a marker of each series: whoever looks for one Record's leftovers need not look at all accounts.
    marked: HashMap<Series, HashSet<AuthId>>,
    /// Ids that our own calls touched while a list was being read: the list may show an older state of them.
    touched: HashSet<AuthId>,
    /// Those that our own calls alone have shown: no complete list has.
    unlisted: HashSet<AuthId>,
    /// When the newest complete list was begun; absent until one was read.
    swept_at: Option<Instant>,
    inherited: Inherited,
}

impl Roster {
    /// A roster of accounts that this generation of the API shows; no list was read yet.
    #[must_use]
    pub fn new(generation: Generation) -> Self {
        Self {
            generation,
            remotes: HashMap::new(),
            marked: HashMap::new(),
            touched: HashSet::new(),
            unlisted: HashSet::new(),
            swept_at: None,
            inherited: Inherited::default(),
        }
    }

    /// Accounts whose marker belongs to this series, each with that marker.
    pub fn of_series(&self, series: Series) -> impl Iterator<Item = (Marker, &AuthId)> {
        let marked = self.marked.get(&series).into_iter().flatten();
        let remotes = marked.filter_map(|id| self.remotes.get(id));
        remotes.filter_map(|remote| Some((marker_of(remote, self.generation)?, &remote.auth_id)))
    }

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
        self.remotes.get(id)
    }

    /// Whether a complete list has shown the account.
    #[must_use]
    pub fn is_listed(&self, id: &AuthId) -> bool {
        self.remotes.contains_key(id) && !self.unlisted.contains(id)
    }

    /// Another id that may stand in paths for the account, where the list shows one and it is no other account's.
    #[must_use]
    pub fn other_id(&self, id: &AuthId) -> Option<AuthId> {
        let other = self.remotes.get(id)?.other_id.as_ref()?;
        (!self.remotes.contains_key(other)).then(|| other.clone())
    }

    /// Whether an account of this id was there before the one that carries `marker` was made: no account is answered to two creates.
    #[must_use]
    pub fn shows_another(&self, id: &AuthId, marker: Marker) -> bool {
        let known = self.remotes.get(id);
        known.is_some_and(|remote| marker_of(remote, self.generation) != Some(marker))
    }

    /// How many accounts the parent has.
    #[must_use]
    pub(crate) fn len(&self) -> usize {
        self.remotes.len()
    }

    /// Every account, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &Subaccount> {
        self.remotes.values()
    }

    /// A list is about to be read: from here on our own calls win over what it shows.
    pub fn begin_list(&mut self) {
        self.touched.clear();
    }

    /// Takes over a complete list that was begun at `begun`; what our own calls did meanwhile is kept.
    pub fn replace(&mut self, listed: impl IntoIterator<Item = Subaccount>, begun: Instant) {
        let mut remotes: HashMap<_, _> = listed
            .into_iter()
            .map(|remote| (remote.auth_id.clone(), remote))
            .collect();
        self.unlisted.retain(|id| !remotes.contains_key(id));
        self.unlisted.shrink_to_fit();
        for id in self.touched.drain() {
            match self.remotes.remove(&id) {
                Some(ours) => remotes.insert(id, ours),
                None => remotes.remove(&id),
            };
        }
        let before = std::mem::replace(&mut self.remotes, HashMap::with_capacity(remotes.len()));
        self.marked.clear();
        for remote in remotes.into_values() {
            self.inherited.note(before.get(&remote.auth_id), &remote);
            self.insert(remote);
        }
        self.inherited.keep(|id| self.remotes.contains_key(id));
        self.swept_at = Some(begun);
    }

    /// Folds in what one of our own calls was answered.
    pub fn note(&mut self, remote: Subaccount) {
        self.touched.insert(remote.auth_id.clone());
        self.inherited.note(self.remotes.get(&remote.auth_id), &remote);
        if !self.remotes.contains_key(&remote.auth_id) {
            self.unlisted.insert(remote.auth_id.clone());
        }
        self.remove(&remote.auth_id);
        self.insert(remote);
    }

    /// Takes in what the API made of a request, before the account is noted.
    pub fn learn(&mut self, sent: &Fields, shown: &Subaccount) {
        self.inherited.learn(sent, shown);
    }

    /// What this account may do where it shows no permissions, as far as is known; `asked`: what it was to be given, and was if
    /// `applied`.
    #[must_use]
    pub fn inherited(&self, id: &AuthId, asked: Option<Permissions>, applied: bool) -> Option<Permissions> {
        self.inherited.of(id, asked, applied)
    }

    /// Folds in a proof (404) that the account is gone.
    pub fn forget(&mut self, id: &AuthId) {
        self.touched.insert(id.clone());
        self.unlisted.remove(id);
        self.remove(id);
    }

    fn insert(&mut self, remote: Subaccount) {
        if let Some(marker) = marker_of(&remote, self.generation) {
            let marked = self.marked.entry(marker.series).or_default();
            marked.insert(remote.auth_id.clone());
        }
        self.remotes.insert(remote.auth_id.clone(), remote);
    }

    fn remove(&mut self, id: &AuthId) {
        let before = self.remotes.remove(id);
        let marker = before.and_then(|remote| marker_of(&remote, self.generation));
        if let Some(marker) = marker
            && let Some(marked) = self.marked.get_mut(&marker.series)
        {
            marked.remove(id);
            if marked.is_empty() {
                self.marked.remove(&marker.series);
            }
        }
    }
}

/// The marker that an account carries: generation 1 has no description, there the name itself is staged as the marker. Generation 2
/// shows what was made under either.
#[must_use]
pub fn marker_of(remote: &Subaccount, generation: Generation) -> Option<Marker> {
    let staged = || Marker::at_end_of(remote.name()).filter(|marker| marker.to_string() == remote.name());
    match generation {
        Generation::Gen1 => staged(),
        Generation::Gen2 => {
            let described = remote.fields.description.as_deref().and_then(Marker::at_end_of);
            described.or_else(staged)
        }
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

/// The marked accounts of two lists.
#[must_use]
pub fn marked(lists: [&[Subaccount]; 2], generation: Generation) -> BTreeMap<Marker, HashSet<AuthId>> {
    let mut marked: BTreeMap<Marker, HashSet<AuthId>> = BTreeMap::new();
    for remote in lists.into_iter().flatten() {
        if let Some(marker) = marker_of(remote, generation) {
            marked.entry(marker).or_default().insert(remote.auth_id.clone());
        }
    }
    marked
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::marker::{Installation, Series};
    use crate::clock::now;

    fn id(name: &str) -> AuthId {
        AuthId::parse(&format!("SA_{name}")).unwrap()
    }

    fn remote(name: &str) -> Subaccount {
        named(name, name)
    }

    fn named(id_name: &str, name: &str) -> Subaccount {
        let fields = Fields {
            name: Some(name.to_owned()),
            ..Fields::default()
        };
        Subaccount::new(id(id_name), fields)
    }

    fn described(name: &str, description: String) -> Subaccount {
        remote(name).updated(&Fields {
            description: Some(description),
            ..Fields::default()
        })
    }

    fn marker() -> Marker {
        Marker {
            installation: Installation(1),
            series: Series(2),
            epoch: 3,
        }
    }

    #[test]
    fn what_our_own_calls_did_while_a_list_was_read_wins_over_the_list() {
        let (mut roster, begun) = (Roster::new(Generation::Gen2), now());
        roster.note(remote("STALE"));
        assert!(!roster.is_known(), "our own calls tell nothing about the others");
        roster.begin_list();
        let edited = remote("EDITED").updated(&Fields {
            enabled: Some(false),
            ..Fields::default()
        });
        roster.note(edited.clone());
        roster.note(remote("MADE"));
        roster.forget(&id("DELETED"));
        roster.replace(["EDITED", "DELETED", "OTHER"].map(remote), begun);
        assert!(roster.is_known());
        assert_eq!(roster.get(&id("EDITED")), Some(&edited));
        assert!(roster.get(&id("MADE")).is_some() && roster.get(&id("OTHER")).is_some());
        assert!(roster.get(&id("DELETED")).is_none() && roster.get(&id("STALE")).is_none());
        assert_eq!(roster.len(), 3);
        roster.begin_list();
        roster.replace([remote("EDITED")], begun);
        assert_eq!(
            roster.get(&id("EDITED")),
            Some(&remote("EDITED")),
            "the next list counts again"
        );
        assert_eq!(roster.iter().count(), 1);
    }

    #[test]
    fn accounts_of_a_series_are_found_as_they_are_now() {
        let marked = |name, epoch| described(name, Marker { epoch, ..marker() }.append_to(None));
        let found = |roster: &Roster| {
            let found = roster.of_series(marker().series);
            let mut found: Vec<_> = found.map(|(marker, id)| (id.clone(), marker.epoch)).collect();
            found.sort();
            found
        };
        let mut roster = Roster::new(Generation::Gen2);
        roster.note(marked("A", 1));
        roster.note(marked("A", 2));
        roster.note(remote("B"));
        assert_eq!(found(&roster), [(id("A"), 2)]);
        roster.begin_list();
        roster.replace([remote("A"), marked("B", 1), marked("C", 3)], now());
        assert_eq!(found(&roster), [(id("B"), 1), (id("C"), 3)]);
        roster.forget(&id("B"));
        roster.note(remote("C"));
        assert_eq!(found(&roster), []);
        assert!(roster.marked.is_empty(), "nothing is left behind");
    }

    #[test]
    fn an_account_that_was_there_before_is_told_from_the_one_that_was_just_made() {
        let mut roster = Roster::new(Generation::Gen2);
        roster.note(remote("BEFORE"));
        roster.note(described("MADE", marker().append_to(None)));
        let before = Marker { epoch: 2, ..marker() };
        assert!(roster.shows_another(&id("BEFORE"), marker()) && roster.shows_another(&id("MADE"), before));
        assert!(
            !roster.shows_another(&id("MADE"), marker()),
            "a list may show it before its create is answered"
        );
        assert!(!roster.shows_another(&id("UNSEEN"), marker()));
    }

    #[test]
    fn another_id_stands_for_an_account_only_where_it_is_nobody_elses() {
        let mut roster = Roster::new(Generation::Gen2);
        let two = |name: &str, other: &str| Subaccount {
            other_id: Some(id(other)),
            ..remote(name)
        };
        roster.note(two("A", "ONE"));
        roster.note(two("B", "A"));
        assert_eq!(roster.other_id(&id("A")), Some(id("ONE")));
        assert_eq!(roster.other_id(&id("B")), None);
        assert_eq!(roster.other_id(&id("ONE")), None);
    }

    #[test]
    fn an_account_is_listed_once_a_complete_list_has_shown_it() {
        let (mut roster, begun) = (Roster::new(Generation::Gen2), now());
        roster.note(remote("MADE"));
        assert!(!roster.is_listed(&id("MADE")), "its create alone has shown it");
        roster.begin_list();
        roster.note(remote("MEANWHILE"));
        roster.replace([remote("MADE"), remote("OLD")], begun);
        assert!(roster.is_listed(&id("MADE")) && roster.is_listed(&id("OLD")));
        assert!(roster.get(&id("MEANWHILE")).is_some() && !roster.is_listed(&id("MEANWHILE")));
        roster.note(remote("OLD"));
        assert!(roster.is_listed(&id("OLD")), "an edit changes nothing of that");
        roster.forget(&id("OLD"));
        assert!(!roster.is_listed(&id("OLD")));
        roster.begin_list();
        roster.replace([remote("MEANWHILE")], begun);
        assert!(roster.is_listed(&id("MEANWHILE")) && roster.unlisted.is_empty());
    }

    #[test]
    fn a_marker_is_read_from_where_its_generation_keeps_it_and_a_newer_one_shows_it_too() {
        let staged = named("A", &marker().to_string());
        let described = described("B", marker().append_to(Some("text")));
        let renamed = named("C", &format!("Acme {}", marker()));
        assert_eq!(marker_of(&staged, Generation::Gen1), Some(marker()));
        assert_eq!(marker_of(&described, Generation::Gen2), Some(marker()));
        assert_eq!(
            marker_of(&renamed, Generation::Gen1),
            None,
            "a name that a user chose"
        );
        assert_eq!(marker_of(&described, Generation::Gen1), None);
        assert_eq!(
            marker_of(&staged, Generation::Gen2),
            Some(marker()),
            "made under generation 1"
        );
        let found = marked(
            [
                std::slice::from_ref(&described),
                &[described.clone(), remote("D")],
            ],
            Generation::Gen2,
        );
        assert_eq!(found, BTreeMap::from([(marker(), HashSet::from([id("B")]))]));
    }
}
