//! Logs and traces: where they go, how they look, and what may never be in them. I/O: installs the process's subscriber.
//!
//! Lines go to standard error. The operator's own lines follow `--log-level`. Lines of other crates are held at `info`
//! whatever the level says, because below it they show headers and bodies; the Kubernetes client's are left out where
//! they repeat the body of an answer even in a warning.
//!
//! Spans of our own are for traces alone, and traces have nothing but them. Where no collector is named nobody listens to
//! them, and one costs a look at a flag.

#[cfg(feature = "otlp")]
mod collector;
mod variables;

use std::any::Any;

use tokio::runtime::Handle;
use tracing::{Level, Metadata};
use tracing_subscriber::Registry;
use tracing_subscriber::filter::{FilterExt as _, Targets, filter_fn};
use tracing_subscriber::layer::{Layer, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

use self::variables::Wish;
use crate::cli::LogFormat;
use crate::proxy::Proxies;

/// The crates whose every line is written by us.
const OWN: &str = "vobiz_operator";

/// Places of other crates that log an answer's body, or an error that repeats it, above `debug`: the client when
/// an answer does not decode, the watcher when a watch is refused.
const LOGS_BODIES: [&str; 2] = ["kube_client::client", "kube_runtime::watcher"];

/// Why there are no logs.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The filter cannot be parsed.
    #[error("failed to read the log level")]
    Filter(#[source] tracing_subscriber::filter::ParseError),
    /// Another subscriber was installed before.
    #[error("failed to install the log subscriber")]
    Install(#[source] tracing_subscriber::util::TryInitError),
}

/// How long the end of the process waits for a collector to take the last spans.
#[cfg(feature = "otlp")]
const LAST_SPANS: std::time::Duration = std::time::Duration::from_secs(2);

/// One of those who are told what happens.
type Listener = Box<dyn Layer<Registry> + Send + Sync>;

/// The traces of this process, if anybody takes them.
#[derive(Debug, Default)]
pub struct Traces {
    #[cfg(feature = "otlp")]
    provider: Option<opentelemetry_sdk::trace::SdkTracerProvider>,
}

impl Traces {
    /// Hands over what is not sent yet, for two seconds at most. Needs the runtime to be there still.
    pub fn finish(self) {
        #[cfg(feature = "otlp")]
        if let Some(provider) = self.provider {
            // What a collector does not take in this time is lost: nobody waits for it.
            let _ = provider.shutdown_with_timeout(LAST_SPANS);
        }
    }
}

/// Installs the subscriber and the panic hook of this process. Traces, where they are asked for, are sent by tasks of `runtime`;
/// that they cannot be sent is logged, and is no reason not to start. Needs a rustls provider installed in the process.
pub fn install(
    format: LogFormat,
    level: &str,
    proxies: &Proxies,
    runtime: &Handle,
) -> Result<Traces, TelemetryError> {
    let wish = variables::wish(|name| std::env::var(name).ok());
    let (traces, obstacle) = traces(&wish, proxies, runtime);
    let mut listeners = vec![log(format, level)?];
    listeners.extend(traces.listener());
    tracing_subscriber::registry()
        .with(listeners)
        .try_init()
        .map_err(TelemetryError::Install)?;
    log_panics();
    if let Some((variable, reason)) = obstacle {
        tracing::warn!(variable, reason, "traces are asked for, and none are sent");
    }
    Ok(traces)
}

/// What is to be installed for traces, and the variable on which it fails, with the reason.
fn traces(wish: &Wish, proxies: &Proxies, runtime: &Handle) -> (Traces, Option<(&'static str, String)>) {
    match wish {
        Wish::Off => (Traces::default(), None),
        Wish::Unusable { variable, remedy } => (Traces::default(), Some((*variable, (*remedy).to_owned()))),
        #[cfg(feature = "otlp")]
        Wish::Send(endpoint) => {
            let proxy = proxies.on_the_way_to(&endpoint.uri);
            match collector::provider(endpoint, proxy, runtime.clone()) {
                Ok(provider) => {
                    let provider = Some(provider);
                    (Traces { provider }, None)
                }
                Err(error) => (Traces::default(), Some((endpoint.variable, error.to_string()))),
            }
        }
        #[cfg(not(feature = "otlp"))]
        Wish::Send(endpoint) => {
            let _ = (
                proxies,
                runtime,
                &endpoint.uri,
                endpoint.timeout,
                &endpoint.certificates,
            );
            let reason = "this program is built without the feature otlp".to_owned();
            (Traces::default(), Some((endpoint.variable, reason)))
        }
    }
}

/// Writes lines, and nothing of our own spans.
fn log(format: LogFormat, level: &str) -> Result<Listener, TelemetryError> {
    let wanted: Targets = level.parse().map_err(TelemetryError::Filter)?;
    let filter = wanted.and(filter_fn(may_be_shown));
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    Ok(match format {
        LogFormat::Json => lines
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .with_filter(filter)
            .boxed(),
        LogFormat::Text => lines.with_ansi(false).with_filter(filter).boxed(),
    })
}

impl Traces {
    #[cfg(not(feature = "otlp"))]
    #[expect(
        clippy::unused_self,
        reason = "with the feature it has something to listen for"
    )]
    fn listener(&self) -> Option<Listener> {
        None
    }

    /// Makes traces of our own spans, and of nothing else: a line of the log is none.
    #[cfg(feature = "otlp")]
    fn listener(&self) -> Option<Listener> {
        use opentelemetry::trace::TracerProvider as _;
        use tracing_subscriber::filter::LevelFilter;
        let tracer = self.provider.as_ref()?.tracer(crate::NAME);
        let ours = filter_fn(is_own_span).with_max_level_hint(LevelFilter::INFO);
        let layer = tracing_opentelemetry::layer()
            .with_tracer(tracer)
            // Places in the source, threads and such, of which whoever reads a trace wants nothing.
            .with_location(false)
            .with_threads(false)
            .with_level(false)
            .with_target(false)
            .with_tracked_inactivity(false);
        Some(layer.with_filter(ours).boxed())
    }
}

fn is_own_span(metadata: &Metadata<'_>) -> bool {
    metadata.is_span() && is_within(metadata.target(), OWN)
}

/// Whether a line may be written at any `--log-level`.
fn may_be_shown(metadata: &Metadata<'_>) -> bool {
    !is_own_span(metadata) && is_harmless(metadata.target(), *metadata.level())
}

fn is_harmless(target: &str, level: Level) -> bool {
    if is_within(target, OWN) {
        return true;
    }
    level <= Level::INFO && !LOGS_BODIES.iter().any(|place| is_within(target, place))
}

fn is_within(target: &str, module: &str) -> bool {
    target
        .strip_prefix(module)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// A panic is logged with its place. Its text is shown only if it was written in the source: a formatted one may hold
/// the value that caused it.
fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let message = literal_text(panic.payload());
        let location = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(location, panic = message, "panicked");
    }));
}

fn literal_text(payload: &dyn Any) -> &'static str {
    payload
        .downcast_ref::<&'static str>()
        .copied()
        .unwrap_or("text withheld")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_lines_are_shown_at_every_level() {
        assert!(is_harmless("vobiz_operator::subaccount::reconcile", Level::TRACE));
        assert!(is_harmless("vobiz_operator", Level::DEBUG));
    }

    #[test]
    fn other_crates_are_silent_below_info_even_when_trace_is_asked_for() {
        for target in [
            "hyper::proto::h1",
            "reqwest::connect",
            "rustls::client",
            "kube_runtime::controller",
            "tower",
        ] {
            assert!(!is_harmless(target, Level::DEBUG), "{target}");
            assert!(!is_harmless(target, Level::TRACE), "{target}");
            assert!(is_harmless(target, Level::WARN), "{target}");
        }
    }

    #[test]
    fn warnings_that_repeat_a_body_of_the_api_server_are_left_out() {
        assert!(!is_harmless("kube_client::client", Level::WARN));
        assert!(!is_harmless("kube_runtime::watcher", Level::ERROR));
        assert!(is_harmless("kube_client::config", Level::WARN));
    }

    /// Whether a span of our own is made, with these who listen beside the log.
    fn makes_spans(traces: &Traces) -> bool {
        let mut listeners = vec![log(LogFormat::Json, "trace").unwrap()];
        listeners.extend(traces.listener());
        let subscriber = tracing_subscriber::registry().with(listeners);
        tracing::subscriber::with_default(subscriber, || {
            assert!(tracing::enabled!(target: "kube_runtime", Level::INFO));
            !tracing::info_span!("pass").is_disabled()
        })
    }

    #[test]
    fn where_nobody_listens_no_span_is_made_at_any_log_level() {
        assert!(!makes_spans(&Traces::default()));
    }

    #[cfg(feature = "otlp")]
    #[tokio::test(flavor = "multi_thread")]
    async fn a_collector_is_sent_our_spans_without_lines_of_the_log_and_spans_of_others() {
        use vobiz_harness::collector::{Collector, Manner, Span};
        let collector = Collector::start(Manner::Takes).await.unwrap();
        let url = collector.url();
        let wish = variables::wish(|name| {
            (name == "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT").then(|| format!("{url}/v1/traces"))
        });
        let Wish::Send(endpoint) = wish else {
            panic!("{wish:?}")
        };
        let _ = rustls::crypto::ring::default_provider().install_default();
        let provider = collector::provider(&endpoint, None, Handle::current()).unwrap();
        let traces = Traces {
            provider: Some(provider),
        };
        assert!(makes_spans(&traces));
        let listeners = vec![log(LogFormat::Json, "off").unwrap(), traces.listener().unwrap()];
        tracing::subscriber::with_default(tracing_subscriber::registry().with(listeners), || {
            let _pass = tracing::info_span!("pass", otel.name = "reconcile thing").entered();
            tracing::info!(token = "s3cret", "a line");
            let _of_others =
                tracing::info_span!(target: "kube_runtime", "theirs", token = "s3cret").entered();
            tracing::info_span!("request", otel.kind = "client", otel.status_code = "ERROR").in_scope(|| ());
        });
        tokio::task::spawn_blocking(|| traces.finish()).await.unwrap();
        let of = |spans: &[Span], name: &str| spans.iter().find(|span| span.name == name).cloned();
        let spans = collector
            .await_spans(std::time::Duration::from_secs(10), |spans| {
                of(spans, "reconcile thing").is_some()
            })
            .await
            .unwrap();
        let pass = of(&spans, "reconcile thing").unwrap();
        let request = of(&spans, "request").unwrap();
        assert!(
            request.is_client && request.failed && request.parent == pass.id,
            "{spans:?}"
        );
        assert!(
            spans.iter().all(|span| span.events == 0 && span.name != "theirs"),
            "{spans:?}"
        );
        assert_eq!(pass.resource["service.name"], crate::NAME);
        let sent = collector.bodies();
        assert!(!sent.windows(6).any(|bytes| bytes == b"s3cret"));
    }

    #[test]
    fn a_crate_that_only_begins_like_ours_is_another_crate() {
        assert!(!is_harmless("vobiz_operator_plugin", Level::DEBUG));
    }

    #[test]
    fn a_panics_text_is_shown_only_if_it_can_hold_no_value() {
        let panic_of = |act: fn()| std::panic::catch_unwind(act).unwrap_err();
        let literal = panic_of(|| panic!("the record is missing"));
        let formatted = panic_of(|| panic!("cannot use {:?}", std::hint::black_box("s3cret")));
        assert_eq!(literal_text(literal.as_ref()), "the record is missing");
        assert_eq!(literal_text(formatted.as_ref()), "text withheld");
    }
}
