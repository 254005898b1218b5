//! Accounts for which Vobiz answers 404: gone only if a list that was begun since does not show them either. I/O (reads the clock
//! and the roster; no request).
//!
//! A gateway that has lost its way to single accounts answers 404 for each of them, while the list is well.

use super::{Pass, now};
use crate::account::access::Access;
use crate::subaccount::facts::Remote;
use crate::vobiz::{self, AuthId};
use std::time::Instant;

/// What a list says about an account for which Vobiz answered 404.
#[derive(Clone, Debug)]
pub enum Listed {
    /// No list was begun since.
    Unread,
    /// It does not show it either: it is gone.
    Absent,
    /// It shows it: the way to it is lost.
    Shown(Box<vobiz::Subaccount>),
}

impl Pass<'_> {
    /// Vobiz has just answered 404 for this account.
    #[must_use]
    pub fn note_missing(&self, access: &Access, id: &AuthId) -> Listed {
        let note = |remembered: &mut super::super::memory::Remembered| remembered.note_missing(id, now());
        self.context.memory.with(&self.uid, note);
        self.listed(access, id)
    }

    /// What has become of an account for which Vobiz answered 404 in this pass or in an earlier one.
    pub(super) fn refresh_missing(&mut self) {
        let (Remote::Unknown | Remote::Missing, Some(id)) = (self.facts.remote, self.auth_id()) else {
            return;
        };
        let is_missing = self
            .context
            .memory
            .with(&self.uid, |remembered| remembered.missing_since(&id).is_some());
        if !is_missing {
            return;
        }
        let listed = self.access().map(|access| self.listed(&access, &id));
        self.facts.remote = match listed {
            None | Some(Listed::Unread) => Remote::Missing,
            Some(Listed::Absent) => Remote::Gone,
            // It is asked for again.
            Some(Listed::Shown(_)) => Remote::Unknown,
        };
        self.remember_proofs();
    }

    /// The moment from which a list tells what has become of the account for which Vobiz answered 404.
    #[must_use]
    pub fn missing_since(&self) -> Instant {
        let asked = self.auth_id().or_else(|| self.expected_id());
        asked
            .and_then(|id| {
                self.context
                    .memory
                    .with(&self.uid, |remembered| remembered.missing_since(&id))
            })
            .unwrap_or_else(now)
    }

    fn listed(&self, access: &Access, id: &AuthId) -> Listed {
        self.context.memory.with(&self.uid, |remembered| {
            let Some(since) = remembered.missing_since(id) else {
                return Listed::Unread;
            };
            let roster = access.parent.roster();
            if roster.swept_at().is_none_or(|begun| begun < since) {
                return Listed::Unread;
            }
            remembered.forget_missing();
            match roster.get(id) {
                Some(account) => Listed::Shown(Box::new(account.clone())),
                None => Listed::Absent,
            }
        })
    }
}
