//! How fast the requests of one parent account may follow each other: a token bucket that slows down where Vobiz says so. PURE.

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

/// Repeated 429s halve the rate down to this part of the limit.
const SMALLEST_SHARE: f64 = 1.0 / 32.0;

/// The time in which the rate grows by the whole limit again after it was halved once. Each time that it is halved anew before it has been
/// well for the longest of these times, it takes twice as long: a limit that is really lower is asked for ever more rarely.
const SHORTEST_RECOVERY: Duration = Duration::from_secs(10);
const LONGEST_RECOVERY: Duration = Duration::from_mins(10);

/// After a pause one request goes ahead; if nothing is heard of it for this long, another one does.
const PROBE_PATIENCE: Duration = Duration::from_secs(30);

/// Requests per second and burst of one parent account, as its Account objects allow.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limit {
    /// Requests per second, at rest.
    pub requests_per_second: NonZeroU32,
    /// Requests that may be sent at once after a pause.
    pub burst: NonZeroU32,
}

/// Hands out permits, one for each request.
#[derive(Debug)]
pub struct Bucket {
    limit: Limit,
    permits: f64,
    /// Until when `permits` and `share` are brought up to date.
    counted: Instant,
    /// The part of the limit that is used; less than 1 after repeated 429s.
    share: f64,
    /// How long the share takes to grow by 1; none while it was not halved.
    recovery: Option<Duration>,
    /// When Vobiz last asked for a pause.
    limited: Option<Instant>,
    pause: Silence,
    /// How often Vobiz asked for a pause.
    pauses: u64,
}

/// A permit for one request. A pause that Vobiz asks for meanwhile voids it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ticket {
    pauses: u64,
}

/// What Vobiz's last 429 means for the next request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Silence {
    Over,
    Until(Instant),
    /// One request was let through to see whether the pause was long enough.
    Probing(Instant),
}

impl Bucket {
    /// A full bucket.
    #[must_use]
    pub fn new(limit: Limit, now: Instant) -> Self {
        Self {
            limit,
            permits: f64::from(limit.burst.get()),
            counted: now,
            share: 1.0,
            recovery: None,
            limited: None,
            pause: Silence::Over,
            pauses: 0,
        }
    }

    /// The limit that is applied.
    #[must_use]
    pub fn limit(&self) -> Limit {
        self.limit
    }

    /// Applies another limit. What is in the bucket stays, as far as it fits.
    pub fn set_limit(&mut self, limit: Limit, now: Instant) {
        self.count(now);
        self.limit = limit;
        self.permits = self.permits.min(f64::from(limit.burst.get()));
    }

    /// Takes a permit, or says after what time it is worth asking again.
    pub fn take(&mut self, now: Instant) -> Result<Ticket, Duration> {
        let left = match self.pause {
            Silence::Over => return self.take_open(now),
            Silence::Until(until) => until.saturating_duration_since(now),
            Silence::Probing(since) => (since + PROBE_PATIENCE).saturating_duration_since(now),
        };
        if left.is_zero() {
            self.pause = Silence::Probing(now);
            Ok(self.ticket())
        } else {
            Err(left)
        }
    }

    fn take_open(&mut self, now: Instant) -> Result<Ticket, Duration> {
        self.count(now);
        if self.permits >= 1.0 {
            self.permits -= 1.0;
            return Ok(self.ticket());
        }
        // Rounded up: whoever comes back then finds a permit.
        Err(Duration::from_secs_f64((1.0 - self.permits) / self.rate()) + Duration::from_micros(1))
    }

    /// Whether the permit is still one: nothing is sent into a pause with a permit of before.
    #[must_use]
    pub fn honours(&self, ticket: Ticket) -> bool {
        ticket == self.ticket()
    }

    fn ticket(&self) -> Ticket {
        Ticket { pauses: self.pauses }
    }

    /// A request was sent without a permit: those who come next wait for it.
    pub fn charge(&mut self, now: Instant) {
        self.count(now);
        self.permits -= 1.0;
    }

    /// Takes back a permit that nothing was sent for. One of before a pause is worth nothing, and says nothing about it.
    pub fn give_back(&mut self, ticket: Ticket, now: Instant) {
        if !self.honours(ticket) {
            return;
        }
        self.count(now);
        self.permits = (self.permits + 1.0).min(f64::from(self.limit.burst.get()));
        if let Silence::Probing(_) = self.pause {
            self.pause = Silence::Until(now);
        }
    }

    /// Vobiz answered 429 and asked for this pause. A shorter pause never replaces a longer one.
    pub fn limited(&mut self, pause: Duration, now: Instant) {
        self.count(now);
        let until = now + pause;
        self.pause = match self.pause {
            // Requests that were under way when the first of them was answered tell nothing new.
            Silence::Until(known) => Silence::Until(known.max(until)),
            // One request alone was no more than the rate allows: the pause was too short.
            Silence::Probing(_) => Silence::Until(until),
            Silence::Over => {
                self.slow_down(now);
                Silence::Until(until)
            }
        };
        self.limited = Some(now);
        self.permits = 0.0;
        self.pauses += 1;
    }

    /// Requests were answered well, and then one with 429. The first in a long time may be anybody's fault; another one is the rate's.
    fn slow_down(&mut self, now: Instant) {
        let is_repeated = self
            .limited
            .is_some_and(|last| now.duration_since(last) < LONGEST_RECOVERY);
        if !is_repeated {
            self.recovery = None;
            return;
        }
        let longer = self.recovery.map_or(SHORTEST_RECOVERY, |before| before * 2);
        self.recovery = Some(longer.min(LONGEST_RECOVERY));
        self.share = (self.share / 2.0).max(SMALLEST_SHARE);
    }

    /// Vobiz answered anything but 429: a pause that was being probed is over, if this was the probe.
    pub fn answered(&mut self, ticket: Ticket, now: Instant) {
        if let Silence::Probing(_) = self.pause
            && self.honours(ticket)
        {
            self.count(now);
            self.pause = Silence::Over;
            self.permits = 0.0;
        }
    }

    /// How much longer Vobiz asked us to stay away.
    #[must_use]
    pub fn pause_left(&self, now: Instant) -> Option<Duration> {
        match self.pause {
            Silence::Until(until) => until.checked_duration_since(now).filter(|left| !left.is_zero()),
            Silence::Over | Silence::Probing(_) => None,
        }
    }

    fn rate(&self) -> f64 {
        f64::from(self.limit.requests_per_second.get()) * self.share
    }

    fn count(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.counted).as_secs_f64();
        self.permits = (self.permits + passed * self.rate()).min(f64::from(self.limit.burst.get()));
        // A pause shows nothing of what would be answered.
        if self.pause == Silence::Over {
            let recovery = self.recovery.unwrap_or(SHORTEST_RECOVERY);
            self.share = (self.share + passed / recovery.as_secs_f64()).min(1.0);
        }
        self.counted = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::now;
    use proptest::prelude::*;

    fn limit(requests_per_second: u32, burst: u32) -> Limit {
        Limit {
            requests_per_second: NonZeroU32::new(requests_per_second).unwrap(),
            burst: NonZeroU32::new(burst).unwrap(),
        }
    }

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn what_was_sent_without_a_permit_is_waited_for_by_the_next() {
        let start = now();
        let mut bucket = Bucket::new(limit(1, 2), start);
        bucket.charge(start);
        assert!(bucket.take(start).is_ok());
        assert!(bucket.take(start).is_err(), "the burst is spent");
        bucket.charge(start);
        assert!(
            bucket.take(start + SECOND).is_err(),
            "a second pays for what was sent"
        );
        assert!(bucket.take(start + SECOND * 2).is_ok());
    }

    #[test]
    fn a_burst_passes_and_the_next_caller_is_told_when_to_come_back() {
        let now = now();
        let mut bucket = Bucket::new(limit(2, 3), now);
        for _ in 0..3 {
            assert!(bucket.take(now).is_ok());
        }
        let wait = bucket.take(now).unwrap_err();
        assert!(wait >= SECOND / 2 && wait < SECOND, "{wait:?}");
        assert!(bucket.take(now + wait).is_ok());
        assert!(bucket.take(now + wait).is_err());
    }

    #[test]
    fn a_pause_is_never_shortened_and_one_request_goes_ahead_of_the_others_when_it_is_over() {
        let now = now();
        let mut bucket = Bucket::new(limit(1000, 1000), now);
        bucket.limited(SECOND * 60, now);
        bucket.limited(SECOND, now);
        assert_eq!(bucket.take(now + SECOND * 50), Err(SECOND * 10));
        assert_eq!(bucket.pause_left(now + SECOND * 50), Some(SECOND * 10));
        let over = now + SECOND * 60;
        let before = bucket.take(over).unwrap();
        assert!(
            bucket.take(over).is_err(),
            "nobody knows yet whether it was long enough"
        );
        bucket.limited(SECOND * 5, over);
        assert_eq!(bucket.take(over + SECOND), Err(SECOND * 4));
        let probe = bucket.take(over + SECOND * 5).unwrap();
        bucket.answered(before, over + SECOND * 5);
        bucket.give_back(before, over + SECOND * 5);
        assert!(
            bucket.take(over + SECOND * 6).is_err() && !bucket.honours(before),
            "what was sent or taken before the pause says nothing about it"
        );
        bucket.answered(probe, over + SECOND * 5);
        assert!(bucket.take(over + SECOND * 6).is_ok());
        assert!(bucket.take(over + SECOND * 6).is_ok());
    }

    #[test]
    fn a_probe_of_which_nothing_is_heard_or_that_was_never_sent_does_not_close_the_gate_for_ever() {
        let now = now();
        let mut bucket = Bucket::new(limit(10, 10), now);
        bucket.limited(SECOND, now);
        let over = now + SECOND;
        let unsent = bucket.take(over).unwrap();
        bucket.give_back(unsent, over);
        assert!(bucket.take(over).is_ok());
        assert!(bucket.take(over + PROBE_PATIENCE).is_ok());
    }

    /// How many permits are handed out within so many seconds.
    fn sent(bucket: &mut Bucket, from: Instant, seconds: u32) -> usize {
        (0..seconds * 100)
            .filter(|step| bucket.take(from + SECOND * *step / 100).is_ok())
            .count()
    }

    /// A 429 with a pause of a second, and the request after it that is answered well.
    fn refuse(bucket: &mut Bucket, now: Instant) -> Instant {
        bucket.limited(SECOND, now);
        let over = now + SECOND;
        let probe = bucket.take(over).unwrap();
        bucket.answered(probe, over);
        over
    }

    #[test]
    fn repeated_429s_halve_the_rate_and_it_is_back_within_seconds() {
        let mut bucket = Bucket::new(limit(32, 4), now());
        let first = refuse(&mut bucket, now());
        let before = sent(&mut bucket, first, 2);
        assert!(
            (60..=64).contains(&before),
            "the first 429 alone changes no rate: {before}"
        );
        let second = refuse(&mut bucket, first + SECOND * 2);
        let halved = sent(&mut bucket, second, 1);
        assert!((15..=19).contains(&halved), "{halved}");
        let back = sent(&mut bucket, second + SECOND * 5, 2);
        assert!(back >= 60, "{back}");
    }

    #[test]
    fn an_outage_of_429s_alone_slows_nothing_down() {
        let mut now = now();
        let mut bucket = Bucket::new(limit(32, 4), now);
        bucket.limited(SECOND, now);
        for _ in 0..100 {
            now += SECOND;
            let probe = bucket.take(now).unwrap();
            assert!(bucket.take(now).is_err() && bucket.honours(probe));
            bucket.limited(SECOND, now);
        }
        now += SECOND;
        let probe = bucket.take(now).unwrap();
        bucket.answered(probe, now);
        let after = sent(&mut bucket, now, 2);
        assert!(after >= 60, "{after}");
    }

    /// How many 429s a server gives in half an hour that lets this part of the limit through and counts in windows of a second.
    fn refusals(part: f64) -> (usize, usize) {
        let start = now();
        let (rate, seconds) = (100_u32, 1800);
        let mut bucket = Bucket::new(limit(rate, rate), start);
        let (mut refused, mut carried_out) = (0, 0);
        for second in 0..seconds {
            let mut window = 0.0;
            for step in 0..rate {
                let now = start + SECOND * second + SECOND * step / rate;
                while let Ok(ticket) = bucket.take(now) {
                    window += 1.0;
                    if window > f64::from(rate) * part {
                        refused += 1;
                        bucket.limited(SECOND, now);
                    } else {
                        carried_out += 1;
                        bucket.answered(ticket, now);
                    }
                }
            }
        }
        (refused, carried_out)
    }

    #[test]
    fn a_server_that_allows_less_than_the_limit_is_asked_for_more_ever_more_rarely() {
        for part in [0.3, 0.5, 0.8] {
            let (refused, carried_out) = refusals(part);
            assert!(refused <= 30, "{part}: {refused} refusals");
            let allowed = f64::from(100 * 1800) * part;
            let used = f64::from(u32::try_from(carried_out).unwrap()) / allowed;
            assert!(used >= 0.6, "{part}: {used} of what is allowed");
        }
    }

    proptest! {
        #[test]
        fn nothing_is_sent_into_a_pause_whatever_was_taken_given_back_and_answered_before(
            steps in proptest::collection::vec((0_u8..4, 0_u64..20, 0_usize..8), 1..200)
        ) {
            let mut now = now();
            let mut bucket = Bucket::new(limit(10, 5), now);
            let mut taken: Vec<Ticket> = Vec::new();
            let mut closed_until = now;
            for (act, seconds, which) in steps {
                now += SECOND * u32::try_from(seconds).unwrap() / 10;
                let ticket = (!taken.is_empty()).then(|| taken[which % taken.len()]);
                match (act, ticket) {
                    (0, _) => taken.extend(bucket.take(now).ok()),
                    (1, _) => {
                        bucket.limited(SECOND * u32::try_from(seconds).unwrap(), now);
                        closed_until = closed_until.max(now + SECOND * u32::try_from(seconds).unwrap());
                        prop_assert!(taken.iter().all(|ticket| !bucket.honours(*ticket)));
                    }
                    (2, Some(ticket)) => bucket.answered(ticket, now),
                    (_, Some(ticket)) => bucket.give_back(ticket, now),
                    _ => {}
                }
                if now < closed_until {
                    prop_assert!(bucket.take(now).is_err());
                }
            }
        }

        #[test]
        fn no_window_ever_holds_more_than_the_burst_and_what_its_time_allows(
            rate in 1_u32..200, burst in 1_u32..50, pauses in proptest::collection::vec(0_u64..300, 1..400)
        ) {
            let mut now = now();
            let mut bucket = Bucket::new(limit(rate, burst), now);
            let mut taken = Vec::new();
            for pause in pauses {
                now += Duration::from_millis(pause);
                if bucket.take(now).is_ok() {
                    taken.push(now);
                }
            }
            for (first, from) in taken.iter().enumerate() {
                for (last, to) in taken.iter().enumerate().skip(first) {
                    let allowed = f64::from(burst) + to.duration_since(*from).as_secs_f64() * f64::from(rate);
                    let count = f64::from(u32::try_from(last - first + 1).unwrap());
                    prop_assert!(count <= allowed + 1e-6, "{count} in {:?}", to.duration_since(*from));
                }
            }
        }
    }
}
