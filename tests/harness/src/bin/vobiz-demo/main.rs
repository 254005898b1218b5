//! I/O. The demonstration, and the same servers in the foreground. `cargo xtask` builds and runs this.

mod demonstration;
mod foreground;
mod narration;
mod stack;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::{Parser, Subcommand};
use vobiz_harness::binaries::Binaries;
use vobiz_harness::{install_files, judges, products};

/// Shows vobiz-operator at work on a real control plane, against a simulated Vobiz API.
#[derive(Debug, Parser)]
#[command(name = "vobiz-demo", disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show the life of a Subaccount from `kubectl apply` to `kubectl delete`
    Demo {
        /// Leave everything running at the end and say how to talk to it
        #[arg(long)]
        keep: bool,
    },
    /// Run control plane, simulator and operator until interrupted
    Up {
        /// Folder for the file `env` and the kubeconfigs
        #[arg(long, value_name = "DIR", default_value = ".vobiz")]
        dir: PathBuf,
        /// Leave the operator out, so that you can run your own
        #[arg(long)]
        no_operator: bool,
    },
    /// Find or build the programs of the control plane and say where they are
    Prepare {
        /// And the tools that judge what the tests hold against them
        #[arg(long)]
        judges: bool,
    },
    /// Write the files for an installation that are made from crds/ and manifests/
    Manifests,
}

#[tokio::main]
async fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Demo { keep } => demonstration::run(keep).await,
        Command::Up { dir, no_operator } => foreground::run(&dir, !no_operator).await,
        Command::Prepare { judges } => prepare(judges).await,
        Command::Manifests => manifests().await,
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nerror: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn prepare(judges: bool) -> Result<()> {
    tokio::task::spawn_blocking(move || locate(judges))
        .await
        .context("the search for programs ended")?
}

async fn manifests() -> Result<()> {
    let written = tokio::task::spawn_blocking(|| {
        install_files::write(&Binaries::locate()?.kubectl, products::repository())
    });
    written.await.context("the writing ended")?
}

fn locate(judges: bool) -> Result<()> {
    if !std::env::var("USE_EXISTING_CLUSTER").is_ok_and(|value| value == "true") {
        let found = Binaries::locate()?;
        eprintln!("control plane: {}", found.kube_apiserver.display());
    }
    if judges {
        for judge in judges::ALL {
            eprintln!("{}: {}", judge.name, judge.locate()?.display());
        }
    }
    Ok(())
}
