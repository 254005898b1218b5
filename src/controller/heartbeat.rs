//! Heartbeats: which loops of this process still turn. I/O: reads the monotonic clock.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::clock::now;

/// The loops of this process; a cheap handle to one shared list.
#[derive(Clone, Debug)]
pub struct Heartbeats {
    loops: Arc<Mutex<Vec<Beat>>>,
    start: Instant,
}

/// The pulse of one loop. A loop that ends without unregistering is reported as silent: that is the point.
#[derive(Clone, Debug)]
pub struct Beat {
    name: Arc<str>,
    start: Instant,
    /// Milliseconds after `start`.
    last: Arc<AtomicU64>,
}

impl Default for Heartbeats {
    fn default() -> Self {
        Self {
            loops: Arc::default(),
            start: now(),
        }
    }
}

impl Heartbeats {
    /// Adds a loop that has beaten just now.
    #[must_use]
    pub fn register(&self, name: &str) -> Beat {
        let beat = Beat {
            name: name.into(),
            start: self.start,
            last: Arc::default(),
        };
        beat.now();
        self.lock().push(beat.clone());
        beat
    }

    /// The loops that have not beaten within `limit`, each with the time since its last beat.
    #[must_use]
    pub fn silent(&self, limit: Duration) -> Vec<(String, Duration)> {
        self.silent_at(now(), limit)
    }

    fn silent_at(&self, now: Instant, limit: Duration) -> Vec<(String, Duration)> {
        let elapsed = now.saturating_duration_since(self.start);
        self.lock()
            .iter()
            .map(|beat| (beat.name.to_string(), elapsed.saturating_sub(beat.last())))
            .filter(|(_, silence)| *silence > limit)
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Beat>> {
        self.loops.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Beat {
    /// Says that the loop turns.
    pub fn now(&self) {
        let elapsed = u64::try_from(now().duration_since(self.start).as_millis()).unwrap_or(u64::MAX);
        self.last.fetch_max(elapsed, Ordering::Relaxed);
    }

    fn last(&self) -> Duration {
        Duration::from_millis(self.last.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(30);

    #[test]
    fn a_loop_that_stops_beating_is_named() {
        let heartbeats = Heartbeats::default();
        let _stuck = heartbeats.register("accounts");
        let turning = heartbeats.register("subaccounts");
        let later = heartbeats.start + Duration::from_secs(40);
        turning.last.store(35_000, Ordering::Relaxed);
        let silent = heartbeats.silent_at(later, LIMIT);
        assert_eq!(
            silent.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(),
            ["accounts"]
        );
        assert!(silent[0].1 > LIMIT);
    }

    #[test]
    fn a_loop_that_has_just_begun_is_alive() {
        let heartbeats = Heartbeats::default();
        let _beat = heartbeats.register("accounts");
        assert!(heartbeats.silent(LIMIT).is_empty());
    }
}
