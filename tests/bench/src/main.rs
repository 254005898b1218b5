//! I/O. Measures the shipped operator with many objects. `cargo xtask bench` builds and runs this.
//!
//! What a machine decides (rates, times) is held against what was measured on it in the same run; all else is counted, in
//! the simulator's journal and the API server's audit log, never by the operator's own word.

mod bucket;
mod calls;
mod course;
mod edits;
mod loader;
mod machine;
mod percentile;
mod population;
mod process;
mod requests;
mod row;
mod scale;
mod scenario;
mod site;
mod slope;
mod stage;
mod storage;
mod table;
mod waiting;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use clap::Parser;
use serde_json::json;

use crate::row::{all_reached, last_line};
use crate::scale::Scale;
use crate::stage::LATENCY;

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
    /// Short scenarios; judge counts only, no times and rates
    #[arg(long)]
    counts: bool,
    /// Run the scenarios whose name contains this, or one of these
    #[arg(long, value_name = "TEXT")]
    only: Vec<String>,
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
    ensure!(
        arguments.objects >= 100,
        "--objects must be at least 100: less is no scale"
    );
    let begun = Instant::now();
    let scale = Scale::new(arguments.objects, &arguments.growth, arguments.counts);
    let course = course::run(&scale, &arguments.only).await?;
    if let Some(file) = &arguments.json {
        let report = json!({
            "machine": course.machine,
            "scale": scale,
            "latency_milliseconds": u64::try_from(LATENCY.as_millis())?,
            "workers": loader::WORKERS,
            "seconds": begun.elapsed().as_secs(),
            "rows": course.rows,
        });
        let text = serde_json::to_string_pretty(&report).context("failed to write the report")?;
        std::fs::write(file, text).with_context(|| format!("failed to write {}", file.display()))?;
    }
    print!("{}", table::table(&course.rows));
    println!("{}", last_line(&course.rows));
    Ok(all_reached(&course.rows))
}
