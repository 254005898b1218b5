//! The next step for an object that lives: create its account, restore its Record, or keep both as they should be. PURE.

use super::janitor::prove_deleted;
use super::{Block, Rest, Step, Wait, blocked, sweep, waiting, with_account};
use crate::facts::{
    Account, Claim, Confirmation, Evidence, Facts, Fence, Phase, Predecessor, Record, Remote, UserSecret,
};

pub(super) fn live(facts: &Facts) -> Step {
    match facts.record {
        Record::Present {
            phase: Phase::Bound,
            quorum,
            ..
        } => bound(facts, quorum),
        // An object that lives in our cache and is being deleted in truth: its deletion brings the next pass.
        Record::Present {
            phase: Phase::Kept { .. },
            ..
        } => Step::Rest(Rest::Outdated),
        Record::Present {
            phase: Phase::Closed { account },
            quorum,
            ..
        } => make_anew(facts, account, quorum),
        Record::Unread
        | Record::Absent
        | Record::Present {
            phase: Phase::Open { .. },
            ..
        } => create(facts),
    }
}

/// Everything that can make the pass wait or refuse comes first: between the Record's write and the POST stand only
/// the evidence, the re-read of the object and the guard.
fn create(facts: &Facts) -> Step {
    if let Some(step) = hindrance(facts) {
        return step;
    }
    // An object whose status names an account lost its Record: nothing will be posted for it.
    if !facts.identity && !facts.permit {
        return Step::TakePermit;
    }
    if !facts.finalizer {
        return Step::AddFinalizer;
    }
    match facts.record {
        // Nothing but Bound is ever concluded from a cache.
        Record::Unread | Record::Present { quorum: false, .. } => Step::ReadRecord,
        // What a gone object of the name left is looked at before anything is called lost.
        Record::Absent | Record::Present { .. } if facts.identity => match facts.predecessor {
            Predecessor::Nothing | Predecessor::Open | Predecessor::Another => restore(facts),
            left @ (Predecessor::Orphaned | Predecessor::Tokenless) => inherit(facts, left),
        },
        Record::Absent => match facts.predecessor {
            Predecessor::Nothing => Step::OpenRecord,
            Predecessor::Open if !facts.reclaim => Step::OpenRecord,
            left => inherit(facts, left),
        },
        Record::Present {
            phase: Phase::Open { unspent: true },
            ..
        } => attempt(facts),
        Record::Present { fenced: false, .. } => Step::TakeOver,
        Record::Present { fenced: true, .. } => match facts.fence {
            Fence::Clean => Step::TakeOver,
            unproven => sweep(unproven, facts),
        },
    }
}

/// What a gone object of the name left is taken over only where somebody asks for it.
fn inherit(facts: &Facts, left: Predecessor) -> Step {
    if !facts.reclaim {
        return blocked(Block::OrphanFound);
    }
    confirmed(facts, || match left {
        Predecessor::Orphaned => Step::Reclaim,
        // Its token may be in the user's Secret.
        Predecessor::Tokenless => match (facts.secret, facts.evidence) {
            (UserSecret::Unread | UserSecret::NotDue, _) => Step::ReadSecret,
            (_, Evidence::Claimed) => Step::ProvePair,
            (_, Evidence::Proven) => Step::Reclaim,
            (_, Evidence::Unread | Evidence::Nothing) => blocked(Block::CredentialsLost),
        },
        // It may still bind; afterwards nobody would know which of two accounts was meant.
        Predecessor::Nothing | Predecessor::Open => Step::ClosePredecessor,
        Predecessor::Another => blocked(Block::OrphanFound),
    })
}

/// The Record is open and its epoch unspent.
fn attempt(facts: &Facts) -> Step {
    match (facts.secret, facts.evidence) {
        (UserSecret::Unread | UserSecret::NotDue, _) => return Step::ReadSecret,
        (UserSecret::Foreign, _) => return blocked(Block::SecretConflict),
        (_, Evidence::Claimed) => return Step::ProvePair,
        (_, Evidence::Proven) => return Step::AdoptIdentity,
        (_, Evidence::Unread | Evidence::Nothing) => {}
    }
    confirmed(facts, || {
        if facts.guard_expired {
            waiting(Wait::Guard)
        } else {
            Step::Create
        }
    })
}

/// What stands in the way of a create from the start.
fn hindrance(facts: &Facts) -> Option<Step> {
    match facts.account {
        _ if !facts.valid => Some(blocked(Block::InvalidSpec)),
        _ if facts.unusable => Some(blocked(Block::UnusableAnswer)),
        // Each create would put one more pair where a crash loses it.
        _ if facts.pairs_held && !facts.identity => Some(waiting(Wait::PairsHeld)),
        Account::Preparing => Some(waiting(Wait::AccountPreparing)),
        Account::Unavailable | Account::Closing => Some(waiting(Wait::Account)),
        Account::Ready => None,
    }
}

/// The step, once a quorum read has shown that the object is still what this pass took it for.
fn confirmed(facts: &Facts, step: impl FnOnce() -> Step) -> Step {
    match facts.confirmation {
        Confirmation::Unasked => Step::Confirm,
        Confirmation::Refuted => Step::Rest(Rest::Outdated),
        Confirmation::Confirmed => step(),
    }
}

/// The Record was lost while the status names an account: never a POST, never a takeover.
fn restore(facts: &Facts) -> Step {
    match (facts.secret, facts.evidence) {
        (UserSecret::Unread | UserSecret::NotDue, _) => Step::ReadSecret,
        _ if facts.claim == Claim::Unread => Step::JudgeClaim,
        _ if facts.claim == Claim::Foreign => blocked(Block::AuthIdConflict),
        (_, Evidence::Claimed) => Step::ProvePair,
        (_, Evidence::Unread | Evidence::Nothing) if facts.token_shown => Step::RecoverPair,
        (_, Evidence::Unread | Evidence::Nothing) if !facts.recreate => blocked(Block::CredentialsLost),
        // The status is older than what the name has now: nothing is made beside that.
        (_, Evidence::Unread | Evidence::Nothing) if facts.predecessor == Predecessor::Another => {
            blocked(Block::OrphanFound)
        }
        (_, found) => match facts.record {
            Record::Absent | Record::Unread => Step::RebuildRecord,
            Record::Present { .. } => confirmed(facts, || match found {
                Evidence::Proven => Step::RestorePair,
                _ => Step::Close,
            }),
        },
    }
}

/// A closed Record of an object that lives, proved by quorum: its account is deleted to be made anew. Its id is
/// forgotten before the Record is opened again, or a crash between the two would look like a lost Record.
fn make_anew(facts: &Facts, account: bool, quorum: bool) -> Step {
    if !quorum {
        return Step::ReadRecord;
    }
    confirmed(facts, || match account.then(|| prove_deleted(facts)).flatten() {
        Some(step) => step,
        None if facts.identity => Step::ForgetIdentity,
        None => match hindrance(facts) {
            Some(step) => step,
            None if !facts.permit => Step::TakePermit,
            None if !facts.finalizer => Step::AddFinalizer,
            None => Step::Reopen,
        },
    })
}

/// The pair is safe. The user's Secret comes first: it needs nobody's permission but the cluster's.
fn bound(facts: &Facts, quorum: bool) -> Step {
    match facts.secret {
        UserSecret::Unread => return Step::ReadSecret,
        // It may hold the pair of an account that was made anew since the cached Record was seen.
        UserSecret::Different if !quorum => return Step::ReadRecord,
        // It has no owner: another pair than ours may work, and then it is somebody's.
        UserSecret::Different if facts.evidence == Evidence::Claimed => {
            return with_account(facts, Step::ProvePair);
        }
        UserSecret::Absent | UserSecret::Different => return Step::PublishSecret,
        UserSecret::Good if facts.former_secret => return Step::RemoveFormerSecret,
        UserSecret::Good
        | UserSecret::Foreign
        | UserSecret::NotDue
        | UserSecret::Refused
        | UserSecret::Contested => {}
    }
    if !facts.valid {
        return blocked(Block::InvalidSpec);
    }
    let needs_a_call = match facts.remote {
        Remote::Gone => false,
        _ if facts.requested => true,
        Remote::Unknown => !facts.applied,
        Remote::Unlisted | Remote::Differs | Remote::Missing => true,
        Remote::Matches | Remote::Stubborn | Remote::Deleted | Remote::StillThere => false,
    };
    if needs_a_call {
        match facts.account {
            Account::Preparing => return waiting(Wait::AccountPreparing),
            Account::Unavailable if facts.applied && facts.remote != Remote::Differs => {}
            Account::Unavailable => return waiting(Wait::Account),
            Account::Closing | Account::Ready if !facts.finalizer => return Step::AddFinalizer,
            Account::Closing | Account::Ready => match facts.remote {
                _ if facts.requested => return Step::ReadAccount,
                // A cached Record may be out of date, and an old pass must not write to an account that is kept.
                Remote::Differs if !quorum => return Step::ReadRecord,
                Remote::Differs => return Step::Update,
                Remote::Missing => return waiting(Wait::List),
                _ => return Step::ReadAccount,
            },
        }
    }
    match facts.remote {
        Remote::Gone if !facts.recreate => blocked(Block::ExternalResourceMissing),
        Remote::Gone if !quorum => Step::ReadRecord,
        Remote::Gone => confirmed(facts, || Step::Close),
        Remote::Stubborn => blocked(Block::InvalidSpec),
        _ if facts.secret == UserSecret::Foreign => blocked(Block::SecretConflict),
        _ if facts.secret == UserSecret::Refused => waiting(Wait::SecretForbidden),
        _ if facts.secret == UserSecret::Contested => waiting(Wait::SecretContested),
        _ if facts.write_refused => waiting(Wait::WriteRefused),
        _ if !facts.finalizer => Step::AddFinalizer,
        _ => Step::Rest(Rest::Settled),
    }
}
