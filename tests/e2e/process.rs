//! The operator as a process: who it is, that it serves, how it ends.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use vobiz_harness::installation::Installation;
use vobiz_harness::objects::Kind;
use vobiz_harness::operator::{OperatorOptions, OperatorProcess};
use vobiz_harness::relay::Relay;
use vobiz_harness::simulator::Api;
use vobiz_harness::simulator_control::Fault;
use vobiz_harness::simulator_journal::{JournalQuery, Operation};
use vobiz_harness::suite::Suite;
use vobiz_harness::test_bed::{ACCOUNT, EnvironmentOptions, TestBed};

use crate::at_rest::{auth_id_of, ensure_consistent, find_record, record, uid_of};

/// The Pod's grace time in manifests/base.
const GRACE: Duration = Duration::from_mins(1);

pub fn add_to(suite: &mut Suite) {
    suite.test(
        "the operator serves, ends with 0 on SIGTERM and comes back",
        starts_and_stops,
    );
    suite.test(
        "two operators run side by side, each as its own user",
        side_by_side,
    );
    suite.test(
        "an operator is alive at once and ready only when its caches are complete",
        ready_after_caches,
    );
    for (api, generation) in [(Api::Gen1, "generation 1"), (Api::Gen2, "generation 2")] {
        suite.test(
            &format!("SIGTERM lets a create finish, takes no new work and ends with 0 ({generation})"),
            move |bed| ends_after_the_create(bed, api),
        );
    }
    suite.test(
        "the metrics count passes and requests as they were, and drop the series of gone objects",
        metrics_tell_the_truth,
    );
}

async fn operator(bed: &TestBed, namespace: &str) -> Result<(Installation, OperatorProcess)> {
    let control_plane = bed.control_plane();
    let base = bed.repository().join("manifests/base");
    let installation = Installation::apply_aside(control_plane, &base, namespace).await?;
    let options = OperatorOptions {
        // Nothing listens there: no Account exists, so nothing is to be said to it.
        flags: vec![
            "--api-base-url=http://127.0.0.1:1".to_owned(),
            "--allow-insecure-api".to_owned(),
        ],
        ..OperatorOptions::default()
    };
    let operator =
        OperatorProcess::start(control_plane, &installation, bed.operator_binary(), &options).await?;
    Ok((installation, operator))
}

async fn starts_and_stops(bed: Arc<TestBed>) -> Result<()> {
    let (_, mut operator) = operator(&bed, "process-stops").await?;
    ensure!(operator.get("/livez").await?.0 == 200, "it is not alive");
    let first = operator.pid().await?;
    ensure!(
        operator.metrics().await?.contains("vobiz_operator_build_info"),
        "the metrics lack the build"
    );
    let code = operator.terminate(Duration::from_secs(30)).await?;
    ensure!(
        code == 0,
        "SIGTERM ended it with {code}:\n{}",
        operator.log_tail(20)
    );
    operator.restart()?;
    ensure!(operator.get("/livez").await?.0 == 200, "it is not alive again");
    ensure!(operator.pid().await? != first, "it is the same process");
    operator.kill_hard().await?;
    ensure!(
        operator.await_exit(Duration::from_secs(1)).await? == 137,
        "SIGKILL did not end it"
    );
    Ok(())
}

async fn side_by_side(bed: Arc<TestBed>) -> Result<()> {
    let (first, first_process) = operator(&bed, "process-first").await?;
    let (second, second_process) = operator(&bed, "process-second").await?;
    ensure!(first.user() != second.user(), "both are {}", first.user());
    ensure!(
        first_process.url().await? != second_process.url().await?,
        "both serve on one address"
    );
    Ok(())
}

/// The API server is behind a port that accepts connections and at first says nothing.
async fn ready_after_caches(bed: Arc<TestBed>) -> Result<()> {
    let control_plane = bed.control_plane();
    let base = bed.repository().join("manifests/base");
    let installation = Installation::apply_aside(control_plane, &base, "process-ready").await?;
    let endpoint = control_plane.endpoint();
    let relay = Relay::start_silent(endpoint.address()).await?;

    let options = OperatorOptions {
        flags: vec![
            "--api-base-url=http://127.0.0.1:1".to_owned(),
            "--allow-insecure-api".to_owned(),
        ],
        ..OperatorOptions::default()
    };
    let operator = OperatorProcess::start_behind(
        control_plane,
        &installation,
        bed.operator_binary(),
        &options,
        &installation.namespace,
        &endpoint.through(relay.port()),
    )
    .await?;
    ensure!(operator.get("/livez").await?.0 == 200, "it is not alive");
    let (status, text) = operator.get("/readyz").await?;
    ensure!(status == 503, "it says {status} to /readyz without a cache");
    ensure!(text.contains("caches"), "it does not say what is missing: {text}");

    relay.open();
    operator.await_ready().await
}

async fn ends_after_the_create(bed: Arc<TestBed>, api: Api) -> Result<()> {
    let options = EnvironmentOptions {
        api,
        operator_flags: vec![
            "--request-timeout-seconds=10".to_owned(),
            "--settle-seconds=10".to_owned(),
        ],
        ..EnvironmentOptions::new("process-sigterm")
    };
    let mut environment = bed.environment(options).await?;
    let delay = json!({"type": "delay", "milliseconds": 2500, "after_commit": true});
    let delay = Fault::new(delay).operation(Operation::Create).times(1);
    environment.simulator.add_fault(&delay).await?;
    let slow = environment.create_subaccount("slow", json!({})).await?;
    let creates = JournalQuery::new().operation(Operation::Create);
    let under_way = creates.clone().committed(true).answered(false);
    environment
        .simulator
        .await_journal(&under_way, 1, Duration::from_secs(20))
        .await?;

    // What is created while the operator ends is not begun any more.
    let ends = environment.operator()?.terminate(GRACE);
    let (code, late) = tokio::join!(ends, environment.create_subaccount("late", json!({})));
    let (code, late) = (code?, late?);
    ensure!(
        code == 0,
        "SIGTERM ended it with {code}:\n{}",
        environment.operator()?.log_tail(20)
    );
    let posts = environment.simulator.journal(&creates).await?;
    ensure!(
        posts.len() == 1 && posts[0].answered,
        "the create was given up: {posts:?}"
    );
    let bound = record(&environment, &uid_of(&slow)?).await?;
    ensure!(bound["phase"] == "Bound", "the Record is {}", bound["phase"]);
    let slow = environment.objects.get(Kind::Subaccount, "slow").await?;
    ensure!(
        auth_id_of(&slow)? == bound["auth_id"],
        "the status names another account"
    );
    ensure!(
        find_record(&environment, &uid_of(&late)?).await?.is_none(),
        "new work was begun after SIGTERM"
    );

    environment.restart_operator()?;
    environment.await_ready("late").await?;
    environment.await_ready("slow").await?;
    ensure!(
        environment.simulator.journal_count(&creates).await? == 2,
        "an account was made twice"
    );
    ensure_consistent(&environment, &["slow".to_owned(), "late".to_owned()]).await
}

/// The value of a sample, named with its labels as the text shows them.
fn sample(text: &str, name: &str) -> Result<f64> {
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    let value = line.with_context(|| format!("the metrics lack {name}"))?;
    let value = value.split_whitespace().next().unwrap_or_default();
    value.parse().with_context(|| format!("{name} is no number"))
}

#[expect(
    clippy::disallowed_methods,
    reason = "the age of a time stamp is told by the clock"
)]
async fn metrics_tell_the_truth(bed: Arc<TestBed>) -> Result<()> {
    let environment = bed
        .environment(EnvironmentOptions::new("process-metrics"))
        .await?;
    let names = ["one", "two", "three"];
    for name in names {
        environment.create_subaccount(name, json!({})).await?;
    }
    for name in names {
        environment.await_ready(name).await?;
    }
    let namespace = environment.objects.namespace();
    let operator = environment.operator()?;
    // A pass counts itself when it ends, a moment after the status that tells us.
    let text = operator
        .await_metrics(|text| {
            let shown = |name: &&str| {
                let series = format!("vobiz_subaccount_info{{namespace=\"{namespace}\",name=\"{name}\"");
                text.contains(&series)
            };
            let idle = sample(
                text,
                r#"controller_runtime_active_workers{controller="subaccount"}"#,
            );
            names.iter().all(shown) && idle.is_ok_and(|workers| workers < 0.5)
        })
        .await?;
    let account = format!("{{account=\"{namespace}/{ACCOUNT}\"}}");
    let one = environment.objects.get(Kind::Subaccount, "one").await?;
    let info = format!(
        "vobiz_subaccount_info{{namespace=\"{namespace}\",name=\"one\",auth_id=\"{}\",account=\"{namespace}/{ACCOUNT}\"}}",
        auth_id_of(&one)?
    );
    let ready = format!(
        "vobiz_subaccount_status_condition{{namespace=\"{namespace}\",name=\"two\",condition=\"Ready\",status=\"True\"}}"
    );
    for (name, expected) in [
        (
            r#"vobiz_api_request_duration_seconds_count{operation="create"}"#,
            3.0,
        ),
        (&format!("vobiz_orphan_subaccounts{account}"), 0.0),
        (&format!("vobiz_leftovers_pending{account}"), 0.0),
        (&info, 1.0),
        (&ready, 1.0),
    ] {
        let value = sample(&text, name)?;
        ensure!(
            (value - expected).abs() < 0.5,
            "{name} is {value} instead of {expected}"
        );
    }
    for (name, least) in [
        (
            r#"controller_runtime_reconcile_total{controller="subaccount",result="requeue_after"}"#,
            3.0,
        ),
        (
            r#"controller_runtime_reconcile_time_seconds_count{controller="subaccount"}"#,
            3.0,
        ),
        (
            r#"controller_runtime_reconcile_time_seconds_count{controller="account"}"#,
            1.0,
        ),
        (
            r#"controller_runtime_active_workers{controller="subaccount"}"#,
            0.0,
        ),
        (r#"rest_client_requests_total{code="201",method="POST"}"#, 3.0),
        (r#"vobiz_api_requests_total{operation="list",code="200"}"#, 1.0),
        ("process_resident_memory_bytes", 1e6),
    ] {
        let value = sample(&text, name)?;
        ensure!(value >= least, "{name} is {value}, below {least}");
    }
    let created = r#"vobiz_api_requests_total{operation="create",code="2"#;
    let created: Vec<&str> = text.lines().filter(|line| line.starts_with(created)).collect();
    ensure!(
        created.len() == 1 && created[0].ends_with(" 3"),
        "three creates are counted as {created:?}"
    );
    let last = sample(
        &text,
        &format!("vobiz_api_last_success_timestamp_seconds{account}"),
    )?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs_f64();
    let age = now - last;
    ensure!((0.0..120.0).contains(&age), "the last success is {age} s old");

    environment.objects.delete(Kind::Subaccount, "one").await?;
    environment.await_gone(Kind::Subaccount, "one").await?;
    // The watch tells the operator a moment after it tells us.
    let text = operator
        .await_metrics(|text| !text.contains("name=\"one\""))
        .await
        .context("series of a gone object are left")?;
    ensure!(
        text.contains("name=\"two\""),
        "series of a living object are gone"
    );
    Ok(())
}
