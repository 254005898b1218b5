//! Whether an annotation says something else than before. PURE.

use crate::controller::wake::ObjectKey;
use std::collections::HashMap;

/// The newest value of one annotation of each object that has it.
#[derive(Debug, Default)]
pub struct Changes {
    values: HashMap<ObjectKey, String>,
}

impl Changes {
    /// Whether the value is another than before; what is seen for the first time is.
    pub fn differs(&mut self, key: &ObjectKey, value: Option<&String>) -> bool {
        let before = match value {
            Some(value) => self.values.insert(key.clone(), value.clone()),
            None => self.values.remove(key),
        };
        before.as_ref() != value
    }

    /// The object is gone.
    pub fn forget(&mut self, key: &ObjectKey) {
        self.values.remove(key);
    }
}
