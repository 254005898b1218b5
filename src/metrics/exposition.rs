//! In which format `/metrics` answers, by what the asking side accepts. PURE.

use std::fmt::Write as _;

/// What a scraper can be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// OpenMetrics 1.0.0.
    OpenMetrics,
    /// The text format that Prometheus has had since 2014, version 0.0.4.
    Text,
}

impl Format {
    /// The one that the value of `Accept` weighs highest; of two that weigh the same, OpenMetrics. Who names neither
    /// gets the older one, which everybody reads.
    #[must_use]
    pub fn accepted(accept: &str) -> Self {
        let mut best = (0, Self::Text);
        for range in accept.split(',') {
            let mut parts = range.split(';').map(str::trim);
            let kind = parts.next().unwrap_or_default().to_ascii_lowercase();
            let (mut version, mut weight) = (None, 1000);
            for parameter in parts {
                let Some((name, value)) = parameter.split_once('=') else {
                    continue;
                };
                let value = value.trim().trim_matches('"');
                if name.trim().eq_ignore_ascii_case("version") {
                    version = Some(value);
                } else if name.trim().eq_ignore_ascii_case("q") {
                    weight = thousandths(value);
                }
            }
            let format = match (kind.as_str(), version) {
                ("application/openmetrics-text", None | Some("1.0.0")) => Self::OpenMetrics,
                ("text/plain", None | Some("0.0.4")) => Self::Text,
                _ => continue,
            };
            let is_better =
                weight > best.0 || (weight == best.0 && weight > 0 && format == Self::OpenMetrics);
            if is_better {
                best = (weight, format);
            }
        }
        best.1
    }

    /// The value of `Content-Type`.
    #[must_use]
    pub fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
        }
    }

    /// The same metrics, given as OpenMetrics, in this format.
    #[must_use]
    pub fn of_openmetrics(self, text: String) -> String {
        match self {
            Self::OpenMetrics => text,
            Self::Text => plain(&text),
        }
    }
}

/// A weight has at most three decimals; one that is none counts as nothing.
fn thousandths(weight: &str) -> u16 {
    let weight: f32 = weight.parse().unwrap_or(0.0);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 0 and 1000"
    )]
    let thousandths = (weight.clamp(0.0, 1.0) * 1000.0).round() as u16;
    thousandths
}

/// OpenMetrics names a counter without the `_total` of its samples, knows types that the older format does not, and ends
/// with a mark.
fn plain(openmetrics: &str) -> String {
    let mut text = String::with_capacity(openmetrics.len());
    let mut help: Option<(&str, &str)> = None;
    for line in openmetrics.lines() {
        let mut words = line.splitn(4, ' ');
        match (words.next(), words.next(), words.next(), words.next()) {
            (Some("#"), Some("HELP"), Some(name), words) => help = Some((name, words.unwrap_or_default())),
            (Some("#"), Some("TYPE"), Some(name), Some(kind)) => {
                let (suffix, kind) = match kind {
                    "counter" => ("_total", "counter"),
                    "info" => ("_info", "gauge"),
                    "stateset" => ("", "gauge"),
                    "unknown" => ("", "untyped"),
                    kind => ("", kind),
                };
                if let Some((_, words)) = help.take().filter(|(of, _)| *of == name) {
                    // The older format has no escaped quotation marks there.
                    let words = words.replace("\\\"", "\"");
                    let _ = writeln!(text, "# HELP {name}{suffix} {words}");
                }
                let _ = writeln!(text, "# TYPE {name}{suffix} {kind}");
            }
            (Some("#"), ..) => {}
            _ => {
                text.push_str(line);
                text.push('\n');
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As Prometheus 3.5 asks, without and with native histograms.
    const PROMETHEUS: [&str; 2] = [
        "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;\
         q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
        "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.7,\
         application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.1",
    ];

    #[test]
    fn the_heaviest_that_we_have_is_sent() {
        use Format::{OpenMetrics, Text};
        for (accept, expected) in [
            (PROMETHEUS[0], OpenMetrics),
            (PROMETHEUS[1], OpenMetrics),
            ("", Text),
            ("*/*", Text),
            ("text/html,application/xhtml+xml,*/*;q=0.8", Text),
            ("text/plain", Text),
            ("text/plain;version=0.0.4", Text),
            ("application/openmetrics-text", OpenMetrics),
            ("Application/OpenMetrics-Text; Version=\"1.0.0\"", OpenMetrics),
            ("application/openmetrics-text;version=2.0.0", Text),
            ("application/openmetrics-text;version=0.0.1", Text),
            ("application/openmetrics-text;q=0.3,text/plain;q=0.9", Text),
            (
                "application/openmetrics-text; q=0.9, text/plain; q=0.3",
                OpenMetrics,
            ),
            ("text/plain;q=0.5,application/openmetrics-text;q=0.5", OpenMetrics),
            ("application/openmetrics-text;q=0,text/plain;q=0.001", Text),
            ("application/openmetrics-text;q=0", Text),
            ("application/openmetrics-text;q=often,text/plain;q=0.1", Text),
        ] {
            assert_eq!(Format::accepted(accept), expected, "{accept}");
        }
    }

    #[test]
    fn the_older_format_says_the_same_in_its_own_words() {
        let openmetrics = "# HELP passes Passes of a \\\"kind\\\".\n# TYPE passes counter\npasses_total{kind=\"a\"} 2\n\
                           # HELP took Seconds.\n# TYPE took histogram\n# UNIT took seconds\ntook_sum 1.5\ntook_bucket{le=\"+Inf\"} 2\n\
                           # TYPE odd unknown\nodd 1\n# HELP build The build.\n# TYPE build info\nbuild_info{version=\"1\"} 1\n# EOF\n";
        let text = "# HELP passes_total Passes of a \"kind\".\n# TYPE passes_total counter\npasses_total{kind=\"a\"} 2\n\
                    # HELP took Seconds.\n# TYPE took histogram\ntook_sum 1.5\ntook_bucket{le=\"+Inf\"} 2\n\
                    # TYPE odd untyped\nodd 1\n# HELP build_info The build.\n# TYPE build_info gauge\nbuild_info{version=\"1\"} 1\n";
        assert_eq!(Format::Text.of_openmetrics(openmetrics.to_owned()), text);
        let same = Format::OpenMetrics.of_openmetrics(openmetrics.to_owned());
        assert_eq!(same, openmetrics);
    }
}
