//! Decides the next step of a pass from its facts. PURE and total: the same function runs in the operator and in proofs.
//!
//! Guarantees, each held by a rule of the create and delete protocol:
//! - nothing is posted before a Record says so, and no epoch is posted twice;
//! - nothing is deleted but a bound account under a closed Record, or an account with a fenced marker;
//! - the finalizer goes only when nothing can be left, or the policy says keep.

use super::facts::{
    Account, Confirmation, Evidence, Facts, Fence, Made, Object, Phase, Policy, Record, Remote, UserSecret,
};

/// One act. Exactly one request follows from it, except [`Step::Rest`], which ends the pass.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Step {
    /// Take the gate's permit for a POST.
    TakePermit,
    /// Put our finalizer on the object.
    AddFinalizer,
    /// Read the Record by quorum.
    ReadRecord,
    /// Create the Record: the intent to create, written before the request.
    OpenRecord,
    /// Create the Record of an account whose Record was lost; nothing will be posted under it.
    RebuildRecord,
    /// Claim the next epoch of an open Record and fence the ones before it.
    TakeOver,
    /// Read the object again by quorum.
    Confirm,
    /// Post the account, with the marker of the Record's epoch.
    Create,
    /// Write the pair into the Record.
    Bind,
    /// Read the user's Secret.
    ReadSecret,
    /// Ask Vobiz about the pair in the user's Secret.
    ProvePair,
    /// Write the proven id into the object's status, and end.
    AdoptIdentity,
    /// Write the proven pair into the rebuilt Record.
    RestorePair,
    /// Write the user's Secret.
    PublishSecret,
    /// Remove the Secret of an earlier `secretRef`.
    RemoveFormerSecret,
    /// Read the account.
    ReadAccount,
    /// Change what differs.
    Update,
    /// Decide what becomes of the account, once and for all.
    Close,
    /// Delete the account that the closed Record names.
    Delete,
    /// Delete the account that this pass made under an epoch that was fenced meanwhile.
    DeleteMade,
    /// Delete one account with a fenced marker.
    DeleteLeftover,
    /// Take our finalizer off the object.
    ReleaseFinalizer,
    /// Delete the Record.
    DropRecord,
    /// End the pass.
    Rest(Rest),
}

/// Why a pass ends.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Rest {
    /// Everything is as it should be.
    Settled,
    /// What this pass knew is out of date; the event that outdated it brings the next one.
    Outdated,
    /// Something else must happen first.
    Waiting(Wait),
    /// A person must do something first.
    Blocked(Block),
}

/// What a pass waits for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Wait {
    /// This process has not prepared the Account yet; a matter of moments, nothing is written.
    AccountPreparing,
    /// The Account, or its parent account, must become usable.
    Account,
    /// The gate lets it pass later; nothing is written.
    Gate,
    /// Requests sent before the fence may still commit.
    Settle,
    /// The walk over the parent's list that shows whether anything is left.
    CleanWalk,
    /// The deleted account is still there.
    StillThere,
    /// Retention of a closed Record.
    Retention,
    /// The guard time between the Record and its POST ran out; the next pass starts anew.
    Guard,
    /// Vobiz answered 429.
    RateLimited,
    /// Vobiz could not be reached or answered 5xx.
    Unavailable,
    /// It is not known whether a create request was carried out.
    OutcomeUnknown,
    /// Vobiz refuses for now, and said until when.
    CoolOff,
    /// Kubernetes refuses to store the Secret; the pair is safe in the Record.
    SecretForbidden,
    /// The Kubernetes API refused or could not be reached.
    Cluster,
}

/// What a person must look at.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Block {
    /// The spec cannot be applied as it stands.
    InvalidSpec,
    /// The stored object cannot be read.
    Unsupported,
    /// Vobiz forbids it for this one account.
    Forbidden,
    /// A gone object of the same name left an account.
    OrphanFound,
    /// The account was deleted outside.
    ExternalResourceMissing,
    /// The Secret belongs to somebody else.
    SecretConflict,
    /// The pair is nowhere to be found.
    CredentialsLost,
    /// Vobiz answered creates with something that is no pair, three times in a row.
    UnusableAnswer,
}

/// The next step.
#[must_use]
pub fn plan(facts: &Facts) -> Step {
    match facts.made {
        Made::Pair => return Step::Bind,
        Made::Fenced => return Step::DeleteMade,
        Made::Nothing => {}
    }
    match facts.object {
        Object::Live => live(facts),
        Object::Deleting if facts.finalizer => deleting(facts),
        Object::Deleting => Step::Rest(Rest::Settled),
        Object::Unseen => janitor(facts),
    }
}

fn live(facts: &Facts) -> Step {
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

fn deleting(facts: &Facts) -> Step {
    match facts.record {
        Record::Unread => Step::ReadRecord,
        Record::Present { quorum: false, .. } => Step::ReadRecord,
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
            _ => Step::Close,
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
fn delete(facts: &Facts) -> Option<Step> {
    match facts.remote {
        Remote::Gone => None,
        Remote::StillThere => Some(waiting(Wait::StillThere)),
        Remote::Deleted => Some(with_account(facts, Step::ReadAccount)),
        Remote::Unknown | Remote::Unlisted | Remote::Matches | Remote::Differs | Remote::Stubborn => {
            Some(with_account(facts, Step::Delete))
        }
    }
}

/// What is left to do about an account that is to be disabled and kept: it must be shown to be disabled.
fn keep_disabled(facts: &Facts) -> Option<Step> {
    match facts.remote {
        Remote::Matches | Remote::Gone => None,
        Remote::Stubborn => Some(waiting(Wait::StillThere)),
        Remote::Differs => Some(with_account(facts, Step::Update)),
        Remote::Unknown | Remote::Unlisted | Remote::Deleted | Remote::StillThere => {
            Some(with_account(facts, Step::ReadAccount))
        }
    }
}

/// How the fenced epochs come to be proved absent.
fn sweep(fence: Fence, facts: &Facts) -> Step {
    match fence {
        Fence::Settling => waiting(Wait::Settle),
        Fence::Unwalked | Fence::Clean => with_account(facts, waiting(Wait::CleanWalk)),
        Fence::Leftovers => with_account(facts, Step::DeleteLeftover),
    }
}

/// The janitor's pass: a Record is looked after whether its object lives or not.
fn janitor(facts: &Facts) -> Step {
    let Record::Present {
        phase,
        fenced,
        quorum: true,
    } = facts.record
    else {
        return match facts.record {
            Record::Absent => Step::Rest(Rest::Settled),
            Record::Unread | Record::Present { .. } => Step::ReadRecord,
        };
    };
    match facts.confirmation {
        Confirmation::Unasked => return Step::Confirm,
        // Refuted: no object of this uid exists any more, proved by quorum.
        Confirmation::Refuted => {}
        Confirmation::Confirmed if fenced => return sweep_or(facts, Step::Rest(Rest::Settled)),
        Confirmation::Confirmed => return Step::Rest(Rest::Settled),
    }
    match phase {
        Phase::Open { .. } => Step::Close,
        // A restore brings objects back with new uids: the account is reported, never deleted.
        Phase::Bound if fenced => sweep_or(facts, Step::Rest(Rest::Settled)),
        Phase::Bound => Step::Rest(Rest::Settled),
        Phase::Kept { disable } => match disable.then(|| keep_disabled(facts)).flatten() {
            Some(step) => step,
            None if fenced => sweep_or(facts, Step::Rest(Rest::Settled)),
            None => Step::Rest(Rest::Settled),
        },
        Phase::Closed { account: _ } if facts.parent_abandoned && facts.retention_over => Step::DropRecord,
        Phase::Closed { account } => match account.then(|| prove_deleted(facts)).flatten() {
            Some(step) => step,
            None if !fenced => Step::DropRecord,
            None if facts.fence != Fence::Clean => sweep(facts.fence, facts),
            None if facts.retention_over => Step::DropRecord,
            None => waiting(Wait::Retention),
        },
    }
}

fn sweep_or(facts: &Facts, clean: Step) -> Step {
    if facts.fence == Fence::Clean {
        clean
    } else {
        sweep(facts.fence, facts)
    }
}

/// As [`delete`], but looking first: the pass that closed the Record has most likely deleted the account already.
fn prove_deleted(facts: &Facts) -> Option<Step> {
    match facts.remote {
        Remote::Unknown | Remote::Unlisted => Some(with_account(facts, Step::ReadAccount)),
        _ => delete(facts),
    }
}

fn with_account(facts: &Facts, step: Step) -> Step {
    match facts.account {
        Account::Preparing => waiting(Wait::AccountPreparing),
        Account::Unavailable => waiting(Wait::Account),
        Account::Closing | Account::Ready => step,
    }
}

fn waiting(wait: Wait) -> Step {
    Step::Rest(Rest::Waiting(wait))
}

fn blocked(block: Block) -> Step {
    Step::Rest(Rest::Blocked(block))
}
