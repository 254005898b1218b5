//! Scrapes of an operator as a file that is kept: a line for each series, in the notation of promtool's tests. PURE.

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};

/// What was scraped in some minutes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recording {
    /// The time of the first scrape, in Unix seconds.
    pub start: u64,
    /// Seconds between two scrapes.
    pub interval: u64,
    /// How many there are.
    pub count: usize,
    /// Each series with its values.
    pub series: Vec<(String, String)>,
}

impl Recording {
    /// The recording that a file holds.
    pub fn parse(text: &str) -> Result<Self> {
        let mut lines = text.lines().filter(|line| !line.starts_with('#'));
        let head = lines.next().context("the recording is empty")?;
        let words: Vec<&str> = head.split(' ').collect();
        let ["start", start, "interval", interval, "scrapes", count] = words[..] else {
            bail!("the recording begins with {head:?}");
        };
        let series = lines.map(|line| {
            let end = line.rfind("} ").with_context(|| format!("no series: {line}"))?;
            let (series, values) = line.split_at(end + 1);
            Ok((series.to_owned(), values.trim_start().to_owned()))
        });
        let recording = Self {
            start: start.parse()?,
            interval: interval.parse()?,
            count: count.parse()?,
            series: series.collect::<Result<_>>()?,
        };
        ensure!(
            recording.count > 0 && recording.interval > 0,
            "nothing was scraped"
        );
        Ok(recording)
    }

    /// The file that holds it; `about` says in one line what was recorded.
    #[must_use]
    pub fn text(&self, about: &str) -> String {
        let mut lines = vec![
            format!("# {about}"),
            format!(
                "start {} interval {} scrapes {}",
                self.start, self.interval, self.count
            ),
        ];
        lines.extend(
            self.series
                .iter()
                .map(|(series, values)| format!("{series} {values}")),
        );
        lines.join("\n") + "\n"
    }

    /// The time of the last scrape, in Unix seconds.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.start + self.interval * (self.count as u64 - 1)
    }

    /// The series as a unit test of promtool takes them.
    #[must_use]
    pub fn input(&self) -> Value {
        let series = self.series.iter();
        series
            .map(|(series, values)| json!({"series": series, "values": values}))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let recording = Recording {
            start: 1_790_000_000,
            interval: 2,
            count: 3,
            series: vec![
                ("a{b=\"c } d\"}".to_owned(), "1x2".to_owned()),
                ("e{}".to_owned(), "_ 1 stale".to_owned()),
            ],
        };
        let text = recording.text("An example.");
        assert_eq!(Recording::parse(&text).unwrap(), recording);
        assert!(Recording::parse("").is_err() && Recording::parse("start 1").is_err());
    }
}
