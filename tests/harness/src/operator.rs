//! I/O. The shipped operator as a process, with a token of its own ServiceAccount and nothing else.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::control_plane::ControlPlane;
use crate::installation::Installation;
use crate::kubeconfig::Endpoint;
use crate::last_words;
use crate::watchdog::Supervised;

const POLL_INTERVAL: Duration = Duration::from_millis(20);
const START_DEADLINE: Duration = Duration::from_mins(1);
const METRICS_DEADLINE: Duration = Duration::from_secs(30);
/// How a replica says whether it leads.
const LEADS: &str = "leader_election_master_status{name=\"vobiz-operator-leader-election\"}";
/// The line by which the operator says where it serves.
const SERVING: &str = "serving health and metrics";

/// What an operator is started with, beyond its identity.
#[derive(Clone, Debug, Default)]
pub struct OperatorOptions {
    /// Flags after `run`.
    pub flags: Vec<String>,
    /// Variables of the environment.
    pub environment: Vec<(String, String)>,
    /// How long its token is good for; an hour when left out.
    pub token_seconds: Option<u32>,
    /// Tells it from other replicas of the same installation; empty: there are none.
    pub replica: String,
}

/// An operator that runs, or ran. Dropping it kills the process.
#[derive(Debug)]
pub struct OperatorProcess {
    binary: PathBuf,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    log: PathBuf,
    process: Option<Supervised>,
    /// Where this start's lines begin in the log, which all starts share.
    log_offset: u64,
    /// Where this start serves, once its log has said so.
    url: OnceLock<String>,
    http: reqwest::Client,
}

impl OperatorProcess {
    /// Starts `binary run` for this installation. Its kubeconfig and log are kept in the control plane's folder.
    pub async fn start(
        control_plane: &ControlPlane,
        installation: &Installation,
        binary: &Path,
        options: &OperatorOptions,
    ) -> Result<Self> {
        let name = format!("{}{}", installation.namespace, options.replica);
        let endpoint = control_plane.endpoint();
        Self::start_behind(control_plane, installation, binary, options, &name, endpoint).await
    }

    /// As [`Self::start`], one of several of an installation (its files are told apart by `name`), with the API server
    /// at another `endpoint`, such as a proxy.
    pub async fn start_behind(
        control_plane: &ControlPlane,
        installation: &Installation,
        binary: &Path,
        options: &OperatorOptions,
        name: &str,
        endpoint: &Endpoint,
    ) -> Result<Self> {
        let folder = control_plane.directory();
        let kubeconfig = folder.join(format!("operator-{name}.kubeconfig"));
        let token = installation
            .token(&control_plane.client(), options.token_seconds.unwrap_or(3600))
            .await?;
        endpoint.write_for_token(&kubeconfig, &installation.namespace, &token)?;
        let mut arguments = vec![
            "run".to_owned(),
            format!("--operator-namespace={}", installation.namespace),
            "--http-address=127.0.0.1:0".to_owned(),
            "--log-format=json".to_owned(),
        ];
        for flag in &options.flags {
            replace_flag(&mut arguments, flag);
        }
        let mut environment = vec![("KUBECONFIG".to_owned(), kubeconfig.display().to_string())];
        environment.extend(options.environment.iter().cloned());
        let mut operator = Self {
            binary: binary.to_owned(),
            arguments,
            environment,
            log: folder.join(format!("operator-{name}.log")),
            process: None,
            log_offset: 0,
            url: OnceLock::new(),
            http: plain_http_client()?,
        };
        operator.spawn()?;
        Ok(operator)
    }

    /// Starts the process again after it ended; a running one is killed first.
    pub fn restart(&mut self) -> Result<()> {
        self.keep_metrics();
        self.process = None;
        self.spawn()
    }

    /// As [`Self::restart`], with other flags instead of those of the first start with the same name.
    pub fn restart_with(&mut self, flags: &[String]) -> Result<()> {
        for flag in flags {
            replace_flag(&mut self.arguments, flag);
        }
        self.restart()
    }

    fn spawn(&mut self) -> Result<()> {
        self.log_offset = std::fs::metadata(&self.log).map_or(0, |metadata| metadata.len());
        self.url = OnceLock::new();
        let started = Supervised::start(
            "vobiz-operator",
            &self.binary,
            &self.arguments,
            &self.environment,
            &self.log,
        )?;
        self.process = Some(started);
        Ok(())
    }

    /// The metrics of a process that is about to end are searched for secrets when the run is over.
    fn keep_metrics(&self) {
        let running = self
            .process
            .as_ref()
            .is_some_and(|process| process.ensure_running().is_ok());
        if let (true, Ok(Some(url))) = (running, self.find_url()) {
            // One that is frozen says nothing, which is what its test wants.
            let _ = last_words::keep(
                &format!("{url}/metrics"),
                &self.log.with_extension(last_words::METRICS),
            );
        }
    }

    fn process(&self) -> Result<&Supervised> {
        self.process.as_ref().context("the operator was stopped")
    }

    /// Fails with the end of its log when it has ended on its own.
    pub fn ensure_running(&self) -> Result<()> {
        self.process()?.ensure_running()
    }

    /// The process id.
    pub async fn pid(&self) -> Result<u32> {
        self.process()?.pid().await
    }

    /// Kills the process as a crash does (SIGKILL) and waits until it is gone.
    pub async fn kill_hard(&self) -> Result<()> {
        self.process()?.signal("KILL").await?;
        self.process()?.await_exit(Duration::from_secs(20)).await?;
        Ok(())
    }

    /// Asks the process to end as Kubernetes does (SIGTERM) and returns its exit code.
    pub async fn terminate(&self, deadline: Duration) -> Result<i32> {
        self.process()?.signal("TERM").await?;
        self.process()?.await_exit(deadline).await
    }

    /// Freezes the process (SIGSTOP) until [`Self::resume`].
    pub async fn pause(&self) -> Result<()> {
        self.process()?.signal("STOP").await
    }

    /// Lets a frozen process go on (SIGCONT).
    pub async fn resume(&self) -> Result<()> {
        self.process()?.signal("CONT").await
    }

    /// Waits for the process to end by itself and returns its exit code.
    pub async fn await_exit(&self, deadline: Duration) -> Result<i32> {
        self.process()?.await_exit(deadline).await
    }

    /// Waits until `/readyz` answers that the operator is ready.
    pub async fn await_ready(&self) -> Result<()> {
        let started = Instant::now();
        loop {
            self.process()?.ensure_running()?;
            if let Some(url) = self.find_url()? {
                let answer = self.http.get(format!("{url}/readyz")).send().await;
                if answer.is_ok_and(|answer| answer.status().is_success()) {
                    return Ok(());
                }
            }
            if started.elapsed() > START_DEADLINE {
                bail!(
                    "the operator is not ready; its last output:\n{}",
                    self.log_tail(20)
                );
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    /// The root of the endpoints, such as `http://127.0.0.1:40123`, once the operator has said it.
    pub async fn url(&self) -> Result<&str> {
        let started = Instant::now();
        loop {
            if let Some(url) = self.find_url()? {
                return Ok(url);
            }
            self.process()?.ensure_running()?;
            if started.elapsed() > START_DEADLINE {
                bail!(
                    "the operator did not say where it serves; its last output:\n{}",
                    self.log_tail(20)
                );
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    /// GET of `/livez`, `/readyz` or `/metrics`: the status and the text.
    pub async fn get(&self, path: &str) -> Result<(u16, String)> {
        let url = format!("{}{path}", self.url().await?);
        let answer = self
            .http
            .get(&url)
            .send()
            .await
            .with_context(|| format!("failed to get {url}"))?;
        let status = answer.status().as_u16();
        Ok((
            status,
            answer
                .text()
                .await
                .with_context(|| format!("failed to read {url}"))?,
        ))
    }

    /// The text of `/metrics`.
    pub async fn metrics(&self) -> Result<String> {
        let (status, text) = self.get("/metrics").await?;
        if status != 200 {
            bail!("/metrics answered {status}");
        }
        Ok(text)
    }

    /// The text of `/metrics`, once it is as `reached` says: what a pass counts may show a moment after what it wrote.
    pub async fn await_metrics(&self, reached: impl Fn(&str) -> bool) -> Result<String> {
        let found = tokio::time::timeout(METRICS_DEADLINE, async {
            loop {
                let text = self.metrics().await?;
                if reached(&text) {
                    return anyhow::Ok(text);
                }
                tokio::time::sleep(POLL_INTERVAL).await;
            }
        });
        found.await.context("the metrics are not as awaited")?
    }

    /// Whether it says that it leads; none if it says nothing.
    pub async fn leads(&self) -> Result<Option<bool>> {
        let metrics = self.metrics().await?;
        let line = metrics.lines().find_map(|line| line.strip_prefix(LEADS));
        Ok(line.map(|value| value.trim() == "1"))
    }

    /// Waits until it says that it leads.
    pub async fn await_leading(&self) -> Result<()> {
        self.await_sample(&format!("{LEADS} 1")).await
    }

    /// Waits until `/metrics` has this very line.
    pub async fn await_sample(&self, sample: &str) -> Result<()> {
        let found = self.await_metrics(|text| text.lines().any(|line| line == sample));
        found
            .await
            .map(drop)
            .with_context(|| format!("the metrics lack {sample}"))
    }

    /// The file with the output of all starts.
    #[must_use]
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// The last lines of the log.
    #[must_use]
    pub fn log_tail(&self, lines: usize) -> String {
        crate::watchdog::log_tail(&self.log, lines)
    }

    fn find_url(&self) -> Result<Option<&str>> {
        if let Some(url) = self.url.get() {
            return Ok(Some(url));
        }
        let content = match std::fs::read(&self.log) {
            Ok(content) => content,
            // The watchdog makes the file when it is scheduled.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error).context("failed to read the operator's log"),
        };
        let fresh = content
            .get(usize::try_from(self.log_offset)?..)
            .unwrap_or_default();
        let address = find_address(&String::from_utf8_lossy(fresh));
        Ok(address.map(|address| self.url.get_or_init(|| format!("http://{address}")).as_str()))
    }
}

impl Drop for OperatorProcess {
    fn drop(&mut self) {
        self.keep_metrics();
    }
}

/// A flag goes instead of one of its name.
fn replace_flag(arguments: &mut Vec<String>, flag: &str) {
    let name = flag.split('=').next().unwrap_or(flag);
    arguments.retain(|argument| argument.split('=').next() != Some(name));
    arguments.push(flag.to_owned());
}

/// A client for plain http on loopback. It is made with a TLS provider because reqwest asks for one in any case, and without the hundred
/// and more roots of the system, which every client would read anew.
pub fn plain_http_client() -> Result<reqwest::Client> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = reqwest::Client::builder()
        .no_proxy()
        .tls_certs_only([])
        .redirect(reqwest::redirect::Policy::none());
    builder.build().context("failed to make an HTTP client")
}

fn find_address(log: &str) -> Option<String> {
    log.lines()
        .filter(|line| line.contains(SERVING))
        .find_map(|line| {
            let line: Value = serde_json::from_str(line).ok()?;
            let address = line
                .get("http_address")
                .or_else(|| line["fields"].get("http_address"))?;
            address.as_str().map(str::to_owned)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_read_from_a_flat_and_from_a_nested_log_line() {
        let flat = r#"starting
{"level":"INFO","message":"serving health and metrics","http_address":"127.0.0.1:4711"}"#;
        assert_eq!(find_address(flat).as_deref(), Some("127.0.0.1:4711"));
        let nested = r#"{"fields":{"message":"serving health and metrics","http_address":"127.0.0.1:4712"}}"#;
        assert_eq!(find_address(nested).as_deref(), Some("127.0.0.1:4712"));
        assert_eq!(find_address("nothing yet"), None);
    }
}
