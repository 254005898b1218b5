//! What the account at Vobiz shows, against what it should. I/O (none of its own: reads the roster).

use super::Pass;
use crate::crd::Subaccount;
use crate::subaccount::desired::Desired;
use crate::subaccount::known::KnownSecret;
use crate::subaccount::store::record::Phase;
use crate::subaccount::tell::pause::STALLED_PROBE;
use crate::vobiz::{self, Fields};
use std::time::Instant;
use vobiz_protocol::facts::{Object, Remote};

/// Updates of one account in one pass: more of them, and it is not the value that is missing.
const UPDATES_PER_PASS: u32 = 3;

impl Pass<'_> {
    /// A person who edits the spec, or asks for a look, has creates tried again that were answered with no pair.
    pub(super) fn refresh_unusable(&self) {
        let changed = !self.known.applied && self.object().is_some_and(seen_another_generation);
        if changed || self.is_requested() {
            self.context.memory.with(
                &self.uid,
                crate::subaccount::store::memory::Remembered::forget_unusable,
            );
        }
    }

    pub(super) fn is_unusable(&self, now: Instant) -> bool {
        self.context
            .memory
            .with(&self.uid, |remembered| remembered.is_unusable(now, STALLED_PROBE))
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
        let Some(target) = self.target() else {
            return Remote::Matches;
        };
        let changes = target.changes(account, None);
        if changes.is_empty() {
            return Remote::Matches;
        }
        let fought = self
            .context
            .memory
            .with(&self.uid, |remembered| remembered.is_stubborn(&changes));
        if fought || self.known.updates >= UPDATES_PER_PASS {
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

    /// Names of the fields in which the account, as last seen, is not as it should be.
    #[must_use]
    pub fn differing(&self) -> Vec<&'static str> {
        let (Some(target), Some(account)) = (self.target(), self.remote_account()) else {
            return Vec::new();
        };
        target.changes(&account, None).names()
    }

    /// What is sent to make the account as it should be.
    #[must_use]
    pub fn changes(&self, account: &vobiz::Subaccount) -> Fields {
        let marker = self
            .known
            .record()
            .map(|record| record.marker(self.context.installation));
        self.target()
            .map(|target| target.changes(account, marker.as_ref()))
            .unwrap_or_default()
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
}

fn seen_another_generation(object: &Subaccount) -> bool {
    object.status.as_ref().is_some_and(|status| {
        status.observed_generation >= 0 && Some(status.observed_generation) != object.metadata.generation
    })
}
