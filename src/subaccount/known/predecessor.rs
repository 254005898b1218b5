//! What an earlier object of the same name left, where there is more than one Record. PURE.

use super::{Known, KnownPredecessor};
use crate::controller::versioned::Versioned;
use crate::subaccount::store::record::Record;
use k8s_openapi::api::core::v1::Secret;
use vobiz_protocol::facts::Predecessor;

impl Known {
    /// An open one comes first where it is to be closed, one with an account where it is to be reported.
    pub fn note_predecessor(&mut self, record: Record, secret: Versioned<Secret>) {
        let (known, found) = (self.predecessor.fact(), record.ledger.as_predecessor());
        // What the status names is looked for; of anything else it is only known that it is there.
        let named = self.named_id();
        if named.is_some() && named.as_ref() != record.auth_id() {
            if known == Predecessor::Nothing
                && matches!(found, Predecessor::Orphaned | Predecessor::Tokenless)
            {
                self.predecessor = KnownPredecessor::Another;
            }
            return;
        }
        let more = match (known, found) {
            (Predecessor::Nothing | Predecessor::Another, _) => found != Predecessor::Nothing,
            (Predecessor::Open, _) => !self.reclaims() && found != Predecessor::Nothing,
            (_, Predecessor::Open) => self.reclaims(),
            (known, found) => known == Predecessor::Tokenless && found == Predecessor::Orphaned,
        };
        if more {
            self.predecessor = KnownPredecessor::Found(record, secret);
        }
    }
}
