//! Whom a command is run against: a cluster with the caller's rights, and the way to Vobiz. I/O.

use std::time::Duration;

use kube::Client;

use super::failure::Failure;
use super::flags::{ApiFlags, ClusterFlags, PairFlags};
use crate::controller::cluster::{self, Choice};
use crate::metrics::Metrics;
use crate::proxy::Proxies;
use crate::vobiz::{AuthToken, BaseUrl, ParentAuthId, ParentCredentials, Transport, TransportConfig};

/// Who both servers are told that asks.
const AGENT: &str = concat!("kubectl-vobiz/", env!("CARGO_PKG_VERSION"));

/// How long one request to the Vobiz API may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// Whom a command is run against.
pub struct Session {
    /// The cluster.
    pub cluster: Client,
    /// The namespace that is meant where none is named.
    pub namespace: String,
    /// Where Records and the credentials of `ClusterAccounts` are.
    pub operator_namespace: String,
    /// The way to Vobiz; none if it is not to be asked.
    pub transport: Option<Transport>,
    /// The pair to use instead of those in Secrets.
    pub pair: Option<ParentCredentials>,
}

impl Session {
    /// Sends nothing yet. Needs a rustls provider installed for the process.
    pub async fn open(cluster: &ClusterFlags, api: &ApiFlags, own: &PairFlags) -> Result<Self, Failure> {
        let proxies = Proxies::of_environment(|name| std::env::var(name).ok());
        let choice = Choice {
            kubeconfig: cluster.kubeconfig.clone(),
            context: cluster.context.clone(),
            agent: Some(AGENT),
        };
        let metrics = Metrics::new(false, crate::VERSION, crate::COMMIT);
        let client = cluster::connect(&choice, &metrics, &proxies).await?;
        let namespace = cluster.namespace.clone();
        Ok(Self {
            namespace: namespace.unwrap_or_else(|| client.default_namespace().to_owned()),
            cluster: client,
            operator_namespace: cluster.operator_namespace.clone(),
            transport: (!api.offline).then(|| transport(api, &proxies)).transpose()?,
            pair: pair(own)?,
        })
    }
}

fn transport(api: &ApiFlags, proxies: &Proxies) -> Result<Transport, Failure> {
    let refuse = |cause: String| {
        Failure::new(
            "--api-base-url",
            cause,
            "write it as https://HOST[:PORT][/PATH]; --allow-insecure-api accepts http",
        )
    };
    let base_url = BaseUrl::parse(&api.api_base_url, api.allow_insecure_api);
    let base_url = base_url.map_err(|error| refuse(error.to_string()))?;
    let server: http::Uri = base_url
        .as_str()
        .parse()
        .map_err(|_| refuse("it is no URL".to_owned()))?;
    Ok(Transport::new(TransportConfig {
        base_url,
        ca_file: api.api_ca_file.clone(),
        proxy: proxies.on_the_way_to(&server).cloned(),
        request_timeout: REQUEST_TIMEOUT,
        user_agent: AGENT.to_owned(),
    })?)
}

/// The pair that the flags name. What is wrong with it is said without it.
fn pair(flags: &PairFlags) -> Result<Option<ParentCredentials>, Failure> {
    let (Some(id), Some(file)) = (&flags.auth_id, &flags.auth_token_file) else {
        return Ok(None);
    };
    let auth_id = ParentAuthId::parse(id).map_err(|error| {
        Failure::new(
            "--auth-id",
            format!("it {error}"),
            "give the id of the parent account",
        )
    })?;
    let refuse = |cause: String| {
        Failure::new(
            "--auth-token-file",
            cause,
            "give a file that holds the token of the parent account and nothing else",
        )
    };
    let text = std::fs::read_to_string(file).map_err(|error| refuse(error.to_string()))?;
    let auth_token =
        AuthToken::parse(text.trim_end()).map_err(|error| refuse(format!("the token {error}")))?;
    Ok(Some(ParentCredentials { auth_id, auth_token }))
}
