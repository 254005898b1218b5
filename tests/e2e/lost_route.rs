//! A gateway that has lost its way to single subaccounts answers 404 for each of them, while the list and `/auth/me` are well: that
//! is no proof that any of them is gone.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};
use futures::future::try_join_all;
use serde_json::json;
use vobiz_harness::objects::Kind;
use vobiz_harness::simulator::Api;
use vobiz_harness::simulator_control::Fault;
use vobiz_harness::simulator_journal::{JournalQuery, Operation};
use vobiz_harness::subaccounts::ReadySubaccount;
use vobiz_harness::suite::Suite;
use vobiz_harness::test_bed::{Environment, TestBed};

use crate::at_rest::{ensure_consistent, find_record};
use crate::generation::{environment, in_each};

const PATIENCE: Duration = Duration::from_mins(1);

/// Accounts that somebody else deleted before their objects went.
const CROWD: usize = 30;

/// Lists that so many deletions may share: the first one of the process, one that proves, and some for those that came while it was read.
const LISTS: usize = 8;

pub fn add_to(suite: &mut Suite) {
    in_each(
        suite,
        "an account for which Vobiz answers 404 is not gone while the list shows it: its object waits and says so",
        deletion,
    );
    in_each(
        suite,
        "an account for which Vobiz answers 404 while the list shows it is neither called missing nor made anew",
        living,
    );
    in_each(
        suite,
        "thirty accounts that somebody else deleted let their objects go after a list that all of them share",
        shared,
    );
}

/// Every request for a single subaccount is answered 404.
async fn lose_route(environment: &Environment) -> Result<()> {
    for operation in [Operation::Get, Operation::Update, Operation::Delete] {
        let lost = Fault::status(404).operation(operation);
        environment.simulator.add_fault(&lost).await?;
    }
    Ok(())
}

/// Two lists that were begun from here on.
async fn await_lists(environment: &Environment) -> Result<()> {
    let since = environment.simulator.journal_mark().await?;
    let lists = JournalQuery::new()
        .since(since)
        .operation(Operation::List)
        .status(200);
    environment.explain(environment.simulator.await_journal(&lists, 2, PATIENCE).await)?;
    Ok(())
}

async fn ensure_lives(environment: &Environment, made: &ReadySubaccount) -> Result<()> {
    ensure!(
        environment.simulator.find_account(&made.auth_id).await?.is_some(),
        "the account is gone"
    );
    ensure!(
        find_record(environment, &made.uid).await?.is_some(),
        "the Record is gone, and the account lives"
    );
    Ok(())
}

async fn deletion(bed: Arc<TestBed>, api: Api) -> Result<()> {
    let mut options = environment("route-deletion", api);
    options.account = json!({"resyncIntervalSeconds": 10});
    let environment = bed.environment(options).await?;
    let made = environment.create_ready("acme", json!({})).await?;
    lose_route(&environment).await?;
    environment.objects.delete(Kind::Subaccount, "acme").await?;
    environment
        .await_message(Kind::Subaccount, "acme", "Ready", &["404", "list"])
        .await?;
    await_lists(&environment).await?;
    environment.objects.get(Kind::Subaccount, "acme").await?;
    ensure_lives(&environment, &made).await?;

    environment.simulator.clear_faults().await?;
    environment.await_gone(Kind::Subaccount, "acme").await?;
    ensure!(
        environment.simulator.accounts().await?.is_empty(),
        "the account was left behind"
    );
    environment.await_record_gone(&made.uid).await
}

async fn living(bed: Arc<TestBed>, api: Api) -> Result<()> {
    let mut options = environment("route-living", api);
    options.account = json!({"resyncIntervalSeconds": 10});
    let environment = bed.environment(options).await?;
    let spec = json!({"credentialRecovery": "Recreate"});
    let made = environment.create_ready("acme", spec).await?;
    lose_route(&environment).await?;
    let edit = json!({
        "metadata": {"annotations": {"vobiz.ai/reconcile-requested-at": "now"}},
        "spec": {"enabled": false},
    });
    environment.objects.merge(Kind::Subaccount, "acme", &edit).await?;
    environment
        .await_message(Kind::Subaccount, "acme", "Ready", &["404", "list"])
        .await?;
    await_lists(&environment).await?;
    ensure_lives(&environment, &made).await?;
    let creates = JournalQuery::new().operation(Operation::Create);
    ensure!(
        environment.simulator.journal_count(&creates).await? == 1,
        "another account was made"
    );

    environment.simulator.clear_faults().await?;
    environment
        .await_reason(Kind::Subaccount, "acme", "Ready", "Disabled")
        .await?;
    ensure_consistent(&environment, &["acme".to_owned()]).await
}

async fn shared(bed: Arc<TestBed>, api: Api) -> Result<()> {
    let mut options = environment("route-shared", api);
    options.account = json!({"rateLimit": {"requestsPerSecond": 200, "burst": 200}});
    let mut environment = bed.environment(options).await?;
    let names: Vec<String> = (0..CROWD).map(|number| format!("acme-{number}")).collect();
    let made = try_join_all(names.iter().map(|name| environment.create_ready(name, json!({})))).await?;
    // While their objects lived, so many missing accounts would be taken for a mass deletion.
    environment.operator()?.kill_hard().await?;
    for account in &made {
        environment.simulator.remove_account(&account.auth_id).await?;
    }
    environment.objects.delete_all(Kind::Subaccount).await?;
    let since = environment.simulator.journal_mark().await?;
    environment.restart_operator()?;
    try_join_all(
        names
            .iter()
            .map(|name| environment.await_gone(Kind::Subaccount, name)),
    )
    .await?;
    let lists = JournalQuery::new().since(since).operation(Operation::List);
    let lists = environment.simulator.journal_count(&lists).await?;
    ensure!(
        (1..=LISTS).contains(&lists),
        "{CROWD} deletions asked for {lists} pages of the list"
    );
    Ok(())
}
