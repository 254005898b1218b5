//! What a step cannot do without. `plan` chooses no step that lacks it: each function says which facts rule that out, and ends the pass
//! should it be so all the same. I/O (writes to the log).

use crate::controller::versioned::Versioned;
use crate::crd::Subaccount;
use crate::subaccount::known::{KnownPair, KnownPredecessor};
use crate::subaccount::pass::Pass;
use crate::subaccount::store::record::{ReadRecord, Record};
use crate::subaccount::tell::Outcome;
use crate::vobiz::{self, AuthId, Credentials};
use k8s_openapi::api::core::v1::Secret;
use std::mem;
use std::sync::Arc;

/// The object: the janitor's pass, which has none, takes no step that writes to it.
pub(super) fn object(pass: &Pass<'_>) -> Result<Arc<Subaccount>, Outcome> {
    must(pass.known.object.clone(), "object")
}

/// The Record in the version to compare and swap: no transition is planned from a cached one.
pub(super) fn read_record(pass: &Pass<'_>) -> Result<ReadRecord, Outcome> {
    must(pass.known.read_record().cloned(), "record")
}

/// The account of a bound, closed or kept Record: such a one names it, or `plan` has nothing to do about it.
pub(super) fn auth_id(pass: &Pass<'_>) -> Result<AuthId, Outcome> {
    must(pass.auth_id(), "auth_id")
}

/// The pair of a bound Record: only `Ledger::bound` leads there.
pub(super) fn recorded_pair(pass: &Pass<'_>) -> Result<Credentials, Outcome> {
    must(pass.known.record().and_then(Record::pair), "pair")
}

/// The pair whose proof `plan` asks for: the evidence is claimed.
pub(super) fn claimed_pair(pass: &Pass<'_>) -> Result<Credentials, Outcome> {
    let claimed = match &pass.known.evidence {
        KnownPair::Claimed(pair) => Some(pair.clone()),
        _ => None,
    };
    must(claimed, "claimed pair")
}

/// The pair that `plan` acts on, with the account as far as it was shown: the evidence is proven.
pub(super) fn proven_pair(pass: &Pass<'_>) -> Result<(Credentials, Option<Box<vobiz::Subaccount>>), Outcome> {
    let proven = match &pass.known.evidence {
        KnownPair::Proven(pair, account) => Some((pair.clone(), account.clone())),
        _ => None,
    };
    must(proven, "proven pair")
}

/// The Record that an earlier object left, to be written once: the predecessor is open or orphaned.
pub(super) fn predecessor(pass: &mut Pass<'_>) -> Result<(Record, Versioned<Secret>), Outcome> {
    let left = match mem::replace(&mut pass.known.predecessor, KnownPredecessor::Nothing) {
        KnownPredecessor::Found(record, secret) => Some((record, secret)),
        KnownPredecessor::Nothing | KnownPredecessor::Another => None,
    };
    must(left, "predecessor")
}

/// What the facts of the step's own rule promise.
pub(super) fn must<T>(value: Option<T>, what: &'static str) -> Result<T, Outcome> {
    if value.is_none() {
        tracing::error!(what, "a step lacks what it needs");
    }
    value.ok_or_else(Outcome::outdated)
}
