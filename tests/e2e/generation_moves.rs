//! An Account goes over to the other generation of the API: its Subaccounts are the same accounts there, and follow.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};
use futures::future::try_join_all;
use serde_json::json;
use vobiz_harness::objects::Kind;
use vobiz_harness::simulator::Api;
use vobiz_harness::simulator_journal::{JournalQuery, Operation};
use vobiz_harness::suite::Suite;
use vobiz_harness::test_bed::{ACCOUNT, Environment, EnvironmentOptions, TestBed};

use crate::at_rest::{
    auth_id_of, await_leftovers_deleted, ensure_consistent, ensure_counts, ensure_safe, held_create, uid_of,
};
use crate::generation::environment;

const PATIENCE: Duration = Duration::from_mins(2);

const NAMES: [&str; 3] = ["one", "two", "three"];

pub fn add_to(suite: &mut Suite) {
    for (from, to) in [("Gen1", "Gen2"), ("Gen2", "Gen1")] {
        suite.test(
            &format!("Subaccounts follow an Account that is edited from {from} to {to}"),
            move |bed| edited(bed, from, to),
        );
        suite.test(
            &format!("a create that was cut off under {from} comes to its end under {to}"),
            move |bed| cut_off(bed, from, to),
        );
        suite.test(
            &format!(
                "an object whose create was cut off under {from} is deleted under {to} with all that it left"
            ),
            move |bed| cut_off_and_deleted(bed, from, to),
        );
    }
    suite.test(
        "fields that generation 1 does not have are told when an Account goes back to it, and hold no deletion",
        fields,
    );
    suite.test(
        "an Account that finds out by itself goes over when generation 1 is retired, with its Subaccounts",
        |bed| retired(bed, None),
    );
    for way in ["Auto", "Gen2"] {
        suite.test(
            &format!("an Account of a retired generation 1 names the way, and {way} works"),
            move |bed| retired(bed, Some(way)),
        );
    }
}

fn options(name: &str, api: Api, generation: &str) -> EnvironmentOptions {
    EnvironmentOptions {
        account: json!({"apiGeneration": generation, "resyncIntervalSeconds": 10}),
        deadline: PATIENCE,
        ..environment(name, api)
    }
}

async fn ask_for(environment: &Environment, generation: &str) -> Result<()> {
    let edit = json!({"spec": {"apiGeneration": generation}});
    environment
        .objects
        .merge(Kind::Account, ACCOUNT, &edit)
        .await
        .map(drop)
}

/// Until Account and Subaccounts say that they are under it, and well.
async fn await_moved(environment: &Environment, names: &[&str], generation: &str) -> Result<()> {
    let wanted = generation.to_owned();
    environment
        .await_object(
            Kind::Account,
            ACCOUNT,
            "under the other generation",
            move |account| account["status"]["apiGeneration"] == wanted.as_str(),
        )
        .await?;
    for name in names {
        let wanted = generation.to_owned();
        environment
            .await_object(
                Kind::Subaccount,
                name,
                "under the other generation",
                move |object| object["status"]["apiGeneration"] == wanted.as_str(),
            )
            .await?;
        environment.await_ready(name).await?;
    }
    Ok(())
}

/// Drift is repaired, and a deletion ends, by requests of this generation.
async fn ensure_managed(environment: &Environment, names: &[&str], generation: &str) -> Result<()> {
    let (drifted, deleted) = (names[0], names[1]);
    let id = async |name: &str| -> Result<String> {
        let object = environment.objects.get(Kind::Subaccount, name).await?;
        auth_id_of(&object)
    };
    let since = environment.simulator.journal_mark().await?;
    let changed = id(drifted).await?;
    environment
        .simulator
        .change_account(&changed, &json!({"enabled": false}))
        .await?;
    let updates = JournalQuery::new()
        .since(since)
        .operation(Operation::Update)
        .id(&changed)
        .committed(true);
    environment.explain(environment.simulator.await_journal(&updates, 1, PATIENCE).await)?;
    ensure!(
        environment.simulator.account(&changed).await?["enabled"] == true,
        "the drift is still there"
    );
    let gone = id(deleted).await?;
    environment.objects.delete(Kind::Subaccount, deleted).await?;
    environment.await_gone(Kind::Subaccount, deleted).await?;
    ensure!(
        environment.simulator.find_account(&gone).await?.is_none(),
        "the account of the deleted object is left"
    );
    for operation in [Operation::Update, Operation::Delete] {
        let query = JournalQuery::new()
            .since(since)
            .operation(operation)
            .committed(true);
        let entries = environment.simulator.journal(&query).await?;
        let expected = generation.to_lowercase();
        ensure!(
            entries
                .iter()
                .all(|entry| entry.generation.as_deref() == Some(expected.as_str())),
            "{operation:?} went to another generation"
        );
    }
    Ok(())
}

/// Each of these has its account and its pair, and there is no other account.
async fn ensure_kept(environment: &Environment, names: &[&str]) -> Result<()> {
    for name in names {
        let object = environment.objects.get(Kind::Subaccount, name).await?;
        ensure_safe(environment, &uid_of(&object)?).await?;
    }
    let accounts = environment.simulator.accounts().await?.len();
    ensure!(
        accounts == names.len(),
        "{accounts} accounts exist for {} objects",
        names.len()
    );
    Ok(())
}

async fn secrets(environment: &Environment) -> Result<Vec<serde_json::Value>> {
    try_join_all(NAMES.map(|name| async move {
        let secret = environment
            .objects
            .get(Kind::Secret, &format!("{name}-vobiz"))
            .await?;
        anyhow::Ok(json!([secret["data"], secret["metadata"]["resourceVersion"]]))
    }))
    .await
}

async fn edited(bed: Arc<TestBed>, from: &str, to: &str) -> Result<()> {
    let environment = bed.environment(options("moves-edited", Api::Both, from)).await?;
    for name in NAMES {
        environment.create_ready(name, json!({})).await?;
    }
    let before = secrets(&environment).await?;
    ask_for(&environment, to).await?;
    await_moved(&environment, &NAMES, to).await?;
    ensure!(secrets(&environment).await? == before, "a Secret was written");
    ensure_counts(&environment, NAMES.len(), 0).await?;
    ensure_managed(&environment, &NAMES, to).await?;
    environment.create_ready("four", json!({})).await?;
    ensure_counts(&environment, NAMES.len() + 1, 1).await?;
    ensure_kept(&environment, &["one", "three", "four"]).await
}

/// The operator is killed while the answer of a create is held, and comes back to an Account of the other generation.
async fn cut(name: &str, bed: &TestBed, from: &str, to: &str) -> Result<Environment> {
    let mut environment = bed.environment(options(name, Api::Both, from)).await?;
    held_create(&environment, "acme", PATIENCE).await?;
    environment.operator()?.kill_hard().await?;
    ask_for(&environment, to).await?;
    environment.restart_operator()?;
    Ok(environment)
}

async fn cut_off(bed: Arc<TestBed>, from: &str, to: &str) -> Result<()> {
    let environment = cut("moves-cut", &bed, from, to).await?;
    environment.await_ready("acme").await?;
    await_moved(&environment, &["acme"], to).await?;
    await_leftovers_deleted(&environment, 1).await?;
    ensure_counts(&environment, 2, 1).await?;
    ensure_consistent(&environment, &["acme".to_owned()]).await
}

async fn cut_off_and_deleted(bed: Arc<TestBed>, from: &str, to: &str) -> Result<()> {
    let environment = cut("moves-gone", &bed, from, to).await?;
    environment.objects.delete(Kind::Subaccount, "acme").await?;
    environment.await_gone(Kind::Subaccount, "acme").await?;
    ensure!(
        environment.simulator.accounts().await?.is_empty(),
        "what the create left is still there"
    );
    Ok(())
}

async fn fields(bed: Arc<TestBed>) -> Result<()> {
    let environment = bed
        .environment(options("moves-fields", Api::Both, "Gen2"))
        .await?;
    environment
        .create_ready("acme", json!({"description": "wholesale"}))
        .await?;
    ask_for(&environment, "Gen1").await?;
    environment
        .await_message(
            Kind::Subaccount,
            "acme",
            "Stalled",
            &["description", "API generation 1", "remove it from the spec"],
        )
        .await?;
    ask_for(&environment, "Gen2").await?;
    await_moved(&environment, &["acme"], "Gen2").await?;
    ask_for(&environment, "Gen1").await?;
    environment
        .await_reason(Kind::Subaccount, "acme", "Stalled", "InvalidSpec")
        .await?;
    environment.objects.delete(Kind::Subaccount, "acme").await?;
    environment.await_gone(Kind::Subaccount, "acme").await?;
    ensure!(
        environment.simulator.accounts().await?.is_empty(),
        "the account is left"
    );
    Ok(())
}

async fn retired(bed: Arc<TestBed>, way: Option<&'static str>) -> Result<()> {
    let (api, asked) = match way {
        // It finds generation 1 by itself, for there is no other yet.
        None => (Api::Gen1, "Auto"),
        Some(_) => (Api::Both, "Gen1"),
    };
    let environment = bed.environment(options("moves-retired", api, asked)).await?;
    for name in NAMES {
        environment.create_ready(name, json!({})).await?;
    }
    let before = secrets(&environment).await?;
    let retired = json!({"api": "gen2", "wrong_path_status": 404});
    environment.simulator.change_settings(&retired).await?;
    if let Some(way) = way {
        environment
            .await_message(
                Kind::Account,
                ACCOUNT,
                "Ready",
                &["set spec.apiGeneration to Auto or Gen2"],
            )
            .await?;
        ask_for(&environment, way).await?;
    }
    await_moved(&environment, &NAMES, "Gen2").await?;
    environment
        .await_condition(Kind::Account, ACCOUNT, "Ready", "True")
        .await?;
    ensure!(secrets(&environment).await? == before, "a Secret was written");
    ensure_counts(&environment, NAMES.len(), 0).await?;
    ensure_managed(&environment, &NAMES, "Gen2").await?;
    ensure_kept(&environment, &["one", "three"]).await
}
