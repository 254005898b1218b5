//! The next step for an object that is being deleted: what becomes of its account, and when the finalizer may go. PURE.

use super::{Rest, Step, Wait, sweep, waiting, with_account};
use crate::facts::{
    Account, Claim, Confirmation, Evidence, Facts, Fence, Phase, Policy, Record, Remote, UserSecret,
};

pub(super) fn deleting(facts: &Facts) -> Step {
    match facts.record {
        Record::Unread | Record::Present { quorum: false, .. } => Step::ReadRecord,
        Record::Present {
            phase: Phase::Bound, ..
        } => close(facts),
        Record::Absent
        | Record::Present {
            phase: Phase::Open { .. },
            ..
        } => deleting_unbound(facts),
        Record::Present {
            phase: Phase::Closed { account },
            fenced,
            ..
        } => finish(facts, account.then(|| delete(facts)).flatten(), fenced),
        Record::Present {
            phase: Phase::Kept { disable },
            fenced,
            ..
        } => finish(facts, disable.then(|| keep_disabled(facts)).flatten(), fenced),
    }
}

/// No pair in a Record: only a quorum read of the object, and a second look for the Record, prove what that means.
fn deleting_unbound(facts: &Facts) -> Step {
    match facts.confirmation {
        Confirmation::Unasked => return Step::Confirm,
        Confirmation::Refuted => return Step::Rest(Rest::Outdated),
        Confirmation::Confirmed if !facts.looked_again => return Step::ReadRecord,
        Confirmation::Confirmed => {}
    }
    if facts.identity {
        return match facts.record {
            _ if facts.claim == Claim::Unread => Step::JudgeClaim,
            // It is not this object's to delete, whatever its status says.
            Record::Absent if facts.claim == Claim::Foreign => Step::ReleaseFinalizer,
            _ if facts.claim == Claim::Foreign => close(facts),
            // A Record before acting on the status: whoever looks meanwhile finds it.
            Record::Absent if facts.policy == Policy::Undecided => undecided(facts),
            Record::Absent => Step::OpenRecord,
            _ => close(facts),
        };
    }
    match (facts.secret, facts.evidence) {
        (UserSecret::Unread | UserSecret::NotDue, _) => Step::ReadSecret,
        (_, Evidence::Claimed) => match facts.account {
            Account::Preparing => waiting(Wait::AccountPreparing),
            Account::Unavailable => waiting(Wait::Account),
            Account::Closing | Account::Ready => Step::ProvePair,
        },
        (_, Evidence::Proven) => Step::AdoptIdentity,
        (_, Evidence::Unread | Evidence::Nothing) => match facts.record {
            Record::Absent => Step::ReleaseFinalizer,
            _ => close(facts),
        },
    }
}

fn close(facts: &Facts) -> Step {
    match facts.policy {
        Policy::Decided => Step::Close,
        Policy::Undecided => undecided(facts),
    }
}

fn undecided(facts: &Facts) -> Step {
    match facts.account {
        Account::Preparing => waiting(Wait::AccountPreparing),
        Account::Unavailable | Account::Closing | Account::Ready => waiting(Wait::Account),
    }
}

/// After the account itself: the fenced epochs, then the finalizer.
fn finish(facts: &Facts, account: Option<Step>, fenced: bool) -> Step {
    match (account, fenced) {
        (Some(step), _) => step,
        (None, true) if facts.fence != Fence::Clean => sweep(facts.fence, facts),
        (None, _) => Step::ReleaseFinalizer,
    }
}

/// What is left to do about the account of a closed Record.
pub(super) fn delete(facts: &Facts) -> Option<Step> {
    match facts.remote {
        Remote::Gone => None,
        Remote::Missing => Some(with_account(facts, waiting(Wait::List))),
        Remote::StillThere => Some(waiting(Wait::StillThere)),
        Remote::Deleted => Some(with_account(facts, Step::ReadAccount)),
        Remote::Unknown | Remote::Unlisted | Remote::Matches | Remote::Differs | Remote::Stubborn => {
            Some(with_account(facts, Step::Delete))
        }
    }
}

/// What is left to do about an account that is to be disabled and kept: it must be shown to be disabled.
pub(super) fn keep_disabled(facts: &Facts) -> Option<Step> {
    match facts.remote {
        Remote::Matches | Remote::Gone => None,
        Remote::Missing => Some(with_account(facts, waiting(Wait::List))),
        Remote::Stubborn => Some(waiting(Wait::StillThere)),
        Remote::Differs => Some(with_account(facts, Step::Update)),
        Remote::Unknown | Remote::Unlisted | Remote::Deleted | Remote::StillThere => {
            Some(with_account(facts, Step::ReadAccount))
        }
    }
}
