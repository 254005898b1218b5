//! The objects of one kind and scope, as a watch last showed them. I/O (shared state).
//!
//! A cache may keep an object in fewer bytes than it has elsewhere: who asks for it gets it whole.

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use kube::Resource;
use kube::runtime::watcher::Event;
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::{fmt, mem};
use tokio::sync::watch;

/// An object as a cache keeps it.
pub trait Kept<K>: Send + Sync {
    /// Its namespace; empty where it has none.
    fn namespace(&self) -> &str;

    /// Its name.
    fn name(&self) -> &str;

    /// Its uid.
    fn uid(&self) -> &str;

    /// Whether it may hold this text as one of its values: where it may not, nobody need look.
    fn may_hold(&self, text: &str) -> bool;

    /// The object.
    fn whole(&self) -> Arc<K>;
}

/// An object that is kept as it is.
pub struct Whole<K>(Arc<K>);

impl<K: Resource + Clone + Send + Sync + 'static> Whole<K> {
    /// For a cache.
    pub fn of(object: &K) -> Arc<dyn Kept<K>> {
        Arc::new(Self(Arc::new(object.clone())))
    }
}

impl<K: Resource + Send + Sync> Kept<K> for Whole<K> {
    fn namespace(&self) -> &str {
        self.0.meta().namespace.as_deref().unwrap_or_default()
    }

    fn name(&self) -> &str {
        self.0.meta().name.as_deref().unwrap_or_default()
    }

    fn uid(&self) -> &str {
        self.0.meta().uid.as_deref().unwrap_or_default()
    }

    fn may_hold(&self, _: &str) -> bool {
        true
    }

    fn whole(&self) -> Arc<K> {
        Arc::clone(&self.0)
    }
}

/// By namespace and name, which only the kept objects themselves hold.
struct Table<K> {
    objects: HashTable<Arc<dyn Kept<K>>>,
    hasher: RandomState,
}

impl<K> Default for Table<K> {
    fn default() -> Self {
        Self {
            objects: HashTable::new(),
            hasher: RandomState::default(),
        }
    }
}

impl<K> Table<K> {
    fn get(&self, namespace: &str, name: &str) -> Option<&Arc<dyn Kept<K>>> {
        let hash = self.hasher.hash_one((namespace, name));
        self.objects.find(hash, |kept| is_of(kept, namespace, name))
    }

    fn insert(&mut self, kept: Arc<dyn Kept<K>>) {
        let Self { objects, hasher } = self;
        let hash = |kept: &Arc<dyn Kept<K>>| hasher.hash_one((kept.namespace(), kept.name()));
        let is_same = |known: &Arc<dyn Kept<K>>| is_of(known, kept.namespace(), kept.name());
        match objects.entry(hash(&kept), is_same, hash) {
            Entry::Occupied(mut known) => *known.get_mut() = kept,
            Entry::Vacant(place) => drop(place.insert(kept)),
        }
    }

    fn remove(&mut self, namespace: &str, name: &str) {
        let hash = self.hasher.hash_one((namespace, name));
        if let Ok(found) = self.objects.find_entry(hash, |kept| is_of(kept, namespace, name)) {
            found.remove();
        }
    }

    /// Whether it has this very object, and no other one of its name.
    fn has(&self, kept: &Arc<dyn Kept<K>>) -> bool {
        let known = self.get(kept.namespace(), kept.name());
        known.is_some_and(|known| known.uid() == kept.uid())
    }
}

fn is_of<K>(kept: &Arc<dyn Kept<K>>, namespace: &str, name: &str) -> bool {
    kept.name() == name && kept.namespace() == namespace
}

/// The far end, which passes read; cheap to clone.
pub struct Cache<K> {
    table: Arc<RwLock<Table<K>>>,
    complete: watch::Receiver<bool>,
}

impl<K> Clone for Cache<K> {
    fn clone(&self) -> Self {
        Self {
            table: Arc::clone(&self.table),
            complete: self.complete.clone(),
        }
    }
}

impl<K> fmt::Debug for Cache<K> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Cache")
    }
}

/// The cache is empty for good: nothing fills it any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a cache is no longer filled")]
pub struct Abandoned;

impl<K> Cache<K> {
    /// Waits for the first list.
    pub async fn complete(&self) -> Result<(), Abandoned> {
        let mut complete = self.complete.clone();
        let result = complete.wait_for(|complete| *complete).await;
        result.map(drop).map_err(|_| Abandoned)
    }

    /// The object of this name.
    #[must_use]
    pub fn get(&self, namespace: &str, name: &str) -> Option<Arc<K>> {
        // Made whole without the lock.
        let kept = self.table().get(namespace, name).cloned();
        kept.map(|kept| kept.whole())
    }

    /// Whether this very object is there.
    #[must_use]
    pub fn has(&self, namespace: &str, name: &str, uid: &str) -> bool {
        let table = self.table();
        table.get(namespace, name).is_some_and(|kept| kept.uid() == uid)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.table().objects.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The wanted ones as they are kept, in no order.
    #[must_use]
    pub fn those(&self, wanted: impl Fn(&dyn Kept<K>) -> bool) -> Vec<Arc<dyn Kept<K>>> {
        let table = self.table();
        let those = table.objects.iter().filter(|kept| wanted(&***kept));
        those.cloned().collect()
    }

    fn table(&self) -> RwLockReadGuard<'_, Table<K>> {
        self.table.read().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The near end, which a watch fills.
pub struct Writer<K> {
    table: Arc<RwLock<Table<K>>>,
    complete: watch::Sender<bool>,
    /// A list that is being read: until it is complete, the cache shows the one before it.
    listed: Table<K>,
    /// What lists showed that were broken off, by uid: each of them may show it again.
    broken_off: HashMap<String, Arc<dyn Kept<K>>>,
}

type ByUid<K> = (String, Arc<dyn Kept<K>>);

fn by_uid<K>(objects: impl IntoIterator<Item = Arc<dyn Kept<K>>>) -> impl Iterator<Item = ByUid<K>> {
    objects.into_iter().map(|kept| (kept.uid().to_owned(), kept))
}

/// A cache and its near end.
#[must_use]
pub fn cache<K>() -> (Cache<K>, Writer<K>) {
    let table = Arc::default();
    let (near, far) = watch::channel(false);
    let cache = Cache {
        table: Arc::clone(&table),
        complete: far,
    };
    let writer = Writer {
        table,
        complete: near,
        listed: Table::default(),
        broken_off: HashMap::new(),
    };
    (cache, writer)
}

impl<K: Resource> Writer<K> {
    /// Takes the event in; `keep` says how its object is kept. Returns what was deleted while no watch was open: a new list just does not
    /// have it, and no event tells. Of a list that was broken off the cache shows nothing, but whoever sees the events heard of it.
    pub fn take(&mut self, event: &Event<K>, keep: impl FnOnce(&K) -> Arc<dyn Kept<K>>) -> Vec<Arc<K>> {
        match event {
            Event::Init => {
                let listed = mem::take(&mut self.listed);
                self.broken_off.extend(by_uid(listed.objects));
            }
            Event::InitApply(object) => self.listed.insert(keep(object)),
            Event::InitDone => {
                let listed = mem::take(&mut self.listed);
                let before = mem::replace(&mut *self.table(), listed);
                self.complete.send_replace(true);
                return self.gone(before);
            }
            Event::Apply(object) => self.table().insert(keep(object)),
            Event::Delete(object) => {
                let metadata = object.meta();
                let part = |part: &Option<String>| part.clone().unwrap_or_default();
                let (namespace, name) = (part(&metadata.namespace), part(&metadata.name));
                self.table().remove(&namespace, &name);
            }
        }
        Vec::new()
    }

    /// What lists and watches showed before this list, and it does not.
    fn gone(&mut self, before: Table<K>) -> Vec<Arc<K>> {
        // By uid: more than one of a name may have come and gone.
        let mut gone = mem::take(&mut self.broken_off);
        let table = self.table();
        gone.retain(|_, kept| !table.has(kept));
        gone.extend(by_uid(before.objects.into_iter().filter(|kept| !table.has(kept))));
        drop(table);
        gone.values().map(|kept| kept.whole()).collect()
    }

    fn table(&self) -> RwLockWriteGuard<'_, Table<K>> {
        self.table.write().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::api::core::v1::ConfigMap;
    use serde_json::json;

    fn object(name: &str, uid: &str) -> ConfigMap {
        serde_json::from_value(json!({"metadata": {"name": name, "namespace": "dev", "uid": uid}})).unwrap()
    }

    /// The uids of what is told gone.
    fn take(writer: &mut Writer<ConfigMap>, event: &Event<ConfigMap>) -> Vec<String> {
        let gone = writer.take(event, Whole::of);
        let mut gone: Vec<String> = gone
            .iter()
            .filter_map(|object| object.metadata.uid.clone())
            .collect();
        gone.sort();
        gone
    }

    #[test]
    fn of_two_objects_of_one_name_that_are_gone_both_are_told() {
        let (_cache, mut writer) = cache();
        let first = [Event::Init, Event::InitApply(object("a", "0")), Event::InitDone];
        let broken_off = [Event::Init, Event::InitApply(object("a", "1")), Event::Init];
        for event in first.into_iter().chain(broken_off) {
            assert!(take(&mut writer, &event).is_empty());
        }
        assert_eq!(take(&mut writer, &Event::InitDone), ["0", "1"]);
        assert!(take(&mut writer, &Event::Init).is_empty());
        assert!(take(&mut writer, &Event::InitDone).is_empty(), "told once");
    }

    #[test]
    fn lists_that_break_off_again_and_again_take_the_room_of_one() {
        let (_cache, mut writer) = cache();
        for _ in 0..100 {
            take(&mut writer, &Event::Init);
            take(&mut writer, &Event::InitApply(object("a", "0")));
        }
        assert_eq!(writer.broken_off.len(), 1);
        assert!(take(&mut writer, &Event::InitDone).is_empty(), "it is there");
    }
}
