//! Logs: where they go, how they look, and what may never be in them. I/O: installs the process's subscriber.
//!
//! Lines go to standard error. The operator's own lines follow `--log-level`. Lines of other crates are held at `info`
//! whatever the level says, because below it they show headers and bodies; the Kubernetes client's are left out where
//! they repeat the body of an answer even in a warning.

use std::any::Any;

use tracing::{Level, Metadata};
use tracing_subscriber::filter::{FilterExt as _, Targets, filter_fn};
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::cli::LogFormat;

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

/// Installs the subscriber and the panic hook of this process.
pub fn install(format: LogFormat, level: &str) -> Result<(), TelemetryError> {
    let wanted: Targets = level.parse().map_err(TelemetryError::Filter)?;
    let filter = wanted.and(filter_fn(may_be_shown));
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let layer = match format {
        LogFormat::Json => lines
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .with_filter(filter)
            .boxed(),
        LogFormat::Text => lines.with_ansi(false).with_filter(filter).boxed(),
    };
    tracing_subscriber::registry()
        .with(layer)
        .try_init()
        .map_err(TelemetryError::Install)?;
    log_panics();
    Ok(())
}

/// Whether a line may be written at any `--log-level`.
fn may_be_shown(metadata: &Metadata<'_>) -> bool {
    is_harmless(metadata.target(), *metadata.level())
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
