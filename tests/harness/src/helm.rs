//! I/O. Helm as a user runs it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::directory::TemporaryDirectory;
use crate::judges;
use crate::kubectl::Output;

/// Variables that would lead Helm to somebody's own cluster, or change what it does.
const INHERITED: &str = "HELM_";

/// A Helm with settings and caches of its own.
#[derive(Debug)]
pub struct Helm {
    program: PathBuf,
    kubeconfig: Option<PathBuf>,
    homes: TemporaryDirectory,
}

impl Helm {
    /// For what needs no cluster.
    pub fn without_cluster() -> Result<Self> {
        Ok(Self {
            program: judges::HELM.locate()?.join("helm"),
            kubeconfig: None,
            homes: TemporaryDirectory::new("helm")?,
        })
    }

    /// With the rights of the holder of this kubeconfig.
    pub fn new(kubeconfig: &Path) -> Result<Self> {
        let mut helm = Self::without_cluster()?;
        helm.kubeconfig = Some(kubeconfig.to_owned());
        Ok(helm)
    }

    /// Where the program is.
    #[must_use]
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// Runs Helm and returns what it printed; any exit code but 0 is an error that quotes its standard error.
    pub fn run(&self, arguments: &[&str]) -> Result<String> {
        let output = self.output(arguments)?;
        if !output.success {
            bail!("helm {} failed: {}", arguments.join(" "), output.stderr.trim());
        }
        Ok(output.stdout)
    }

    /// Runs Helm and returns what it printed, whatever its exit code.
    pub fn output(&self, arguments: &[&str]) -> Result<Output> {
        let mut command = Command::new(&self.program);
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with(INHERITED))
        {
            command.env_remove(name);
        }
        for (name, folder) in [("CACHE", "cache"), ("CONFIG", "config"), ("DATA", "data")] {
            command.env(format!("HELM_{name}_HOME"), self.homes.path().join(folder));
        }
        // A file that is not there is an empty configuration.
        let none = self.homes.path().join("no-cluster");
        let output = command
            .args(arguments)
            .env("KUBECONFIG", self.kubeconfig.as_ref().unwrap_or(&none))
            .stdin(Stdio::null())
            .output()
            .with_context(|| format!("failed to run {}", self.program.display()))?;
        Ok(Output {
            success: output.status.success(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }
}
