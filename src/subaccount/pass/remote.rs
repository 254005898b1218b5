//! What the account at Vobiz shows, against what it should, and what this process has proved of it. I/O (none of its own: reads the
//! roster and what is remembered).

use super::Pass;
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
        let marker = record.map(|record| record.marker(self.context.installation));
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
