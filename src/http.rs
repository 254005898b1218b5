//! `/livez`, `/readyz` and `/metrics` on one port. I/O: serves HTTP.

use std::fmt::Write as _;
use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::header::{ACCEPT, CONTENT_TYPE, VARY};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use socket2::SockRef;
use tokio::net::{TcpListener, TcpSocket};

use crate::controller::heartbeat::Heartbeats;
use crate::controller::readiness::Readiness;
use crate::controller::refusals::Refusals;
use crate::metrics::Metrics;
use crate::metrics::exposition::Format;

/// A loop that has not beaten for this long is stuck.
const LONGEST_SILENCE: Duration = Duration::from_secs(30);

/// Connections that may wait to be accepted.
const BACKLOG: u32 = 1024;

/// What the endpoints tell.
#[derive(Clone, Debug)]
pub struct Endpoints {
    /// For `/readyz`.
    pub readiness: Readiness,
    /// For `/livez`.
    pub heartbeats: Heartbeats,
    /// For `/metrics`.
    pub metrics: Metrics,
    /// For `/readyz`: it says what Kubernetes refuses, whether ready or not.
    pub refusals: Refusals,
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

/// Takes the address and logs the one that was bound. `[::]` means every address of both families, and those of IPv4
/// where there is no IPv6.
pub fn bind(address: SocketAddr) -> Result<TcpListener, HttpError> {
    bind_with(address, listen)
}

fn bind_with(
    address: SocketAddr,
    listen: impl Fn(SocketAddr) -> io::Result<TcpListener>,
) -> Result<TcpListener, HttpError> {
    let refuse = |source| HttpError::Bind { address, source };
    let listener = match listen(address) {
        Err(error) if address.ip() == Ipv6Addr::UNSPECIFIED && is_for_want_of_ipv6(&error) => {
            tracing::info!(%error, "there is no IPv6 here");
            listen((Ipv4Addr::UNSPECIFIED, address.port()).into())
        }
        listener => listener,
    }
    .map_err(refuse)?;
    let bound = listener.local_addr().map_err(refuse)?;
    tracing::info!(http_address = %bound, "serving health and metrics");
    Ok(listener)
}

/// Without IPv6 the socket or its address is refused, each system in its own words; a port that is taken or forbidden is
/// so in either family.
fn is_for_want_of_ipv6(error: &io::Error) -> bool {
    !matches!(
        error.kind(),
        io::ErrorKind::AddrInUse | io::ErrorKind::PermissionDenied
    )
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        let socket = TcpSocket::new_v6()?;
        // A system may have it otherwise (net.ipv6.bindv6only).
        SockRef::from(&socket).set_only_v6(false)?;
        socket
    };
    // Else a restart within a minute may find its own old connections in the way.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
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
    // What is refused does not make it less ready: a restart would mend nothing.
    let (status, mut text) = if endpoints.readiness.is_ready() {
        (StatusCode::OK, String::from("ok\n"))
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, String::from("not ready\n"))
    };
    for name in endpoints.readiness.missing() {
        let _ = writeln!(text, "{name}: not synced");
    }
    for line in endpoints.readiness.remarks() {
        let _ = writeln!(text, "{line}");
    }
    for line in endpoints.refusals.lines() {
        let _ = writeln!(text, "{line}");
    }
    (status, text).into_response()
}

async fn metrics(State(endpoints): State<Endpoints>, headers: HeaderMap) -> Response {
    let accepted = headers.get_all(ACCEPT).iter();
    let accepted: Vec<&str> = accepted.filter_map(|value| value.to_str().ok()).collect();
    let format = Format::accepted(&accepted.join(","));
    match endpoints.metrics.encode() {
        Ok(text) => (
            [(CONTENT_TYPE, format.content_type()), (VARY, "Accept")],
            format.of_openmetrics(text),
        )
            .into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn get(address: SocketAddr, path: &str) -> (u16, String, String) {
        get_with(address, path, "").await
    }

    async fn get_with(address: SocketAddr, path: &str, headers: &str) -> (u16, String, String) {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: operator\r\nConnection: close\r\n{headers}\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, head.to_lowercase(), body.to_owned())
    }

    fn served() -> (SocketAddr, Endpoints) {
        let metrics = Metrics::new(true, "1.2.3", "abc");
        let endpoints = Endpoints {
            readiness: Readiness::default(),
            heartbeats: Heartbeats::default(),
            refusals: Refusals::new(metrics.clone()),
            metrics,
        };
        let listener = bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(serve(listener, endpoints.clone(), std::future::pending()));
        (address, endpoints)
    }

    #[tokio::test]
    async fn it_is_ready_once_every_cache_has_synced_and_says_which_has_not() {
        let (address, endpoints) = served();
        let accounts = endpoints.readiness.register("accounts");
        let subaccounts = endpoints.readiness.register("subaccounts");
        accounts.set_ready();
        let (status, _, body) = get(address, "/readyz").await;
        assert_eq!(
            (status, body.as_str()),
            (503, "not ready\nsubaccounts: not synced\n")
        );
        subaccounts.set_ready();
        assert_eq!(get(address, "/readyz").await.0, 200);
    }

    #[tokio::test]
    async fn it_says_what_is_refused_and_is_no_less_ready_for_it() {
        use crate::controller::denier::Denier;
        use crate::controller::refusal::{ClusterRequest, Refusal, Verb};
        use crate::controller::refusals::Requester;
        let (address, endpoints) = served();
        let caches = endpoints.readiness.register("caches");
        let refusal = Refusal {
            request: ClusterRequest::new(Verb::Create, "/apis/events.k8s.io/v1/namespaces/dev/events", ""),
            by: Denier::Quota("small".to_owned()),
        };
        let line = "events: create of events dev is refused by ResourceQuota small: raise the quota\n";
        endpoints
            .refusals
            .set(Requester::Events("dev".to_owned()), &[refusal]);
        let (status, _, body) = get(address, "/readyz").await;
        assert_eq!(
            (status, body),
            (503, format!("not ready\ncaches: not synced\n{line}"))
        );
        caches.set_ready();
        let (status, _, body) = get(address, "/readyz").await;
        assert_eq!((status, body), (200, format!("ok\n{line}")));
        endpoints.refusals.clear(Requester::Events("dev".to_owned()));
        assert_eq!(get(address, "/readyz").await.2, "ok\n");
    }

    #[tokio::test]
    async fn it_is_alive_while_its_loops_beat() {
        let (address, endpoints) = served();
        let _beat = endpoints.heartbeats.register("subaccounts");
        assert_eq!(get(address, "/livez").await.0, 200);
    }

    #[tokio::test]
    async fn metrics_are_told_in_the_format_that_is_asked_for() {
        let (address, _) = served();
        let build = "vobiz_operator_build_info{version=\"1.2.3\",commit=\"abc\"} 1\n";
        let accept = "Accept: text/plain;version=0.0.4;q=0.3\r\nAccept: application/openmetrics-text;version=1.0.0;q=0.5\r\n";
        let (status, head, body) = get_with(address, "/metrics", accept).await;
        assert_eq!(status, 200);
        let kind = "content-type: application/openmetrics-text; version=1.0.0; charset=utf-8";
        assert!(head.contains(kind), "{head}");
        assert!(body.contains(build) && body.ends_with("# EOF\n"), "{body}");
        let (status, head, body) = get(address, "/metrics").await;
        assert_eq!(status, 200);
        assert!(
            head.contains("content-type: text/plain; version=0.0.4; charset=utf-8"),
            "{head}"
        );
        assert!(body.contains(build) && !body.contains("# EOF"), "{body}");
    }

    #[tokio::test]
    async fn every_address_of_both_families_is_served_and_those_of_ipv4_where_there_is_no_other() {
        let listener = bind("[::]:0".parse().unwrap()).unwrap();
        let port = listener.local_addr().unwrap().port();
        for host in ["127.0.0.1", "::1"] {
            tokio::net::TcpStream::connect((host, port)).await.unwrap();
        }
        let ipv4_only = |address: SocketAddr| {
            if address.is_ipv6() {
                return Err(io::ErrorKind::Unsupported.into());
            }
            listen(address)
        };
        let bound = bind_with("[::]:0".parse().unwrap(), ipv4_only)
            .unwrap()
            .local_addr()
            .unwrap();
        assert_eq!(bound.ip(), Ipv4Addr::UNSPECIFIED);
        let chosen = bind_with("[::1]:0".parse().unwrap(), ipv4_only);
        assert!(chosen.is_err(), "an address that somebody chose is not exchanged");
    }

    #[tokio::test]
    async fn an_address_in_use_is_refused_with_the_flag_to_change() {
        let (address, _) = served();
        let text = bind(address).unwrap_err().to_string();
        assert!(text.contains("--http-address"), "{text}");
    }
}
