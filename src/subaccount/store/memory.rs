//! Where it is kept what this process remembers between passes. PURE.

use crate::controller::uid::Uid;
use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

pub use super::remembered::{Judged, Mark, Proof, Remembered, Sighting, Tried, Unspent};

/// What is remembered, by the uid of an object; of the fences of a Record by the name of its Secret, for two of them may serve one
/// object.
#[derive(Default, Debug)]
pub struct Memory {
    objects: Mutex<HashMap<Uid, Stored>>,
    /// Those that wait for a person to put a Secret right.
    waiting: Mutex<HashSet<String>>,
}

impl Memory {
    /// Looks at, or changes, what is remembered about an object. A look leaves nothing behind.
    pub fn with<T>(&self, uid: &str, act: impl FnOnce(&mut Remembered) -> T) -> T {
        let mut objects = self.objects.lock().unwrap_or_else(PoisonError::into_inner);
        let uid = Uid::of(uid);
        let mut remembered = objects.get_mut(&uid).map(Stored::take).unwrap_or_default();
        let result = act(&mut remembered);
        match Stored::of(remembered) {
            Some(stored) => drop(objects.insert(uid, stored)),
            None => drop(objects.remove(&uid)),
        }
        result
    }

    /// Notes whether an object waits for a person to put a Secret right. How many do.
    pub fn note_waiting(&self, uid: &str, waits: bool) -> usize {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waits {
            waiting.insert(uid.to_owned());
        } else {
            waiting.remove(uid);
        }
        waiting.len()
    }

    /// Of how many objects and Records something is remembered.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// The object and its Record are gone.
    pub fn forget(&self, uid: &str) {
        self.note_waiting(uid, false);
        self.objects
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&Uid::of(uid));
    }
}

/// What is remembered, in little room where it is what is remembered of an object at rest.
#[derive(Debug)]
enum Stored {
    /// When the user's Secret was last compared, and nothing else.
    SecretChecked(Instant),
    All(Box<Remembered>),
}

impl Stored {
    /// None where there is nothing.
    fn of(remembered: Remembered) -> Option<Self> {
        let secret_checked = remembered.secret_checked;
        if remembered == Remembered::at_rest(secret_checked) {
            secret_checked.map(Self::SecretChecked)
        } else {
            Some(Self::All(Box::new(remembered)))
        }
    }

    /// Leaves it without what it was.
    fn take(&mut self) -> Remembered {
        match self {
            Self::SecretChecked(at) => Remembered::at_rest(Some(*at)),
            Self::All(remembered) => std::mem::take(remembered),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::now;

    #[test]
    fn an_object_at_rest_takes_little_room_until_there_is_more_to_remember() {
        let (memory, now) = (Memory::default(), now());
        let is_little = || {
            let objects = memory.objects.lock().unwrap();
            matches!(objects.get(&Uid::of("u-1")), Some(Stored::SecretChecked(_)))
        };
        memory.with("u-1", |remembered| remembered.secret_checked = Some(now));
        assert!(is_little());
        memory.with("u-1", |remembered| remembered.orphan_reported = true);
        assert!(!is_little());
        let after = memory.with("u-1", |remembered| {
            (
                std::mem::take(&mut remembered.orphan_reported),
                remembered.secret_checked,
            )
        });
        assert_eq!(after, (true, Some(now)));
        assert!(is_little() && size_of::<Stored>() <= 24);
    }

    #[test]
    fn what_is_remembered_belongs_to_one_uid_until_it_is_forgotten() {
        let memory = Memory::default();
        memory.with("u-1", |remembered| remembered.secret_suspect = true);
        assert!(memory.with("u-1", |remembered| remembered.secret_suspect));
        assert!(!memory.with("u-2", |remembered| remembered.secret_suspect));
        assert_eq!(memory.len(), 1, "a look leaves nothing behind");
        memory.forget("u-1");
        assert!(!memory.with("u-1", |remembered| remembered.secret_suspect));
    }

    #[test]
    fn those_who_wait_are_counted_once_each_and_no_longer_than_they_do() {
        let memory = Memory::default();
        assert_eq!(
            (memory.note_waiting("a", true), memory.note_waiting("a", true)),
            (1, 1)
        );
        assert_eq!(memory.note_waiting("b", true), 2);
        assert_eq!(memory.note_waiting("a", false), 1);
        memory.forget("b");
        assert_eq!(memory.note_waiting("a", false), 0);
    }
}
