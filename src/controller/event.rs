//! Events: what an object's history tells people. I/O: one create each; the right to patch is not needed, because an
//! event is published only when a reason changes, so there is no series to extend.

use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use k8s_openapi::jiff::Timestamp;
use kube::Client;
use kube::api::{Api, ObjectMeta, PostParams};
use serde::de::IgnoredAny;

use super::cluster::{ask, body};
use super::refusal::{ClusterRequest, Verb};
use super::refusals::{Refusals, Requester};
use crate::clock::wall_clock;
use crate::dice::unique;

/// Longest note that the API server takes, in bytes.
const LONGEST_NOTE: usize = 1024;
/// Longest action, reason and reportingInstance that the API server takes, in bytes.
const LONGEST_WORD: usize = 128;
/// Longest part of an object's name that fits into the name of its event, in bytes.
const LONGEST_NAME: usize = 200;
/// The namespace of events about objects that have none.
const DEFAULT_NAMESPACE: &str = "default";

/// Whether an event is news or trouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// Something happened as asked.
    Normal,
    /// Something needs a look.
    Warning,
}

/// Publishes events; a cheap handle.
#[derive(Clone)]
pub struct Recorder {
    client: Client,
    controller: &'static str,
    instance: String,
    refusals: Refusals,
}

impl Recorder {
    /// A recorder that reports as `controller`, and as `instance` of it, by custom the name of the Pod: see [`instance`].
    #[must_use]
    pub fn new(client: Client, controller: &'static str, instance: &str, refusals: Refusals) -> Self {
        Self {
            client,
            controller,
            refusals,
            instance: cut(instance, LONGEST_WORD).to_owned(),
        }
    }

    /// Publishes an event about `regarding`. A failure is logged and goes no further: work never depends on an event. That
    /// events are refused is told until one is taken.
    pub async fn publish(
        &self,
        regarding: ObjectReference,
        kind: EventKind,
        reason: &str,
        action: &str,
        note: &str,
    ) {
        let event = Event {
            reporting_controller: Some(self.controller.to_owned()),
            reporting_instance: Some(self.instance.clone()),
            ..event(regarding, kind, reason, action, note, &Stamp::now())
        };
        let namespace = event.metadata.namespace.as_deref().unwrap_or(DEFAULT_NAMESPACE);
        let api: Api<Event> = Api::namespaced(self.client.clone(), namespace);
        let created = ask(&api, |request| {
            request.create(&PostParams::default(), body(&event)?)
        });
        let source = || Requester::Events(namespace.to_owned());
        match created.await {
            Ok(IgnoredAny) => self.refusals.clear(source()),
            Err(error) if error.is_namespace_terminating() => {
                self.refusals.clear(source());
                tracing::debug!(namespace, reason, "no event: the namespace is being deleted");
            }
            Err(error) => {
                tracing::warn!(namespace, reason, %error, "failed to publish an event");
                // The name is another one each time.
                let error = error.of(|| ClusterRequest::new(Verb::Create, api.resource_url(), ""));
                if let Some(refusal) = error.refusal() {
                    self.refusals.set(source(), &[refusal]);
                }
            }
        }
    }
}

/// What makes an event unique.
struct Stamp {
    time: Timestamp,
    suffix: String,
}

impl Stamp {
    fn now() -> Self {
        Self {
            time: wall_clock(),
            suffix: unique().simple().to_string(),
        }
    }
}

fn event(
    regarding: ObjectReference,
    kind: EventKind,
    reason: &str,
    action: &str,
    note: &str,
    stamp: &Stamp,
) -> Event {
    let name = cut(regarding.name.as_deref().unwrap_or_default(), LONGEST_NAME);
    let type_ = match kind {
        EventKind::Normal => "Normal",
        EventKind::Warning => "Warning",
    };
    Event {
        metadata: ObjectMeta {
            name: Some(format!("{name}.{}", stamp.suffix)),
            namespace: Some(
                regarding
                    .namespace
                    .clone()
                    .unwrap_or_else(|| DEFAULT_NAMESPACE.to_owned()),
            ),
            ..ObjectMeta::default()
        },
        event_time: Some(MicroTime(stamp.time)),
        type_: Some(type_.to_owned()),
        reason: Some(cut(reason, LONGEST_WORD).to_owned()),
        action: Some(cut(action, LONGEST_WORD).to_owned()),
        note: Some(cut(note, LONGEST_NOTE).to_owned()),
        regarding: Some(regarding),
        ..Event::default()
    }
}

/// The name of this Pod, or of this machine.
#[must_use]
pub fn instance() -> String {
    std::env::var("HOSTNAME")
        .ok()
        .or_else(|| std::fs::read_to_string("/proc/sys/kernel/hostname").ok())
        .map(|name| name.trim().to_owned())
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| crate::NAME.to_owned())
}

/// The longest beginning of `text` that has at most `bytes` bytes and breaks no character.
fn cut(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use axum::http::{Method, StatusCode, Uri};
    use axum::{Json, Router};
    use serde_json::{Value, json};

    use super::super::cluster::loopback::client_of;
    use super::*;
    use crate::metrics::Metrics;

    type Requests = Arc<Mutex<Vec<(Method, String, Value)>>>;

    fn refusals() -> Refusals {
        Refusals::new(Metrics::new(true, "1", "c"))
    }

    async fn recorder(status: StatusCode) -> (Recorder, Requests) {
        let requests = Requests::default();
        let seen = Arc::clone(&requests);
        let router = Router::new().fallback(move |method: Method, uri: Uri, Json(body): Json<Value>| {
            seen.lock()
                .unwrap()
                .push((method, uri.path().to_owned(), body.clone()));
            async move { (status, Json(body)) }
        });
        let client = client_of(router, &Metrics::new(true, "1", "c")).await;
        (
            Recorder::new(client, "vobiz.ai/operator", "operator-0", refusals()),
            requests,
        )
    }

    fn acme() -> ObjectReference {
        ObjectReference {
            api_version: Some("vobiz.ai/v1alpha1".to_owned()),
            kind: Some("Subaccount".to_owned()),
            namespace: Some("dev".to_owned()),
            name: Some("acme".to_owned()),
            uid: Some("u-1".to_owned()),
            ..ObjectReference::default()
        }
    }

    #[tokio::test]
    async fn an_event_is_one_create_beside_its_object() {
        let (recorder, requests) = recorder(StatusCode::CREATED).await;
        for _ in 0..2 {
            recorder
                .publish(acme(), EventKind::Warning, "CreateFailed", "Create", "refused")
                .await;
        }
        let requests = requests.lock().unwrap();
        for (method, path, body) in requests.iter() {
            assert_eq!(
                (method, path.as_str()),
                (&Method::POST, "/apis/events.k8s.io/v1/namespaces/dev/events")
            );
            assert_eq!(body["type"], "Warning");
            assert_eq!(body["reason"], "CreateFailed");
            assert_eq!(body["action"], "Create");
            assert_eq!(body["note"], "refused");
            assert_eq!(body["reportingController"], "vobiz.ai/operator");
            assert_eq!(body["reportingInstance"], "operator-0");
            assert_eq!(body["regarding"]["uid"], "u-1");
            assert!(body["eventTime"].is_string());
        }
        assert_eq!(requests.len(), 2);
        assert_ne!(
            requests[0].2["metadata"]["name"],
            requests[1].2["metadata"]["name"]
        );
    }

    #[tokio::test]
    async fn a_refused_event_is_tried_once_and_disturbs_nobody() {
        let (recorder, requests) = recorder(StatusCode::FORBIDDEN).await;
        recorder
            .publish(acme(), EventKind::Normal, "SubaccountCreated", "Create", "done")
            .await;
        assert_eq!(requests.lock().unwrap().len(), 1);
    }

    #[tokio::test]
    async fn that_events_are_refused_is_told_until_one_is_taken() {
        let refuse = Arc::new(Mutex::new(true));
        let refused = Arc::clone(&refuse);
        let router = Router::new().fallback(move |Json(body): Json<Value>| {
            let refused = *refused.lock().unwrap();
            let answer = json!({
                "kind": "Status", "status": "Failure", "code": 403, "reason": "Forbidden",
                "message": "events is forbidden: exceeded quota: few, requested: count/events=1",
            });
            async move {
                if refused {
                    (StatusCode::FORBIDDEN, Json(answer))
                } else {
                    (StatusCode::CREATED, Json(body))
                }
            }
        });
        let told = refusals();
        let client = client_of(router, &Metrics::new(true, "1", "c")).await;
        let recorder = Recorder::new(client, "vobiz.ai/operator", "operator-0", told.clone());
        let publish = || recorder.publish(acme(), EventKind::Normal, "SubaccountCreated", "Create", "done");
        publish().await;
        publish().await;
        assert_eq!(
            told.lines(),
            ["events: create of events dev is refused by ResourceQuota few: raise the quota"]
        );
        *refuse.lock().unwrap() = false;
        publish().await;
        assert!(told.lines().is_empty());
    }

    #[test]
    fn a_long_note_is_cut_between_characters() {
        let note = "\u{1F600}".repeat(300);
        let cut = cut(&note, LONGEST_NOTE);
        assert_eq!(cut.len(), 1024);
        assert!(note.starts_with(cut));
        assert_eq!(super::cut("é", 1), "");
    }
}
