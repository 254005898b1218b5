//! The health checks for Argo CD judge every state as kstatus does.

use std::fs;

use jiff::Timestamp;
use mlua::{Lua, LuaOptions, StdLib, Table};
use serde_json::{Value, json};
use vobiz_harness::kstatus;
use vobiz_operator::crd::condition::{ConditionStatus, ConditionType, NewCondition, Reason, merge};
use vobiz_operator::crd::custom_resource_definitions;

use crate::render;

use ConditionStatus::{False, True, Unknown};
use ConditionType::{CallsAllowed, CredentialsPublished, Ready, Reconciling, Stalled, Synced};

const PATCH: &str = "manifests/gitops/argocd/argocd-cm-patch.yaml";

/// The script of each kind.
fn scripts() -> Vec<(String, String)> {
    let config = &render::documents(&fs::read_to_string(render::root().join(PATCH)).unwrap())[0];
    let data = config["data"].as_object().unwrap();
    let prefix = "resource.customizations.health.vobiz.ai_";
    data.iter()
        .map(|(key, script)| {
            let kind = key
                .strip_prefix(prefix)
                .unwrap_or_else(|| panic!("{key} is no health check"));
            (kind.to_owned(), script.as_str().unwrap().to_owned())
        })
        .collect()
}

/// What Argo CD shows: status and message.
fn health(script: &str, object: &Value) -> (String, String) {
    // Argo CD opens no more than these libraries.
    let lua = Lua::new_with(StdLib::TABLE | StdLib::STRING, LuaOptions::default()).unwrap();
    lua.globals().set("obj", to_lua(&lua, object)).unwrap();
    let health: Table = lua.load(script).eval().unwrap();
    (health.get("status").unwrap(), health.get("message").unwrap())
}

fn to_lua(lua: &Lua, value: &Value) -> mlua::Value {
    match value {
        Value::Null => mlua::Value::Nil,
        Value::Bool(value) => mlua::Value::Boolean(*value),
        Value::Number(value) => mlua::Value::Number(value.as_f64().unwrap()),
        Value::String(value) => mlua::Value::String(lua.create_string(value).unwrap()),
        Value::Array(values) => {
            let values = values.iter().map(|value| to_lua(lua, value));
            mlua::Value::Table(lua.create_sequence_from(values).unwrap())
        }
        Value::Object(values) => {
            let values = values
                .iter()
                .map(|(key, value)| (key.as_str(), to_lua(lua, value)));
            mlua::Value::Table(lua.create_table_from(values).unwrap())
        }
    }
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
    let kinds: Vec<String> = custom_resource_definitions()
        .into_iter()
        .map(|definition| definition.spec.names.kind)
        .collect();
    assert_eq!(
        scripts().into_iter().map(|(kind, _)| kind).collect::<Vec<_>>(),
        kinds
    );
}

#[test]
fn argo_cd_shows_every_state_with_its_reason() {
    for (kind, script) in scripts() {
        for (state, object, status, message) in states() {
            assert_eq!(
                health(&script, &object),
                (status.to_owned(), message.to_owned()),
                "{kind}, {state}"
            );
        }
    }
}

#[test]
fn argo_cd_and_kstatus_agree_on_every_state() {
    for (kind, script) in scripts() {
        for (state, object, ..) in states() {
            let expected = match kstatus::status(&object) {
                kstatus::Status::Current => "Healthy",
                kstatus::Status::InProgress | kstatus::Status::Terminating => "Progressing",
                kstatus::Status::Failed => "Degraded",
            };
            assert_eq!(health(&script, &object).0, expected, "{kind}, {state}");
        }
    }
}

#[test]
fn an_object_without_any_status_is_not_called_healthy() {
    for (_, script) in scripts() {
        let (status, _) = health(&script, &json!({ "metadata": { "generation": 1 } }));
        assert_eq!(status, "Progressing");
    }
}
