//! Reads the list of the parent account when it is due, and looks at what it does not show. I/O.

use super::{Pass, now};
use crate::account::access::Access;
use crate::account::sweep::{SweepError, sweep, walk};
use crate::crd::CONFIRM_MASS_DELETION_ANNOTATION;
use std::time::Duration;

/// The shortest and the longest pause before a walk is tried again whose list kept changing.
const SHORTEST_PAUSE: Duration = Duration::from_secs(10);
const LONGEST_PAUSE: Duration = Duration::from_mins(5);

/// The pause after a walk that took so long and came to nothing: while thousands of accounts come and go, walks take a
/// tenth of the time, or take the place of the sweeps where those are closer together. An end of the coming and going is
/// noticed within minutes.
fn pause_after(took: Duration, interval: Duration) -> Duration {
    let longest = LONGEST_PAUSE.min(interval * 9 / 10);
    (took * 9).max(SHORTEST_PAUSE).min(longest)
}

impl Pass<'_> {
    /// The list, if it is due, or a walk, if one is wanted and may begin.
    pub(super) async fn survey(&self, access: &Access, interval: Duration) -> Result<Duration, SweepError> {
        let mut schedule = access.parent.sweeping.lock().await;
        let wanted = access.parent.wanted_walk();
        let walk_now = wanted.is_some_and(|not_before| not_before <= now());
        let sweep_now = schedule.due(interval).is_none_or(|due| due <= now());
        if walk_now {
            let begun = now();
            if walk(access).await? {
                self.context.dependents.walked(&access.parent.id);
            } else {
                // Accounts come and go, perhaps by our own hand: those who wait for a walk wait a little longer.
                let ended = now();
                let pause = pause_after(ended - begun, interval);
                access.parent.postpone_walk(ended + pause);
            }
        } else if sweep_now {
            sweep(access).await?;
        }
        if walk_now || sweep_now {
            self.look_for_absence(access).await?;
            #[expect(clippy::disallowed_methods, reason = "sweeps are spread by random bits")]
            schedule.swept(now(), rand::random());
        }
        let walk_due = access.parent.wanted_walk();
        let due = [schedule.due(interval), walk_due]
            .into_iter()
            .flatten()
            .min()
            .unwrap_or_else(now);
        Ok(due.saturating_duration_since(now()))
    }

    /// Pages shift while accounts come and go: what one list does not show, a second one must not show either.
    async fn look_for_absence(&self, access: &Access) -> Result<(), SweepError> {
        let mut absence = self.context.dependents.absence(access);
        if access.parent.breaker().would_open(&absence) {
            sweep(access).await?;
            absence = absence.confirmed_by(&self.context.dependents.absence(access));
        }
        if access.parent.breaker().look(&absence) {
            self.context.registry.wake_accounts_of(&access.parent.id);
        }
        Ok(())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_walk_that_came_to_nothing_rests_nine_times_as_long_as_it_took_but_no_longer_than_a_sweep_or_five_minutes()
     {
        let pause =
            |took, interval| pause_after(Duration::from_secs(took), Duration::from_secs(interval)).as_secs();
        assert_eq!(pause(0, 300), 10, "a short list is tried again soon");
        assert_eq!(pause(15, 300), 135);
        assert_eq!(pause(60, 300), 270, "the walk is due before the sweep");
        assert_eq!(pause(600, 3600), 300, "who waits for it waits minutes, not hours");
        assert_eq!(pause(0, 10), 9, "the shortest interval");
    }
}
