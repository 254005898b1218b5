//! Every request to the API server: counted, and with a span of its own. I/O: passes requests on, and reads the clock.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::{Request, Response};
use http_body::Frame;
use http_body_util::combinators::InspectFrame;
use http_body_util::{BodyExt as _, Either};
use kube::client::Body;
use tower::{Layer, Service};
use tracing::field::Empty;
use tracing::{Instrument as _, Span};

use super::watch_request::{WatchRequest, is_watch};
use crate::clock::wall_clock;
use crate::metrics::{Metrics, WatchHeard};

/// Looks at each request that a client makes.
#[derive(Clone, Debug)]
pub(super) struct Watched {
    metrics: Metrics,
}

impl Watched {
    pub fn with(metrics: &Metrics) -> Self {
        let metrics = metrics.clone();
        Self { metrics }
    }
}

impl<S> Layer<S> for Watched {
    type Service = Requests<S>;

    fn layer(&self, inner: S) -> Requests<S> {
        Requests {
            inner,
            metrics: self.metrics.clone(),
        }
    }
}

/// Counts requests by method and status.
#[derive(Clone, Debug)]
pub(super) struct Requests<S> {
    inner: S,
    metrics: Metrics,
}

/// What is done with each piece of an answer as it comes.
type Note<B> = Box<dyn FnMut(&Frame<<B as http_body::Body>::Data>) + Send>;

/// An answer that goes through as it is, or one that is heard of as it comes: that of a watch.
type Answer<B> = Response<Either<B, InspectFrame<B, Note<B>>>>;

impl<S, B> Service<Request<Body>> for Requests<S>
where
    S: Service<Request<Body>, Response = Response<B>>,
    S::Future: Send + 'static,
    B: http_body::Body,
{
    type Response = Answer<B>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Answer<B>, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let metrics = self.metrics.clone();
        let method = request.method().clone();
        let watched = WatchRequest::of(request.uri());
        let span = span(&request);
        let answer = self.inner.call(request).instrument(span.clone());
        Box::pin(async move {
            let answer = answer.await;
            let code = answer.as_ref().ok().map(|response| response.status().as_u16());
            metrics.rest_request(method.as_str(), code);
            span.record("http.response.status_code", code.map(i64::from));
            if code.is_none_or(|code| code >= 400) {
                span.record("otel.status_code", "ERROR");
            }
            let watch = watched
                .filter(|_| code == Some(200))
                .and_then(|watched| metrics.watch(&watched.resource, watched.namespace.as_deref()));
            answer.map(|answer| heard(answer, watch))
        })
    }
}

/// The answer; that of a watch is noted from its beginning on, piece by piece.
fn heard<B: http_body::Body>(answer: Response<B>, watch: Option<WatchHeard>) -> Answer<B> {
    let Some(watch) = watch else {
        return answer.map(Either::Left);
    };
    let now = || wall_clock().as_duration().as_secs_f64();
    watch.at(now());
    answer.map(|body| Either::Right(body.inspect_frame(Box::new(move |_: &_| watch.at(now())) as Note<B>)))
}

/// It tells what is done to which kind of objects, and how it was answered: no name and no value. That of a watch ends with the
/// beginning of its answer.
fn span(request: &Request<Body>) -> Span {
    tracing::info_span!(
        "request",
        otel.name = %format_args!("Kubernetes {} {}", verb(request), resource(request.uri().path())),
        otel.kind = "client",
        otel.status_code = Empty,
        http.request.method = request.method().as_str(),
        http.response.status_code = Empty,
    )
}

fn verb<B>(request: &Request<B>) -> &str {
    if is_watch(request.uri()) {
        "WATCH"
    } else {
        request.method().as_str()
    }
}

/// The kind of objects that a path of the API server is about, as rights name it.
fn resource(path: &str) -> String {
    let mut parts = path.trim_start_matches('/').split('/');
    let known = match parts.next() {
        Some("api") => parts.next().is_some(),
        Some("apis") => parts.nth(1).is_some(),
        _ => false,
    };
    let parts: Vec<&str> = parts.collect();
    let parts = match parts.as_slice() {
        // A namespace is an object itself, and has others below it.
        ["namespaces", _, below @ ..] if !below.is_empty() && !matches!(below, ["status" | "finalize"]) => {
            below
        }
        all => all,
    };
    match parts {
        [resource, _, part, ..] if known => format!("{resource}/{part}"),
        [resource, ..] if known => (*resource).to_owned(),
        _ => "-".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_known_by_the_kind_of_its_objects_and_shows_no_name() {
        for (path, expected) in [
            ("/api/v1/namespaces/dev/secrets/s3cret", "secrets"),
            ("/api/v1/namespaces/dev/secrets", "secrets"),
            ("/api/v1/secrets", "secrets"),
            ("/api/v1/namespaces/dev", "namespaces"),
            ("/api/v1/namespaces/dev/status", "namespaces/status"),
            ("/api/v1/namespaces", "namespaces"),
            (
                "/apis/vobiz.ai/v1alpha1/namespaces/dev/subaccounts/acme/status",
                "subaccounts/status",
            ),
            ("/apis/vobiz.ai/v1alpha1/clusteraccounts/acme", "clusteraccounts"),
            (
                "/apis/vobiz.ai/v1alpha1/clusteraccounts/acme/status",
                "clusteraccounts/status",
            ),
            ("/version", "-"),
            ("/api", "-"),
            ("/apis/vobiz.ai/v1alpha1", "-"),
            ("", "-"),
        ] {
            assert_eq!(resource(path), expected, "{path}");
        }
    }

    #[test]
    fn a_watch_is_told_from_a_list() {
        let of = |uri: &str| verb(&Request::get(uri).body(()).unwrap()).to_owned();
        assert_eq!(of("/api/v1/secrets?limit=500"), "GET");
        assert_eq!(of("/api/v1/secrets?&watch=true&resourceVersion=1"), "WATCH");
    }
}
