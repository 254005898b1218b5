//! I/O. A namespace with an Account of its own parent, and the operator that serves it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow};
use serde_json::{Value, json};
use vobiz_harness::accounts::create_credentials_of;
use vobiz_harness::audit::{AuditLine, AuditQuery, Mark};
use vobiz_harness::installation::Installation;
use vobiz_harness::objects::{Kind, Objects, is_observed};
use vobiz_harness::operator::{OperatorOptions, OperatorProcess};
use vobiz_harness::products;
use vobiz_harness::simulator::Parent;
use vobiz_harness::simulator_journal::{JournalEntry, JournalQuery};
use vobiz_harness::test_bed::{ACCOUNT, CREDENTIALS};

use crate::calls::Sweep;
use crate::process::{Usage, usage};
use crate::requests::Requests;
use crate::stage::Stage;

/// The highest rate that an Account accepts: the gate is lifted.
pub const LIFTED: u32 = 1000;
const DEADLINE: Duration = Duration::from_mins(2);
/// Longer than any run.
pub const TOKEN_SECONDS: u32 = 24 * 60 * 60;

/// One of the places where objects live.
pub struct Site {
    operator: Option<OperatorProcess>,
    /// What it shares with others.
    pub stage: Stage,
    /// The operator's namespace and rights.
    pub installation: Installation,
    /// The user's objects.
    pub objects: Objects,
    /// The parent account.
    pub parent: Parent,
}

/// The beginning of a measurement.
pub struct Begun {
    audit: Mark,
    journal: u64,
    cpu: Duration,
    cluster_cpu: Duration,
    at: Instant,
}

/// What was seen since.
pub struct Evidence {
    /// The operator's requests to the API server.
    pub lines: Vec<Arc<AuditLine>>,
    /// The same, sorted.
    pub requests: Requests,
    /// Its requests to Vobiz.
    pub calls: Vec<JournalEntry>,
    /// Processor time of the operator, if it is the process of the beginning.
    pub cpu: Duration,
    /// Processor time of the API server, etcd and the controller-manager.
    pub cluster_cpu: Duration,
    /// How long it was.
    pub took: Duration,
}

impl Begun {
    /// The same, with the journal from the first page of this sweep on.
    pub fn from(mut self, sweep: &Sweep) -> Self {
        self.journal = sweep.first - 1;
        self
    }
}

impl Site {
    /// Makes namespaces, rights and the parent; neither Account nor operator yet.
    pub async fn new(stage: &Stage, name: &str) -> Result<Self> {
        let unique = uuid::Uuid::new_v4().simple().to_string();
        let namespace = format!("{name}-{}", &unique[..6]);
        let objects = Objects::new(stage.control_plane.client(), &namespace, DEADLINE);
        objects.create(Kind::Namespace, &namespace, json!({})).await?;
        let base = products::repository().join("manifests/base");
        let aside = format!("{namespace}-operator");
        let installation = Installation::apply_aside(&stage.control_plane, &base, &aside).await?;
        let parent = Parent::new(
            &format!("MA_{}", unique[..12].to_uppercase()),
            &format!("token-{unique}"),
        );
        stage
            .simulator
            .put_parent(&parent.auth_id, &parent.auth_token)
            .await?;
        create_credentials_of(&parent, &objects).await?;
        Ok(Self {
            operator: None,
            stage: stage.clone(),
            installation,
            objects,
            parent,
        })
    }

    /// Creates the Account.
    pub async fn create_account(&self, rate: u32, burst: u32, interval_seconds: u32) -> Result<()> {
        let mut spec = account_spec(rate, burst, interval_seconds);
        spec["credentialsSecretRef"] = json!({"name": CREDENTIALS});
        self.objects
            .create(Kind::Account, ACCOUNT, json!({"spec": spec}))
            .await?;
        Ok(())
    }

    /// Changes the Account and waits until the operator has seen it.
    pub async fn change_account(&self, rate: u32, burst: u32, interval_seconds: u32) -> Result<()> {
        let patch = json!({"spec": account_spec(rate, burst, interval_seconds)});
        self.objects.merge(Kind::Account, ACCOUNT, &patch).await?;
        self.objects
            .await_object(Kind::Account, ACCOUNT, "seen by the operator", is_observed)
            .await?;
        Ok(())
    }

    /// Starts the operator with the flags that it is shipped with, and those of the stage.
    pub async fn start_operator(&mut self) -> Result<()> {
        let mut flags = vec![
            format!("--api-base-url={}", self.stage.simulator.url()),
            "--allow-insecure-api".to_owned(),
            format!("--watch-namespaces={}", self.objects.namespace()),
        ];
        flags.extend(self.stage.flags.iter().map(|flag| (*flag).to_owned()));
        let options = OperatorOptions {
            flags,
            token_seconds: Some(TOKEN_SECONDS),
            ..OperatorOptions::default()
        };
        let operator = OperatorProcess::start(
            &self.stage.control_plane,
            &self.installation,
            &self.stage.operator,
            &options,
        )
        .await?;
        self.operator = Some(operator);
        Ok(())
    }

    /// Kills the operator and starts it again; it is not ready yet.
    pub fn restart_operator(&mut self) -> Result<()> {
        let operator = self.operator.as_mut();
        operator.context("this site has no operator")?.restart()
    }

    /// The operator.
    pub fn operator(&self) -> Result<&OperatorProcess> {
        self.operator.as_ref().context("this site has no operator")
    }

    /// Fails when a program that must run does not.
    pub fn check(&self) -> Result<()> {
        self.stage.control_plane.ensure_running()?;
        self.stage.simulator.ensure_running()?;
        self.operator()?.ensure_running()
    }

    /// What the operator has used so far.
    pub async fn usage(&self) -> Result<Usage> {
        usage(self.operator()?.pid().await?)
    }

    async fn cluster_cpu(&self) -> Result<Duration> {
        let mut sum = Duration::ZERO;
        for server in self.stage.control_plane.servers() {
            sum += usage(server.pid().await?)?.cpu;
        }
        Ok(sum)
    }

    /// Begins a measurement. What was logged before is let go.
    pub async fn begin(&self) -> Result<Begun> {
        let log = self.stage.control_plane.audit()?;
        let audit = log.mark().await?;
        log.release(audit);
        Ok(Begun {
            audit,
            journal: self.stage.simulator.journal_mark().await?,
            cpu: match &self.operator {
                Some(_) => self.usage().await?.cpu,
                None => Duration::ZERO,
            },
            cluster_cpu: self.cluster_cpu().await?,
            at: Instant::now(),
        })
    }

    /// What was seen since a beginning.
    pub async fn since(&self, begun: &Begun) -> Result<Evidence> {
        let (cpu, took) = (self.usage().await?.cpu, begun.at.elapsed());
        let cluster_cpu = self.cluster_cpu().await?;
        let calls = self.stage.simulator.journal(&self.calls(begun)).await?;
        let lines = self.lines(begun).await?;
        Ok(Evidence {
            requests: Requests::of(lines.iter().map(|line| &**line), &self.installation.namespace),
            lines,
            calls,
            cpu: cpu.saturating_sub(begun.cpu),
            cluster_cpu: cluster_cpu.saturating_sub(begun.cluster_cpu),
            took,
        })
    }

    /// The operator's requests to the API server since a beginning.
    pub async fn lines(&self, begun: &Begun) -> Result<Vec<Arc<AuditLine>>> {
        let query = AuditQuery::new()
            .user(&self.installation.user())
            .since(begun.audit);
        self.stage.control_plane.audit()?.lines(&query).await
    }

    /// A query for this parent's requests since a beginning.
    pub fn calls(&self, begun: &Begun) -> JournalQuery {
        JournalQuery::new()
            .parent(&self.parent.auth_id)
            .since(begun.journal)
    }

    /// The accounts that the parent has now.
    pub async fn accounts(&self) -> Result<Vec<Value>> {
        let mut accounts = self.stage.simulator.accounts().await?;
        accounts.retain(|account| account["parent_auth_id"] == self.parent.auth_id.as_str());
        Ok(accounts)
    }

    /// Adds the end of the operator's log to a failure.
    pub fn explain<T>(&self, result: Result<T>) -> Result<T> {
        result.map_err(|error| match &self.operator {
            // The reason first: it is all that the lines at the end of a run show.
            Some(operator) => anyhow!("{error:#}\nthe operator's last lines:\n{}", operator.log_tail(15)),
            None => error,
        })
    }
}

fn account_spec(rate: u32, burst: u32, interval_seconds: u32) -> Value {
    json!({
        "rateLimit": {"requestsPerSecond": rate, "burst": burst},
        "resyncIntervalSeconds": interval_seconds,
    })
}
