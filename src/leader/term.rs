//! How long a leader may act: until its renew deadline, counted from when the last renewal that succeeded was sent.
//! Once over, a term stays over. PURE.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::claim::RENEW_DEADLINE;

/// The deadline of a term that is over.
const OVER: u64 = 0;
/// The deadline of a term that no election limits.
const NEVER: u64 = u64::MAX;

/// A leader's time; a cheap handle to one deadline.
#[derive(Clone, Debug)]
pub struct Term {
    start: Instant,
    /// Microseconds after `start`.
    deadline: Arc<AtomicU64>,
}

impl Term {
    /// The term of a process that is the only one.
    #[must_use]
    pub fn endless(now: Instant) -> Self {
        Self {
            start: now,
            deadline: Arc::new(AtomicU64::new(NEVER)),
        }
    }

    /// The term that a claim begins which was sent at `sent`.
    #[must_use]
    pub fn begun(sent: Instant) -> Self {
        Self {
            start: sent,
            deadline: Arc::new(AtomicU64::new(micros(RENEW_DEADLINE))),
        }
    }

    /// How much is left of it; none once it is over.
    #[must_use]
    pub fn left(&self, now: Instant) -> Option<Duration> {
        let now = micros(now.saturating_duration_since(self.start));
        let mut deadline = self.deadline.load(Ordering::Acquire);
        // Whoever finds it over ends it for all: nobody may stop for good while another goes on.
        while deadline <= now {
            match self
                .deadline
                .compare_exchange(deadline, OVER, Ordering::AcqRel, Ordering::Acquire)
            {
                Ok(_) => return None,
                Err(other) if other == OVER => return None,
                Err(renewed) => deadline = renewed,
            }
        }
        Some(Duration::from_micros(deadline - now))
    }

    /// Ends it: somebody else leads.
    pub fn end(&self) {
        self.deadline.store(OVER, Ordering::Release);
    }

    /// Prolongs it after a renewal that was sent at `sent` and succeeded. False once it is over.
    #[must_use]
    pub fn renewed(&self, sent: Instant) -> bool {
        let deadline = micros(sent.saturating_duration_since(self.start) + RENEW_DEADLINE);
        let prolong = |current| (current != OVER).then_some(deadline);
        self.deadline
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, prolong)
            .is_ok()
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(NEVER - 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::now;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_term_ends_when_no_renewal_succeeds_within_the_deadline() {
        let start = now();
        let term = Term::begun(start);
        assert_eq!(term.left(start + SECOND), Some(SECOND * 9));
        assert!(term.renewed(start + SECOND * 4));
        assert_eq!(term.left(start + SECOND * 13), Some(SECOND));
        assert_eq!(term.left(start + SECOND * 14), None);
    }

    #[test]
    fn a_term_that_somebody_found_over_is_over_for_all_even_if_a_renewal_comes_late() {
        let start = now();
        let term = Term::begun(start);
        let other = term.clone();
        assert_eq!(other.left(start + SECOND * 10), None);
        assert!(!term.renewed(start + SECOND * 9));
        assert_eq!(term.left(start + SECOND * 9), None);
    }

    #[test]
    fn a_renewal_counts_from_when_it_was_sent_not_from_when_its_answer_came() {
        let start = now();
        let term = Term::begun(start);
        assert!(term.renewed(start + SECOND));
        // The answer was read after the process had been frozen.
        assert_eq!(term.left(start + SECOND * 60), None);
    }

    #[test]
    fn a_term_that_was_taken_is_over_for_all_at_once_whatever_is_left_of_it() {
        let start = now();
        let term = Term::begun(start);
        let other = term.clone();
        term.end();
        assert_eq!(other.left(start), None);
        assert!(!other.renewed(start));
    }

    #[test]
    fn without_an_election_no_term_ends() {
        let start = now();
        let term = Term::endless(start);
        assert!(term.left(start + SECOND * 1_000_000_000).is_some());
    }
}
