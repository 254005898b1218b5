//! The parent's pair: wrong, missing, malformed, rotated, exchanged for another account's; and never a restart needed.

use std::sync::Arc;

use anyhow::{Result, ensure};
use k8s_openapi::ByteString;
use serde_json::json;
use vobiz_harness::objects::Kind;
use vobiz_harness::simulator::Api;
use vobiz_harness::simulator_control::Fault;
use vobiz_harness::simulator_journal::{JournalQuery, Operation};
use vobiz_harness::subaccounts::finalizers;
use vobiz_harness::suite::Suite;
use vobiz_harness::test_bed::{ACCOUNT, CREDENTIALS, Environment, TestBed};

use crate::generation::{environment, in_each};

pub fn add_to(suite: &mut Suite) {
    in_each(
        suite,
        "a wrong parent pair is told on the Account, its Subaccounts name it, and the corrected pair is picked up",
        wrong_pair,
    );
    in_each(
        suite,
        "credentials that are missing or incomplete are named; a trailing newline does no harm",
        incomplete_pair,
    );
    in_each(
        suite,
        "a rotated parent pair is picked up when Vobiz refuses the old one",
        rotated,
    );
    in_each(
        suite,
        "a refused read proves nothing: a parent whose path answers 401 loses no account",
        refused_reads,
    );
    in_each(
        suite,
        "credentials of another parent change nothing: no finalizer goes and nothing is made under that parent",
        parent_changed,
    );
}

/// Writes these values into the credentials Secret; null removes one.
pub async fn set_pair(
    environment: &Environment,
    auth_id: impl AsRef<[u8]>,
    auth_token: impl AsRef<[u8]>,
) -> Result<()> {
    let value = |bytes: &[u8]| json!(ByteString(bytes.to_vec()));
    let patch =
        json!({"data": {"auth_id": value(auth_id.as_ref()), "auth_token": value(auth_token.as_ref())}});
    environment
        .objects
        .merge(Kind::Secret, CREDENTIALS, &patch)
        .await?;
    Ok(())
}

/// Waits until the Account says that its credentials belong to another parent now, and names both.
pub async fn await_parent_changed(environment: &Environment, first: &str, other: &str) -> Result<()> {
    environment
        .await_reason(Kind::Account, ACCOUNT, "Ready", "ParentChanged")
        .await?;
    environment
        .await_message(Kind::Account, ACCOUNT, "Ready", &[first, other])
        .await
        .map(drop)
}

async fn wrong_pair(bed: Arc<TestBed>, api: Api) -> Result<()> {
    let mut options = environment("pair-wrong", api);
    options.account_ready = false;
    let environment = bed.environment(options).await?;
    let good = environment.parent.clone();
    let wrong = json!({"stringData": {"auth_id": good.auth_id, "auth_token": "wrong"}});
    environment
        .objects
        .create(Kind::Secret, CREDENTIALS, wrong)
        .await?;
    let spec = json!({"spec": {"credentialsSecretRef": {"name": CREDENTIALS}}});
    environment.objects.create(Kind::Account, ACCOUNT, spec).await?;
    environment
        .await_reason(Kind::Account, ACCOUNT, "Ready", "Unauthorized")
        .await?;
    environment
        .await_reason(Kind::Account, ACCOUNT, "Stalled", "Unauthorized")
        .await?;
    let told = environment.events("Account", ACCOUNT, "Unauthorized").await?;
    ensure!(told.len() == 1, "{} events tell of the refusal", told.len());

    for name in ["first", "second"] {
        environment.create_subaccount(name, json!({})).await?;
    }
    for name in ["first", "second"] {
        environment
            .await_reason(Kind::Subaccount, name, "Reconciling", "DependencyNotReady")
            .await?;
        environment
            .await_message(Kind::Subaccount, name, "Ready", &[ACCOUNT, "Unauthorized"])
            .await?;
    }
    let creates = JournalQuery::new().operation(Operation::Create);
    ensure!(
        environment.simulator.journal_count(&creates).await? == 0,
        "a create was sent"
    );

    set_pair(&environment, &good.auth_id, &good.auth_token).await?;
    for name in ["first", "second"] {
        environment.await_ready(name).await?;
    }
    environment
        .await_condition(Kind::Account, ACCOUNT, "Ready", "True")
        .await?;
    ensure!(
        environment.simulator.accounts().await?.len() == 2,
        "there are not two accounts"
    );
    Ok(())
}

async fn incomplete_pair(bed: Arc<TestBed>, api: Api) -> Result<()> {
    let mut options = environment("pair-incomplete", api);
    options.account_ready = false;
    let environment = bed.environment(options).await?;
    let parent = environment.parent.clone();
    let spec = json!({"spec": {"credentialsSecretRef": {"name": CREDENTIALS}}});
    environment.objects.create(Kind::Account, ACCOUNT, spec).await?;
    environment.create_subaccount("acme", json!({})).await?;
    environment
        .await_reason(Kind::Account, ACCOUNT, "Ready", "CredentialsMissing")
        .await?;
    environment
        .await_message(
            Kind::Account,
            ACCOUNT,
            "Ready",
            &["create the Secret", CREDENTIALS],
        )
        .await?;
    environment
        .await_message(
            Kind::Subaccount,
            "acme",
            "Ready",
            &[ACCOUNT, "CredentialsMissing"],
        )
        .await?;

    let half = json!({"stringData": {"auth_id": parent.auth_id}});
    environment
        .objects
        .create(Kind::Secret, CREDENTIALS, half)
        .await?;
    environment
        .await_message(Kind::Account, ACCOUNT, "Ready", &[CREDENTIALS, "auth_token"])
        .await?;
    set_pair(&environment, &parent.auth_id, "two\nlines").await?;
    let shown = environment
        .await_object(Kind::Account, ACCOUNT, "naming the malformed key", |account| {
            let text = account["status"]["conditions"].to_string();
            text.contains("auth_token") && !text.contains("missing")
        })
        .await?;
    ensure!(
        !shown["status"].to_string().contains("lines"),
        "the value is shown"
    );
    let asked = environment.simulator.journal(&JournalQuery::new()).await?;
    ensure!(asked.is_empty(), "Vobiz was asked without a pair");

    let (auth_id, auth_token) = (
        format!("{}\n", parent.auth_id),
        format!("{}\r\n", parent.auth_token),
    );
    set_pair(&environment, &auth_id, &auth_token).await?;
    environment
        .await_condition(Kind::Account, ACCOUNT, "Ready", "True")
        .await?;
    environment.await_ready("acme").await.map(drop)
}

async fn rotated(bed: Arc<TestBed>, api: Api) -> Result<()> {
    let environment = bed.environment(environment("pair-rotated", api)).await?;
    let made = environment.create_ready("acme", json!({})).await?;
    let parent = environment.parent.auth_id.clone();
    environment.simulator.put_parent(&parent, "rotated-token").await?;
    let edit = json!({"spec": {"enabled": false}});
    environment.objects.merge(Kind::Subaccount, "acme", &edit).await?;
    // Before that, the new pair would be in use as soon as the Secret has it.
    environment
        .await_reason(Kind::Account, ACCOUNT, "Ready", "Unauthorized")
        .await?;
    set_pair(&environment, &parent, "rotated-token").await?;
    environment
        .await_reason(Kind::Subaccount, "acme", "Ready", "Disabled")
        .await?;
    let account = environment.simulator.account(&made.auth_id).await?;
    ensure!(
        account["enabled"] == false,
        "the edit did not arrive: {account:#}"
    );
    environment
        .await_condition(Kind::Account, ACCOUNT, "Ready", "True")
        .await?;
    let refused = environment
        .simulator
        .journal_count(&JournalQuery::new().status(401))
        .await?;
    // Generation 1 is found by trying generation 2 first.
    ensure!((1..=3).contains(&refused), "{refused} requests were refused");
    Ok(())
}

async fn refused_reads(bed: Arc<TestBed>, api: Api) -> Result<()> {
    let mut options = environment("pair-refused", api);
    options.account = json!({"resyncIntervalSeconds": 10});
    let environment = bed.environment(options).await?;
    let made = environment.create_ready("acme", json!({})).await?;
    for operation in [Operation::List, Operation::Get, Operation::Delete] {
        let refused = Fault::status(401).operation(operation);
        environment.simulator.add_fault(&refused).await?;
    }
    environment
        .await_condition(Kind::Account, ACCOUNT, "Ready", "False")
        .await?;
    environment.objects.delete(Kind::Subaccount, "acme").await?;
    let held = environment
        .await_message(Kind::Subaccount, "acme", "Ready", &[ACCOUNT])
        .await?;
    ensure!(
        finalizers(&held).contains(&"vobiz.ai/subaccount"),
        "the finalizer is gone: {held:#}"
    );
    environment.simulator.account(&made.auth_id).await?;
    environment.simulator.clear_faults().await?;
    environment.await_gone(Kind::Subaccount, "acme").await?;
    ensure!(
        environment.simulator.accounts().await?.is_empty(),
        "the account is left"
    );
    Ok(())
}

async fn parent_changed(bed: Arc<TestBed>, api: Api) -> Result<()> {
    let mut options = environment("pair-changed", api);
    options.account = json!({"resyncIntervalSeconds": 10});
    let environment = bed.environment(options).await?;
    let goes = environment.create_ready("goes", json!({})).await?;
    environment.create_ready("stays", json!({})).await?;
    let (first, other) = (
        environment.parent.clone(),
        format!("{}B", environment.parent.auth_id),
    );
    environment.simulator.put_parent(&other, "other-token").await?;
    set_pair(&environment, &other, "other-token").await?;
    await_parent_changed(&environment, &first.auth_id, &other).await?;
    ensure!(
        environment
            .events("Account", ACCOUNT, "ParentChanged")
            .await?
            .len()
            == 1,
        "no event tells of the change"
    );

    environment.objects.delete(Kind::Subaccount, "goes").await?;
    let held = environment
        .await_message(Kind::Subaccount, "goes", "Ready", &[ACCOUNT, "ParentChanged"])
        .await?;
    ensure!(
        finalizers(&held).contains(&"vobiz.ai/subaccount"),
        "the finalizer is gone: {held:#}"
    );
    environment.create_subaccount("new", json!({})).await?;
    environment
        .await_message(
            Kind::Subaccount,
            "new",
            "Reconciling",
            &[ACCOUNT, "ParentChanged"],
        )
        .await?;
    // A restart must not forget whose accounts they are.
    let mut environment = environment;
    let mark = environment.audit()?.mark().await?;
    environment.restart_operator()?;
    let reads = environment
        .operator_requests(mark)
        .resource("secrets")
        .name(CREDENTIALS);
    let account = environment.objects.get(Kind::Account, ACCOUNT).await?;
    ensure!(
        account["status"]["authId"] == first.auth_id.as_str(),
        "the status forgot the parent: {account:#}"
    );
    await_reads(&environment, &reads, 3).await?;
    let sent = environment
        .simulator
        .journal(&JournalQuery::new().parent(&other))
        .await?;
    ensure!(
        sent.iter()
            .all(|entry| matches!(entry.operation, Operation::Me | Operation::List)),
        "under the other parent it asked for {:?}",
        sent.iter().map(|entry| entry.operation).collect::<Vec<_>>()
    );
    ensure!(
        environment.simulator.accounts().await?.len() == 2,
        "accounts were made or deleted"
    );

    set_pair(&environment, &first.auth_id, &first.auth_token).await?;
    environment.await_gone(Kind::Subaccount, "goes").await?;
    environment.await_ready("new").await?;
    ensure!(
        environment.simulator.find_account(&goes.auth_id).await?.is_none(),
        "the account is left"
    );
    let accounts = environment.simulator.accounts().await?;
    ensure!(
        accounts.len() == 2
            && accounts
                .iter()
                .all(|account| account["parent_auth_id"] == first.auth_id.as_str()),
        "the accounts are now {:#?}",
        accounts
            .iter()
            .map(|account| (&account["name"], &account["parent_auth_id"]))
            .collect::<Vec<_>>()
    );
    Ok(())
}

/// Waits until the operator has made so many reads of a query: each begins a pass of the Account.
#[expect(clippy::disallowed_methods, reason = "a test may read the clock")]
async fn await_reads(
    environment: &Environment,
    query: &vobiz_harness::audit::AuditQuery,
    count: usize,
) -> Result<()> {
    let started = std::time::Instant::now();
    // Each look at the audit log waits for the log itself.
    while environment.audit()?.reads(query).await?.len() < count {
        ensure!(
            started.elapsed() < std::time::Duration::from_mins(1),
            "the operator did not read {query:?} {count} times"
        );
    }
    Ok(())
}
