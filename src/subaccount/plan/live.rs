//! The next step for an object that lives: create its account, restore its Record, or keep both as they should be. PURE.

use super::{Block, Rest, Step, Wait, blocked, sweep, waiting};
use crate::subaccount::facts::{
    Account, Confirmation, Evidence, Facts, Fence, Phase, Record, Remote, UserSecret,
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
            phase: Phase::Closed { .. } | Phase::Kept { .. },
            ..
        } => Step::Rest(Rest::Outdated),
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
    if !facts.valid {
        return blocked(Block::InvalidSpec);
    }
    if facts.unusable {
        return blocked(Block::UnusableAnswer);
    }
    match facts.account {
        Account::Preparing => return waiting(Wait::AccountPreparing),
        Account::Unavailable | Account::Closing => return waiting(Wait::Account),
        Account::Ready => {}
    }
    // An object whose status names an account lost its Record: nothing will be posted for it.
    if !facts.identity && !facts.permit {
        return Step::TakePermit;
    }
    if !facts.finalizer {
        return Step::AddFinalizer;
    }
    match facts.record {
        Record::Unread => Step::ReadRecord,
        Record::Absent | Record::Present { .. } if facts.identity => restore(facts),
        Record::Absent if facts.predecessor => blocked(Block::OrphanFound),
        Record::Absent => Step::OpenRecord,
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

/// The Record is open and its epoch unspent.
fn attempt(facts: &Facts) -> Step {
    match (facts.secret, facts.evidence) {
        (UserSecret::Unread | UserSecret::NotDue, _) => return Step::ReadSecret,
        (UserSecret::Foreign, _) => return blocked(Block::SecretConflict),
        (_, Evidence::Claimed) => return Step::ProvePair,
        (_, Evidence::Proven) => return Step::AdoptIdentity,
        (_, Evidence::Unread | Evidence::Nothing) => {}
    }
    match facts.confirmation {
        Confirmation::Unasked => Step::Confirm,
        Confirmation::Refuted => Step::Rest(Rest::Outdated),
        Confirmation::Confirmed if facts.guard_expired => waiting(Wait::Guard),
        Confirmation::Confirmed => Step::Create,
    }
}

/// The Record was lost while the status names an account: never a POST, never a takeover.
fn restore(facts: &Facts) -> Step {
    match (facts.secret, facts.evidence) {
        (UserSecret::Unread | UserSecret::NotDue, _) => Step::ReadSecret,
        (_, Evidence::Claimed) => Step::ProvePair,
        (_, Evidence::Unread | Evidence::Nothing) => blocked(Block::CredentialsLost),
        (_, Evidence::Proven) => match (facts.record, facts.confirmation) {
            (Record::Absent | Record::Unread, _) => Step::RebuildRecord,
            (Record::Present { .. }, Confirmation::Unasked) => Step::Confirm,
            (Record::Present { .. }, Confirmation::Confirmed) => Step::RestorePair,
            (Record::Present { .. }, Confirmation::Refuted) => Step::Rest(Rest::Outdated),
        },
    }
}

/// The pair is safe. The user's Secret comes first: it needs nobody's permission but the cluster's.
fn bound(facts: &Facts, quorum: bool) -> Step {
    match facts.secret {
        UserSecret::Unread => return Step::ReadSecret,
        UserSecret::Absent | UserSecret::Different => return Step::PublishSecret,
        UserSecret::Good if facts.former_secret => return Step::RemoveFormerSecret,
        UserSecret::Good | UserSecret::Foreign | UserSecret::NotDue => {}
    }
    if !facts.valid {
        return blocked(Block::InvalidSpec);
    }
    let needs_a_call = match facts.remote {
        Remote::Unknown => !facts.applied,
        Remote::Unlisted | Remote::Differs => true,
        Remote::Matches | Remote::Stubborn | Remote::Gone | Remote::Deleted | Remote::StillThere => false,
    };
    if needs_a_call {
        match facts.account {
            Account::Preparing => return waiting(Wait::AccountPreparing),
            Account::Unavailable if facts.applied && facts.remote != Remote::Differs => {}
            Account::Unavailable => return waiting(Wait::Account),
            Account::Closing | Account::Ready if !facts.finalizer => return Step::AddFinalizer,
            Account::Closing | Account::Ready => match facts.remote {
                // A cached Record may be out of date, and an old pass must not write to an account that is kept.
                Remote::Differs if !quorum => return Step::ReadRecord,
                Remote::Differs => return Step::Update,
                _ => return Step::ReadAccount,
            },
        }
    }
    match facts.remote {
        Remote::Gone => blocked(Block::ExternalResourceMissing),
        Remote::Stubborn => blocked(Block::InvalidSpec),
        _ if facts.secret == UserSecret::Foreign => blocked(Block::SecretConflict),
        _ if !facts.finalizer => Step::AddFinalizer,
        _ => Step::Rest(Rest::Settled),
    }
}
