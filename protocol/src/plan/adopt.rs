//! The next step for an object that names an account which is there already: to have it, under proof, or to say why not. PURE.
//!
//! Nothing is ever posted here (rule 43), and whoever loses a race has written nothing but an intent that is taken back.

use super::live::{hindrance, inherit};
use super::{Block, Rest, Step, Wait, blocked, confirmed, waiting};
use crate::facts::{Adoption, Claim, Evidence, Facts, Predecessor, Record, UserSecret};

pub(super) fn adopt(facts: &Facts) -> Step {
    if let Some(step) = hindrance(facts) {
        return step;
    }
    let is_intended = match facts.record {
        Record::Unread | Record::Present { quorum: false, .. } => return Step::ReadRecord,
        Record::Absent => false,
        Record::Present { .. } => true,
    };
    match facts.predecessor {
        // Heritage: a gone object of the name left this very account. One object has one Record.
        Predecessor::Orphaned | Predecessor::Tokenless if is_intended => Step::WithdrawAdoption,
        Predecessor::Orphaned | Predecessor::Tokenless if !facts.finalizer => Step::AddFinalizer,
        left @ (Predecessor::Orphaned | Predecessor::Tokenless) => inherit(facts, left),
        // What else the name left is reported, and no harm.
        Predecessor::Nothing | Predecessor::Open | Predecessor::Another => {
            match right(facts).unwrap_or_else(|| take(facts, is_intended)) {
                // An intent that comes to nothing is taken back before that is told: it would stand in the way of others.
                Step::Rest(Rest::Blocked(_)) if is_intended => Step::WithdrawAdoption,
                step => step,
            }
        }
    }
}

/// What must be seen or done before the object may have the account; none: it may. An id in a manifest is no right, and without one
/// nobody learns which accounts there are. Rule 48.
fn right(facts: &Facts) -> Option<Step> {
    match (facts.secret, facts.evidence) {
        // Possession: its pair, if that works.
        (UserSecret::Unread | UserSecret::NotDue, _) => Some(Step::ReadSecret),
        (_, Evidence::Claimed) => Some(Step::ProvePair),
        (_, Evidence::Proven) => None,
        // The word of whoever keeps the parent's pair.
        (_, Evidence::Unread | Evidence::Nothing) if facts.adoption == Adoption::Granted => None,
        (_, Evidence::Unread | Evidence::Nothing) => Some(blocked(Block::AdoptionNotAllowed)),
    }
}

/// The object may have the account, if nobody else does.
fn take(facts: &Facts, is_intended: bool) -> Step {
    match facts.claim {
        // Rules 44, 45, 46: before the intent, so that most say no without a write, and again after it.
        Claim::Unread => Step::JudgeClaim,
        Claim::Missing => blocked(Block::ExternalResourceMissing),
        Claim::Foreign => blocked(Block::AuthIdConflict),
        _ if facts.token_shown && facts.evidence != Evidence::Proven => Step::RecoverPair,
        // Promise 3.
        _ if !facts.finalizer => Step::AddFinalizer,
        // Rule 44.
        _ if !is_intended => Step::OpenAdoption,
        // Rule 52: of two intents one stays.
        Claim::Contested => waiting(Wait::Rival),
        // Rules 24, 47.
        Claim::Own => confirmed(facts, || Step::Adopt),
    }
}
