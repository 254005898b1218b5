//! The next step for an object that names an account which is there already: to have it, under proof, or to say why not. PURE.
//!
//! Nothing is ever posted here (rule 43), and whoever loses a race has written nothing but an intent that is taken back.

use super::live::{hindrance, inherit};
use super::{Block, Rest, Step, blocked, confirmed};
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
    if let Some(step) = right(facts) {
        return given_up(is_intended, step);
    }
    match facts.claim {
        // Rules 44, 45, 46: before the intent, so that most say no without a write, and again after it.
        Claim::Unread => Step::JudgeClaim,
        Claim::Missing => given_up(is_intended, blocked(Block::ExternalResourceMissing)),
        Claim::Foreign => given_up(is_intended, blocked(Block::AuthIdConflict)),
        Claim::Own if facts.token_shown && facts.evidence != Evidence::Proven => Step::RecoverPair,
        // Promise 3.
        Claim::Own if !facts.finalizer => Step::AddFinalizer,
        // Rule 44.
        Claim::Own if !is_intended => Step::OpenAdoption,
        // Rules 24, 47.
        Claim::Own => confirmed(facts, || Step::Adopt),
    }
}

/// What must be seen or done before the object may have the account; none: it may. An id in a manifest is no right. Rule 48.
fn right(facts: &Facts) -> Option<Step> {
    match (facts.predecessor, facts.secret, facts.evidence) {
        // Heritage: a gone object of the name left this very account.
        (left @ (Predecessor::Orphaned | Predecessor::Tokenless), ..) => Some(inherit(facts, left)),
        // Possession: its pair, if that works.
        (_, UserSecret::Unread | UserSecret::NotDue, _) => Some(Step::ReadSecret),
        (_, _, Evidence::Claimed) => Some(Step::ProvePair),
        (_, _, Evidence::Proven) => None,
        // The word of whoever keeps the parent's pair.
        (_, _, Evidence::Unread | Evidence::Nothing) if facts.adoption == Adoption::Granted => None,
        (_, _, Evidence::Unread | Evidence::Nothing) => Some(blocked(Block::AdoptionNotAllowed)),
    }
}

/// An intent that comes to nothing is taken back before that is told: it would stand in the way of others.
fn given_up(is_intended: bool, step: Step) -> Step {
    match step {
        Step::Rest(Rest::Blocked(_)) if is_intended => Step::WithdrawAdoption,
        step => step,
    }
}
