//! I/O. The control API: journal, faults, holds and settings. Errors are `{"error": "text"}`.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, Query, State as Shared};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::control_accounts;
use crate::fault::{Rule, merge};
use crate::journal::Filter;
use crate::settings::Settings;
use crate::state::{State, lock};

/// The shared state as axum hands it out.
pub type Control = Shared<Arc<State>>;

/// A refusal of the control API.
pub struct Refusal(pub StatusCode, pub String);

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.0, Json(json!({"error": self.1}))).into_response()
    }
}

impl Refusal {
    /// 404.
    #[must_use]
    pub fn unknown(what: &str) -> Self {
        Self(StatusCode::NOT_FOUND, format!("unknown {what}"))
    }

    /// 400.
    #[must_use]
    pub fn invalid(error: impl std::fmt::Display) -> Self {
        Self(StatusCode::BAD_REQUEST, error.to_string())
    }
}

/// What a control handler answers.
pub type Outcome = Result<Json<Value>, Refusal>;

/// All routes.
pub fn router(state: Arc<State>) -> Router {
    Router::new()
        .route("/health", get(async || Json(json!({"ok": true}))))
        .route("/settings", get(settings).patch(change_settings))
        .route("/journal", get(journal).delete(reset_journal))
        .route("/journal/count", get(count).post(count_body))
        .route("/journal/mark", get(mark))
        .route("/journal/wait", get(wait_query).post(wait_body))
        .route("/faults", get(faults).post(add_fault).delete(clear_faults))
        .route("/faults/{id}", delete(remove_fault))
        .route("/holds", get(holds))
        .route("/holds/release", post(release))
        .merge(control_accounts::routes())
        .with_state(state)
}

async fn settings(Shared(state): Control) -> Json<Settings> {
    Json(lock(&state.settings).clone())
}

/// A merge patch; null sets a switch back to its default.
async fn change_settings(
    Shared(state): Control,
    Json(patch): Json<Value>,
) -> Result<Json<Settings>, Refusal> {
    let mut settings = lock(&state.settings);
    let mut value = serde_json::to_value(&*settings).map_err(Refusal::invalid)?;
    merge(&mut value, &patch);
    *settings = serde_json::from_value(value).map_err(Refusal::invalid)?;
    Ok(Json(settings.clone()))
}

async fn journal(Shared(state): Control, Query(filter): Query<Filter>) -> Json<Value> {
    Json(json!({"entries": state.journal.read(&filter)}))
}

async fn count(Shared(state): Control, Query(filter): Query<Filter>) -> Json<Value> {
    Json(json!({"count": state.journal.count(&filter)}))
}

async fn count_body(Shared(state): Control, Json(filter): Json<Filter>) -> Json<Value> {
    Json(json!({"count": state.journal.count(&filter)}))
}

async fn mark(Shared(state): Control) -> Json<Value> {
    let (sequence, monotonic_ms) = state.journal.mark();
    Json(json!({"sequence": sequence, "monotonic_ms": monotonic_ms}))
}

async fn reset_journal(Shared(state): Control) -> StatusCode {
    state.journal.reset();
    StatusCode::NO_CONTENT
}

async fn wait_query(Shared(state): Control, Query(filter): Query<Filter>) -> Outcome {
    wait(&state, &filter).await
}

async fn wait_body(Shared(state): Control, Json(filter): Json<Filter>) -> Outcome {
    wait(&state, &filter).await
}

async fn wait(state: &State, filter: &Filter) -> Outcome {
    let limit = Duration::from_millis(filter.timeout_ms.unwrap_or(30_000));
    match tokio::time::timeout(limit, state.journal.wait(filter)).await {
        Ok(entries) => Ok(Json(json!({"entries": entries}))),
        Err(_) => Err(Refusal(
            StatusCode::REQUEST_TIMEOUT,
            "no such entries in time".to_owned(),
        )),
    }
}

async fn faults(Shared(state): Control) -> Json<Value> {
    Json(json!({"faults": lock(&state.rules).list}))
}

async fn add_fault(Shared(state): Control, Json(rule): Json<Rule>) -> (StatusCode, Json<Value>) {
    (
        StatusCode::CREATED,
        Json(json!({"id": lock(&state.rules).add(rule)})),
    )
}

async fn clear_faults(Shared(state): Control) -> StatusCode {
    lock(&state.rules).list.clear();
    StatusCode::NO_CONTENT
}

async fn remove_fault(Shared(state): Control, Path(id): Path<u64>) -> Result<StatusCode, Refusal> {
    if lock(&state.rules).remove(id) {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Refusal::unknown("fault"))
    }
}

async fn holds(Shared(state): Control) -> Json<Value> {
    Json(json!({"holds": state.held()}))
}

/// Which holds to release; none named: all.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Release {
    sequence: Option<u64>,
    fault: Option<u64>,
}

async fn release(Shared(state): Control, Json(which): Json<Release>) -> Json<Value> {
    let released = state.release(|hold| {
        which.sequence.is_none_or(|sequence| sequence == hold.sequence)
            && which.fault.is_none_or(|fault| fault == hold.fault)
    });
    Json(json!({"released": released}))
}
