//! Accounts for which Vobiz answers 404: gone only if a list that was begun since does not show them either. I/O (reads the clock
//! and the roster; no request).
//!
//! A gateway that has lost its way to single accounts answers 404 for each of them, while the list is well.

use super::Pass;
use crate::account::access::Access;
use crate::clock::now;
use crate::vobiz::{self, AuthId};
use std::time::Instant;
use vobiz_protocol::facts::{Object, Remote};

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
        self.remembered(|remembered| remembered.note_missing(id, now()));
        self.listed(access, id)
    }

    /// What has become of an account for which Vobiz answered 404 in this pass or in an earlier one.
    pub(super) fn refresh_missing(&mut self) {
        let (Remote::Unknown | Remote::Missing, Some(id)) = (self.known.remote, self.auth_id()) else {
            return;
        };
        let is_asked_anew = self.is_asked_anew(&id);
        let is_missing = self.remembered(|remembered| {
            if is_asked_anew {
                remembered.forget_missing();
            }
            remembered.missing_since(&id).is_some()
        });
        if !is_missing {
            return;
        }
        let listed = self.access().map(|access| self.listed(&access, &id));
        self.known.remote = match listed {
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
        let asked = self.auth_id().or_else(|| self.known.expected_id());
        let since = asked.and_then(|id| self.remembered(|remembered| remembered.missing_since(&id)));
        since.unwrap_or_else(now)
    }

    /// What was found out of an account of a living object serves only to go on saying so. Whoever acts on it asks first: a person who
    /// wants a look, or who wants the account made anew or deleted.
    fn is_asked_anew(&self, id: &AuthId) -> bool {
        let is_gone = || self.remembered(|remembered| remembered.is_gone(id));
        match self.known.life {
            Object::Live => self.is_requested() || (self.known.recreates() && is_gone()),
            Object::Deleting => self.known.is_bound(),
            Object::Unseen => false,
        }
    }

    fn listed(&self, access: &Access, id: &AuthId) -> Listed {
        let (begun, shown) = {
            let roster = access.parent.roster();
            (roster.swept_at(), roster.get(id).cloned())
        };
        // A list in which too much is missing tells of nobody that it is gone.
        let is_believed = begun.is_some() && access.parent.believed_list() == begun;
        // Every list wakes the object of an account that it does not show: to ask for that alone each time, and for a list
        // because of the answer, would have no end.
        let lasts = self.known.life == Object::Live && self.known.is_bound() && !self.known.recreates();
        self.remembered(|remembered| {
            let since = remembered.missing_since(id);
            if since.is_none_or(|since| begun.is_none_or(|begun| begun < since)) {
                return Listed::Unread;
            }
            if let Some(account) = shown {
                remembered.forget_missing();
                return Listed::Shown(Box::new(account));
            }
            if !is_believed && !remembered.is_gone(id) {
                return Listed::Unread;
            }
            if lasts {
                remembered.note_gone(id);
            } else {
                remembered.forget_missing();
            }
            Listed::Absent
        })
    }
}
