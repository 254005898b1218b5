//! The network around the operator: a proxy that asks for a password, authorities that change, both families of addresses.

use std::net::Ipv6Addr;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use vobiz_harness::certificates::Authority;
use vobiz_harness::connect_proxy::{ConnectProxy, Seen};
use vobiz_harness::kubeconfig::{Endpoint, write_private};
use vobiz_harness::objects::Kind;
use vobiz_harness::operator::{OperatorOptions, OperatorProcess, plain_http_client};
use vobiz_harness::relay::Relay;
use vobiz_harness::suite::Suite;
use vobiz_harness::test_bed::{Environment, EnvironmentOptions, TestBed, fast_flags};
use vobiz_harness::tls_front::TlsFront;

/// Names that only the proxy can resolve.
const VOBIZ: &str = "api.vobiz.test";
const KUBERNETES: &str = "kubernetes.company.test";

/// As a URL has it, as it is, and as a proxy is sent it.
const PASSWORD_IN_URL: &str = "pr0xy%40w0rd%3Asecret";
const PASSWORD: &str = "pr0xy@w0rd:secret";
const AUTHORIZATION: &str = "Basic Y29tcGFueTpwcjB4eUB3MHJkOnNlY3JldA==";

pub fn add_to(suite: &mut Suite) {
    suite.test(
        "behind a proxy with a password both servers are reached, those of NO_PROXY without it, and the password is told nobody",
        behind_a_proxy,
    );
    suite.test(
        "a proxy that cannot be used ends no process, and what its URL holds is told nobody",
        unusable_proxy,
    );
    suite.test(
        "a CA file that changes is trusted as it is now, and a torn one leaves those trusted who were",
        authorities_change,
    );
    suite.test(
        "both servers are reached by IPv6 alone; probes and scrapes come by IPv4 and by IPv6, and are answered in the format that they accept",
        probes_and_scrapes,
    );
}

/// What Prometheus 3 accepts.
const PROMETHEUS: &str = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
    application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,\
    text/plain;version=0.0.4;q=0.3,*/*;q=0.2";

/// A simulator behind TLS, under a name of its own, and how an operator finds it.
struct Vobiz {
    front: TlsFront,
    volume: Volume,
    flags: Vec<String>,
}

impl Vobiz {
    async fn start(environment: &Environment, name: &str) -> Result<Self> {
        let authority = Authority::new()?;
        let target = environment.simulator.url().trim_start_matches("http://");
        let front = TlsFront::start(&authority.serving(name)?, target).await?;
        let folder = environment.control_plane().directory();
        let volume = Volume::new(&folder.join(format!("{}-ca", environment.objects.namespace())))?;
        volume.publish(authority.certificate())?;
        let mut flags = fast_flags();
        flags.extend([
            format!("--api-base-url=https://{name}:{}", front.port()),
            format!("--api-ca-file={}", volume.file().display()),
            format!("--watch-namespaces={}", environment.objects.namespace()),
        ]);
        Ok(Self { front, volume, flags })
    }
}

/// A file as a kubelet brings it into a Pod: behind two links, of which one is exchanged with its whole folder.
struct Volume {
    folder: PathBuf,
}

impl Volume {
    fn new(folder: &Path) -> Result<Self> {
        std::fs::create_dir(folder)?;
        symlink("..data/ca.pem", folder.join("ca.pem"))?;
        Ok(Self {
            folder: folder.to_owned(),
        })
    }

    fn file(&self) -> PathBuf {
        self.folder.join("ca.pem")
    }

    fn publish(&self, content: &str) -> Result<()> {
        let version = format!("..{}", uuid::Uuid::new_v4().simple());
        std::fs::create_dir(self.folder.join(&version))?;
        write_private(&self.folder.join(&version).join("ca.pem"), content)?;
        symlink(&version, self.folder.join("..data_tmp"))?;
        std::fs::rename(self.folder.join("..data_tmp"), self.folder.join("..data"))?;
        Ok(())
    }
}

/// An operator with these variables, and the API server at `endpoint`.
async fn operator(
    bed: &TestBed,
    environment: &Environment,
    vobiz: &Vobiz,
    endpoint: &Endpoint,
    variables: &[(&str, String)],
) -> Result<OperatorProcess> {
    start(bed, environment, vobiz.flags.clone(), endpoint, variables).await
}

/// The same with these flags.
async fn start(
    bed: &TestBed,
    environment: &Environment,
    flags: Vec<String>,
    endpoint: &Endpoint,
    variables: &[(&str, String)],
) -> Result<OperatorProcess> {
    let options = OperatorOptions {
        flags,
        environment: variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .collect(),
        ..OperatorOptions::default()
    };
    let name = environment.objects.namespace();
    let (installation, binary) = (&environment.installation, bed.operator_binary());
    OperatorProcess::start_behind(
        environment.control_plane(),
        installation,
        binary,
        &options,
        name,
        endpoint,
    )
    .await
}

async fn without_operator(bed: &TestBed, name: &str) -> Result<Environment> {
    bed.environment(EnvironmentOptions {
        start_operator: false,
        ..EnvironmentOptions::new(name)
    })
    .await
}

fn ensure_untold(operator: &OperatorProcess) -> Result<()> {
    let log = std::fs::read_to_string(operator.log()).context("failed to read the operator's log")?;
    let encoded = AUTHORIZATION.trim_start_matches("Basic ");
    for secret in [PASSWORD, PASSWORD_IN_URL, encoded] {
        let found = log.lines().find(|line| line.contains(secret));
        ensure!(found.is_none(), "the log holds the proxy's password");
    }
    Ok(())
}

async fn behind_a_proxy(bed: Arc<TestBed>) -> Result<()> {
    let environment = without_operator(&bed, "network-proxy").await?;
    let proxy = ConnectProxy::start(AUTHORIZATION).await?;
    let proxy_by_ipv6 = ConnectProxy::start_at(Ipv6Addr::LOCALHOST, AUTHORIZATION).await?;
    let vobiz = Vobiz::start(&environment, VOBIZ).await?;
    let direct = environment.control_plane().endpoint();
    let named = direct.called(KUBERNETES);
    let to_vobiz = format!("{VOBIZ}:{}", vobiz.front.port());
    let to_kubernetes = named.address().to_owned();
    let url = |proxy: &ConnectProxy| format!("http://company:{PASSWORD_IN_URL}@{}", proxy.address());
    // As people write it: cluster IPs as a range, names by their end, and a comma too many.
    let no_proxy = "10.96.0.0/12, 127.0.0.0/8,.svc,.cluster.local,".to_owned();
    for (round, variable, proxy, endpoint, expected) in [
        ("upper", "HTTPS_PROXY", &proxy, direct, vec![&to_vobiz]),
        ("lower", "https_proxy", &proxy, direct, vec![&to_vobiz]),
        ("all", "ALL_PROXY", &proxy_by_ipv6, direct, vec![&to_vobiz]),
        (
            "both",
            "HTTPS_PROXY",
            &proxy_by_ipv6,
            &named,
            vec![&to_vobiz, &to_kubernetes],
        ),
    ] {
        let variables = [(variable, url(proxy)), ("NO_PROXY", no_proxy.clone())];
        let operator = operator(&bed, &environment, &vobiz, endpoint, &variables).await?;
        operator.await_ready().await.context(round)?;
        environment.create_subaccount(round, json!({})).await?;
        environment.await_ready(round).await?;
        let Seen { opened, refused } = proxy.seen();
        ensure!(refused == 0, "{round}: the proxy refused {refused} connections");
        let through: Vec<&String> = opened.keys().collect();
        let mut expected = expected;
        expected.sort();
        ensure!(through == expected, "{round}: through the proxy went {through:?}");
        ensure_untold(&operator)?;
        operator.kill_hard().await?;
        proxy.forget();
    }

    // Whoever names Vobiz as an exception has a way of his own there; here nobody has.
    let variables = [
        ("HTTPS_PROXY", url(&proxy)),
        ("no_proxy", format!("*.vobiz.test,{}", direct.address())),
    ];
    let operator = operator(&bed, &environment, &vobiz, direct, &variables).await?;
    operator.await_ready().await?;
    environment
        .await_condition(Kind::Account, "vobiz", "Ready", "False")
        .await?;
    ensure!(
        proxy.seen() == Seen::default(),
        "an exception went through the proxy: {:?}",
        proxy.seen()
    );
    ensure_untold(&operator)
}

async fn unusable_proxy(bed: Arc<TestBed>) -> Result<()> {
    let environment = without_operator(&bed, "network-no-proxy").await?;
    let vobiz = Vobiz::start(&environment, "localhost").await?;
    let direct = environment.control_plane().endpoint();
    for (round, value) in [
        ("socks", format!("socks5://company:{PASSWORD_IN_URL}@127.0.0.1:1")),
        ("odd", format!("http://company:{PASSWORD_IN_URL}@[::1")),
        ("words", format!("company {PASSWORD_IN_URL}")),
    ] {
        let operator = operator(&bed, &environment, &vobiz, direct, &[("HTTPS_PROXY", value)]).await?;
        operator.await_ready().await.context(round)?;
        environment.create_subaccount(round, json!({})).await?;
        environment.await_ready(round).await?;
        let log = std::fs::read_to_string(operator.log())?;
        ensure!(log.contains("HTTPS_PROXY"), "{round}: no word about the proxy");
        ensure_untold(&operator)?;
        operator.kill_hard().await?;
    }
    // One that lets nobody through: what is behind it is out of reach, and the process lives.
    let proxy = ConnectProxy::start("Basic of-somebody-else").await?;
    let url = format!("http://company:{PASSWORD_IN_URL}@{}", proxy.address());
    let variables = [("HTTPS_PROXY", url), ("NO_PROXY", "127.0.0.1".to_owned())];
    let operator = operator(&bed, &environment, &vobiz, direct, &variables).await?;
    operator.await_ready().await?;
    let account = environment
        .await_condition(Kind::Account, "vobiz", "Ready", "False")
        .await?;
    ensure!(proxy.seen().refused > 0, "nobody asked the proxy");
    ensure!(
        !account.to_string().contains(PASSWORD),
        "the Account tells the password"
    );
    operator.ensure_running()?;
    ensure_untold(&operator)
}

/// Waits until `/readyz`, which says that the operator is ready, speaks of the CA file or does not.
async fn await_remark(operator: &OperatorProcess, remarked: bool) -> Result<String> {
    let told = tokio::time::timeout(Duration::from_secs(20), async {
        loop {
            let (status, text) = operator.get("/readyz").await?;
            ensure!(status == 200, "it is no longer ready: {text}");
            if text.contains("--api-ca-file") == remarked {
                return Ok(text);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
    told.await.context("/readyz is not as awaited")?
}

async fn authorities_change(bed: Arc<TestBed>) -> Result<()> {
    let environment = without_operator(&bed, "network-ca").await?;
    let vobiz = Vobiz::start(&environment, "localhost").await?;
    let direct = environment.control_plane().endpoint();
    let operator = operator(&bed, &environment, &vobiz, direct, &[]).await?;
    operator.await_ready().await?;
    environment.create_subaccount("first", json!({})).await?;
    environment.await_ready("first").await?;

    vobiz.volume.publish("-----BEGIN CERTIFICATE-----\ntorn")?;
    let text = await_remark(&operator, true).await?;
    ensure!(text.contains("correct the file"), "no remedy: {text}");
    environment.create_subaccount("torn", json!({})).await?;
    environment.await_ready("torn").await?;

    let next = Authority::new()?;
    vobiz.front.become_known_as(&next.serving("localhost")?)?;
    vobiz.volume.publish(next.certificate())?;
    await_remark(&operator, false).await?;
    environment.create_subaccount("renewed", json!({})).await?;
    environment.await_ready("renewed").await?;
    Ok(())
}

async fn probes_and_scrapes(bed: Arc<TestBed>) -> Result<()> {
    let environment = without_operator(&bed, "network-probes").await?;
    // The operator itself goes by IPv6 alone, as in a cluster that has nothing else.
    let vobiz = Relay::start_ipv6(environment.simulator.url().trim_start_matches("http://")).await?;
    let direct = environment.control_plane().endpoint();
    let kubernetes = Relay::start_ipv6(direct.address()).await?;
    let mut flags = fast_flags();
    flags.extend([
        "--http-address=[::]:0".to_owned(),
        format!("--api-base-url=http://{}", vobiz.address()),
        "--allow-insecure-api".to_owned(),
        format!("--watch-namespaces={}", environment.objects.namespace()),
    ]);
    let operator = start(&bed, &environment, flags, &direct.at(kubernetes.address()), &[]).await?;
    operator.await_ready().await?;
    environment.create_subaccount("by-ipv6", json!({})).await?;
    environment.await_ready("by-ipv6").await?;
    let url = operator.url().await?;
    let port = url.rsplit(':').next().unwrap_or_default();
    let http = plain_http_client()?;
    let openmetrics = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    let text = "text/plain; version=0.0.4; charset=utf-8";
    for host in ["127.0.0.1", "[::1]"] {
        for path in ["livez", "readyz"] {
            let answer = http.get(format!("http://{host}:{port}/{path}")).send().await?;
            ensure!(
                answer.status() == 200,
                "{host}: /{path} answers {}",
                answer.status()
            );
        }
        for (accept, expected) in [
            (PROMETHEUS, openmetrics),
            (
                "text/plain;version=0.0.4;q=0.9,application/openmetrics-text;q=0.1",
                text,
            ),
            ("*/*", text),
        ] {
            let request = http.get(format!("http://{host}:{port}/metrics"));
            let answer = request.header("accept", accept).send().await?;
            let kind = answer.headers()["content-type"].to_str()?.to_owned();
            ensure!(kind == expected, "{host}: {accept} is answered with {kind}");
            let body = answer.text().await?;
            ensure!(
                body.ends_with("# EOF\n") == (kind == openmetrics),
                "{host}: the end of the metrics does not suit {kind}"
            );
            ensure!(
                body.contains("\nvobiz_operator_build_info{"),
                "{host}: the build is missing"
            );
        }
    }
    Ok(())
}
