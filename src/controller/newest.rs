//! Objects as our own last write returned them: for a moment newer than the cache, which hears of it by watch. PURE.

use kube::{Resource, ResourceExt};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What our own writes returned, by uid.
#[derive(Debug)]
pub struct Newest<K> {
    written: Mutex<HashMap<String, Arc<K>>>,
}

impl<K> Default for Newest<K> {
    fn default() -> Self {
        Self {
            written: Mutex::default(),
        }
    }
}

impl<K: Resource> Newest<K> {
    /// Notes what a write returned.
    pub fn note(&self, object: Arc<K>) {
        if let Some(uid) = object.uid() {
            self.lock().insert(uid, object);
        }
    }

    /// The newer of the cached object and the one that our last write of it returned. Once the cache has caught up,
    /// the latter is dropped.
    #[must_use]
    pub fn of(&self, cached: Arc<K>) -> Arc<K> {
        let Some(uid) = cached.uid() else { return cached };
        let mut written = self.lock();
        match written.get(&uid) {
            Some(own) if version(&**own) > version(&*cached) => Arc::clone(own),
            Some(_) => {
                written.remove(&uid);
                cached
            }
            None => cached,
        }
    }

    /// The cache shows this now: what our writes returned is dropped once it is no newer.
    pub fn seen(&self, cached: &K) {
        let Some(uid) = cached.meta().uid.as_deref() else {
            return;
        };
        let mut written = self.lock();
        if written
            .get(uid)
            .is_some_and(|own| version(&**own) <= version(cached))
        {
            written.remove(uid);
        }
    }

    /// Of how many objects it keeps something.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.lock().len()
    }

    /// The object is gone.
    pub fn forget(&self, uid: &str) {
        self.lock().remove(uid);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Arc<K>>> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Kubernetes orders the versions of one resource as integers.
fn version<K: Resource>(object: &K) -> Option<u64> {
    object.meta().resource_version.as_deref()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::api::core::v1::ConfigMap;

    fn object(uid: &str, version: &str) -> Arc<ConfigMap> {
        let mut object = ConfigMap::default();
        object.metadata.uid = Some(uid.to_owned());
        object.metadata.resource_version = Some(version.to_owned());
        Arc::new(object)
    }

    #[test]
    fn our_own_write_is_used_until_the_cache_has_caught_up() {
        let newest = Newest::default();
        newest.note(object("a", "10"));
        assert_eq!(newest.of(object("a", "9")), object("a", "10"));
        assert_eq!(newest.of(object("a", "11")), object("a", "11"));
        assert_eq!(newest.of(object("a", "9")), object("a", "9"), "it was dropped");
    }

    #[test]
    fn a_cache_that_has_caught_up_leaves_no_second_copy_behind() {
        let newest = Newest::default();
        newest.note(object("a", "10"));
        newest.seen(&object("a", "9"));
        assert_eq!(newest.of(object("a", "9")), object("a", "10"));
        newest.seen(&object("a", "10"));
        assert!(newest.lock().is_empty());
    }

    #[test]
    fn an_object_of_the_same_name_with_another_uid_is_never_mixed_up() {
        let newest = Newest::default();
        newest.note(object("old", "10"));
        assert_eq!(newest.of(object("new", "9")), object("new", "9"));
    }
}
