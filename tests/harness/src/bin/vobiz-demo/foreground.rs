//! I/O. The three in the foreground, and a folder from which a shell can use them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};
use vobiz_harness::installation::token;
use vobiz_harness::kubeconfig::write_private;

use crate::narration::Narration;
use crate::stack::{Stack, TOKEN_SECONDS};

/// The namespace of `manifests/samples`.
const SAMPLES: &str = "vobiz-samples";
const CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// Starts the three and waits to be interrupted.
pub async fn run(folder: &Path, with_operator: bool) -> Result<()> {
    let mut interruption = Interruption::new()?;
    let narration = Narration::begin();
    let work = async {
        let stack = Stack::start(&narration, with_operator).await?;
        stack.create_credentials(SAMPLES).await?;
        describe(&stack, &narration, folder).await?;
        narration.say("");
        narration.say("Try: kubectl apply -k manifests/samples && kubectl get va,vsa -n vobiz-samples -w");
        hold(&stack, &narration).await
    };
    tokio::select! {
        result = work => result,
        () = interruption.arrived() => Ok(()),
    }
}

/// Ctrl-C, or SIGTERM. Made before the first server, so that no moment is uncovered.
pub struct Interruption {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

impl Interruption {
    pub fn new() -> Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt()).context("failed to listen for interrupts")?,
            terminate: signal(SignalKind::terminate()).context("failed to listen for interrupts")?,
        })
    }

    pub async fn arrived(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
        println!("\nstopping ...");
    }
}

/// Keeps everything running; ends only with an error, when a server has ended on its own.
pub async fn hold(stack: &Stack, narration: &Narration) -> Result<()> {
    narration.heading("Running until interrupted (Ctrl-C)");
    loop {
        stack.ensure_running()?;
        tokio::time::sleep(CHECK_INTERVAL).await;
    }
}

/// Writes `env` and the kubeconfigs into the folder and says how to use them.
pub async fn describe(stack: &Stack, narration: &Narration, folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder).with_context(|| format!("failed to create {}", folder.display()))?;
    let folder = folder
        .canonicalize()
        .with_context(|| format!("failed to resolve {}", folder.display()))?;
    let kubeconfig = write_user_kubeconfig(stack, &folder).await?;
    let mut variables = vec![
        ("KUBECONFIG", kubeconfig.display().to_string()),
        (
            "KUBECTL",
            stack.control_plane.kubectl().program().display().to_string(),
        ),
        ("VOBIZ_SIMULATOR_URL", stack.simulator.url().to_owned()),
        (
            "VOBIZ_SIMULATOR_CONTROL_URL",
            stack.simulator.control_url().to_owned(),
        ),
        ("VOBIZ_PARENT_AUTH_ID", stack.parent.auth_id.clone()),
        ("VOBIZ_PARENT_AUTH_TOKEN", stack.parent.auth_token.clone()),
    ];
    narration.heading("How to talk to it");
    if let Some(operator) = &stack.operator {
        variables.push((
            "OPERATOR_METRICS_URL",
            format!("{}/metrics", operator.url().await?),
        ));
        narration.say(&format!("the operator's log: {}", operator.log().display()));
    } else {
        let own = folder.join("operator.kubeconfig");
        let held = stack
            .installation
            .token(&stack.control_plane.client(), TOKEN_SECONDS)
            .await?;
        stack
            .control_plane
            .endpoint()
            .write_for_token(&own, &stack.installation.namespace, &held)?;
        variables.push(("OPERATOR_METRICS_URL", "http://127.0.0.1:8080/metrics".to_owned()));
        let flags = stack.operator_flags().join(" ");
        narration.say("run your own operator with its ServiceAccount's rights:");
        narration.command(&format!(
            "KUBECONFIG={} vobiz-operator run --operator-namespace={} --http-address=127.0.0.1:8080 {flags}",
            own.display(),
            stack.installation.namespace
        ));
    }
    let lines: Vec<String> = variables
        .iter()
        .map(|(name, value)| format!("export {name}='{value}'\n"))
        .collect();
    let file = folder.join("env");
    write_private(&file, &lines.concat())?;
    narration.say("in another shell (the tokens are good for 24 hours):");
    narration.command(&format!(". {}", file.display()));
    narration.command("alias kubectl=\"$KUBECTL\"");
    narration.command("kubectl get va,vsa --all-namespaces");
    Ok(())
}

/// A kubeconfig that needs nothing of the folder that goes when we end but the authority's certificate.
async fn write_user_kubeconfig(stack: &Stack, folder: &Path) -> Result<PathBuf> {
    const NAME: &str = "vobiz-demo";
    let items = json!([
        {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {"name": NAME, "namespace": "default"},
        },
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": NAME},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
            "subjects": [{"kind": "ServiceAccount", "name": NAME, "namespace": "default"}],
        },
    ]);
    let list = json!({"apiVersion": "v1", "kind": "List", "items": items});
    stack.control_plane.kubectl().apply(&list.to_string()).await?;
    let held = token(&stack.control_plane.client(), "default", NAME, TOKEN_SECONDS).await?;
    let path = folder.join("kubeconfig");
    stack
        .control_plane
        .endpoint()
        .write_for_token(&path, "default", &held)?;
    Ok(path)
}
