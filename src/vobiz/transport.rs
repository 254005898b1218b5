//! Builds the HTTP clients, and anew when the CA bundle changes. I/O: reads the CA bundle and the
//! system's CA store.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use reqwest::redirect;
use url::Url;

use super::authorities::{Authorities, AuthoritiesError};
use super::base_url::BaseUrl;
use crate::proxy::Proxy;

/// Longest time for a connection, TLS included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Shorter than the keep-alive of common servers (5 s), so that a connection is rarely closed under a request.
const IDLE_TIMEOUT: Duration = Duration::from_secs(4);

/// How to reach the API.
#[derive(Clone, Debug)]
pub struct TransportConfig {
    /// Where the paths of the API begin.
    pub base_url: BaseUrl,
    /// A PEM bundle of authorities that are trusted beside the system's.
    pub ca_file: Option<PathBuf>,
    /// The proxy on the way, where the base URL is `https`.
    pub proxy: Option<Proxy>,
    /// For the whole request, from the connection to the last byte of the answer.
    pub request_timeout: Duration,
    /// The header `User-Agent`: name and version.
    pub user_agent: String,
}

/// Why the operator cannot start to speak to the API.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// The CA bundle cannot be used.
    #[error(transparent)]
    Authorities(#[from] AuthoritiesError),
    /// The proxy's address is none that a client could use.
    #[error("failed to use the proxy that the environment names")]
    Proxy,
    /// No TLS provider was installed in this process.
    #[error("failed to set up TLS: no provider of cryptography is installed in this process")]
    NoTlsProvider,
    /// The HTTP client cannot be built: nearly always because there is no CA store.
    #[error("failed to set up TLS; is a CA store (package ca-certificates) installed, or a CA file given?")]
    Build {
        /// Why.
        source: reqwest::Error,
    },
}

/// The connections of this process to the API. Cheap to clone; one serves every parent account.
#[derive(Clone)]
pub struct Transport {
    pub(super) inner: Arc<Connections>,
}

pub(super) struct Connections {
    config: TransportConfig,
    current: RwLock<Current>,
}

/// The clients, and whom they trust.
struct Current {
    clients: Clients,
    authorities: Authorities,
}

/// Two clients of the same server. Cheap to clone.
#[derive(Clone)]
pub(super) struct Clients {
    /// Keeps connections for reads that follow each other.
    pub reads: reqwest::Client,
    /// A new connection for each write: one that was idle may be closed by the server just as the request goes
    /// out, and then nobody knows what became of it.
    pub writes: reqwest::Client,
}

impl Transport {
    /// Reads the CA bundle and builds the clients. Needs a rustls provider installed in the process.
    pub fn new(config: TransportConfig) -> Result<Self, TransportError> {
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            return Err(TransportError::NoTlsProvider);
        }
        let authorities = Authorities::read(config.ca_file.as_deref())?;
        let current = Current {
            clients: Clients::build(&config, &authorities)?,
            authorities,
        };
        let inner = Connections {
            config,
            current: RwLock::new(current),
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// Looks at the CA bundle again. True: it has changed, and the next request trusts whom it names now. A bundle that
    /// cannot be used changes nothing.
    pub fn reread_authorities(&self) -> Result<bool, TransportError> {
        let Connections { config, current } = &*self.inner;
        let authorities = Authorities::read(config.ca_file.as_deref())?;
        if current.read().unwrap_or_else(PoisonError::into_inner).authorities == authorities {
            return Ok(false);
        }
        let clients = Clients::build(config, &authorities)?;
        *current.write().unwrap_or_else(PoisonError::into_inner) = Current { clients, authorities };
        Ok(true)
    }
}

impl Clients {
    fn build(config: &TransportConfig, authorities: &Authorities) -> Result<Self, TransportError> {
        let is_https = config.base_url.is_https();
        let proxy = match &config.proxy {
            // Whom it leads to in clear, it could read the credentials of.
            Some(proxy) if is_https => Some(reqwest_proxy(proxy).ok_or(TransportError::Proxy)?),
            _ => None,
        };
        let build = |idle_connections: usize| {
            let builder = reqwest::Client::builder()
                .user_agent(config.user_agent.as_str())
                .redirect(redirect::Policy::none())
                .retry(reqwest::retry::never())
                .referer(false)
                .http1_only()
                .no_gzip()
                .no_brotli()
                .no_deflate()
                .no_zstd()
                .connect_timeout(CONNECT_TIMEOUT.min(config.request_timeout / 2))
                .timeout(config.request_timeout)
                .pool_idle_timeout(IDLE_TIMEOUT)
                .pool_max_idle_per_host(idle_connections)
                // What the environment says is read in one place for both servers.
                .no_proxy();
            let builder = if is_https {
                builder
                    .https_only(true)
                    .tls_certs_merge(authorities.certificates())
            } else {
                // No certificate is ever looked at, so none needs to be there.
                builder.tls_certs_only([])
            };
            let builder = proxy.iter().cloned().fold(builder, reqwest::ClientBuilder::proxy);
            builder.build().map_err(|error| TransportError::Build {
                source: error.without_url(),
            })
        };
        Ok(Self {
            reads: build(4)?,
            writes: build(0)?,
        })
    }
}

fn reqwest_proxy(proxy: &Proxy) -> Option<reqwest::Proxy> {
    let through = reqwest::Proxy::all(proxy.uri.to_string()).ok()?;
    Some(match &proxy.authorization {
        Some(authorization) => through.custom_http_auth(authorization.clone()),
        None => through,
    })
}

impl Connections {
    /// The clients that a request is to be made with now.
    pub fn clients(&self) -> Clients {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        current.clients.clone()
    }

    pub fn url(&self, path: &str, query: Option<&str>) -> Url {
        self.config.base_url.with(path, query)
    }
}
