//! What the account at Vobiz shows, against what it should, whether it is there at all, and what this process has proved of it. I/O
//! (reads the clock, the roster and what is remembered; no request).
//!
//! A gateway that has lost its way to single accounts answers 404 for each of them, while the list is well: an account for which Vobiz
//! answers 404 is gone only if a list that was begun since does not show it either.

use super::Pass;
use crate::account::access::Access;
use crate::clock::now;
use crate::crd::Subaccount;
use crate::subaccount::desired::Desired;
use crate::subaccount::known::KnownSecret;
use crate::subaccount::store::memory::Remembered;
use crate::subaccount::store::record::Phase;
use crate::subaccount::tell::rows::STALLED_PROBE;
use crate::vobiz::{self, AuthId, Fields};
use std::time::Instant;
use vobiz_protocol::facts::{Object, Remote};

/// Updates of one account in one pass: more of them, and it is not the value that is missing.
const UPDATES_PER_PASS: u32 = 3;

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
    /// A person who edits the spec, or asks for a look, has creates tried again that were answered with no pair.
    pub(super) fn refresh_unusable(&self) {
        let changed = !self.known.applied && self.object().is_some_and(seen_another_generation);
        if changed || self.is_requested() {
            self.remembered(Remembered::forget_unusable);
        }
    }

    pub(super) fn is_unusable(&self, now: Instant) -> bool {
        self.remembered(|remembered| remembered.is_unusable(now, STALLED_PROBE))
    }

    pub(super) fn refresh_remote(&mut self) {
        let undecided = matches!(
            self.known.remote,
            Remote::Unknown | Remote::Unlisted | Remote::Matches | Remote::Differs
        );
        if !undecided || self.known.life != Object::Live {
            return;
        }
        let (Some(id), Some(access)) = (self.auth_id(), self.access()) else {
            return;
        };
        let roster = access.parent.roster();
        let account = roster.get(&id).cloned();
        let known = roster.is_known();
        drop(roster);
        self.known.remote = match account {
            Some(account) => self.compare(&account),
            None if known => Remote::Unlisted,
            None => Remote::Unknown,
        };
        // Whoever changed the one may have changed the other, and the pass has work anyway.
        if matches!(self.known.remote, Remote::Differs | Remote::Unlisted)
            && matches!(self.known.secret, KnownSecret::NotDue)
        {
            self.known.secret = KnownSecret::Unread;
        }
    }

    /// What the spec asks for, with what is known of the permissions that an account has from its parent.
    pub(super) fn inheriting(&self, desired: Desired) -> Desired {
        let (Some(id), Some(access), asked @ Some(_)) =
            (self.auth_id(), self.access(), desired.permissions())
        else {
            return desired;
        };
        let inherited = access.parent.roster().inherited(&id, asked, self.known.applied);
        desired.inheriting(inherited)
    }

    /// What the account shows, against what it should.
    #[must_use]
    pub fn compare(&self, account: &vobiz::Subaccount) -> Remote {
        let differing = self.differing(account);
        if differing.is_empty() {
            return Remote::Matches;
        }
        let is_stubborn = self.remembered(|remembered| remembered.is_stubborn(&differing));
        if is_stubborn || self.known.updates >= UPDATES_PER_PASS {
            Remote::Stubborn
        } else {
            Remote::Differs
        }
    }

    /// The account as last seen, by any pass.
    #[must_use]
    pub fn remote_account(&self) -> Option<vobiz::Subaccount> {
        self.access()?.parent.roster().get(&self.auth_id()?).cloned()
    }

    /// In what the account is not as it should be, its marker apart.
    #[must_use]
    pub fn differing(&self, account: &vobiz::Subaccount) -> Fields {
        let target = self.target();
        target.map_or_else(Fields::default, |target| target.changes(account, None))
    }

    /// What is sent to make the account as it should be.
    #[must_use]
    pub fn changes(&self, account: &vobiz::Subaccount) -> Fields {
        let record = self.known.record();
        let marker = record.and_then(|record| record.mark(self.context.installation));
        let target = self.target();
        target.map_or_else(Fields::default, |target| target.changes(account, marker.as_ref()))
    }

    /// What an account that the Record names should show: as the spec says, or disabled for good.
    #[must_use]
    pub fn target(&self) -> Option<Desired> {
        match (self.known.record(), self.generation()) {
            (Some(record), Some(generation)) if record.ledger.phase == Phase::Kept => {
                Some(Desired::disabled(generation))
            }
            _ => self.desired.clone().and_then(Result::ok),
        }
    }

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

    /// What this process proved about the account of a Record that has come to its end need not be proved again, however often
    /// the last write to Kubernetes is refused.
    pub(super) fn recall_proofs(&mut self) {
        let Some(record) = self.known.record() else { return };
        let (Some(id), Remote::Unknown) = (record.auth_id(), self.known.remote) else {
            return;
        };
        let is = |proved: &Option<AuthId>| proved.as_ref() == Some(id);
        let (gone, disabled) =
            self.remembered(|remembered| (is(&remembered.proved_gone), is(&remembered.shown_disabled)));
        match record.ledger.phase {
            Phase::Closed if gone => self.known.remote = Remote::Gone,
            // A late update of somebody who was held up may have enabled it again: the list shows it.
            Phase::Kept if disabled && !self.remote_account().is_some_and(|account| account.is_enabled()) => {
                self.known.remote = Remote::Matches;
            }
            _ => {}
        }
    }

    /// Remembers what was proved about the account of a Record that has come to its end.
    pub fn remember_proofs(&self) {
        let Some(record) = self.known.record() else { return };
        let id = record.auth_id().cloned();
        self.remembered(|remembered| match (record.ledger.phase, self.known.remote) {
            (Phase::Closed, Remote::Gone) => remembered.proved_gone = id,
            (Phase::Kept, Remote::Matches) => remembered.shown_disabled = id,
            _ => {}
        });
    }
}

fn seen_another_generation(object: &Subaccount) -> bool {
    object.status.as_ref().is_some_and(|status| {
        status.observed_generation >= 0 && Some(status.observed_generation) != object.metadata.generation
    })
}
