//! I/O. Measures the shipped operator with many objects. `cargo xtask bench` builds and runs this.
//!
//! What a machine decides (rates, times) is held against what was measured on it in the same run; all else is counted, in
//! the simulator's journal and the API server's audit log, never by the operator's own word.

mod bucket;
mod calls;
mod comparison;
mod course;
mod curve;
mod edits;
mod gallery;
mod loader;
mod machine;
mod percentile;
mod picture;
mod population;
mod process;
mod requests;
mod row;
mod scale;
mod scenario;
mod series;
mod site;
mod slope;
mod stage;
mod storage;
mod table;
mod view;
mod waiting;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use clap::Parser;
use serde_json::{Value, json};
use vobiz_harness::products;

use crate::comparison::{Pair, compare, early_ends};
use crate::course::Course;
use crate::row::{Row, all_reached, last_line};
use crate::scale::Scale;
use crate::stage::LATENCY;
use crate::waiting::progress;

/// Where the operator is that this tree's is held against.
const EARLIER: &str = "VOBIZ_EARLIER_OPERATOR_BINARY";

/// And its commit.
const EARLIER_COMMIT: &str = "VOBIZ_EARLIER_OPERATOR_COMMIT";

/// Measures the operator with many objects.
#[derive(Debug, Parser)]
#[command(name = "vobiz-bench")]
struct Arguments {
    /// Size of the population
    #[arg(long, value_name = "NUMBER", default_value_t = 10_000)]
    objects: usize,
    /// Further sizes to grow to, for example 50000
    #[arg(long, value_name = "NUMBER", value_delimiter = ',')]
    growth: Vec<usize>,
    /// Write every figure into this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Draw into this folder: a picture for each figure that is told at several sizes, one for what came in the course of a
    /// scenario, and a page that shows them
    #[arg(long, value_name = "DIR")]
    plot: Option<PathBuf>,
    /// Measure nothing: draw from what an earlier run has written with --json
    #[arg(long, value_name = "FILE", requires = "plot")]
    from: Option<PathBuf>,
    /// Short scenarios; judge counts only, no times and rates
    #[arg(long)]
    counts: bool,
    /// Run the scenarios whose name contains this, or one of these
    #[arg(long, value_name = "TEXT")]
    only: Vec<String>,
    /// Measure this tree's operator and the one of this commit in turns, and tell the ratios
    #[arg(long, value_name = "REVISION")]
    against: Option<String>,
    /// How many turns either has
    #[arg(long, value_name = "NUMBER", default_value_t = 2, requires = "against")]
    turns: usize,
}

#[tokio::main]
async fn main() -> ExitCode {
    match bench(&Arguments::parse()).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn bench(arguments: &Arguments) -> Result<bool> {
    if let (Some(folder), Some(file)) = (&arguments.plot, &arguments.from) {
        plot(folder, &report_in(file)?)?;
        return Ok(true);
    }
    ensure!(
        arguments.objects >= 100,
        "--objects must be at least 100: less is no scale"
    );
    let begun = Instant::now();
    let scale = Scale::new(arguments.objects, &arguments.growth, arguments.counts);
    let operator = products::operator()?;
    let revision = earlier_revision(arguments);
    let (course, earlier, compared) = match &revision {
        None => {
            let course = course::run(&scale, &operator, &arguments.only).await?;
            (course, Vec::new(), Vec::new())
        }
        Some(revision) => {
            let (course, pairs) = in_turns(arguments, &scale, &operator).await?;
            let compared = compare(&pairs);
            print!("{}", comparison::table(&compared, revision));
            for early_end in early_ends(&pairs) {
                println!("{early_end}");
            }
            let earlier: Vec<Row> = pairs.into_iter().flat_map(|pair| pair.earlier).collect();
            (course, earlier, compared)
        }
    };
    let report = json!({
        "machine": course.machine,
        "scale": scale,
        "latency_milliseconds": u64::try_from(LATENCY.as_millis())?,
        "workers": loader::WORKERS,
        "seconds": begun.elapsed().as_secs(),
        "rows": course.rows,
        "against": revision,
        "earlier": earlier,
        "compared": compared,
    });
    if let Some(file) = &arguments.json {
        let text = serde_json::to_string_pretty(&report).context("failed to write the report")?;
        std::fs::write(file, text).with_context(|| format!("failed to write {}", file.display()))?;
    }
    if arguments.against.is_none() {
        print!("{}", table::table(&course.rows));
    }
    if let Some(folder) = &arguments.plot {
        plot(folder, &report)?;
    }
    for line in table::unreached(&course.rows) {
        println!("{line}");
    }
    println!("{}", last_line(&course.rows));
    Ok(all_reached(&course.rows))
}

/// What the earlier operator is called. Its commit if that is known: `HEAD~9` is another one the next day.
fn earlier_revision(arguments: &Arguments) -> Option<String> {
    let asked = arguments.against.as_ref()?;
    let commit = std::env::var(EARLIER_COMMIT).ok();
    let short = commit.and_then(|commit| commit.get(..7).map(str::to_owned));
    Some(short.unwrap_or_else(|| asked.clone()))
}

/// Draws a report, in this folder.
fn plot(folder: &Path, report: &Value) -> Result<()> {
    std::fs::create_dir_all(folder).with_context(|| format!("failed to make {}", folder.display()))?;
    for (name, text) in drawn(report)? {
        let path = folder.join(name);
        std::fs::write(&path, text).with_context(|| format!("failed to write {}", path.display()))?;
    }
    Ok(())
}

/// A picture of each curve of the report, and the page that shows them, by the names of their files.
fn drawn(report: &Value) -> Result<Vec<(String, String)>> {
    let curves = curve::curves(report);
    let mut files = vec![(gallery::FILE.to_owned(), gallery::page(&curves))];
    for curve in &curves {
        files.push((curve.file(), picture::svg(curve)?));
    }
    Ok(files)
}

/// What a run has written.
fn report_in(file: &Path) -> Result<Value> {
    let failed = || format!("failed to read {}", file.display());
    let text = std::fs::read_to_string(file).with_context(failed)?;
    serde_json::from_str(&text).with_context(failed)
}

/// The earlier operator and this one, turn by turn: A B A B. Also what this one came to in all its turns.
async fn in_turns(arguments: &Arguments, scale: &Scale, operator: &Path) -> Result<(Course, Vec<Pair>)> {
    let earlier = std::env::var_os(EARLIER).map(PathBuf::from);
    let earlier =
        earlier.with_context(|| format!("--against needs {EARLIER}; `cargo xtask bench` sets it"))?;
    let mut all: Option<Course> = None;
    let mut pairs = Vec::new();
    for turn in 1..=arguments.turns {
        progress(&format!(
            "turn {turn} of {}: the earlier operator",
            arguments.turns
        ));
        let first = course::run(scale, &earlier, &arguments.only).await?;
        progress(&format!(
            "turn {turn} of {}: this tree's operator",
            arguments.turns
        ));
        let second = course::run(scale, operator, &arguments.only).await?;
        pairs.push(Pair {
            earlier: first.rows,
            this: second.rows.clone(),
        });
        match &mut all {
            Some(all) => all.rows.extend(second.rows),
            None => all = Some(second),
        }
    }
    Ok((all.context("--turns must be at least 1")?, pairs))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pictures_in_the_repository_are_drawn_from_the_figures_beside_them() {
        let folder = Path::new(env!("REPOSITORY")).join("docs/scale");
        let figures = folder.join("growth.json");
        let drawn = drawn(&report_in(&figures).unwrap()).unwrap();
        assert!(drawn.len() > 2, "{drawn:?}");
        for (name, text) in &drawn {
            let stored = std::fs::read_to_string(folder.join(name)).unwrap_or_default();
            assert!(
                stored == *text,
                "{name} is out of date: run `cargo xtask bench --plot docs/scale --from docs/scale/growth.json`"
            );
        }
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let is_drawn = drawn.iter().any(|(name, _)| path.ends_with(name));
            assert!(is_drawn || path == figures, "{} is left over", path.display());
        }
    }
}
