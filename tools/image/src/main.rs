//! I/O. `vobiz-image`: puts the operator's program into a container image, as an OCI archive, without a container engine.
//!
//! The image holds the program, the shared libraries that it asks for, certificate authorities, a user without rights and a bill of
//! materials; no shell and no package manager. The same content makes the same bytes.

mod archive;
mod authorities;
mod bill;
mod content;
mod executable;
mod layer;
mod libraries;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context as _, Result, ensure};
use clap::Parser;
use flate2::Compression;

use crate::archive::Facts;
use crate::content::Content;

/// Makes the operator's container image as an OCI archive.
#[derive(Debug, Parser)]
#[command(name = "vobiz-image", version)]
struct Arguments {
    /// The operator's program
    #[arg(long, value_name = "FILE")]
    binary: PathBuf,

    /// Where the archive goes
    #[arg(long, value_name = "FILE", default_value = "image.tar")]
    output: PathBuf,

    /// Writes the bill of materials (`CycloneDX`) into this file too
    #[arg(long, value_name = "FILE")]
    bill: Option<PathBuf>,

    /// What the program was built with: these arguments of Cargo select its packages
    #[arg(
        long,
        value_name = "ARGUMENTS",
        default_value = "--no-default-features --features otlp"
    )]
    features: String,

    /// Compresses little: for an image that is unpacked once, by a test
    #[arg(long)]
    fast: bool,
}

fn main() -> ExitCode {
    match make(&Arguments::parse()) {
        Ok(digest) => {
            println!("{digest}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Writes the archive, and says by which digest the image is known.
fn make(arguments: &Arguments) -> Result<String> {
    let binary = read(&arguments.binary)?;
    let executable = executable::parse(&binary).context("the program cannot be read")?;
    let libraries = libraries::of(&executable, &libraries::Machine)?;
    let facts = Facts {
        architecture: executable.architecture,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        commit: git(&["rev-parse", "HEAD"]).unwrap_or_else(|_| "unknown".to_owned()),
        created: created()?,
    };
    let features: Vec<&str> = arguments.features.split_whitespace().collect();
    let packages = bill::packages(root(), &features)?;
    let bill = bill::text(&facts, &packages, &libraries, &binary)?;
    if let Some(path) = &arguments.bill {
        std::fs::write(path, &bill).with_context(|| format!("failed to write {}", path.display()))?;
    }
    let compression = if arguments.fast {
        Compression::fast()
    } else {
        Compression::best()
    };
    let content = Content {
        binary,
        libraries,
        bill,
        licence: read(&root().join("LICENSE"))?,
    };
    let (archive, digest) = archive::of(&content, &facts, compression)?;
    std::fs::write(&arguments.output, archive)
        .with_context(|| format!("failed to write {}", arguments.output.display()))?;
    Ok(digest)
}

/// When the image says that it was made: `SOURCE_DATE_EPOCH`, else the time of the commit, so that a second one is the same.
fn created() -> Result<jiff::Timestamp> {
    let seconds = match std::env::var("SOURCE_DATE_EPOCH") {
        Ok(seconds) => seconds,
        Err(_) => git(&["log", "-1", "--format=%ct"]).unwrap_or_else(|_| "0".to_owned()),
    };
    let seconds = seconds
        .trim()
        .parse()
        .context("SOURCE_DATE_EPOCH is no number of seconds")?;
    jiff::Timestamp::from_second(seconds).context("SOURCE_DATE_EPOCH is no time")
}

fn git(arguments: &[&str]) -> Result<String> {
    let mut git = Command::new("git");
    let answer = git
        .arg("-C")
        .arg(root())
        .args(arguments)
        .output()
        .context("failed to run git")?;
    ensure!(answer.status.success(), "git {arguments:?} failed");
    Ok(String::from_utf8(answer.stdout)?.trim().to_owned())
}

fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("failed to read {}", path.display()))
}

fn root() -> &'static Path {
    Path::new(env!("REPOSITORY"))
}
