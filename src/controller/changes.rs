//! Whether something about an object is another than before. PURE.

use std::collections::HashMap;
use std::hash::Hash;

/// The newest value of one thing about each object that has it.
#[derive(Debug)]
pub struct Changes<Key, Value> {
    values: HashMap<Key, Value>,
}

impl<Key, Value> Default for Changes<Key, Value> {
    fn default() -> Self {
        Self {
            values: HashMap::new(),
        }
    }
}

impl<Key: Clone + Eq + Hash, Value: Clone + PartialEq> Changes<Key, Value> {
    /// Whether the value is another than before; what is seen for the first time is.
    pub fn differs(&mut self, key: &Key, value: Option<&Value>) -> bool {
        let before = match value {
            Some(value) => self.values.insert(key.clone(), value.clone()),
            None => self.values.remove(key),
        };
        before.as_ref() != value
    }

    /// Whether a value was seen before.
    #[must_use]
    pub fn knows(&self, key: &Key) -> bool {
        self.values.contains_key(key)
    }

    /// The object is gone.
    pub fn forget(&mut self, key: &Key) {
        self.values.remove(key);
    }
}
