//! I/O. Reads one request, opens its journal entry and finds the fault that was ordered for it.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{Request as HttpRequest, Response, header::USER_AGENT};
use hyper::body::Incoming;
use serde_json::Value;

use crate::connection::Current;
use crate::fault::Subject;
use crate::job::Job;
use crate::journal::Entry;
use crate::path::{Operation, Route, route};
use crate::redact::without_secrets;
use crate::service::Request;
use crate::settings::Generation;
use crate::state::{State, lock};

/// The connection is to be dropped without a word.
#[derive(Debug)]
pub struct Dropped;

impl std::fmt::Display for Dropped {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("connection dropped on purpose")
    }
}

impl std::error::Error for Dropped {}

/// What a request is about.
struct Asked {
    path: String,
    operation: Operation,
    generation: Option<Generation>,
    id: Option<String>,
}

/// Journal and fault rules know accounts by their `auth_id`, whatever the path names them by.
fn asked(state: &State, method: &str, path: &str) -> Asked {
    let (api, item_path, any_slash) = {
        let settings = lock(&state.settings);
        (
            settings.api,
            settings.item_path,
            settings.wrong_slash_status == 200,
        )
    };
    let mut path = path.to_owned();
    let mut found = route(api, method, &path);
    if let Route::WrongSlash { right, .. } = &found
        && any_slash
    {
        path.clone_from(right);
        found = route(api, method, &path);
    }
    let (operation, generation, id) = match found {
        Route::Call {
            operation,
            generation,
            id,
            ..
        } => (operation, generation, id),
        Route::MethodNotAllowed { generation } | Route::WrongSlash { generation, .. } => {
            (Operation::Other, Some(generation), None)
        }
        Route::WrongPath | Route::Unknown => (Operation::Other, None, None),
    };
    let id = id.map(|segment| {
        let named = lock(&state.world).named_by(&segment, item_path);
        named.unwrap_or(segment)
    });
    Asked {
        path,
        operation,
        generation,
        id,
    }
}

/// Handles one request. An error drops the connection.
pub async fn handle(
    state: Arc<State>,
    request: HttpRequest<Incoming>,
    connection: u64,
    current: &Current,
) -> Result<Response<Body>, Dropped> {
    let (head, body) = request.into_parts();
    let header = |name: &str| {
        head.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .map(ToOwned::to_owned)
    };
    let Asked {
        path,
        operation,
        generation,
        id,
    } = asked(&state, head.method.as_str(), head.uri.path());
    let stored_name = id
        .as_ref()
        .and_then(|id| lock(&state.world).name_of(id).map(ToOwned::to_owned));
    let parent = header("x-auth-id");
    let flight = state.journal.begin(|sequence, monotonic_ms| Entry {
        sequence,
        time: jiff::Timestamp::now(),
        monotonic_ms,
        ended_ms: None,
        connection,
        parent: parent.clone(),
        generation,
        operation,
        method: head.method.to_string(),
        path: head.uri.path().to_owned(),
        query: head.uri.query().map(ToOwned::to_owned),
        user_agent: header(USER_AGENT.as_str()),
        id: id.clone(),
        name: stored_name.clone(),
        body: None,
        status: None,
        committed: false,
        answered: false,
        pending: true,
        held: false,
        fault: None,
    });
    current.set(&state.journal, &flight);
    let bytes = axum::body::to_bytes(Body::new(body), 8 << 20)
        .await
        .map_err(|_| Dropped)?;
    let body = (!bytes.is_empty()).then(|| serde_json::from_slice::<Value>(&bytes).map_err(|_| ()));
    let sent_name = body
        .as_ref()
        .and_then(|body| body.as_ref().ok()?.get("name")?.as_str())
        .map(ToOwned::to_owned);
    flight.note(|entry| {
        entry.body = body
            .as_ref()
            .and_then(|body| body.clone().ok())
            .map(without_secrets);
        if operation == Operation::Create {
            entry.name.clone_from(&sent_name);
        }
    });
    let subject = Subject {
        operation,
        generation,
        parent: parent.as_deref(),
        id: id.as_deref(),
        names: [stored_name.as_deref(), sent_name.as_deref()],
    };
    let rule = lock(&state.rules).pick(&subject);
    if let Some((fault, _)) = &rule {
        flight.note(|entry| entry.fault = Some(*fault));
    }
    let request = Request {
        method: head.method.to_string(),
        path,
        query: url::form_urlencoded::parse(head.uri.query().unwrap_or_default().as_bytes())
            .into_owned()
            .collect(),
        auth_id: parent,
        auth_token: header("x-auth-token"),
        body,
    };
    let job = Job {
        state,
        request,
        flight,
    };
    job.run(rule).await
}
