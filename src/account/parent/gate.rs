//! The rate limit of one parent account, shared by everything that is done for it. I/O (clock, a task that wakes who is next).
//!
//! Who finds no permit takes a place in the queue and goes away; it is woken once, when its permit is there. So waiting holds
//! no worker, and ten thousand that wait cost ten thousand wake-ups, not ten thousand polls.

mod state;

pub use self::state::Passed;

use self::state::{LONGEST_SUSPENSION, Served, State};
use crate::account::parent::bucket::{Bucket, Limit, Ticket};
use crate::account::parent::queue::{Class, Turn, Who};
use crate::clock::now;
use crate::metrics::QueueLength;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;

/// After this many requests in a row that Vobiz did not answer the Account's own pass finds out whether it is there.
const FAILURES_TOLERATED: u32 = 5;

/// Lets requests of one parent account pass at the agreed rate, in the order of [`Class`].
#[derive(Debug)]
pub struct Gate {
    state: Mutex<State>,
    /// Something changed that the task which wakes those who wait should look at.
    changed: Notify,
}

/// What is said of the answer to a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Heard {
    /// Vobiz answered.
    Answer,
    /// Vobiz answered 429 and asked for this pause.
    TooMany(Duration),
    /// No answer, or one of a server in trouble.
    Failure,
}

/// There is no permit now. Whoever asked has a place in the queue.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Held;

impl Gate {
    /// An open gate whose queue nobody counts.
    #[must_use]
    pub fn new(limit: Limit) -> Self {
        Self::counted(limit, QueueLength::default())
    }

    /// An open gate that says how many wait.
    #[must_use]
    pub fn counted(limit: Limit, waiting: QueueLength) -> Self {
        Self {
            state: Mutex::new(State::new(Bucket::new(limit, now()), waiting)),
            changed: Notify::new(),
        }
    }

    /// The limit that is applied.
    #[must_use]
    pub fn limit(&self) -> Limit {
        self.lock().bucket.limit()
    }

    /// Applies another limit.
    pub fn set_limit(&self, limit: Limit) {
        self.lock().bucket.set_limit(limit, now());
        self.changed.notify_one();
    }

    /// Takes one permit for one request, or a place in the queue.
    pub fn try_pass(self: &Arc<Self>, turn: &Turn) -> Result<Passed, Held> {
        let mut state = self.lock();
        let now = now();
        if let Some(reserved) = state.reserved.remove(&turn.who)
            && state.bucket.honours(reserved.passed.ticket)
        {
            return Ok(reserved.passed);
        }
        if state.may_go(turn.class, now)
            && !state.queue.goes_before(turn.class)
            && let Ok(ticket) = state.bucket.take(now)
        {
            let waited = Duration::ZERO;
            return Ok(Passed { waited, ticket });
        }
        drop(state);
        self.line_up(turn);
        Err(Held)
    }

    /// Takes a place in the queue.
    pub fn line_up(self: &Arc<Self>, turn: &Turn) {
        let mut state = self.lock();
        state.queue.join(turn, now());
        let length = state.queue.len();
        state.waiting.set(length);
        if !std::mem::replace(&mut state.waking, true) {
            tokio::spawn(Arc::clone(self).wake_in_turn());
        }
        drop(state);
        self.changed.notify_one();
    }

    /// Whether Vobiz has asked for no pause since this permit was taken.
    #[must_use]
    pub fn honours(&self, ticket: Ticket) -> bool {
        self.lock().bucket.honours(ticket)
    }

    /// Waits here for a permit; a pause that Vobiz asked for ends the waiting.
    pub async fn pass(self: &Arc<Self>, class: Class) -> Result<Passed, Held> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let woken = Arc::new(Notify::new());
        let place = Waiting {
            gate: self,
            turn: Turn {
                class,
                who: Arc::new(Who::InPlace(NUMBER.fetch_add(1, Ordering::Relaxed))),
                wake: {
                    let woken = Arc::clone(&woken);
                    Arc::new(move || woken.notify_one())
                },
            },
        };
        loop {
            match self.try_pass(&place.turn) {
                Err(Held) if self.pause_left().is_none() => woken.notified().await,
                result => return result,
            }
        }
    }

    /// Gives up the place in the queue, or the permit that is kept for it.
    pub fn leave(&self, who: &Who) {
        let mut state = self.lock();
        state.queue.leave(who);
        let length = state.queue.len();
        state.waiting.set(length);
        if let Some(reserved) = state.reserved.remove(who) {
            state.bucket.give_back(reserved.passed.ticket, now());
            drop(state);
            self.changed.notify_one();
        }
    }

    /// Counts a request that was sent before it was known whose it is.
    pub fn charge(&self) {
        self.lock().bucket.charge(now());
        self.changed.notify_one();
    }

    /// Takes back a permit that nothing was sent for.
    pub fn give_back(&self, ticket: Ticket) {
        self.lock().bucket.give_back(ticket, now());
        self.changed.notify_one();
    }

    /// Takes note of what became of the request that was sent with this permit. True if it is time to find out whether the parent can be reached at all.
    pub fn hear(&self, heard: Heard, ticket: Ticket) -> bool {
        let mut state = self.lock();
        let in_place: Vec<_> = match heard {
            Heard::Answer => {
                state.failures = 0;
                state.bucket.answered(ticket, now());
                Vec::new()
            }
            Heard::TooMany(pause) => {
                state.failures = 0;
                state.bucket.limited(pause, now());
                state.queue.in_place().cloned().collect()
            }
            Heard::Failure => {
                state.failures += 1;
                state.bucket.answered(ticket, now());
                Vec::new()
            }
        };
        let suspicious = state.failures >= FAILURES_TOLERATED;
        if suspicious {
            state.failures = 0;
        }
        drop(state);
        wake_all(&in_place);
        self.changed.notify_one();
        suspicious
    }

    /// Holds back everything but the list, until [`Gate::resume`]: the Account's pass finds out what is wrong first.
    pub fn suspend(&self) {
        self.lock().suspended_until = Some(now() + LONGEST_SUSPENSION);
    }

    /// The Account's pass knows how things are.
    pub fn resume(&self) {
        self.lock().suspended_until = None;
        self.changed.notify_one();
    }

    /// Lets no deletion begin until what is returned is dropped, or half a minute is over. Edits, creates and what is under way pass on.
    #[must_use]
    pub fn hold_deletions(self: &Arc<Self>) -> Holding {
        self.lock().hold(now());
        Holding(Arc::clone(self))
    }

    /// How many of this class wait for their permit, or have it and have not used it yet.
    #[must_use]
    pub fn coming(&self, class: Class) -> usize {
        self.lock().coming(class)
    }

    /// Whether nobody waits, and nobody was woken who has not come yet.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        let state = self.lock();
        state.queue.is_empty() && state.reserved.is_empty()
    }

    /// How much longer Vobiz asked us to stay away.
    #[must_use]
    pub fn pause_left(&self) -> Option<Duration> {
        self.lock().bucket.pause_left(now())
    }

    /// Nobody will be let through here any more: whoever waits looks for another way.
    pub fn dissolve(&self) {
        let everybody: Vec<_> = self.lock().queue.all().cloned().collect();
        wake_all(&everybody);
    }

    /// Wakes those who wait, each when its permit is there; ends with the queue.
    async fn wake_in_turn(self: Arc<Self>) {
        loop {
            let pause = {
                let mut state = self.lock();
                let now = now();
                state.expire(now);
                match state.serve(now) {
                    Served::Woke(turn) => {
                        drop(state);
                        (turn.wake)();
                        continue;
                    }
                    Served::Wait(pause) => pause,
                    Served::Nobody => {
                        state.waking = false;
                        return;
                    }
                }
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.changed.notified() => {}
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// No deletion begins until it is dropped.
#[derive(Debug)]
pub struct Holding(Arc<Gate>);

impl Drop for Holding {
    fn drop(&mut self) {
        self.0.lock().holders -= 1;
        self.0.changed.notify_one();
    }
}

/// Gives the place in the queue up when its owner is dropped.
struct Waiting<'a> {
    gate: &'a Gate,
    turn: Turn,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.gate.leave(&self.turn.who);
    }
}

fn wake_all(turns: &[Turn]) {
    for turn in turns {
        (turn.wake)();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::controller::wake::ObjectKey;
    use std::num::NonZeroU32;
    use tokio::sync::mpsc;

    fn gate(requests_per_second: u32, burst: u32) -> Arc<Gate> {
        Arc::new(Gate::new(Limit {
            requests_per_second: NonZeroU32::new(requests_per_second).unwrap(),
            burst: NonZeroU32::new(burst).unwrap(),
        }))
    }

    /// A turn that tells when it is woken.
    fn turn(class: Class, name: &str, woken: &mpsc::UnboundedSender<String>) -> Turn {
        let (woken, own) = (woken.clone(), name.to_owned());
        Turn {
            class,
            who: Arc::new(Who::Subaccount(ObjectKey {
                namespace: "team".to_owned(),
                name: name.to_owned(),
            })),
            wake: Arc::new(move || drop(woken.send(own.clone()))),
        }
    }

    #[tokio::test]
    async fn everyone_who_waits_is_woken_once_when_the_permit_is_there_and_edits_come_first() {
        let gate = gate(200, 1);
        let (sender, mut woken) = mpsc::unbounded_channel();
        let through = gate.try_pass(&turn(Class::Bulk, "through", &sender)).unwrap();
        assert_eq!(through.waited, Duration::ZERO);
        let creates: Vec<_> = (0..20)
            .map(|number| turn(Class::Bulk, &number.to_string(), &sender))
            .collect();
        for create in &creates {
            assert_eq!(gate.try_pass(create), Err(Held));
        }
        let edit = turn(Class::Person, "edit", &sender);
        assert_eq!(gate.try_pass(&edit), Err(Held));
        let begun = now();
        for place in 0..21 {
            let name = woken.recv().await.unwrap();
            let expected = if place == 0 {
                "edit".to_owned()
            } else {
                (place - 1).to_string()
            };
            assert_eq!(name, expected);
            let woken = if place == 0 { &edit } else { &creates[place - 1] };
            assert!(gate.try_pass(woken).is_ok());
        }
        assert!(
            now().duration_since(begun) >= Duration::from_millis(95),
            "no faster than the limit"
        );
        assert!(woken.try_recv().is_err(), "nobody is woken twice");
    }

    #[tokio::test]
    async fn a_permit_that_is_not_wanted_goes_to_the_next_who_waits() {
        let gate = gate(1, 1);
        let (sender, mut woken) = mpsc::unbounded_channel();
        let first = gate.try_pass(&turn(Class::Bulk, "first", &sender)).unwrap();
        let (second, third) = (
            turn(Class::Bulk, "second", &sender),
            turn(Class::Bulk, "third", &sender),
        );
        assert!(gate.try_pass(&second).is_err() && gate.try_pass(&third).is_err());
        gate.give_back(first.ticket);
        assert_eq!(woken.recv().await.as_deref(), Some("second"));
        let begun = now();
        gate.leave(&second.who);
        assert_eq!(woken.recv().await.as_deref(), Some("third"));
        assert!(
            now().duration_since(begun) < Duration::from_millis(900),
            "its permit was there already"
        );
        assert!(gate.try_pass(&third).is_ok());
    }

    #[tokio::test]
    async fn while_the_parent_is_in_doubt_only_its_list_and_the_rest_of_a_deletion_pass() {
        let gate = gate(1000, 1000);
        let (sender, mut woken) = mpsc::unbounded_channel();
        gate.suspend();
        let edit = turn(Class::Person, "edit", &sender);
        assert_eq!(gate.try_pass(&edit), Err(Held));
        assert!(gate.pass(Class::Sweep).await.is_ok());
        assert!(gate.pass(Class::Underway).await.is_ok());
        assert!(woken.try_recv().is_err());
        gate.resume();
        assert_eq!(woken.recv().await.as_deref(), Some("edit"));
        assert!(gate.try_pass(&edit).is_ok());
    }

    #[tokio::test]
    async fn a_429_ends_the_waiting_of_a_list_and_holds_everybody_for_the_pause() {
        let gate = gate(1, 1);
        let (sender, mut woken) = mpsc::unbounded_channel();
        let first = gate.try_pass(&turn(Class::Bulk, "first", &sender)).unwrap();
        let list = tokio::spawn({
            let gate = Arc::clone(&gate);
            async move { gate.pass(Class::Sweep).await }
        });
        while gate.lock().queue.is_empty() {
            tokio::task::yield_now().await;
        }
        // Longer than a busy machine takes for what must come within it.
        let pause = Duration::from_secs(1);
        let begun = now();
        assert!(!gate.hear(Heard::TooMany(pause), first.ticket));
        assert!(!gate.honours(first.ticket));
        assert_eq!(list.await.unwrap(), Err(Held));
        assert!(gate.pause_left().is_some());
        let (probe, other) = (
            turn(Class::Bulk, "probe", &sender),
            turn(Class::Bulk, "other", &sender),
        );
        assert!(gate.try_pass(&probe).is_err() && gate.try_pass(&other).is_err());
        assert_eq!(woken.recv().await.as_deref(), Some("probe"));
        assert!(now().duration_since(begun) >= pause);
        let probing = gate.try_pass(&probe).unwrap();
        assert!(
            woken.try_recv().is_err(),
            "one request finds out whether the pause was long enough"
        );
        gate.hear(Heard::Answer, probing.ticket);
        assert_eq!(woken.recv().await.as_deref(), Some("other"));
    }

    #[tokio::test]
    async fn a_permit_that_was_kept_for_somebody_is_worth_nothing_once_vobiz_asks_for_a_pause() {
        let gate = gate(100, 1);
        let (sender, mut woken) = mpsc::unbounded_channel();
        let sent = gate.try_pass(&turn(Class::Bulk, "sent", &sender)).unwrap();
        let kept = turn(Class::Bulk, "kept", &sender);
        assert_eq!(gate.try_pass(&kept), Err(Held));
        assert_eq!(woken.recv().await.as_deref(), Some("kept"));
        let pause = Duration::from_millis(100);
        let begun = now();
        gate.hear(Heard::TooMany(pause), sent.ticket);
        assert_eq!(
            gate.try_pass(&kept),
            Err(Held),
            "its permit was of before the pause"
        );
        assert_eq!(
            woken.recv().await.as_deref(),
            Some("kept"),
            "it has a place again"
        );
        assert!(now().duration_since(begun) >= pause);
        assert!(gate.try_pass(&kept).is_ok());
    }

    #[tokio::test]
    async fn while_deletions_are_held_everybody_else_passes_them_by() {
        let gate = gate(1000, 1);
        let (sender, mut woken) = mpsc::unbounded_channel();
        let through = turn(Class::Bulk, "through", &sender);
        assert!(gate.try_pass(&through).is_ok());
        let holding = gate.hold_deletions();
        let deletions: Vec<_> = (0..3)
            .map(|number| turn(Class::Deletion, &format!("deletion {number}"), &sender))
            .collect();
        for deletion in &deletions {
            assert_eq!(gate.try_pass(deletion), Err(Held));
        }
        let others = [
            turn(Class::Person, "edit", &sender),
            turn(Class::Bulk, "create", &sender),
            turn(Class::Sweep, "list", &sender),
        ];
        for other in &others {
            assert_eq!(gate.try_pass(other), Err(Held));
        }
        for expected in ["edit", "create", "list"] {
            assert_eq!(woken.recv().await.as_deref(), Some(expected));
        }
        assert_eq!(gate.coming(Class::Deletion), 3);
        assert!(woken.try_recv().is_err());
        drop(holding);
        for deletion in &deletions {
            assert!(
                woken
                    .recv()
                    .await
                    .is_some_and(|name| name.starts_with("deletion"))
            );
            assert!(gate.coming(Class::Deletion) > 0, "woken, and not come yet");
            assert!(gate.try_pass(deletion).is_ok());
        }
        assert_eq!(gate.coming(Class::Deletion), 0);
    }

    #[test]
    fn five_requests_in_a_row_without_an_answer_are_a_reason_to_look_at_the_parent() {
        let gate = gate(10, 10);
        let ticket = gate.lock().bucket.take(now()).unwrap();
        let suspicious: Vec<_> = (0..6).map(|_| gate.hear(Heard::Failure, ticket)).collect();
        assert_eq!(suspicious, [false, false, false, false, true, false]);
        for _ in 0..20 {
            assert!(!gate.hear(Heard::Failure, ticket));
            gate.hear(Heard::Answer, ticket);
        }
    }
}
