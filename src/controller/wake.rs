//! Wakes objects of a kind from elsewhere: a queue whose far end a controller reads with `reconcile_on`. PURE.

use futures::Stream;
use futures::channel::mpsc;
use kube::Resource;
use kube::runtime::reflector::ObjectRef;
use std::fmt;

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

/// The near end of the queue; cheap to clone.
pub struct Waker<K: Resource> {
    queue: mpsc::UnboundedSender<ObjectRef<K>>,
}

impl<K: Resource> Clone for Waker<K> {
    fn clone(&self) -> Self {
        Self {
            queue: self.queue.clone(),
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
        let _ = self
            .queue
            .unbounded_send(ObjectRef::new(&key.name).within(&key.namespace));
    }
}

/// Both ends of a queue.
pub fn queue<K: Resource<DynamicType = ()>>() -> (Waker<K>, impl Stream<Item = ObjectRef<K>>) {
    let (queue, far_end) = mpsc::unbounded();
    (Waker { queue }, far_end)
}
