//! I/O. Asks Prometheus' query engine about a recording.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;
use serde_json::json;

use crate::judges;
use crate::recording::Recording;

/// One series of an answer.
#[derive(Clone, Debug, Deserialize, PartialEq)]
pub struct Line {
    /// Its labels; `__name__` is its name, where it has one.
    pub labels: BTreeMap<String, String>,
    /// Unix seconds and value.
    pub points: Vec<(f64, f64)>,
}

/// What each of the queries is answered from the beginning of the recording to its end, at each scrape.
pub fn ask(recording: &Recording, queries: &[String]) -> Result<Vec<Vec<Line>>> {
    let series = recording.series.iter();
    let asked = json!({
        "start": recording.start, "interval": recording.interval, "from": recording.start, "to": recording.end(),
        "series": series.map(|(series, values)| format!("{series} {values}")).collect::<Vec<_>>(),
        "queries": queries,
    });
    let program = judges::PROMTOOL.locate()?.join("ranges");
    let mut engine = Command::new(program)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("failed to run the query engine")?;
    let mut input = engine.stdin.take().context("the query engine reads nothing")?;
    // It reads all before it writes anything.
    let written = input.write_all(asked.to_string().as_bytes());
    drop(input);
    let output = engine
        .wait_with_output()
        .context("failed to hear the query engine")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "the query engine says: {said}");
    written.context("failed to ask the query engine")?;
    let answers: Vec<Vec<Line>> =
        serde_json::from_slice(&output.stdout).context("failed to read the query engine's answer")?;
    ensure!(answers.len() == queries.len(), "some queries were not answered");
    Ok(answers)
}
