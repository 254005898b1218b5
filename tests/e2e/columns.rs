//! What `kubectl get` shows is true now, and not only once the next list was read.

use std::sync::Arc;

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use vobiz_harness::audit::Mark;
use vobiz_harness::objects::Kind;
use vobiz_harness::simulator::Api;
use vobiz_harness::simulator_journal::{JournalQuery, Operation};
use vobiz_harness::suite::Suite;
use vobiz_harness::test_bed::{ACCOUNT, Environment, TestBed};

use crate::at_rest::await_counted;
use crate::generation::environment;
use crate::hands::kubectl;

const OBJECTS: usize = 12;
/// Far fewer than objects: the pause between two of them doubles.
const MOST_WRITES: usize = 5;

pub fn add_to(suite: &mut Suite) {
    suite.test(
        "an Account counts its Subaccounts as they come and go, without a list and in few writes",
        counts,
    );
    suite.test(
        "a Subaccount shows the deletion policy in force, its own or its Account's, and an edit of that one costs a write",
        policy,
    );
}

async fn writes(environment: &Environment, mark: Mark, resource: &str) -> Result<Vec<String>> {
    let query = environment.operator_requests(mark).resource(resource);
    let lines = environment.audit()?.writes(&query).await?;
    Ok(lines.iter().map(|line| line.summary()).collect())
}

async fn counts(bed: Arc<TestBed>) -> Result<()> {
    // An interval that says nothing: the next list is read minutes later.
    let environment = bed.environment(environment("columns-counts", Api::Gen2)).await?;
    let (mark, sequence) = (
        environment.audit()?.mark().await?,
        environment.simulator.journal_mark().await?,
    );
    let names: Vec<String> = (0..OBJECTS).map(|number| format!("tenant-{number}")).collect();
    for name in &names {
        environment.create_subaccount(name, json!({})).await?;
    }
    for name in &names {
        environment.await_ready(name).await?;
    }
    await_counted(&environment, OBJECTS).await?;
    let written = writes(&environment, mark, "accounts/status").await?;
    ensure!(
        written.len() <= MOST_WRITES,
        "{OBJECTS} objects were counted in the writes {written:#?}"
    );

    for name in &names[1..] {
        environment.objects.delete(Kind::Subaccount, name).await?;
    }
    for name in &names[1..] {
        environment.await_gone(Kind::Subaccount, name).await?;
    }
    await_counted(&environment, 1).await?;
    let written = writes(&environment, mark, "accounts/status").await?;
    ensure!(
        written.len() <= 2 * MOST_WRITES,
        "{OBJECTS} objects came and went in the writes {written:#?}"
    );
    let lists = JournalQuery::new().since(sequence).operation(Operation::List);
    let lists = environment.simulator.journal_count(&lists).await?;
    ensure!(lists == 0, "{lists} lists were read");
    Ok(())
}

async fn await_policy(environment: &Environment, name: &str, policy: &str) -> Result<Value> {
    let what = format!("showing the policy {policy}");
    environment
        .await_object(Kind::Subaccount, name, &what, |object| {
            object["status"]["deletionPolicy"] == policy
        })
        .await
}

async fn set_default(environment: &Environment, policy: &str) -> Result<()> {
    let edit = json!({"spec": {"defaults": {"deletion": {"policy": policy}}}});
    environment
        .objects
        .merge(Kind::Account, ACCOUNT, &edit)
        .await
        .map(drop)
}

async fn policy(bed: Arc<TestBed>) -> Result<()> {
    let mut environment = bed.environment(environment("columns-policy", Api::Gen2)).await?;
    let mark = environment.audit()?.mark().await?;
    let plain = environment.create_ready("plain", json!({})).await?;
    environment
        .create_ready("own", json!({"deletion": {"policy": "Retain"}}))
        .await?;
    for (name, policy) in [("plain", "Delete"), ("own", "Retain")] {
        let ready = environment.objects.get(Kind::Subaccount, name).await?;
        ensure!(
            ready["status"]["deletionPolicy"] == policy,
            "{name} is Ready and shows {}",
            ready["status"]
        );
    }
    let shown = kubectl(
        &environment,
        &["get", "subaccounts.vobiz.ai", "plain", "--output=wide"],
    )
    .await?;
    ensure!(
        shown.contains("POLICY") && shown.contains(" Delete "),
        "kubectl shows:\n{shown}"
    );
    let written = writes(&environment, mark, "subaccounts/status").await?;
    ensure!(written.len() == 2, "two creates wrote {written:#?}");

    let (mark, sequence) = (
        environment.audit()?.mark().await?,
        environment.simulator.journal_mark().await?,
    );
    set_default(&environment, "Retain").await?;
    await_policy(&environment, "plain", "Retain").await?;
    set_default(&environment, "Disable").await?;
    await_policy(&environment, "plain", "Disable").await?;
    let written = writes(&environment, mark, "subaccounts").await?;
    ensure!(
        written.is_empty(),
        "the objects themselves were written: {written:#?}"
    );
    let written = writes(&environment, mark, "subaccounts/status").await?;
    ensure!(
        written.len() == 2 && written.iter().all(|line| line.contains("/plain")),
        "two edits of the Account's default wrote {written:#?}"
    );
    let asked = environment
        .simulator
        .journal_count(&JournalQuery::new().since(sequence))
        .await?;
    ensure!(asked == 0, "Vobiz was sent {asked} requests");

    // What is edited while the operator is away is shown once it is back.
    environment.operator()?.kill_hard().await?;
    set_default(&environment, "Retain").await?;
    environment.restart_operator()?;
    await_policy(&environment, "plain", "Retain").await?;
    set_default(&environment, "Disable").await?;
    await_policy(&environment, "plain", "Disable").await?;

    environment.objects.delete(Kind::Subaccount, "plain").await?;
    environment.await_gone(Kind::Subaccount, "plain").await?;
    let left = environment.simulator.account(&plain.auth_id).await?;
    ensure!(
        left["enabled"] == false,
        "the deletion did not as was shown: {left:#}"
    );
    Ok(())
}
