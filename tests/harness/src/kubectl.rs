//! I/O. kubectl as a user runs it.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context as _, Result, bail};
use tokio::io::AsyncWriteExt as _;

use crate::directory::TemporaryDirectory;

/// A kubectl bound to one kubeconfig.
#[derive(Clone, Debug)]
pub struct Kubectl {
    program: PathBuf,
    kubeconfig: PathBuf,
}

/// What a run of kubectl gave.
#[derive(Clone, Debug)]
pub struct Output {
    /// Whether it ended with code 0.
    pub success: bool,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

impl Kubectl {
    /// The `program` with this `kubeconfig`.
    #[must_use]
    pub fn new(program: &Path, kubeconfig: &Path) -> Self {
        Self {
            program: program.to_owned(),
            kubeconfig: kubeconfig.to_owned(),
        }
    }

    /// Where the program is.
    #[must_use]
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// The kubeconfig that it uses.
    #[must_use]
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// The same program with other rights.
    #[must_use]
    pub fn with_kubeconfig(&self, kubeconfig: &Path) -> Self {
        Self::new(&self.program, kubeconfig)
    }

    /// Runs kubectl and returns what it printed; any exit code but 0 is an error that quotes its standard error.
    pub async fn run(&self, arguments: &[&str]) -> Result<String> {
        self.run_with_input(arguments, "").await
    }

    /// As [`Self::run`], with this text on its standard input.
    pub async fn run_with_input(&self, arguments: &[&str], input: &str) -> Result<String> {
        let output = self.output(arguments, input).await?;
        if !output.success {
            bail!("kubectl {} failed: {}", arguments.join(" "), output.stderr.trim());
        }
        Ok(output.stdout)
    }

    /// Runs kubectl and returns what it printed, whatever its exit code.
    pub async fn output(&self, arguments: &[&str], input: &str) -> Result<Output> {
        let mut kubectl = tokio::process::Command::new(&self.program);
        kubectl.args(arguments).env("KUBECONFIG", &self.kubeconfig);
        run_with_input(kubectl, input).await
    }

    /// Runs a script as a person types it who is in `folder`: with `sh`, kubectl on the path and `namespace` as the current
    /// one. The programs in `folder/bin` come first.
    pub async fn shell(&self, folder: &Path, namespace: &str, script: &str) -> Result<Output> {
        let directory = TemporaryDirectory::new("shell")?;
        let kubeconfig = directory.path().join("kubeconfig");
        std::fs::copy(&self.kubeconfig, &kubeconfig).context("failed to copy the kubeconfig")?;
        let bound = self.with_kubeconfig(&kubeconfig);
        let context = format!("--namespace={namespace}");
        bound
            .run(&["config", "set-context", "--current", &context])
            .await?;
        let programs = self.program.parent().context("kubectl is in no folder")?;
        let own = folder.join("bin");
        let inherited = std::env::var("PATH").unwrap_or_default();
        let output = tokio::process::Command::new("sh")
            .args(["-euc", script])
            .current_dir(folder)
            .env("KUBECONFIG", &kubeconfig)
            .env(
                "PATH",
                format!("{}:{}:{inherited}", own.display(), programs.display()),
            )
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output()
            .await
            .context("failed to run sh")?;
        Ok(Output {
            success: output.status.success(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }

    /// `kubectl kustomize FOLDER`.
    pub async fn kustomize(&self, folder: &Path) -> Result<String> {
        self.run(&["kustomize", path_text(folder)?]).await
    }

    /// `kubectl apply -k FOLDER`.
    pub async fn apply_kustomization(&self, folder: &Path) -> Result<String> {
        self.run(&["apply", "-k", path_text(folder)?]).await
    }

    /// `kubectl apply -f -` of this YAML or JSON.
    pub async fn apply(&self, manifest: &str) -> Result<String> {
        self.run_with_input(&["apply", "-f", "-"], manifest).await
    }

    /// `kubectl get` with `-o json`, parsed.
    pub async fn get_json(&self, arguments: &[&str]) -> Result<serde_json::Value> {
        let mut all = vec!["get", "-o", "json"];
        all.extend(arguments);
        let printed = self.run(&all).await?;
        serde_json::from_str(&printed).context("failed to parse kubectl's output")
    }
}

/// Runs a program with this text on its standard input, and returns what it printed, whatever its exit code.
pub(crate) async fn run_with_input(mut program: tokio::process::Command, input: &str) -> Result<Output> {
    let name = program.as_std().get_program().to_string_lossy().into_owned();
    let mut child = program
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("failed to run {name}"))?;
    let mut stdin = child.stdin.take().context("a program has no standard input")?;
    let input = input.to_owned();
    // Written beside the reading, or a long input and a long output would wait for each other. A program that
    // reads no input closes the pipe; its exit code tells what matters.
    let writer = tokio::spawn(async move {
        let _ = stdin.write_all(input.as_bytes()).await;
    });
    let waited = child.wait_with_output().await;
    let output = waited.with_context(|| format!("failed to wait for {name}"))?;
    writer
        .await
        .with_context(|| format!("failed to write the input of {name}"))?;
    Ok(Output {
        success: output.status.success(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}

fn path_text(path: &Path) -> Result<&str> {
    path.to_str()
        .with_context(|| format!("{} is not UTF-8", path.display()))
}
