//! One parent account at Vobiz under one API generation, shared by every Account object that names it: its rate, its list, its walks. I/O (clock).

pub(super) mod addressing;
pub mod breaker;
pub mod bucket;
pub mod deletions;
pub mod gate;
pub(super) mod inherited;
pub mod listing;
mod proofs;
pub mod queue;
pub mod roster;

use crate::account::key::AccountKey;
use crate::account::marker::{Installation, Marker, Series};
use crate::account::parent::addressing::{Addressing, Ways};
use crate::account::parent::breaker::Breaker;
use crate::account::parent::deletions::Deletions;
use crate::account::parent::gate::Gate;
use crate::account::parent::listing::SweepError;
use crate::account::parent::roster::{Roster, Walk};
use crate::vobiz::{Address, AuthId, Generation, ParentAuthId};
use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// What this process knows about one parent account.
#[derive(Debug)]
pub struct Parent {
    /// Its `auth_id`.
    pub id: ParentAuthId,
    /// Which generation of the API is asked.
    pub generation: Generation,
    /// Its rate limit, and who waits for it.
    pub gate: Arc<Gate>,
    schedule: Mutex<Schedule>,
    roster: Mutex<Roster>,
    walks: Mutex<Walks>,
    lists: Mutex<Lists>,
    deletions: Mutex<Deletions>,
    breaker: Mutex<Breaker>,
    addressing: Mutex<Addressing>,
}

/// When the list is read, and what came of it last: one reads it at a time, for all Accounts.
#[derive(Debug, Default)]
pub struct Schedule {
    swept: Option<(Instant, f64)>,
    reading: Option<Instant>,
    failed: Option<Failure>,
}

/// The last attempt to read the list came to nothing.
#[derive(Debug, Clone)]
pub struct Failure {
    /// When it ended: who has told this one begins the next attempt.
    pub at: Instant,
    /// Whose pair was used.
    pub account: AccountKey,
    /// What it was.
    pub error: SweepError,
}

impl Failure {
    /// Whether it says something about this Account: a pair that is refused is the trouble of its Account alone.
    #[must_use]
    pub fn concerns(&self, account: &AccountKey) -> bool {
        !self.error.is_refusal() || self.account == *account
    }
}

impl Schedule {
    /// When the list is due, given the interval as it is now; at once if it was never read.
    #[must_use]
    pub fn due(&self, interval: Duration) -> Option<Instant> {
        // Up to a tenth earlier, so that parents do not keep step with each other.
        self.swept
            .map(|(at, fraction)| at + interval.mul_f64(1.0 - fraction / 10.0))
    }

    /// Since when the list is being read.
    #[must_use]
    pub fn reading(&self) -> Option<Instant> {
        self.reading
    }

    /// The last attempt, if it failed.
    #[must_use]
    pub fn failed(&self) -> Option<&Failure> {
        self.failed.as_ref()
    }

    /// The list is being read from now on.
    pub fn begin(&mut self, now: Instant) {
        self.reading = Some(now);
    }

    /// The list was read; `fraction` is a random part of one.
    pub fn swept(&mut self, at: Instant, fraction: f64) {
        *self = Self {
            swept: Some((at, fraction)),
            ..Self::default()
        };
    }

    /// The list could not be read.
    pub fn failed_with(&mut self, failure: Failure) {
        self.reading = None;
        self.failed = Some(failure);
    }
}

#[derive(Debug, Default)]
struct Walks {
    /// A walk is wanted that begins no earlier than this.
    wanted: Option<Instant>,
    /// No walk begins before this, whatever is wanted.
    postponed: Option<Instant>,
    last: Option<Arc<Walk>>,
}

/// Who has been answered 404 for an account alone waits for a list that was begun since.
#[derive(Debug, Default)]
struct Lists {
    /// A list is wanted that begins no earlier than this.
    wanted: Option<Instant>,
    /// No list begins before this only because it is wanted.
    postponed: Option<Instant>,
    /// When the newest list was begun that was held against what there should be.
    judged: Option<Instant>,
}

impl Parent {
    /// A parent of which nothing is known yet.
    #[must_use]
    pub fn new(id: ParentAuthId, generation: Generation, gate: Arc<Gate>) -> Self {
        Self {
            id,
            generation,
            gate,
            schedule: Mutex::default(),
            roster: Mutex::new(Roster::new(generation)),
            walks: Mutex::default(),
            lists: Mutex::default(),
            deletions: Mutex::default(),
            breaker: Mutex::default(),
            addressing: Mutex::default(),
        }
    }

    /// The list as last read and changed by our own calls. Held briefly: never across an await.
    pub fn roster(&self) -> MutexGuard<'_, Roster> {
        self.roster.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// When the list is read. Held briefly: never across an await.
    pub fn schedule(&self) -> MutexGuard<'_, Schedule> {
        self.schedule.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Holds creates and deletions back while too many accounts read absent. Held briefly: never across an await.
    pub fn breaker(&self) -> MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How requests about an account reach it.
    #[must_use]
    pub fn ways(&self, id: &AuthId) -> Ways {
        let other = self.roster().other_id(id);
        self.addressing().ways(id, other)
    }

    /// Folds in whether an account was found there. One that has a single id shows nothing about the others.
    pub fn learn(&self, way: &Address, found: bool) {
        let has_two = self.roster().other_id(&way.auth_id).is_some();
        if has_two {
            self.addressing().learn(way, found);
        }
    }

    /// Asks for a walk that begins no earlier than `not_before`; the Account's next pass makes it.
    pub fn request_walk(&self, not_before: Instant) {
        let mut walks = self.walks();
        walks.wanted = Some(walks.wanted.map_or(not_before, |known| known.max(not_before)));
    }

    /// A walk came to nothing: the next one waits until then, whoever asks for it.
    pub fn postpone_walk(&self, until: Instant) {
        self.walks().postponed = Some(until);
    }

    /// When a wanted walk may begin.
    #[must_use]
    pub fn wanted_walk(&self) -> Option<Instant> {
        let walks = self.walks();
        let wanted = walks.wanted?;
        Some(walks.postponed.map_or(wanted, |until| wanted.max(until)))
    }

    /// Takes over a complete walk; it serves every request that it did not begin too early for.
    pub fn walked(&self, walk: Walk) {
        let mut walks = self.walks();
        walks.wanted = walks.wanted.filter(|not_before| *not_before > walk.begun);
        walks.postponed = None;
        walks.last = Some(Arc::new(walk));
    }

    /// Asks for a list that begins no earlier than `not_before`; the Account's next pass reads it. Many share one.
    pub fn request_list(&self, not_before: Instant) {
        let mut lists = self.lists();
        lists.wanted = Some(lists.wanted.map_or(not_before, |known| known.max(not_before)));
    }

    /// A list was read because it was wanted: those who want one meanwhile share the next.
    pub fn postpone_list(&self, until: Instant) {
        self.lists().postponed = Some(until);
    }

    /// The newest list was held against what there should be, and the breaker has heard of it.
    pub fn judge_list(&self) {
        let begun = self.roster().swept_at();
        self.lists().judged = begun;
    }

    /// When the newest list was begun whose silence about an account counts; none while so much is missing in it that it may lie.
    #[must_use]
    pub fn believed_list(&self) -> Option<Instant> {
        let judged = self.lists().judged;
        judged.filter(|_| !self.breaker().is_open())
    }

    /// Whether a list was begun since then whose silence about an account counts.
    #[must_use]
    pub fn has_list_since(&self, since: Instant) -> bool {
        self.believed_list().is_some_and(|begun| begun >= since)
    }

    /// When a wanted list may begin; none if none is wanted that was not begun and judged already.
    #[must_use]
    pub fn wanted_list(&self) -> Option<Instant> {
        let lists = self.lists();
        let wanted = lists
            .wanted
            .filter(|wanted| lists.judged.is_none_or(|begun| begun < *wanted))?;
        Some(lists.postponed.map_or(wanted, |until| wanted.max(until)))
    }

    /// The last complete walk, if it began no earlier than `not_before`.
    #[must_use]
    pub fn walk_since(&self, not_before: Instant) -> Option<Arc<Walk>> {
        self.walks().last.clone().filter(|walk| walk.begun >= not_before)
    }

    /// Accounts whose marker is of this installation and series and `is_void`, as the list or the last walk showed them.
    pub fn leftovers(
        &self,
        installation: Installation,
        series: Series,
        is_void: impl Fn(&Marker) -> bool,
    ) -> HashSet<AuthId> {
        let is_void = |marker: &Marker| marker.installation == installation && is_void(marker);
        let mut found: HashSet<AuthId> = self
            .roster()
            .of_series(series)
            .filter(|(marker, _)| is_void(marker))
            .map(|(_, id)| id.clone())
            .collect();
        let epoch = |epoch| Marker {
            installation,
            series,
            epoch,
        };
        if let Some(walk) = self.walks().last.clone() {
            let walked = walk.marked.range(epoch(0)..=epoch(u32::MAX));
            let void = walked.filter(|(marker, _)| is_void(marker));
            found.extend(void.flat_map(|(_, ids)| ids.iter().cloned()));
        }
        found
    }

    /// A leftover was deleted: the walk that showed it is no longer clean, and the next one starts over.
    pub fn forget(&self, id: &AuthId) {
        self.roster().forget(id);
        self.walks().last = None;
    }

    fn addressing(&self) -> MutexGuard<'_, Addressing> {
        self.addressing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lists(&self) -> MutexGuard<'_, Lists> {
        self.lists.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn walks(&self) -> MutexGuard<'_, Walks> {
        self.walks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::parent::breaker::Absence;
    use crate::account::parent::bucket::Limit;
    use crate::clock::now;
    use std::collections::BTreeMap;
    use std::num::NonZeroU32;

    const MINUTE: Duration = Duration::from_mins(1);

    fn parent() -> Parent {
        let limit = Limit {
            requests_per_second: NonZeroU32::MIN,
            burst: NonZeroU32::MIN,
        };
        let id = ParentAuthId::parse("MA_PARENT").unwrap();
        Parent::new(id, Generation::Gen2, Arc::new(Gate::new(limit)))
    }

    fn walk(begun: Instant) -> Walk {
        Walk {
            begun,
            marked: BTreeMap::new(),
        }
    }

    #[test]
    fn a_walk_serves_all_who_asked_for_one_that_begins_no_later() {
        let (parent, start) = (parent(), now());
        parent.request_walk(start);
        parent.request_walk(start + MINUTE);
        assert_eq!(parent.wanted_walk(), Some(start + MINUTE));
        parent.walked(walk(start));
        assert_eq!(parent.wanted_walk(), Some(start + MINUTE), "it began too early");
        parent.walked(walk(start + MINUTE));
        assert_eq!(parent.wanted_walk(), None);
    }

    #[test]
    fn a_list_that_was_begun_in_time_serves_everybody_who_wants_one_and_the_next_is_shared() {
        let (parent, start) = (parent(), now());
        assert_eq!(parent.wanted_list(), None);
        parent.request_list(start);
        parent.request_list(start + MINUTE);
        assert_eq!(parent.wanted_list(), Some(start + MINUTE));
        parent.roster().replace([], start);
        parent.judge_list();
        assert_eq!(parent.wanted_list(), Some(start + MINUTE), "it began too early");
        parent.roster().replace([], start + MINUTE);
        assert_eq!(
            parent.wanted_list(),
            Some(start + MINUTE),
            "nobody knows yet whether it lies"
        );
        parent.judge_list();
        assert_eq!(parent.wanted_list(), None);
        parent.postpone_list(start + MINUTE * 3);
        parent.request_list(start + MINUTE * 2);
        assert_eq!(
            parent.wanted_list(),
            Some(start + MINUTE * 3),
            "others may want it too"
        );
    }

    #[test]
    fn a_list_that_shows_almost_nobody_is_not_believed() {
        let (parent, start) = (parent(), now());
        let absent = (0..4).map(|number| AuthId::parse(&format!("SA_{number}")).unwrap());
        let absence = Absence {
            bound: 4,
            absent: absent.collect(),
        };
        parent.roster().replace([], start);
        assert_eq!(parent.believed_list(), None, "it was not looked at yet");
        parent.breaker().look(&absence);
        parent.judge_list();
        assert_eq!(parent.believed_list(), None);
        assert!(!parent.has_list_since(start));
        parent.breaker().look(&Absence::default());
        assert_eq!(parent.believed_list(), Some(start));
        assert!(parent.has_list_since(start) && !parent.has_list_since(start + MINUTE));
    }

    #[test]
    fn a_walk_that_came_to_nothing_puts_off_the_next_until_one_succeeds() {
        let (parent, start) = (parent(), now());
        parent.request_walk(start);
        parent.postpone_walk(start + MINUTE);
        parent.request_walk(start + MINUTE / 2);
        assert_eq!(parent.wanted_walk(), Some(start + MINUTE));
        parent.walked(walk(start + MINUTE));
        assert_eq!(parent.wanted_walk(), None, "nobody wants one any more");
        parent.request_walk(start + MINUTE / 2 * 3);
        assert_eq!(parent.wanted_walk(), Some(start + MINUTE / 2 * 3));
    }
}
