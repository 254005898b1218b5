//! I/O. A collector of traces on loopback: it takes OTLP over HTTP as real ones do, or refuses, or says nothing.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1 as wire;
use prost::Message as _;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// A collector that runs. Dropping it closes its port.
pub struct Collector {
    address: SocketAddr,
    kept: Arc<Kept>,
    task: JoinHandle<()>,
}

/// How it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// As it should.
    Takes,
    /// With 503.
    Refuses,
    /// Never.
    Silent,
}

/// One span that it took.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// What is done.
    pub name: String,
    /// Whether it is a request to another server.
    pub is_client: bool,
    /// Whether it ended in a failure.
    pub failed: bool,
    /// Its id.
    pub id: Vec<u8>,
    /// The id of the one around it; empty: there is none.
    pub parent: Vec<u8>,
    /// Its attributes, numbers as text.
    pub attributes: BTreeMap<String, String>,
    /// How many events it has.
    pub events: usize,
    /// What is said of who sent it.
    pub resource: BTreeMap<String, String>,
}

struct Kept {
    manner: Mutex<Manner>,
    /// Bodies as they came.
    bodies: Mutex<Vec<u8>>,
    spans: watch::Sender<Vec<Span>>,
    /// How many requests came, taken or not.
    requests: watch::Sender<usize>,
}

impl Collector {
    /// Starts one that answers like this.
    pub async fn start(manner: Manner) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))
            .await
            .context("failed to listen for traces")?;
        let address = listener.local_addr().context("failed to read the port")?;
        let kept = Arc::new(Kept {
            manner: Mutex::new(manner),
            bodies: Mutex::default(),
            spans: watch::Sender::default(),
            requests: watch::Sender::default(),
        });
        let router = Router::new()
            .route("/v1/traces", post(take))
            .with_state(Arc::clone(&kept));
        let task = tokio::spawn(async move {
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self { address, kept, task })
    }

    /// What `OTEL_EXPORTER_OTLP_ENDPOINT` must be.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Answers like this from here on.
    pub fn behave(&self, manner: Manner) {
        *self.kept.manner.lock().unwrap_or_else(PoisonError::into_inner) = manner;
    }

    /// Every byte that it was sent.
    #[must_use]
    pub fn bodies(&self) -> Vec<u8> {
        let bodies = self.kept.bodies.lock();
        bodies.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many requests came, taken or not.
    #[must_use]
    pub fn requests(&self) -> usize {
        *self.kept.requests.borrow()
    }

    /// Waits until more than `seen` requests have come, taken or not.
    pub async fn await_request(&self, seen: usize, deadline: Duration) -> Result<()> {
        let mut requests = self.kept.requests.subscribe();
        let more = requests.wait_for(|count| *count > seen);
        let awaited = tokio::time::timeout(deadline, more).await;
        awaited.context("nothing was sent to the collector")??;
        Ok(())
    }

    /// All spans that it took, once they are as `reached` says.
    pub async fn await_spans(
        &self,
        deadline: Duration,
        reached: impl Fn(&[Span]) -> bool,
    ) -> Result<Vec<Span>> {
        let mut spans = self.kept.spans.subscribe();
        let awaited = tokio::time::timeout(deadline, spans.wait_for(|spans| reached(spans))).await;
        if let Ok(found) = awaited {
            return Ok(found?.clone());
        }
        let taken: Vec<String> = self
            .kept
            .spans
            .borrow()
            .iter()
            .map(|span| span.name.clone())
            .collect();
        bail!("the spans are not as awaited: {taken:?}")
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn take(State(kept): State<Arc<Kept>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    kept.bodies
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .extend_from_slice(&body);
    kept.requests.send_modify(|count| *count += 1);
    let manner = *kept.manner.lock().unwrap_or_else(PoisonError::into_inner);
    match manner {
        Manner::Takes => {}
        Manner::Refuses => return StatusCode::SERVICE_UNAVAILABLE,
        Manner::Silent => std::future::pending().await,
    }
    let is_protobuf = headers
        .get("content-type")
        .is_some_and(|kind| kind == "application/x-protobuf");
    match ExportTraceServiceRequest::decode(body) {
        Ok(request) if is_protobuf => {
            kept.spans.send_modify(|spans| spans.extend(spans_of(request)));
            StatusCode::OK
        }
        _ => StatusCode::BAD_REQUEST,
    }
}

fn spans_of(request: ExportTraceServiceRequest) -> Vec<Span> {
    let mut found = Vec::new();
    for group in request.resource_spans {
        let resource = group
            .resource
            .map(|resource| texts(resource.attributes))
            .unwrap_or_default();
        let spans = group.scope_spans.into_iter().flat_map(|scope| scope.spans);
        found.extend(spans.map(|span| {
            Span {
                is_client: span.kind == wire::span::SpanKind::Client as i32,
                failed: span
                    .status
                    .is_some_and(|status| status.code == wire::status::StatusCode::Error as i32),
                name: span.name,
                id: span.span_id,
                parent: span.parent_span_id,
                attributes: texts(span.attributes),
                events: span.events.len(),
                resource: resource.clone(),
            }
        }));
    }
    found
}

fn texts(attributes: Vec<KeyValue>) -> BTreeMap<String, String> {
    let text = |value: Option<AnyValue>| match value.and_then(|value| value.value) {
        Some(Value::StringValue(text)) => text,
        Some(Value::IntValue(number)) => number.to_string(),
        Some(Value::BoolValue(flag)) => flag.to_string(),
        other => format!("{other:?}"),
    };
    let attributes = attributes.into_iter();
    attributes
        .map(|attribute| (attribute.key, text(attribute.value)))
        .collect()
}
