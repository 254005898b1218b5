//! When the user's Secret is compared with the Record again. I/O (reads the clock; no request).

use super::{Pass, now};
use std::time::{Duration, Instant};

impl Pass<'_> {
    pub(super) fn secret_is_due(&self) -> bool {
        let suspect = self
            .context
            .memory
            .with(&self.uid, |remembered| remembered.secret_suspect);
        suspect || self.secret_due_at() <= now()
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
        let checked = self
            .context
            .memory
            .with(&self.uid, |remembered| remembered.secret_checked);
        match checked {
            Some(checked) => checked + interval,
            None => self.working_since() + interval.mul_f64(spread(&self.uid)),
        }
    }
}

/// A fixed fraction for each uid, so that what comes due after a restart is spread over the interval.
fn spread(uid: &str) -> f64 {
    let hash = uid.bytes().fold(0u32, |hash, byte| {
        hash.wrapping_mul(31).wrapping_add(u32::from(byte))
    });
    f64::from(hash % 1000) / 1000.0
}
