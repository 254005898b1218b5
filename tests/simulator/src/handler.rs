//! I/O. One request from its head to the last byte of its answer, with the fault that was ordered for it.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request as HttpRequest, Response, header::USER_AGENT};
use hyper::body::Incoming;
use serde_json::{Value, json};

use crate::answer::{Manner, response};
use crate::connection::Current;
use crate::fault::{Action, Subject, merge};
use crate::journal::{Entry, InFlight, without_secrets};
use crate::mint::Minted;
use crate::path::{Operation, Route, route};
use crate::reply::{Content, Reply, Trouble, html};
use crate::service::{Request, answer};
use crate::settings::Envelope;
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
    let api = lock(&state.settings).api;
    let found = route(api, head.method.as_str(), head.uri.path());
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
        path: head.uri.path().to_owned(),
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

/// A request that was read.
#[derive(Clone)]
struct Job {
    state: Arc<State>,
    request: Request,
    flight: Arc<InFlight>,
}

impl Job {
    /// Answers for real, at once.
    fn commit(&self) -> Reply {
        let minted = Minted::fresh();
        let settings = lock(&self.state.settings).clone();
        if let (Some(limit), Some(parent)) = (settings.requests_per_second, &self.request.auth_id)
            && !self.state.admit(parent, limit)
        {
            let envelope = settings.envelope.unwrap_or(Envelope::Documented);
            let reply = Trouble::of_status(429)
                .reply(envelope, &minted)
                .header("retry-after", "1");
            self.flight.note(|entry| entry.status = Some(reply.status));
            return reply;
        }
        let mut world = lock(&self.state.world);
        let reply = answer(&mut world, &settings, &self.request, &minted);
        // Noted under the world's lock: who sees the change also sees its entry.
        self.flight.note(|entry| {
            entry.status = Some(reply.status);
            entry.committed = reply.committed;
            if reply.committed && entry.operation == Operation::Create {
                entry.id = Some(minted.auth_id.clone());
            }
        });
        reply
    }

    /// Answers for real after a wait. A client that goes meanwhile changes nothing: a server that has a
    /// request works on.
    async fn commit_after(&self, wait: Duration) -> Result<Reply, Dropped> {
        let latency = Duration::from_millis(lock(&self.state.settings).latency_ms);
        let wait = wait + latency;
        if wait.is_zero() {
            return Ok(self.commit());
        }
        let job = self.clone();
        let work = tokio::spawn(async move {
            tokio::time::sleep(wait).await;
            job.commit()
        });
        work.await.map_err(|_| Dropped)
    }

    fn send(self, reply: Reply, manner: Manner) -> Result<Response<Body>, Dropped> {
        self.flight.note(|entry| entry.status = Some(reply.status));
        Ok(response(reply, manner, self.flight))
    }

    /// The usual reply, or one that changes nothing, as the rule asks.
    async fn maybe_commit(&self, commit: bool) -> Result<Reply, Dropped> {
        if commit {
            self.commit_after(Duration::ZERO).await
        } else {
            Ok(Reply::empty(200))
        }
    }

    async fn run(self, rule: Option<(u64, Action)>) -> Result<Response<Body>, Dropped> {
        let Some((fault, action)) = rule else {
            let reply = self.commit_after(Duration::ZERO).await?;
            return self.send(reply, Manner::Whole);
        };
        match action {
            Action::LoseBefore => Err(Dropped),
            Action::LoseAfter => {
                self.commit_after(Duration::ZERO).await?;
                Err(Dropped)
            }
            Action::HoldBefore => {
                let job = self.clone();
                let work = tokio::spawn(async move {
                    job.state.hold(&job.flight, fault).await;
                    job.commit()
                });
                let reply = work.await.map_err(|_| Dropped)?;
                self.send(reply, Manner::Whole)
            }
            Action::HoldAfter => {
                let reply = self.commit_after(Duration::ZERO).await?;
                self.state.hold(&self.flight, fault).await;
                self.send(reply, Manner::Whole)
            }
            Action::CommitLate { after_ms } => {
                tokio::spawn(async move { self.commit_after(Duration::from_millis(after_ms)).await });
                Err(Dropped)
            }
            Action::Delay {
                milliseconds,
                after_commit,
            } => {
                let wait = Duration::from_millis(milliseconds);
                let reply = self
                    .commit_after(if after_commit { Duration::ZERO } else { wait })
                    .await?;
                if after_commit {
                    tokio::time::sleep(wait).await;
                }
                self.send(reply, Manner::Whole)
            }
            Action::Truncated => {
                let reply = self.commit_after(Duration::ZERO).await?;
                self.send(reply, Manner::Truncated)
            }
            Action::Slow { interval_ms } => {
                let reply = self.commit_after(Duration::ZERO).await?;
                self.send(reply, Manner::Slow(Duration::from_millis(interval_ms)))
            }
            Action::Huge {
                bytes,
                endless,
                after_commit,
            } => {
                let mut reply = self.maybe_commit(after_commit).await?;
                if reply.content == Content::Empty {
                    reply.content = Content::Json(json!({}));
                }
                self.send(
                    reply,
                    if endless {
                        Manner::Endless
                    } else {
                        Manner::Huge(bytes)
                    },
                )
            }
            other => {
                let reply = self.replaced(other).await?;
                self.send(reply, Manner::Whole)
            }
        }
    }

    /// The reply of the rules that change only what is said.
    async fn replaced(&self, action: Action) -> Result<Reply, Dropped> {
        match action {
            Action::Status { after_commit, .. } => {
                self.maybe_commit(after_commit).await?;
                Ok(status_reply(action))
            }
            Action::Html { after_commit } => {
                self.maybe_commit(after_commit).await?;
                Ok(Reply {
                    content: html(200, "Welcome"),
                    ..Reply::empty(200)
                })
            }
            Action::Empty { after_commit } => {
                self.maybe_commit(after_commit).await?;
                Ok(Reply::empty(200))
            }
            Action::Redirect {
                status,
                location,
                after_commit,
            } => {
                self.maybe_commit(after_commit).await?;
                Ok(Reply::empty(status).header("location", location))
            }
            Action::Body {
                status,
                content_type,
                body,
                bytes,
                headers,
                after_commit,
            } => {
                let real = self.maybe_commit(after_commit).await?;
                let text = match body {
                    Value::String(text) => text,
                    other => other.to_string(),
                };
                let bytes = bytes.unwrap_or_else(|| self.fill(&text, &real).into_bytes());
                let content_type = content_type.unwrap_or_else(|| "application/json".to_owned());
                let status = status.unwrap_or(200);
                let content = if bytes.is_empty() || status == 204 {
                    Content::Empty
                } else {
                    Content::Raw(content_type, bytes)
                };
                Ok(Reply {
                    headers: headers.into_iter().collect(),
                    content,
                    ..Reply::empty(status)
                })
            }
            Action::Patch { patch, status } => {
                let mut reply = self.commit_after(Duration::ZERO).await?;
                if let Content::Json(body) = &mut reply.content {
                    merge(body, &patch);
                }
                Ok(Reply {
                    status: status.unwrap_or(reply.status),
                    ..reply
                })
            }
            Action::ManyHeaders { count } => {
                let reply = self.commit_after(Duration::ZERO).await?;
                Ok((0..count).fold(reply, |reply, index| {
                    reply.header(&format!("x-filler-{index}"), "filler")
                }))
            }
            _ => self.commit_after(Duration::ZERO).await,
        }
    }

    /// Fills the placeholders of a literal body from what really happened.
    fn fill(&self, text: &str, real: &Reply) -> String {
        let pointer = |path: &str| match &real.content {
            Content::Json(body) => body.pointer(path).and_then(Value::as_str),
            _ => None,
        };
        let find = |field: &str| {
            pointer(&format!("/{field}"))
                .or_else(|| pointer(&format!("/auth_credentials/{field}")))
                .unwrap_or_default()
        };
        let sent = self
            .request
            .body
            .as_ref()
            .and_then(|body| body.as_ref().ok()?.get("name")?.as_str());
        text.replace("{auth_id}", find("auth_id"))
            .replace("{auth_token}", find("auth_token"))
            .replace("{name}", sent.unwrap_or_default())
            .replace("{parent}", self.request.auth_id.as_deref().unwrap_or_default())
    }
}

fn status_reply(action: Action) -> Reply {
    let Action::Status {
        status,
        envelope,
        code,
        message,
        details,
        retry_after,
        details_retry_after,
        rate_limit_reset,
        after_commit: _,
    } = action
    else {
        return Reply::empty(500);
    };
    let mut trouble = Trouble::of_status(status);
    trouble.code = code.unwrap_or(trouble.code);
    trouble.message = message.unwrap_or(trouble.message);
    trouble.details = details.unwrap_or(trouble.details);
    if let (Some(after), Value::Object(details)) = (details_retry_after, &mut trouble.details) {
        details.insert("retryAfter".to_owned(), after);
    }
    let mut reply = trouble.reply(envelope.unwrap_or(Envelope::Documented), &Minted::fresh());
    if let Some(value) = retry_after {
        reply = reply.header("retry-after", value);
    }
    if let Some(value) = rate_limit_reset {
        reply = reply.header("x-ratelimit-reset", value);
    }
    reply
}
