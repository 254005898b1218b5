//! Wakes objects of a kind from elsewhere: queues whose far ends controllers read with `reconcile_on`. PURE.

use futures::Stream;
use futures::channel::mpsc;
use kube::Resource;
use kube::core::DeserializeGuard;
use kube::runtime::reflector::{ObjectRef, Store};
use std::fmt;
use std::sync::Arc;

/// A stored object that may not decode: one that does not must not stop the others.
pub type Guarded<K> = DeserializeGuard<K>;

/// Namespace and name of an object.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct ObjectKey {
    /// Its namespace.
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
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// What one watch covers: a namespace, or the whole cluster.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Scope {
    /// Every namespace.
    Cluster,
    /// This one.
    Namespace(String),
}

impl Scope {
    /// Whether objects of the namespace belong to it.
    #[must_use]
    pub fn covers(&self, namespace: &str) -> bool {
        match self {
            Self::Cluster => true,
            Self::Namespace(own) => own == namespace,
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
        if let Some((_, queue)) = self.queues.iter().find(|(scope, _)| scope.covers(&key.namespace)) {
            let _ = queue.unbounded_send(ObjectRef::new(&key.name).within(&key.namespace));
        }
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
    stores: Vec<(Scope, Store<K>)>,
}

impl<K: Resource<DynamicType = ()> + Clone + 'static> Caches<K> {
    /// Caches that reflectors fill.
    #[must_use]
    pub fn new(stores: Vec<(Scope, Store<K>)>) -> Self {
        Self { stores }
    }

    /// The cached object.
    #[must_use]
    pub fn get(&self, namespace: &str, name: &str) -> Option<Arc<K>> {
        let (_, store) = self.stores.iter().find(|(scope, _)| scope.covers(namespace))?;
        store.get(&ObjectRef::new(name).within(namespace))
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
