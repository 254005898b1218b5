//! What the operator shows of itself in each trouble that an alert is for: scraped while the trouble lasts, and judged by promtool with the
//! rules as they are handed out.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use vobiz_harness::objects::Kind;
use vobiz_harness::operator::OperatorProcess;
use vobiz_harness::promtool::Promtool;
use vobiz_harness::relay::Relay;
use vobiz_harness::scrapes::{Afterwards, Scrapes};
use vobiz_harness::simulator::Api;
use vobiz_harness::simulator_control::Fault;
use vobiz_harness::simulator_journal::Operation;
use vobiz_harness::suite::Suite;
use vobiz_harness::test_bed::{ACCOUNT, Environment, EnvironmentOptions, TestBed};

use crate::at_rest::{auth_id_of, lose_one_create, text};
use crate::runbook::document::file;

const RULES: &str = "manifests/components/monitoring/prometheus-rule.yaml";
/// Until what lasts has been told by every alert, in scrapes.
const TWO_HOURS: usize = 240;
const CROWD: [&str; 4] = ["crowd-a", "crowd-b", "crowd-c", "crowd-d"];

pub fn add_to(suite: &mut Suite) {
    suite.test(
        "in each trouble of an Account, a Subaccount or Vobiz the operator shows what the alert for it asks for, and none fires before",
        troubles,
    );
    suite.test(
        "an operator that does not reach the API server shows that its watches are silent",
        silent,
    );
}

/// The rules as Prometheus itself reads them.
fn rules() -> Result<Value> {
    let mut object: Value = serde_saphyr::from_str(&file(RULES)?)?;
    Ok(object["spec"].take())
}

/// What was scraped, and the alerts that it fires, each with the time after which it does.
pub type Recorded = (Scrapes, Vec<(&'static str, &'static str)>);

/// No scrape yet.
pub fn scrapes() -> Result<Scrapes> {
    Ok(Scrapes::new(
        SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs(),
    ))
}

/// Lets promtool find that each of the alerts is fired after its time, while what was scraped last goes on.
pub async fn ensure_fired(recorded: Vec<Recorded>) -> Result<()> {
    let tests = recorded.into_iter().map(|(scrapes, alerts)| {
        let looks = alerts.iter().map(|(alert, at)| {
            json!({
                "expr": format!("group by (alertname) (ALERTS{{alertname=\"{alert}\",alertstate=\"firing\"}})"),
                "eval_time": at, "exp_samples": [{"labels": format!("{{alertname=\"{alert}\"}}"), "value": 1}],
            })
        });
        let looks = json!({"promql_expr_test": looks.collect::<Vec<_>>()});
        let name = format!("{alerts:?}");
        scrapes.test(&name, Afterwards::Lasts, TWO_HOURS, &looks)
    });
    judge(tests.collect()).await
}

async fn judge(tests: Vec<Value>) -> Result<()> {
    let rules = rules()?;
    let judged = tokio::task::spawn_blocking(move || Promtool::locate()?.test(&rules, &tests));
    judged.await.context("the judgement was broken off")?
}

/// What is scraped of an operator that is alone, once each of these is the beginning of a line.
async fn await_shown(operator: &OperatorProcess, lines: &[String]) -> Result<String> {
    let missing = |shown: &str| -> Vec<String> {
        let is_shown = |line: &&String| shown.lines().any(|shown| shown.starts_with(line.as_str()));
        lines.iter().filter(|line| !is_shown(line)).cloned().collect()
    };
    match operator.await_metrics(|shown| missing(shown).is_empty()).await {
        Ok(shown) => Ok(shown),
        Err(error) => Err(error.context(format!("missing: {:?}", missing(&operator.metrics().await?)))),
    }
}

/// Of all its series the sum.
fn sum(shown: &str, start: &str) -> f64 {
    let lines = shown.lines().filter(|line| line.starts_with(start));
    lines
        .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
        .sum()
}

fn account_is(environment: &Environment, name: &str, reason: &str) -> String {
    let namespace = environment.objects.namespace();
    format!(
        "vobiz_account_status_condition{{account=\"{namespace}/{name}\",condition=\"Ready\",status=\"False\",reason=\"{reason}\"}} 1"
    )
}

fn subaccount_is(environment: &Environment, name: &str, condition: &str, status: &str) -> String {
    let namespace = environment.objects.namespace();
    format!(
        "vobiz_subaccount_status_condition{{namespace=\"{namespace}\",name=\"{name}\",condition=\"{condition}\",status=\"{status}\"}} 1"
    )
}

async fn troubles(bed: Arc<TestBed>) -> Result<()> {
    let account = json!({"resyncIntervalSeconds": 10, "rateLimit": {"requestsPerSecond": 100, "burst": 100}});
    let options = EnvironmentOptions {
        api: Api::Gen2,
        account,
        ..EnvironmentOptions::new("alerts")
    };
    let environment = bed.environment(options).await?;
    for name in ["going", "edited"].iter().chain(&CROWD) {
        environment.create_subaccount(name, json!({})).await?;
    }
    for name in ["going", "edited"].iter().chain(&CROWD) {
        environment.await_ready(name).await?;
    }
    all_is_well(&environment).await?;
    let mut recorded = vec![objects_in_trouble(&environment).await?];
    recorded.extend(vobiz_in_trouble(&environment).await?);
    let mut down = recorded[0].0.clone();
    environment.operator()?.kill_hard().await?;
    ensure!(
        environment.operator()?.metrics().await.is_err(),
        "a dead operator is scraped"
    );
    down.add(&[]);
    recorded.push((down, vec![("VobizOperatorDown", "90m")]));
    ensure_fired(recorded).await
}

async fn all_is_well(environment: &Environment) -> Result<()> {
    let operator = environment.operator()?;
    let ready = CROWD.map(|name| subaccount_is(environment, name, "Ready", "True"));
    let mut scrapes = scrapes()?;
    for _ in 0..2 {
        scrapes.add(&[("a", &await_shown(operator, &ready).await?)]);
    }
    let looks = ["5m", "20m", "90m"]
        .map(|at| json!({"expr": "ALERTS{alertstate=\"firing\"}", "eval_time": at, "exp_samples": []}));
    let looks = json!({"promql_expr_test": looks});
    judge(vec![scrapes.test(
        "all is well",
        Afterwards::IsWell,
        TWO_HOURS,
        &looks,
    )])
    .await
}

/// Vobiz fails deletions; all other troubles are of single objects.
async fn objects_in_trouble(environment: &Environment) -> Result<Recorded> {
    let (objects, namespace) = (&environment.objects, environment.objects.namespace());
    let broken = Fault::status(500).operation(Operation::Delete);
    environment.simulator.add_fault(&broken).await?;
    // Vobiz refuses the one, and the other has none.
    let pair = json!({"stringData": {"auth_id": environment.parent.auth_id, "auth_token": "not-the-token"}});
    objects.create(Kind::Secret, "wrong", pair).await?;
    for (account, secret) in [("refused", "wrong"), ("poor", "missing")] {
        let spec = json!({"spec": {"credentialsSecretRef": {"name": secret}}});
        objects.create(Kind::Account, account, spec).await?;
    }
    objects
        .create(
            Kind::Subaccount,
            "waits",
            json!({"spec": {"accountRef": {"name": "poor"}}}),
        )
        .await?;
    objects
        .create(Kind::Secret, "theirs", json!({"stringData": {"key": "value"}}))
        .await?;
    let stalled = json!({"secretRef": {"name": "theirs"}});
    environment.create_subaccount("stalled", stalled).await?;
    lose_one_create(environment).await?;
    environment.create_subaccount("lost", json!({})).await?;
    objects.delete(Kind::Subaccount, "going").await?;
    let by_hand = json!({"immutable": true, "stringData": {"auth_token": "by-hand"}});
    objects.merge(Kind::Secret, "edited-vobiz", &by_hand).await?;
    let identity = environment
        .operator_objects
        .get(Kind::ConfigMap, "vobiz-operator-installation")
        .await?;
    // Of a series that no Record has.
    let marker = format!(
        "[vobiz-operator {} 0123456789abcdef0123456789abcdef.1]",
        text(&identity["data"]["id"])?
    );
    let orphan = json!({"parent": environment.parent.auth_id, "description": marker});
    environment.simulator.create_account(&orphan).await?;

    let operator = environment.operator()?;
    let deleting = format!(
        "vobiz_subaccount_deletion_started_timestamp_seconds{{namespace=\"{namespace}\",name=\"going\"}} "
    );
    let lines = [
        account_is(environment, "refused", "Unauthorized"),
        account_is(environment, "poor", "CredentialsMissing"),
        // Whether it will be as its manifest says nobody knows yet.
        subaccount_is(environment, "waits", "Ready", "Unknown"),
        subaccount_is(environment, "stalled", "Stalled", "True"),
        deleting,
        "vobiz_operator_writes_refused{resource=\"secrets\",verb=\"update\"} 1".to_owned(),
        format!("vobiz_orphan_subaccounts{{account=\"{namespace}/{ACCOUNT}\"}} 1"),
        format!("vobiz_leftovers_pending{{account=\"{namespace}/{ACCOUNT}\"}} 1"),
    ];
    let mut scrapes = scrapes()?;
    let first = await_shown(operator, &lines).await?;
    scrapes.add(&[("a", &first)]);
    let failed = |shown: &str| {
        sum(
            shown,
            "vobiz_api_requests_total{operation=\"delete\",code=\"500\"}",
        )
    };
    let more = |shown: &str| failed(shown) > failed(&first) + 2.5;
    let second = operator.await_metrics(more).await?;
    scrapes.add(&[("a", &second)]);
    let alerts = [
        "VobizAccountUnauthorized",
        "VobizAccountNotReady",
        "VobizSubaccountNotReady",
        "VobizSubaccountStalled",
        "VobizSubaccountStuckDeleting",
        "VobizOperatorWritesRefused",
        "VobizOrphans",
        "VobizLeftoversStay",
    ];
    let mut alerts: Vec<_> = alerts.iter().map(|alert| (*alert, "90m")).collect();
    // Nothing is counted after the last scrape: the window of the rates must still hold it.
    alerts.push(("VobizApiErrors", "12m"));
    environment.simulator.clear_faults().await?;
    Ok((scrapes, alerts))
}

/// Vobiz fails the list, then shows one in which many accounts are missing, then asks for a long pause.
async fn vobiz_in_trouble(environment: &Environment) -> Result<Vec<Recorded>> {
    let simulator = &environment.simulator;
    let mut recorded = Vec::new();
    let rule = simulator
        .add_fault(&Fault::status(500).operation(Operation::List))
        .await?;
    recorded.push((
        in_trouble(environment, "VobizUnavailable").await?,
        vec![("VobizSweepLate", "90m"), ("VobizAccountNotReady", "90m")],
    ));
    simulator.remove_fault(rule).await?;
    for name in CROWD {
        let object = environment.objects.get(Kind::Subaccount, name).await?;
        simulator.remove_account(&auth_id_of(&object)?).await?;
    }
    recorded.push((
        in_trouble(environment, "MassDeletionSuspected").await?,
        vec![("VobizAccountMassDeletionHeld", "5m")],
    ));
    let pause = json!({"type": "status", "status": 429, "retry_after": "600"});
    simulator
        .add_fault(&Fault::new(pause).operation(Operation::List))
        .await?;
    recorded.push((
        in_trouble(environment, "RateLimited").await?,
        vec![("VobizAccountRateLimited", "90m")],
    ));
    Ok(recorded)
}

/// What is scraped once the Account says so.
async fn in_trouble(environment: &Environment, reason: &str) -> Result<Scrapes> {
    let line = account_is(environment, ACCOUNT, reason);
    let shown = await_shown(environment.operator()?, &[line]).await?;
    let mut scrapes = scrapes()?;
    scrapes.add(&[("a", &shown)]);
    Ok(scrapes)
}

/// The API server is behind a port that closes.
async fn silent(bed: Arc<TestBed>) -> Result<()> {
    let options = EnvironmentOptions {
        start_operator: false,
        account_ready: false,
        ..EnvironmentOptions::new("alerts-silent")
    };
    let environment = bed.environment(options).await?;
    let endpoint = environment.control_plane().endpoint();
    let relay = Relay::start(0, endpoint.address()).await?;
    let relayed = endpoint.through(relay.port());
    let operator = environment.start_replica_behind("relayed", &[], &relayed).await?;
    let mut scrapes = scrapes()?;
    let watched = environment.objects.namespace();
    let lines = [
        ("subaccounts", watched),
        ("accounts", watched),
        ("secrets", &environment.installation.namespace),
    ]
    .map(|(resource, within)| {
        format!(
            "vobiz_operator_watch_answered_timestamp_seconds{{resource=\"{resource}\",within=\"{within}\"}} "
        )
    });
    scrapes.add(&[("a", &await_shown(&operator, &lines).await?)]);
    relay.stop().await;
    let unanswered = "rest_client_requests_total{code=\"<error>\",method=\"GET\"}";
    let shown = operator
        .await_metrics(|shown| sum(shown, unanswered) > 2.5)
        .await?;
    scrapes.add(&[("a", &shown)]);
    ensure_fired(vec![(scrapes, vec![("VobizOperatorWatchSilent", "10m")])]).await?;
    // It is no reason to end.
    tokio::time::timeout(Duration::from_secs(5), operator.get("/livez")).await??;
    operator.ensure_running()
}
