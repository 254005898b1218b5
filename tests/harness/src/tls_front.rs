//! I/O. A loopback port that speaks TLS, in front of a server that does not; its certificate can be changed while it runs.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, Result};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

use crate::certificates::Identity;

/// A front that runs. Dropping it breaks every connection through it.
pub struct TlsFront {
    address: SocketAddr,
    config: Arc<Mutex<Arc<ServerConfig>>>,
    task: JoinHandle<()>,
}

impl TlsFront {
    /// Answers as `identity`, and passes on to `target`, such as `127.0.0.1:4711`.
    pub async fn start(identity: &Identity, target: &str) -> Result<Self> {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let config = Arc::new(Mutex::new(server_config(identity)?));
        let listener = TcpListener::bind(("127.0.0.1", 0))
            .await
            .context("failed to listen for TLS")?;
        let address = listener.local_addr().context("failed to read the front's port")?;
        let (current, target) = (Arc::clone(&config), target.to_owned());
        let task = tokio::spawn(async move {
            // Dropped with the task, and the connections with it.
            let mut connections = JoinSet::new();
            while let Ok((near, _)) = listener.accept().await {
                let config = Arc::clone(&current.lock().unwrap_or_else(PoisonError::into_inner));
                let target = target.clone();
                connections.spawn(async move {
                    // Who does not trust the certificate hangs up.
                    if let Ok(mut near) = TlsAcceptor::from(config).accept(near).await
                        && let Ok(mut far) = TcpStream::connect(&target).await
                    {
                        let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
                    }
                });
            }
        });
        Ok(Self {
            address,
            config,
            task,
        })
    }

    /// Its port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Answers as another one from the next connection on.
    pub fn become_known_as(&self, identity: &Identity) -> Result<()> {
        *self.config.lock().unwrap_or_else(PoisonError::into_inner) = server_config(identity)?;
        Ok(())
    }
}

impl Drop for TlsFront {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// How a server with this certificate speaks TLS.
pub(crate) fn server_config(identity: &Identity) -> Result<Arc<ServerConfig>> {
    let certificate = CertificateDer::from_pem_slice(identity.certificate.as_bytes())
        .context("the certificate is not PEM")?;
    let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes()).context("the key is not PEM")?;
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .context("the certificate cannot be used")?;
    Ok(Arc::new(config))
}
