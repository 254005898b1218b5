//! I/O. What Flux does with manifests, done by its own library.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use tokio::task::spawn_blocking;

use crate::judges;
use crate::kubectl::{Kubectl, Output, run_with_input};

/// What became of each object: `created`, `configured`, `unchanged`, `deleted` or `skipped`, by `Kind/namespace/name`.
pub type Changes = BTreeMap<String, String>;

/// One Kustomization of Flux with the rights of the holder of a kubeconfig.
#[derive(Clone, Debug)]
pub struct Flux {
    program: PathBuf,
    kubeconfig: PathBuf,
    name: String,
    patience: Duration,
}

impl Flux {
    /// The Kustomization of this name, in the cluster of `kubectl`; it waits so long.
    pub async fn new(kubectl: &Kubectl, name: &str, patience: Duration) -> Result<Self> {
        let folder = spawn_blocking(|| judges::FLUX.locate()).await;
        Ok(Self {
            program: folder
                .context("the search for Flux's library ended")??
                .join("flux"),
            kubeconfig: kubectl.kubeconfig().to_owned(),
            name: name.to_owned(),
            patience,
        })
    }

    /// Applies the objects server-side, the definitions and namespaces first.
    pub async fn apply(&self, manifests: &str) -> Result<Changes> {
        self.changes("apply", manifests).await
    }

    /// Waits until all objects are as Flux calls healthy; fails at once when one of them cannot become so by itself.
    pub async fn wait(&self, manifests: &str) -> Result<()> {
        self.run("wait", manifests).await.map(drop)
    }

    /// Looks for drift, and writes nothing: what an apply would make of each object.
    pub async fn diff(&self, manifests: &str) -> Result<Changes> {
        self.changes("diff", manifests).await
    }

    /// Fails with what differs where an apply would change anything.
    pub async fn ensure_no_drift(&self, manifests: &str) -> Result<()> {
        let output = self.output("diff", manifests).await?;
        let changes = changes(&output)?;
        ensure!(
            changes.values().all(|action| action == "unchanged"),
            "Flux would change {changes:#?}\n{}",
            output.stderr
        );
        Ok(())
    }

    /// Deletes the objects as those that are in Git no longer, and waits until they are gone.
    pub async fn prune(&self, manifests: &str) -> Result<Changes> {
        self.changes("prune", manifests).await
    }

    async fn changes(&self, command: &str, manifests: &str) -> Result<Changes> {
        changes(&self.run(command, manifests).await?)
    }

    async fn run(&self, command: &str, manifests: &str) -> Result<Output> {
        let output = self.output(command, manifests).await?;
        ensure!(
            output.success,
            "Flux's {command} failed: {}",
            output.stderr.trim()
        );
        Ok(output)
    }

    async fn output(&self, command: &str, manifests: &str) -> Result<Output> {
        let timeout = format!("{}s", self.patience.as_secs());
        let mut flux = tokio::process::Command::new(&self.program);
        flux.args([command, "-name", &self.name, "-timeout", &timeout])
            .env("KUBECONFIG", &self.kubeconfig);
        run_with_input(flux, manifests).await
    }
}

fn changes(output: &Output) -> Result<Changes> {
    serde_json::from_str(&output.stdout)
        .with_context(|| format!("Flux told nothing: {}", output.stderr.trim()))
}
