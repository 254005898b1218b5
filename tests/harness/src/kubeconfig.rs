//! I/O. Kubeconfig files (JSON is YAML) and clients made from them.

use std::io::Write as _;
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use anyhow::{Context as _, Result};
use kube::config::{KubeConfigOptions, Kubeconfig};
use serde_json::{Value, json};

use crate::certificates::Identity;

/// Where an API server is and how to know it.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// Such as `https://127.0.0.1:40123`.
    pub server: String,
    /// The `cluster` entry that kubeconfigs of this control plane share.
    pub(crate) cluster: Value,
}

impl Endpoint {
    /// An endpoint whose certificate is signed by the authority in this file.
    #[must_use]
    pub fn new(server: &str, authority: &Path) -> Self {
        let cluster = json!({"server": server, "certificate-authority": authority});
        Self {
            server: server.to_owned(),
            cluster,
        }
    }

    /// Host and port, for a relay.
    #[must_use]
    pub fn address(&self) -> &str {
        let server = self.server.trim_end_matches('/');
        server.split_once("://").map_or(server, |(_, address)| address)
    }

    /// The same server, reached through a loopback port that passes on to it.
    #[must_use]
    pub fn through(&self, port: u16) -> Self {
        self.at(SocketAddr::from(([127, 0, 0, 1], port)))
    }

    /// The same server, reached at a loopback address of either family that passes on to it.
    #[must_use]
    pub fn at(&self, address: SocketAddr) -> Self {
        let server = self.server.replace(self.address(), &address.to_string());
        let mut cluster = self.cluster.clone();
        cluster["server"] = Value::from(server.clone());
        Self { server, cluster }
    }

    /// The same server, under a name that a proxy alone can resolve. Its certificate is for the loopback address.
    #[must_use]
    pub fn called(&self, host: &str) -> Self {
        let port = self.address().rsplit(':').next().unwrap_or_default();
        let server = format!("https://{host}:{port}");
        let mut cluster = self.cluster.clone();
        cluster["server"] = Value::from(server.clone());
        cluster["tls-server-name"] = Value::from("127.0.0.1");
        Self { server, cluster }
    }

    /// Reads the endpoint of an existing kubeconfig's current context.
    pub fn of_existing(kubeconfig: &Path) -> Result<Self> {
        let config = Kubeconfig::read_from(kubeconfig)
            .with_context(|| format!("failed to read {}", kubeconfig.display()))?;
        let current = config
            .current_context
            .as_deref()
            .context("the kubeconfig has no current context")?;
        let context = config.contexts.iter().find(|context| context.name == current);
        let context = context.and_then(|named| named.context.as_ref());
        let cluster_name = &context
            .context("the kubeconfig's current context is not in it")?
            .cluster;
        let cluster = config
            .clusters
            .iter()
            .find(|cluster| cluster.name == *cluster_name);
        let cluster = cluster.and_then(|named| named.cluster.as_ref());
        let cluster = cluster.context("the kubeconfig's current cluster is not in it")?;
        let server = cluster
            .server
            .clone()
            .context("the kubeconfig's cluster has no server")?;
        Ok(Self {
            server,
            cluster: serde_json::to_value(cluster).context("failed to copy a cluster entry")?,
        })
    }

    /// Writes a kubeconfig for the holder of a client certificate.
    pub fn write_for_identity(&self, path: &Path, certificate: &Path, key: &Path) -> Result<()> {
        self.write(
            path,
            "default",
            &json!({"client-certificate": certificate, "client-key": key}),
        )
    }

    /// Writes a kubeconfig for the holder of a bearer token.
    pub fn write_for_token(&self, path: &Path, namespace: &str, token: &str) -> Result<()> {
        self.write(path, namespace, &json!({"token": token}))
    }

    fn write(&self, path: &Path, namespace: &str, user: &Value) -> Result<()> {
        let config = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "cluster", "cluster": self.cluster}],
            "users": [{"name": "user", "user": user}],
            "contexts": [{"name": "context", "context": {"cluster": "cluster", "user": "user", "namespace": namespace}}],
            "current-context": "context",
        });
        write_private(path, &config.to_string())
    }
}

/// Writes both halves of an identity as `<name>.crt` and `<name>.key` and returns their paths.
pub fn write_identity(
    folder: &Path,
    name: &str,
    identity: &Identity,
) -> Result<(std::path::PathBuf, std::path::PathBuf)> {
    let certificate = folder.join(format!("{name}.crt"));
    let key = folder.join(format!("{name}.key"));
    write_private(&certificate, &identity.certificate)?;
    write_private(&key, &identity.key)?;
    Ok((certificate, key))
}

/// Writes a file that this user alone can read.
pub fn write_private(path: &Path, content: &str) -> Result<()> {
    let file = std::fs::OpenOptions::new()
        .create(true)
        .write(true)
        .truncate(true)
        .mode(0o600)
        .open(path);
    let written = file.and_then(|mut file| file.write_all(content.as_bytes()));
    written.with_context(|| format!("failed to write {}", path.display()))
}

/// A client for the holder of this kubeconfig.
pub async fn client(kubeconfig: &Path) -> Result<kube::Client> {
    client_of(configuration(kubeconfig).await?)
}

/// A client that acts as this user, which the holder of this kubeconfig must be allowed to.
pub async fn client_as(kubeconfig: &Path, user: &str) -> Result<kube::Client> {
    let mut config = configuration(kubeconfig).await?;
    config.auth_info.impersonate = Some(user.to_owned());
    client_of(config)
}

async fn configuration(kubeconfig: &Path) -> Result<kube::Config> {
    // Both kube and reqwest take the process's provider; a second installation is refused and harmless.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let read = Kubeconfig::read_from(kubeconfig);
    let read = read.with_context(|| format!("failed to read {}", kubeconfig.display()))?;
    let mut config = kube::Config::from_custom_kubeconfig(read, &KubeConfigOptions::default())
        .await
        .context("failed to make a client configuration")?;
    // A hidden second try would make counts of requests wrong.
    config.default_retry = false;
    Ok(config)
}

fn client_of(config: kube::Config) -> Result<kube::Client> {
    kube::Client::try_from(config).context("failed to make a Kubernetes client")
}
