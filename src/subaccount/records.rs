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
