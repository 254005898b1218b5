//! I/O. Draws the dashboard for the documents: `vobiz-pictures draw`, or `record` first, for what it is drawn from.

mod fleet;

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::{Parser, Subcommand};
use vobiz_harness::products::repository;
use vobiz_harness::recording::Recording;
use vobiz_pictures::dashboard::Dashboard;
use vobiz_pictures::{DASHBOARD, PICTURES, RECORDING, pictures};

#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Clone, Copy, Debug, Subcommand)]
enum Command {
    /// Draw the dashboard as it shows the recording
    Draw,
    /// Run an operator, a simulator and a fleet for some minutes, record what is scraped, and draw it
    Record,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Arguments::parse().command).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(command: Command) -> Result<()> {
    let root = repository();
    if let Command::Record = command {
        let recording = fleet::record(root).await?;
        write(&root.join(RECORDING), &recording.text(fleet::ABOUT))?;
    }
    let dashboard = Dashboard::parse(&read(&root.join(DASHBOARD))?)?;
    let recording = Recording::parse(&read(&root.join(RECORDING))?)?;
    for (name, svg) in pictures(&dashboard, &recording)? {
        write(&root.join(PICTURES).join(name), &svg)?;
    }
    Ok(())
}

fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("failed to read {}", path.display()))
}

fn write(path: &Path, text: &str) -> Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(path, text).with_context(|| format!("failed to write {}", path.display()))?;
    println!("{}", path.display());
    Ok(())
}
