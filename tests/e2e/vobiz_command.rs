//! `kubectl vobiz` as a person runs it.

use std::path::Path;
use std::process::Stdio;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;
use tokio::io::AsyncWriteExt as _;
use vobiz_harness::simulator_journal::{JournalEntry, JournalQuery, Operation};
use vobiz_harness::test_bed::Environment;

/// What a run gave.
#[derive(Debug)]
pub struct Run {
    /// Its exit code.
    pub code: i32,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

impl Run {
    /// Its standard output as JSON.
    pub fn json(&self) -> Result<Value> {
        serde_json::from_str(&self.stdout).with_context(|| format!("it is no JSON: {self:?}"))
    }
}

/// Runs it in the environment's namespace, as its administrator; with this text on its standard input.
pub async fn run(environment: &Environment, arguments: &[&str], input: &str) -> Result<Run> {
    let kubeconfig = environment.control_plane().admin_kubeconfig();
    run_as(environment, kubeconfig, arguments, input).await
}

/// As [`run`], in no namespace of its own: for what is asked of all.
pub async fn run_everywhere(environment: &Environment, arguments: &[&str]) -> Result<Run> {
    let kubeconfig = environment.control_plane().admin_kubeconfig();
    run_within(environment, kubeconfig, arguments, "").await
}

/// As [`run`], with the rights of this kubeconfig.
pub async fn run_as(
    environment: &Environment,
    kubeconfig: &Path,
    arguments: &[&str],
    input: &str,
) -> Result<Run> {
    let namespace = format!("--namespace={}", environment.objects.namespace());
    let arguments = [arguments, &[namespace.as_str()]].concat();
    run_within(environment, kubeconfig, &arguments, input).await
}

async fn run_within(
    environment: &Environment,
    kubeconfig: &Path,
    arguments: &[&str],
    input: &str,
) -> Result<Run> {
    let mut child = tokio::process::Command::new(env!("CARGO_BIN_EXE_kubectl-vobiz"))
        .args(arguments)
        .arg(format!("--kubeconfig={}", kubeconfig.display()))
        .arg(format!(
            "--operator-namespace={}",
            environment.installation.namespace
        ))
        .arg(format!("--api-base-url={}", environment.simulator.url()))
        .arg("--allow-insecure-api")
        .env_remove("KUBECONFIG")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .context("failed to run kubectl-vobiz")?;
    let mut stdin = child.stdin.take().context("it has no standard input")?;
    let input = input.to_owned();
    // One that reads no input closes the pipe.
    let writer = tokio::spawn(async move { drop(stdin.write_all(input.as_bytes()).await) });
    let output = child
        .wait_with_output()
        .await
        .context("failed to wait for kubectl-vobiz")?;
    writer.await?;
    let run = Run {
        code: output.status.code().context("it was killed")?,
        stdout: String::from_utf8(output.stdout)?,
        stderr: String::from_utf8(output.stderr)?,
    };
    for secret in environment.simulator.secrets().await? {
        ensure!(
            !run.stdout.contains(&secret) && !run.stderr.contains(&secret),
            "kubectl vobiz {arguments:?} printed a token"
        );
    }
    Ok(run)
}

/// The plan of these manifests; `arguments` in addition.
pub async fn plan(environment: &Environment, manifests: &Value, arguments: &[&str]) -> Result<Value> {
    let mut all = vec!["plan", "-f", "-", "-o", "json"];
    all.extend(arguments);
    let run = run(environment, &all, &manifests.to_string()).await?;
    if !matches!(run.code, 0 | 1) {
        bail!("it ended with {}: {}\n{}", run.code, run.stderr, run.stdout);
    }
    run.json()
}

/// What a plan says of one object.
pub fn prospect<'a>(plan: &'a Value, name: &str) -> Result<&'a Value> {
    let objects = plan["objects"].as_array().context("a plan has objects")?;
    let found = objects
        .iter()
        .find(|object| object["name"] == name && object["kind"] == "Subaccount");
    found.with_context(|| format!("the plan says nothing of {name}: {plan:#}"))
}

/// What was made, changed and deleted at Vobiz since then.
pub async fn writes(environment: &Environment, since: u64) -> Result<Vec<JournalEntry>> {
    let journal = environment
        .simulator
        .journal(&JournalQuery::new().since(since))
        .await?;
    let is_write = |entry: &JournalEntry| {
        matches!(
            entry.operation,
            Operation::Create | Operation::Update | Operation::Delete
        )
    };
    Ok(journal.into_iter().filter(is_write).collect())
}
