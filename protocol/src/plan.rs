//! Decides the next step of a pass from its facts. PURE and total: the same function runs in the operator and in proofs.
//!
//! Guarantees, each held by a rule of the create and delete protocol:
//! - nothing is posted before a Record says so, and no epoch is posted twice;
//! - nothing is deleted but a bound account under a closed Record, or an account with a fenced marker;
//! - the finalizer goes only when nothing can be left, or the policy says keep.
//!
//! The comments name the rule or the promise of `docs/reliability.md` that needs an arm, by its number there.

mod adopt;
mod deleting;
mod janitor;
mod live;

use super::facts::{Account, Confirmation, Directive, Facts, Fence, Made, Object};

/// One act. At most one write follows from it, with the reads that belong to it; [`Step::Bind`] alone may have to try its write
/// once more. [`Step::Rest`] ends the pass.
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
    /// Create the Record of an account that is there already: the intent, written before the look at who else holds that account.
    OpenAdoption,
    /// Delete the Record of an adoption that is not to be: nothing was posted under it, and nothing is bound.
    WithdrawAdoption,
    /// Bind the account that is there already.
    Adopt,
    /// Claim the next epoch of an open Record and fence the ones before it.
    TakeOver,
    /// Claim the next epoch of a closed Record whose account is gone, to make it anew.
    Reopen,
    /// Close the open Record of an earlier object of this name.
    ClosePredecessor,
    /// Make the Record of an earlier object of this name this object's.
    Reclaim,
    /// Read the object again by quorum.
    Confirm,
    /// Post the account, with the marker of the Record's epoch.
    Create,
    /// Write the pair into the Record.
    Bind,
    /// Read the user's Secret.
    ReadSecret,
    /// Find out whose the account is that the status or the spec names.
    JudgeClaim,
    /// Ask Vobiz about the pair in the user's Secret.
    ProvePair,
    /// Ask Vobiz for the token of the account that the status names.
    RecoverPair,
    /// Write the proven id into the object's status, and end.
    AdoptIdentity,
    /// Take the id of an account that is gone out of the object's status.
    ForgetIdentity,
    /// Write the proven pair into the rebuilt Record, or into one that is bound without a token.
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
    /// A person paused it.
    Paused,
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
    /// A list that does not show the account either for which Vobiz answers 404.
    List,
    /// The walk that is to prove many deletions at once, this one among them; nothing is written.
    SharedProof,
    /// Others who are about to have the account, and give way to this object.
    Rival,
    /// The deleted account, or the Secret of an earlier object of this name, is still there.
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
    /// Somebody keeps taking the pair out of the Secret: it is put back after a while.
    SecretContested,
    /// Kubernetes refuses to store something else.
    WriteRefused,
    /// Pairs of other creates are in memory only: Kubernetes refuses to store their Records.
    PairsHeld,
    /// The Kubernetes API could not be reached, or failed.
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
    /// Nothing allows the object to have the account that its spec names.
    AdoptionNotAllowed,
    /// The status or the spec names an account that is somebody else's.
    AuthIdConflict,
    /// The Account does not serve the namespace.
    NamespaceNotAllowed,
    /// The pair is nowhere to be found.
    CredentialsLost,
    /// Vobiz answered creates with something that is no pair, three times in a row.
    UnusableAnswer,
}

/// The next step.
#[must_use]
pub fn plan(facts: &Facts) -> Step {
    match facts.made {
        // Promise 1: it is written down before anything else. Rules 24, 31.
        Made::Pair => return Step::Bind,
        // Nothing is written to Vobiz for it: the janitor finds what the attempt left. Rule 49.
        Made::Fenced if facts.observes => return Step::Rest(Rest::Outdated),
        // The Record itself showed that the attempt is void. Rules 4, 18.
        Made::Fenced => return Step::DeleteMade,
        Made::Nothing => {}
    }
    match (facts.object, facts.directive) {
        // Rules 6, 7, 9.
        (Object::Unseen, _) => janitor::janitor(facts),
        // Let go already: what is still to be looked after is the janitor's. Promise 4.
        (Object::Deleting, _) if !facts.finalizer => Step::Rest(Rest::Settled),
        // Promise 3: a person says so, and by quorum still does.
        (Object::Deleting, Directive::ForceDelete) => match facts.confirmation {
            Confirmation::Unasked => Step::Confirm,
            Confirmation::Confirmed => Step::ReleaseFinalizer,
            Confirmation::Refuted => Step::Rest(Rest::Outdated),
        },
        // A person's word again; nothing is decided meanwhile.
        (_, Directive::Pause) => waiting(Wait::Paused),
        // Promise 3.
        (Object::Deleting, Directive::Manage) => deleting::deleting(facts),
        // Promise 1.
        (Object::Live, _) => live::live(facts),
    }
}

/// How the fenced epochs come to be proved absent.
fn sweep(fence: Fence, facts: &Facts) -> Step {
    match fence {
        // Rule 6.
        Fence::Settling => waiting(Wait::Settle),
        // Rules 39, 42.
        Fence::Unwalked | Fence::Clean => with_account(facts, waiting(Wait::CleanWalk)),
        // Rules 5, 30.
        Fence::Leftovers => with_account(facts, Step::DeleteLeftover),
    }
}

/// Only through an Account of the recorded parent. Rule 41.
fn with_account(facts: &Facts, step: Step) -> Step {
    match facts.account {
        Account::Preparing => waiting(Wait::AccountPreparing),
        Account::Unavailable => waiting(Wait::Account),
        // Promise 6.
        Account::NotAllowed => blocked(Block::NamespaceNotAllowed),
        Account::Closing | Account::Ready => step,
    }
}

/// The step, once a quorum read has shown that the object is still what this pass took it for.
fn confirmed(facts: &Facts, step: impl FnOnce() -> Step) -> Step {
    match facts.confirmation {
        Confirmation::Unasked => Step::Confirm,
        // Rule 10.
        Confirmation::Refuted => Step::Rest(Rest::Outdated),
        Confirmation::Confirmed => step(),
    }
}

fn waiting(wait: Wait) -> Step {
    Step::Rest(Rest::Waiting(wait))
}

fn blocked(block: Block) -> Step {
    Step::Rest(Rest::Blocked(block))
}

#[cfg(test)]
mod tests;
