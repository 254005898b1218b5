//! I/O. One control plane for many tests; each test has namespaces, a simulator and an operator of its own.

mod replica;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::json;

use crate::audit::{AuditLog, AuditQuery, Mark};
use crate::control_plane::{ControlPlane, ControlPlaneOptions};
use crate::installation::Installation;
use crate::objects::{Kind, Objects};
use crate::operator::{OperatorOptions, OperatorProcess};
use crate::simulator::{Api, Parent, Simulator, SimulatorOptions};

/// How long a test waits for a state, unless it says otherwise.
const DEADLINE: Duration = Duration::from_mins(1);
/// The Secret with the parent's pair in every environment.
pub const CREDENTIALS: &str = "vobiz-credentials";
/// The Account in every environment.
pub const ACCOUNT: &str = "vobiz";

/// A control plane with the definitions applied, and the programs that tests run against it.
pub struct TestBed {
    control_plane: Arc<ControlPlane>,
    repository: PathBuf,
    operator_binary: PathBuf,
    simulator_binary: PathBuf,
}

/// What an environment is made of.
#[derive(Clone, Debug)]
pub struct EnvironmentOptions {
    /// Begins the names of its namespaces.
    pub name: String,
    /// Which generations the simulator speaks.
    pub api: Api,
    /// What the parent's id begins with.
    pub parent_prefix: String,
    /// The fields of `spec` that the Account sets besides its credentials.
    pub account: serde_json::Value,
    /// Flags of the operator, in addition to and instead of those of [`fast_flags`].
    pub operator_flags: Vec<String>,
    /// Variables of the operator's environment.
    pub operator_environment: Vec<(String, String)>,
    /// Whether the operator has the rights of `overlays/namespaced` instead of cluster-wide ones.
    pub namespaced: bool,
    /// Namespaces beside its own that it makes and watches: what their names end with after that of its own and a dash.
    pub further_namespaces: Vec<String>,
    /// Whether the operator is started; a test may start it later with [`Environment::start_operator`].
    pub start_operator: bool,
    /// Whether credentials Secret and Account are created and the Account is awaited.
    pub account_ready: bool,
    /// How long the environment waits for a state.
    pub deadline: Duration,
}

impl EnvironmentOptions {
    /// An operator of its own, generation 2, and a ready Account.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            api: Api::Gen2,
            parent_prefix: "MA_".to_owned(),
            account: json!({}),
            operator_flags: Vec::new(),
            operator_environment: Vec::new(),
            namespaced: false,
            further_namespaces: Vec::new(),
            start_operator: true,
            account_ready: true,
            deadline: DEADLINE,
        }
    }
}

/// The times of the protocol, short enough for tests and still in the order that it asks for.
#[must_use]
pub fn fast_flags() -> Vec<String> {
    [
        "--request-timeout-seconds=3",
        "--settle-seconds=6",
        "--retention-seconds=20",
        "--max-backoff-seconds=2",
        "--secret-check-interval-seconds=5",
        // Many operators share one cluster here, and each would serve every ClusterAccount: those of whom it is asked.
        "--cluster-accounts=false",
        // Everything that it may ever say is searched for secrets.
        "--log-level=trace",
    ]
    .map(str::to_owned)
    .to_vec()
}

/// What one test works with. Dropping it ends its processes; its namespaces stay until the control plane goes.
pub struct Environment {
    control_plane: Arc<ControlPlane>,
    operator_binary: PathBuf,
    operator_options: OperatorOptions,
    /// The operator's namespace and ServiceAccount.
    pub installation: Installation,
    /// The user's objects, as the administrator sees them.
    pub objects: Objects,
    /// The operator's objects (Records), as the administrator sees them.
    pub operator_objects: Objects,
    /// The parent account at the simulator.
    pub parent: Parent,
    // Dropped before the simulator: its end is then no outage that the operator logs.
    operator: Option<OperatorProcess>,
    /// The API.
    pub simulator: Simulator,
}

impl TestBed {
    /// Starts the control plane with the definitions of the `repository`'s `crds/`.
    pub async fn start(repository: &Path, operator_binary: &Path, simulator_binary: &Path) -> Result<Self> {
        let options = ControlPlaneOptions {
            definitions: Some(repository.join("crds")),
            ..ControlPlaneOptions::default()
        };
        Ok(Self {
            control_plane: Arc::new(ControlPlane::start(&options).await?),
            repository: repository.to_owned(),
            operator_binary: operator_binary.to_owned(),
            simulator_binary: simulator_binary.to_owned(),
        })
    }

    /// The same programs with a control plane of their own: what an operator is refused there is no refusal of the suite's operators.
    pub async fn apart(&self) -> Result<Self> {
        Self::start(&self.repository, &self.operator_binary, &self.simulator_binary).await
    }

    /// The same programs with a control plane that nobody has applied anything to: for what concerns a whole cluster.
    pub async fn fresh(&self) -> Result<Self> {
        Ok(Self {
            control_plane: Arc::new(ControlPlane::start(&ControlPlaneOptions::default()).await?),
            repository: self.repository.clone(),
            operator_binary: self.operator_binary.clone(),
            simulator_binary: self.simulator_binary.clone(),
        })
    }

    /// The control plane.
    #[must_use]
    pub fn control_plane(&self) -> &ControlPlane {
        &self.control_plane
    }

    /// The simulator's program.
    #[must_use]
    pub fn simulator_binary(&self) -> &Path {
        &self.simulator_binary
    }

    /// The repository whose manifests are applied.
    #[must_use]
    pub fn repository(&self) -> &Path {
        &self.repository
    }

    /// The operator under test.
    #[must_use]
    pub fn operator_binary(&self) -> &Path {
        &self.operator_binary
    }

    /// Makes a test's own namespaces, simulator, operator and Account.
    pub async fn environment(&self, options: EnvironmentOptions) -> Result<Environment> {
        let unique = uuid::Uuid::new_v4().simple().to_string();
        let namespace = format!("{}-{}", options.name, &unique[..6]);
        let client = self.control_plane.client();
        let objects = Objects::new(client.clone(), &namespace, options.deadline);
        objects
            .create(Kind::Namespace, &namespace, json!({}))
            .await
            .context("failed to make a namespace")?;
        let mut watched = vec![namespace.clone()];
        for end in &options.further_namespaces {
            let further = format!("{namespace}-{end}");
            objects.create(Kind::Namespace, &further, json!({})).await?;
            watched.push(further);
        }
        let operator_namespace = format!("{namespace}-operator");
        let manifests = self.repository.join("manifests");
        let base = manifests.join(if options.namespaced {
            "overlays/namespaced"
        } else {
            "base"
        });
        let installation = Installation::apply_aside(&self.control_plane, &base, &operator_namespace).await?;
        if options.namespaced {
            let granted = manifests.join("watched-namespace");
            for namespace in &watched {
                installation
                    .grant_in(&self.control_plane, &granted, namespace)
                    .await?;
            }
        }

        let parent = Parent::new(
            &format!("{}{}", options.parent_prefix, unique[..18].to_uppercase()),
            &format!("token-{unique}"),
        );
        let simulator_options = SimulatorOptions {
            api: options.api,
            parents: vec![parent.clone()],
        };
        let log = self
            .control_plane
            .directory()
            .join(format!("simulator-{namespace}.log"));
        let simulator = Simulator::start(&self.simulator_binary, &simulator_options, &log).await?;

        let mut flags = fast_flags();
        flags.push(format!("--api-base-url={}", simulator.url()));
        flags.push("--allow-insecure-api".to_owned());
        flags.push(format!("--watch-namespaces={}", watched.join(",")));
        for flag in &options.operator_flags {
            let name = flag.split('=').next().unwrap_or(flag);
            flags.retain(|known| known.split('=').next() != Some(name));
            flags.push(flag.clone());
        }
        let environment = options.operator_environment;
        let mut environment = Environment {
            control_plane: self.control_plane.clone(),
            operator_binary: self.operator_binary.clone(),
            operator_options: OperatorOptions {
                flags,
                environment,
                ..OperatorOptions::default()
            },
            operator_objects: Objects::new(client, &installation.namespace, options.deadline),
            installation,
            objects,
            parent,
            operator: None,
            simulator,
        };
        if options.start_operator {
            environment.start_operator().await?;
        }
        if options.account_ready {
            environment.create_account(options.account).await?;
            if options.start_operator {
                environment
                    .await_condition(Kind::Account, ACCOUNT, "Ready", "True")
                    .await?;
            }
        }
        Ok(environment)
    }
}

impl Environment {
    /// Starts the operator and waits until it is ready; one that runs is killed first.
    pub async fn start_operator(&mut self) -> Result<()> {
        self.operator = None;
        let options = &self.operator_options;
        let operator = OperatorProcess::start(
            &self.control_plane,
            &self.installation,
            &self.operator_binary,
            options,
        )
        .await?;
        operator.await_ready().await?;
        self.operator = Some(operator);
        Ok(())
    }

    /// Kills the operator and starts it again, without waiting for readiness to come back.
    pub fn restart_operator(&mut self) -> Result<()> {
        self.operator
            .as_mut()
            .context("this environment has no operator")?
            .restart()
    }

    /// The operator.
    pub fn operator(&self) -> Result<&OperatorProcess> {
        self.operator.as_ref().context("this environment has no operator")
    }

    /// Creates a Subaccount of the Account with these further fields of `spec`.
    pub async fn create_subaccount(&self, name: &str, spec: serde_json::Value) -> Result<serde_json::Value> {
        let mut manifest = json!({"spec": {"accountRef": {"name": ACCOUNT}}});
        if let (Some(into), Some(from)) = (manifest["spec"].as_object_mut(), spec.as_object()) {
            into.extend(from.clone());
        }
        self.objects.create(Kind::Subaccount, name, manifest).await
    }

    /// Waits until a Subaccount is Ready.
    pub async fn await_ready(&self, name: &str) -> Result<serde_json::Value> {
        self.await_condition(Kind::Subaccount, name, "Ready", "True")
            .await
    }

    /// As [`Objects::await_condition`]; a failure shows the end of the operator's log too.
    pub async fn await_condition(
        &self,
        kind: Kind,
        name: &str,
        condition: &str,
        status: &str,
    ) -> Result<serde_json::Value> {
        self.explain(self.objects.await_condition(kind, name, condition, status).await)
    }

    /// As [`Objects::await_reason`]; a failure shows the end of the operator's log too.
    pub async fn await_reason(
        &self,
        kind: Kind,
        name: &str,
        condition: &str,
        reason: &str,
    ) -> Result<serde_json::Value> {
        self.explain(self.objects.await_reason(kind, name, condition, reason).await)
    }

    /// As [`Objects::await_object`]; a failure shows the end of the operator's log too.
    pub async fn await_object(
        &self,
        kind: Kind,
        name: &str,
        what: &str,
        reached: impl FnMut(&serde_json::Value) -> bool,
    ) -> Result<serde_json::Value> {
        self.explain(self.objects.await_object(kind, name, what, reached).await)
    }

    /// As [`Objects::await_gone`]; a failure shows the end of the operator's log too.
    pub async fn await_gone(&self, kind: Kind, name: &str) -> Result<()> {
        self.explain(self.objects.await_gone(kind, name).await)
    }

    /// Adds the end of the operator's log to a failure.
    pub fn explain<T>(&self, result: Result<T>) -> Result<T> {
        result.map_err(|error| match &self.operator {
            Some(operator) => error.context(format!("the operator's last lines:\n{}", operator.log_tail(25))),
            None => error,
        })
    }

    /// The control plane.
    #[must_use]
    pub fn control_plane(&self) -> &ControlPlane {
        &self.control_plane
    }

    /// The audit log.
    pub fn audit(&self) -> Result<&AuditLog> {
        self.control_plane.audit()
    }

    /// A query for what this environment's operator did since a mark.
    #[must_use]
    pub fn operator_requests(&self, since: Mark) -> AuditQuery {
        AuditQuery::new().user(&self.installation.user()).since(since)
    }
}
