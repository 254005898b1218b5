//! What a rest that `plan` decided on is told people as: stable text, and what to do. I/O (reads the clock; no request).

use super::outcome::Outcome;
use super::pass::{Pass, now};
use super::plan::{Block, Rest, Wait};
use crate::crd::condition::Reason;

/// What to tell people about a rest that `plan` decided on.
pub(super) fn explain(pass: &Pass<'_>, rest: Rest) -> Outcome {
    let spec = pass.object.as_ref().map(|object| &object.spec);
    match rest {
        Rest::Settled | Rest::Outdated => Outcome::new(rest, ""),
        Rest::Waiting(wait) => {
            let message = match wait {
                Wait::Account => waits_for_account(pass),
                Wait::Settle => "waits until an earlier create request can no longer take effect".to_owned(),
                Wait::CleanWalk => {
                    "waits until the list of subaccounts shows that nothing is left behind".to_owned()
                }
                Wait::StillThere => "the subaccount is not yet as Vobiz said it would be".to_owned(),
                _ => String::new(),
            };
            let after = match wait {
                Wait::Settle => Some(pass.walk_not_before().saturating_duration_since(now())),
                Wait::Retention => pass.retention_left(),
                _ => None,
            };
            Outcome::waiting(wait, after, message)
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
                Block::OrphanFound => {
                    "an earlier object of this name left an account that is kept: set the annotation \
                     vobiz.ai/reclaim to \"true\" to take it over, or choose another name"
                        .to_owned()
                }
                Block::ExternalResourceMissing => {
                    "the subaccount was deleted at Vobiz by somebody else: set spec.credentialRecovery to Recreate to have another \
                     made, or delete this object"
                        .to_owned()
                }
                Block::SecretConflict => {
                    let name = pass.object.as_ref().map(|object| super::secret::name_of(object)).unwrap_or_default();
                    format!(
                        "the Secret {name} belongs to somebody else or is of another type: remove it, or name another one in \
                         spec.secretRef"
                    )
                }
                Block::CredentialsLost => {
                    "the pair is lost and Vobiz shows no token a second time: put it back into the Secret, or set \
                     spec.credentialRecovery to Recreate to have another subaccount made in place of this one"
                        .to_owned()
                }
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

fn waits_for_account(pass: &Pass<'_>) -> String {
    let name = pass
        .object
        .as_ref()
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
