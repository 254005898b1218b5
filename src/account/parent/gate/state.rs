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
            failures: 0,
            waking: false,
        }
    }

    /// Whether this class may go now, should there be a permit.
    pub fn may_go(&self, class: Class, now: Instant) -> bool {
        let is_held = self.holders > 0 && class == Class::Deletion;
        !is_held && (class.goes_in_doubt() || self.suspended_for(now).is_none())
    }

    /// Those of this class who wait, or were woken and have not come yet.
    pub fn coming(&self, class: Class) -> usize {
        let woken = self.reserved.values().filter(|reserved| reserved.class == class);
        self.queue.waiting_in(class) + woken.count()
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
        let (suspended, classes) = (self.suspended_for(now), self.queue.classes());
        let allowed: Vec<Class> = classes.filter(|class| self.may_go(*class, now)).collect();
        let Some((turn, joined)) = self.queue.take(|class| allowed.contains(&class)) else {
            self.bucket.give_back(ticket, now);
            return Served::Wait(suspended.unwrap_or(LONGEST_SUSPENSION));
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
