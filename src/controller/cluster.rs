//! The Kubernetes client: no retries of its own, an end to every silence, every request counted. I/O.

use std::future::Future;
use std::path::PathBuf;
use std::time::Duration;

use http::header::USER_AGENT;
use http::{HeaderValue, Request};
use kube::client::{AuthError, ClientBuilder};
use kube::config::{InClusterError, KubeConfigOptions, Kubeconfig, KubeconfigError};
use kube::{Api, Client, Resource};
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use super::cluster_error::ClusterError;
use super::lenient::Guarded;
use super::{requests, tunnel};
use crate::metrics::Metrics;
use crate::proxy::{Proxies, Proxy};

/// How long any request but a watch may take.
pub const REQUEST_DEADLINE: Duration = Duration::from_secs(10);

/// How long the server is asked to keep a watch open, in seconds. Each beginning is a request, so it is as long as kube's own clients ask for.
pub const WATCH_SECONDS: u32 = 290;

/// A connection on which nothing arrives for this long is given up, so that a watch cannot hang for ever. On a watch of which nothing is to
/// be told the server sends a bookmark each minute (`defaultBookmarkFrequency` of k8s.io/apiserver 0.37), a second or two late: only a dead
/// connection is silent for so long.
const SILENCE: Duration = Duration::from_secs(75);

/// Stands where a kubeconfig names no proxy.
const NO_PROXY_URL: &str = "http://no-proxy.invalid/";

/// Why there is no client. The contents of a kubeconfig are never repeated: it may hold tokens.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// $KUBECONFIG is set, but useless.
    #[error("failed to use the kubeconfig of $KUBECONFIG: {0}; correct the file or unset the variable")]
    Kubeconfig(String),
    /// What was asked for by name is useless.
    #[error(
        "failed to use the kubeconfig and context that are asked for: {0}; correct --kubeconfig or --context, or the file"
    )]
    Chosen(String),
    /// Neither a kubeconfig nor a Pod's environment was found.
    #[error(
        "failed to find a Kubernetes cluster: no usable kubeconfig ({kubeconfig}) and not running in a Pod ({pod}); set \
         KUBECONFIG to a kubeconfig, or run in a Pod with a ServiceAccount"
    )]
    NoCluster {
        /// Why no kubeconfig served.
        kubeconfig: String,
        /// Why the Pod's environment did not serve.
        pod: InClusterError,
    },
    /// The kubeconfig names a proxy of a kind that is none of ours.
    #[error(
        "failed to use the proxy-url of the kubeconfig: it is no http or https URL; correct it, or leave it out"
    )]
    Proxy,
    /// What was found cannot be made into a client.
    #[error(
        "failed to build the Kubernetes client: {0}; check certificates and credentials of the kubeconfig"
    )]
    Build(String),
}

/// Which cluster is meant, and as whom it is asked. By default what `$KUBECONFIG` says.
#[derive(Clone, Debug, Default)]
pub struct Choice {
    /// A kubeconfig in place of that.
    pub kubeconfig: Option<PathBuf>,
    /// The context of the kubeconfig, in place of its current one.
    pub context: Option<String>,
    /// What the server is told of who asks, in place of the operator's name.
    pub agent: Option<&'static str>,
}

impl Choice {
    fn is_made(&self) -> bool {
        self.kubeconfig.is_some() || self.context.is_some()
    }
}

/// The client for the cluster that is chosen, else of `$KUBECONFIG`, else of `~/.kube/config`, else the one that the Pod runs in.
///
/// Needs a rustls provider installed for the process. Sends nothing yet.
///
/// A kubeconfig's own `proxy-url` goes before what the environment says. The cluster that the Pod runs in is reached
/// without a proxy: its address leads nowhere but there.
pub async fn connect(choice: &Choice, metrics: &Metrics, proxies: &Proxies) -> Result<Client, ConnectError> {
    let (mut config, proxy) = configuration(choice, proxies).await?;
    let agent = HeaderValue::from_static(choice.agent.unwrap_or(crate::USER_AGENT));
    config.headers.push((USER_AGENT, agent));
    client(config, proxy.as_ref(), metrics, SILENCE)
}

async fn configuration(
    choice: &Choice,
    proxies: &Proxies,
) -> Result<(kube::Config, Option<Proxy>), ConnectError> {
    let kubeconfig = match of_kubeconfig(choice).await {
        Ok((config, own_proxy)) => {
            let proxy = match own_proxy {
                Some(url) => Some(Proxy::parse(&url).ok_or(ConnectError::Proxy)?),
                None => proxies.on_the_way_to(&config.cluster_url).cloned(),
            };
            return Ok((config, proxy));
        }
        Err(error) => without_contents(&error),
    };
    if choice.is_made() {
        return Err(ConnectError::Chosen(kubeconfig));
    }
    if std::env::var_os("KUBECONFIG").is_some_and(|path| !path.is_empty()) {
        return Err(ConnectError::Kubeconfig(kubeconfig));
    }
    let config = kube::Config::incluster().map_err(|pod| ConnectError::NoCluster { kubeconfig, pod })?;
    Ok((config, None))
}

/// The configuration, and the proxy that the kubeconfig itself names.
async fn of_kubeconfig(choice: &Choice) -> Result<(kube::Config, Option<String>), KubeconfigError> {
    let mut kubeconfig = match &choice.kubeconfig {
        Some(path) => Kubeconfig::read_from(path)?,
        None => Kubeconfig::read()?,
    };
    for cluster in kubeconfig
        .clusters
        .iter_mut()
        .filter_map(|named| named.cluster.as_mut())
    {
        // Where there is none kube looks into the environment, in its own way.
        if cluster.proxy_url.as_ref().is_none_or(String::is_empty) {
            cluster.proxy_url = Some(NO_PROXY_URL.to_owned());
        }
    }
    let options = KubeConfigOptions {
        context: choice.context.clone(),
        ..KubeConfigOptions::default()
    };
    let mut config = kube::Config::from_custom_kubeconfig(kubeconfig, &options).await?;
    let proxy_url = config.proxy_url.take().map(|url| url.to_string());
    // A credential plugin is told of the cluster.
    let told = config
        .auth_info
        .exec
        .as_mut()
        .and_then(|exec| exec.cluster.as_mut());
    if let Some(cluster) = told
        && cluster.proxy_url.as_deref() == Some(NO_PROXY_URL)
    {
        cluster.proxy_url = None;
    }
    Ok((config, proxy_url.filter(|url| url != NO_PROXY_URL)))
}

/// A parser's message quotes the line that it stumbled over.
fn without_contents(error: &KubeconfigError) -> String {
    match error {
        KubeconfigError::Parse(_) => "it is not a kubeconfig in YAML".to_owned(),
        KubeconfigError::ParseCertificates(_) => "its certificates are not PEM".to_owned(),
        KubeconfigError::ParseClusterUrl(_) => "its server is not a URL".to_owned(),
        KubeconfigError::ParseProxyUrl(_) => "its proxy-url is not a URL".to_owned(),
        other => other.to_string(),
    }
}

fn client(
    mut config: kube::Config,
    proxy: Option<&Proxy>,
    metrics: &Metrics,
    silence: Duration,
) -> Result<Client, ConnectError> {
    // Else 429, 503 and 504 are retried fifteen times, POST included, behind the back of every deadline.
    config.default_retry = false;
    config.connect_timeout = Some(REQUEST_DEADLINE);
    config.read_timeout = Some(silence);
    // Else the time that a pooled connection lay idle counts as silence of its next answer.
    config.reset_reader_on_write = true;
    let watched = requests::Watched::with(metrics);
    let refuse = |error: kube::Error| ConnectError::Build(reasons(&error));
    if let Some(proxy) = proxy {
        let service = tunnel::service(&config, proxy).map_err(refuse)?;
        let builder = ClientBuilder::new(service, config.default_namespace);
        return Ok(builder.with_layer(&watched).build());
    }
    let builder = ClientBuilder::try_from(config).map_err(refuse)?;
    Ok(builder.with_layer(&watched).build())
}

/// The error with its causes, where kube's own text does not repeat them.
fn reasons(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = String::new();
    let mut next = Some(error);
    while let Some(error) = next {
        if error.is::<AuthError>() || matches!(error.downcast_ref(), Some(kube::Error::Auth(_))) {
            // A credential plugin's failure is told with all that it printed.
            return "failed to get credentials for it".to_owned();
        }
        let words = error.to_string();
        if text.is_empty() {
            text = words;
        } else if !text.contains(&words) {
            text = format!("{text}: {words}");
        }
        next = error.source();
    }
    text
}

impl From<kube::Error> for ClusterError {
    fn from(error: kube::Error) -> Self {
        match error {
            kube::Error::Api(status) => Self::Refused {
                status,
                request: None,
            },
            // The parser's words repeat what it could not read.
            kube::Error::SerdeError(_) | kube::Error::FromUtf8(_) => Self::Unreadable,
            other => Self::Unreachable(reasons(&other)),
        }
    }
}

/// Waits for one or more requests no longer than `deadline`. A write that timed out may have happened.
pub async fn within<T, E>(
    deadline: Duration,
    request: impl Future<Output = Result<T, E>>,
) -> Result<T, ClusterError>
where
    ClusterError: From<E>,
{
    match tokio::time::timeout(deadline, request).await {
        Ok(answer) => answer.map_err(ClusterError::from),
        Err(_) => Err(ClusterError::TimedOut(deadline)),
    }
}

/// Makes one request about the objects of `api`. How its answer is read is the caller's choice, where `api` itself would
/// read every part of every object in it.
pub async fn ask<K, Answer>(
    api: &Api<K>,
    request: impl FnOnce(&kube::core::Request) -> Result<Request<Vec<u8>>, kube::core::request::Error>,
) -> Result<Answer, ClusterError>
where
    K: Resource + Clone,
    Answer: DeserializeOwned,
{
    let request =
        request(&kube::core::Request::new(api.resource_url())).map_err(kube::Error::BuildRequest)?;
    let client = api.clone().into_client();
    within(REQUEST_DEADLINE, client.request(request)).await
}

/// As [`ask`], where the answer is the one object that was asked for.
pub async fn ask_for_one<K: Resource + Clone + DeserializeOwned>(
    api: &Api<K>,
    request: impl FnOnce(&kube::core::Request) -> Result<Request<Vec<u8>>, kube::core::request::Error>,
) -> Result<K, ClusterError> {
    let Guarded(object) = ask(api, request).await?;
    object.map_err(|_| ClusterError::Unreadable)
}

/// The body of a request that sends the object.
pub fn body(object: &impl Serialize) -> Result<Vec<u8>, kube::core::request::Error> {
    serde_json::to_vec(object).map_err(kube::core::request::Error::SerializeBody)
}

#[cfg(test)]
pub(crate) mod loopback {
    use std::net::SocketAddr;

    use axum::Router;

    use super::*;

    /// A client of the API server that `router` plays.
    pub async fn client_of(router: Router, metrics: &Metrics) -> Client {
        impatient_client_of(router, metrics, SILENCE).await
    }

    /// The same, giving a connection up after `silence`.
    pub async fn impatient_client_of(router: Router, metrics: &Metrics, silence: Duration) -> Client {
        // Another test of this process may have installed it already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let listener = tokio::net::TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0)))
            .await
            .unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        client(kube::Config::new(url.parse().unwrap()), None, metrics, silence).unwrap()
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::sync::{Arc, Mutex};

    use axum::Router;
    use axum::http::StatusCode;
    use futures::StreamExt as _;
    use k8s_openapi::api::core::v1::Secret;
    use kube::api::{Api, PostParams, WatchParams};
    use kube::core::WatchEvent;

    use super::*;

    #[tokio::test]
    async fn a_busy_api_server_is_asked_once_and_the_request_is_counted() {
        let asked = Arc::new(AtomicU32::new(0));
        let counter = Arc::clone(&asked);
        let router = Router::new().fallback(move || {
            counter.fetch_add(1, Ordering::SeqCst);
            async { StatusCode::SERVICE_UNAVAILABLE }
        });
        let metrics = Metrics::new(true, "1", "c");
        let api: Api<Secret> = Api::namespaced(loopback::client_of(router, &metrics).await, "dev");
        let answer = within(
            REQUEST_DEADLINE,
            api.create(&PostParams::default(), &Secret::default()),
        )
        .await;
        assert!(answer.unwrap_err().is_outcome_unknown());
        assert_eq!(asked.load(Ordering::SeqCst), 1);
        let text = metrics.encode().unwrap();
        assert!(
            text.contains("rest_client_requests_total{code=\"503\",method=\"POST\"} 1\n"),
            "{text}"
        );
    }

    #[tokio::test]
    async fn a_silent_api_server_holds_nobody_longer_than_the_deadline() {
        let router = Router::new().fallback(std::future::pending::<StatusCode>);
        let metrics = Metrics::new(true, "1", "c");
        let api: Api<Secret> = Api::namespaced(loopback::client_of(router, &metrics).await, "dev");
        let answer = within(Duration::from_millis(50), api.get("acme")).await;
        let error = answer.unwrap_err();
        assert!(
            matches!(error, ClusterError::TimedOut(_)) && error.is_outcome_unknown(),
            "{error}"
        );
    }

    #[tokio::test]
    async fn a_watch_on_a_dead_connection_ends() {
        let begun = |body: &'static str| futures::stream::iter([Ok::<_, Infallible>(body)]);
        let router = Router::new().fallback(move || async move {
            axum::body::Body::from_stream(begun("\n").chain(futures::stream::pending()))
        });
        let metrics = Metrics::new(true, "1", "c");
        let client = loopback::impatient_client_of(router, &metrics, Duration::from_millis(100)).await;
        let api: Api<Secret> = Api::namespaced(client, "dev");
        let watch = api.watch(&WatchParams::default(), "0").await.unwrap();
        let ended = tokio::time::timeout(REQUEST_DEADLINE, watch.collect::<Vec<_>>()).await;
        assert!(ended.is_ok(), "the watch still hangs");
    }

    #[tokio::test]
    async fn an_api_server_that_is_not_there_is_named_as_such() {
        let metrics = Metrics::new(true, "1", "c");
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = client(
            kube::Config::new("http://127.0.0.1:1".parse().unwrap()),
            None,
            &metrics,
            SILENCE,
        )
        .unwrap();
        let api: Api<Secret> = Api::namespaced(client, "dev");
        let error = within(REQUEST_DEADLINE, api.get("acme")).await.unwrap_err();
        let text = error.to_string();
        assert!(
            text.starts_with("failed to reach the Kubernetes API server: "),
            "{text}"
        );
        assert!(text.contains("refused"), "{text}");
        assert!(
            metrics
                .encode()
                .unwrap()
                .contains("rest_client_requests_total{code=\"<error>\",method=\"GET\"} 1")
        );
    }

    /// What becomes of a kubeconfig whose cluster has this `proxy-url`, where the environment names a proxy too.
    async fn with_proxy_url(proxy_url: &str) -> Result<Option<Proxy>, ConnectError> {
        let path = std::env::temp_dir().join(format!("vobiz-kubeconfig-{}", crate::dice::unique()));
        let cluster = "server: 'https://kubernetes.company', insecure-skip-tls-verify: true";
        let text = format!(
            "{{clusters: [{{name: a, cluster: {{{cluster}, proxy-url: '{proxy_url}'}}}}], contexts: [{{name: a, context: \
             {{cluster: a, user: a}}}}], users: [{{name: a, user: {{}}}}], current-context: a}}"
        );
        std::fs::write(&path, text).unwrap();
        let choice = Choice {
            kubeconfig: Some(path.clone()),
            ..Choice::default()
        };
        let proxies = Proxies::of_environment(|name| match name {
            "HTTPS_PROXY" => Some("http://environment:3128".to_owned()),
            "NO_PROXY" => Some("other.company".to_owned()),
            _ => None,
        });
        let found = configuration(&choice, &proxies).await;
        std::fs::remove_file(path).unwrap();
        found.map(|(_, proxy)| proxy)
    }

    #[tokio::test]
    async fn a_kubeconfigs_own_proxy_goes_before_that_of_the_environment_and_its_password_is_not_told() {
        let own = with_proxy_url("https://company:s3cr%40t@[fd00::1]:8443")
            .await
            .unwrap();
        let own = own.unwrap();
        assert_eq!(own.uri, "https://[fd00::1]:8443/");
        assert_eq!(own.authorization.unwrap(), "Basic Y29tcGFueTpzM2NyQHQ=");
        let other = with_proxy_url("").await.unwrap().unwrap();
        assert_eq!(other.uri, "http://environment:3128/");
        for unusable in [
            "socks5://company:s3cret@proxy:1080",
            "http://company:s3cret@[::1",
            "s3cret more",
        ] {
            let error = with_proxy_url(unusable).await.unwrap_err();
            let told = format!("{error} {error:?}");
            assert!(
                told.contains("proxy-url") && !told.contains("s3cret"),
                "{unusable}: {told}"
            );
        }
    }

    #[tokio::test]
    async fn a_watch_that_was_expected_is_noted_when_it_is_taken_up_and_with_each_word_of_the_server() {
        let (words, said) = futures::channel::mpsc::unbounded();
        let said = Arc::new(Mutex::new(Some(said)));
        let router = Router::new().fallback(move || {
            let said = said.lock().unwrap().take();
            async { said.map_or_else(axum::body::Body::empty, axum::body::Body::from_stream) }
        });
        let metrics = Metrics::new(true, "1", "c");
        metrics.expect_watch("secrets", Some("dev"), LONG_AGO);
        let client = loopback::client_of(router, &metrics).await;
        let watch = async |namespace| {
            let api: Api<Secret> = Api::namespaced(client.clone(), namespace);
            api.watch(&WatchParams::default(), "0").await.unwrap()
        };
        let mut events = std::pin::pin!(watch("dev").await);
        assert_eq!(noted(&metrics), [false]);
        metrics.expect_watch("secrets", Some("dev"), LONG_AGO);
        assert_eq!(noted(&metrics), [true]);
        let bookmark = r#"{"type":"BOOKMARK","object":{"kind":"Secret","apiVersion":"v1","metadata":{"resourceVersion":"9"}}}"#;
        words
            .unbounded_send(Ok::<_, Infallible>(format!("{bookmark}\n")))
            .unwrap();
        let event = events.next().await.unwrap().unwrap();
        assert!(matches!(event, WatchEvent::Bookmark(_)));
        assert_eq!(noted(&metrics), [false]);
        drop(watch("other").await);
        assert_eq!(noted(&metrics), [false], "nobody expects another one");
    }

    /// Not yet heard of since.
    const LONG_AGO: f64 = 1.0;

    /// Of each watch of Secrets, whether the server was last heard on it long ago.
    fn noted(metrics: &Metrics) -> Vec<bool> {
        let heard = "vobiz_operator_watch_answered_timestamp_seconds{resource=\"secrets\",within=\"dev\"} ";
        let text = metrics.encode().unwrap();
        let all = text.lines().filter_map(|line| line.strip_prefix(heard));
        all.map(|seconds| seconds.parse::<f64>().unwrap() <= LONG_AGO)
            .collect()
    }

    #[test]
    fn what_a_kubeconfig_says_is_not_repeated() {
        let broken = serde_saphyr::from_str::<Kubeconfig>("users: [{token: s3cret").unwrap_err();
        let text = without_contents(&KubeconfigError::Parse(Box::new(broken)));
        assert!(!text.contains("s3cret"), "{text}");
    }
}
