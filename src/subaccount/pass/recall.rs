//! What this process did and found out in earlier passes, and need not do or ask again. I/O (none of its own: reads what is
//! remembered).

use super::Pass;
use crate::subaccount::known::{KnownRecord, MadePair};
use crate::subaccount::store::record::Phase;
use crate::subaccount::wish;
use vobiz_protocol::facts::Remote;

impl Pass<'_> {
    /// A pair that this process made and could not store: it comes before everything else.
    pub(super) fn take_held(&mut self) -> bool {
        let Some(held) = self.context.held_pairs.get(&self.uid) else {
            return false;
        };
        self.record_name = held.record_name;
        self.known.record = KnownRecord::Read(held.read);
        self.known.made = MadePair::Pair(held.pair);
        true
    }

    /// Whether a person asked for a look that was not taken yet. The status may not say so because it cannot be written.
    #[must_use]
    pub fn is_requested(&self) -> bool {
        let asked = self.object().filter(|_| !self.known.asked.account);
        let Some(request) = asked.and_then(wish::pending_request) else {
            return false;
        };
        self.context.memory.with(&self.uid, |remembered| {
            remembered.request_handled.as_deref() != Some(request)
        })
    }

    /// What this process proved about the account of a Record that has come to its end need not be proved again, however often
    /// the last write to Kubernetes is refused.
    pub(super) fn recall_proofs(&mut self) {
        let Some(record) = self.known.record() else { return };
        let (Some(id), Remote::Unknown) = (record.auth_id(), self.known.remote) else {
            return;
        };
        let (gone, disabled) = self.context.memory.with(&self.uid, |remembered| {
            (
                remembered.proved_gone.as_ref() == Some(id),
                remembered.shown_disabled.as_ref() == Some(id),
            )
        });
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
        self.context.memory.with(&self.uid, |remembered| {
            match (record.ledger.phase, self.known.remote) {
                (Phase::Closed, Remote::Gone) => remembered.proved_gone = id,
                (Phase::Kept, Remote::Matches) => remembered.shown_disabled = id,
                _ => {}
            }
        });
    }
}
