//! What a Subaccount's status says about a pass, and which events go with it. PURE.

mod kyc;
mod managed;
pub mod paused;
mod published;

pub use kyc::kyc_differs;

use super::facts::{Facts, Object, UserSecret};
use super::outcome::Outcome;
use super::plan::{Block, Rest, Wait};
use super::wish;
use crate::account::generation::stored;
use crate::crd::condition::{self, ConditionStatus, ConditionType, NewCondition, Reason};
use crate::crd::{DeletionPolicy, NOT_OBSERVED, Subaccount, SubaccountStatus};
use crate::vobiz::{self, Generation};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kyc::{calls_allowed, kyc};
use paused::paused;
use published::published;

/// What a pass knows beyond its facts.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// What the pass decided on.
    pub facts: &'a Facts,
    /// The bound account's id.
    pub auth_id: Option<&'a vobiz::AuthId>,
    /// The recorded parent.
    pub parent: Option<&'a vobiz::ParentAuthId>,
    /// The recorded API generation.
    pub generation: Option<Generation>,
    /// The deletion policy in force; none while nobody can tell.
    pub policy: Option<DeletionPolicy>,
    /// Name of the user's Secret.
    pub secret_name: &'a str,
    /// The account as last seen.
    pub account: Option<&'a vobiz::Subaccount>,
    /// What to tell of writes that were refused and held nothing up.
    pub refused: &'a str,
    /// What to tell of somebody who keeps changing the user's Secret.
    pub contested: Option<&'a str>,
}

/// The status to write, if the pass has something to say that is not there already (apart from transition times).
#[must_use]
pub fn of(
    object: &Subaccount,
    view: &View<'_>,
    outcome: &Outcome,
    now: Timestamp,
) -> Option<SubaccountStatus> {
    let previous = object.status.clone().unwrap_or_default();
    let conditions = match (view.facts.object, outcome.rest) {
        (Object::Unseen, _) | (_, Rest::Outdated) => return None,
        (kind, Rest::Waiting(Wait::Paused)) => paused(kind, &previous),
        (Object::Deleting, rest) => deleting(rest, outcome)?,
        (Object::Live, rest) => live(&previous, view, rest, outcome)?,
    };
    let is_paused = outcome.rest == Rest::Waiting(Wait::Paused);
    // What a paused object asks for was not looked at, and is still to be seen as such.
    let generation = if is_paused {
        previous.observed_generation
    } else {
        object.metadata.generation.unwrap_or_default()
    };
    let published = view.facts.secret == UserSecret::Good;
    // A look that was not due tells nothing new: else a version that says more would write every status as it starts.
    let looked = outcome.rest == Rest::Settled && view.facts.secret != UserSecret::NotDue;
    let was_compared = looked || outcome.failed_request;
    let status = SubaccountStatus {
        observed_generation: generation,
        conditions: condition::merge(
            &previous.conditions,
            managed::told(
                with_previous(conditions, &previous.conditions),
                object,
                &previous,
                view,
                was_compared,
            ),
            generation.max(0),
            now,
        ),
        auth_id: view
            .auth_id
            .map(ToString::to_string)
            .or_else(|| previous.auth_id.clone()),
        // While the Secret of an earlier spec.secretRef cannot be removed, its name is not forgotten.
        secret_name: if published && !view.facts.write_refused {
            Some(view.secret_name.to_owned())
        } else {
            previous.secret_name.clone()
        },
        parent_auth_id: view
            .parent
            .map(ToString::to_string)
            .or_else(|| previous.parent_auth_id.clone()),
        api_generation: view.generation.map(stored).or(previous.api_generation),
        deletion_policy: view.policy.or(previous.deletion_policy),
        kyc: view.account.map_or_else(|| previous.kyc.clone(), kyc),
        // A bound account that was to be looked at and was not: that is still to be done.
        last_handled_reconcile_at: if is_paused
            || (view.facts.requested && view.auth_id.is_some() && matches!(outcome.rest, Rest::Waiting(_)))
        {
            previous.last_handled_reconcile_at.clone()
        } else {
            wish::request(object).map(str::to_owned)
        },
    };
    // A policy that was never told waits for a look that is due, for the same reason.
    let is_told = previous.deletion_policy.is_some() || view.facts.secret != UserSecret::NotDue;
    let unchanged = SubaccountStatus {
        conditions: previous.conditions.clone(),
        deletion_policy: status.deletion_policy.filter(|_| is_told),
        ..status.clone()
    } == previous
        && condition::same(&status.conditions, &previous.conditions);
    (!unchanged).then_some(status)
}

/// Whether the status says that the object's present spec is applied: it then stays untouched while its parent is in
/// trouble.
#[must_use]
pub fn is_applied(object: &Subaccount) -> bool {
    object.status.as_ref().is_some_and(|status| {
        Some(status.observed_generation) == object.metadata.generation
            && condition::find(&status.conditions, ConditionType::Ready)
                .is_some_and(|ready| ready.status == ConditionStatus::True.as_str())
    })
}

fn live(
    previous: &SubaccountStatus,
    view: &View<'_>,
    rest: Rest,
    outcome: &Outcome,
) -> Option<Vec<NewCondition>> {
    let message = outcome.message.as_str();
    // Before the first create nobody knows yet whether it will be ready; afterwards it certainly is not.
    let not_ready = match (view.auth_id, &previous.auth_id) {
        (None, None) => ConditionStatus::Unknown,
        _ => ConditionStatus::False,
    };
    // Whatever else the pass waits for: without its Secret nobody can use it.
    let applied = view.facts.applied
        && !matches!(
            view.facts.secret,
            UserSecret::Refused | UserSecret::Foreign | UserSecret::Contested
        );
    let mut conditions = match rest {
        Rest::Settled if applied && view.account.is_none() => return unchanged_but_published(previous, view),
        Rest::Settled => ready(view),
        Rest::Outdated | Rest::Waiting(Wait::Paused | Wait::AccountPreparing | Wait::Gate | Wait::Guard) => {
            return None;
        }
        Rest::Waiting(Wait::Settle | Wait::CleanWalk | Wait::Retention)
            if previous.observed_generation == NOT_OBSERVED =>
        {
            return None;
        }
        // Drift that cannot be repaired now: the spec was applied and the Secret is good.
        Rest::Waiting(Wait::Account) if applied && !outcome.failed_request => return None,
        Rest::Waiting(Wait::SecretForbidden | Wait::WriteRefused | Wait::PairsHeld) => {
            progress(not_ready, Reason::WriteRefused, message)
        }
        Rest::Waiting(_) if applied => keep(previous, ConditionType::Ready)?,
        Rest::Waiting(Wait::Settle | Wait::CleanWalk | Wait::Retention) => {
            progress(ConditionStatus::Unknown, Reason::Progressing, message)
        }
        Rest::Waiting(Wait::Account) => progress(not_ready, Reason::DependencyNotReady, message),
        Rest::Waiting(
            Wait::StillThere
            | Wait::List
            | Wait::RateLimited
            | Wait::Unavailable
            | Wait::OutcomeUnknown
            | Wait::CoolOff
            | Wait::SecretContested
            | Wait::Cluster,
        ) => progress(not_ready, Reason::ProgressingWithRetry, message),
        Rest::Blocked(block) => stalled(reason(block), message),
    };
    conditions.extend(synced(rest, outcome));
    conditions.extend(published(view, rest, message));
    conditions.extend(view.account.map(calls_allowed));
    Some(conditions)
}

fn ready(view: &View<'_>) -> Vec<NewCondition> {
    let disabled = view.account.is_some_and(|account| !account.enabled);
    let (reason, message) = if disabled {
        (
            Reason::Disabled,
            "the subaccount is disabled, as the manifest asks",
        )
    } else {
        (Reason::Available, "the subaccount is as the manifest says")
    };
    vec![NewCondition::new(
        ConditionType::Ready,
        ConditionStatus::True,
        reason,
        message,
    )]
}

fn deleting(rest: Rest, outcome: &Outcome) -> Option<Vec<NewCondition>> {
    let message = match rest {
        Rest::Settled | Rest::Outdated | Rest::Waiting(Wait::AccountPreparing | Wait::Gate | Wait::Guard) => {
            return None;
        }
        Rest::Waiting(_) | Rest::Blocked(_) => outcome.message.as_str(),
    };
    let reason = match rest {
        Rest::Waiting(Wait::WriteRefused) => Reason::WriteRefused,
        _ => Reason::Deleting,
    };
    let mut conditions = progress(ConditionStatus::False, reason, message);
    conditions.extend(synced(rest, outcome));
    Some(conditions)
}

fn progress(status: ConditionStatus, reason: Reason, message: &str) -> Vec<NewCondition> {
    vec![
        NewCondition::new(ConditionType::Ready, status, reason, message),
        NewCondition::new(ConditionType::Reconciling, ConditionStatus::True, reason, message),
    ]
}

fn stalled(reason: Reason, message: &str) -> Vec<NewCondition> {
    vec![
        NewCondition::new(ConditionType::Ready, ConditionStatus::False, reason, message),
        NewCondition::new(ConditionType::Stalled, ConditionStatus::True, reason, message),
    ]
}

fn synced(rest: Rest, outcome: &Outcome) -> Option<NewCondition> {
    if rest == Rest::Settled {
        let message = "the last request went well";
        return Some(NewCondition::new(
            ConditionType::Synced,
            ConditionStatus::True,
            Reason::ReconcileSuccess,
            message,
        ));
    }
    let reason = match rest {
        Rest::Waiting(Wait::RateLimited) => Reason::RateLimited,
        Rest::Waiting(Wait::Unavailable | Wait::OutcomeUnknown) => Reason::VobizUnavailable,
        _ => Reason::ReconcileError,
    };
    (outcome.failed_request || rest == Rest::Waiting(Wait::Cluster)).then(|| {
        NewCondition::new(
            ConditionType::Synced,
            ConditionStatus::False,
            reason,
            &outcome.message,
        )
    })
}

/// Nothing was looked up and the spec is applied: only the Secret can have changed.
fn unchanged_but_published(previous: &SubaccountStatus, view: &View<'_>) -> Option<Vec<NewCondition>> {
    let mut conditions = keep(previous, ConditionType::Ready)?;
    conditions.extend(published(view, Rest::Settled, ""));
    if was_paused(&previous.conditions) {
        conditions.extend(synced(Rest::Settled, &Outcome::new(Rest::Settled, "")));
    }
    Some(conditions)
}

/// Conditions that a pass says nothing about stay as they are; those that exist only while true go.
fn with_previous(mut conditions: Vec<NewCondition>, previous: &[Condition]) -> Vec<NewCondition> {
    let lasting = [
        ConditionType::Synced,
        ConditionType::CredentialsPublished,
        ConditionType::CallsAllowed,
    ];
    for kind in lasting {
        let over = kind == ConditionType::Synced && was_paused(previous);
        if !over && !conditions.iter().any(|condition| condition.kind == kind) {
            conditions.extend(condition::find(previous, kind).and_then(parse));
        }
    }
    conditions
}

/// Whether the last thing that was said is that nothing is done.
pub(super) fn was_paused(conditions: &[Condition]) -> bool {
    condition::find(conditions, ConditionType::Synced)
        .is_some_and(|synced| synced.reason == Reason::Paused.as_str())
}

fn keep(previous: &SubaccountStatus, kind: ConditionType) -> Option<Vec<NewCondition>> {
    condition::find(&previous.conditions, kind)
        .and_then(parse)
        .map(|condition| vec![condition])
}

fn parse(stored: &Condition) -> Option<NewCondition> {
    Some(NewCondition {
        kind: *ConditionType::ALL
            .iter()
            .find(|kind| kind.as_str() == stored.type_)?,
        status: *ConditionStatus::ALL
            .iter()
            .find(|status| status.as_str() == stored.status)?,
        reason: *Reason::ALL
            .iter()
            .find(|reason| reason.as_str() == stored.reason)?,
        message: stored.message.clone(),
    })
}

fn reason(block: Block) -> Reason {
    match block {
        Block::InvalidSpec => Reason::InvalidSpec,
        Block::Unsupported => Reason::Unsupported,
        Block::Forbidden => Reason::Forbidden,
        Block::OrphanFound => Reason::OrphanFound,
        Block::ExternalResourceMissing => Reason::ExternalResourceMissing,
        Block::SecretConflict => Reason::SecretConflict,
        Block::AuthIdConflict => Reason::AuthIdConflict,
        Block::CredentialsLost => Reason::CredentialsLost,
        Block::UnusableAnswer => Reason::UnusableAnswer,
    }
}

#[cfg(test)]
mod tests;
