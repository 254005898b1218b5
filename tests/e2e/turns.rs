//! Who goes first when a parent's rate limit makes many wait: what a person has just asked for, and everybody once.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};
use futures::future::try_join_all;
use serde_json::json;
use vobiz_harness::objects::Kind;
use vobiz_harness::simulator_journal::{JournalEntry, JournalQuery, Operation};
use vobiz_harness::suite::Suite;
use vobiz_harness::test_bed::{ACCOUNT, Environment, EnvironmentOptions, TestBed};

const DEADLINE: Duration = Duration::from_mins(2);

/// Creates that wait while the edit or the deletion comes.
const WAITING: usize = 30;

/// Requests that may be under way when it comes.
const UNDER_WAY: usize = 3;

pub fn add_to(suite: &mut Suite) {
    suite.test(
        "an edit passes ahead of thirty creates that wait for the rate limit",
        edit,
    );
    suite.test(
        "deletions pass ahead of creates, and a create that is no longer wanted takes nobody's turn",
        deletion,
    );
    suite.test(
        "those who are deleted while they wait leave their turns to others",
        gone,
    );
    suite.test(
        "creates that wait are served at the rate of the limit, each after few passes",
        few_passes,
    );
    suite.test(
        "a raised limit holds at once, also while a long list is being read at the lower one",
        raised,
    );
}

async fn backlog(bed: &Arc<TestBed>, name: &str, rate: u32) -> Result<Environment> {
    let environment = bed
        .environment(EnvironmentOptions {
            account: json!({"resyncIntervalSeconds": 600, "rateLimit": {"requestsPerSecond": rate, "burst": 1}}),
            deadline: DEADLINE,
            ..EnvironmentOptions::new(name)
        })
        .await?;
    environment.create_ready("settled", json!({})).await?;
    create_waiting(&environment).await?;
    // The line has formed once one of those who wait in it is served.
    let created = creates_of_waiting();
    environment.explain(environment.simulator.await_journal(&created, 1, DEADLINE).await)?;
    Ok(environment)
}

async fn create_waiting(environment: &Environment) -> Result<()> {
    let create = async |number| {
        let name = format!("waiting-{number}");
        environment.create_subaccount(&name, json!({})).await
    };
    try_join_all((0..WAITING).map(create)).await.map(drop)
}

fn creates_of_waiting() -> JournalQuery {
    JournalQuery::new()
        .operation(Operation::Create)
        .name_prefix("waiting-")
}

async fn creates_since(environment: &Environment, since: u64) -> Result<usize> {
    let creates = JournalQuery::new().since(since).operation(Operation::Create);
    environment.simulator.journal_count(&creates).await
}

async fn edit(bed: Arc<TestBed>) -> Result<()> {
    let environment = backlog(&bed, "turns-edit", 1).await?;
    let since = environment.simulator.journal_mark().await?;
    let edit = json!({"spec": {"enabled": false}});
    environment
        .objects
        .merge(Kind::Subaccount, "settled", &edit)
        .await?;
    let updates = JournalQuery::new().since(since).operation(Operation::Update);
    environment.explain(environment.simulator.await_journal(&updates, 1, DEADLINE).await)?;
    let before = creates_since(&environment, since).await?;
    ensure!(before <= UNDER_WAY, "{before} creates went before the edit");
    Ok(())
}

async fn deletion(bed: Arc<TestBed>) -> Result<()> {
    let environment = backlog(&bed, "turns-deletion", 2).await?;
    let since = environment.simulator.journal_mark().await?;
    environment.objects.delete(Kind::Subaccount, "settled").await?;
    // The last ones are far behind in the line; nothing was sent for them, so that nothing must be proved.
    let unwanted: Vec<String> = (WAITING / 2..WAITING)
        .map(|number| format!("waiting-{number}"))
        .collect();
    try_join_all(
        unwanted
            .iter()
            .map(|name| environment.objects.delete(Kind::Subaccount, name)),
    )
    .await?;
    environment.await_gone(Kind::Subaccount, "settled").await?;
    let before = creates_since(&environment, since).await?;
    ensure!(
        before <= UNDER_WAY + 2,
        "{before} creates went before the deletion and its proof"
    );
    try_join_all(
        unwanted
            .iter()
            .map(|name| environment.await_gone(Kind::Subaccount, name)),
    )
    .await?;
    let wanted: Vec<String> = (0..WAITING / 2)
        .map(|number| format!("waiting-{number}"))
        .collect();
    try_join_all(wanted.iter().map(|name| environment.await_ready(name))).await?;
    Ok(())
}

async fn gone(bed: Arc<TestBed>) -> Result<()> {
    let environment = backlog(&bed, "turns-gone", 1).await?;
    let all: Vec<String> = (0..WAITING).map(|number| format!("waiting-{number}")).collect();
    let objects = &environment.objects;
    try_join_all(all.iter().map(|name| objects.delete(Kind::Subaccount, name))).await?;
    let since = environment.simulator.journal_mark().await?;
    environment.create_subaccount("wanted", json!({})).await?;
    // Half as long as their turns would take.
    let patience = Duration::from_secs(WAITING as u64 / 2);
    let created = JournalQuery::new()
        .since(since)
        .operation(Operation::Create)
        .name_prefix("wanted");
    environment.explain(environment.simulator.await_journal(&created, 1, patience).await)?;
    Ok(())
}

async fn few_passes(bed: Arc<TestBed>) -> Result<()> {
    let environment = backlog(&bed, "turns-passes", 4).await?;
    try_join_all((0..WAITING).map(|number| {
        let environment = &environment;
        async move { environment.await_ready(&format!("waiting-{number}")).await }
    }))
    .await?;
    let metrics = environment.operator()?.metrics().await?;
    let passes: f64 = metrics
        .lines()
        .filter(|line| {
            line.starts_with("controller_runtime_reconcile_total{") && line.contains("\"subaccount\"")
        })
        .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
        .sum();
    let objects = u32::try_from(WAITING + 1)?;
    ensure!(
        passes <= 6.0 * f64::from(objects),
        "{passes} passes were made for {objects} objects"
    );
    Ok(())
}

/// Waits until the first page of a list is asked for.
async fn await_first_page(environment: &Environment) -> Result<()> {
    let mark = environment.simulator.journal_mark().await?;
    let lists = JournalQuery::new().since(mark).operation(Operation::List);
    for count in 1.. {
        let waited = environment.simulator.await_journal(&lists, count, DEADLINE).await;
        let seen = environment.explain(waited)?;
        if seen.last().is_some_and(JournalEntry::is_first_page) {
            break;
        }
    }
    Ok(())
}

async fn raised(bed: Arc<TestBed>) -> Result<()> {
    let environment = bed
        .environment(EnvironmentOptions {
            account: json!({"resyncIntervalSeconds": 10, "rateLimit": {"requestsPerSecond": 1, "burst": 1}}),
            deadline: DEADLINE,
            ..EnvironmentOptions::new("turns-raised")
        })
        .await?;
    let parent = &environment.parent.auth_id;
    // Three pages: while creates wait, one request in ten is for a list.
    for number in 0..250 {
        let fields = json!({"parent": parent, "name": format!("of somebody else {number}")});
        environment.simulator.create_account(&fields).await?;
    }
    create_waiting(&environment).await?;
    await_first_page(&environment).await?;
    let created = creates_of_waiting();
    let left = WAITING - environment.simulator.journal_count(&created).await?;
    ensure!(left >= WAITING / 3, "{left} creates are left to wait for");
    let raised = json!({"spec": {"rateLimit": {"requestsPerSecond": 1000, "burst": 1000}}});
    environment.objects.merge(Kind::Account, ACCOUNT, &raised).await?;
    let half_of_the_old_time = Duration::from_secs(left as u64) / 2;
    let all = environment
        .simulator
        .await_journal(&created, WAITING, half_of_the_old_time);
    environment.explain(all.await).map(drop)
}
