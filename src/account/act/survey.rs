//! Has the list of the parent account read when it is due, and looks at what it does not show. I/O.

use crate::account::access::Access;
use crate::account::act::sweep::{WALK_ATTEMPTS, Walked, sweep, walk};
use crate::account::context::Dependents;
use crate::account::parent::Failure;
use crate::account::parent::listing::SweepError;
use crate::account::pass::AccountPass;
use crate::account::store::registry::{Registry, Snapshot};
use crate::clock::now;
use crate::crd::CONFIRM_MASS_DELETION_ANNOTATION;
use crate::dice::random;
use crate::vobiz::Generation;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The shortest and the longest pause before a walk is tried again whose list kept changing.
const SHORTEST_PAUSE: Duration = Duration::from_secs(10);
const LONGEST_PAUSE: Duration = Duration::from_mins(5);

/// The shortest pause between two lists that are read only because they are wanted.
const SHORTEST_LIST_PAUSE: Duration = Duration::from_secs(1);

/// Pairs of lists that are compared for deletions alone: others hold no list still for us, and each deletion can be asked for by itself.
const PROOF_ATTEMPTS: u32 = 2;

/// So many of the accounts that a walk proves gone are asked for by themselves before it is believed: whether too much is missing in it is
/// judged by living objects alone.
const CONFIRMED: usize = 3;

/// The pause after a walk that took so long and came to nothing: while thousands of accounts come and go, walks take a
/// tenth of the time, or take the place of the sweeps where those are closer together. An end of the coming and going is
/// noticed within minutes.
fn pause_after(took: Duration, shortest: Duration, interval: Duration) -> Duration {
    let longest = LONGEST_PAUSE.min(interval * 9 / 10);
    (took * 9).max(shortest).min(longest)
}

/// The pause after a list of another generation than the Account's that could not be read: it may be served no more.
const MARKS_PAUSE: Duration = Duration::from_secs(30);

/// How it is with the list.
pub(super) enum Survey {
    /// It is being read since then. Its end wakes every Account of the parent.
    UnderWay(Instant),
    /// The last attempt failed, and this Account has not told it yet.
    Failed(Failure),
    /// It is due after this time.
    Due(Duration),
}

impl AccountPass<'_> {
    /// How it is with the list. Has it read, if it is due, or walked, if a walk is wanted and may begin.
    pub(super) fn survey(&self, access: &Access, interval: Duration, known: Option<&Snapshot>) -> Survey {
        let marks = self.survey_marks(access, interval);
        if access.parent.let_go_of_proofs() {
            self.context.dependents.listed(&access.parent.id);
        }
        let mut schedule = access.parent.schedule();
        if let Some(since) = schedule.reading() {
            return Survey::UnderWay(since);
        }
        let told = known.and_then(|known| known.failed);
        let news = |failure: &&Failure| failure.concerns(&self.key) && told != Some(failure.at);
        if let Some(failure) = schedule.failed().filter(news) {
            return Survey::Failed(failure.clone());
        }
        let now = now();
        let proof = access.parent.is_proof_wanted().then_some(now);
        let wanted = [access.parent.wanted_walk(), access.parent.wanted_list(), proof];
        let due = [schedule.due(interval)].into_iter().chain(wanted).flatten().min();
        let is_read = schedule.due(interval).is_some();
        if let Some(due) = due.filter(|due| is_read && *due > now) {
            let due = marks.map_or(due, |marks| due.min(marks));
            return Survey::Due(due.saturating_duration_since(now));
        }
        schedule.begin(now);
        drop(schedule);
        self.read(access.clone(), interval);
        Survey::UnderWay(now)
    }

    /// Attempts that were made under a newer generation of the API than the Account uses carry their marker where only its own list shows
    /// it. Has that list walked, if a walk is wanted and may begin. When one may, if not yet.
    fn survey_marks(&self, access: &Access, interval: Duration) -> Option<Instant> {
        if access.generation == Generation::Gen2 {
            return None;
        }
        let newer = self.context.registry.under(access, Generation::Gen2);
        let wanted = newer.parent.wanted_walk()?;
        let mut schedule = newer.parent.schedule();
        if schedule.reading().is_some() {
            return None;
        }
        // The Account's own list is well; those who wait say what they wait for.
        let failed = schedule.failed().map(|failure| failure.at + MARKS_PAUSE);
        let (due, now) = (failed.map_or(wanted, |pause| pause.max(wanted)), now());
        if due > now {
            return Some(due);
        }
        schedule.begin(now);
        drop(schedule);
        self.read(newer, interval);
        None
    }

    fn read(&self, access: Access, interval: Duration) {
        let reader = Reader {
            access,
            interval,
            registry: Arc::clone(&self.context.registry),
            dependents: Arc::clone(&self.context.dependents),
        };
        self.context.errands.send(reader.run());
    }

    /// True if a person has just confirmed that the missing accounts are gone.
    pub(super) fn confirm_mass_deletion(&self, access: &Access) -> bool {
        let annotations = self.account.metadata.annotations.as_ref();
        let token = annotations.and_then(|annotations| annotations.get(CONFIRM_MASS_DELETION_ANNOTATION));
        let confirmed = token.is_some_and(|token| access.parent.breaker().confirm(token));
        if confirmed {
            self.context.registry.wake_accounts_of(&access.parent.id);
        }
        confirmed
    }
}

/// Reads the list once, for all Accounts of the parent.
struct Reader {
    access: Access,
    interval: Duration,
    registry: Arc<Registry>,
    dependents: Arc<dyn Dependents>,
}

impl Reader {
    async fn run(self) {
        let result = self.read().await;
        let parent = &self.access.parent;
        let account = &self.access.account;
        match result {
            Ok(()) => parent.schedule().swept(now(), random()),
            Err(error) => {
                if parent.deletions().failed(now()) {
                    self.dependents.listed(&parent.id);
                }
                if error.is_refusal() {
                    // Another Account's pair may read the list before this one's pass could tell.
                    self.registry.doubts.doubt_pair(account);
                }
                parent.schedule().failed_with(Failure {
                    at: now(),
                    account: account.clone(),
                    error,
                });
            }
        }
        self.registry.wake_accounts_of(&parent.id);
    }

    async fn read(&self) -> Result<(), SweepError> {
        let access = &self.access;
        let begun = now();
        let wanted_walk = access.parent.wanted_walk();
        let is_for_fences = wanted_walk.is_some_and(|not_before| not_before <= begun);
        let is_for_deletions = access.parent.is_proof_worth_it();
        let walked = match (is_for_fences, is_for_deletions) {
            (false, false) => {
                let is_wanted = access.parent.wanted_list().is_some();
                sweep(access).await?;
                if is_wanted {
                    let ended = now();
                    let pause = pause_after(ended - begun, SHORTEST_LIST_PAUSE, self.interval);
                    access.parent.postpone_list(ended + pause);
                }
                None
            }
            (true, false) => walk(access, WALK_ATTEMPTS).await?,
            (_, true) => {
                let _holding = access.parent.gate.hold_deletions();
                walk(access, PROOF_ATTEMPTS).await?
            }
        };
        let is_whole = walked.is_some() || !(is_for_fences || is_for_deletions);
        if is_for_fences && !is_whole {
            // Accounts come and go, perhaps by our own hand: those who wait for a walk wait a little longer.
            let ended = now();
            let pause = pause_after(ended - begun, SHORTEST_PAUSE, self.interval);
            access.parent.postpone_walk(ended + pause);
        }
        // Nobody acts on what the list does not show before it is known whether that is too much to be true.
        let looked = self.look_for_absence().await;
        if is_for_deletions {
            self.prove(walked.filter(|_| looked.is_ok())).await;
        }
        if is_whole || is_for_deletions {
            self.dependents.listed(&access.parent.id);
        }
        looked
    }

    /// What the walk proves of deletions; where too much is missing in it, as little as where there was none.
    async fn prove(&self, walked: Option<Walked>) {
        let parent = &self.access.parent;
        let believed = match walked.filter(|_| !parent.breaker().is_open()) {
            Some(walked) if self.is_confirmed(&walked).await => Some(walked),
            _ => None,
        };
        let mut deletions = parent.deletions();
        match believed {
            Some(walked) => deletions.prove(walked.begun, &walked.shown, now()),
            None => deletions.give_up(now()),
        }
    }

    /// Whether Vobiz says the same of some accounts that the walk says of all.
    async fn is_confirmed(&self, walked: &Walked) -> bool {
        let access = &self.access;
        let sample = access
            .parent
            .deletions()
            .sample(walked.begun, &walked.shown, CONFIRMED);
        for id in sample {
            match access.get(access.generation, &id).await {
                Ok(None) => {}
                Ok(Some(_)) => {
                    tracing::warn!(auth_id = %id, "the list does not show an account that is there: it proves no deletion");
                    return false;
                }
                Err(_) => return false,
            }
        }
        true
    }

    /// Pages shift while accounts come and go: what one list does not show, a second one must not show either.
    async fn look_for_absence(&self) -> Result<(), SweepError> {
        let access = &self.access;
        let mut absence = self.dependents.absence(access);
        if access.parent.breaker().would_open(&absence) {
            sweep(access).await?;
            absence = absence.confirmed_by(&self.dependents.absence(access));
        }
        access.parent.breaker().look(&absence);
        access.parent.judge_list();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_walk_that_came_to_nothing_rests_nine_times_as_long_as_it_took_but_no_longer_than_a_sweep_or_five_minutes()
     {
        let pause = |took, interval| {
            pause_after(
                Duration::from_secs(took),
                SHORTEST_PAUSE,
                Duration::from_secs(interval),
            )
            .as_secs()
        };
        assert_eq!(pause(0, 300), 10, "a short list is tried again soon");
        assert_eq!(pause(15, 300), 135);
        assert_eq!(pause(60, 300), 270, "the walk is due before the sweep");
        assert_eq!(pause(600, 3600), 300, "who waits for it waits minutes, not hours");
        assert_eq!(pause(0, 10), 9, "the shortest interval");
    }
}
