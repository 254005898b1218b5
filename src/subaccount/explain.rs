//! Gathers what a pass found for the words of a rest. I/O (reads the clock; no request).

use super::pass::Pass;
use super::plan::{Block, Rest, Wait};
use super::tell::{AccountState, Findings, Outcome};
use crate::clock::now;
use crate::crd::condition::Reason;

/// What to tell people about a rest that `plan` decided on.
pub(super) fn explain(pass: &Pass<'_>, rest: Rest) -> Outcome {
    Outcome::of_rest(rest, &findings(pass, rest))
}

fn findings<'a>(pass: &'a Pass<'_>, rest: Rest) -> Findings<'a> {
    let mut found = Findings {
        invalid: pass.desired.as_ref().and_then(|desired| desired.as_ref().err()),
        refused: &pass.refused,
        ..pass.known.findings()
    };
    // What costs a look elsewhere, only where it is told.
    match rest {
        Rest::Waiting(Wait::Account) => found.account_state = account_state(pass),
        Rest::Waiting(Wait::CleanWalk) => found.is_marked_elsewhere = is_marked_elsewhere(pass),
        Rest::Waiting(Wait::Settle) => {
            found.due_in = Some(pass.walk_not_before().saturating_duration_since(now()));
        }
        Rest::Waiting(Wait::SecretContested) => {
            found.contest = pass.told_of_contest();
            found.due_in = Some(pass.secret_due_in());
        }
        Rest::Waiting(Wait::Retention) => found.due_in = pass.retention_left(),
        Rest::Blocked(Block::AuthIdConflict) => found.conflict = pass.conflict(),
        Rest::Blocked(Block::InvalidSpec) => {
            let account = pass.remote_account();
            found.differing = account.map_or_else(Vec::new, |account| pass.differing(&account).names());
        }
        _ => {}
    }
    found
}

/// An attempt was marked where the list that its Account reads does not show it.
fn is_marked_elsewhere(pass: &Pass<'_>) -> bool {
    let (Some(access), Some(record)) = (pass.access(), pass.known.record()) else {
        return false;
    };
    !record.ledger.is_shown_by(access.generation)
}

fn account_state(pass: &Pass<'_>) -> AccountState {
    let Some(account) = &pass.account else {
        let own = pass.account_key();
        return match own.as_ref().and_then(|own| pass.context.account(own)) {
            Some(_) => AccountState::NotReady(Some(Reason::Unsupported)),
            None if own.is_some_and(|own| !pass.context.accounts.cover(own.namespace())) => {
                AccountState::Unwatched
            }
            None => AccountState::Missing,
        };
    };
    if let Some(trouble) = &account.trouble {
        return AccountState::NotReady(Some(trouble.row().reason));
    }
    let to = account.access.as_ref().map(|access| access.parent.id.clone());
    match (to, pass.parent()) {
        (Some(to), Some(recorded)) if to != recorded => AccountState::Moved { to, recorded },
        _ if account.closing => AccountState::Closing,
        _ => AccountState::NotReady(None),
    }
}
