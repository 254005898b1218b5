//! Readiness: which named parts of the process still have to get ready before it may be called so, and what else a person
//! who asks should know. PURE.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The parts of this process; a cheap handle to one shared list.
#[derive(Clone, Debug, Default)]
pub struct Readiness {
    parts: Arc<Mutex<Vec<(String, bool)>>>,
    remarks: Arc<Mutex<BTreeMap<String, String>>>,
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

    /// Says something about a setting or a part that needs a look, until it is set to nothing. It makes the process no less ready.
    pub fn remark(&self, about: impl Into<String>, text: Option<String>) {
        let mut remarks = self.remarks.lock().unwrap_or_else(PoisonError::into_inner);
        match text {
            Some(text) => remarks.insert(about.into(), text),
            None => remarks.remove(&about.into()),
        };
    }

    /// One line for each remark.
    #[must_use]
    pub fn remarks(&self) -> Vec<String> {
        let remarks = self.remarks.lock().unwrap_or_else(PoisonError::into_inner);
        remarks
            .iter()
            .map(|(about, text)| format!("{about}: {text}"))
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

    #[test]
    fn a_remark_stands_until_it_is_taken_back_and_holds_nothing_up() {
        let readiness = Readiness::default();
        readiness.register("accounts").set_ready();
        readiness.remark("--a-file", Some("is torn".to_owned()));
        readiness.remark("--a-file", Some("is gone".to_owned()));
        assert_eq!(readiness.remarks(), ["--a-file: is gone"]);
        assert!(readiness.is_ready());
        readiness.remark("--a-file", None);
        assert!(readiness.remarks().is_empty());
    }
}
