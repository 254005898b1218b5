//! Markers that people edit, copy and imitate at the console: a bound account is known by its id, one that nobody knows
//! is reported, and nothing is deleted but what a Record has fenced.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use vobiz_harness::objects::Kind;
use vobiz_harness::simulator::Api;
use vobiz_harness::simulator_control::Fault;
use vobiz_harness::simulator_journal::{JournalEntry, JournalQuery, Operation};
use vobiz_harness::subaccounts::ReadySubaccount;
use vobiz_harness::suite::Suite;
use vobiz_harness::test_bed::{ACCOUNT, Environment, EnvironmentOptions, TestBed};

use crate::at_rest::{await_leftovers_deleted, lose_one_create, record, text};
use crate::generation::{environment, in_each};

const DEADLINE: Duration = Duration::from_secs(40);
/// A series that no Record has.
const UNKNOWN: &str = "0123456789abcdef0123456789abcdef";

pub fn add_to(suite: &mut Suite) {
    in_each(
        suite,
        "a bound account whose marker is removed, edited or exchanged stays its object's, is no orphan and goes with it",
        edited_on_bound,
    );
    in_each(
        suite,
        "an account of a cut-off create whose marker was edited is reported once and never deleted",
        edited_on_unbound,
    );
    in_each(
        suite,
        "look-alikes of our markers are reported on the Account or ignored, and never touched",
        look_alikes,
    );
}

fn options(name: &str, api: Api) -> EnvironmentOptions {
    EnvironmentOptions {
        account: json!({"resyncIntervalSeconds": 10}),
        ..environment(name, api)
    }
}

/// The field that an account's marker stands in.
fn field(api: Api) -> &'static str {
    if api == Api::Gen1 { "name" } else { "description" }
}

/// This installation's id, as every marker of it shows it.
async fn installation(environment: &Environment) -> Result<String> {
    let identity = environment
        .operator_objects
        .get(Kind::ConfigMap, "vobiz-operator-installation")
        .await?;
    Ok(text(&identity["data"]["id"])?.to_owned())
}

/// The marker of one attempt of the object's Record.
async fn marker(environment: &Environment, object: &ReadySubaccount, epoch: &str) -> Result<String> {
    let series = &record(environment, &object.uid).await?["series"];
    Ok(format!(
        "[vobiz-operator {} {series}.{epoch}]",
        installation(environment).await?
    ))
}

/// Waits until so many lists more were read, each of them from its first page.
async fn await_lists(environment: &Environment, count: usize) -> Result<()> {
    let mark = environment.simulator.journal_mark().await?;
    let lists = JournalQuery::new()
        .since(mark)
        .operation(Operation::List)
        .answered(true);
    let waited = environment.simulator.await_journal(&lists, count, DEADLINE).await;
    environment.explain(waited).map(drop)
}

async fn sent(environment: &Environment, operation: Operation, since: u64) -> Result<Vec<JournalEntry>> {
    let query = JournalQuery::new().since(since).operation(operation);
    environment.simulator.journal(&query).await
}

/// Waits until the Account says how many accounts it found, and how many of them are orphans.
async fn await_counts(environment: &Environment, found: usize, orphaned: usize) -> Result<()> {
    let what = format!("{orphaned} orphans among {found} found");
    environment
        .await_object(Kind::Account, ACCOUNT, &what, |account| {
            let counts = &account["status"]["subaccounts"];
            counts["found"] == found && counts["orphaned"] == orphaned
        })
        .await?;
    let account = format!("{}/{ACCOUNT}", environment.objects.namespace());
    let series = format!("vobiz_orphan_subaccounts{{account=\"{account}\"}} {orphaned}");
    environment.operator()?.await_sample(&series).await
}

/// The events that tell of orphans, of which there are some already.
async fn told(environment: &Environment) -> Result<usize> {
    Ok(environment.events("Account", ACCOUNT, "OrphanFound").await?.len())
}

async fn edited_on_bound(bed: Arc<TestBed>, api: Api) -> Result<()> {
    let mut environment = bed.environment(options("markers-bound", api)).await?;
    lose_one_create(&environment).await?;
    let fenced = environment.create_ready("fenced", json!({})).await?;
    await_leftovers_deleted(&environment, 1).await?;
    let spec = match api {
        Api::Gen1 => json!({}),
        _ => json!({"description": "Voice"}),
    };
    let described = environment.create_ready("described", spec).await?;
    let removed = environment.create_ready("removed", json!({})).await?;
    let unknown = environment.create_ready("unknown", json!({})).await?;
    let copied = environment.create_ready("copied", json!({})).await?;
    let kept = record(&environment, &fenced.uid).await?;
    ensure!(
        kept["fencedThrough"] == "1",
        "nothing is fenced: {:?}",
        kept.keys()
    );

    let edits = [
        // Its own, but of an attempt that was given up: all accounts with it are to be deleted.
        (&fenced, marker(&environment, &fenced, "1").await?),
        (&described, "Voice".to_owned()),
        (&removed, if api == Api::Gen1 { "by hand" } else { "" }.to_owned()),
        (
            &unknown,
            format!(
                "[vobiz-operator {} {UNKNOWN}.1]",
                installation(&environment).await?
            ),
        ),
        // Another object's, of the attempt that it was made by.
        (&copied, marker(&environment, &removed, "1").await?),
    ];
    let mark = environment.simulator.journal_mark().await?;
    for (object, text) in &edits {
        let change = json!({field(api): text});
        environment
            .simulator
            .change_account(&object.auth_id, &change)
            .await?;
    }
    await_lists(&environment, 3).await?;
    await_counts(&environment, edits.len(), 0).await?;
    // Nor does an operator that knows nothing yet take them for anybody else's.
    environment.restart_operator()?;
    await_lists(&environment, 3).await?;
    await_counts(&environment, edits.len(), 0).await?;

    for operation in [Operation::Create, Operation::Delete] {
        let sent = sent(&environment, operation, mark).await?;
        ensure!(sent.is_empty(), "Vobiz was sent {sent:#?}");
    }
    let updates = sent(&environment, Operation::Update, mark).await?;
    match api {
        // The marker was the name, which is put back like any other that was changed outside.
        Api::Gen1 => ensure!(
            updates.len() == edits.len(),
            "{} updates were sent",
            updates.len()
        ),
        // What the user did not set is neither compared nor put back, and what he set is there.
        _ => ensure!(updates.is_empty(), "markers were put back: {updates:#?}"),
    }
    for (object, text) in &edits {
        let account = environment.simulator.account(&object.auth_id).await?;
        ensure!(
            api == Api::Gen1 || account["description"] == **text,
            "it is described as {}",
            account["description"]
        );
    }
    let events = environment.objects.list(Kind::Event).await?;
    let orphans = events.iter().filter(|event| event["reason"] == "OrphanFound");
    ensure!(orphans.count() == 0, "an orphan was told of");

    for name in ["fenced", "removed", "copied"] {
        environment.objects.delete(Kind::Subaccount, name).await?;
        environment.await_gone(Kind::Subaccount, name).await?;
    }
    let mut left: Vec<Value> = environment.simulator.accounts().await?;
    left.retain(|account| account["auth_id"] != described.auth_id && account["auth_id"] != unknown.auth_id);
    ensure!(left.is_empty(), "accounts of deleted objects are left: {left:#?}");
    for stays in [&described, &unknown] {
        environment.simulator.account(&stays.auth_id).await?;
    }
    Ok(())
}

async fn edited_on_unbound(bed: Arc<TestBed>, api: Api) -> Result<()> {
    let mut options = options("markers-unbound", api);
    // The answers are held until the operator is killed.
    options.operator_flags = vec![
        "--request-timeout-seconds=40".to_owned(),
        "--settle-seconds=40".to_owned(),
    ];
    let mut environment = bed.environment(options).await?;
    let mark = environment.simulator.journal_mark().await?;
    let hold = Fault::hold_after_commit().operation(Operation::Create).times(2);
    environment.simulator.add_fault(&hold).await?;
    for name in ["first", "second"] {
        environment.create_subaccount(name, json!({})).await?;
    }
    let unanswered = JournalQuery::new()
        .since(mark)
        .operation(Operation::Create)
        .held(true);
    let waited = environment
        .simulator
        .await_journal(&unanswered, 2, DEADLINE)
        .await;
    let creates = environment.explain(waited)?;
    let installation = installation(&environment).await?;
    let texts = [
        format!("[vobiz-operator {installation} {UNKNOWN}.1]"),
        "nobody's".to_owned(),
    ];
    let mut edited = Vec::new();
    for (entry, text) in creates.iter().zip(&texts) {
        let id = entry.id.clone().context("a committed create has no id")?;
        let change = json!({field(api): text});
        environment.simulator.change_account(&id, &change).await?;
        edited.push(id);
    }
    environment.operator()?.kill_hard().await?;
    environment.restart_operator()?;
    for name in ["first", "second"] {
        environment.await_ready(name).await?;
    }
    // The one without a marker is like any account that a person made.
    await_counts(&environment, 4, 1).await?;
    ensure!(told(&environment).await? == 1, "it was not told once");
    environment.restart_operator()?;
    await_lists(&environment, 2).await?;
    await_counts(&environment, 4, 1).await?;
    ensure!(told(&environment).await? == 1, "a restart told it again");
    let deletes = sent(&environment, Operation::Delete, mark).await?;
    ensure!(deletes.is_empty(), "deleted: {deletes:#?}");

    environment.objects.delete(Kind::Subaccount, "second").await?;
    environment.await_gone(Kind::Subaccount, "second").await?;
    for (id, text) in edited.iter().zip(&texts) {
        let account = environment.simulator.account(id).await?;
        ensure!(account[field(api)] == **text, "it was changed: {account:#}");
    }
    let left = environment.simulator.accounts().await?.len();
    ensure!(left == 3, "{left} accounts are left");
    Ok(())
}

async fn look_alikes(bed: Arc<TestBed>, api: Api) -> Result<()> {
    let mut environment = bed.environment(options("markers-alike", api)).await?;
    let honest = environment.create_ready("honest", json!({})).await?;
    let own = record(&environment, &honest.uid).await?;
    let (series, epoch) = (&own["series"], &own["epoch"]);
    let ours = installation(&environment).await?;
    let elsewhere = if ours == "00000000" {
        "11111111"
    } else {
        "00000000"
    };
    let reported = [
        format!("[vobiz-operator {ours} {UNKNOWN}.1]"),
        format!("[vobiz-operator {ours} {series}.{epoch}]"),
        format!("[vobiz-operator {ours} {series}.99]"),
    ];
    let not_ours = [
        format!("[vobiz-operator {elsewhere} {UNKNOWN}.1]"),
        format!("[vobiz-operator {elsewhere} {series}.{epoch}]"),
        format!("[vobiz-operator {ours} {UNKNOWN}.1] and more"),
        format!("[vobiz-operator {ours} {UNKNOWN}.01]"),
        format!("[VOBIZ-OPERATOR {ours} {UNKNOWN}.1]"),
        format!("[vobiz-operator {ours} {UNKNOWN}.1"),
        "an account of the console".to_owned(),
    ];
    // One list shows them all, so that there is one thing to tell.
    environment.operator()?.kill_hard().await?;
    let mark = environment.simulator.journal_mark().await?;
    for text in reported.iter().chain(&not_ours) {
        let parent = &environment.parent.auth_id;
        environment
            .simulator
            .create_account(&json!({"parent": parent, field(api): text}))
            .await?;
    }
    environment.restart_operator()?;
    let found = 1 + reported.len() + not_ours.len();
    await_counts(&environment, found, reported.len()).await?;
    await_lists(&environment, 2).await?;
    await_counts(&environment, found, reported.len()).await?;
    ensure!(told(&environment).await? == 1, "it was not told once");
    for operation in [Operation::Create, Operation::Update, Operation::Delete] {
        let sent = sent(&environment, operation, mark).await?;
        ensure!(sent.is_empty(), "Vobiz was sent {sent:#?}");
    }

    // Nor do they go with the object whose marker they copy.
    environment.objects.delete(Kind::Subaccount, "honest").await?;
    environment.await_gone(Kind::Subaccount, "honest").await?;
    environment.await_record_gone(&honest.uid).await?;
    await_lists(&environment, 2).await?;
    await_counts(&environment, found - 1, reported.len()).await?;
    let deletes = sent(&environment, Operation::Delete, mark).await?;
    ensure!(
        deletes
            .iter()
            .all(|entry| entry.id.as_deref() == Some(&*honest.auth_id)),
        "deleted: {deletes:#?}"
    );
    Ok(())
}
