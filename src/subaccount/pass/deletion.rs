//! What is known of a deletion that was accepted in this pass or in an earlier one, and how it comes to be proved. I/O (reads the roster
//! and what the parent's deletions have come to; no request).

use super::Pass;
use crate::account::parent::deletions::Proof;
use crate::subaccount::store::record::Phase;
use vobiz_protocol::facts::{Object, Remote};

impl Pass<'_> {
    /// An accepted deletion is not sent again by the next pass, and what a walk has shown of it since is its proof.
    pub(super) fn recall_deletion(&mut self) {
        let is_closed = self
            .known
            .record()
            .is_some_and(|record| record.ledger.phase == Phase::Closed);
        let (Remote::Unknown | Remote::Deleted, true) = (self.known.remote, is_closed) else {
            return;
        };
        let (Some(id), Some(access)) = (self.auth_id(), self.access()) else {
            return;
        };
        match access.parent.proof(&id) {
            None => return,
            Some(Proof::Awaited(_) | Proof::Alone(_)) => self.known.remote = Remote::Deleted,
            Some(Proof::Gone(_)) => {
                access.parent.roster().forget(&id);
                access.parent.deletions().forget(&id);
                self.known.remote = Remote::Gone;
            }
        }
        self.remember_proofs();
    }

    /// Whether the walk that is to prove this deletion is still to come.
    #[must_use]
    pub fn waits_for_proof(&self) -> bool {
        let (Some(id), Some(access)) = (self.auth_id(), self.access()) else {
            return false;
        };
        matches!(access.parent.proof(&id), Some(Proof::Awaited(_)))
            && access.parent.shares_proofs(&self.key.namespace)
    }

    /// Whether one walk is to prove this deletion and many others. Whoever has the account made anew does not wait for others.
    pub(super) fn shares_proof(&self) -> bool {
        self.known.remote == Remote::Deleted && self.known.life != Object::Live && self.waits_for_proof()
    }
}
