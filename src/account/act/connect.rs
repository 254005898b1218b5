//! From an Account's credentials to a client that works: reads the pair, tries it, finds the API generation. I/O.

use crate::account::access::Access;
use crate::account::act::sweep::settled;
use crate::account::context::AccountContext;
use crate::account::generation::Choice;
use crate::account::key::AccountKey;
use crate::account::object::AccountObject;
use crate::account::pair::credentials;
use crate::account::parent::listing::SweepError;
use crate::account::store::members::Terms;
use crate::account::store::registry::{Registry, Snapshot};
use crate::account::store::trials::{Line, NextTrial, Question, Verdict};
use crate::account::tell::trouble::AccountTrouble;
use crate::vobiz::{Error, Generation, ParentAuthId};
use k8s_openapi::api::core::v1::Secret;
use std::sync::Arc;
use std::time::Instant;

/// What came of it.
pub enum Connection {
    /// The pair works and the list answers.
    Good(Access),
    /// The pair is being tried, or waits for its turn, since then. Its end wakes the Account.
    Awaited(Instant),
    /// Not usable now. An access that worked before is kept, so that what it knows is not lost.
    Bad {
        /// The last good access.
        access: Option<Access>,
        /// Why.
        trouble: AccountTrouble,
    },
}

/// Has the pair tried only if it is new or was in doubt: at rest this sends nothing.
pub fn connect(
    account: &AccountObject,
    secret: Option<&Secret>,
    known: Option<&Snapshot>,
    context: &AccountContext,
) -> Connection {
    try_connect(account, secret, known, context).unwrap_or_else(|trouble| Connection::Bad {
        access: known.and_then(|snapshot| snapshot.access.clone()),
        trouble,
    })
}

fn try_connect(
    account: &AccountObject,
    secret: Option<&Secret>,
    known: Option<&Snapshot>,
    context: &AccountContext,
) -> Result<Connection, AccountTrouble> {
    let credentials = credentials(account, secret)?;
    let key = AccountKey::of(account);
    refuse_another_parent(account, &key, &credentials.auth_id, context)?;
    let terms = Terms::of(&account.spec);
    let question = Question {
        credentials: credentials.clone(),
        choice: Choice::of(account),
    };
    let registry = &context.registry;
    let is_in_doubt = || registry.doubts.take_pair(&key) || !known.is_some_and(Snapshot::is_connected);
    let (answer, line) = registry.trials.ask(&key, question, terms, is_in_doubt);
    if let Some(line) = line {
        context.errands.send(serve(Arc::clone(registry), line));
    }
    match answer {
        Verdict::Awaited(since) => Ok(Connection::Awaited(since)),
        Verdict::Failed(trouble) => Err(trouble),
        Verdict::Good(generation) => Ok(Connection::Good(registry.access(
            &key,
            credentials,
            generation,
            terms,
        ))),
    }
}

/// Tries the pairs of a line, one after the other.
async fn serve(registry: Arc<Registry>, line: Line) {
    while let Some(next) = registry.trials.next(&line) {
        let found = prove(&registry, &next).await;
        if !registry.trials.finish(&next, found) {
            registry.part(&next.account);
        }
        registry.wake(&next.account);
    }
}

/// Whether the pair works, and under which generation the list answers.
async fn prove(registry: &Registry, next: &NextTrial) -> Result<Generation, AccountTrouble> {
    let (credentials, choice) = (&next.question.credentials, next.question.choice);
    let asked = choice.asked();
    let proved = |generation| registry.access(&next.account, credentials.clone(), generation, next.terms);
    let access = match &next.gate {
        Some(own) => registry.trial_access(&next.account, credentials.clone(), asked[0], Arc::clone(own)),
        None => proved(asked[0]),
    };
    let answer = settled(&access, access.check().await);
    match &answer {
        Ok(()) => {
            registry.trials.note_proof(next, true);
            if next.gate.is_some() {
                // It is the parent's, as is known now, and counts there as well.
                proved(asked[0]).parent.gate.charge();
            }
        }
        Err(SweepError::List(Error::Unauthorized)) => registry.trials.note_proof(next, false),
        Err(_) => {}
    }
    answer.map_err(AccountTrouble::of_pair)?;
    let mut served = None;
    for generation in asked {
        let access = proved(generation);
        match settled(&access, access.list(0).await) {
            Ok(_) => {
                served = Some(generation);
                break;
            }
            Err(SweepError::List(error)) if error.says_wrong_path() => {}
            Err(error) => return Err(AccountTrouble::of_request(error)),
        }
    }
    let is_unserved = choice.first().is_some_and(|first| Some(first) != served);
    let is_retired = registry.doubts.note_generation(&next.account, is_unserved);
    let generation = choice.decide(served, is_retired)?;
    registry.doubts.note_generation(&next.account, false);
    Ok(generation)
}

/// Subaccounts live under the parent they were made under: other credentials must not orphan them.
fn refuse_another_parent(
    account: &AccountObject,
    key: &AccountKey,
    found: &ParentAuthId,
    context: &AccountContext,
) -> Result<(), AccountTrouble> {
    let recorded = account
        .status
        .as_ref()
        .and_then(|status| status.auth_id.as_deref());
    let Some(recorded) = recorded
        .and_then(|id| ParentAuthId::parse(id).ok())
        .filter(|recorded| recorded != found)
    else {
        return Ok(());
    };
    if !context.dependents.any_under(key, &recorded) {
        return Ok(());
    }
    Err(AccountTrouble::ParentChanged {
        // Nothing has proved yet that it is an id.
        found: found.says_main_account().then(|| found.clone()),
        recorded,
    })
}
