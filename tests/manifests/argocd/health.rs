//! The health checks for Argo CD judge every state as kstatus does.

use jiff::Timestamp;
use serde_json::{Value, json};
use vobiz_harness::kstatus;
use vobiz_operator::crd::condition::{ConditionStatus, ConditionType, NewCondition, Reason, merge};

use super::lua::{self, Question};
use super::{kinds, settings};

use ConditionStatus::{False, True, Unknown};
use ConditionType::{CallsAllowed, CredentialsPublished, Ready, Reconciling, Stalled, Synced};

/// The script of each kind.
fn scripts() -> Vec<(String, String)> {
    settings("resource.customizations.health.vobiz.ai_")
}

/// What Argo CD shows of each object: status and message, the same in both interpreters.
fn health<'a>(script: &str, objects: impl IntoIterator<Item = &'a Value>) -> Vec<(String, String)> {
    let questions: Vec<Question> = objects
        .into_iter()
        .map(|object| Question::new("health", script, object))
        .collect();
    let answers = lua::answers(&questions);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    answers
        .iter()
        .map(|health| (text(&health["status"]), text(&health["message"])))
        .collect()
}

type Written = (ConditionType, ConditionStatus, Reason);

/// An object whose spec has this generation, and whose status speaks of `observed`.
fn object(generation: i64, observed: i64, deleting: bool, conditions: &[Written]) -> Value {
    let conditions = conditions
        .iter()
        .map(|(kind, status, reason)| NewCondition {
            kind: *kind,
            status: *status,
            reason: *reason,
            message: format!("why {kind}"),
        })
        .collect();
    let conditions = merge(&[], conditions, observed, Timestamp::UNIX_EPOCH);
    let mut object = json!({
        "metadata": { "generation": generation },
        "status": { "observedGeneration": observed, "conditions": conditions },
    });
    if conditions_are_absent(&object) {
        object["status"].as_object_mut().unwrap().remove("conditions");
    }
    if deleting {
        object["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
    }
    object
}

fn conditions_are_absent(object: &Value) -> bool {
    object["status"]["conditions"]
        .as_array()
        .is_some_and(Vec::is_empty)
}

/// Every state that is written: its name, the object, and what Argo CD must show.
#[expect(clippy::too_many_lines, reason = "a table, one row per state")]
fn states() -> Vec<(&'static str, Value, &'static str, &'static str)> {
    let converged = [
        (Ready, True, Reason::Available),
        (Synced, True, Reason::ReconcileSuccess),
        (CredentialsPublished, True, Reason::SecretWritten),
        (CallsAllowed, True, Reason::KycNotRequired),
    ];
    let waiting = "waiting for the operator to read the object";
    vec![
        ("just created", object(1, -1, false, &[]), "Progressing", waiting),
        (
            "first create waits",
            object(
                1,
                1,
                false,
                &[
                    (Ready, Unknown, Reason::Progressing),
                    (Reconciling, True, Reason::Progressing),
                ],
            ),
            "Progressing",
            "Progressing: why Reconciling",
        ),
        (
            "converged",
            object(3, 3, false, &converged),
            "Healthy",
            "Available: why Ready",
        ),
        (
            "disabled as asked",
            object(
                2,
                2,
                false,
                &[
                    (Ready, True, Reason::Disabled),
                    (CallsAllowed, False, Reason::AccountDisabled),
                ],
            ),
            "Healthy",
            "Disabled: why Ready",
        ),
        (
            "edited, not seen",
            object(4, 3, false, &converged),
            "Progressing",
            waiting,
        ),
        (
            "update retried",
            object(
                4,
                4,
                false,
                &[
                    (Ready, False, Reason::ProgressingWithRetry),
                    (Synced, False, Reason::VobizUnavailable),
                    (Reconciling, True, Reason::ProgressingWithRetry),
                ],
            ),
            "Progressing",
            "ProgressingWithRetry: why Reconciling",
        ),
        (
            "Vobiz down, current spec applied",
            object(
                4,
                4,
                false,
                &[
                    (Ready, True, Reason::Available),
                    (Synced, False, Reason::VobizUnavailable),
                ],
            ),
            "Healthy",
            "Available: why Ready",
        ),
        (
            "terminal",
            object(
                4,
                4,
                false,
                &[
                    (Ready, False, Reason::InvalidSpec),
                    (Stalled, True, Reason::InvalidSpec),
                ],
            ),
            "Degraded",
            "InvalidSpec: why Stalled",
        ),
        (
            "parent's pair refused",
            object(
                1,
                1,
                false,
                &[
                    (Ready, False, Reason::Unauthorized),
                    (Stalled, True, Reason::Unauthorized),
                ],
            ),
            "Degraded",
            "Unauthorized: why Stalled",
        ),
        (
            "deleting, not seen",
            object(2, 1, true, &converged),
            "Progressing",
            "being deleted",
        ),
        (
            "deleting",
            object(
                2,
                2,
                true,
                &[
                    (Ready, False, Reason::Deleting),
                    (Reconciling, True, Reason::Deleting),
                ],
            ),
            "Progressing",
            "Deleting: why Reconciling",
        ),
        (
            "deleting, needs a person",
            object(
                2,
                2,
                true,
                &[
                    (Ready, False, Reason::Forbidden),
                    (Stalled, True, Reason::Forbidden),
                ],
            ),
            "Progressing",
            "Forbidden: why Stalled",
        ),
    ]
}

#[test]
fn every_kind_has_a_health_check() {
    let found: Vec<String> = scripts().into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(found, kinds());
}

#[test]
fn argo_cd_shows_every_state_with_its_reason_as_kstatus_judges_it() {
    let states = states();
    for (kind, script) in scripts() {
        let found = health(&script, states.iter().map(|(_, object, ..)| object));
        for ((state, object, status, message), found) in states.iter().zip(found) {
            let expected = ((*status).to_owned(), (*message).to_owned());
            assert_eq!(found, expected, "{kind}, {state}");
            let by_kstatus = match kstatus::status(object) {
                kstatus::Status::Current => "Healthy",
                kstatus::Status::InProgress | kstatus::Status::Terminating => "Progressing",
                kstatus::Status::Failed => "Degraded",
            };
            assert_eq!(found.0, by_kstatus, "{kind}, {state}");
        }
    }
}

#[test]
fn an_object_without_any_status_is_not_called_healthy() {
    for (_, script) in scripts() {
        let found = health(&script, &[json!({ "metadata": { "generation": 1 } })]);
        assert_eq!(found[0].0, "Progressing");
    }
}
