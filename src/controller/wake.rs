//! Wakes objects of a kind from elsewhere: queues whose far ends the loops read that make passes. PURE.

use super::cache::{Cache, Kept};
use futures::Stream;
use futures::channel::mpsc;
use kube::Resource;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::vec;

pub use super::lenient::Guarded;

/// Namespace and name of an object.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct ObjectKey {
    /// Its namespace; empty where it has none.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl ObjectKey {
    /// The key of an object; empty parts where it has none.
    pub fn of<K: Resource>(object: &K) -> Self {
        let metadata = object.meta();
        Self {
            namespace: metadata.namespace.clone().unwrap_or_default(),
            name: metadata.name.clone().unwrap_or_default(),
        }
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.namespace.is_empty() {
            f.write_str(&self.name)
        } else {
            write!(f, "{}/{}", self.namespace, self.name)
        }
    }
}

/// A pass over an object is asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Wake {
    /// Which.
    pub key: ObjectKey,
    /// It goes before those that are due already: it was given something that others wait for.
    pub is_first: bool,
}

/// What one watch covers: a namespace, all of them, or what belongs to none.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Scope {
    /// Every namespace.
    Cluster,
    /// This one.
    Namespace(String),
    /// Objects of the whole cluster: their namespace is empty.
    Unnamespaced,
}

impl Scope {
    /// Whether objects of the namespace belong to it.
    #[must_use]
    pub fn covers(&self, namespace: &str) -> bool {
        match self {
            Self::Cluster => !namespace.is_empty(),
            Self::Namespace(own) => own == namespace,
            Self::Unnamespaced => namespace.is_empty(),
        }
    }
}

/// The near ends of the queues of one kind, one per scope; cheap to clone.
pub struct Waker<K> {
    queues: Arc<Vec<(Scope, mpsc::UnboundedSender<Wake>)>>,
    kind: PhantomData<fn(K)>,
}

impl<K> Clone for Waker<K> {
    fn clone(&self) -> Self {
        Self {
            queues: Arc::clone(&self.queues),
            kind: PhantomData,
        }
    }
}

impl<K> fmt::Debug for Waker<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Waker")
    }
}

impl<K> Waker<K> {
    /// Asks for a pass over the object. A controller that has ended needs no waking: that is no error.
    pub fn wake(&self, key: &ObjectKey) {
        self.wake_within(&key.namespace, &key.name);
    }

    /// As above, by its namespace and name.
    pub fn wake_within(&self, namespace: &str, name: &str) {
        self.send(Wake {
            key: ObjectKey {
                namespace: namespace.to_owned(),
                name: name.to_owned(),
            },
            is_first: false,
        });
    }

    /// Asks for a pass before those that are due already.
    pub fn wake_first(&self, key: &ObjectKey) {
        self.send(Wake {
            key: key.clone(),
            is_first: true,
        });
    }

    fn send(&self, wake: Wake) {
        let covers = |scope: &Scope| scope.covers(&wake.key.namespace);
        if let Some((_, queue)) = self.queues.iter().find(|(scope, _)| covers(scope)) {
            let _ = queue.unbounded_send(wake);
        }
    }
}

/// The queues of one kind, and their far ends in the order of the scopes.
#[must_use]
pub fn queues<K>(scopes: &[Scope]) -> (Waker<K>, Vec<impl Stream<Item = Wake> + Send + 'static + use<K>>) {
    let (near, far) = scopes
        .iter()
        .cloned()
        .map(|scope| {
            let (near, far) = mpsc::unbounded();
            ((scope, near), far)
        })
        .unzip();
    let waker = Waker {
        queues: Arc::new(near),
        kind: PhantomData,
    };
    (waker, far)
}

/// Cached objects. Each is made whole when its turn comes: all at once would be a second cache.
pub struct Those<K>(vec::IntoIter<Arc<dyn Kept<K>>>);

impl<K> Iterator for Those<K> {
    type Item = Arc<K>;

    fn next(&mut self) -> Option<Arc<K>> {
        self.0.next().map(|kept| kept.whole())
    }
}

/// The caches of one kind, one per scope.
pub struct Caches<K> {
    caches: Arc<Vec<(Scope, Cache<K>)>>,
}

impl<K> Clone for Caches<K> {
    fn clone(&self) -> Self {
        Self {
            caches: Arc::clone(&self.caches),
        }
    }
}

impl<K: Resource + 'static> Caches<K> {
    /// Caches that watches fill.
    #[must_use]
    pub fn new(caches: Vec<(Scope, Cache<K>)>) -> Self {
        Self {
            caches: Arc::new(caches),
        }
    }

    /// The cached object.
    #[must_use]
    pub fn get(&self, namespace: &str, name: &str) -> Option<Arc<K>> {
        self.of(namespace).next()?.get(namespace, name)
    }

    /// Whether this very object is cached.
    #[must_use]
    pub fn has(&self, namespace: &str, name: &str, uid: &str) -> bool {
        self.of(namespace)
            .next()
            .is_some_and(|cache| cache.has(namespace, name, uid))
    }

    /// Whether objects of the namespace are among those that are watched.
    #[must_use]
    pub fn cover(&self, namespace: &str) -> bool {
        self.of(namespace).next().is_some()
    }

    /// Every cached object.
    #[must_use]
    pub fn all(&self) -> Those<K> {
        self.those(|_| true)
    }

    /// Every cached object of a namespace.
    #[must_use]
    pub fn of_namespace(&self, namespace: &str) -> Those<K> {
        self.those(|kept| kept.namespace() == namespace)
    }

    /// The wanted ones of the cached objects.
    pub fn those(&self, wanted: impl Fn(&dyn Kept<K>) -> bool) -> Those<K> {
        let those = self.caches.iter().flat_map(|(_, cache)| cache.those(&wanted));
        Those(those.collect::<Vec<_>>().into_iter())
    }

    fn of(&self, namespace: &str) -> impl Iterator<Item = &Cache<K>> {
        let covering = self
            .caches
            .iter()
            .filter(move |(scope, _)| scope.covers(namespace));
        covering.map(|(_, cache)| cache)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;
    use futures::StreamExt;
    use k8s_openapi::api::core::v1::ConfigMap;

    #[test]
    fn an_object_is_woken_in_the_queue_of_its_namespace_and_nowhere_else() {
        let scopes = [Scope::Namespace("a".to_owned()), Scope::Namespace("b".to_owned())];
        let (waker, mut ends) = queues::<ConfigMap>(&scopes);
        let key = |namespace: &str| ObjectKey {
            namespace: namespace.to_owned(),
            name: "one".to_owned(),
        };
        waker.wake(&key("b"));
        waker.wake_first(&key("elsewhere"));
        let mut woken = || ends[1].next().now_or_never().flatten();
        let wake = |is_first| Wake {
            key: key("b"),
            is_first,
        };
        assert_eq!(woken(), Some(wake(false)));
        waker.wake_first(&key("b"));
        assert_eq!(woken(), Some(wake(true)));
        assert!(ends[1].next().now_or_never().is_none(), "once");
        assert!(ends[0].next().now_or_never().is_none());
        drop(ends);
        waker.wake(&key("b"));
    }

    #[test]
    fn a_scope_covers_its_namespace_or_all() {
        assert!(Scope::Cluster.covers("a"));
        assert!(Scope::Namespace("a".to_owned()).covers("a"));
        assert!(!Scope::Namespace("a".to_owned()).covers("b"));
        assert!(Scope::Unnamespaced.covers("") && !Scope::Unnamespaced.covers("a"));
        assert!(
            !Scope::Cluster.covers(""),
            "what has no namespace is of another kind"
        );
    }
}
