//! Wakes objects of a kind from elsewhere: queues whose far ends controllers read with `reconcile_on`. PURE.

use futures::Stream;
use futures::channel::mpsc;
use kube::Resource;
use kube::runtime::reflector::{ObjectRef, Store};
use std::fmt;
use std::sync::Arc;

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
pub struct Waker<K: Resource> {
    queues: Arc<Vec<(Scope, mpsc::UnboundedSender<ObjectRef<K>>)>>,
}

impl<K: Resource> Clone for Waker<K> {
    fn clone(&self) -> Self {
        Self {
            queues: Arc::clone(&self.queues),
        }
    }
}

impl<K: Resource> fmt::Debug for Waker<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Waker")
    }
}

impl<K: Resource<DynamicType = ()>> Waker<K> {
    /// Asks for a pass over the object. A controller that has ended needs no waking: that is no error.
    pub fn wake(&self, key: &ObjectKey) {
        self.wake_within(&key.namespace, &key.name);
    }

    /// As above, by its namespace and name.
    pub fn wake_within(&self, namespace: &str, name: &str) {
        if let Some((_, queue)) = self.queues.iter().find(|(scope, _)| scope.covers(namespace)) {
            let _ = queue.unbounded_send(place(namespace, name));
        }
    }
}

fn place<K: Resource<DynamicType = ()>>(namespace: &str, name: &str) -> ObjectRef<K> {
    let object = ObjectRef::new(name);
    if namespace.is_empty() {
        object
    } else {
        object.within(namespace)
    }
}

/// The queues of one kind, and their far ends in the order of the scopes.
#[must_use]
pub fn queues<K: Resource<DynamicType = ()>>(
    scopes: &[Scope],
) -> (
    Waker<K>,
    Vec<impl Stream<Item = ObjectRef<K>> + Send + 'static + use<K>>,
)
where
    ObjectRef<K>: Send + 'static,
{
    let (near, far) = scopes
        .iter()
        .cloned()
        .map(|scope| {
            let (near, far) = mpsc::unbounded();
            ((scope, near), far)
        })
        .unzip();
    (
        Waker {
            queues: Arc::new(near),
        },
        far,
    )
}

/// The caches of one kind, one per scope.
pub struct Caches<K: Resource<DynamicType = ()> + Clone + 'static> {
    stores: Arc<Vec<(Scope, Store<K>)>>,
}

impl<K: Resource<DynamicType = ()> + Clone + 'static> Clone for Caches<K> {
    fn clone(&self) -> Self {
        Self {
            stores: Arc::clone(&self.stores),
        }
    }
}

impl<K: Resource<DynamicType = ()> + Clone + 'static> Caches<K> {
    /// Caches that reflectors fill.
    #[must_use]
    pub fn new(stores: Vec<(Scope, Store<K>)>) -> Self {
        Self {
            stores: Arc::new(stores),
        }
    }

    /// The cached object.
    #[must_use]
    pub fn get(&self, namespace: &str, name: &str) -> Option<Arc<K>> {
        let (_, store) = self.stores.iter().find(|(scope, _)| scope.covers(namespace))?;
        store.get(&place(namespace, name))
    }

    /// Whether objects of the namespace are among those that are watched.
    #[must_use]
    pub fn cover(&self, namespace: &str) -> bool {
        self.stores.iter().any(|(scope, _)| scope.covers(namespace))
    }

    /// Every cached object.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<K>> {
        self.stores.iter().flat_map(|(_, store)| store.state()).collect()
    }

    /// Every cached object of a namespace.
    #[must_use]
    pub fn of_namespace(&self, namespace: &str) -> Vec<Arc<K>> {
        let stores = self.stores.iter().filter(|(scope, _)| scope.covers(namespace));
        let objects = stores.flat_map(|(_, store)| store.state());
        objects
            .filter(|object| object.meta().namespace.as_deref() == Some(namespace))
            .collect()
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
        waker.wake(&key("elsewhere"));
        let woken = ends[1].next().now_or_never().flatten();
        assert_eq!(woken, Some(ObjectRef::new("one").within("b")));
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
