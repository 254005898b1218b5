//! The conditions of a Subaccount that a pass brings, each with its words. PURE.

use crate::crd::condition::{
    ConditionStatus, ConditionType, NewCondition, Reason, find, not_ready, said, was_paused,
};
use crate::crd::{NOT_OBSERVED, SubaccountStatus};
use crate::subaccount::plan::{Block, Rest, Wait};
use crate::subaccount::tell::rows::{Ready, row};
use crate::subaccount::tell::{Outcome, View};
use crate::vobiz;
use vobiz_protocol::facts::{Object, Phase, Record, UserSecret};

/// Of a living object; none: nothing is said.
pub(super) fn live(
    previous: &SubaccountStatus,
    view: &View<'_>,
    rest: Rest,
    outcome: &Outcome,
) -> Option<Vec<NewCondition>> {
    let message = outcome.message.as_str();
    // Before the first create nobody knows yet whether it will be ready; afterwards it certainly is not.
    let is_new = view.auth_id.is_none() && previous.auth_id.is_none();
    // Whatever else the pass waits for: without its Secret nobody can use it.
    let applied = view.facts.applied
        && !matches!(
            view.facts.secret,
            UserSecret::Refused | UserSecret::Foreign | UserSecret::Contested
        );
    let mut conditions = match row(rest).ready {
        Ready::Unsaid => return None,
        Ready::Settled if applied && view.remote.is_none() => {
            return unchanged_but_published(previous, view);
        }
        Ready::Settled => vec![ready(view)],
        Ready::Stalled(reason) => not_ready(ConditionStatus::False, ConditionType::Stalled, reason, message),
        Ready::Waiting(Reason::Progressing) if previous.observed_generation == NOT_OBSERVED => return None,
        // Drift that cannot be repaired now: the spec was applied and the Secret is good.
        Ready::Waiting(Reason::DependencyNotReady) if applied && !outcome.failed_request => return None,
        Ready::Waiting(reason) if applied && reason != Reason::WriteRefused => {
            vec![said(&previous.conditions, ConditionType::Ready)?]
        }
        Ready::Waiting(reason) => {
            let status = if is_new || reason == Reason::Progressing {
                ConditionStatus::Unknown
            } else {
                ConditionStatus::False
            };
            not_ready(status, ConditionType::Reconciling, reason, message)
        }
    };
    match drift(view).filter(|_| rest == Rest::Settled) {
        Some(drift) => conditions.push(drift),
        None => conditions.extend(synced(rest, outcome)),
    }
    conditions.extend(published(view, rest, message));
    conditions.extend(view.remote.map(calls_allowed));
    Some(conditions)
}

fn ready(view: &View<'_>) -> NewCondition {
    let (reason, message) = if view.facts.observes {
        (
            Reason::Observed,
            "the subaccount is only looked at, as the manifest asks",
        )
    } else if view.remote.is_some_and(|remote| !remote.is_enabled()) {
        (
            Reason::Disabled,
            "the subaccount is disabled, as the manifest asks",
        )
    } else {
        (Reason::Available, "the subaccount is as the manifest says")
    };
    NewCondition::new(ConditionType::Ready, ConditionStatus::True, reason, message)
}

/// How an account that is only looked at differs from its manifest: by the names of fields, never their values.
fn drift(view: &View<'_>) -> Option<NewCondition> {
    (!view.drift.is_empty()).then(|| {
        let message = format!(
            "the subaccount differs from the manifest and is only looked at ({}): set spec.managementPolicy to Full to have it changed",
            view.drift
        );
        NewCondition::new(
            ConditionType::Synced,
            ConditionStatus::False,
            Reason::DriftDetected,
            &message,
        )
    })
}

/// Of an object that is going; none: nothing is said.
pub(super) fn deleting(rest: Rest, outcome: &Outcome) -> Option<Vec<NewCondition>> {
    let reason = match row(rest).ready {
        Ready::Settled | Ready::Unsaid => return None,
        Ready::Waiting(reason @ Reason::WriteRefused) => reason,
        Ready::Waiting(_) | Ready::Stalled(_) => Reason::Deleting,
    };
    let mut conditions = not_ready(
        ConditionStatus::False,
        ConditionType::Reconciling,
        reason,
        &outcome.message,
    );
    conditions.extend(synced(rest, outcome));
    Some(conditions)
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
    (outcome.failed_request || rest == Rest::Waiting(Wait::Cluster)).then(|| {
        NewCondition::new(
            ConditionType::Synced,
            ConditionStatus::False,
            row(rest).synced,
            &outcome.message,
        )
    })
}

/// Nothing was looked up and the spec is applied: only the Secret can have changed.
fn unchanged_but_published(previous: &SubaccountStatus, view: &View<'_>) -> Option<Vec<NewCondition>> {
    let mut conditions = vec![said(&previous.conditions, ConditionType::Ready)?];
    conditions.extend(published(view, Rest::Settled, ""));
    if was_paused(&previous.conditions) {
        conditions.extend(synced(Rest::Settled, &Outcome::new(Rest::Settled, "")));
    }
    Some(conditions)
}

/// Whether the pair is in the user's Secret, as far as this pass knows.
fn published(view: &View<'_>, rest: Rest, message: &str) -> Option<NewCondition> {
    let kind = ConditionType::CredentialsPublished;
    let (status, reason, message) = match (view.facts.secret, rest) {
        (_, Rest::Blocked(Block::CredentialsLost)) => {
            (ConditionStatus::False, Reason::CredentialsLost, message)
        }
        (_, Rest::Blocked(Block::SecretConflict)) => {
            (ConditionStatus::False, Reason::SecretConflict, message)
        }
        _ if let Some(told) = view.contested => (ConditionStatus::False, Reason::SecretContested, told),
        (_, Rest::Waiting(Wait::SecretForbidden)) => {
            (ConditionStatus::False, Reason::SecretForbidden, message)
        }
        (UserSecret::Refused, _) => (ConditionStatus::False, Reason::SecretForbidden, view.refused),
        (UserSecret::Foreign, _) if view.auth_id.is_some() => (
            ConditionStatus::False,
            Reason::SecretConflict,
            "the Secret belongs to somebody else, holds more than the pair, or is of another type",
        ),
        (UserSecret::Good, _) => (
            ConditionStatus::True,
            Reason::SecretWritten,
            "the Secret held the pair at the last look",
        ),
        _ if is_tokenless(view) && rest == Rest::Settled => (
            ConditionStatus::Unknown,
            Reason::NotManaged,
            "the pair is not known, and the subaccount is only looked at",
        ),
        _ if view.auth_id.is_none() && !view.facts.identity => (
            ConditionStatus::Unknown,
            Reason::Progressing,
            "there is no pair yet",
        ),
        _ => return None,
    };
    Some(NewCondition::new(kind, status, reason, message))
}

fn is_tokenless(view: &View<'_>) -> bool {
    matches!(
        view.facts.record,
        Record::Present {
            phase: Phase::Bound { token: false },
            ..
        }
    )
}

/// Whether the subaccount may place and receive calls, as far as Vobiz tells.
fn calls_allowed(account: &vobiz::Subaccount) -> NewCondition {
    let (status, reason, message) = match (
        account.is_enabled(),
        account.kyc_calls_blocked,
        account.fields.kyc_mode.as_deref(),
    ) {
        (false, _, _) => (
            ConditionStatus::False,
            Reason::AccountDisabled,
            "the subaccount is disabled",
        ),
        (true, Some(true), _) => (
            ConditionStatus::False,
            Reason::KycPending,
            "Vobiz blocks calls until the customer's identity check is complete",
        ),
        (true, Some(false), Some("customer_use")) => (
            ConditionStatus::True,
            Reason::KycComplete,
            "the customer's identity check is complete",
        ),
        (true, Some(false), _) => (
            ConditionStatus::True,
            Reason::KycNotRequired,
            "no identity check is asked for",
        ),
        (true, None, _) => (
            ConditionStatus::Unknown,
            Reason::NotReported,
            "Vobiz does not report an identity check",
        ),
    };
    NewCondition::new(ConditionType::CallsAllowed, status, reason, message)
}

/// Everything stays as it was, but for the word that nothing is done any more.
pub(super) fn paused(object: Object, previous: &SubaccountStatus) -> Vec<NewCondition> {
    let is_deleting = object == Object::Deleting;
    let is_new = find(&previous.conditions, ConditionType::Ready).is_none();
    let synced = held(is_deleting);
    let unready = |status, reason| not_ready(status, ConditionType::Reconciling, reason, &synced.message);
    let mut conditions = match (is_deleting, is_new) {
        (true, _) => unready(ConditionStatus::False, Reason::Deleting),
        (false, true) => unready(ConditionStatus::Unknown, Reason::Progressing),
        (false, false) => [
            ConditionType::Ready,
            ConditionType::Reconciling,
            ConditionType::Stalled,
        ]
        .into_iter()
        .filter_map(|kind| said(&previous.conditions, kind))
        .collect(),
    };
    conditions.push(synced);
    conditions
}

/// What is held while it is paused.
pub(super) fn held(is_deleting: bool) -> NewCondition {
    let message = if is_deleting {
        "paused: the deletion is held until the annotation vobiz.ai/paused is removed"
    } else {
        "paused: nothing is done until the annotation vobiz.ai/paused is removed"
    };
    NewCondition::new(
        ConditionType::Synced,
        ConditionStatus::Unknown,
        Reason::Paused,
        message,
    )
}
