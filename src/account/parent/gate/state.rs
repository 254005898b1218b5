//! What a gate holds: the bucket, the queue, and the permits of those who were woken. PURE.

use crate::account::parent::bucket::{Bucket, Ticket};
use crate::account::parent::queue::{Class, Queue, Turn, Who};
use crate::metrics::QueueLength;
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// A permit that nobody has come for after this long goes to the next: its object was deleted, or needs it no more.
const RESERVED_FOR: Duration = Duration::from_secs(30);

/// The Account's pass that finds out whether the parent works ends a suspension; this ends it if that pass cannot.
pub(super) const LONGEST_SUSPENSION: Duration = Duration::from_mins(1);

/// Deletions wait no longer than this for a walk that reads its lists: it may be long, and others delete too.
pub(super) const LONGEST_HOLD: Duration = Duration::from_secs(30);

/// What one gate holds.
#[derive(Debug)]
pub(super) struct State {
    pub bucket: Bucket,
    pub queue: Queue,
    /// Tells how long the queue is.
    pub waiting: QueueLength,
    /// Permits of those who were woken and have not come yet.
    pub reserved: HashMap<Who, Reserved>,
    pub suspended_until: Option<Instant>,
    /// How many walks there are for which no deletion begins.
    pub holders: usize,
    /// They go on from then, if a walk is still under way.
    pub held_until: Option<Instant>,
    pub failures: u32,
    pub waking: bool,
}

/// One request may be sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Passed {
    /// How long was waited for it.
    pub waited: Duration,
    /// The permit.
    pub ticket: Ticket,
}

/// A permit that waits for whoever was woken.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reserved {
    at: Instant,
    class: Class,
    pub passed: Passed,
}

/// What can be done for those who wait.
pub(super) enum Served {
    /// It is this one's turn.
    Woke(Turn),
    /// Nothing, for so long.
    Wait(Duration),
    /// Nobody waits.
    Nobody,
}

impl State {
    pub fn new(bucket: Bucket, waiting: QueueLength) -> Self {
        Self {
            bucket,
            queue: Queue::default(),
            waiting,
            reserved: HashMap::new(),
            suspended_until: None,
            holders: 0,
            held_until: None,
            failures: 0,
            waking: false,
        }
    }

    /// Whether this class may go now, should there be a permit.
    pub fn may_go(&self, class: Class, now: Instant) -> bool {
        let is_held = class == Class::Deletion && self.held_for(now).is_some();
        !is_held && (class.goes_in_doubt() || self.suspended_for(now).is_none())
    }

    /// Those of this class who wait, or were woken and have not come yet.
    pub fn coming(&self, class: Class) -> usize {
        let woken = self.reserved.values().filter(|reserved| reserved.class == class);
        self.queue.waiting_in(class) + woken.count()
    }

    /// A walk begins for which no deletion does.
    pub fn hold(&mut self, now: Instant) {
        if self.holders == 0 {
            self.held_until = Some(now + LONGEST_HOLD);
        }
        self.holders += 1;
    }

    /// How much longer no deletion begins.
    fn held_for(&self, now: Instant) -> Option<Duration> {
        let left = self.held_until?.saturating_duration_since(now);
        (self.holders > 0 && !left.is_zero()).then_some(left)
    }

    /// How much longer the parent's state is in doubt.
    fn suspended_for(&self, now: Instant) -> Option<Duration> {
        let left = self.suspended_until?.saturating_duration_since(now);
        (!left.is_zero()).then_some(left)
    }

    pub fn serve(&mut self, now: Instant) -> Served {
        if self.queue.is_empty() {
            let oldest = self.reserved.values().map(|reserved| reserved.at).min();
            return oldest.map_or(Served::Nobody, |at| {
                Served::Wait((at + RESERVED_FOR).saturating_duration_since(now))
            });
        }
        let ticket = match self.bucket.take(now) {
            Ok(ticket) => ticket,
            Err(pause) => return Served::Wait(pause),
        };
        let allowed: Vec<Class> = self
            .queue
            .classes()
            .filter(|class| self.may_go(*class, now))
            .collect();
        let Some((turn, joined)) = self.queue.take(|class| allowed.contains(&class)) else {
            self.bucket.give_back(ticket, now);
            let ends = [self.suspended_for(now), self.held_for(now)];
            return Served::Wait(ends.into_iter().flatten().min().unwrap_or(LONGEST_SUSPENSION));
        };
        self.waiting.set(self.queue.len());
        let waited = now.saturating_duration_since(joined);
        let reserved = Reserved {
            at: now,
            class: turn.class,
            passed: Passed { waited, ticket },
        };
        self.reserved.insert((*turn.who).clone(), reserved);
        Served::Woke(turn)
    }

    /// Permits that nobody came for.
    pub fn expire(&mut self, now: Instant) {
        let is_late = |reserved: &Reserved| now.saturating_duration_since(reserved.at) >= RESERVED_FOR;
        for (_, reserved) in self.reserved.extract_if(|_, reserved| is_late(reserved)) {
            self.bucket.give_back(reserved.passed.ticket, now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::parent::bucket::Limit;
    use crate::clock::now;
    use std::num::NonZeroU32;
    use std::sync::Arc;

    #[test]
    fn a_walk_that_takes_long_holds_deletions_for_half_a_minute_and_no_longer() {
        let start = now();
        let limit = Limit {
            requests_per_second: NonZeroU32::MIN,
            burst: NonZeroU32::MIN,
        };
        let mut state = State::new(Bucket::new(limit, start), QueueLength::default());
        state.hold(start);
        state.hold(start + LONGEST_HOLD / 2);
        let turn = Turn {
            class: Class::Deletion,
            who: Arc::new(Who::InPlace(0)),
            wake: Arc::new(|| {}),
        };
        state.queue.join(&turn, start);
        assert!(!state.may_go(Class::Deletion, start) && state.may_go(Class::Bulk, start));
        let Served::Wait(pause) = state.serve(start) else {
            unreachable!("it is held");
        };
        assert_eq!(pause, LONGEST_HOLD, "somebody looks when the time is over");
        assert!(state.may_go(Class::Deletion, start + LONGEST_HOLD));
        assert!(matches!(state.serve(start + LONGEST_HOLD), Served::Woke(_)));
        state.holders = 0;
        state.hold(start + LONGEST_HOLD);
        assert!(
            !state.may_go(Class::Deletion, start + LONGEST_HOLD),
            "another walk"
        );
    }
}
