//! I/O. Control plane, simulator and operator as a user has them: `crds/` and `manifests/base` applied as they are.

use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::json;
use vobiz_harness::control_plane::{ControlPlane, ControlPlaneOptions};
use vobiz_harness::installation::Installation;
use vobiz_harness::operator::{OperatorOptions, OperatorProcess};
use vobiz_harness::products;
use vobiz_harness::simulator::{Api, Parent, Simulator, SimulatorOptions};

use crate::narration::Narration;

/// How long the tokens are good for that people and the operator hold.
pub const TOKEN_SECONDS: u32 = 24 * 60 * 60;

/// The three, dropped in this order: the operator sees no server go.
pub struct Stack {
    pub operator: Option<OperatorProcess>,
    pub simulator: Simulator,
    pub control_plane: ControlPlane,
    pub installation: Installation,
    pub parent: Parent,
}

impl Stack {
    /// Starts the three, or the first two.
    pub async fn start(narration: &Narration, with_operator: bool) -> Result<Self> {
        let repository = products::repository();
        let (operator_binary, simulator_binary) = (products::operator()?, products::simulator()?);

        narration.heading("A control plane: etcd, kube-apiserver, kube-controller-manager");
        let options = ControlPlaneOptions {
            definitions: Some(repository.join("crds")),
            ..ControlPlaneOptions::default()
        };
        let control_plane = ControlPlane::start(&options).await?;
        narration.say(&format!(
            "up in {:.1} s",
            control_plane.started_in().as_secs_f32()
        ));
        narration.command("kubectl apply -k crds");
        narration.command("kubectl apply -k manifests/base");
        let base = repository.join("manifests/base");
        let installation = Installation::apply(control_plane.kubectl(), &base).await?;

        narration.heading("The simulated Vobiz API");
        let unique = uuid::Uuid::new_v4().simple().to_string();
        let parent = Parent::new(&format!("MA_{}", unique[..12].to_uppercase()), &unique);
        let options = SimulatorOptions {
            api: Api::Gen2,
            parents: vec![parent.clone()],
        };
        let log = control_plane.directory().join("simulator.log");
        let simulator = Simulator::start(&simulator_binary, &options, &log).await?;
        narration.say(&format!(
            "{} (parent account {})",
            simulator.url(),
            parent.auth_id
        ));

        let mut stack = Self {
            operator: None,
            simulator,
            control_plane,
            installation,
            parent,
        };
        if with_operator {
            narration.heading("The operator, with its own ServiceAccount and the rights of manifests/base");
            stack.operator = Some(stack.start_operator(&operator_binary).await?);
        }
        Ok(stack)
    }

    async fn start_operator(&self, binary: &Path) -> Result<OperatorProcess> {
        let flags = self.operator_flags();
        let options = OperatorOptions {
            flags,
            environment: Vec::new(),
            token_seconds: Some(TOKEN_SECONDS),
            ..OperatorOptions::default()
        };
        let operator =
            OperatorProcess::start(&self.control_plane, &self.installation, binary, &options).await?;
        operator.await_ready().await?;
        Ok(operator)
    }

    /// The flags that point an operator at the simulator.
    pub fn operator_flags(&self) -> Vec<String> {
        let api = format!("--api-base-url={}", self.simulator.url());
        let times = [
            "--request-timeout-seconds=5",
            "--settle-seconds=10",
            "--max-backoff-seconds=10",
        ];
        let mut flags = vec![api, "--allow-insecure-api".to_owned()];
        flags.extend(times.map(str::to_owned));
        flags
    }

    /// Creates a namespace with the credentials Secret that the manifests name.
    pub async fn create_credentials(&self, namespace: &str) -> Result<()> {
        let items = json!([
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}},
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {"name": "vobiz-credentials", "namespace": namespace},
                "stringData": {"auth_id": self.parent.auth_id, "auth_token": self.parent.auth_token},
            },
        ]);
        let list = json!({"apiVersion": "v1", "kind": "List", "items": items});
        self.control_plane
            .kubectl()
            .apply(&list.to_string())
            .await
            .context("failed to create the credentials")?;
        Ok(())
    }

    /// Fails when one of the servers has ended.
    pub fn ensure_running(&self) -> Result<()> {
        self.control_plane.ensure_running()?;
        self.simulator.ensure_running()?;
        self.operator
            .as_ref()
            .map_or(Ok(()), OperatorProcess::ensure_running)
    }
}
