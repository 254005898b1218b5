//! Two replicas: one leads and the other stands by; whatever becomes of the leader, no account is lost or made twice.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use vobiz_harness::objects::Kind;
use vobiz_harness::operator::OperatorProcess;
use vobiz_harness::relay::Relay;
use vobiz_harness::simulator::Api;
use vobiz_harness::simulator_control::Fault;
use vobiz_harness::simulator_journal::{JournalQuery, Operation};
use vobiz_harness::suite::Suite;
use vobiz_harness::test_bed::{ACCOUNT, Environment, EnvironmentOptions, TestBed};

use crate::alerts::{ensure_fired, scrapes};
use crate::at_rest::{
    await_counted, await_leftovers_deleted, ensure_consistent, held_create, record, uid_of,
};
use crate::generation::in_each;

const LEASE: &str = "vobiz-operator-leader-election";
const STATUS: &str = "leader_election_master_status{name=\"vobiz-operator-leader-election\"}";
const ELECT: &[&str] = &["--leader-elect"];
/// How long a Lease is respected whose holder is not heard of, and the pause between two looks at it.
const LEASE_SECONDS: u64 = 15;
const RETRY_SECONDS: u64 = 2;
/// What a busy machine may add.
const SLACK: Duration = Duration::from_secs(10);
const DEADLINE: Duration = Duration::from_mins(1);
/// After this silence of a loop a process no longer counts as alive.
const LONGEST_SILENCE: Duration = Duration::from_secs(30);

pub fn add_to(suite: &mut Suite) {
    suite.test(
        "of two replicas the leader alone works; the other is ready and stays alive",
        one_leads,
    );
    in_each(
        suite,
        "a leader killed in the middle of a create is followed within the Lease's time, without a stray",
        killed,
    );
    suite.test(
        "a leader told to end finishes its pass, then releases the Lease, and the other goes on at once",
        told_to_end,
    );
    in_each(
        suite,
        "a leader frozen beyond its Lease does nothing when it wakes but end with 10",
        frozen,
    );
    suite.test(
        "a leader that cannot reach the API server ends with 10 before another may lead",
        cut_off,
    );
}

fn options(name: &str, api: Api) -> EnvironmentOptions {
    EnvironmentOptions {
        api,
        account: json!({"resyncIntervalSeconds": 10}),
        start_operator: false,
        operator_flags: vec![
            "--request-timeout-seconds=30".to_owned(),
            "--settle-seconds=30".to_owned(),
        ],
        // Longer than a Lease, a settle and a sweep.
        deadline: Duration::from_mins(2),
        ..EnvironmentOptions::new(name)
    }
}

async fn await_leading(replica: &OperatorProcess, within: Duration) -> Result<()> {
    let waited = tokio::time::timeout(within, async {
        while replica.leads().await? != Some(true) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        anyhow::Ok(())
    });
    waited.await.with_context(|| {
        format!(
            "it does not lead after {within:?}; its last lines:\n{}",
            replica.log_tail(15)
        )
    })?
}

async fn lease(environment: &Environment) -> Result<Value> {
    environment.operator_objects.get(Kind::Lease, LEASE).await
}

/// A leader and a standby, in this order.
async fn two_replicas(environment: &Environment) -> Result<(OperatorProcess, OperatorProcess)> {
    let leader = environment.start_replica("first", ELECT).await?;
    await_leading(&leader, DEADLINE).await?;
    let standby = environment.start_replica("second", ELECT).await?;
    ensure!(standby.leads().await? == Some(false), "both lead");
    explained(
        &leader,
        environment
            .objects
            .await_condition(Kind::Account, ACCOUNT, "Ready", "True")
            .await,
    )?;
    Ok((leader, standby))
}

fn explained<T>(replica: &OperatorProcess, result: Result<T>) -> Result<T> {
    result.with_context(|| format!("the replica's last lines:\n{}", replica.log_tail(25)))
}

fn creates() -> JournalQuery {
    JournalQuery::new().operation(Operation::Create)
}

async fn one_leads(bed: Arc<TestBed>) -> Result<()> {
    let environment = bed.environment(options("leader-one", Api::Gen2)).await?;
    let (leader, standby) = two_replicas(&environment).await?;
    let since = Instant::now();
    let names = ["one".to_owned(), "two".to_owned()];
    for name in &names {
        environment.create_subaccount(name, json!({})).await?;
    }
    for name in &names {
        explained(&leader, environment.await_ready(name).await)?;
    }
    // Longer than a loop may be silent: it has none that is.
    while since.elapsed() < LONGEST_SILENCE + Duration::from_secs(5) {
        for replica in [&leader, &standby] {
            let (status, text) = replica.get("/livez").await?;
            ensure!(
                status == 200,
                "after {:?} it says to /livez: {text}",
                since.elapsed()
            );
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    ensure!(standby.get("/readyz").await?.0 == 200, "the standby is not ready");
    let metrics = standby.metrics().await?;
    let worked = [
        "vobiz_api_requests_total{",
        "controller_runtime_reconcile_total{",
        "vobiz_subaccount_info{",
    ];
    for name in worked {
        ensure!(!metrics.contains(name), "the standby worked: it has {name}");
    }
    ensure!(leader.leads().await? == Some(true), "the leader no longer leads");
    ensure!(
        environment.simulator.journal_count(&creates()).await? == names.len(),
        "an account was made twice"
    );

    // At rest the leader renews its Lease, and nothing else is written.
    explained(&leader, await_counted(&environment, names.len()).await)?;
    let mark = environment.audit()?.mark().await?;
    let renewed = |lease: &Value| lease["spec"]["renewTime"].to_string();
    let before = renewed(&lease(&environment).await?);
    let mut renewals = std::collections::BTreeSet::from([before]);
    environment
        .operator_objects
        .await_object(Kind::Lease, LEASE, "renewed three times", |lease| {
            renewals.insert(renewed(lease));
            renewals.len() > 3
        })
        .await?;
    let writes = environment
        .audit()?
        .writes(&environment.operator_requests(mark))
        .await?;
    for line in &writes {
        let is_renewal = line.verb == "update" && line.object_ref.resource == "leases";
        ensure!(is_renewal, "at rest was written: {}", line.summary());
    }
    ensure!(
        lease(&environment).await?["spec"]["leaseTransitions"] == 0,
        "the Lease changed hands"
    );
    ensure_consistent(&environment, &names).await
}

async fn killed(bed: Arc<TestBed>, api: Api) -> Result<()> {
    let environment = bed.environment(options("leader-killed", api)).await?;
    let (leader, standby) = two_replicas(&environment).await?;
    held_create(&environment, "acme", DEADLINE).await?;
    let mut scrapes = scrapes()?;
    scrapes.add(&[
        ("first", &leader.metrics().await?),
        ("second", &standby.metrics().await?),
    ]);
    leader.kill_hard().await?;
    let killed = Instant::now();
    scrapes.add(&[("second", &standby.metrics().await?)]);
    await_leading(
        &standby,
        Duration::from_secs(LEASE_SECONDS + RETRY_SECONDS) + SLACK,
    )
    .await?;
    let took = killed.elapsed();
    // The last renewal was up to a retry period old.
    ensure!(
        took > Duration::from_secs(LEASE_SECONDS - 2 * RETRY_SECONDS),
        "the Lease was not respected: taken after {took:?}"
    );
    println!("{api:?}: led {:.1} s after the kill", took.as_secs_f32());
    ensure_fired(vec![(scrapes, vec![("VobizOperatorNoLeader", "5m")])]).await?;
    explained(&standby, environment.await_ready("acme").await)?;
    let strays = await_leftovers_deleted(&environment, 1).await?;
    ensure!(strays == 1, "{strays} creates were cut off");
    ensure_consistent(&environment, &["acme".to_owned()]).await
}

async fn told_to_end(bed: Arc<TestBed>) -> Result<()> {
    let environment = bed.environment(options("leader-ends", Api::Gen2)).await?;
    let (leader, standby) = two_replicas(&environment).await?;
    let delay = json!({"type": "delay", "milliseconds": 2500, "after_commit": true});
    let delay = Fault::new(delay).operation(Operation::Create).times(1);
    environment.simulator.add_fault(&delay).await?;
    let acme = environment.create_subaccount("acme", json!({})).await?;
    let under_way = creates().committed(true).answered(false);
    environment
        .simulator
        .await_journal(&under_way, 1, DEADLINE)
        .await?;

    let code = leader.terminate(DEADLINE).await?;
    let ended = Instant::now();
    ensure!(
        code == 0,
        "SIGTERM ended it with {code}:\n{}",
        leader.log_tail(20)
    );
    // Read before the other can have done anything about it.
    let bound = record(&environment, &uid_of(&acme)?).await?;
    ensure!(
        bound["phase"] == "Bound",
        "the pass was given up: the Record is {}",
        bound["phase"]
    );
    await_leading(&standby, Duration::from_secs(RETRY_SECONDS) + SLACK).await?;
    let took = ended.elapsed();
    ensure!(
        took < Duration::from_secs(LEASE_SECONDS - 2 * RETRY_SECONDS),
        "the Lease was not released: {took:?}"
    );
    println!("led {:.1} s after the end of the leader", took.as_secs_f32());
    let log = std::fs::read_to_string(leader.log())?;
    let at = |line: &str| log.find(line).with_context(|| format!("it did not say '{line}'"));
    ensure!(
        at("every pass has ended")? < at("released the leadership")?,
        "the Lease was released while a pass was under way"
    );
    environment.create_subaccount("late", json!({})).await?;
    for name in ["acme", "late"] {
        explained(&standby, environment.await_ready(name).await)?;
    }
    ensure!(
        environment.simulator.journal_count(&creates()).await? == 2,
        "an account was made twice"
    );
    ensure!(
        lease(&environment).await?["spec"]["leaseTransitions"] == 1,
        "the Lease changed hands more than once"
    );

    // A standby has nothing to finish and nothing to release.
    let third = environment.start_replica("third", ELECT).await?;
    let holder = lease(&environment).await?["spec"]["holderIdentity"].clone();
    let code = third.terminate(Duration::from_secs(10)).await?;
    ensure!(code == 0, "SIGTERM ended the standby with {code}");
    ensure!(
        lease(&environment).await?["spec"]["holderIdentity"] == holder,
        "the standby took or released the Lease of the leader"
    );
    ensure_consistent(&environment, &["acme".to_owned(), "late".to_owned()]).await
}

async fn frozen(bed: Arc<TestBed>, api: Api) -> Result<()> {
    let environment = bed.environment(options("leader-frozen", api)).await?;
    let (mut leader, standby) = two_replicas(&environment).await?;
    held_create(&environment, "acme", DEADLINE).await?;
    let mut scrapes = scrapes()?;
    scrapes.add(&[
        ("first", &leader.metrics().await?),
        ("second", &standby.metrics().await?),
    ]);
    leader.pause().await?;
    await_leading(
        &standby,
        Duration::from_secs(LEASE_SECONDS + RETRY_SECONDS) + SLACK,
    )
    .await?;
    // The answer that the frozen one waits for is there when it wakes.
    environment.simulator.release_holds().await?;
    let names = ["acme".to_owned(), "later".to_owned()];
    environment.create_subaccount("later", json!({})).await?;
    for name in &names {
        explained(&standby, environment.await_ready(name).await)?;
    }
    let leftovers = await_leftovers_deleted(&environment, names.len()).await?;
    ensure!(leftovers == 1, "{leftovers} creates were in excess");

    let mark = environment.simulator.journal_mark().await?;
    let audited = environment.audit()?.mark().await?;
    leader.resume().await?;
    let code = leader.await_exit(SLACK).await?;
    ensure!(code == 10, "it ended with {code}:\n{}", leader.log_tail(20));
    ensure!(
        leader.log_tail(5).contains("lost the leadership"),
        "it does not say why:\n{}",
        leader.log_tail(5)
    );
    for operation in [Operation::Create, Operation::Update, Operation::Delete] {
        let sent = JournalQuery::new().since(mark).operation(operation);
        let sent = environment.simulator.journal(&sent).await?;
        ensure!(sent.is_empty(), "Vobiz was sent {sent:#?}");
    }
    let writes = environment
        .audit()?
        .writes(&environment.operator_requests(audited))
        .await?;
    for line in &writes {
        ensure!(
            line.object_ref.resource == "leases",
            "it wrote after it woke: {}",
            line.summary()
        );
    }
    ensure!(standby.leads().await? == Some(true), "nobody leads");
    // Kubernetes starts it again, as the other's standby.
    leader.restart()?;
    leader.await_ready().await?;
    let stands_by = leader.await_metrics(|text| text.contains(&format!("{STATUS} 0")));
    let first = stands_by.await?;
    scrapes.add(&[("first", &first), ("second", &standby.metrics().await?)]);
    ensure_fired(vec![(scrapes, vec![("VobizOperatorLeaseLost", "5m")])]).await?;
    ensure_consistent(&environment, &names).await
}

/// The API server of the leader is behind a port that closes.
async fn cut_off(bed: Arc<TestBed>) -> Result<()> {
    let mut options = options("leader-cut", Api::Gen2);
    options.account_ready = false;
    let environment = bed.environment(options).await?;
    let endpoint = environment.control_plane().endpoint();
    let relay = Relay::start(0, endpoint.address()).await?;
    let relayed = endpoint.through(relay.port());
    let leader = environment.start_replica_behind("first", ELECT, &relayed).await?;
    await_leading(&leader, DEADLINE).await?;
    let standby = environment.start_replica("second", ELECT).await?;

    relay.stop().await;
    let cut = Instant::now();
    let code = leader
        .await_exit(Duration::from_secs(LEASE_SECONDS) + SLACK)
        .await?;
    let ended = cut.elapsed();
    ensure!(code == 10, "it ended with {code}:\n{}", leader.log_tail(20));
    ensure!(
        standby.leads().await? == Some(false),
        "the other led before the first had ended, {ended:?} after the cut"
    );
    await_leading(&standby, Duration::from_secs(LEASE_SECONDS) + SLACK).await?;
    println!("ended {:.1} s after the cut", ended.as_secs_f32());
    Ok(())
}
