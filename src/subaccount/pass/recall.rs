//! What this process did and found out in earlier passes, and need not do or ask again. I/O (none of its own: reads what is
//! remembered).

use super::Pass;
use crate::crd::Subaccount;
use crate::subaccount::facts::{Made, Remote};
use crate::subaccount::store::record::Phase;
use crate::subaccount::wish;

impl Pass<'_> {
    /// A pair that this process made and could not store: it comes before everything else.
    pub(super) fn take_held(&mut self) -> bool {
        let Some(held) = self.context.held_pairs.get(&self.uid) else {
            return false;
        };
        self.record_name = held.record_name;
        self.facts.record = held.record.ledger.fact(false, true);
        self.record = Some((held.record, held.secret));
        self.made = Some(held.pair);
        self.facts.made = Made::Pair;
        true
    }

    /// Whether a person asked for a look that was not taken yet. The status may not say so because it cannot be written.
    pub(super) fn is_requested(&self, object: &Subaccount) -> bool {
        let Some(request) = wish::pending_request(object) else {
            return false;
        };
        self.context.memory.with(&self.uid, |remembered| {
            remembered.request_handled.as_deref() != Some(request)
        })
    }

    /// What this process proved about the account of a Record that has come to its end need not be proved again, however often
    /// the last write to Kubernetes is refused.
    pub(super) fn recall_proofs(&mut self) {
        let Some((record, _)) = &self.record else { return };
        let (Some(id), Remote::Unknown) = (record.auth_id(), self.facts.remote) else {
            return;
        };
        let (gone, disabled) = self.context.memory.with(&self.uid, |remembered| {
            (
                remembered.proved_gone.as_ref() == Some(id),
                remembered.shown_disabled.as_ref() == Some(id),
            )
        });
        match record.ledger.phase {
            Phase::Closed if gone => self.facts.remote = Remote::Gone,
            // A late update of somebody who was held up may have enabled it again: the list shows it.
            Phase::Kept if disabled && !self.remote_account().is_some_and(|account| account.enabled) => {
                self.facts.remote = Remote::Matches;
            }
            _ => {}
        }
    }

    /// Remembers what was proved about the account of a Record that has come to its end.
    pub fn remember_proofs(&self) {
        let Some((record, _)) = &self.record else { return };
        let id = record.auth_id().cloned();
        self.context.memory.with(&self.uid, |remembered| {
            match (record.ledger.phase, self.facts.remote) {
                (Phase::Closed, Remote::Gone) => remembered.proved_gone = id,
                (Phase::Kept, Remote::Matches) => remembered.shown_disabled = id,
                _ => {}
            }
        });
    }
}
