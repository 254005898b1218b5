//! Readiness: which named parts of the process still have to get ready before it may be called so. PURE.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The parts of this process; a cheap handle to one shared list.
#[derive(Clone, Debug, Default)]
pub struct Readiness {
    parts: Arc<Mutex<Vec<(String, bool)>>>,
}

/// One part, not ready until it says so.
#[derive(Clone, Debug)]
pub struct Part {
    readiness: Readiness,
    index: usize,
}

impl Readiness {
    /// Adds a part that is not ready yet. Register every part before the first question, so that no answer is early.
    #[must_use]
    pub fn register(&self, name: impl Into<String>) -> Part {
        let mut parts = self.lock();
        parts.push((name.into(), false));
        Part {
            readiness: self.clone(),
            index: parts.len() - 1,
        }
    }

    /// Whether every part is ready. Without any part nothing is known, so the answer is no.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        let parts = self.lock();
        !parts.is_empty() && parts.iter().all(|(_, ready)| *ready)
    }

    /// The names of the parts that are not ready, in the order of their registration.
    #[must_use]
    pub fn missing(&self) -> Vec<String> {
        self.lock()
            .iter()
            .filter(|(_, ready)| !ready)
            .map(|(name, _)| name.clone())
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(String, bool)>> {
        self.parts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Part {
    /// Says that this part is ready, for good.
    pub fn set_ready(&self) {
        if let Some((_, ready)) = self.readiness.lock().get_mut(self.index) {
            *ready = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_ready_only_when_all_its_parts_are() {
        let readiness = Readiness::default();
        assert!(!readiness.is_ready());
        let accounts = readiness.register("accounts");
        let subaccounts = readiness.register("subaccounts");
        subaccounts.set_ready();
        assert_eq!(readiness.missing(), ["accounts"]);
        assert!(!readiness.is_ready());
        accounts.set_ready();
        assert!(readiness.is_ready());
        assert!(readiness.missing().is_empty());
    }
}
