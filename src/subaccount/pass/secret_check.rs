//! When the user's Secret is compared with the Record again. I/O (reads the clock; no request).

use super::Pass;
use crate::clock::now;
use crate::crd::condition::{ConditionStatus, ConditionType, find};
use crate::subaccount::contest::{Change, Contest, Ruling};
use crate::subaccount::known::KnownSecret;
use crate::subaccount::tell::contested;
use crate::subaccount::tell::pause::SECRET_PROBE;
use std::time::{Duration, Instant};

impl Pass<'_> {
    pub(super) fn secret_is_due(&self) -> bool {
        let suspect = self
            .context
            .memory
            .with(&self.uid, |remembered| remembered.secret_suspect);
        suspect || self.is_unpublished() || self.secret_due_at() <= now()
    }

    /// Whether the last that was told of the Secret is that something is wrong with it.
    fn is_unpublished(&self) -> bool {
        let status = self.object().and_then(|object| object.status.as_ref());
        status
            .and_then(|status| find(&status.conditions, ConditionType::CredentialsPublished))
            .is_some_and(|published| published.status != ConditionStatus::True.as_str())
    }

    /// When the user's Secret is to be looked at next.
    #[must_use]
    pub fn secret_due_in(&self) -> Duration {
        self.secret_due_at()
            .saturating_duration_since(now())
            .max(Duration::from_millis(100))
    }

    /// When this process made its first pass: it may have stood by for long before.
    fn working_since(&self) -> Instant {
        *self.context.working_since.get_or_init(now)
    }

    fn secret_due_at(&self) -> Instant {
        let interval = self.context.times.secret_check_interval;
        let (checked, contested) = self.context.memory.with(&self.uid, |remembered| {
            (remembered.secret_checked, remembered.contest.until())
        });
        match (contested, checked) {
            // Whoever changed it once may do it again.
            (Some(until), _) => until,
            (None, Some(checked)) => checked + interval,
            (None, None) => self.working_since() + interval.mul_f64(spread(&self.uid)),
        }
    }

    /// The user's Secret is not as it should be. Whether it is put back now; not the first few times that somebody insists on
    /// something else, but ever more rarely after that.
    #[must_use]
    pub fn rule_on_secret(&self, name: &str, change: Change) -> Ruling {
        self.context.memory.with(&self.uid, |remembered| {
            let ruling = remembered.contest.found(name, change, now());
            if ruling == Ruling::Hold {
                remembered.secret_suspect = false;
            }
            ruling
        })
    }

    /// Whether somebody keeps changing the user's Secret, and nobody asked yet who.
    #[must_use]
    pub fn is_contest_nameless(&self) -> bool {
        self.context
            .memory
            .with(&self.uid, |remembered| remembered.contest.is_nameless())
    }

    /// The field manager that keeps changing the user's Secret.
    pub fn name_contest(&self, by: Option<String>) {
        self.context
            .memory
            .with(&self.uid, |remembered| remembered.contest.name(by));
    }

    /// A person has acted: what others insisted on before counts no more.
    pub fn forget_contest(&self) {
        self.context
            .memory
            .with(&self.uid, |remembered| remembered.contest = Contest::default());
    }

    /// The user's Secret was put back.
    pub fn note_repair(&self) {
        let longest = self.context.times.secret_check_interval;
        self.context.memory.with(&self.uid, |remembered| {
            remembered
                .contest
                .repaired(now(), SECRET_PROBE.min(longest), longest);
        });
    }

    /// The user's Secret is as it should be now.
    pub fn note_good_secret(&mut self) {
        self.context.memory.with(&self.uid, |remembered| {
            remembered.secret_checked = Some(now());
            remembered.secret_suspect = false;
            remembered.contest.good(now());
        });
        self.take_secret_for_good();
    }

    /// The user's Secret stays as it is for now. Where the pair is what somebody keeps changing, nobody can rely on it although it
    /// is there at times.
    pub fn take_secret_for_good(&mut self) {
        let is_of_pair = self
            .context
            .memory
            .with(&self.uid, |remembered| remembered.contest.is_of_pair());
        self.known.secret = if is_of_pair {
            KnownSecret::Contested
        } else {
            KnownSecret::Good
        };
    }

    /// What is told of somebody who keeps changing the user's Secret.
    #[must_use]
    pub fn told_of_contest(&self) -> Option<String> {
        self.context.memory.with(&self.uid, |remembered| {
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
