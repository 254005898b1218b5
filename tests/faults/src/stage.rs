//! I/O. What one run needs: a control plane, the simulator, one or two operators, and a proxy before each server for each.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use k8s_openapi::api::core::v1::Namespace;
use vobiz_harness::control_plane::{ControlPlane, ControlPlaneOptions};
use vobiz_harness::installation::Installation;
use vobiz_harness::kubeconfig::Endpoint;
use vobiz_harness::last_words::files;
use vobiz_harness::operator::{OperatorOptions, OperatorProcess, plain_http_client};
use vobiz_harness::products;
use vobiz_harness::simulator::{Api, Parent, Simulator, SimulatorOptions};

use crate::cluster::Cluster;
use crate::proxy::{Proxy, Route};
use crate::pulse::Pulse;
use crate::registry::Registry;
use crate::warden::Warden;
use crate::write::Server;

/// `--request-timeout-seconds`.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(2);
/// `--settle-seconds`: a late commit comes within it. Half of it is the longest time from a Record to its POST, in which
/// a busy machine must get three requests answered.
const SETTLE: Duration = Duration::from_secs(4);
/// After the operator's time-out at Vobiz, and before the end of settle.
const LATE_AT_VOBIZ: Duration = Duration::from_millis(2500);
/// After the operator's time-out at the API server, which no flag changes.
const LATE_AT_KUBERNETES: Duration = Duration::from_millis(10_500);
/// Beyond everything that the other process may wait for.
const STOP: Duration = Duration::from_secs(8);
/// A connection to the API server that was not used for so long is not used again.
const IDLE: Duration = Duration::from_secs(20);
const TOKEN_SECONDS: u32 = 2 * 60 * 60;

/// The operators of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Staff {
    /// One.
    One,
    /// Two without an election. The second one is stopped until the first one is.
    Two,
    /// Two of which one leads by the Lease.
    Elected,
}

/// What one run needs.
pub struct Stage {
    /// The operators.
    pub warden: Arc<Warden>,
    /// The plans.
    pub registry: Arc<Registry>,
    proxies: Vec<Proxy>,
    /// What is there, by watches.
    pub cluster: Cluster,
    /// Whether the machine is starved.
    pub pulse: Pulse,
    /// The API.
    pub simulator: Simulator,
    /// Namespace and account of the operators.
    pub installation: Installation,
    /// The cluster.
    pub control_plane: ControlPlane,
}

impl Stage {
    /// Starts everything.
    pub async fn start(staff: Staff) -> Result<Self> {
        let repository = products::repository();
        let options = ControlPlaneOptions {
            definitions: Some(repository.join("crds")),
            ..ControlPlaneOptions::default()
        };
        let control_plane = ControlPlane::start(&options).await?;
        let base = repository.join("manifests/base");
        let installation = Installation::apply(control_plane.kubectl(), &base).await?;
        let options = SimulatorOptions {
            api: Api::Both,
            parents: vec![Parent::new(
                "MA_NOBODY",
                &uuid::Uuid::new_v4().simple().to_string(),
            )],
        };
        let log = control_plane.directory().join("simulator.log");
        let simulator = Simulator::start(&products::simulator()?, &options, &log).await?;
        let registry = Registry::new(&installation.namespace);
        let warden = Warden::start(Arc::clone(&registry));
        let mut stage = Self {
            warden,
            registry,
            proxies: Vec::new(),
            cluster: Cluster::watch(&control_plane.client()),
            pulse: pulse(&control_plane, &simulator)?,
            simulator,
            installation,
            control_plane,
        };
        let processes = match staff {
            Staff::One => 1,
            Staff::Two | Staff::Elected => 2,
        };
        for process in 0..processes {
            stage.add_operator(process, staff).await?;
        }
        Ok(stage)
    }

    async fn add_operator(&mut self, process: usize, staff: Staff) -> Result<()> {
        let authority_path = self.control_plane.directory().join("ca.crt");
        let route = Route {
            server: Server::Vobiz,
            target: self.simulator.url().to_owned(),
            client: plain_http_client()?,
            process,
            user: self.installation.user(),
            registry: Arc::clone(&self.registry),
            warden: Arc::clone(&self.warden),
            past_time_out: LATE_AT_VOBIZ,
            stop: STOP,
        };
        let vobiz = Proxy::start(route.clone()).await?;
        let kubernetes = Route {
            server: Server::Kubernetes,
            target: self.control_plane.endpoint().server.clone(),
            client: trusting(&authority_path)?,
            past_time_out: LATE_AT_KUBERNETES,
            ..route
        };
        let kubernetes = Proxy::start(kubernetes).await?;
        let flags = vec![
            format!("--leader-elect={}", staff == Staff::Elected),
            format!("--api-base-url={}", vobiz.url()),
            "--allow-insecure-api".to_owned(),
            format!("--request-timeout-seconds={}", REQUEST_TIMEOUT.as_secs()),
            format!("--settle-seconds={}", SETTLE.as_secs()),
            "--retention-seconds=45".to_owned(),
            "--max-backoff-seconds=5".to_owned(),
            "--secret-check-interval-seconds=5".to_owned(),
            "--max-concurrent-reconciles=32".to_owned(),
            // Everything that it may ever say is searched for tokens.
            "--log-level=trace".to_owned(),
        ];
        let options = OperatorOptions {
            flags,
            environment: Vec::new(),
            token_seconds: Some(TOKEN_SECONDS),
            replica: String::new(),
        };
        let endpoint = Endpoint::new(&kubernetes.url(), &authority_path);
        let operator = OperatorProcess::start_behind(
            &self.control_plane,
            &self.installation,
            &products::operator()?,
            &options,
            &format!("{process}"),
            &endpoint,
        )
        .await?;
        operator.await_ready().await?;
        match (process, staff) {
            (0, Staff::Elected) => operator.await_leading().await?,
            (0, _) | (_, Staff::One | Staff::Elected) => {}
            (_, Staff::Two) => operator.pause().await?,
        }
        self.warden.add(operator).await;
        self.proxies.extend([vobiz, kubernetes]);
        Ok(())
    }

    /// Copies what the operators and the API server have logged.
    pub fn keep_logs(&self, folder: &Path) -> Result<()> {
        std::fs::create_dir_all(folder).with_context(|| format!("failed to create {}", folder.display()))?;
        let logs = files(self.control_plane.directory(), "", ".log")?;
        for log in logs {
            let name = log.file_name().context("a log has no name")?;
            std::fs::copy(&log, folder.join(name))
                .with_context(|| format!("failed to copy {}", log.display()))?;
        }
        Ok(())
    }

    /// Ends the operators before their servers.
    pub async fn end(&self) {
        self.warden.end().await;
    }
}

/// Asks both servers for what costs them nothing.
fn pulse(control_plane: &ControlPlane, simulator: &Simulator) -> Result<Pulse> {
    let namespaces: kube::Api<Namespace> = kube::Api::all(control_plane.client());
    let (client, url) = (plain_http_client()?, simulator.url().to_owned());
    Ok(Pulse::start(move || {
        let (namespaces, asked) = (namespaces.clone(), client.get(&url).send());
        async move {
            let _ = tokio::join!(namespaces.get_metadata("default"), asked);
        }
    }))
}

fn trusting(authority: &Path) -> Result<reqwest::Client> {
    let pem = std::fs::read(authority).context("failed to read the authority's certificate")?;
    let certificates = reqwest::Certificate::from_pem_bundle(&pem).context("failed to read a certificate")?;
    reqwest::Client::builder()
        .tls_certs_only(certificates)
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .pool_idle_timeout(IDLE)
        .build()
        .context("failed to make an HTTP client")
}
