//! What a Subaccount's status says about a pass. PURE.

mod conditions;
mod managed;

use super::findings::View;
use super::outcome::Outcome;
use super::rows::UNREADABLE;
use crate::account::generation::stored;
use crate::crd::condition::{
    self, ConditionStatus, ConditionType, NewCondition, Reason, not_ready, said, was_paused,
};
use crate::crd::{KycMode, KycStatus, Subaccount, SubaccountStatus};
use crate::subaccount::plan::{Rest, Wait};
use crate::subaccount::wish;
use crate::vobiz;
use conditions::{deleting, held, live, paused};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use vobiz_protocol::facts::{Object, UserSecret};

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
        // While the Secret of an earlier spec.secretRef is not removed, its name is not forgotten.
        secret_name: if published && !view.facts.former_secret && !view.facts.write_refused {
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
        kyc: view.remote.map_or_else(|| previous.kyc.clone(), kyc),
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

/// What the status shows of the customer check (know your customer).
fn kyc(account: &vobiz::Subaccount) -> Option<KycStatus> {
    let mode = match account.fields.kyc_mode.as_deref() {
        Some("personal_use") => Some(KycMode::PersonalUse),
        Some("customer_use") => Some(KycMode::CustomerUse),
        _ => None,
    };
    let kyc = KycStatus {
        mode,
        calls_blocked: account.kyc_calls_blocked,
    };
    (kyc != KycStatus::default()).then_some(kyc)
}

/// Whether what the list shows of an account's identity check differs from what the status says.
#[must_use]
pub fn kyc_differs(object: &Subaccount, account: &vobiz::Subaccount) -> bool {
    object
        .status
        .as_ref()
        .is_some_and(|status| status.kyc != kyc(account))
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
            conditions.extend(said(previous, kind));
        }
    }
    conditions
}

/// What an object says that cannot be read: nobody can tell what it asks for, but that it is paused.
#[must_use]
pub fn unreadable(is_deleting: bool, is_paused: bool) -> Vec<NewCondition> {
    let message = if is_deleting {
        "the deletion waits: the stored object cannot be read by this version of the operator, so nobody can tell what is to become of \
         its account. Apply it again as its schema asks, or run the version that wrote it; or let it go without proof with the \
         annotation vobiz.ai/force-delete: \"true\""
    } else {
        UNREADABLE
    };
    let mut conditions = not_ready(
        ConditionStatus::False,
        ConditionType::Stalled,
        Reason::Unsupported,
        message,
    );
    conditions.extend(is_paused.then(|| held(is_deleting)));
    conditions
}

#[cfg(test)]
mod tests;
