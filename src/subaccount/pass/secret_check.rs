//! When the user's Secret is compared with the Record again. I/O (reads the clock; no request).

use super::Pass;
use crate::clock::now;
use crate::controller::contest::{Part, Ruling};
use crate::crd::condition::{ConditionStatus, ConditionType, find};
use crate::subaccount::known::KnownSecret;
use crate::subaccount::tell::contested;
use crate::subaccount::tell::rows::SECRET_PROBE;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

impl Pass<'_> {
    pub(super) fn secret_is_due(&self) -> bool {
        let is_suspect = self.remembered(|remembered| remembered.secret_suspect);
        is_suspect || self.is_unpublished() || self.secret_due_at() <= now()
    }

    /// Whether the last that was told of the Secret is that something is wrong with it.
    fn is_unpublished(&self) -> bool {
        let status = self.object().and_then(|object| object.status.as_ref());
        let published =
            status.and_then(|status| find(&status.conditions, ConditionType::CredentialsPublished));
        published.is_some_and(|published| published.status != ConditionStatus::True.as_str())
    }

    /// When the user's Secret is to be looked at next.
    #[must_use]
    pub fn secret_due_in(&self) -> Duration {
        let left = self.secret_due_at().saturating_duration_since(now());
        left.max(Duration::from_millis(100))
    }

    fn secret_due_at(&self) -> Instant {
        let interval = self.context.times.secret_check_interval;
        let (checked, contested) =
            self.remembered(|remembered| (remembered.secret_checked, remembered.contest.until()));
        match (contested, checked) {
            // Whoever changed it once may do it again.
            (Some(until), _) => until,
            (None, Some(checked)) => checked + interval,
            // Since its first pass: it may have stood by for long before.
            (None, None) => {
                *self.context.working_since.get_or_init(now) + interval.mul_f64(spread(&self.uid))
            }
        }
    }

    /// The user's Secret is not as it should be. Whether it is put back now; not the first few times that somebody insists on
    /// something else, but ever more rarely after that.
    #[must_use]
    pub fn rule_on_secret(&self, name: &str, changed: BTreeSet<Part>) -> Ruling {
        self.remembered(|remembered| {
            let ruling = remembered.contest.found(name, changed, now());
            if ruling == Ruling::Hold {
                remembered.secret_suspect = false;
            }
            ruling
        })
    }

    /// The user's Secret was put back.
    pub fn note_repair(&self) {
        let longest = self.context.times.secret_check_interval;
        let step = SECRET_PROBE.min(longest);
        self.remembered(|remembered| remembered.contest.repaired(now(), step, longest));
    }

    /// The user's Secret is as it should be now.
    pub fn note_good_secret(&mut self) {
        self.remembered(|remembered| {
            remembered.secret_checked = Some(now());
            remembered.secret_suspect = false;
            remembered.contest.good(now());
        });
        self.take_secret_for_good();
    }

    /// The user's Secret stays as it is for now. Where the pair is what somebody keeps changing, nobody can rely on it although it
    /// is there at times.
    pub fn take_secret_for_good(&mut self) {
        let is_of_data = self.remembered(|remembered| remembered.contest.is_of_data());
        self.known.secret = if is_of_data {
            KnownSecret::Contested
        } else {
            KnownSecret::Good
        };
    }

    /// What is told of somebody who keeps changing the user's Secret.
    #[must_use]
    pub fn told_of_contest(&self) -> Option<String> {
        self.remembered(|remembered| {
            let contest = &remembered.contest;
            contest.is_told().then(|| contested(contest))
        })
    }
}

/// A fixed fraction for each uid, so that what comes due after a restart is spread over the interval.
fn spread(uid: &str) -> f64 {
    let hash = uid.bytes().fold(0u32, |hash, byte| {
        hash.wrapping_mul(31).wrapping_add(u32::from(byte))
    });
    f64::from(hash % 1000) / 1000.0
}
