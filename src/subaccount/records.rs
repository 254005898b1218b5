//! The Records as the watch of the operator's namespace shows them, with the look-ups that passes need. PURE.
//!
//! A cached Record may be trusted only where it says Bound, and only to rest or to publish the user's Secret.

use super::record::{self, Phase, Record};
use crate::account::marker::Series;
use crate::vobiz::{AuthId, ParentAuthId};
use k8s_openapi::api::core::v1::Secret;
use kube::runtime::watcher::Event;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The cached Records.
#[derive(Debug, Default)]
pub struct Records {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    by_uid: HashMap<String, Arc<Record>>,
    by_name: HashMap<(String, String), BTreeSet<String>>,
    by_account: HashMap<AuthId, BTreeSet<String>>,
    by_series: HashMap<Series, String>,
    /// Seen since the watch began to list anew.
    listed: Option<HashSet<String>>,
}

/// What a watch event did to the cache.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Nothing that matters.
    None,
    /// The Record of this object is gone, although it was not closed: (namespace, name).
    Lost(String, String),
}

impl Records {
    /// Takes over a watch event.
    pub fn apply(&self, event: &Event<Secret>) -> Vec<Change> {
        let mut state = self.lock();
        match event {
            Event::Init => {
                state.listed = Some(HashSet::new());
                Vec::new()
            }
            Event::InitApply(secret) | Event::Apply(secret) => {
                if let Some(record) = decode(secret) {
                    if let Some(listed) = &mut state.listed {
                        listed.insert(record.subject.uid.clone());
                    }
                    state.insert(record);
                }
                Vec::new()
            }
            Event::InitDone => {
                let Some(listed) = state.listed.take() else {
                    return Vec::new();
                };
                let gone: Vec<_> = state
                    .by_uid
                    .keys()
                    .filter(|uid| !listed.contains(*uid))
                    .cloned()
                    .collect();
                gone.iter().map(|uid| state.remove(uid)).collect()
            }
            Event::Delete(secret) => {
                let uid = secret
                    .metadata
                    .name
                    .as_deref()
                    .and_then(|name| name.strip_prefix("subaccount-"));
                uid.map(|uid| state.remove(uid)).into_iter().collect()
            }
        }
    }

    /// The Record of an object.
    #[must_use]
    pub fn get(&self, uid: &str) -> Option<Arc<Record>> {
        self.lock().by_uid.get(uid).cloned()
    }

    /// Whether an earlier object of this name left a Record with an account in it.
    #[must_use]
    pub fn predecessor(&self, namespace: &str, name: &str, uid: &str) -> Option<Arc<Record>> {
        let state = self.lock();
        let uids = state.by_name.get(&(namespace.to_owned(), name.to_owned()))?;
        let others = uids
            .iter()
            .filter(|other| *other != uid)
            .filter_map(|other| state.by_uid.get(other));
        others
            .into_iter()
            .find(|record| matches!(record.phase, Phase::Bound | Phase::Kept))
            .cloned()
    }

    /// Whether the Record of another object than `uid` holds this account.
    #[must_use]
    pub fn held_by_another(&self, id: &AuthId, uid: &str) -> bool {
        self.lock()
            .by_account
            .get(id)
            .is_some_and(|uids| uids.iter().any(|other| other != uid))
    }

    /// Whether any Record holds this account.
    #[must_use]
    pub fn holds(&self, id: &AuthId) -> bool {
        self.lock().by_account.contains_key(id)
    }

    /// The Record that a marker's series belongs to.
    #[must_use]
    pub fn of_series(&self, series: Series) -> Option<Arc<Record>> {
        let state = self.lock();
        state
            .by_series
            .get(&series)
            .and_then(|uid| state.by_uid.get(uid))
            .cloned()
    }

    /// Every Record under a parent.
    #[must_use]
    pub fn under(&self, parent: &ParentAuthId) -> Vec<Arc<Record>> {
        self.lock()
            .by_uid
            .values()
            .filter(|record| record.parent == *parent)
            .cloned()
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn insert(&mut self, record: Record) {
        let uid = record.subject.uid.clone();
        self.remove(&uid);
        let name = (record.subject.namespace.clone(), record.subject.name.clone());
        self.by_name.entry(name).or_default().insert(uid.clone());
        if let Some(id) = &record.auth_id {
            self.by_account.entry(id.clone()).or_default().insert(uid.clone());
        }
        self.by_series.insert(record.series, uid.clone());
        self.by_uid.insert(uid, Arc::new(record));
    }

    fn remove(&mut self, uid: &str) -> Change {
        let Some(record) = self.by_uid.remove(uid) else {
            return Change::None;
        };
        let (namespace, name) = (record.subject.namespace.clone(), record.subject.name.clone());
        remove_from(&mut self.by_name, &(namespace.clone(), name.clone()), uid);
        if let Some(id) = &record.auth_id {
            remove_from(&mut self.by_account, id, uid);
        }
        self.by_series.remove(&record.series);
        match record.phase {
            Phase::Open | Phase::Bound => Change::Lost(namespace, name),
            Phase::Closed | Phase::Kept => Change::None,
        }
    }
}

/// A Record that cannot be read is not cached: whoever needs it reads it by quorum and says what is wrong.
fn decode(secret: &Secret) -> Option<Record> {
    record::decode(secret.data.as_ref()?).ok()
}

fn remove_from<K: std::hash::Hash + Eq>(index: &mut HashMap<K, BTreeSet<String>>, key: &K, uid: &str) {
    if let Some(uids) = index.get_mut(key) {
        uids.remove(uid);
        if uids.is_empty() {
            index.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::subaccount::record::{Decision, Subject, encode, secret_name};
    use crate::vobiz::{AuthToken, Credentials, Generation};

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
        open(uid, series).bound(Credentials {
            auth_id: id(account),
            auth_token: AuthToken::parse("token").unwrap(),
        })
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
        let closed = bound("u-1", 1, "SA_ONE").closed(
            Decision::Delete { cascade: false },
            None,
            jiff::Timestamp::UNIX_EPOCH,
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
    fn a_new_list_keeps_what_it_shows_and_reports_what_is_gone_since() {
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
        assert_eq!(records.apply(&Event::InitDone), [lost()]);
        assert!(!records.holds(&id("SA_ONE")) && records.holds(&id("SA_TWO")));
        let parent = ParentAuthId::parse("MA_PARENT").unwrap();
        assert_eq!(records.under(&parent).len(), 1);
        assert!(
            records
                .under(&ParentAuthId::parse("MA_OTHER").unwrap())
                .is_empty()
        );
    }

    #[test]
    fn a_changed_record_is_found_by_what_it_says_now_only() {
        let records = Records::default();
        records.apply(&Event::Apply(stored(&open("u-1", 1))));
        assert!(!records.holds(&id("SA_ONE")));
        records.apply(&Event::Apply(stored(&bound("u-1", 9, "SA_ONE"))));
        assert!(records.holds(&id("SA_ONE")) && records.of_series(Series(1)).is_none());
        assert_eq!(*records.of_series(Series(9)).unwrap(), bound("u-1", 9, "SA_ONE"));
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
    fn only_an_earlier_object_of_the_name_with_an_account_in_its_record_is_a_predecessor() {
        let records = Records::default();
        records.apply(&Event::Apply(stored(&open("u-1", 1))));
        assert_eq!(
            records.predecessor("team", "acme", "u-2"),
            None,
            "it has no account"
        );
        records.apply(&Event::Apply(stored(&bound("u-1", 1, "SA_ONE"))));
        assert!(records.predecessor("team", "acme", "u-2").is_some());
        assert_eq!(
            records.predecessor("team", "acme", "u-1"),
            None,
            "an object does not precede itself"
        );
        assert_eq!(records.predecessor("team", "other", "u-2"), None);
        assert_eq!(records.predecessor("other", "acme", "u-2"), None);
    }

    #[test]
    fn a_record_that_cannot_be_read_is_not_trusted() {
        let records = Records::default();
        let mut damaged = stored(&bound("u-1", 1, "SA_ONE"));
        damaged.data.as_mut().unwrap().remove("phase");
        assert!(records.apply(&Event::Apply(damaged)).is_empty());
        assert!(records.get("u-1").is_none());
    }
}
