//! When many accounts vanish from the list at once nobody acts on it, until they are listed again or a person says that
//! they are gone.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use futures::future::try_join_all;
use serde_json::{Value, json};
use vobiz_harness::objects::{Kind, condition_of};
use vobiz_harness::simulator::Api;
use vobiz_harness::simulator_control::Fault;
use vobiz_harness::simulator_journal::{JournalQuery, Operation};
use vobiz_harness::suite::Suite;
use vobiz_harness::test_bed::{ACCOUNT, Environment, EnvironmentOptions, TestBed};

use crate::at_rest::auth_id_of;
use crate::generation::{environment, in_each};

const OBJECTS: usize = 8;
const DEADLINE: Duration = Duration::from_mins(1);
const CONFIRM: &str = "vobiz.ai/confirm-mass-deletion";

pub fn add_to(suite: &mut Suite) {
    in_each(
        suite,
        "an empty list is not believed: nothing is created, deleted or written for it, and all goes on when it is over",
        lying_list,
    );
    in_each(
        suite,
        "many accounts that are gone indeed are told on the Account, and on their objects once a person confirms it",
        confirmed,
    );
}

async fn lying_list(bed: Arc<TestBed>, api: Api) -> Result<()> {
    let (environment, names) = population(&bed, "mass-lie", api).await?;
    let empty = match api {
        Api::Gen1 => json!({"objects": [], "meta": {"total_count": 0, "next": null}}),
        _ => json!({"sub_accounts": [], "total": 0}),
    };
    let lie = Fault::new(json!({"type": "patch", "patch": empty})).operation(Operation::List);
    let rule = environment.simulator.add_fault(&lie).await?;
    let missing = Fault::status(404).operation(Operation::Get);
    let second_rule = environment.simulator.add_fault(&missing).await?;
    suspected(&environment).await?;
    let events = environment
        .events("Account", ACCOUNT, "MassDeletionSuspected")
        .await?;
    ensure!(events.len() == 1, "it was told {} times", events.len());

    let (mark, sequence) = (
        environment.audit()?.mark().await?,
        environment.simulator.journal_mark().await?,
    );
    environment.create_subaccount("late", json!({})).await?;
    environment
        .await_message(
            Kind::Subaccount,
            "late",
            "Ready",
            &["MassDeletionSuspected", ACCOUNT],
        )
        .await?;
    environment.objects.delete(Kind::Subaccount, &names[0]).await?;
    environment
        .await_message(
            Kind::Subaccount,
            &names[0],
            "Ready",
            &["MassDeletionSuspected", ACCOUNT],
        )
        .await?;
    // Every object has had passes in this time, for its Secret is due every few seconds.
    await_lists(&environment, 2).await?;
    for operation in [
        Operation::Create,
        Operation::Update,
        Operation::Delete,
        Operation::Get,
    ] {
        let query = JournalQuery::new().since(sequence).operation(operation);
        let requests = environment.simulator.journal(&query).await?;
        ensure!(requests.is_empty(), "Vobiz was sent {requests:#?}");
    }
    for name in &names[1..] {
        let object = environment.objects.get(Kind::Subaccount, name).await?;
        let ready = condition_of(&object, "Ready").context("no Ready condition")?;
        ensure!(ready["status"] == "True", "{name} is no longer Ready: {ready}");
        let query = environment
            .operator_requests(mark)
            .resource("subaccounts")
            .name(name);
        let writes = environment.audit()?.writes(&query).await?;
        ensure!(writes.is_empty(), "{name} was written {} times", writes.len());
    }

    for rule in [rule, second_rule] {
        environment.simulator.remove_fault(rule).await?;
    }
    environment
        .await_reason(Kind::Account, ACCOUNT, "Ready", "Available")
        .await?;
    environment.await_ready("late").await?;
    environment.await_gone(Kind::Subaccount, &names[0]).await?;
    let accounts = environment.simulator.accounts().await?.len();
    ensure!(
        accounts == OBJECTS,
        "{accounts} accounts exist for {OBJECTS} objects"
    );
    Ok(())
}

async fn confirmed(bed: Arc<TestBed>, api: Api) -> Result<()> {
    let (environment, names) = population(&bed, "mass-gone", api).await?;
    let (spared, gone) = names.split_first().context("no objects")?;
    for name in gone {
        let object = environment.objects.get(Kind::Subaccount, name).await?;
        environment
            .simulator
            .remove_account(&auth_id_of(&object)?)
            .await?;
    }
    let account = suspected(&environment).await?;
    let sequence = environment.simulator.journal_mark().await?;

    // What is still there is kept as its object says.
    let edit = json!({"spec": {"enabled": false}});
    environment.objects.merge(Kind::Subaccount, spared, &edit).await?;
    environment
        .await_reason(Kind::Subaccount, spared, "Ready", "Disabled")
        .await?;
    confirm(&environment, "not-this").await?;
    await_lists(&environment, 1).await?;
    let account_now = environment.objects.get(Kind::Account, ACCOUNT).await?;
    ensure!(
        message(&account_now)? == message(&account)?,
        "a wrong confirmation was taken"
    );

    let token = message(&account)?
        .split('"')
        .nth(1)
        .context("the message names no value")?;
    confirm(&environment, token).await?;
    try_join_all(
        gone.iter().map(|name| {
            environment.await_reason(Kind::Subaccount, name, "Stalled", "ExternalResourceMissing")
        }),
    )
    .await?;
    environment
        .await_reason(Kind::Account, ACCOUNT, "Ready", "Available")
        .await?;
    let created = JournalQuery::new().since(sequence).operation(Operation::Create);
    ensure!(
        environment.simulator.journal_count(&created).await? == 0,
        "accounts were made anew although nobody asked for it"
    );
    // It is known now: neither a later list nor a restart brings the question up again.
    let mut environment = environment;
    environment.restart_operator()?;
    await_lists(&environment, 2).await?;
    environment
        .await_reason(Kind::Account, ACCOUNT, "Ready", "Available")
        .await
        .map(drop)
}

async fn population(bed: &Arc<TestBed>, name: &str, api: Api) -> Result<(Environment, Vec<String>)> {
    let account = json!({"resyncIntervalSeconds": 10, "rateLimit": {"requestsPerSecond": 100, "burst": 100}});
    let options = EnvironmentOptions {
        account,
        ..environment(name, api)
    };
    let environment = bed.environment(options).await?;
    let names: Vec<String> = (0..OBJECTS).map(|number| format!("acme-{number}")).collect();
    try_join_all(names.iter().map(|name| environment.create_ready(name, json!({})))).await?;
    Ok((environment, names))
}

async fn suspected(environment: &Environment) -> Result<Value> {
    environment
        .await_reason(Kind::Account, ACCOUNT, "Ready", "MassDeletionSuspected")
        .await
}

async fn confirm(environment: &Environment, token: &str) -> Result<()> {
    let annotation = json!({"metadata": {"annotations": {CONFIRM: token}}});
    environment
        .objects
        .merge(Kind::Account, ACCOUNT, &annotation)
        .await
        .map(drop)
}

fn message(account: &Value) -> Result<&str> {
    let ready = condition_of(account, "Ready").context("no Ready condition")?;
    ready["message"].as_str().context("no message")
}

/// Waits until so many more lists were read.
async fn await_lists(environment: &Environment, count: usize) -> Result<()> {
    let since = environment.simulator.journal_mark().await?;
    let lists = JournalQuery::new()
        .since(since)
        .operation(Operation::List)
        .answered(true);
    let waited = environment.simulator.await_journal(&lists, count, DEADLINE).await;
    environment.explain(waited).map(drop)
}
