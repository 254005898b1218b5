//! The next step for an object that is being deleted: what becomes of its account, and when the finalizer may go. PURE.

use super::{Step, Wait, confirmed, sweep, waiting, with_account};
use crate::facts::{Account, Claim, Evidence, Facts, Fence, Phase, Policy, Record, Remote, UserSecret};

pub(super) fn deleting(facts: &Facts) -> Step {
    match facts.record {
        // Rule 8.
        Record::Unread | Record::Present { quorum: false, .. } => Step::ReadRecord,
        // What an account that was there before its object is kept or deleted by is read by quorum. Rules 49, 50.
        Record::Present {
            phase: Phase::Bound { .. },
            ..
        } if facts.adoption.is_asked() || facts.observes => confirmed(facts, || close(facts)),
        // Rules 3, 12.
        Record::Present {
            phase: Phase::Bound { .. },
            ..
        } => close(facts),
        // Rules 16, 17, 19, 25.
        Record::Absent
        | Record::Present {
            phase: Phase::Open { .. },
            ..
        } => deleting_unbound(facts),
        // Rules 6, 37.
        Record::Present {
            phase: Phase::Closed { account },
            fenced,
            ..
        } => finish(facts, account.then(|| delete(facts)).flatten(), fenced),
        // Rule 12: later edits of the policy change nothing.
        Record::Present {
            phase: Phase::Kept { disable },
            fenced,
            ..
        } => finish(facts, disable.then(|| keep_disabled(facts)).flatten(), fenced),
    }
}

/// No pair in a Record: only a quorum read of the object, and a second look for the Record, prove what that means.
fn deleting_unbound(facts: &Facts) -> Step {
    // Rules 10, 17.
    confirmed(facts, || {
        if facts.looked_again {
            nothing_bound(facts)
        } else {
            // Rule 25.
            Step::ReadRecord
        }
    })
}

fn nothing_bound(facts: &Facts) -> Step {
    if facts.identity {
        return match facts.record {
            // Rules 27, 28.
            _ if facts.claim == Claim::Unread => Step::JudgeClaim,
            // It is not this object's to delete, whatever its status says. Promise 2, rule 27.
            Record::Absent if facts.claim.is_anothers() => Step::ReleaseFinalizer,
            // Closed without that account. Rule 27.
            _ if facts.claim.is_anothers() => close(facts),
            // A Record before acting on the status: whoever looks meanwhile finds it. Rule 16.
            Record::Absent if facts.policy == Policy::Undecided => undecided(facts),
            Record::Absent => Step::OpenRecord,
            // Rules 3, 12.
            _ => close(facts),
        };
    }
    // It was to be there already, and was never taken. Rule 43.
    if facts.adoption.is_asked() {
        return match facts.record {
            Record::Absent => Step::ReleaseFinalizer,
            _ => Step::WithdrawAdoption,
        };
    }
    match (facts.secret, facts.evidence) {
        // Rules 19, 35.
        (UserSecret::Unread | UserSecret::NotDue, _) => Step::ReadSecret,
        // Promise 2: a pair that nobody tried proves nothing.
        (_, Evidence::Claimed) => match facts.account {
            Account::Preparing => waiting(Wait::AccountPreparing),
            Account::Unavailable => waiting(Wait::Account),
            Account::NotAllowed | Account::Closing | Account::Ready => Step::ProvePair,
        },
        // The status names it first; the next pass goes the way of a status that names an account. Rule 16.
        (_, Evidence::Proven) => Step::AdoptIdentity,
        (_, Evidence::Unread | Evidence::Nothing) => match facts.record {
            // Promise 3: no Record, no status and no Secret knows of an account.
            Record::Absent => Step::ReleaseFinalizer,
            // Its epoch is void from here on, and is swept. Rules 3, 6.
            _ => close(facts),
        },
    }
}

/// Decides what becomes of the account, if nothing has to be guessed.
pub(super) fn close(facts: &Facts) -> Step {
    match facts.policy {
        // Rules 3, 12.
        Policy::Decided => Step::Close,
        // Rule 12: what is decided once is not guessed.
        Policy::Undecided => undecided(facts),
    }
}

/// Only the Account that the account was made under tells. Rule 12.
fn undecided(facts: &Facts) -> Step {
    match facts.account {
        Account::Preparing => waiting(Wait::AccountPreparing),
        Account::Unavailable | Account::NotAllowed | Account::Closing | Account::Ready => {
            waiting(Wait::Account)
        }
    }
}

/// After the account itself: the fenced epochs, then the finalizer.
fn finish(facts: &Facts, account: Option<Step>, fenced: bool) -> Step {
    match (account, fenced) {
        // Promise 3.
        (Some(step), _) => step,
        // Rule 49: what an earlier attempt left is the janitor's, once the object is gone.
        (None, _) if facts.observes => Step::ReleaseFinalizer,
        // Rules 6, 39, 42.
        (None, true) if facts.fence != Fence::Clean => sweep(facts.fence, facts),
        // Promise 3: nothing is left. The write itself tests the uid: rule 11.
        (None, _) => Step::ReleaseFinalizer,
    }
}

/// What is left to do about the account of a closed Record.
pub(super) fn delete(facts: &Facts) -> Option<Step> {
    match facts.remote {
        // Rule 37 made that sure.
        Remote::Gone => None,
        // Rule 37.
        Remote::Missing => Some(with_account(facts, waiting(Wait::List))),
        // Promise 3: said to be deleted, and not gone.
        Remote::StillThere => Some(waiting(Wait::StillThere)),
        // Rules 53, 54: what a walk says after it, for many at once.
        Remote::Deleted if facts.shared => Some(with_account(facts, waiting(Wait::SharedProof))),
        // Rule 53: gone is what a GET says after it.
        Remote::Deleted => Some(with_account(facts, Step::ReadAccount)),
        // Rule 3: the Record is closed by now.
        Remote::Unknown | Remote::Unlisted | Remote::Matches | Remote::Differs | Remote::Stubborn => {
            Some(with_account(facts, Step::Delete))
        }
    }
}

/// What is left to do about an account that is to be disabled and kept: it must be shown to be disabled.
pub(super) fn keep_disabled(facts: &Facts) -> Option<Step> {
    match facts.remote {
        // Promise 3: shown to be so, or proved gone.
        Remote::Matches | Remote::Gone => None,
        // Rule 37.
        Remote::Missing => Some(with_account(facts, waiting(Wait::List))),
        // Promise 3: sent, and not shown.
        Remote::Stubborn => Some(waiting(Wait::StillThere)),
        // Rule 12: the decision was to disable it.
        Remote::Differs => Some(with_account(facts, Step::Update)),
        // Promise 3: a list is a hint.
        Remote::Unknown | Remote::Unlisted | Remote::Deleted | Remote::StillThere => {
            Some(with_account(facts, Step::ReadAccount))
        }
    }
}
