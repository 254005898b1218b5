//! The Records as the watch of the operator's namespace shows them, with the look-ups that passes need. PURE.
//!
//! A cached Record may be trusted only where it says Bound, and only to rest or to publish the user's Secret.

use super::kept_record::{KeptRecord, Place};
use super::record::{self, Damaged, Phase};
use crate::account::marker::{Marker, Series};
use crate::controller::alike::Alike;
use crate::vobiz::{AuthId, ParentAuthId};
use hashbrown::HashTable;
use k8s_openapi::api::core::v1::Secret;
use kube::runtime::watcher::Event;
use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::{fmt, vec};
use vobiz_protocol::facts::Predecessor;

pub use super::stored::Stored;

/// The cached Records.
#[derive(Default)]
pub struct Records {
    state: Mutex<State>,
}

/// What an account is that carries a marker of this installation and that no Record holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Stray {
    /// An attempt that this Record has fenced made it: it is deleted by itself.
    Leftover(Arc<Stored>),
    /// The answer of the attempt that made it may be on its way to the Record.
    UnderWay,
    /// No Record knows it: it is told of and kept.
    Orphan,
}

/// Cached Records. Each is made whole when its turn comes: all at once would be a second cache.
pub struct All(vec::IntoIter<Arc<KeptRecord>>);

impl Iterator for All {
    type Item = Arc<Stored>;

    fn next(&mut self) -> Option<Arc<Stored>> {
        self.0.next().map(|kept| kept.whole())
    }
}

/// Every index finds the same Records, each by something else that they say.
#[derive(Default)]
struct State {
    places: Alike<Place>,
    hasher: RandomState,
    by_secret: Index,
    by_uid: Index,
    by_name: Index,
    by_account: Index,
    by_series: Index,
    /// Objects, by namespace and name, whose Records cannot be read: they wait for a person to correct or delete them.
    damaged: HashMap<String, (String, String)>,
}

/// Records by the hash of something that they say. It holds no copy of that: who looks something up compares what is found.
#[derive(Default)]
struct Index(HashTable<Arc<KeptRecord>>);

impl Index {
    fn insert(&mut self, kept: &Arc<KeptRecord>, hash: impl Fn(&Arc<KeptRecord>) -> u64) {
        self.0.insert_unique(hash(kept), Arc::clone(kept), hash);
    }

    fn remove(&mut self, kept: &Arc<KeptRecord>, hash: u64) {
        if let Ok(found) = self.0.find_entry(hash, |known| Arc::ptr_eq(known, kept)) {
            found.remove();
        }
    }

    fn of(&self, hash: u64) -> impl Iterator<Item = &Arc<KeptRecord>> {
        self.0.iter_hash(hash)
    }
}

/// What a watch event did to the cache.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Nothing that matters.
    None,
    /// The Record of this object is gone, although it was not closed: (namespace, name).
    Lost(String, String),
    /// The Record in this Secret cannot be read, and why.
    Damaged(String, Damaged),
    /// The Record of this object can be read again: (namespace, name).
    Mended(String, String),
}

impl Records {
    /// Takes over a watch event; of a Record that a new list does not have any more, the watch says that it is deleted. A Record
    /// that cannot be read is not kept: whoever needs it reads it by quorum and says what is wrong.
    pub fn apply(&self, event: &Event<Secret>) -> Vec<Change> {
        let mut state = self.lock();
        match event {
            Event::Init | Event::InitDone => Vec::new(),
            Event::InitApply(secret) | Event::Apply(secret) => {
                let name = secret.metadata.name.clone().unwrap_or_default();
                let record = match record::decode(secret.data.as_ref().unwrap_or(&BTreeMap::new())) {
                    Ok(record) => record,
                    Err(damaged) => {
                        let lost = state.remove(&name);
                        state.note_damaged(secret);
                        return vec![Change::Damaged(name, damaged), lost];
                    }
                };
                let stored = Stored {
                    secret: name,
                    secret_uid: uid_of(secret),
                    record,
                };
                let mended = state.damaged.remove(&stored.secret);
                state.insert(stored);
                mended
                    .map(|(namespace, name)| Change::Mended(namespace, name))
                    .into_iter()
                    .collect()
            }
            Event::Delete(secret) => {
                let name = secret.metadata.name.as_deref();
                // One that was put back under its name while the watch was down is told before the other's end.
                let is_another = |kept: &Arc<KeptRecord>| kept.secret_uid() != uid_of(secret);
                let gone = name.filter(|name| !state.in_secret(name).is_some_and(is_another));
                gone.map(|name| state.remove(name)).into_iter().collect()
            }
        }
    }

    /// The Record of an object. One that it took over counts before one that it opened itself.
    #[must_use]
    pub fn get(&self, uid: &str) -> Option<Arc<Stored>> {
        let state = self.lock();
        let all = state.by_uid.of(state.hash(uid)).filter(|kept| kept.uid() == uid);
        let first = all.min_by_key(|kept| (kept.ledger.phase == Phase::Open, kept.secret()));
        first.map(|kept| kept.whole())
    }

    /// The Record in this Secret.
    #[must_use]
    pub fn in_secret(&self, secret: &str) -> Option<Arc<Stored>> {
        self.lock().in_secret(secret).map(|kept| kept.whole())
    }

    /// How far the Record in this Secret has come.
    #[must_use]
    pub fn phase_in_secret(&self, secret: &str) -> Option<Phase> {
        self.lock().in_secret(secret).map(|kept| kept.ledger.phase)
    }

    /// Records that earlier objects of this name left, and that mean something to a new one.
    #[must_use]
    pub fn predecessors(&self, namespace: &str, name: &str, uid: &str) -> Vec<Arc<Stored>> {
        let state = self.lock();
        let all = state.by_name.of(state.hash((namespace, name)));
        let of_name = all.filter(|kept| kept.name() == name && kept.namespace() == namespace);
        let means_something = |kept: &&Arc<KeptRecord>| {
            kept.uid() != uid && kept.ledger.as_predecessor() != Predecessor::Nothing
        };
        let found = of_name.filter(means_something).map(|kept| kept.whole());
        let mut found: Vec<_> = found.collect();
        found.sort_by(|one, other| one.secret.cmp(&other.secret));
        found
    }

    /// Whether the Record of another object than `uid` holds this account, or is about to and does not give way.
    #[must_use]
    pub fn held_by_another(&self, id: &AuthId, uid: &str) -> bool {
        let state = self.lock();
        let mut holding = state.holding(id);
        holding.any(|kept| kept.uid() != uid && !kept.whole().record.gives_way_to(uid))
    }

    /// Whether any Record holds this account, or is about to.
    #[must_use]
    pub fn holds(&self, id: &AuthId) -> bool {
        self.lock().holding(id).next().is_some()
    }

    /// Every account that a Record holds, or is about to.
    #[must_use]
    pub fn held(&self) -> Vec<AuthId> {
        let state = self.lock();
        let kept = state.by_account.0.iter();
        kept.filter_map(|kept| kept.held_id().cloned()).collect()
    }

    /// The Record that a marker's series belongs to.
    #[must_use]
    pub fn of_series(&self, series: Series) -> Option<Arc<Stored>> {
        let state = self.lock();
        let mut found = state.by_series.of(state.hash(series));
        let found = found.find(|kept| kept.ledger.series == series);
        found.map(|kept| kept.whole())
    }

    /// What an account with this marker of this installation is, if no Record holds it.
    #[must_use]
    pub fn stray(&self, marker: Marker) -> Stray {
        match self.of_series(marker.series) {
            Some(stored) if stored.record.fences(&marker) => Stray::Leftover(stored),
            Some(stored)
                if stored.record.ledger.phase == Phase::Open
                    && stored.record.ledger.epoch == marker.epoch =>
            {
                Stray::UnderWay
            }
            _ => Stray::Orphan,
        }
    }

    /// Every Record, in no order.
    #[must_use]
    pub fn all(&self) -> All {
        self.those(|_| true)
    }

    /// Every Record under a parent.
    #[must_use]
    pub fn under(&self, parent: &ParentAuthId) -> All {
        self.those(|kept| kept.place.parent == *parent)
    }

    fn those(&self, wanted: impl Fn(&KeptRecord) -> bool) -> All {
        let state = self.lock();
        let those = state.by_secret.0.iter().filter(|kept| wanted(kept));
        All(those.cloned().collect::<Vec<_>>().into_iter())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Shows how many there are only: they hold pairs.
impl fmt::Debug for Records {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Records({})", self.lock().by_secret.0.len())
    }
}

impl State {
    fn hash(&self, said: impl Hash) -> u64 {
        self.hasher.hash_one(said)
    }

    fn in_secret(&self, secret: &str) -> Option<&Arc<KeptRecord>> {
        let mut found = self.by_secret.of(self.hash(secret));
        found.find(|kept| kept.secret() == secret)
    }

    fn holding(&self, id: &AuthId) -> impl Iterator<Item = &Arc<KeptRecord>> {
        let found = self.by_account.of(self.hash(Some(id)));
        found.filter(move |kept| kept.held_id() == Some(id))
    }

    fn insert(&mut self, stored: Stored) {
        self.remove(&stored.secret);
        let kept = Arc::new(KeptRecord::of(stored, &mut self.places));
        let hasher = &self.hasher;
        self.by_secret
            .insert(&kept, |kept| hasher.hash_one(kept.secret()));
        self.by_uid.insert(&kept, |kept| hasher.hash_one(kept.uid()));
        let name = |kept: &Arc<KeptRecord>| hasher.hash_one((kept.namespace(), kept.name()));
        self.by_name.insert(&kept, name);
        if kept.held_id().is_some() {
            self.by_account
                .insert(&kept, |kept| hasher.hash_one(kept.held_id()));
        }
        self.by_series
            .insert(&kept, |kept| hasher.hash_one(kept.ledger.series));
    }

    fn note_damaged(&mut self, secret: &Secret) {
        let text = |key| {
            let value = secret.data.as_ref()?.get(key)?;
            String::from_utf8(value.0.clone()).ok()
        };
        if let (Some(secret), Some(namespace), Some(name)) =
            (&secret.metadata.name, text("namespace"), text("name"))
        {
            self.damaged.insert(secret.clone(), (namespace, name));
        }
    }

    fn remove(&mut self, secret: &str) -> Change {
        let damaged = self.damaged.remove(secret);
        let Some(kept) = self.in_secret(secret).cloned() else {
            return damaged.map_or(Change::None, |(namespace, name)| Change::Lost(namespace, name));
        };
        let hasher = &self.hasher;
        self.by_secret.remove(&kept, hasher.hash_one(kept.secret()));
        self.by_uid.remove(&kept, hasher.hash_one(kept.uid()));
        self.by_name
            .remove(&kept, hasher.hash_one((kept.namespace(), kept.name())));
        self.by_account.remove(&kept, hasher.hash_one(kept.held_id()));
        self.by_series.remove(&kept, hasher.hash_one(kept.ledger.series));
        let (namespace, name) = (kept.namespace().to_owned(), kept.name().to_owned());
        match kept.ledger.phase {
            Phase::Open | Phase::Bound => Change::Lost(namespace, name),
            Phase::Closed | Phase::Kept => Change::None,
        }
    }
}

fn uid_of(secret: &Secret) -> String {
    secret.metadata.uid.clone().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::marker::Installation;
    use crate::subaccount::store::record::{Decision, Ledger, Record, Subject, encode, secret_name};
    use crate::vobiz::{AuthToken, Generation};
    use jiff::Timestamp;

    fn id(name: &str) -> AuthId {
        AuthId::parse(name).unwrap()
    }

    fn open(uid: &str, series: u128) -> Record {
        let subject = Subject {
            namespace: "team".to_owned(),
            namespace_uid: "n-1".to_owned(),
            name: "acme".to_owned(),
            uid: uid.to_owned(),
        };
        let parent = ParentAuthId::parse("MA_PARENT").unwrap();
        Record::open(subject, parent, Generation::Gen2, Series(series))
    }

    fn bound(uid: &str, series: u128, account: &str) -> Record {
        let mut record = open(uid, series);
        record.ledger = record
            .ledger
            .bound(id(account), AuthToken::parse("token").unwrap());
        record
    }

    fn stored(record: &Record) -> Secret {
        let mut secret = Secret {
            data: Some(encode(record)),
            ..Secret::default()
        };
        secret.metadata.name = Some(secret_name(&record.subject.uid));
        secret
    }

    fn lost() -> Change {
        Change::Lost("team".to_owned(), "acme".to_owned())
    }

    #[test]
    fn a_record_that_vanishes_unfinished_is_noticed_and_a_finished_one_is_not_missed() {
        let closed = bound("u-1", 1, "SA_ONE").with(
            |ledger| ledger.closed(Decision::Delete { cascade: false }, None),
            Timestamp::UNIX_EPOCH,
        );
        let table = [
            (open("u-1", 1), lost()),
            (bound("u-1", 1, "SA_ONE"), lost()),
            (closed, Change::None),
        ];
        for (record, change) in table {
            let records = Records::default();
            records.apply(&Event::Apply(stored(&record)));
            assert!(records.get("u-1").is_some());
            assert_eq!(records.apply(&Event::Delete(stored(&record))), [change]);
            assert!(records.get("u-1").is_none() && records.of_series(Series(1)).is_none());
            assert!(!records.holds(&id("SA_ONE")));
            assert_eq!(
                records.apply(&Event::Delete(stored(&record))),
                [Change::None],
                "only once"
            );
        }
    }

    #[test]
    fn a_record_that_was_put_back_under_its_name_stays_when_the_end_of_the_former_one_is_told_late() {
        let of_uid = |uid: &str| {
            let mut secret = stored(&bound("u-1", 1, "SA_ONE"));
            secret.metadata.uid = Some(uid.to_owned());
            secret
        };
        let records = Records::default();
        records.apply(&Event::Apply(of_uid("s-1")));
        records.apply(&Event::InitApply(of_uid("s-2")));
        assert_eq!(records.apply(&Event::Delete(of_uid("s-1"))), []);
        assert!(records.holds(&id("SA_ONE")));
        let lost = Change::Lost("team".to_owned(), "acme".to_owned());
        assert_eq!(records.apply(&Event::Delete(of_uid("s-2"))), [lost]);
        assert!(!records.holds(&id("SA_ONE")));
    }

    #[test]
    fn a_new_list_takes_nothing_away_and_what_the_watch_finds_gone_since_is_reported() {
        let records = Records::default();
        for record in [bound("u-1", 1, "SA_ONE"), bound("u-2", 2, "SA_TWO")] {
            records.apply(&Event::Apply(stored(&record)));
        }
        records.apply(&Event::Init);
        records.apply(&Event::InitApply(stored(&bound("u-2", 2, "SA_TWO"))));
        assert!(
            records.holds(&id("SA_ONE")),
            "nothing is forgotten before the list is complete"
        );
        assert!(records.apply(&Event::InitDone).is_empty());
        assert_eq!(
            records.apply(&Event::Delete(stored(&bound("u-1", 1, "SA_ONE")))),
            [lost()]
        );
        assert!(!records.holds(&id("SA_ONE")) && records.holds(&id("SA_TWO")));
        let parent = ParentAuthId::parse("MA_PARENT").unwrap();
        assert_eq!(records.under(&parent).count(), 1);
        assert!(
            records
                .under(&ParentAuthId::parse("MA_OTHER").unwrap())
                .next()
                .is_none()
        );
    }

    #[test]
    fn a_changed_record_is_found_by_what_it_says_now_only() {
        let records = Records::default();
        records.apply(&Event::Apply(stored(&open("u-1", 1))));
        assert!(!records.holds(&id("SA_ONE")));
        records.apply(&Event::Apply(stored(&bound("u-1", 9, "SA_ONE"))));
        assert!(records.holds(&id("SA_ONE")) && records.of_series(Series(1)).is_none());
        assert_eq!(
            records.of_series(Series(9)).unwrap().record,
            bound("u-1", 9, "SA_ONE")
        );
    }

    #[test]
    fn a_marked_account_that_no_record_holds_is_a_leftover_under_way_or_an_orphan() {
        let records = Records::default();
        let marker = |series: u128, epoch: u32| Marker {
            installation: Installation(1),
            series: Series(series),
            epoch,
        };
        let mut taken_over = open("u-1", 1);
        taken_over.ledger = taken_over.ledger.taken_over(Generation::Gen2);
        taken_over.last_fenced_at = Some(Timestamp::UNIX_EPOCH);
        records.apply(&Event::Apply(stored(&taken_over)));
        records.apply(&Event::Apply(stored(&bound("u-2", 2, "SA_TWO"))));
        let stray = |series, epoch| records.stray(marker(series, epoch));
        assert!(matches!(stray(1, 1), Stray::Leftover(stored) if stored.record == taken_over));
        assert_eq!(stray(1, 2), Stray::UnderWay);
        assert_eq!(
            stray(1, 3),
            Stray::Orphan,
            "of an attempt that nobody has claimed"
        );
        assert_eq!(stray(2, 1), Stray::Orphan, "its Record holds another one");
        assert_eq!(stray(3, 1), Stray::Orphan);
        assert_eq!(records.all().count(), 2);
    }

    #[test]
    fn an_id_serves_one_object_only() {
        let records = Records::default();
        records.apply(&Event::Apply(stored(&bound("u-1", 1, "SA_ONE"))));
        assert!(!records.held_by_another(&id("SA_ONE"), "u-1"));
        assert!(records.held_by_another(&id("SA_ONE"), "u-2"));
        assert!(!records.held_by_another(&id("SA_TWO"), "u-2"));
    }

    #[test]
    fn of_two_intents_to_adopt_one_account_the_later_uids_gives_way_and_what_is_bound_never_does() {
        let intent = |uid: &str| {
            open(uid, 1).with(
                |ledger| Ledger::adopting(ledger.series, ledger.generation, id("SA_ONE")),
                Timestamp::UNIX_EPOCH,
            )
        };
        let records = Records::default();
        records.apply(&Event::Apply(stored(&intent("u-1"))));
        records.apply(&Event::Apply(stored(&intent("u-2"))));
        assert!(
            !records.held_by_another(&id("SA_ONE"), "u-1"),
            "the other one gives way"
        );
        assert!(records.held_by_another(&id("SA_ONE"), "u-2"));
        records.apply(&Event::Apply(stored(&bound("u-2", 1, "SA_ONE"))));
        assert!(records.held_by_another(&id("SA_ONE"), "u-1"));
    }

    #[test]
    fn only_an_earlier_object_of_the_name_that_left_something_is_a_predecessor() {
        let records = Records::default();
        let found = |namespace, name, uid| records.predecessors(namespace, name, uid).len();
        records.apply(&Event::Apply(stored(&open("u-1", 1))));
        assert_eq!(found("team", "acme", "u-2"), 1, "its attempt may still bind");
        records.apply(&Event::Apply(stored(&bound("u-1", 1, "SA_ONE"))));
        assert_eq!(found("team", "acme", "u-2"), 1);
        assert_eq!(
            found("team", "acme", "u-1"),
            0,
            "an object does not precede itself"
        );
        assert_eq!(found("team", "other", "u-2") + found("other", "acme", "u-2"), 0);
        let mut closed = open("u-1", 1);
        closed.ledger = closed.ledger.closed(Decision::Delete { cascade: false }, None);
        closed.last_fenced_at = Some(Timestamp::UNIX_EPOCH);
        records.apply(&Event::Apply(stored(&closed)));
        assert_eq!(
            found("team", "acme", "u-2"),
            0,
            "it left nothing to be taken over"
        );
    }

    #[test]
    fn a_record_that_was_taken_over_is_found_by_the_object_that_it_serves_now() {
        let records = Records::default();
        let mut taken = stored(&bound("u-1", 1, "SA_ONE"));
        records.apply(&Event::Apply(taken.clone()));
        records.apply(&Event::Apply(stored(&open("u-2", 2))));
        taken.data = Some(encode(&bound("u-2", 1, "SA_ONE")));
        records.apply(&Event::Apply(taken.clone()));
        assert!(records.get("u-1").is_none());
        let found = records.get("u-2").unwrap();
        assert_eq!(
            found.secret,
            secret_name("u-1"),
            "it counts before an open one of its own"
        );
        assert!(!records.held_by_another(&id("SA_ONE"), "u-2"));
        assert_eq!(records.apply(&Event::Delete(taken)), [lost()]);
        assert_eq!(records.get("u-2").unwrap().record.ledger.phase, Phase::Open);
    }

    #[test]
    fn a_record_that_cannot_be_read_is_not_trusted() {
        let records = Records::default();
        let mut damaged = stored(&bound("u-1", 1, "SA_ONE"));
        damaged.data.as_mut().unwrap().remove("phase");
        let told = Change::Damaged(secret_name("u-1"), Damaged { key: "phase" });
        assert_eq!(
            records.apply(&Event::Apply(damaged.clone())),
            [told.clone(), Change::None]
        );
        assert!(records.get("u-1").is_none());
        records.apply(&Event::Apply(stored(&bound("u-1", 1, "SA_ONE"))));
        assert_eq!(
            records.apply(&Event::Apply(damaged)),
            [told, lost()],
            "what it said before it was damaged is no longer trusted"
        );
        assert!(records.get("u-1").is_none() && records.in_secret(&secret_name("u-1")).is_none());
    }

    #[test]
    fn whoever_waits_for_a_damaged_record_is_told_when_it_is_corrected_or_deleted() {
        let records = Records::default();
        let good = stored(&bound("u-1", 1, "SA_ONE"));
        let mut damaged = good.clone();
        damaged.data.as_mut().unwrap().remove("phase");
        let mended = Change::Mended("team".to_owned(), "acme".to_owned());
        records.apply(&Event::Apply(damaged.clone()));
        assert_eq!(records.apply(&Event::Apply(good.clone())), [mended]);
        assert!(records.apply(&Event::Apply(good)).is_empty(), "once");

        let records = Records::default();
        records.apply(&Event::Apply(damaged.clone()));
        assert_eq!(records.apply(&Event::Delete(damaged.clone())), [lost()]);
        records.apply(&Event::Apply(damaged.clone()));
        for event in [Event::Init, Event::InitApply(damaged.clone())] {
            records.apply(&event);
        }
        assert!(records.apply(&Event::InitDone).is_empty(), "it is still there");
        assert_eq!(records.apply(&Event::Delete(damaged)), [lost()]);
    }
}
