//! When the next pass is due. PURE.

use jiff::Timestamp;
use std::time::Duration;

/// Stalled objects are looked at again after this long, even if nobody changed anything.
pub const STALLED_PROBE: Duration = Duration::from_mins(15);

/// Where a person must put a Secret right, it is looked at this often at least.
pub const SECRET_PROBE: Duration = Duration::from_mins(1);

/// It is looked at no more often than this: nobody who mends one waits for longer.
const SECRET_PROBE_OF_FEW: Duration = Duration::from_secs(3);

/// How many of those who wait so are looked at in a second, all of them together: a restore makes thousands of them at once.
const SECRET_PROBES_PER_SECOND: u32 = 10;

/// How often those look who wait until pairs of others are stored; they ask nobody.
pub const HELD_PROBE: Duration = Duration::from_secs(5);

/// What Vobiz dates later than this is tried all the same: a clock that is wrong, here or there, must not put it off for ever.
const LONGEST_COOL_OFF: Duration = Duration::from_hours(1);

/// When the next pass is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// After this time.
    After(Duration),
    /// After a pause that grows with every failure.
    Backoff,
    /// When something wakes it; the time is a safety net.
    Woken,
    /// When the gate wakes it: it keeps the place of everyone who waits, and needs no safety net.
    InTurn,
}

/// When a Secret is looked at again that a person must put right, where so many objects wait for that.
#[must_use]
pub fn secret_probe(waiting: usize) -> Duration {
    let waiting = u32::try_from(waiting).unwrap_or(u32::MAX);
    Duration::from_secs(u64::from(waiting / SECRET_PROBES_PER_SECOND))
        .clamp(SECRET_PROBE_OF_FEW, SECRET_PROBE)
}

/// The pause until the end of a cool-off, at most an hour; none if it is over.
#[must_use]
pub fn cool_off_left(until: Timestamp, wall: Timestamp) -> Option<Duration> {
    let left = Duration::try_from(until.duration_since(wall)).ok()?;
    (!left.is_zero()).then(|| left.min(LONGEST_COOL_OFF))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_person_puts_right_is_seen_within_seconds_and_thousands_who_wait_are_no_burden() {
        let pauses = [0, 1, 30, 300, 10_000, usize::MAX].map(|waiting| secret_probe(waiting).as_secs());
        assert_eq!(pauses, [3, 3, 3, 30, 60, 60]);
    }

    #[test]
    fn a_cool_off_is_waited_for_and_a_wrong_clock_puts_nothing_off_for_more_than_an_hour() {
        let (now, minute) = (Timestamp::UNIX_EPOCH, Duration::from_mins(1));
        assert_eq!(cool_off_left(now + minute, now), Some(minute));
        assert_eq!(
            cool_off_left(now + minute, now + LONGEST_COOL_OFF),
            None,
            "an hour fast"
        );
        let slow = now - LONGEST_COOL_OFF;
        assert_eq!(cool_off_left(now + minute, slow), Some(LONGEST_COOL_OFF));
        assert_eq!(
            cool_off_left(Timestamp::MAX, Timestamp::MIN),
            Some(LONGEST_COOL_OFF)
        );
        assert_eq!(cool_off_left(Timestamp::MIN, Timestamp::MAX), None);
        assert_eq!(cool_off_left(now, now), None);
    }
}
