//! `/livez`, `/readyz` and `/metrics` on one port. I/O: serves HTTP.

use std::fmt::Write as _;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use tokio::net::TcpListener;

use crate::controller::heartbeat::Heartbeats;
use crate::controller::instrument::{self, Metrics};
use crate::controller::readiness::Readiness;

/// A loop that has not beaten for this long is stuck.
const LONGEST_SILENCE: Duration = Duration::from_secs(30);

/// What the endpoints tell.
#[derive(Clone, Debug)]
pub struct Endpoints {
    /// For `/readyz`.
    pub readiness: Readiness,
    /// For `/livez`.
    pub heartbeats: Heartbeats,
    /// For `/metrics`.
    pub metrics: Metrics,
}

/// Why there are no endpoints.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The address cannot be used.
    #[error(
        "failed to listen on {address} (--http-address): {source}; choose another address or a free port"
    )]
    Bind {
        /// The address asked for.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The listener stopped.
    #[error("failed to serve health and metrics")]
    Serve(#[source] io::Error),
}

/// Takes the address and logs the one that was bound.
pub async fn bind(address: SocketAddr) -> Result<TcpListener, HttpError> {
    let refuse = |source| HttpError::Bind { address, source };
    let listener = TcpListener::bind(address).await.map_err(refuse)?;
    let bound = listener.local_addr().map_err(refuse)?;
    tracing::info!(http_address = %bound, "serving health and metrics");
    Ok(listener)
}

/// Serves until `shutdown` completes.
pub async fn serve(
    listener: TcpListener,
    endpoints: Endpoints,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), HttpError> {
    axum::serve(listener, router(endpoints))
        .with_graceful_shutdown(shutdown)
        .await
        .map_err(HttpError::Serve)
}

fn router(endpoints: Endpoints) -> Router {
    Router::new()
        .route("/livez", get(livez))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .with_state(endpoints)
}

async fn livez(State(endpoints): State<Endpoints>) -> Response {
    let silent = endpoints.heartbeats.silent(LONGEST_SILENCE);
    if silent.is_empty() {
        return "ok\n".into_response();
    }
    let mut text = String::from("not alive\n");
    for (name, silence) in silent {
        let _ = writeln!(text, "{name}: no beat for {} s", silence.as_secs());
    }
    (StatusCode::SERVICE_UNAVAILABLE, text).into_response()
}

async fn readyz(State(endpoints): State<Endpoints>) -> Response {
    if endpoints.readiness.is_ready() {
        return "ok\n".into_response();
    }
    let mut text = String::from("not ready\n");
    for name in endpoints.readiness.missing() {
        let _ = writeln!(text, "{name}: not synced");
    }
    (StatusCode::SERVICE_UNAVAILABLE, text).into_response()
}

async fn metrics(State(endpoints): State<Endpoints>) -> Response {
    match endpoints.metrics.encode() {
        Ok(text) => ([(CONTENT_TYPE, instrument::CONTENT_TYPE)], text).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
