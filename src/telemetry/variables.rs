//! Whether traces are sent, and to whom, as OpenTelemetry's variables say. PURE.
//!
//! What they hold beyond that (headers, the sampler, the resource) is read by OpenTelemetry's own library.

use std::time::Duration;

use http::Uri;

/// Those that name a collector, the first that is set wins.
const ENDPOINTS: [&str; 2] = [
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
];
/// Those that say how it is spoken to.
const PROTOCOLS: [&str; 2] = [
    "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
    "OTEL_EXPORTER_OTLP_PROTOCOL",
];
/// Those that say how long it may take to answer, in milliseconds.
const TIMEOUTS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "OTEL_EXPORTER_OTLP_TIMEOUT"];
/// Those that name a PEM file of authorities to trust beside the system's.
const CERTIFICATES: [&str; 2] = [
    "OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE",
    "OTEL_EXPORTER_OTLP_CERTIFICATE",
];
/// Those that say how what is sent is packed.
const COMPRESSIONS: [&str; 2] = [
    "OTEL_EXPORTER_OTLP_TRACES_COMPRESSION",
    "OTEL_EXPORTER_OTLP_COMPRESSION",
];
/// Those that name a certificate of the client's own.
const CLIENT_CERTIFICATES: [&str; 2] = [
    "OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE",
    "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE",
];
const DISABLED: &str = "OTEL_SDK_DISABLED";
const EXPORTER: &str = "OTEL_TRACES_EXPORTER";
/// As OpenTelemetry has it where nothing is said.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

/// What the variables ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    /// No traces.
    Off,
    /// Traces for this collector.
    Send(Endpoint),
    /// Traces, in a way that is not spoken here.
    Unusable {
        /// The variable that says so.
        variable: &'static str,
        /// What to write instead.
        remedy: &'static str,
    },
}

/// A collector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Endpoint {
    /// The variable that names it.
    pub variable: &'static str,
    /// Where it takes traces.
    pub uri: Uri,
    /// How long it may take to answer.
    pub timeout: Duration,
    /// A PEM file of authorities to trust beside the system's.
    pub certificates: Option<String>,
}

/// Reads the variables; an empty one says nothing.
pub(super) fn wish(variable: impl Fn(&str) -> Option<String>) -> Wish {
    let set = |name: &&'static str| {
        let value = variable(name)?.trim().to_owned();
        (!value.is_empty()).then_some((*name, value))
    };
    let first = |names: &[&'static str]| names.iter().find_map(set);
    let Some((name, endpoint)) = first(&ENDPOINTS) else {
        return Wish::Off;
    };
    if set(&DISABLED).is_some_and(|(_, value)| value.eq_ignore_ascii_case("true")) {
        return Wish::Off;
    }
    match set(&EXPORTER) {
        Some((_, value)) if value == "none" => return Wish::Off,
        Some((variable, value)) if value != "otlp" => {
            let remedy = "write otlp or none";
            return Wish::Unusable { variable, remedy };
        }
        _ => {}
    }
    if let Some((variable, protocol)) = first(&PROTOCOLS)
        && protocol != "http/protobuf"
    {
        let remedy = "write http/protobuf, and the collector's port for it, which is 4318 in most places";
        return Wish::Unusable { variable, remedy };
    }
    if let Some((variable, compression)) = first(&COMPRESSIONS)
        && compression != "none"
    {
        let remedy = "write none: nothing is compressed here";
        return Wish::Unusable { variable, remedy };
    }
    if let Some((variable, _)) = first(&CLIENT_CERTIFICATES) {
        let remedy =
            "write none here, for none is shown: a header in OTEL_EXPORTER_OTLP_HEADERS can say who sends";
        return Wish::Unusable { variable, remedy };
    }
    let endpoint = if name == ENDPOINTS[0] {
        endpoint
    } else {
        // Of all signals: each has a path of its own below it.
        format!("{}/v1/traces", endpoint.trim_end_matches('/'))
    };
    let milliseconds = first(&TIMEOUTS).and_then(|(_, value)| value.parse().ok());
    match endpoint.parse::<Uri>() {
        Ok(uri) if matches!(uri.scheme_str(), Some("http" | "https")) => Wish::Send(Endpoint {
            variable: name,
            uri,
            timeout: milliseconds.map_or(DEFAULT_TIMEOUT, Duration::from_millis),
            certificates: first(&CERTIFICATES).map(|(_, file)| file),
        }),
        _ => Wish::Unusable {
            variable: name,
            remedy: "write an http or https URL, such as http://collector:4318",
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish_of(variables: &[(&str, &str)]) -> Wish {
        wish(|name| {
            let found = variables.iter().find(|(set, _)| *set == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    const ENDPOINT: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318");

    #[test]
    fn nothing_is_sent_unless_a_collector_is_named_and_nobody_says_no() {
        for off in [
            &[][..],
            &[("OTEL_EXPORTER_OTLP_ENDPOINT", " ")],
            &[("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")],
            &[ENDPOINT, ("OTEL_SDK_DISABLED", "True")],
            &[ENDPOINT, ("OTEL_TRACES_EXPORTER", "none")],
        ] {
            assert_eq!(wish_of(off), Wish::Off, "{off:?}");
        }
        for on in [
            &[ENDPOINT][..],
            &[ENDPOINT, ("OTEL_SDK_DISABLED", "false")],
            &[ENDPOINT, ("OTEL_TRACES_EXPORTER", "otlp")],
            &[ENDPOINT, ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")],
        ] {
            assert!(matches!(wish_of(on), Wish::Send(_)), "{on:?}");
        }
    }

    #[test]
    fn what_is_said_of_traces_goes_before_what_is_said_of_all_signals() {
        let found = wish_of(&[
            ENDPOINT,
            (
                "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
                "https://traces:443/v1/traces",
            ),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "2000"),
            ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "1000"),
            ("OTEL_EXPORTER_OTLP_CERTIFICATE", "/ca.pem"),
        ]);
        let expected = Endpoint {
            variable: "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
            uri: Uri::from_static("https://traces:443/v1/traces"),
            timeout: Duration::from_secs(1),
            certificates: Some("/ca.pem".to_owned()),
        };
        assert_eq!(found, Wish::Send(expected));
    }

    #[test]
    fn below_an_endpoint_of_all_signals_traces_have_a_path_of_their_own() {
        for (endpoint, expected) in [
            ("http://collector:4318", "http://collector:4318/v1/traces"),
            ("http://collector:4318/", "http://collector:4318/v1/traces"),
            ("https://collector/otlp/", "https://collector/otlp/v1/traces"),
        ] {
            let Wish::Send(found) = wish_of(&[("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)]) else {
                panic!("{endpoint} is not taken")
            };
            assert_eq!(found.uri, expected);
        }
    }

    #[test]
    fn what_cannot_be_done_is_named_by_its_variable_and_never_by_its_value() {
        for (name, value) in [
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
            ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/json"),
            ("OTEL_TRACES_EXPORTER", "zipkin"),
            ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"),
            ("OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE", "/client.pem"),
            ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "collector:4317"),
            ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "s3cret words"),
            ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "unix:///run/collector"),
        ] {
            let Wish::Unusable { variable, remedy } = wish_of(&[ENDPOINT, (name, value)]) else {
                panic!("{name}={value} is taken")
            };
            assert_eq!(variable, name);
            assert!(
                remedy.starts_with("write ") && !remedy.contains(value),
                "{remedy}"
            );
        }
    }
}
