//! What a Prometheus would have of an operator: scrapes of `/metrics`, kept as series that promtool reads. PURE.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::recording::Recording;

/// Seconds between two scrapes, as Prometheus sees them.
pub const INTERVAL: u64 = 30;

/// How series go on after the last scrape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Afterwards {
    /// The last scrape is repeated: the trouble lasts.
    Lasts,
    /// As it is with an operator that is well: the same, but what it says of when it last did something moves with the time.
    IsWell,
}

/// Scrapes one after the other. However soon they follow each other, they count as an interval apart.
#[derive(Clone, Debug)]
pub struct Scrapes {
    /// Of the first, in Unix seconds.
    start: u64,
    /// Seconds.
    interval: u64,
    count: usize,
    /// By name and labels: a value for each scrape that has one.
    series: BTreeMap<String, BTreeMap<usize, String>>,
}

impl Scrapes {
    /// None yet; the first one is of this time, in Unix seconds, and the others follow [`INTERVAL`] apart.
    #[must_use]
    pub fn new(start: u64) -> Self {
        Self::every(INTERVAL, start)
    }

    /// As [`Self::new`], at another interval.
    #[must_use]
    pub fn every(interval: u64, start: u64) -> Self {
        Self {
            start,
            interval,
            count: 0,
            series: BTreeMap::new(),
        }
    }

    /// Adds a scrape: the texts of several targets, each by the name of its Pod. A target that cannot be reached has none.
    pub fn add(&mut self, targets: &[(&str, &str)]) {
        for (pod, text) in targets {
            for line in text.lines().filter(|line| !line.starts_with('#')) {
                if let Some((sample, value)) = line.rsplit_once(' ') {
                    let series = labelled(sample, pod);
                    self.series
                        .entry(series)
                        .or_default()
                        .insert(self.count, value.to_owned());
                }
            }
        }
        self.count += 1;
    }

    /// The names of all series.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.series.keys().map(|series| name(series).to_owned()).collect();
        names.dedup();
        names
    }

    /// A unit test of promtool over these series, which go on for so many scrapes; `checks` are further fields of it.
    #[must_use]
    pub fn test(&self, title: &str, afterwards: Afterwards, further: usize, checks: &Value) -> Value {
        let series = self.series.iter().map(|(series, values)| {
            let mut words = self.words(values);
            let moves = afterwards == Afterwards::IsWell && name(series).ends_with("_timestamp_seconds");
            words.push(
                match self.count.checked_sub(1).and_then(|last| values.get(&last)) {
                    None => format!("_x{further}"),
                    Some(value) if moves => format!("{value}+{}x{further}", self.interval),
                    Some(value) => format!("{value}+0x{further}"),
                },
            );
            json!({"series": series, "values": words.join(" ")})
        });
        let mut test = json!({
            "name": title, "interval": format!("{}s", self.interval), "start_timestamp": self.start,
            "input_series": series.collect::<Vec<_>>(),
        });
        if let (Some(into), Some(from)) = (test.as_object_mut(), checks.as_object()) {
            into.extend(from.clone());
        }
        test
    }

    /// As a recording of which every scrape is known.
    #[must_use]
    pub fn recording(&self) -> Recording {
        let series = self.series.iter().map(|(series, values)| {
            let words = shortened(&self.words(values));
            (series.clone(), words.join(" "))
        });
        Recording {
            start: self.start,
            interval: self.interval,
            count: self.count,
            series: series.collect(),
        }
    }

    /// A word of promtool's notation for each scrape.
    fn words(&self, values: &BTreeMap<usize, String>) -> Vec<String> {
        let mut before = None;
        let words = (0..self.count).map(|scrape| {
            let now = values.get(&scrape);
            let word = match (now, before) {
                (Some(value), _) => value.clone(),
                // Prometheus marks the end of a series that a scrape lacks.
                (None, Some(_)) => "stale".to_owned(),
                (None, None) => "_".to_owned(),
            };
            before = now;
            word
        });
        words.collect()
    }
}

/// The same with runs of a word made one: `1 1 1` is `1x2`, and `_ _ _` is `_x3`.
fn shortened(words: &[String]) -> Vec<String> {
    let runs = words.chunk_by(|one, other| one == other);
    let short = runs.map(|run| match (run[0].as_str(), run.len()) {
        (word, 1) => word.to_owned(),
        ("_", count) => format!("_x{count}"),
        (word, count) => format!("{word}x{}", count - 1),
    });
    short.collect()
}

/// With the labels that Prometheus gives a target, as far as rules speak of them. A label of the series' own stays
/// (`honorLabels`).
fn labelled(sample: &str, pod: &str) -> String {
    let (name, own) = sample.split_once('{').unwrap_or((sample, "}"));
    let own = own.trim_end_matches('}');
    let comma = if own.is_empty() { "" } else { "," };
    let namespace = if own.split(',').any(|label| label.starts_with("namespace=")) {
        ""
    } else {
        ",namespace=\"vobiz-operator-system\""
    };
    format!("{name}{{{own}{comma}instance=\"{pod}:8080\",job=\"vobiz-operator\",pod=\"{pod}\"{namespace}}}")
}

fn name(series: &str) -> &str {
    series.split('{').next().unwrap_or(series)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_have_the_labels_of_their_target_and_a_gap_where_a_scrape_lacks_them() {
        let mut scrapes = Scrapes::new(1_790_000_000);
        scrapes.add(&[(
            "a",
            "# HELP up Help\nup 1\nage_timestamp_seconds{namespace=\"dev\"} 1.5\n",
        )]);
        scrapes.add(&[("a", "up 2\n")]);
        let test = scrapes.test("both", Afterwards::Lasts, 4, &json!({"alert_rule_test": []}));
        assert_eq!(test["start_timestamp"], 1_790_000_000);
        assert_eq!(
            test["input_series"],
            json!([
                {"series": r#"age_timestamp_seconds{namespace="dev",instance="a:8080",job="vobiz-operator",pod="a"}"#, "values": "1.5 stale _x4"},
                {
                    "series": r#"up{instance="a:8080",job="vobiz-operator",pod="a",namespace="vobiz-operator-system"}"#,
                    "values": "1 2 2+0x4",
                },
            ])
        );
        assert_eq!(scrapes.names(), ["age_timestamp_seconds", "up"]);
    }

    #[test]
    fn a_recording_is_short_and_means_the_same() {
        let mut scrapes = Scrapes::every(2, 10);
        for text in ["", "", "a 1\n", "a 1\n", "a 1\n", "a 2\n", ""] {
            scrapes.add(&[("p", text)]);
        }
        let recording = scrapes.recording();
        let [(_, values)] = &recording.series[..] else {
            panic!("{recording:?}")
        };
        assert_eq!(values, "_x2 1x2 2 stale");
        assert_eq!((recording.interval, recording.end()), (2, 22));
    }

    #[test]
    fn times_of_an_operator_that_is_well_move_on() {
        let mut scrapes = Scrapes::new(0);
        scrapes.add(&[("a", "swept_timestamp_seconds 5\norphans 1\n")]);
        let test = scrapes.test("well", Afterwards::IsWell, 3, &json!({}));
        assert_eq!(test["input_series"][0]["values"], "1 1+0x3");
        assert_eq!(test["input_series"][1]["values"], "5 5+30x3");
    }
}
