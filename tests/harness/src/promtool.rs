//! I/O. Prometheus' own tool, which judges rules by running them over series.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use crate::directory::TemporaryDirectory;
use crate::judges;

/// The built tool.
#[derive(Clone, Debug)]
pub struct Promtool {
    program: PathBuf,
}

impl Promtool {
    /// Finds the tool, building it when it is not there.
    pub fn locate() -> Result<Self> {
        let program = judges::PROMTOOL.locate()?.join("promtool");
        Ok(Self { program })
    }

    /// Judges rules (`{"groups": [...]}`) by themselves: whether they can be read, and hold what lints ask for.
    pub fn check(&self, rules: &Value) -> Result<()> {
        let folder = TemporaryDirectory::new("rules")?;
        write(folder.path(), "rules.yaml", rules)?;
        self.run(
            folder.path(),
            &["check", "rules", "--lint=all", "--lint-fatal", "rules.yaml"],
        )
    }

    /// Runs unit tests (the list `tests` of promtool's test file) of rules.
    pub fn test(&self, rules: &Value, tests: &[Value]) -> Result<()> {
        ensure!(!tests.is_empty(), "there is nothing to test");
        let folder = TemporaryDirectory::new("rules")?;
        write(folder.path(), "rules.yaml", rules)?;
        let tests = json!({"rule_files": ["rules.yaml"], "evaluation_interval": "1m", "tests": tests});
        write(folder.path(), "tests.yaml", &tests)?;
        self.run(folder.path(), &["test", "rules", "tests.yaml"])
    }

    fn run(&self, folder: &Path, arguments: &[&str]) -> Result<()> {
        let output = Command::new(&self.program)
            .args(arguments)
            .current_dir(folder)
            .output()
            .context("failed to run promtool")?;
        ensure!(
            output.status.success(),
            "promtool {}:\n{}{}",
            arguments[0],
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(())
    }
}

/// JSON is YAML.
fn write(folder: &Path, name: &str, content: &Value) -> Result<()> {
    fs::write(folder.join(name), content.to_string()).with_context(|| format!("failed to write {name}"))
}
