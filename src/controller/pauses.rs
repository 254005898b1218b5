//! The pauses of what keeps failing, shared by all passes over a kind. I/O (shared state, the clock, the dice).

use super::backoff::Backoff;
use crate::clock::now;
use crate::dice::random;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How often each object has failed in a row, and so how long it waits.
#[derive(Debug)]
pub struct Pauses<K> {
    backoff: Mutex<Backoff<K>>,
    /// The moment that its times count from.
    started: Instant,
}

impl<K: Eq + Hash> Pauses<K> {
    /// Nothing has failed yet; no pause will be longer than `longest`.
    #[must_use]
    pub fn new(longest: Duration) -> Self {
        Self {
            backoff: Mutex::new(Backoff::new(longest)),
            started: now(),
        }
    }

    /// It failed: how long it waits now.
    pub fn failed(&self, key: K) -> Duration {
        self.lock()
            .failed(key, now().duration_since(self.started), random())
    }

    /// It went well, or is gone.
    pub fn succeeded(&self, key: &K) {
        self.lock().succeeded(key);
    }

    /// How many objects are failing.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, Backoff<K>> {
        self.backoff.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
