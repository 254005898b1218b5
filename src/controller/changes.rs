//! Whether something about an object is another than before. PURE.

use crate::controller::wake::ObjectKey;
use std::collections::HashMap;

/// The newest value of one thing about each object that has it.
#[derive(Debug)]
pub struct Changes<Value> {
    values: HashMap<ObjectKey, Value>,
}

impl<Value> Default for Changes<Value> {
    fn default() -> Self {
        Self {
            values: HashMap::new(),
        }
    }
}

impl<Value: Clone + PartialEq> Changes<Value> {
    /// Whether the value is another than before; what is seen for the first time is.
    pub fn differs(&mut self, key: &ObjectKey, value: Option<&Value>) -> bool {
        let before = match value {
            Some(value) => self.values.insert(key.clone(), value.clone()),
            None => self.values.remove(key),
        };
        before.as_ref() != value
    }

    /// Whether a value was seen before.
    #[must_use]
    pub fn knows(&self, key: &ObjectKey) -> bool {
        self.values.contains_key(key)
    }

    /// The object is gone.
    pub fn forget(&mut self, key: &ObjectKey) {
        self.values.remove(key);
    }
}
