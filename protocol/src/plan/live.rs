//! The next step for an object that lives: create its account, restore its Record, or keep both as they should be. PURE.

use super::adopt::adopt;
use super::janitor::prove_deleted;
use super::{Block, Rest, Step, Wait, blocked, confirmed, sweep, waiting, with_account};
use crate::facts::{Account, Claim, Evidence, Facts, Fence, Phase, Predecessor, Record, Remote, UserSecret};

pub(super) fn live(facts: &Facts) -> Step {
    match facts.record {
        // Promises 1, 4.
        Record::Present {
            phase: Phase::Bound { token },
            quorum,
            ..
        } => bound(facts, token, quorum),
        // An object that lives in our cache and is being deleted in truth: its deletion brings the next pass. Rule 12.
        Record::Present {
            phase: Phase::Kept { .. },
            ..
        } => Step::Rest(Rest::Outdated),
        // The same: of its own accord no pass closes the Record of an account that is to be there already. Rule 43.
        Record::Present {
            phase: Phase::Closed { .. },
            ..
        } if facts.adoption.is_asked() => Step::Rest(Rest::Outdated),
        // It was being made anew when a person asked that it be only looked at. Rule 49.
        Record::Present {
            phase: Phase::Closed { .. },
            ..
        } if facts.observes => blocked(Block::ExternalResourceMissing),
        // Rule 26.
        Record::Present {
            phase: Phase::Closed { account },
            quorum,
            ..
        } => make_anew(facts, account, quorum),
        // Rule 43.
        Record::Unread
        | Record::Absent
        | Record::Present {
            phase: Phase::Open { .. },
            ..
        } if facts.adoption.is_asked() => adopt(facts),
        // Promise 1.
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
    // Rule 49: there is nothing to look at.
    if facts.observes && !facts.identity {
        return blocked(Block::InvalidSpec);
    }
    // An object whose status names an account lost its Record: nothing will be posted for it. Rule 13.
    if !facts.identity && !facts.permit {
        return Step::TakePermit;
    }
    // Promise 3: it is on before there is anything to be proved gone.
    if !facts.finalizer {
        return Step::AddFinalizer;
    }
    match facts.record {
        // Nothing but Bound is ever concluded from a cache. Promise 1.
        Record::Unread | Record::Present { quorum: false, .. } => Step::ReadRecord,
        // What a gone object of the name left is looked at before anything is called lost. Rules 13, 29, 34.
        Record::Absent | Record::Present { .. } if facts.identity => match facts.predecessor {
            Predecessor::Nothing | Predecessor::Open | Predecessor::Another => restore(facts),
            left @ (Predecessor::Orphaned | Predecessor::Tokenless) => inherit(facts, left),
        },
        // The intent, before any request; rule 23 before that.
        Record::Absent => match facts.predecessor {
            Predecessor::Nothing => Step::OpenRecord,
            // An attempt of a gone object is the janitor's to close and to sweep. Rule 9.
            Predecessor::Open if !facts.reclaim => Step::OpenRecord,
            left => inherit(facts, left),
        },
        // Rules 20, 21, 40: nothing was posted under it, and this process knows.
        Record::Present {
            phase: Phase::Open { unspent: true },
            ..
        } => attempt(facts),
        // Rules 2, 38.
        Record::Present { fenced: false, .. } => Step::TakeOver,
        // Rule 22.
        Record::Present { fenced: true, .. } => match facts.fence {
            Fence::Clean => Step::TakeOver,
            unproven => sweep(unproven, facts),
        },
    }
}

/// What a gone object of the name left is taken over only where somebody asks for it, by the annotation or by its id.
pub(super) fn inherit(facts: &Facts, left: Predecessor) -> Step {
    // Rule 23.
    if !facts.reclaim && !facts.adoption.is_asked() {
        return blocked(Block::OrphanFound);
    }
    confirmed(facts, || match left {
        // Rules 24, 32.
        Predecessor::Orphaned => Step::Reclaim,
        // Its token may be in the user's Secret. Rule 19.
        Predecessor::Tokenless => match (facts.secret, facts.evidence) {
            (UserSecret::Unread | UserSecret::NotDue, _) => Step::ReadSecret,
            (_, Evidence::Claimed) => Step::ProvePair,
            (_, Evidence::Proven) => Step::Reclaim,
            (_, Evidence::Unread | Evidence::Nothing) => blocked(Block::CredentialsLost),
        },
        // It may still bind; afterwards nobody would know which of two accounts was meant. Rule 23.
        Predecessor::Nothing | Predecessor::Open => Step::ClosePredecessor,
        // Rule 33.
        Predecessor::Another => blocked(Block::OrphanFound),
    })
}

/// The Record is open and its epoch unspent.
fn attempt(facts: &Facts) -> Step {
    match (facts.secret, facts.evidence) {
        // Rule 19.
        (UserSecret::Unread | UserSecret::NotDue, _) => return Step::ReadSecret,
        // Promise 1: there would be no place for the pair.
        (UserSecret::Foreign, _) => return blocked(Block::SecretConflict),
        // Rule 19.
        (_, Evidence::Claimed) => return Step::ProvePair,
        (_, Evidence::Proven) => return Step::AdoptIdentity,
        (_, Evidence::Unread | Evidence::Nothing) => {}
    }
    // Rule 1.
    confirmed(facts, || {
        // An attempt leaves so soon after its Record that settle outlasts it: rule 6.
        if facts.guard_expired {
            waiting(Wait::Guard)
        } else {
            Step::Create
        }
    })
}

/// What stands in the way of a create from the start.
pub(super) fn hindrance(facts: &Facts) -> Option<Step> {
    match facts.account {
        // Promise 6.
        _ if !facts.valid => Some(blocked(Block::InvalidSpec)),
        // Promise 6: each create may have made one more that nobody can use.
        _ if facts.unusable => Some(blocked(Block::UnusableAnswer)),
        // Each create would put one more pair where a crash loses it. Rule 31.
        _ if facts.pairs_held && !facts.identity && !facts.adoption.is_asked() => {
            Some(waiting(Wait::PairsHeld))
        }
        // Promise 3: an Account that is marked as in use outlives what is made through it, and can delete it.
        Account::Preparing => Some(waiting(Wait::AccountPreparing)),
        Account::Unavailable | Account::Closing => Some(waiting(Wait::Account)),
        // Promise 6, rule 51: what serves a namespace, its Account says.
        Account::NotAllowed => Some(blocked(Block::NamespaceNotAllowed)),
        Account::Ready => None,
    }
}

/// The Record was lost while the status names an account: never a POST, never a takeover.
fn restore(facts: &Facts) -> Step {
    match (facts.secret, facts.evidence) {
        // Rules 19, 35.
        (UserSecret::Unread | UserSecret::NotDue, _) => Step::ReadSecret,
        // Rule 27.
        _ if facts.claim == Claim::Unread => Step::JudgeClaim,
        _ if facts.claim.is_anothers() => blocked(Block::AuthIdConflict),
        // Promise 2: the pair proves whose the account is.
        (_, Evidence::Claimed) => Step::ProvePair,
        (_, Evidence::Unread | Evidence::Nothing) if facts.token_shown => Step::RecoverPair,
        // Promise 6: only a person gives an account up.
        (_, Evidence::Unread | Evidence::Nothing) if !may_make_anew(facts) => blocked(Block::CredentialsLost),
        // The status is older than what the name has now: nothing is made beside that. Rule 34.
        (_, Evidence::Unread | Evidence::Nothing) if facts.predecessor == Predecessor::Another => {
            blocked(Block::OrphanFound)
        }
        (_, found) => match facts.record {
            // Open, with a series of its own. Rules 14, 15.
            Record::Absent | Record::Unread => Step::RebuildRecord,
            Record::Present { .. } => confirmed(facts, || match found {
                // Rule 24.
                Evidence::Proven => Step::RestorePair,
                // To be made anew, once it is gone. Rules 3, 26.
                _ => Step::Close,
            }),
        },
    }
}

/// A closed Record of an object that lives, proved by quorum: its account is deleted to be made anew. Its id is
/// forgotten before the Record is opened again, or a crash between the two would look like a lost Record.
fn make_anew(facts: &Facts, account: bool, quorum: bool) -> Step {
    // Promise 2: nothing is deleted on the word of a cache.
    if !quorum {
        return Step::ReadRecord;
    }
    // Rule 26.
    confirmed(facts, || match account.then(|| prove_deleted(facts)).flatten() {
        Some(step) => step,
        // Rule 13 would stop the create.
        None if facts.identity => Step::ForgetIdentity,
        None => match hindrance(facts) {
            Some(step) => step,
            None if !facts.permit => Step::TakePermit,
            None if !facts.finalizer => Step::AddFinalizer,
            // Rules 2, 38.
            None => Step::Reopen,
        },
    })
}

/// Only where the user asks for it; never one that was there before its object, nor one that is only looked at. Rules 43, 49.
fn may_make_anew(facts: &Facts) -> bool {
    facts.recreate && !facts.adoption.is_asked() && !facts.observes
}

/// The pair is safe, as far as it is known. The user's Secret comes first: it needs nobody's permission but the cluster's.
fn bound(facts: &Facts, token: bool, quorum: bool) -> Step {
    match facts.secret {
        // Promise 1.
        UserSecret::Unread => return Step::ReadSecret,
        // Rule 48: the token may be in there.
        _ if !token => match facts.evidence {
            Evidence::Claimed => return with_account(facts, Step::ProvePair),
            Evidence::Proven if !quorum => return Step::ReadRecord,
            Evidence::Proven => return Step::RestorePair,
            Evidence::Unread | Evidence::Nothing => {}
        },
        // It may hold the pair of an account that was made anew since the cached Record was seen. Promise 1.
        UserSecret::Different if !quorum => return Step::ReadRecord,
        // It has no owner: another pair than ours may work, and then it is somebody's. Promise 6.
        UserSecret::Different if facts.evidence == Evidence::Claimed => {
            return with_account(facts, Step::ProvePair);
        }
        // Promise 1.
        UserSecret::Absent | UserSecret::Different => return Step::PublishSecret,
        UserSecret::Good if facts.former_secret => return Step::RemoveFormerSecret,
        UserSecret::Good
        | UserSecret::Foreign
        | UserSecret::NotDue
        | UserSecret::Refused
        | UserSecret::Contested => {}
    }
    // Promise 6.
    if !facts.valid {
        return blocked(Block::InvalidSpec);
    }
    // Also where nothing is to be done: what is not kept any more must not look kept. Promise 6, rule 51.
    if facts.account == Account::NotAllowed {
        return blocked(Block::NamespaceNotAllowed);
    }
    // Promise 4: at rest the list alone tells.
    let needs_a_call = match facts.remote {
        Remote::Gone => false,
        _ if facts.requested => true,
        Remote::Unknown => !facts.applied,
        Remote::Differs => !facts.observes,
        Remote::Unlisted | Remote::Missing => true,
        Remote::Matches | Remote::Stubborn | Remote::Deleted | Remote::StillThere => false,
    };
    if needs_a_call {
        match facts.account {
            Account::Preparing => return waiting(Wait::AccountPreparing),
            // Promise 6: the Account tells its trouble once, not each of its objects.
            Account::Unavailable if facts.applied && facts.remote != Remote::Differs => {}
            Account::Unavailable | Account::NotAllowed => return waiting(Wait::Account),
            // Promise 3.
            Account::Closing | Account::Ready if !facts.finalizer => return Step::AddFinalizer,
            Account::Closing | Account::Ready => match facts.remote {
                _ if facts.requested => return Step::ReadAccount,
                // A cached Record may be out of date, and an old pass must not write to an account that is kept. Rule 12.
                Remote::Differs if !quorum => return Step::ReadRecord,
                // Rule 49.
                Remote::Differs => return confirmed(facts, || Step::Update),
                // Rule 37.
                Remote::Missing => return waiting(Wait::List),
                _ => return Step::ReadAccount,
            },
        }
    }
    match facts.remote {
        // Promise 6: whether another one is made, a person says.
        Remote::Gone if !may_make_anew(facts) => blocked(Block::ExternalResourceMissing),
        // Rules 3, 26.
        Remote::Gone if !quorum => Step::ReadRecord,
        Remote::Gone => confirmed(facts, || Step::Close),
        // Promise 6, from here on: whatever keeps the object from being as its manifest says is told.
        Remote::Stubborn if !facts.observes => blocked(Block::InvalidSpec),
        // Its token is nobody's to lose where it is only looked at.
        _ if !token && !facts.observes => blocked(Block::CredentialsLost),
        _ if facts.secret == UserSecret::Foreign => blocked(Block::SecretConflict),
        _ if facts.secret == UserSecret::Refused => waiting(Wait::SecretForbidden),
        _ if facts.secret == UserSecret::Contested => waiting(Wait::SecretContested),
        _ if facts.write_refused => waiting(Wait::WriteRefused),
        // Promise 3.
        _ if !facts.finalizer => Step::AddFinalizer,
        // Promise 4.
        _ => Step::Rest(Rest::Settled),
    }
}
