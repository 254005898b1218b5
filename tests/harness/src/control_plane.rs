//! I/O. A real control plane on loopback: etcd, kube-apiserver and kube-controller-manager.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::audit::AuditLog;
use crate::binaries::Binaries;
use crate::certificates::{Authority, signing_key};
use crate::directory::TemporaryDirectory;
use crate::kubeconfig::{Endpoint, client, write_identity, write_private};
use crate::kubectl::Kubectl;
use crate::ports::free_ports;
use crate::watchdog::Supervised;

/// How long the servers may take to answer.
const START_DEADLINE: Duration = Duration::from_mins(2);
const POLL_INTERVAL: Duration = Duration::from_millis(50);
/// How often a start is repeated when another process took a port between our choice and the server's bind.
const PORT_ATTEMPTS: usize = 5;
/// Metadata only (a body may hold a secret), but for the changes of our own kinds, which hold none; one line per request.
/// Probes would drown everything else. A watch has its line when it begins, anything else when it ends.
const AUDIT_POLICY: &str = r#"
apiVersion: audit.k8s.io/v1
kind: Policy
rules:
  - {level: None, nonResourceURLs: ["/healthz*", "/livez*", "/readyz*", "/openapi*", "/version"]}
  - {level: Metadata, verbs: ["watch"], omitStages: [RequestReceived, ResponseComplete]}
  - level: Request
    verbs: ["create", "update", "patch"]
    resources: [{group: vobiz.ai}]
    omitStages: [RequestReceived, ResponseStarted]
  - {level: Metadata, omitStages: [RequestReceived, ResponseStarted]}
"#;
/// As [`AUDIT_POLICY`] without any body, and without what the administrator does but for the reader's own marks: what is
/// left is counted by the hundred thousand.
const LEAN_AUDIT_POLICY: &str = r#"
apiVersion: audit.k8s.io/v1
kind: Policy
rules:
  - {level: None, nonResourceURLs: ["/healthz*", "/livez*", "/readyz*", "/openapi*", "/version"]}
  - {level: Metadata, verbs: ["get"], resources: [{resources: [configmaps]}], omitStages: [RequestReceived, ResponseStarted]}
  - {level: None, users: ["vobiz-harness-admin", "system:kube-controller-manager", "system:apiserver"]}
  - {level: Metadata, verbs: ["watch"], omitStages: [RequestReceived, ResponseComplete]}
  - {level: Metadata, omitStages: [RequestReceived, ResponseStarted]}
"#;
/// Room for the versions of some ten thousand objects between two compactions.
const ETCD_QUOTA_BYTES: u64 = 8 << 30;
/// Owned objects are collected, namespaces end, and cluster roles aggregate; nothing else is needed without nodes.
const CONTROLLERS: &str =
    "garbage-collector-controller,namespace-controller,clusterrole-aggregation-controller";
/// The administrator whom tests act as.
pub const ADMIN_USER: &str = "vobiz-harness-admin";

/// What a control plane is started with.
#[derive(Clone, Debug, Default)]
pub struct ControlPlaneOptions {
    /// A folder for `kubectl apply -k`, applied before the controller-manager starts: its garbage collector then knows
    /// these kinds at once instead of at its next discovery, half a minute later.
    pub definitions: Option<PathBuf>,
    /// What the audit log holds.
    pub audit: AuditDetail,
}

/// What the audit log of a control plane holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AuditDetail {
    /// Every request, and what was sent to change an object of our own kinds.
    #[default]
    Changes,
    /// Requests of programs without what they sent; the administrator's own are left out.
    Programs,
}

impl AuditDetail {
    fn policy(self) -> &'static str {
        match self {
            Self::Changes => AUDIT_POLICY,
            Self::Programs => LEAN_AUDIT_POLICY,
        }
    }
}

/// A running control plane. Dropping it stops every server and removes all their data.
pub struct ControlPlane {
    // Declared in the order in which they must go: a server before the one it needs, the data last.
    controller_manager: Option<Supervised>,
    api_server: Option<Supervised>,
    etcd: Option<Supervised>,
    endpoint: Endpoint,
    admin_kubeconfig: PathBuf,
    kubectl: Kubectl,
    client: kube::Client,
    audit: Option<AuditLog>,
    directory: TemporaryDirectory,
    started_in: Duration,
}

impl ControlPlane {
    /// Starts a control plane, or connects to the one of `KUBECONFIG` when `USE_EXISTING_CLUSTER=true`.
    pub async fn start(options: &ControlPlaneOptions) -> Result<Self> {
        if std::env::var("USE_EXISTING_CLUSTER").is_ok_and(|value| value == "true") {
            return Self::existing(options).await;
        }
        let binaries = tokio::task::spawn_blocking(Binaries::locate)
            .await
            .context("the search for programs ended")??;
        for attempt in 1.. {
            match Self::start_once(options, &binaries).await {
                Err(error)
                    if attempt < PORT_ATTEMPTS && format!("{error:#}").contains("address already in use") => {
                }
                result => return result,
            }
        }
        bail!("failed to find free ports for the control plane")
    }

    async fn start_once(options: &ControlPlaneOptions, binaries: &Binaries) -> Result<Self> {
        let started = Instant::now();
        let directory = TemporaryDirectory::new("control-plane")?;
        let folder = directory.path();
        let [etcd_port, peer_port, api_port] = free_ports()?;

        let etcd = start_etcd(&binaries.etcd, folder, etcd_port, peer_port)?;
        // The certificates are made while etcd starts.
        let authority = Authority::new()?;
        let authority_path = folder.join("ca.crt");
        write_private(&authority_path, authority.certificate())?;
        let endpoint = Endpoint::new(&format!("https://127.0.0.1:{api_port}"), &authority_path);
        let admin = authority.client(ADMIN_USER, "system:masters")?;
        let (certificate, key) = write_identity(folder, "admin", &admin)?;
        let admin_kubeconfig = folder.join("admin.kubeconfig");
        endpoint.write_for_identity(&admin_kubeconfig, &certificate, &key)?;
        let manager = authority.client("system:kube-controller-manager", "system:masters")?;
        let (certificate, key) = write_identity(folder, "controller-manager", &manager)?;
        let manager_kubeconfig = folder.join("controller-manager.kubeconfig");
        endpoint.write_for_identity(&manager_kubeconfig, &certificate, &key)?;
        write_identity(folder, "apiserver", &authority.serving("kube-apiserver")?)?;
        let tokens = signing_key()?;
        write_private(&folder.join("service-accounts.key"), &tokens.serialize_pem())?;
        write_private(&folder.join("service-accounts.pub"), &tokens.public_key_pem())?;
        write_private(&folder.join("audit-policy.yaml"), options.audit.policy())?;
        await_open(&etcd, etcd_port).await?;

        let api_server = start_api_server(&binaries.kube_apiserver, folder, etcd_port, api_port)?;
        let kubectl = Kubectl::new(&binaries.kubectl, &admin_kubeconfig);
        let client = client(&admin_kubeconfig).await?;
        await_ready(&[&etcd, &api_server], &client).await?;
        let audit = AuditLog::new(&folder.join("audit.log"), client.clone());
        if let Some(definitions) = &options.definitions {
            apply_definitions(&kubectl, definitions).await?;
        }
        let controller_manager = match &binaries.kube_controller_manager {
            Some(program) => Some(start_controller_manager(program, folder, &manager_kubeconfig)?),
            None => None,
        };
        Ok(Self {
            controller_manager,
            api_server: Some(api_server),
            etcd: Some(etcd),
            endpoint,
            admin_kubeconfig,
            kubectl,
            client,
            audit: Some(audit),
            directory,
            started_in: started.elapsed(),
        })
    }

    async fn existing(options: &ControlPlaneOptions) -> Result<Self> {
        let started = Instant::now();
        let kubeconfig = std::env::var_os("KUBECONFIG").filter(|value| !value.is_empty());
        let kubeconfig = kubeconfig.context("USE_EXISTING_CLUSTER=true needs KUBECONFIG to name one file")?;
        let admin_kubeconfig = PathBuf::from(kubeconfig);
        let program = std::env::var_os("KUBECTL").map_or_else(|| PathBuf::from("kubectl"), PathBuf::from);
        let kubectl = Kubectl::new(&program, &admin_kubeconfig);
        let client = client(&admin_kubeconfig).await?;
        if let Some(definitions) = &options.definitions {
            apply_definitions(&kubectl, definitions).await?;
        }
        Ok(Self {
            controller_manager: None,
            api_server: None,
            etcd: None,
            endpoint: Endpoint::of_existing(&admin_kubeconfig)?,
            admin_kubeconfig,
            kubectl,
            client,
            audit: None,
            directory: TemporaryDirectory::new("control-plane")?,
            started_in: started.elapsed(),
        })
    }

    /// A client that acts as the administrator.
    #[must_use]
    pub fn client(&self) -> kube::Client {
        self.client.clone()
    }

    /// A kubectl that acts as the administrator.
    #[must_use]
    pub fn kubectl(&self) -> &Kubectl {
        &self.kubectl
    }

    /// The administrator's kubeconfig.
    #[must_use]
    pub fn admin_kubeconfig(&self) -> &Path {
        &self.admin_kubeconfig
    }

    /// Where the API server is, to write more kubeconfigs.
    #[must_use]
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// The audit log; an existing cluster shows us none.
    pub fn audit(&self) -> Result<&AuditLog> {
        self.audit
            .as_ref()
            .context("an existing cluster shows no audit log: unset USE_EXISTING_CLUSTER")
    }

    /// A folder that goes when the control plane goes.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// How long the start took.
    #[must_use]
    pub fn started_in(&self) -> Duration {
        self.started_in
    }

    /// The servers that run, for those who count processes.
    pub fn servers(&self) -> impl Iterator<Item = &Supervised> {
        [&self.etcd, &self.api_server, &self.controller_manager]
            .into_iter()
            .flatten()
    }

    /// Fails with the end of its log when a server has ended on its own.
    pub fn ensure_running(&self) -> Result<()> {
        self.servers().try_for_each(Supervised::ensure_running)
    }
}

async fn apply_definitions(kubectl: &Kubectl, definitions: &Path) -> Result<()> {
    kubectl.apply_kustomization(definitions).await?;
    let arguments = [
        "wait",
        "--for=condition=Established",
        "--timeout=30s",
        "--all",
        "customresourcedefinitions",
    ];
    kubectl.run(&arguments).await?;
    Ok(())
}

fn start_etcd(program: &Path, folder: &Path, port: u16, peer_port: u16) -> Result<Supervised> {
    let client_url = format!("http://127.0.0.1:{port}");
    let peer_url = format!("http://127.0.0.1:{peer_port}");
    let arguments = [
        format!("--data-dir={}", folder.join("etcd").display()),
        format!("--listen-client-urls={client_url}"),
        format!("--advertise-client-urls={client_url}"),
        format!("--listen-peer-urls={peer_url}"),
        format!("--initial-advertise-peer-urls={peer_url}"),
        format!("--initial-cluster=default={peer_url}"),
        // The data goes with the test; waiting for the disk buys nothing.
        "--unsafe-no-fsync".to_owned(),
        format!("--quota-backend-bytes={ETCD_QUOTA_BYTES}"),
        "--log-level=warn".to_owned(),
    ];
    Supervised::start("etcd", program, &arguments, &[], &folder.join("etcd.log"))
}

fn start_api_server(program: &Path, folder: &Path, etcd_port: u16, port: u16) -> Result<Supervised> {
    let file = |name: &str| folder.join(name).display().to_string();
    let arguments = [
        format!("--etcd-servers=http://127.0.0.1:{etcd_port}"),
        "--bind-address=127.0.0.1".to_owned(),
        "--advertise-address=127.0.0.1".to_owned(),
        format!("--secure-port={port}"),
        // A loopback address may not be published as the endpoint of the service 'kubernetes'.
        "--endpoint-reconciler-type=none".to_owned(),
        format!("--cert-dir={}", file("apiserver")),
        format!("--tls-cert-file={}", file("apiserver.crt")),
        format!("--tls-private-key-file={}", file("apiserver.key")),
        format!("--client-ca-file={}", file("ca.crt")),
        format!("--service-account-key-file={}", file("service-accounts.pub")),
        format!(
            "--service-account-signing-key-file={}",
            file("service-accounts.key")
        ),
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local".to_owned(),
        // Each of hundreds of environments has a Service.
        "--service-cluster-ip-range=10.0.0.0/16".to_owned(),
        "--authorization-mode=RBAC".to_owned(),
        // This plugin touches Pods only, and none runs here.
        "--disable-admission-plugins=ServiceAccount".to_owned(),
        // As OpenShift has it: setting blockOwnerDeletion needs a right on the owner's finalizers.
        "--enable-admission-plugins=OwnerReferencesPermissionEnforcement".to_owned(),
        format!("--audit-policy-file={}", file("audit-policy.yaml")),
        format!("--audit-log-path={}", file("audit.log")),
        "--audit-log-format=json".to_owned(),
        // A line is written before its request ends; batches would make counts late.
        "--audit-log-mode=blocking".to_owned(),
        // Rotation would move lines away from the reader.
        "--audit-log-maxsize=100000".to_owned(),
        "--profiling=false".to_owned(),
    ];
    Supervised::start(
        "kube-apiserver",
        program,
        &arguments,
        &[],
        &folder.join("kube-apiserver.log"),
    )
}

fn start_controller_manager(program: &Path, folder: &Path, kubeconfig: &Path) -> Result<Supervised> {
    let arguments = [
        format!("--kubeconfig={}", kubeconfig.display()),
        format!("--controllers={CONTROLLERS}"),
        "--leader-elect=false".to_owned(),
        // It serves nothing that anyone here asks for.
        "--secure-port=0".to_owned(),
    ];
    let log = folder.join("kube-controller-manager.log");
    Supervised::start("kube-controller-manager", program, &arguments, &[], &log)
}

async fn await_open(server: &Supervised, port: u16) -> Result<()> {
    let started = Instant::now();
    while tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err() {
        server.ensure_running()?;
        if started.elapsed() > START_DEADLINE {
            bail!(
                "{} does not answer; its last output:\n{}",
                server.name(),
                server.log_tail(15)
            );
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
    Ok(())
}

async fn await_ready(servers: &[&Supervised], client: &kube::Client) -> Result<()> {
    let started = Instant::now();
    loop {
        for server in servers {
            server.ensure_running()?;
        }
        let request = http::Request::get("/readyz")
            .body(Vec::new())
            .context("failed to make a request")?;
        if client.request_text(request).await.is_ok() {
            return Ok(());
        }
        if started.elapsed() > START_DEADLINE {
            let logs: Vec<String> = servers.iter().map(|server| server.log_tail(15)).collect();
            bail!(
                "the control plane is not ready; the last output of its servers:\n{}",
                logs.join("\n")
            );
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}
