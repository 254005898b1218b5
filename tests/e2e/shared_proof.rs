//! Many deletions at once: one walk over the list proves all of them, whatever Vobiz says of each.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};
use futures::future::try_join_all;
use serde_json::{Value, json};
use vobiz_harness::objects::{Kind, is_observed};
use vobiz_harness::simulator_control::Fault;
use vobiz_harness::simulator_journal::{JournalQuery, Operation};
use vobiz_harness::suite::Suite;
use vobiz_harness::test_bed::{ACCOUNT, Environment, EnvironmentOptions, TestBed};

const DEADLINE: Duration = Duration::from_mins(2);

/// Objects that are deleted at once.
const MANY: usize = 60;

/// So many of them wait before the rate is raised, at which all but a few share their proof.
const WAITING: f64 = 45.0;

/// Requests beside the DELETEs: the first few are proved one by one, then a walk costs two lists, and one more where an account went
/// while the first was read.
const PROOFS: usize = 25;

pub fn add_to(suite: &mut Suite) {
    suite.test(
        "sixty deletions that wait for the rate limit are proved by one walk",
        one_walk,
    );
    suite.test(
        "an account that Vobiz only says to have deleted is told apart by the walk from the many that it did delete",
        not_carried_out,
    );
    suite.test(
        "a list that shows nobody proves no deletion of many that Vobiz did not carry out",
        list_that_lies,
    );
    suite.test(
        "an operator that is killed while many deletions wait for their proof proves them after its start",
        killed,
    );
}

fn name(number: usize) -> String {
    format!("acme-{number:02}")
}

/// How many passes wait for the rate limit.
fn waiting(metrics: &str) -> f64 {
    let of_gauge = |line: &str| {
        line.strip_prefix("vobiz_api_requests_waiting ")?
            .trim()
            .parse()
            .ok()
    };
    metrics.lines().find_map(of_gauge).unwrap_or_default()
}

async fn limit(environment: &Environment, rate: u32, interval: u32) -> Result<()> {
    let spec =
        json!({"rateLimit": {"requestsPerSecond": rate, "burst": 1}, "resyncIntervalSeconds": interval});
    environment
        .objects
        .merge(Kind::Account, ACCOUNT, &json!({"spec": spec}))
        .await?;
    environment
        .objects
        .await_object(Kind::Account, ACCOUNT, "seen by the operator", is_observed)
        .await
        .map(drop)
}

/// Sixty objects whose accounts a list has shown; their ids.
async fn served(bed: &Arc<TestBed>, label: &str) -> Result<(Environment, Vec<String>)> {
    let options = EnvironmentOptions {
        account: json!({"resyncIntervalSeconds": 10, "rateLimit": {"requestsPerSecond": 1000, "burst": 1000}}),
        deadline: DEADLINE,
        ..EnvironmentOptions::new(label)
    };
    let environment = bed.environment(options).await?;
    let created = (0..MANY).map(|number| {
        let environment = &environment;
        async move { environment.create_ready(&name(number), json!({})).await }
    });
    let ids = try_join_all(created).await?;
    let since = environment.simulator.journal_mark().await?;
    let lists = JournalQuery::new()
        .since(since)
        .operation(Operation::List)
        .answered(true);
    environment.explain(environment.simulator.await_journal(&lists, 1, DEADLINE).await)?;
    Ok((environment, ids.into_iter().map(|ready| ready.auth_id).collect()))
}

/// All of them are deleted and wait at one request a second; then many requests a second are allowed. The journal's end before.
async fn delete_all(environment: &Environment) -> Result<u64> {
    limit(environment, 1, 600).await?;
    let since = environment.simulator.journal_mark().await?;
    for number in 0..MANY {
        environment
            .objects
            .delete(Kind::Subaccount, &name(number))
            .await?;
    }
    let formed = environment
        .operator()?
        .await_metrics(|text| waiting(text) >= WAITING);
    environment.explain(formed.await)?;
    limit(environment, 50, 600).await?;
    Ok(since)
}

async fn await_gone(environment: &Environment, numbers: impl IntoIterator<Item = usize>) -> Result<()> {
    for number in numbers {
        environment.await_gone(Kind::Subaccount, &name(number)).await?;
    }
    Ok(())
}

async fn count(environment: &Environment, since: u64, operation: Operation) -> Result<usize> {
    let query = JournalQuery::new().since(since).operation(operation);
    environment.simulator.journal_count(&query).await
}

async fn proofs(environment: &Environment, since: u64) -> Result<usize> {
    let (gets, lists) = (
        count(environment, since, Operation::Get).await?,
        count(environment, since, Operation::List).await?,
    );
    ensure!(lists >= 2, "{gets} reads and {lists} lists: no walk was made");
    Ok(gets + lists)
}

async fn one_walk(bed: Arc<TestBed>) -> Result<()> {
    let (environment, _) = served(&bed, "shared-proof").await?;
    let since = delete_all(&environment).await?;
    await_gone(&environment, 0..MANY).await?;
    let deletes = count(&environment, since, Operation::Delete).await?;
    ensure!(deletes == MANY, "{deletes} DELETEs were sent");
    let proofs = proofs(&environment, since).await?;
    ensure!(proofs <= PROOFS, "{proofs} requests proved {MANY} deletions");
    let left: Vec<Value> = environment.simulator.accounts().await?;
    ensure!(left.is_empty(), "{} accounts are left", left.len());
    Ok(())
}

async fn not_carried_out(bed: Arc<TestBed>) -> Result<()> {
    let (environment, ids) = served(&bed, "shared-proof-lie").await?;
    let last = MANY - 1;
    let said = json!({"type": "status", "status": 200});
    let lie = Fault::new(said).operation(Operation::Delete).id(&ids[last]);
    environment.simulator.add_fault(&lie).await?;
    let since = delete_all(&environment).await?;
    await_gone(&environment, 0..last).await?;
    let proofs = proofs(&environment, since).await?;
    ensure!(proofs <= PROOFS, "{proofs} requests proved {last} deletions");
    let kept = environment.objects.get(Kind::Subaccount, &name(last)).await?;
    ensure!(
        kept["metadata"]["finalizers"]
            .as_array()
            .is_some_and(|found| !found.is_empty()),
        "its account is there, and its finalizer is gone: {kept:#}"
    );
    environment.simulator.account(&ids[last]).await?;
    environment.simulator.clear_faults().await?;
    await_gone(&environment, [last]).await?;
    ensure!(
        environment.simulator.find_account(&ids[last]).await?.is_none(),
        "the account is still there"
    );
    Ok(())
}

async fn list_that_lies(bed: Arc<TestBed>) -> Result<()> {
    let (environment, ids) = served(&bed, "shared-proof-list").await?;
    let said = json!({"type": "status", "status": 200});
    let empty = json!({"type": "patch", "patch": {"sub_accounts": [], "total": 0}});
    for lie in [
        Fault::new(said).operation(Operation::Delete),
        Fault::new(empty).operation(Operation::List),
    ] {
        environment.simulator.add_fault(&lie).await?;
    }
    let since = delete_all(&environment).await?;
    for id in &ids {
        let asked = JournalQuery::new().since(since).operation(Operation::Get).id(id);
        environment.explain(environment.simulator.await_journal(&asked, 1, DEADLINE).await)?;
    }
    proofs(&environment, since).await?;
    for number in 0..MANY {
        environment.objects.get(Kind::Subaccount, &name(number)).await?;
    }
    environment.simulator.clear_faults().await?;
    await_gone(&environment, 0..MANY).await?;
    let left = environment.simulator.accounts().await?;
    ensure!(left.is_empty(), "{} accounts are left", left.len());
    Ok(())
}

async fn killed(bed: Arc<TestBed>) -> Result<()> {
    let (mut environment, _) = served(&bed, "shared-proof-killed").await?;
    let since = delete_all(&environment).await?;
    let half = JournalQuery::new()
        .since(since)
        .operation(Operation::Delete)
        .committed(true);
    environment.explain(
        environment
            .simulator
            .await_journal(&half, MANY / 2, DEADLINE)
            .await,
    )?;
    environment.operator()?.kill_hard().await?;
    environment.restart_operator()?;
    await_gone(&environment, 0..MANY).await?;
    let left = environment.simulator.accounts().await?;
    ensure!(left.is_empty(), "{} accounts are left", left.len());
    Ok(())
}
