//! When a Lease may be taken, and what is written into it. PURE.
//!
//! Whether a holder is still there is judged by when this process saw the Lease change, on its own monotonic clock. The
//! times in a Lease are another machine's wall clock: they are for people, and prove nothing.

use std::time::{Duration, Instant};

use k8s_openapi::api::coordination::v1::LeaseSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use k8s_openapi::jiff::Timestamp;

/// How long others wait for a holder that they do not see renewing. This and the next two are client-go's defaults.
pub const LEASE_DURATION: Duration = Duration::from_secs(15);

/// How long a holder that cannot renew goes on: less than [`LEASE_DURATION`], so that it has stopped when others begin.
pub const RENEW_DEADLINE: Duration = Duration::from_secs(10);

/// The pause between two renewals, and between two looks of a candidate.
pub const RETRY_PERIOD: Duration = Duration::from_secs(2);

/// What a candidate may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// There is no Lease: create it.
    Create,
    /// Nobody holds it, or nobody holds it any more: replace it.
    Take,
    /// Somebody holds it: look again after this pause.
    Wait(Duration),
}

/// What a candidate has seen, and since when it has not changed.
#[derive(Debug, Default)]
pub struct Observer {
    seen: Option<(LeaseSpec, Instant)>,
}

impl Observer {
    /// What may be done about the Lease that was read just before `now`.
    pub fn judge(&mut self, lease: Option<&LeaseSpec>, candidate: &str, now: Instant) -> Claim {
        let Some(lease) = lease else {
            self.seen = None;
            return Claim::Create;
        };
        if holder(lease).is_none_or(|holder| holder == candidate) {
            return Claim::Take;
        }
        let since = match &self.seen {
            Some((seen, since)) if seen == lease => *since,
            _ => {
                self.seen = Some((lease.clone(), now));
                now
            }
        };
        let left = duration(lease).saturating_sub(now.saturating_duration_since(since));
        if left.is_zero() {
            Claim::Take
        } else {
            Claim::Wait(left.min(RETRY_PERIOD))
        }
    }
}

/// Who holds the Lease; an empty name is nobody.
#[must_use]
pub fn holder(lease: &LeaseSpec) -> Option<&str> {
    lease
        .holder_identity
        .as_deref()
        .filter(|holder| !holder.is_empty())
}

/// As its holder asked: it may be of a version that knows other times.
fn duration(lease: &LeaseSpec) -> Duration {
    let seconds = lease
        .lease_duration_seconds
        .and_then(|seconds| u64::try_from(seconds).ok());
    seconds
        .filter(|seconds| *seconds > 0)
        .map_or(LEASE_DURATION, Duration::from_secs)
}

/// The Lease as `candidate` holds it from now on, or still holds it.
#[must_use]
pub fn held(before: LeaseSpec, candidate: &str, now: Timestamp) -> LeaseSpec {
    let mut lease = before;
    if holder(&lease) != Some(candidate) {
        let transitions = lease.lease_transitions;
        lease.lease_transitions = Some(transitions.map_or(0, |transitions| transitions.saturating_add(1)));
        lease.holder_identity = Some(candidate.to_owned());
        lease.acquire_time = Some(MicroTime(now));
    }
    lease.lease_duration_seconds = i32::try_from(LEASE_DURATION.as_secs()).ok();
    lease.renew_time = Some(MicroTime(now));
    lease
}

/// The Lease as nobody holds it.
#[must_use]
pub fn released(before: LeaseSpec, now: Timestamp) -> LeaseSpec {
    LeaseSpec {
        holder_identity: None,
        // Should anybody wait all the same: not for long.
        lease_duration_seconds: Some(1),
        renew_time: Some(MicroTime(now)),
        ..before
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::now;

    fn lease(holder: &str, renewed: i64) -> LeaseSpec {
        held(
            LeaseSpec::default(),
            holder,
            Timestamp::from_second(renewed).unwrap(),
        )
    }

    #[test]
    fn a_lease_that_is_not_there_is_created_and_one_of_nobody_taken() {
        let (mut observer, now) = (Observer::default(), now());
        assert_eq!(observer.judge(None, "a", now), Claim::Create);
        let nobody = released(lease("b", 0), Timestamp::UNIX_EPOCH);
        assert_eq!(observer.judge(Some(&nobody), "a", now), Claim::Take);
        let mut empty = lease("b", 0);
        empty.holder_identity = Some(String::new());
        assert_eq!(observer.judge(Some(&empty), "a", now), Claim::Take);
    }

    #[test]
    fn a_claim_whose_answer_was_lost_is_still_the_candidates_own() {
        let mine = lease("a", 0);
        assert_eq!(Observer::default().judge(Some(&mine), "a", now()), Claim::Take);
    }

    #[test]
    fn a_holder_that_renews_keeps_its_lease_whatever_its_clock_says() {
        let (mut observer, start) = (Observer::default(), now());
        for (round, renewed) in (0..100).zip([-86_400, 0, 86_400, 5].into_iter().cycle()) {
            let now = start + RETRY_PERIOD * round;
            assert_eq!(
                observer.judge(Some(&lease("b", renewed)), "a", now),
                Claim::Wait(RETRY_PERIOD),
                "after {round} looks"
            );
        }
    }

    #[test]
    fn a_silent_holder_loses_its_lease_when_it_was_seen_unchanged_for_its_duration() {
        let (mut observer, start) = (Observer::default(), now());
        // The clock of the holder is a year behind: read as an age, this Lease was over long ago.
        let silent = lease("b", -31_536_000);
        let mut judge = |seconds| observer.judge(Some(&silent), "a", start + Duration::from_millis(seconds));
        assert_eq!(judge(0), Claim::Wait(RETRY_PERIOD));
        assert_eq!(judge(14_000), Claim::Wait(Duration::from_secs(1)));
        assert_eq!(judge(14_999), Claim::Wait(Duration::from_millis(1)));
        assert_eq!(judge(15_000), Claim::Take);
    }

    #[test]
    fn another_holder_starts_the_wait_anew_and_its_own_duration_holds() {
        let (mut observer, start) = (Observer::default(), now());
        let after = |seconds| start + Duration::from_secs(seconds);
        observer.judge(Some(&lease("b", 0)), "a", start);
        let mut patient = lease("c", 0);
        patient.lease_duration_seconds = Some(60);
        assert_eq!(
            observer.judge(Some(&patient), "a", after(15)),
            Claim::Wait(RETRY_PERIOD)
        );
        assert_eq!(
            observer.judge(Some(&patient), "a", after(74)),
            Claim::Wait(Duration::from_secs(1))
        );
        assert_eq!(observer.judge(Some(&patient), "a", after(75)), Claim::Take);
    }

    #[test]
    fn a_lease_tells_who_holds_it_since_when_and_how_often_it_changed_hands() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let first = held(LeaseSpec::default(), "a", at(1));
        assert_eq!(
            (
                holder(&first),
                first.lease_transitions,
                first.lease_duration_seconds
            ),
            (Some("a"), Some(0), Some(15))
        );
        let renewed = held(first.clone(), "a", at(3));
        assert_eq!(
            (&renewed.acquire_time, &renewed.renew_time),
            (&first.acquire_time, &Some(MicroTime(at(3))))
        );
        assert_eq!(renewed.lease_transitions, Some(0));
        let second = held(released(renewed, at(5)), "b", at(7));
        assert_eq!(
            (holder(&second), second.lease_transitions, &second.acquire_time),
            (Some("b"), Some(1), &Some(MicroTime(at(7))))
        );
    }

    #[test]
    fn a_holder_has_stopped_before_anybody_else_may_begin() {
        assert!(RENEW_DEADLINE < LEASE_DURATION);
        assert!(
            RETRY_PERIOD * 2 < RENEW_DEADLINE,
            "one renewal that fails would end it"
        );
    }
}
