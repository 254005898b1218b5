//! I/O. The API simulator as a process, and its control API.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;
use serde_json::Value;

use crate::last_words;
use crate::operator::plain_http_client;
use crate::watchdog::Supervised;

const START_DEADLINE: Duration = Duration::from_secs(30);
const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// Which generations of the API the simulator speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Api {
    /// `/api/v1/Account/.../Subaccount/`.
    Gen1,
    /// `/api/v1/accounts/.../sub-accounts/`.
    Gen2,
    /// Both, over one state.
    Both,
}

impl Api {
    fn flag(self) -> &'static str {
        match self {
            Self::Gen1 => "--api=gen1",
            Self::Gen2 => "--api=gen2",
            Self::Both => "--api=both",
        }
    }
}

/// A parent account and its token.
#[derive(Clone)]
pub struct Parent {
    /// Such as `MA_ABC`.
    pub auth_id: String,
    /// Secret.
    pub auth_token: String,
}

impl Parent {
    /// A pair.
    #[must_use]
    pub fn new(auth_id: &str, auth_token: &str) -> Self {
        Self {
            auth_id: auth_id.to_owned(),
            auth_token: auth_token.to_owned(),
        }
    }
}

impl std::fmt::Debug for Parent {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Parent")
            .field("auth_id", &self.auth_id)
            .finish_non_exhaustive()
    }
}

/// What a simulator is started with.
#[derive(Clone, Debug)]
pub struct SimulatorOptions {
    /// Which generations it speaks.
    pub api: Api,
    /// The parent accounts that exist.
    pub parents: Vec<Parent>,
}

/// A running simulator. Dropping it ends the process, and its state with it.
#[derive(Debug)]
pub struct Simulator {
    process: Supervised,
    url: String,
    control_url: String,
    http: reqwest::Client,
}

impl Simulator {
    /// Starts the simulator and waits until it says where it listens.
    pub async fn start(binary: &Path, options: &SimulatorOptions, log: &Path) -> Result<Self> {
        let mut arguments = vec![
            "--listen=127.0.0.1:0".to_owned(),
            "--control-listen=127.0.0.1:0".to_owned(),
            options.api.flag().to_owned(),
        ];
        for parent in &options.parents {
            arguments.push(format!("--parent={}:{}", parent.auth_id, parent.auth_token));
        }
        let process = Supervised::start("vobiz-simulator", binary, &arguments, &[], log)?;
        let Ready { url, control_url } = await_addresses(&process).await?;
        Ok(Self {
            process,
            url,
            control_url,
            http: plain_http_client()?,
        })
    }

    /// The root of the simulated API, for `--api-base-url`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The root of the control API.
    #[must_use]
    pub fn control_url(&self) -> &str {
        &self.control_url
    }

    /// Fails with the end of its log when it has ended on its own.
    pub fn ensure_running(&self) -> Result<()> {
        self.process.ensure_running()
    }

    /// A request to the control API; the answer must be a success, and is JSON or empty (`null`).
    pub async fn control(&self, method: http::Method, path: &str, body: Option<&Value>) -> Result<Value> {
        let url = format!("{}{path}", self.control_url);
        let mut request = self.http.request(method, &url);
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = request
            .send()
            .await
            .with_context(|| format!("failed to ask the simulator's {path}"))?;
        let status = answer.status();
        let text = answer
            .text()
            .await
            .with_context(|| format!("failed to read the simulator's {path}"))?;
        if !status.is_success() {
            bail!("the simulator refused {path} with {status}: {text}");
        }
        if text.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_str(&text).with_context(|| format!("failed to parse the simulator's {path}"))
    }
}

impl Drop for Simulator {
    /// What it issued is looked for in everything that the run left behind.
    fn drop(&mut self) {
        let file = self.process.log().with_extension(last_words::SECRETS);
        let kept = last_words::keep(&format!("{}/secrets", self.control_url), &file);
        if let (Err(error), Ok(())) = (kept, self.ensure_running()) {
            eprintln!("failed to keep what a simulator issued: {error:#}");
        }
    }
}

/// The line that the simulator prints when both its ports accept.
#[derive(Deserialize)]
struct Ready {
    url: String,
    control_url: String,
}

async fn await_addresses(process: &Supervised) -> Result<Ready> {
    let started = Instant::now();
    loop {
        let said = process.log_tail(100);
        if let Some(ready) = said.lines().find_map(|line| serde_json::from_str(line).ok()) {
            return Ok(ready);
        }
        process.ensure_running()?;
        if started.elapsed() > START_DEADLINE {
            bail!("the simulator did not say where it listens; its last output:\n{said}");
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}
