//! Namespaces and Accounts that are deleted while they are in use: nothing is stuck, nothing is left at Vobiz.

use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use vobiz_harness::objects::{Kind, condition_of};
use vobiz_harness::simulator::Api;
use vobiz_harness::simulator_journal::{JournalQuery, Operation};
use vobiz_harness::subaccounts::finalizers;
use vobiz_harness::suite::Suite;
use vobiz_harness::test_bed::{ACCOUNT, CREDENTIALS, Environment, TestBed};

use crate::generation::{environment, in_each};

pub const IN_USE: &str = "vobiz.ai/in-use";

pub fn add_to(suite: &mut Suite) {
    in_each(
        suite,
        "a namespace deleted in one go takes Account, credentials, Subaccounts and their accounts along",
        namespace_deleted,
    );
    in_each(
        suite,
        "Account and credentials are marked in use from the first Subaccount to the last",
        marks,
    );
    in_each(
        suite,
        "a deleting Account in use serves updates and deletes but no creates, and names who holds it",
        deleting_account,
    );
    suite.test(
        "other credentials are marked and the former ones let go when the Account names another Secret",
        credentials_moved,
    );
}

async fn namespace_deleted(bed: Arc<TestBed>, api: Api) -> Result<()> {
    let environment = bed.environment(environment("namespace-deleted", api)).await?;
    let mut made = Vec::new();
    for name in ["first", "second", "third"] {
        made.push(environment.create_ready(name, json!({})).await?);
    }
    // One that has not been created yet when everything goes.
    environment.create_subaccount("late", json!({})).await?;
    let namespace = environment.objects.namespace().to_owned();
    environment.objects.delete(Kind::Namespace, &namespace).await?;
    environment.await_gone(Kind::Namespace, &namespace).await?;
    for subaccount in &made {
        environment.await_record_gone(&subaccount.uid).await?;
    }
    let left = environment.simulator.accounts().await?;
    ensure!(left.is_empty(), "{} accounts are left", left.len());
    Ok(())
}

async fn await_marks(environment: &Environment, secret: &str, marked: bool) -> Result<()> {
    let what = if marked {
        "marked in use"
    } else {
        "not marked in use"
    };
    for (kind, name) in [(Kind::Account, ACCOUNT), (Kind::Secret, secret)] {
        environment
            .await_object(kind, name, what, |object| {
                finalizers(object).contains(&IN_USE) == marked
            })
            .await?;
    }
    Ok(())
}

async fn marks(bed: Arc<TestBed>, api: Api) -> Result<()> {
    let environment = bed.environment(environment("namespace-marks", api)).await?;
    await_marks(&environment, CREDENTIALS, false).await?;
    for name in ["first", "last"] {
        environment.create_ready(name, json!({})).await?;
        await_marks(&environment, CREDENTIALS, true).await?;
    }
    environment.objects.delete(Kind::Subaccount, "first").await?;
    environment.await_gone(Kind::Subaccount, "first").await?;
    await_marks(&environment, CREDENTIALS, true).await?;
    environment.objects.delete(Kind::Subaccount, "last").await?;
    environment.await_gone(Kind::Subaccount, "last").await?;
    await_marks(&environment, CREDENTIALS, false).await
}

async fn deleting_account(bed: Arc<TestBed>, api: Api) -> Result<()> {
    let environment = bed.environment(environment("namespace-account", api)).await?;
    let mut made = Vec::new();
    for name in ["amber", "beige", "coral", "denim"] {
        made.push((name, environment.create_ready(name, json!({})).await?));
    }
    environment.objects.delete(Kind::Secret, CREDENTIALS).await?;
    environment.objects.delete(Kind::Account, ACCOUNT).await?;
    let shown = environment
        .objects
        .await_reason(Kind::Account, ACCOUNT, "Ready", "Deleting")
        .await?;
    let ready = condition_of(&shown, "Ready").context("no Ready condition")?;
    let message = ready["message"].as_str().unwrap_or_default();
    ensure!(
        message.contains("amber, beige, coral and others"),
        "it names other holders: {message}"
    );

    let sequence = environment.simulator.journal_mark().await?;
    environment.create_subaccount("ebony", json!({})).await?;
    environment
        .await_reason(Kind::Subaccount, "ebony", "Reconciling", "DependencyNotReady")
        .await?;
    environment
        .await_message(
            Kind::Subaccount,
            "ebony",
            "Reconciling",
            &[ACCOUNT, "is being deleted"],
        )
        .await?;

    let (name, edited) = &made[0];
    environment
        .objects
        .merge(Kind::Subaccount, name, &json!({"spec": {"enabled": false}}))
        .await?;
    environment
        .await_reason(Kind::Subaccount, name, "Ready", "Disabled")
        .await?;
    let account = environment.simulator.account(&edited.auth_id).await?;
    ensure!(
        account["enabled"] == false,
        "the edit did not arrive: {account:#}"
    );

    environment.objects.delete_all(Kind::Subaccount).await?;
    for name in ["amber", "beige", "coral", "denim", "ebony"] {
        environment.await_gone(Kind::Subaccount, name).await?;
    }
    environment.await_gone(Kind::Account, ACCOUNT).await?;
    environment.await_gone(Kind::Secret, CREDENTIALS).await?;
    ensure!(
        environment.simulator.accounts().await?.is_empty(),
        "accounts are left"
    );
    let creates = JournalQuery::new().since(sequence).operation(Operation::Create);
    ensure!(
        environment.simulator.journal_count(&creates).await? == 0,
        "an account was created"
    );
    Ok(())
}

async fn credentials_moved(bed: Arc<TestBed>) -> Result<()> {
    let environment = bed.environment(environment("namespace-moved", Api::Gen2)).await?;
    environment.create_ready("acme", json!({})).await?;
    await_marks(&environment, CREDENTIALS, true).await?;
    let pair = json!({"stringData": {
        "auth_id": environment.parent.auth_id,
        "auth_token": environment.parent.auth_token,
    }});
    environment.objects.create(Kind::Secret, "moved", pair).await?;
    let edit = json!({"spec": {"credentialsSecretRef": {"name": "moved"}}});
    environment.objects.merge(Kind::Account, ACCOUNT, &edit).await?;
    await_marks(&environment, "moved", true).await?;
    let account = environment.objects.get(Kind::Account, ACCOUNT).await?;
    ensure!(
        account["status"]["credentialsSecretName"] == "moved",
        "the status names another Secret: {account:#}"
    );
    // Nothing holds the former one any more.
    environment.objects.delete(Kind::Secret, CREDENTIALS).await?;
    environment.await_gone(Kind::Secret, CREDENTIALS).await?;
    environment.objects.delete(Kind::Subaccount, "acme").await?;
    environment.await_gone(Kind::Subaccount, "acme").await?;
    await_marks(&environment, "moved", false).await
}
