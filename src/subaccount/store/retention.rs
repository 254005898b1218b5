//! How long the Record of a gone object is kept for its fenced epochs. PURE.
//!
//! The date of a fence is wall time, for it outlives the process that wrote it. How old it is is asked once, when this
//! process first sees it; what has passed since is counted on the monotonic clock. A wall clock that is set while the
//! process runs thus neither shortens the time nor prolongs it.

use jiff::Timestamp;
use std::time::{Duration, Instant};

/// A fence as this process first saw it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sighting {
    dated: Timestamp,
    age: Duration,
    at: Instant,
}

impl Sighting {
    /// A fence of that date, seen now: `wall` on the clock of its date, `at` on the monotonic one. A date in the future
    /// was written, or is read, by a wrong clock: it counts from now.
    #[must_use]
    pub fn new(dated: Timestamp, wall: Timestamp, at: Instant) -> Self {
        Self {
            dated,
            age: Duration::try_from(wall.duration_since(dated)).unwrap_or_default(),
            at,
        }
    }

    /// Whether it is the fence of that date.
    #[must_use]
    pub fn is_of(&self, dated: Timestamp) -> bool {
        self.dated == dated
    }

    /// How much of `retention` is left.
    #[must_use]
    pub fn left(&self, retention: Duration, now: Instant) -> Option<Duration> {
        let age = self.age.saturating_add(now.saturating_duration_since(self.at));
        retention.checked_sub(age).filter(|left| !left.is_zero())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::now;

    const HOUR: Duration = Duration::from_hours(1);
    const RETENTION: Duration = Duration::from_mins(30);

    fn noon() -> Timestamp {
        "2026-07-01T12:00:00Z".parse().unwrap()
    }

    #[test]
    fn a_fence_is_kept_for_its_whole_retention_after_its_date() {
        let seen = now();
        let sighting = Sighting::new(noon(), noon() + Duration::from_mins(10), seen);
        assert_eq!(sighting.left(RETENTION, seen), Some(Duration::from_mins(20)));
        let almost = seen + Duration::from_secs(20 * 60 - 1);
        assert_eq!(sighting.left(RETENTION, almost), Some(Duration::from_secs(1)));
        assert_eq!(sighting.left(RETENTION, seen + Duration::from_mins(20)), None);
        assert_eq!(sighting.left(RETENTION, seen + HOUR), None);
    }

    #[test]
    fn a_date_in_the_future_counts_from_when_it_was_seen() {
        let seen = now();
        for ahead in [HOUR, HOUR * 24 * 365 * 100] {
            let sighting = Sighting::new(noon() + ahead, noon(), seen);
            assert_eq!(sighting.left(RETENTION, seen), Some(RETENTION), "{ahead:?}");
            assert_eq!(sighting.left(RETENTION, seen + RETENTION), None, "{ahead:?}");
        }
    }

    #[test]
    fn a_date_in_the_farthest_past_is_over_and_overflows_nothing() {
        let sighting = Sighting::new(Timestamp::MIN, Timestamp::MAX, now());
        assert_eq!(sighting.left(RETENTION, now()), None);
        assert_eq!(
            sighting.left(Duration::MAX, now()).map(|left| left > RETENTION),
            Some(true)
        );
    }
}
