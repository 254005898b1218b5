//! I/O. Stands between one operator process and one server; passes on what is asked, and breaks what a plan aims at.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use axum::body::{Body, Bytes};
use http::{HeaderMap, Request, Response, StatusCode, header};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

use crate::denier::{Asked, Denier};
use crate::mode::{Mode, Moment};
use crate::registry::{Orders, Pause, Registry};
use crate::stream::{self, streamed};
use crate::warden::{Deed, Warden, WatchFault};
use crate::write::{Classified, Server, to_kubernetes, to_vobiz};

mod answer;

/// Larger than any body that either side sends.
const LARGEST_BODY: usize = 64 << 20;
/// How late watches are that are delayed.
const WATCH_DELAY: Duration = Duration::from_secs(3);

/// The connection is closed without an answer.
#[derive(Debug)]
struct Closed;

impl std::fmt::Display for Closed {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("closed by a plan")
    }
}

impl std::error::Error for Closed {}

/// What a proxy is made of.
#[derive(Clone)]
pub struct Route {
    /// Which server.
    pub server: Server,
    /// Its root.
    pub target: String,
    /// Speaks to it.
    pub client: reqwest::Client,
    /// Which operator process comes here.
    pub process: usize,
    /// As whom it comes to the API server.
    pub user: String,
    /// The plans.
    pub registry: Arc<Registry>,
    /// Does what one request cannot.
    pub warden: Arc<Warden>,
    /// Longer than the operator waits for an answer.
    pub past_time_out: Duration,
    /// Longer than what the other process needs to take over.
    pub stop: Duration,
}

/// A proxy that runs. Dropping it ends it.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Proxy {
    /// Listens at any free port.
    pub async fn start(route: Route) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))
            .await
            .context("failed to listen")?;
        let address = listener.local_addr().context("failed to read a port")?;
        let route = Arc::new(route);
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let Ok((stream, _)) = listener.accept().await else {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                    continue;
                };
                while connections.try_join_next().is_some() {}
                connections.spawn(connection(stream, Arc::clone(&route)));
            }
        });
        Ok(Self { address, task })
    }

    /// Its root.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn connection(stream: TcpStream, route: Arc<Route>) {
    let _ = stream.set_nodelay(true);
    // A second handle on the same socket: a reset is asked for there, while hyper has the first.
    let Ok(handle) = stream::second_handle(&stream) else {
        return;
    };
    let handle = Arc::new(handle);
    let service = service_fn(move |request| {
        let (route, handle) = (Arc::clone(&route), Arc::clone(&handle));
        async move { route.handle(request, &handle).await }
    });
    let _ = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

/// A request that was read to its end.
#[derive(Clone)]
struct Whole {
    parts: http::request::Parts,
    body: Bytes,
}

impl Route {
    async fn handle(
        self: &Arc<Self>,
        request: Request<Incoming>,
        socket: &Arc<std::net::TcpStream>,
    ) -> Result<Response<Body>, Closed> {
        let (parts, body) = request.into_parts();
        let body = axum::body::to_bytes(Body::new(body), LARGEST_BODY)
            .await
            .map_err(|_| Closed)?;
        let whole = Whole { parts, body };
        let classified = self.classify(&whole);
        let Some(name) = classified
            .as_ref()
            .and_then(|classified| self.registry.whose(classified))
        else {
            return self.pass(&whole).await;
        };
        let awaited = self.registry.awaits(&name);
        let answer = self.handle_of(name.clone(), classified, whole, socket).await;
        if let Ok(answer) = &answer {
            awaited.answered();
            if self.server == Server::Vobiz && answer.status() == StatusCode::UNAUTHORIZED {
                self.registry.turn_away(&name);
            }
        }
        answer
    }

    /// A request of a plan.
    async fn handle_of(
        self: &Arc<Self>,
        name: String,
        classified: Option<Classified>,
        whole: Whole,
        socket: &Arc<std::net::TcpStream>,
    ) -> Result<Response<Body>, Closed> {
        if self.registry.await_resumed(&name).await {
            // Whoever asked is dead.
            return Err(Closed);
        }
        let is_look = classified.as_ref().is_some_and(|classified| classified.is_look);
        let orders = match classified.and_then(|classified| classified.write) {
            Some(write) => self.registry.count(&name, &write, self.process),
            None if is_look => Orders {
                fault: self.registry.looks(&name, self.process),
                pause: None,
            },
            None => return self.pass(&whole).await,
        };
        // In a task of its own: it goes on when the operator has given up, or is dead.
        let (route, socket) = (Arc::clone(self), Arc::clone(socket));
        let passed = tokio::spawn(async move {
            let Orders { mut pause, fault } = orders;
            Pause::hold(&mut pause, Moment::BeforeCommit, route.past_time_out).await;
            let answer = match fault {
                None => route.forward(&whole).await,
                Some(Mode::StopAtLook) if !is_look => {
                    // Before the answer is on its way, and the look behind it.
                    route.registry.await_look(&name, route.process, Mode::StopAtLook);
                    route.forward(&whole).await
                }
                Some(mode) => route.break_at(&whole, mode, &name, &socket).await,
            };
            Pause::hold(&mut pause, Moment::AfterCommit, route.past_time_out).await;
            answer
        });
        passed.await.unwrap_or(Err(Closed))
    }

    fn classify(&self, whole: &Whole) -> Option<Classified> {
        let (method, path) = (&whole.parts.method, whole.parts.uri.path());
        match self.server {
            Server::Kubernetes => {
                to_kubernetes(method, path, &whole.body, self.registry.operator_namespace())
            }
            Server::Vobiz => {
                let parent = whole.parts.headers.get("x-auth-id");
                to_vobiz(method, path, parent.and_then(|value| value.to_str().ok()))
            }
        }
    }

    async fn break_at(
        &self,
        whole: &Whole,
        mode: Mode,
        name: &str,
        socket: &std::net::TcpStream,
    ) -> Result<Response<Body>, Closed> {
        self.registry.fault_begins(name);
        let answer = self.broken(whole, mode, name, socket).await;
        self.registry.fault_ends(name);
        answer
    }

    async fn broken(
        &self,
        whole: &Whole,
        mode: Mode,
        name: &str,
        socket: &std::net::TcpStream,
    ) -> Result<Response<Body>, Closed> {
        match mode {
            Mode::KillBefore => {
                self.registry.halt(name);
                self.warden.ask_for_death(self.process);
                Err(self.await_death(name).await)
            }
            Mode::KillAfterCommit => {
                self.registry.halt(name);
                let _ = self.forward(whole).await;
                self.warden.ask_for_death(self.process);
                Err(self.await_death(name).await)
            }
            Mode::KillAfterAnswer => {
                let answer = self.forward(whole).await;
                self.registry.halt(name);
                self.warden.ask_for_death(self.process);
                answer
            }
            Mode::Drop => Err(Closed),
            Mode::Reset => {
                let answer = self.forward(whole).await?;
                stream::cut(answer, socket).await.ok_or(Closed)
            }
            Mode::Late => {
                tokio::time::sleep(self.past_time_out).await;
                self.forward(whole).await
            }
            Mode::Status(status, Moment::BeforeCommit) => Ok(answer::failed(self.server, status)),
            Mode::Refused(denier) => self.deny(whole, denier),
            Mode::Status(status, Moment::AfterCommit) => {
                self.forward(whole).await?;
                Ok(answer::failed(self.server, status))
            }
            Mode::Truncated => {
                let answer = self.forward(whole).await?;
                stream::truncate(answer).await.ok_or(Closed)
            }
            Mode::WatchHeld => self.and_watches(whole, WatchFault::Held).await,
            Mode::WatchGone => self.and_watches(whole, WatchFault::Gone).await,
            Mode::WatchDelayed => self.and_watches(whole, WatchFault::Delayed(WATCH_DELAY)).await,
            Mode::Stop | Mode::StopAtLook | Mode::StopBeyondLease => {
                let answer = self.forward(whole).await;
                let deed = match mode {
                    Mode::StopBeyondLease => Deed::Outlast(self.stop),
                    _ => Deed::Stop(self.stop),
                };
                self.warden.ask(self.process, deed).await;
                answer
            }
        }
    }

    async fn await_death(&self, name: &str) -> Closed {
        self.registry.await_resumed(name).await;
        Closed
    }

    async fn and_watches(&self, whole: &Whole, fault: WatchFault) -> Result<Response<Body>, Closed> {
        let answer = self.forward(whole).await;
        self.warden.ask(self.process, Deed::Watch(fault)).await;
        answer
    }

    /// The API server's own refusal of this write.
    fn deny(&self, whole: &Whole, denier: Denier) -> Result<Response<Body>, Closed> {
        let parts = &whole.parts;
        let asked = Asked::of(&parts.method, parts.uri.path(), &whole.body).ok_or(Closed)?;
        Ok(answer::denied(denier, &asked, &self.user))
    }

    /// Passes a read on; a watch is streamed.
    async fn pass(&self, whole: &Whole) -> Result<Response<Body>, Closed> {
        let query = whole.parts.uri.query().unwrap_or_default();
        if self.server == Server::Kubernetes && query.split('&').any(|part| part == "watch=true") {
            let answer = self.send(whole).await?;
            let warden = Arc::clone(&self.warden);
            let (status, headers) = (answer.status(), answer.headers().clone());
            return Ok(respond(status, &headers, streamed(answer, warden)));
        }
        self.forward(whole).await
    }

    async fn forward(&self, whole: &Whole) -> Result<Response<Body>, Closed> {
        let answer = self.send(whole).await?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        let body = answer.bytes().await.map_err(|_| Closed)?;
        Ok(respond(status, &headers, Body::from(body)))
    }

    async fn send(&self, whole: &Whole) -> Result<reqwest::Response, Closed> {
        let path = whole.parts.uri.path_and_query().map_or("/", |path| path.as_str());
        let mut headers = whole.parts.headers.clone();
        for name in [
            header::HOST,
            header::CONNECTION,
            header::CONTENT_LENGTH,
            header::TRANSFER_ENCODING,
        ] {
            headers.remove(name);
        }
        let request = self
            .client
            .request(whole.parts.method.clone(), format!("{}{path}", self.target))
            .headers(headers)
            .body(whole.body.clone());
        request.send().await.map_err(|_| Closed)
    }
}

fn respond(status: StatusCode, headers: &HeaderMap, body: Body) -> Response<Body> {
    let mut answer = Response::new(body);
    *answer.status_mut() = status;
    *answer.headers_mut() = headers.clone();
    for name in [
        header::CONNECTION,
        header::CONTENT_LENGTH,
        header::TRANSFER_ENCODING,
    ] {
        answer.headers_mut().remove(name);
    }
    answer
}
