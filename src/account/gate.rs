//! The rate limit of one parent account: a token bucket, and a cool-down that all its objects share. I/O (clock).
//!
//! Asking never waits: a refused caller is told when to come back and holds no worker meanwhile.

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use std::num::NonZeroU32;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Requests per second and burst of one parent account, as its Account objects allow.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limit {
    /// Requests per second, at rest.
    pub requests_per_second: NonZeroU32,
    /// Requests that may be sent at once after a pause.
    pub burst: NonZeroU32,
}

/// Lets requests of one parent account pass at the agreed rate.
#[derive(Debug)]
pub struct Gate {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    limit: Limit,
    bucket: DefaultDirectRateLimiter,
    closed_until: Option<Instant>,
    /// When the last of those who were refused comes back: each is told to come back after the others.
    queue_end: Option<Instant>,
}

impl Gate {
    /// An open gate.
    #[must_use]
    pub fn new(limit: Limit) -> Self {
        Self {
            state: Mutex::new(State {
                limit,
                bucket: bucket(limit),
                closed_until: None,
                queue_end: None,
            }),
        }
    }

    /// Applies another limit; the bucket starts full only if the limit really changed.
    pub fn set_limit(&self, limit: Limit) {
        let mut state = self.lock();
        if state.limit != limit {
            state.limit = limit;
            state.bucket = bucket(limit);
        }
    }

    /// Takes one permit for one request, or says how long to stay away.
    pub fn try_pass(&self) -> Result<(), Duration> {
        let mut state = self.lock();
        if let Some(remaining) = state.remaining_cool_down() {
            return Err(remaining + state.join_queue());
        }
        let refused = state.bucket.check().err();
        match refused {
            None => Ok(()),
            Some(until) => Err(until.wait_time_from(DefaultClock::default().now()) + state.join_queue()),
        }
    }

    /// Closes the gate for everybody: Vobiz answered 429. A shorter pause never replaces a longer one.
    #[expect(clippy::disallowed_methods, reason = "the cool-down is monotonic time")]
    pub fn cool_down(&self, pause: Duration) {
        let mut state = self.lock();
        let until = Instant::now() + pause;
        state.closed_until = Some(state.closed_until.map_or(until, |known| known.max(until)));
    }

    /// How much longer Vobiz asked us to stay away.
    #[must_use]
    pub fn cooling_down(&self) -> Option<Duration> {
        self.lock().remaining_cool_down()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    #[expect(clippy::disallowed_methods, reason = "the cool-down is monotonic time")]
    fn remaining_cool_down(&mut self) -> Option<Duration> {
        let remaining = self
            .closed_until?
            .checked_duration_since(Instant::now())
            .filter(|left| !left.is_zero());
        if remaining.is_none() {
            self.closed_until = None;
            self.queue_end = None;
        }
        remaining
    }

    /// Spreads those who wait, so that they do not all come back for the same permit.
    #[expect(clippy::disallowed_methods, reason = "the queue is monotonic time")]
    fn join_queue(&mut self) -> Duration {
        let now = Instant::now();
        let place = self.queue_end.filter(|end| *end > now).unwrap_or(now);
        self.queue_end = Some(place + Duration::from_secs(1) / self.limit.requests_per_second.get());
        place - now
    }
}

fn bucket(limit: Limit) -> DefaultDirectRateLimiter {
    RateLimiter::direct(Quota::per_second(limit.requests_per_second).allow_burst(limit.burst))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gate(requests_per_second: u32, burst: u32) -> Gate {
        Gate::new(Limit {
            requests_per_second: NonZeroU32::new(requests_per_second).unwrap(),
            burst: NonZeroU32::new(burst).unwrap(),
        })
    }

    #[test]
    fn a_burst_passes_and_the_next_caller_is_told_when_to_come_back() {
        let gate = gate(1, 3);
        for _ in 0..3 {
            assert_eq!(gate.try_pass(), Ok(()));
        }
        let wait = gate.try_pass().unwrap_err();
        assert!(
            wait > Duration::from_millis(500) && wait <= Duration::from_secs(1),
            "{wait:?}"
        );
    }

    #[test]
    fn those_who_wait_are_spread_at_the_rate_of_the_limit() {
        let gate = gate(10, 1);
        gate.try_pass().unwrap();
        let first = gate.try_pass().unwrap_err();
        let eleventh = (0..10).map(|_| gate.try_pass().unwrap_err()).last().unwrap();
        assert!(
            eleventh > first + Duration::from_millis(900),
            "{first:?} {eleventh:?}"
        );
    }

    #[test]
    fn a_cool_down_closes_the_gate_for_everybody_and_is_never_shortened() {
        let gate = gate(1000, 1000);
        gate.cool_down(Duration::from_mins(1));
        gate.cool_down(Duration::from_secs(1));
        assert!(gate.try_pass().unwrap_err() > Duration::from_secs(50));
        assert!(gate.cooling_down().is_some());
    }

    #[test]
    fn an_unchanged_limit_does_not_refill_the_bucket() {
        let gate = gate(1, 1);
        gate.try_pass().unwrap();
        let limit = gate.lock().limit;
        gate.set_limit(limit);
        assert!(gate.try_pass().is_err());
    }
}
