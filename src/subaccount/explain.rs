//! What a rest that `plan` decided on is told people as: stable text, and what to do. I/O (reads the clock; no request).

use super::known::{Conflict, KnownPair, KnownPredecessor};
use super::outcome::Outcome;
use super::pass::Pass;
use super::plan::{Block, Rest, Wait};
use crate::clock::now;
use crate::crd::condition::Reason;

/// What to tell people about a rest that `plan` decided on.
pub(super) fn explain(pass: &Pass<'_>, rest: Rest) -> Outcome {
    let spec = pass.object().map(|object| &object.spec);
    match rest {
        Rest::Settled | Rest::Outdated => Outcome::new(rest, ""),
        Rest::Waiting(wait) => {
            let message = match wait {
                Wait::Account => waits_for_account(pass),
                Wait::Settle => "waits until an earlier create request can no longer take effect".to_owned(),
                Wait::CleanWalk if marked_elsewhere(pass) => {
                    "waits until the list of the API generation under which it was being made shows that nothing is left behind; if Vobiz \
                     serves that no more, look in its console for an account whose description ends with [vobiz-operator ...], delete it, and \
                     set the annotation vobiz.ai/force-delete to \"true\" on this object once it is being deleted"
                        .to_owned()
                }
                Wait::CleanWalk => {
                    "waits until the list of subaccounts shows that nothing is left behind".to_owned()
                }
                Wait::List => {
                    "Vobiz answers 404 for the subaccount: waits until the list of subaccounts does not show it either; if it goes on, Vobiz has \
                     lost its way to single subaccounts: tell its support"
                        .to_owned()
                }
                Wait::SecretForbidden | Wait::WriteRefused => pass.told_of_refusals(),
                Wait::SecretContested => pass.told_of_contest().unwrap_or_default(),
                Wait::PairsHeld => {
                    "nothing is created while pairs of other subaccounts are in the operator's memory only, for their records cannot be \
                     written: their objects, and /readyz, say why"
                        .to_owned()
                }
                Wait::StillThere => "the subaccount is not yet as Vobiz said it would be".to_owned(),
                _ => String::new(),
            };
            let after = match wait {
                Wait::Settle => Some(pass.walk_not_before().saturating_duration_since(now())),
                Wait::SecretContested => Some(pass.secret_due_in()),
                Wait::Retention => pass.retention_left(),
                _ => None,
            };
            Outcome {
                refusal: pass
                    .refused
                    .iter()
                    .find_map(|(refusal, _)| refusal.clone().map(Box::new)),
                ..Outcome::waiting(wait, after, message)
            }
        }
        Rest::Blocked(block) => {
            let message = match block {
                Block::InvalidSpec => match &pass.desired {
                    Some(Err(invalid)) => invalid.to_string(),
                    _ => format!(
                        "Vobiz does not keep what the spec sets ({}): change the spec to what Vobiz shows",
                        pass.differing().join(", ")
                    ),
                },
                Block::OrphanFound if matches!(pass.known.predecessor, KnownPredecessor::Another) => {
                    "the status names an account that is lost, and an earlier object of this name left another one: set spec.deletion.policy \
                     to Retain, delete this object, apply it again without its old status, and set the annotation vobiz.ai/reclaim to \
                     \"true\" to take the other one over"
                        .to_owned()
                }
                Block::OrphanFound => {
                    "an earlier object of this name left an account that is kept: set the annotation \
                     vobiz.ai/reclaim to \"true\" to take it over, or delete this object and create one with another name"
                        .to_owned()
                }
                Block::ExternalResourceMissing => {
                    "the subaccount was deleted at Vobiz by somebody else: set spec.credentialRecovery to Recreate to have another \
                     made, or delete this object"
                        .to_owned()
                }
                Block::SecretConflict => {
                    let name = pass.object().map(super::secret::name_of).unwrap_or_default();
                    format!(
                        "the Secret {name} belongs to somebody else, holds more than the pair, or is of another type: remove it, or \
                         name another one in spec.secretRef; it is looked at again within a minute"
                    )
                }
                Block::CredentialsLost => credentials_lost(pass),
                Block::AuthIdConflict => conflict(pass),
                Block::UnusableAnswer => {
                    "Vobiz answered three creates with something that is no pair: no more are sent for a while; edit the spec, or \
                     set the annotation vobiz.ai/reconcile-requested-at to another value, to have it tried again at once"
                        .to_owned()
                }
                Block::Unsupported | Block::Forbidden => {
                    spec.map(|spec| format!("Account {}", spec.account_ref.name)).unwrap_or_default()
                }
            };
            Outcome::blocked(block, message)
        }
    }
}

fn credentials_lost(pass: &Pass<'_>) -> String {
    let name = pass.object().map(super::secret::name_of).unwrap_or_default();
    let found = match pass.known.evidence {
        KnownPair::Unread | KnownPair::Nothing => {
            "the pair is lost and Vobiz shows no token a second time".to_owned()
        }
        KnownPair::Claimed(_) | KnownPair::Disproved | KnownPair::Proven(..) => {
            format!("the pair is lost, and Vobiz refuses the one in the Secret {name}")
        }
    };
    let instead = if pass.known.is_unmarked() {
        "delete this object, which leaves the subaccount as it is"
    } else if pass.known.is_named() && pass.known.left_id().is_none() {
        "set spec.credentialRecovery to Recreate to have another subaccount made in place of this one"
    } else {
        "choose another name"
    };
    format!(
        "{found}: put it back into the Secret {name}, which is looked at again within a minute, or {instead}"
    )
}

/// Names nothing of another namespace but that there is something.
fn conflict(pass: &Pass<'_>) -> String {
    let id = pass.known.named_id().map(|id| id.to_string()).unwrap_or_default();
    match pass.conflict() {
        Some(Conflict::Installation) => format!(
            "status.authId names {id}, which another installation of the operator made: set the annotation vobiz.ai/reclaim to \
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

/// An attempt was marked where the list that its Account reads does not show it.
fn marked_elsewhere(pass: &Pass<'_>) -> bool {
    let (Some(access), Some(record)) = (pass.access(), pass.known.record()) else {
        return false;
    };
    !record.ledger.is_shown_by(access.generation)
}

fn waits_for_account(pass: &Pass<'_>) -> String {
    let name = pass
        .object()
        .map_or("", |object| object.spec.account_ref.name.as_str());
    let recorded = pass.parent();
    match &pass.account {
        None if pass.context.account_exists(&pass.key.namespace, name) => {
            format!("the Account {name} is not ready: {}", Reason::Unsupported)
        }
        None => format!("the Account {name} does not exist"),
        Some(account) => match (&account.trouble, &account.access) {
            (Some(trouble), _) => format!("the Account {name} is not ready: {}", trouble.reason),
            (None, Some(access)) => match recorded.filter(|recorded| *recorded != access.parent.id) {
                Some(recorded) => format!(
                    "the Account {name} now belongs to {}, and this subaccount lives under {recorded}",
                    access.parent.id
                ),
                None if account.closing => format!("the Account {name} is being deleted"),
                None => format!("the Account {name} is not ready"),
            },
            (None, None) if account.closing => format!("the Account {name} is being deleted"),
            (None, None) => format!("the Account {name} is not ready"),
        },
    }
}
