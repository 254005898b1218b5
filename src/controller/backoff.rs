//! Backoff: how long an object that keeps failing waits for its next attempt. PURE: time and random bits are values.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::{Duration, Instant};

/// The pause after the first failure, before jitter.
const BASE: Duration = Duration::from_secs(1);

/// An entry nobody has touched for this many times the cap belongs to an object that is gone.
const FORGOTTEN_AFTER: u32 = 4;

/// The pause after failure number `failures` (from 1): doubles each time up to `cap`, then is shortened by up to a half,
/// so that objects which failed together do not come back together. `fraction` is random in 0..1.
#[must_use]
pub fn delay(failures: u32, fraction: f64, cap: Duration) -> Duration {
    let doublings = failures.saturating_sub(1).min(31);
    let full = BASE.saturating_mul(1 << doublings).min(cap);
    let fraction = if fraction.is_finite() {
        fraction.clamp(0.0, 1.0)
    } else {
        0.0
    };
    full.mul_f64(1.0 - fraction / 2.0)
}

/// How often each object has failed in a row.
#[derive(Debug)]
pub struct Backoff<K> {
    cap: Duration,
    failures: HashMap<K, Failures>,
    pruned: Option<Duration>,
}

#[derive(Clone, Copy, Debug)]
struct Failures {
    count: u32,
    last: Duration,
}

impl<K: Eq + Hash> Backoff<K> {
    /// A store whose pauses never exceed `cap`.
    #[must_use]
    pub fn new(cap: Duration) -> Self {
        Self {
            cap,
            failures: HashMap::new(),
            pruned: None,
        }
    }

    /// Counts a failure of `key` and says how long to wait. `now` is the monotonic time since any moment that stays the
    /// same, such as the start of the process; `fraction` is random in 0..1.
    pub fn failed(&mut self, key: K, now: Duration, fraction: f64) -> Duration {
        self.prune(now);
        let entry = self
            .failures
            .entry(key)
            .or_insert(Failures { count: 0, last: now });
        entry.count = entry.count.saturating_add(1);
        entry.last = now;
        delay(entry.count, fraction, self.cap)
    }

    /// Forgets the failures of `key`: it succeeded, or it is gone.
    pub fn succeeded(&mut self, key: &K) {
        self.failures.remove(key);
    }

    /// How many objects are failing.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.failures.len()
    }

    /// Drops what has not failed for long; looks at most once per cap, so that a storm of failures stays cheap.
    fn prune(&mut self, now: Duration) {
        let due = self
            .pruned
            .is_none_or(|last| now.saturating_sub(last) >= self.cap);
        if due {
            let limit = self.cap.saturating_mul(FORGOTTEN_AFTER);
            self.failures
                .retain(|_, entry| now.saturating_sub(entry.last) < limit);
            self.pruned = Some(now);
        }
    }
}

/// What goes on for longer than this before it fails did not fail at being begun.
const WENT_WELL: Duration = Duration::from_secs(30);

/// How often one thing that is begun anew after each failure has failed in a row.
#[derive(Debug)]
pub struct Row {
    failures: u32,
    begun: Instant,
}

impl Row {
    /// It is begun for the first time.
    #[must_use]
    pub fn begun_at(now: Instant) -> Self {
        Self {
            failures: 0,
            begun: now,
        }
    }

    /// The number of this failure in its row. What had gone well for long begins a new row.
    pub fn failed(&mut self, now: Instant) -> u32 {
        if now.saturating_duration_since(self.begun) > WENT_WELL {
            self.failures = 0;
        }
        self.failures = self.failures.saturating_add(1);
        self.failures
    }

    /// The pause after a failure is over, and it is begun anew.
    pub fn begun_anew(&mut self, now: Instant) {
        self.begun = now;
    }

    /// It succeeded.
    pub fn ended(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const CAP: Duration = Duration::from_mins(1);

    #[test]
    fn pauses_double_up_to_the_cap() {
        let seconds: Vec<u64> = (1..=9)
            .map(|failures| delay(failures, 0.0, CAP).as_secs())
            .collect();
        assert_eq!(seconds, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
    }

    #[test]
    fn a_success_starts_over_for_that_object_alone() {
        let now = Duration::from_hours(1);
        let mut backoff = Backoff::new(CAP);
        for key in ["broken", "repaired"] {
            backoff.failed(key, now, 0.0);
            backoff.failed(key, now, 0.0);
        }
        backoff.succeeded(&"repaired");
        assert_eq!(backoff.failed("repaired", now, 0.0), Duration::from_secs(1));
        assert_eq!(backoff.failed("broken", now, 0.0), Duration::from_secs(4));
    }

    #[test]
    fn objects_that_are_gone_leave_no_entry_behind() {
        let now = Duration::from_hours(1);
        let mut backoff = Backoff::new(CAP);
        for object in 0..1000 {
            backoff.failed(object, now, 0.5);
        }
        backoff.failed(1000, now + CAP * FORGOTTEN_AFTER, 0.5);
        assert_eq!(backoff.len(), 1);
    }

    #[test]
    fn an_object_that_keeps_failing_at_the_cap_is_not_forgotten() {
        let mut now = Duration::from_hours(1);
        let mut backoff = Backoff::new(CAP);
        for _ in 0..50 {
            now += backoff.failed("object", now, 0.0);
        }
        assert_eq!(backoff.failed("object", now, 0.0), CAP);
    }

    #[test]
    fn a_row_of_failures_ends_with_a_success_and_with_what_goes_well_for_long_whatever_the_pauses() {
        let mut now = crate::clock::now();
        let mut row = Row::begun_at(now);
        let mut after = |went_on: Duration| {
            now += went_on;
            let failures = row.failed(now);
            now += CAP;
            row.begun_anew(now);
            failures
        };
        assert_eq!([WENT_WELL; 3].map(&mut after), [1, 2, 3]);
        assert_eq!(after(WENT_WELL + Duration::from_secs(1)), 1);
        assert_eq!(after(Duration::ZERO), 2);
        row.ended();
        assert_eq!(row.failed(now), 1);
    }

    proptest! {
        #[test]
        fn no_pause_is_hot_or_beyond_the_cap(failures in 1_u32.., fraction in 0.0..1.0_f64, cap in 1_u64..100_000) {
            let cap = Duration::from_secs(cap);
            let pause = delay(failures, fraction, cap);
            prop_assert!(pause <= cap);
            prop_assert!(pause >= Duration::from_millis(500));
        }
    }
}
