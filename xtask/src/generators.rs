//! I/O. The generators of clients and the judges without a cluster that users have, each run on `crds/` and the samples.

use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context as _, Result, ensure};

use crate::{cache, root};

/// Where manifests of ours lie that a tool must take.
const SAMPLES: [&str; 3] = [
    "manifests/samples",
    "manifests/subaccounts/departments",
    "manifests/subaccounts/reseller",
];

/// A tool, by its folder in `tests/generators`.
struct Tool {
    name: String,
    /// Name and version, as its script says.
    version: String,
    /// For whom or what it is.
    purpose: String,
    script: PathBuf,
}

/// Runs those that are named, or all of them, and prints a table.
pub fn command(arguments: &[OsString]) -> Result<ExitCode> {
    let wanted: Vec<&str> = arguments
        .iter()
        .filter_map(|argument| argument.to_str())
        .collect();
    let tools = tools()?;
    for name in &wanted {
        ensure!(
            tools.iter().any(|tool| tool.name == *name),
            "there is no {name} in tests/generators"
        );
    }
    let place = cache()?.join("generators");
    fs::create_dir_all(&place).with_context(|| format!("failed to make {}", place.display()))?;
    let samples = samples()?;
    let mut failed = false;
    println!("| tool | for | verdict |\n|---|---|---|");
    for tool in &tools {
        if !wanted.is_empty() && !wanted.contains(&tool.name.as_str()) {
            continue;
        }
        let verdict = tool.run(&place, &samples)?;
        failed |= verdict.is_err();
        let verdict = verdict.unwrap_or_else(|said| said);
        println!("| {} | {} | {verdict} |", tool.version, tool.purpose);
    }
    Ok(if failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

impl Tool {
    /// What it makes of our definitions, or why there is nothing to say.
    fn run(&self, place: &Path, samples: &[PathBuf]) -> Result<Result<String, String>> {
        let work = place.join(&self.name);
        fs::create_dir_all(&work).with_context(|| format!("failed to make {}", work.display()))?;
        let log = place.join(format!("{}.log", self.name));
        eprintln!("{} ... ({})", self.version, log.display());
        let here = self.script.parent().context("a script is in no folder")?;
        let output = Command::new("sh")
            .arg(&self.script)
            .args(samples)
            .current_dir(&work)
            .env("ROOT", root())
            .env("HERE", here)
            .env("CRDS", root().join("manifests/crds.yaml"))
            .env("DEFINITIONS", root().join("crds"))
            .env("SAMPLES", root().join("manifests/samples"))
            .env("OBJECT", root().join("tests/generators/subaccount.json"))
            .stdin(Stdio::null())
            .stderr(File::create(&log).with_context(|| format!("failed to write {}", log.display()))?)
            .output()
            .context("failed to run sh")?;
        if output.status.success() {
            return Ok(Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned()));
        }
        let said = fs::read_to_string(&log).unwrap_or_default();
        let last = said
            .lines()
            .rev()
            .find(|line| !line.trim().is_empty())
            .unwrap_or("nothing");
        Ok(Err(format!(
            "**failed, or cannot be had here**: {}",
            last.replace('|', "/")
        )))
    }
}

/// Every tool, in the order of their names.
fn tools() -> Result<Vec<Tool>> {
    let folder = root().join("tests/generators");
    let mut tools = Vec::new();
    for entry in fs::read_dir(&folder).with_context(|| format!("failed to list {}", folder.display()))? {
        let script = entry?.path().join("run");
        if script.is_file() {
            tools.push(tool(script)?);
        }
    }
    tools.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(tools)
}

fn tool(script: PathBuf) -> Result<Tool> {
    let text = fs::read_to_string(&script).with_context(|| format!("failed to read {}", script.display()))?;
    let said = text
        .lines()
        .nth(1)
        .and_then(|line| line.strip_prefix("# ")?.split_once(" | "));
    let (version, purpose) =
        said.with_context(|| format!("{} does not say what it runs", script.display()))?;
    let folder = script.parent().and_then(Path::file_name).unwrap_or_default();
    Ok(Tool {
        name: folder.to_string_lossy().into_owned(),
        version: version.to_owned(),
        purpose: purpose.to_owned(),
        script,
    })
}

/// Every file with objects of our kinds alone.
fn samples() -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for folder in SAMPLES {
        for path in yaml_files(&root().join(folder))? {
            let text = fs::read_to_string(&path)?;
            let mut versions = text.lines().filter_map(|line| line.strip_prefix("apiVersion: "));
            if versions.all(|version| version.starts_with("vobiz.ai/")) {
                found.push(path);
            }
        }
    }
    ensure!(found.len() > 6, "the samples were not found: {found:?}");
    Ok(found)
}

/// The manifests of a folder, without what only kustomize reads.
fn yaml_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("failed to list {}", folder.display()))? {
        let path = entry?.path();
        let is_yaml = path.extension().is_some_and(|extension| extension == "yaml");
        if is_yaml && !path.ends_with("kustomization.yaml") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_script_says_which_version_of_a_tool_it_runs_and_for_whom() {
        let tools = tools().unwrap();
        assert_eq!(tools.len(), 8);
        for Tool {
            name,
            version,
            purpose,
            ..
        } in tools
        {
            assert!(
                version.contains(|character: char| character.is_ascii_digit()),
                "{name}: {version}"
            );
            assert!(!purpose.is_empty());
        }
    }

    #[test]
    fn the_samples_have_every_kind() {
        let texts: String = samples()
            .unwrap()
            .iter()
            .map(|path| fs::read_to_string(path).unwrap())
            .collect();
        for kind in ["Account", "ClusterAccount", "Subaccount"] {
            assert!(texts.contains(&format!("\nkind: {kind}\n")), "{kind}");
        }
    }
}
