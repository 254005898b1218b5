//! I/O. What becomes of a request that was read: when it commits, and what its client gets to see.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::Response;
use serde_json::{Value, json};

use crate::answer::{Manner, response};
use crate::fault::{Action, merge};
use crate::handler::Dropped;
use crate::journal::InFlight;
use crate::mint::Minted;
use crate::path::Operation;
use crate::reply::{Content, Reply, Trouble, html};
use crate::service::{Request, answer};
use crate::settings::Envelope;
use crate::state::{State, lock};

/// A request that was read.
#[derive(Clone)]
pub struct Job {
    /// What all requests share.
    pub state: Arc<State>,
    /// What is asked.
    pub request: Request,
    /// Its journal entry.
    pub flight: Arc<InFlight>,
}

impl Job {
    /// Answers for real, at once.
    fn commit(&self) -> Reply {
        let settings = lock(&self.state.settings).clone();
        let minted = Minted::with(settings.ids);
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

    fn send(self, reply: Reply, manner: Manner) -> Response<Body> {
        self.flight.note(|entry| entry.status = Some(reply.status));
        response(reply, manner, self.flight)
    }

    /// The usual reply, or one that changes nothing, as the rule asks.
    async fn maybe_commit(&self, commit: bool) -> Result<Reply, Dropped> {
        if commit {
            self.commit_after(Duration::ZERO).await
        } else {
            Ok(Reply::empty(200))
        }
    }

    /// Commits and answers, both as `rule` orders. An error drops the connection.
    pub async fn run(self, rule: Option<(u64, Action)>) -> Result<Response<Body>, Dropped> {
        let Some((fault, action)) = rule else {
            let reply = self.commit_after(Duration::ZERO).await?;
            return Ok(self.send(reply, Manner::Whole));
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
                Ok(self.send(reply, Manner::Whole))
            }
            Action::HoldAfter => {
                let reply = self.commit_after(Duration::ZERO).await?;
                self.state.hold(&self.flight, fault).await;
                Ok(self.send(reply, Manner::Whole))
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
                Ok(self.send(reply, Manner::Whole))
            }
            Action::Truncated => {
                let reply = self.commit_after(Duration::ZERO).await?;
                Ok(self.send(reply, Manner::Truncated))
            }
            Action::Slow { interval_ms } => {
                let reply = self.commit_after(Duration::ZERO).await?;
                Ok(self.send(reply, Manner::Slow(Duration::from_millis(interval_ms))))
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
                let manner = if endless {
                    Manner::Endless
                } else {
                    Manner::Huge(bytes)
                };
                Ok(self.send(reply, manner))
            }
            other => {
                let reply = self.replaced(other).await?;
                Ok(self.send(reply, Manner::Whole))
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
