//! The table of what is told of each way in which a pass ends: what Ready says and why, what people read, which event goes with it, and
//! when it is looked at again. PURE.

use super::findings::{AccountState, Conflict, Findings, refusals};
use crate::crd::condition::Reason;
use crate::crd::event::EventReason;
use crate::subaccount::plan::{Block, Rest, Wait};
use std::time::Duration;

/// Stalled objects are looked at again after this long, even if nobody changed anything.
pub const STALLED_PROBE: Duration = Duration::from_mins(15);

/// Where a person must put a Secret right, it is looked at this often at least.
pub const SECRET_PROBE: Duration = Duration::from_mins(1);

/// It is looked at no more often than this: nobody who mends one waits for longer.
const SECRET_PROBE_OF_FEW: Duration = Duration::from_secs(3);

/// How many of those who wait so are looked at in a second, all of them together: a restore makes thousands of them at once.
const SECRET_PROBES_PER_SECOND: u32 = 10;

/// How often those look who wait until pairs of others are stored; they ask nobody.
pub const HELD_PROBE: Duration = Duration::from_secs(5);

/// What is told of one way in which a pass ends.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// What Ready says of a living object, and why.
    pub ready: Ready,
    /// Why Synced is false, where a request failed.
    pub synced: Reason,
    /// What people read; empty where the failed request says it, or nothing is to be said.
    pub message: fn(&Findings<'_>) -> String,
    /// The event of its own; without one a failed request alone is worth an event.
    pub event: Option<EventReason>,
    /// When it is looked at again, where no clock says more; none: when an object at rest is.
    pub next: Option<Next>,
}

/// What Ready says of a living object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ready {
    /// That it is as its manifest says.
    Settled,
    /// Nothing: what was said before stands.
    Unsaid,
    /// That it is not there yet, and will be by itself.
    Waiting(Reason),
    /// That a person must act.
    Stalled(Reason),
}

/// When the next pass is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// After this time.
    After(Duration),
    /// After a pause that grows with every failure.
    Backoff,
    /// When something wakes it; the time is a safety net.
    Woken,
    /// When the gate wakes it: it keeps the place of everyone who waits, and needs no safety net.
    InTurn,
}

/// The ends of a pass, each with its row: no end is without one, and all of them can be counted.
macro_rules! table {
    ($(Rest::$rest:ident $(($of:ident::$kind:ident))? => $row:expr,)+) => {
        /// Every way in which a pass ends.
        pub const RESTS: &[Rest] = &[$(Rest::$rest $(($of::$kind))?,)+];

        /// Its row.
        #[must_use]
        pub fn row(rest: Rest) -> Row {
            match rest { $(Rest::$rest $(($of::$kind))? => $row,)+ }
        }
    };
}

table! {
    Rest::Settled => Row { ready: Ready::Settled, next: None, ..unsaid(Next::Woken) },
    Rest::Outdated => unsaid(Next::Backoff),

    Rest::Waiting(Wait::Paused) => unsaid(Next::Woken),
    Rest::Waiting(Wait::AccountPreparing) => unsaid(Next::Woken),
    Rest::Waiting(Wait::Account) => Row {
        event: Some(EventReason::DependencyNotReady),
        ..waits(Reason::DependencyNotReady, Next::Woken, account)
    },
    Rest::Waiting(Wait::Gate) => unsaid(Next::InTurn),
    Rest::Waiting(Wait::Settle) => waits(Reason::Progressing, Next::Backoff, |_| {
        "waits until an earlier create request can no longer take effect".to_owned()
    }),
    Rest::Waiting(Wait::CleanWalk) => waits(Reason::Progressing, Next::Woken, clean_walk),
    Rest::Waiting(Wait::List) => waits(Reason::ProgressingWithRetry, Next::Woken, |_| {
        "Vobiz answers 404 for the subaccount: waits until the list of subaccounts does not show it either; if it goes on, Vobiz has \
         lost its way to single subaccounts: tell its support".to_owned()
    }),
    Rest::Waiting(Wait::SharedProof) => unsaid(Next::Woken),
    Rest::Waiting(Wait::Rival) => waits(Reason::Progressing, Next::Backoff, |found| format!(
        "another Subaccount names {} too, came second and gives way: waits until it has",
        found.named
    )),
    Rest::Waiting(Wait::StillThere) => fails(Reason::ReconcileError, |_| {
        "the subaccount is not yet as Vobiz said it would be".to_owned()
    }),
    Rest::Waiting(Wait::Retention) => waits(Reason::Progressing, Next::Woken, wordless),
    Rest::Waiting(Wait::Guard) => unsaid(Next::Backoff),
    Rest::Waiting(Wait::RateLimited) => fails(Reason::RateLimited, wordless),
    Rest::Waiting(Wait::Unavailable) => fails(Reason::VobizUnavailable, wordless),
    Rest::Waiting(Wait::OutcomeUnknown) => Row {
        event: Some(EventReason::CreateOutcomeUnknown),
        ..fails(Reason::VobizUnavailable, wordless)
    },
    Rest::Waiting(Wait::CoolOff) => fails(Reason::ReconcileError, wordless),
    Rest::Waiting(Wait::SecretForbidden) => waits(Reason::WriteRefused, Next::Backoff, refused),
    Rest::Waiting(Wait::SecretContested) => waits(Reason::ProgressingWithRetry, Next::Backoff, |found| {
        found.contest.clone().unwrap_or_default()
    }),
    Rest::Waiting(Wait::WriteRefused) => waits(Reason::WriteRefused, Next::Backoff, refused),
    Rest::Waiting(Wait::PairsHeld) => waits(Reason::WriteRefused, Next::After(HELD_PROBE), |_| {
        "nothing is created while pairs of other subaccounts are in the operator's memory only, for their records cannot be \
         written: their objects, and /readyz, say why".to_owned()
    }),
    Rest::Waiting(Wait::Cluster) => fails(Reason::ReconcileError, wordless),

    Rest::Blocked(Block::InvalidSpec) => stalls(Reason::InvalidSpec, invalid_spec),
    Rest::Blocked(Block::Unsupported) => stalls(Reason::Unsupported, |_| UNREADABLE.to_owned()),
    Rest::Blocked(Block::Forbidden) => stalls(Reason::Forbidden, wordless),
    Rest::Blocked(Block::OrphanFound) => mended(Reason::OrphanFound, orphan_found),
    Rest::Blocked(Block::ExternalResourceMissing) => stalls(Reason::ExternalResourceMissing, missing),
    Rest::Blocked(Block::SecretConflict) => mended(Reason::SecretConflict, |found| format!(
        "the Secret {} belongs to somebody else, holds more than the pair, or is of another type: remove it, name another one in \
         spec.secretRef, or, if nobody controls it, have it taken over by the annotation vobiz.ai/allow-adoption: \"true\"; it is looked at \
         again within a minute",
        found.secret_name
    )),
    Rest::Blocked(Block::AuthIdConflict) => mended(Reason::AuthIdConflict, conflict),
    Rest::Blocked(Block::NamespaceNotAllowed) => stalls(Reason::NamespaceNotAllowed, |found| format!(
        "the {} does not allow this namespace: have it added to its spec.allowedNamespaces, or delete this object, which works \
         all the same",
        found.account
    )),
    Rest::Blocked(Block::AdoptionNotAllowed) => mended(Reason::AdoptionNotAllowed, |found| format!(
        "nothing allows this object to have {}: put the working pair of that subaccount into the Secret {} with the annotation \
         vobiz.ai/allow-adoption: \"true\", or have it listed in spec.adoptable of the {}",
        found.named, found.secret_name, found.account
    )),
    Rest::Blocked(Block::CredentialsLost) => mended(Reason::CredentialsLost, credentials_lost),
    Rest::Blocked(Block::UnusableAnswer) => stalls(Reason::UnusableAnswer, |_| {
        "Vobiz answered three creates with something that is no pair: no more are sent for a while; edit the spec, or \
         set the annotation vobiz.ai/reconcile-requested-at to another value, to have it tried again at once".to_owned()
    }),
}

/// What a stored object says that cannot be read.
pub const UNREADABLE: &str = "the stored object cannot be read by this version of the operator: apply it again as its schema asks, or \
                              run the version that wrote it";

/// When a Secret is looked at again that a person must put right, where so many objects wait for that.
#[must_use]
pub fn secret_probe(waiting: usize) -> Duration {
    let waiting = u32::try_from(waiting).unwrap_or(u32::MAX);
    Duration::from_secs(u64::from(waiting / SECRET_PROBES_PER_SECOND))
        .clamp(SECRET_PROBE_OF_FEW, SECRET_PROBE)
}

/// A rest of which nothing is told.
fn unsaid(next: Next) -> Row {
    Row {
        ready: Ready::Unsaid,
        synced: Reason::ReconcileError,
        message: wordless,
        event: None,
        next: Some(next),
    }
}

/// What goes on by itself.
fn waits(reason: Reason, next: Next, message: fn(&Findings<'_>) -> String) -> Row {
    Row {
        ready: Ready::Waiting(reason),
        message,
        ..unsaid(next)
    }
}

/// What is tried again, ever more rarely.
fn fails(synced: Reason, message: fn(&Findings<'_>) -> String) -> Row {
    Row {
        synced,
        ..waits(Reason::ProgressingWithRetry, Next::Backoff, message)
    }
}

/// What waits for a person.
fn stalls(reason: Reason, message: fn(&Findings<'_>) -> String) -> Row {
    Row {
        ready: Ready::Stalled(reason),
        message,
        ..unsaid(Next::After(STALLED_PROBE))
    }
}

/// What a person mends in a Secret or a Record. Nobody tells when that was done: it is looked at, and Vobiz is not asked.
fn mended(reason: Reason, message: fn(&Findings<'_>) -> String) -> Row {
    Row {
        event: EventReason::of(reason),
        next: Some(Next::After(SECRET_PROBE)),
        ..stalls(reason, message)
    }
}

fn wordless(_: &Findings<'_>) -> String {
    String::new()
}

fn refused(found: &Findings<'_>) -> String {
    refusals(found.refused)
}

fn account(found: &Findings<'_>) -> String {
    let account = &found.account;
    match &found.account_state {
        AccountState::Missing => format!("the {account} does not exist"),
        AccountState::Unwatched => format!(
            "the {account} is not looked at: this operator runs with --cluster-accounts=false, or may not list ClusterAccounts and \
             namespaces; ask whoever runs it, or use an Account"
        ),
        AccountState::NotReady(None) => format!("the {account} is not ready"),
        AccountState::NotReady(Some(reason)) => format!("the {account} is not ready: {reason}"),
        AccountState::Closing => format!("the {account} is being deleted"),
        AccountState::Moved { to, recorded } => {
            format!("the {account} now belongs to {to}, and this subaccount lives under {recorded}")
        }
    }
}

fn clean_walk(found: &Findings<'_>) -> String {
    if found.is_marked_elsewhere {
        "waits until the list of the API generation under which it was being made shows that nothing is left behind; if Vobiz \
         serves that no more, look in its console for an account whose description ends with [vobiz-operator ...], delete it, and \
         set the annotation vobiz.ai/force-delete to \"true\" on this object once it is being deleted"
            .to_owned()
    } else {
        "waits until the list of subaccounts shows that nothing is left behind".to_owned()
    }
}

fn missing(found: &Findings<'_>) -> String {
    if found.is_adoption {
        format!(
            "the parent account has no subaccount {}: none is made in its place; delete this object, and create one that names a \
             subaccount which is there, or none",
            found.named
        )
    } else {
        "the subaccount was deleted at Vobiz by somebody else: set spec.credentialRecovery to Recreate to have another made, or \
         delete this object"
            .to_owned()
    }
}

fn invalid_spec(found: &Findings<'_>) -> String {
    match found.invalid {
        Some(invalid) => invalid.to_string(),
        None if found.observes_nothing => {
            "managementPolicy ObserveOnly has nothing to look at: create the object with spec.authId, or set managementPolicy to Full"
                .to_owned()
        }
        None => format!(
            "Vobiz does not keep what the spec sets ({}): change the spec to what Vobiz shows",
            found.differing.join(", ")
        ),
    }
}

fn orphan_found(found: &Findings<'_>) -> String {
    if found.is_another_left {
        "the status names an account that is lost, and an earlier object of this name left another one: set spec.deletion.policy \
         to Retain, delete this object, apply it again without its old status, and set the annotation vobiz.ai/reclaim to \
         \"true\" to take the other one over"
            .to_owned()
    } else {
        "an earlier object of this name left an account that is kept: set the annotation \
         vobiz.ai/reclaim to \"true\" to take it over, or delete this object and create one with another name"
            .to_owned()
    }
}

/// Names nothing of another namespace but that there is something.
fn conflict(found: &Findings<'_>) -> String {
    let id = &found.named;
    let field = if found.is_adoption {
        "spec.authId"
    } else {
        "status.authId"
    };
    match found.conflict {
        Some(Conflict::Record | Conflict::Status) | None if found.is_adoption => format!(
            "spec.authId names {id}, which another Subaccount keeps, or is about to: delete this object, which leaves the subaccount as \
             it is, or the other one, with policy Retain; what an earlier object kept is had by one of the same name"
        ),
        Some(Conflict::Installation) => format!(
            "{field} names {id}, which another installation of the operator made: set the annotation vobiz.ai/reclaim to \
             \"true\" if this one is to keep it from here on, or delete this object, which leaves it as it is"
        ),
        Some(Conflict::Status) => format!(
            "status.authId names {id}, and so does the status of another Subaccount: delete the one that is not meant, which leaves \
             the subaccount as it is"
        ),
        Some(Conflict::NoId) => "status.authId can be no subaccount's: delete this object, and apply it again without its old status; \
             what was made for it, if anything was, shows as an orphan of its Account"
            .to_owned(),
        Some(Conflict::Record) | None => format!(
            "status.authId names {id}, which another Subaccount keeps: delete this object, which leaves the subaccount as it is, and \
             apply it again without its old status to have one of its own"
        ),
    }
}

fn credentials_lost(found: &Findings<'_>) -> String {
    let name = &found.secret_name;
    let lost = if found.is_pair_refused {
        format!("the pair is lost, and Vobiz refuses the one in the Secret {name}")
    } else {
        "the pair is lost and Vobiz shows no token a second time".to_owned()
    };
    if found.is_adoption {
        return format!(
            "the token of {} is not known, and Vobiz does not show it: put its pair into the Secret {name} with the annotation \
             vobiz.ai/allow-adoption: \"true\", which is looked at again within a minute",
            found.named
        );
    }
    let instead = if found.is_unmarked {
        "delete this object, which leaves the subaccount as it is"
    } else if found.may_be_recreated {
        "set spec.credentialRecovery to Recreate to have another subaccount made in place of this one"
    } else {
        "choose another name"
    };
    format!(
        "{lost}: put it back into the Secret {name}, which is looked at again within a minute, or {instead}"
    )
}

#[cfg(test)]
mod tests;
