//! Builds the HTTP clients from checked settings, and anew when the CA bundle changes. I/O: reads the CA bundle and the
//! system's CA store.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use reqwest::redirect;
use url::Url;

use super::authorities::Authorities;
use super::client::Client;
use super::token::ParentCredentials;
use crate::proxy::Proxy;

/// Longest time for a connection, TLS included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Shorter than the keep-alive of common servers (5 s), so that a connection is rarely closed under a request.
const IDLE_TIMEOUT: Duration = Duration::from_secs(4);

/// How to reach the API.
#[derive(Clone, Debug)]
pub struct TransportConfig {
    /// Where the paths of the API begin, `https://api.vobiz.ai` for example. May have a path.
    pub base_url: Url,
    /// Accept `http`: credentials then travel in clear.
    pub allow_insecure: bool,
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
    /// The base URL is none that credentials may be sent to.
    #[error("the API base URL {0}")]
    BaseUrl(&'static str),
    /// The CA bundle cannot be read.
    #[error("failed to read the CA file {path}")]
    ReadCaFile {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The CA bundle has no certificate, or one that is no certificate.
    #[error("the CA file {path} is no PEM bundle of certificates")]
    ParseCaFile {
        /// The file.
        path: PathBuf,
    },
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
    inner: Arc<Connections>,
}

pub(super) struct Connections {
    /// Ends with a slash.
    base_url: Url,
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
    /// Checks the settings and builds the clients. Needs a rustls provider installed in the process.
    pub fn new(config: TransportConfig) -> Result<Self, TransportError> {
        let base_url =
            checked(config.base_url.clone(), config.allow_insecure).map_err(TransportError::BaseUrl)?;
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            return Err(TransportError::NoTlsProvider);
        }
        let authorities = Authorities::read(config.ca_file.as_deref())?;
        let current = Current {
            clients: Clients::build(&config, &base_url, &authorities)?,
            authorities,
        };
        let inner = Connections {
            base_url,
            config,
            current: RwLock::new(current),
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// A client that acts for one parent account.
    #[must_use]
    pub fn client(&self, credentials: ParentCredentials) -> Client {
        Client::new(Arc::clone(&self.inner), credentials)
    }

    /// Looks at the CA bundle again. True: it has changed, and the next request trusts whom it names now. A bundle that
    /// cannot be used changes nothing.
    pub fn reread_authorities(&self) -> Result<bool, TransportError> {
        let Connections {
            base_url,
            config,
            current,
        } = &*self.inner;
        let authorities = Authorities::read(config.ca_file.as_deref())?;
        if current.read().unwrap_or_else(PoisonError::into_inner).authorities == authorities {
            return Ok(false);
        }
        let clients = Clients::build(config, base_url, &authorities)?;
        *current.write().unwrap_or_else(PoisonError::into_inner) = Current { clients, authorities };
        Ok(true)
    }
}

impl Clients {
    fn build(
        config: &TransportConfig,
        base_url: &Url,
        authorities: &Authorities,
    ) -> Result<Self, TransportError> {
        let is_https = base_url.scheme() == "https";
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
        added(&self.base_url, path, query)
    }
}

/// `path` and `query` are made of constants and validated ids, so they only ever add to the base URL.
fn added(base_url: &Url, path: &str, query: Option<&str>) -> Url {
    let mut url = base_url.clone();
    let path = format!("{}{path}", base_url.path());
    url.set_path(&path);
    url.set_query(query);
    url
}

fn checked(mut url: Url, allow_insecure: bool) -> Result<Url, &'static str> {
    match url.scheme() {
        "https" => {}
        "http" if allow_insecure => {}
        "http" => return Err("must start with https: credentials would travel in clear"),
        _ => return Err("must start with https"),
    }
    if url.host_str().is_none_or(str::is_empty) {
        return Err("has no host");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must not have a user name or password: credentials come from Secrets");
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("must not have a query or a fragment");
    }
    if url.port() == Some(0) {
        return Err("must not have port 0");
    }
    if !url.path().ends_with('/') {
        let path = format!("{}/", url.path());
        url.set_path(&path);
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(url: &str, allow_insecure: bool) -> Option<&'static str> {
        checked(url.parse().unwrap(), allow_insecure).err()
    }

    #[test]
    fn a_base_url_that_credentials_must_not_be_sent_to_is_refused() {
        for (url, word) in [
            ("http://api.vobiz.ai", "https"),
            ("ftp://api.vobiz.ai", "https"),
            ("unix:/run/api", "https"),
            ("https://user@api.vobiz.ai", "user"),
            ("https://:secret@api.vobiz.ai", "user"),
            ("https://api.vobiz.ai/?a=1", "query"),
            ("https://api.vobiz.ai/#a", "fragment"),
            ("https://api.vobiz.ai:0", "port"),
        ] {
            assert!(refused(url, false).unwrap().contains(word), "{url}");
        }
        assert!(refused("ftp://api.vobiz.ai", true).is_some());
        assert_eq!(refused("http://127.0.0.1:8080", true), None);
        assert_eq!(refused("https://api.vobiz.ai:8443", false), None);
    }

    #[test]
    fn paths_are_added_to_the_base_url_with_or_without_a_slash_at_its_end() {
        for base in ["https://gateway.example/vobiz", "https://gateway.example/vobiz/"] {
            let base_url = checked(base.parse().unwrap(), false).unwrap();
            assert_eq!(
                added(&base_url, "api/v1/auth/me", Some("page=1")).as_str(),
                "https://gateway.example/vobiz/api/v1/auth/me?page=1"
            );
        }
        let root = checked("https://api.vobiz.ai".parse().unwrap(), false).unwrap();
        assert_eq!(
            added(&root, "api/v1/auth/me", None).as_str(),
            "https://api.vobiz.ai/api/v1/auth/me"
        );
    }
}
