//! Which changes of an object are worth a pass: of its spec, its deletion, or a finalizer that somebody took off. PURE.
//!
//! Our own writes (finalizer, status) are not: a pass that caused another one would never come to rest.

use kube::Resource;
use std::collections::HashMap;

/// What was last seen of each object.
#[derive(Debug)]
pub struct Trigger {
    finalizer: &'static str,
    seen: HashMap<String, Seen>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    generation: Option<i64>,
    deleting: bool,
    finalizer: bool,
}

impl Trigger {
    /// Watches over objects that should carry this finalizer.
    #[must_use]
    pub fn new(finalizer: &'static str) -> Self {
        Self {
            finalizer,
            seen: HashMap::new(),
        }
    }

    /// Whether this version of the object is worth a pass.
    pub fn admits<K: Resource>(&mut self, object: &K) -> bool {
        let metadata = object.meta();
        let now = Seen {
            generation: metadata.generation,
            deleting: metadata.deletion_timestamp.is_some(),
            finalizer: metadata
                .finalizers
                .iter()
                .flatten()
                .any(|finalizer| finalizer == self.finalizer),
        };
        let uid = metadata.uid.clone().unwrap_or_default();
        let before = self.seen.insert(uid, now.clone());
        before.is_none_or(|before| {
            before.generation != now.generation
                || before.deleting != now.deleting
                || (before.finalizer && !now.finalizer)
        })
    }

    /// The object is gone.
    pub fn forget<K: Resource>(&mut self, object: &K) {
        self.seen.remove(object.meta().uid.as_deref().unwrap_or_default());
    }
}
