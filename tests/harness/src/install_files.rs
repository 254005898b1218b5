//! I/O. The files for an installation that are made from others: `cargo xtask manifests` writes them, and a test holds that
//! they are up to date.

mod chart;
mod one_file;
pub mod values;

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

/// A file of the repository that is made from others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstallFile {
    /// Where it is in the repository.
    pub path: String,
    /// What it holds.
    pub text: String,
}

/// All of them, made with this kubectl, which renders kustomizations.
pub fn all(kubectl: &Path, repository: &Path) -> Result<Vec<InstallFile>> {
    let mut files = one_file::all(kubectl, repository)?;
    files.extend(chart::all(repository)?);
    Ok(files)
}

/// Writes all of them into the repository that they are made from.
pub fn write(kubectl: &Path, repository: &Path) -> Result<()> {
    for InstallFile { path, text } in all(kubectl, repository)? {
        let file = repository.join(&path);
        let folder = file.parent().context("a file lies in no folder")?;
        fs::create_dir_all(folder).with_context(|| format!("failed to make {}", folder.display()))?;
        fs::write(&file, text).with_context(|| format!("failed to write {path}"))?;
    }
    Ok(())
}

/// What `kubectl apply -k` would send for a folder.
fn kustomize(kubectl: &Path, folder: &Path) -> Result<String> {
    let output = Command::new(kubectl)
        .arg("kustomize")
        .arg(folder)
        .output()
        .with_context(|| format!("failed to run {}", kubectl.display()))?;
    ensure!(
        output.status.success(),
        "failed to render {}: {}",
        folder.display(),
        String::from_utf8_lossy(&output.stderr).trim()
    );
    String::from_utf8(output.stdout).with_context(|| format!("{} is rendered as no text", folder.display()))
}
