//! What is told on an Account. A trouble is let grow old first: how soon it is looked at again by itself then tells nothing of
//! how soon a remedy is seen.

use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use vobiz_harness::audit::AuditQuery;
use vobiz_harness::objects::{Kind, condition_of};
use vobiz_harness::simulator_control::Fault;
use vobiz_harness::simulator_journal::{JournalQuery, Operation};
use vobiz_harness::test_bed::{ACCOUNT, CREDENTIALS, Environment, EnvironmentOptions, TestBed};

use super::document::{block, filled};
use super::{Entry, account_becomes_ready, becomes_ready, entry, looking, shipped, soon, told, types};
use crate::at_rest::auth_id_of;
use crate::parent_pair::{await_parent_changed, set_pair};

const VOBIZ: (Kind, &str) = (Kind::Account, ACCOUNT);
/// After so many failures in a row the next look by itself is 16 to 32 s away.
const OLD: usize = 6;

pub fn entries() -> Vec<Entry> {
    const MISSING: Option<&str> = Some("An Account is in trouble / CredentialsMissing");
    vec![
        entry!(
            Some("An Account is in trouble / Progressing"),
            "Vobiz answers",
            &[],
            progressing
        ),
        entry!(
            MISSING,
            "the Secret is written",
            &["create the Secret"],
            secret_missing
        ),
        entry!(
            MISSING,
            "the Secret is corrected",
            &["correct the Secret"],
            key_missing
        ),
        entry!(
            Some("An Account is in trouble / Unauthorized"),
            "the new pair is written into the same Secret",
            &["correct the Secret, or name another one in spec.credentialsSecretRef"],
            unauthorized
        ),
        entry!(
            Some("An Account is in trouble / Forbidden"),
            "the parent account is active again, and a look is asked for",
            &["is the parent account active?"],
            forbidden
        ),
        entry!(
            Some("An Account is in trouble / InsufficientBalance"),
            "the balance is topped up, and a look is asked for",
            &["top it up"],
            balance
        ),
        entry!(
            Some("An Account is in trouble / MassDeletionSuspected"),
            "a person confirms it",
            &["by setting the annotation"],
            mass_deletion
        ),
        entry!(
            Some("An Account is in trouble / ParentChanged"),
            "the old parent's pair is put back",
            &["or make another Account for"],
            parent_changed
        ),
        entry!(
            Some("An Account is in trouble / RateLimited"),
            "the pause is over",
            &["asked to slow down"],
            rate_limited
        ),
        entry!(
            Some("An Account is in trouble / VobizUnavailable"),
            "Vobiz answers again, and a look is asked for",
            &["the API failed"],
            unavailable
        ),
        entry!(
            None,
            "the generation that is served is asked for",
            &["if that lasts, set spec.apiGeneration to"],
            wrong_generation
        ),
        entry!(
            None,
            "the parent account may list its subaccounts, and a look is asked for",
            &["check spec.apiGeneration and the rights of the parent account"],
            no_list
        ),
    ]
}

/// Waits until the operator has read the credentials Secret so often in vain.
async fn await_old(environment: &Environment) -> Result<()> {
    let since = environment.audit()?.mark().await?;
    let query: AuditQuery = environment
        .operator_requests(since)
        .resource("secrets")
        .name(CREDENTIALS);
    let waited = tokio::time::timeout(std::time::Duration::from_mins(3), async {
        while environment.audit()?.reads(&query).await?.len() < OLD {
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        }
        anyhow::Ok(())
    });
    waited.await.context("the Account is not looked at again")?
}

async fn look(environment: &Environment) -> Result<()> {
    super::annotate(environment, VOBIZ, "vobiz.ai/reconcile-requested-at", "now").await
}

fn without_account(name: &str) -> EnvironmentOptions {
    EnvironmentOptions {
        account_ready: false,
        ..shipped(name)
    }
}

async fn create_account(environment: &Environment) -> Result<()> {
    let spec = json!({"spec": {"credentialsSecretRef": {"name": CREDENTIALS}}});
    environment
        .objects
        .create(Kind::Account, ACCOUNT, spec)
        .await
        .map(drop)
}

async fn progressing(bed: Arc<TestBed>, says: &'static [&'static str]) -> Result<()> {
    let mut options = without_account("progressing");
    let patient = ["--request-timeout-seconds=30", "--settle-seconds=60"].map(str::to_owned);
    options.operator_flags.extend(patient);
    let environment = bed.environment(options).await?;
    let held = Fault::new(json!({"type": "hold_before"})).operation(Operation::Me);
    environment.simulator.add_fault(&held).await?;
    environment.create_account(json!({})).await?;
    told(&environment, VOBIZ, "Progressing", says).await?;
    environment.simulator.clear_faults().await?;
    environment.simulator.release_holds().await?;
    account_becomes_ready(&environment).await
}

async fn secret_missing(bed: Arc<TestBed>, says: &'static [&'static str]) -> Result<()> {
    let environment = bed.environment(without_account("missing")).await?;
    create_account(&environment).await?;
    told(&environment, VOBIZ, "CredentialsMissing", says).await?;
    await_old(&environment).await?;
    environment.create_credentials(&environment.objects).await?;
    account_becomes_ready(&environment).await
}

async fn key_missing(bed: Arc<TestBed>, says: &'static [&'static str]) -> Result<()> {
    let environment = bed.environment(without_account("key")).await?;
    let half = json!({"stringData": {"auth_id": environment.parent.auth_id}});
    environment
        .objects
        .create(Kind::Secret, CREDENTIALS, half)
        .await?;
    create_account(&environment).await?;
    told(&environment, VOBIZ, "CredentialsMissing", says).await?;
    await_old(&environment).await?;
    set_pair(
        &environment,
        &environment.parent.auth_id,
        &environment.parent.auth_token,
    )
    .await?;
    account_becomes_ready(&environment).await
}

async fn unauthorized(bed: Arc<TestBed>, says: &'static [&'static str]) -> Result<()> {
    let environment = bed.environment(without_account("unauthorized")).await?;
    let wrong = json!({"stringData": {"auth_id": environment.parent.auth_id, "auth_token": "wrong"}});
    environment
        .objects
        .create(Kind::Secret, CREDENTIALS, wrong)
        .await?;
    create_account(&environment).await?;
    told(&environment, VOBIZ, "Unauthorized", says).await?;
    await_old(&environment).await?;
    let command = block("kubectl patch secrets vobiz-credentials")?;
    let replaced = [
        ("NAMESPACE", environment.objects.namespace()),
        ("MA_...", environment.parent.auth_id.as_str()),
        (
            "\"auth_token\":\"...\"",
            &format!("\"auth_token\":\"{}\"", environment.parent.auth_token),
        ),
    ];
    types(&environment, &filled(&command, &replaced)).await?;
    account_becomes_ready(&environment).await
}

async fn forbidden(bed: Arc<TestBed>, says: &'static [&'static str]) -> Result<()> {
    let environment = bed.environment(without_account("inactive")).await?;
    environment.simulator.add_fault(&Fault::status(403)).await?;
    environment.create_account(json!({})).await?;
    told(&environment, VOBIZ, "Forbidden", says).await?;
    await_old(&environment).await?;
    environment.simulator.clear_faults().await?;
    look(&environment).await?;
    account_becomes_ready(&environment).await
}

async fn balance(bed: Arc<TestBed>, says: &'static [&'static str]) -> Result<()> {
    let environment = bed.environment(shipped("balance")).await?;
    let empty = Fault::status(402).operation(Operation::Create);
    environment.simulator.add_fault(&empty).await?;
    environment.create_subaccount("acme", json!({})).await?;
    told(&environment, VOBIZ, "InsufficientBalance", says).await?;
    environment.simulator.clear_faults().await?;
    look(&environment).await?;
    becomes_ready(&environment, "acme").await?;
    account_becomes_ready(&environment).await
}

async fn mass_deletion(bed: Arc<TestBed>, says: &'static [&'static str]) -> Result<()> {
    let environment = bed.environment(looking("mass")).await?;
    let names: Vec<String> = (0..5).map(|number| format!("acme-{number}")).collect();
    for name in &names {
        environment.create_subaccount(name, json!({})).await?;
    }
    for name in &names {
        let id = auth_id_of(&environment.await_ready(name).await?)?;
        environment.simulator.remove_account(&id).await?;
    }
    let account = told(&environment, VOBIZ, "MassDeletionSuspected", says).await?;
    let message = condition_of(&account, "Ready").and_then(|ready| ready["message"].as_str());
    let token = message
        .and_then(|message| message.split('"').nth(1))
        .context("it names no value")?;
    super::annotate(&environment, VOBIZ, "vobiz.ai/confirm-mass-deletion", token).await?;
    for name in &names {
        let waited = soon(&environment)
            .await_reason(Kind::Subaccount, name, "Stalled", "ExternalResourceMissing")
            .await;
        environment.explain(waited)?;
    }
    account_becomes_ready(&environment).await
}

async fn parent_changed(bed: Arc<TestBed>, says: &'static [&'static str]) -> Result<()> {
    let environment = bed.environment(looking("parent")).await?;
    environment.create_ready("acme", json!({})).await?;
    let first = environment.parent.clone();
    let other = format!("{}B", first.auth_id);
    environment.simulator.put_parent(&other, "other-token").await?;
    set_pair(&environment, &other, "other-token").await?;
    await_parent_changed(&environment, &first.auth_id, &other).await?;
    told(&environment, VOBIZ, "ParentChanged", says).await?;
    await_old(&environment).await?;
    set_pair(&environment, &first.auth_id, &first.auth_token).await?;
    account_becomes_ready(&environment).await
}

async fn rate_limited(bed: Arc<TestBed>, says: &'static [&'static str]) -> Result<()> {
    let environment = bed.environment(looking("limited")).await?;
    environment.create_ready("acme", json!({})).await?;
    let pause = Fault::new(json!({"type": "status", "status": 429, "retry_after": "3"}));
    environment.simulator.add_fault(&pause).await?;
    told(&environment, VOBIZ, "RateLimited", says).await?;
    environment.simulator.clear_faults().await?;
    account_becomes_ready(&environment).await
}

async fn unavailable(bed: Arc<TestBed>, says: &'static [&'static str]) -> Result<()> {
    let environment = bed.environment(looking("outage")).await?;
    environment.simulator.add_fault(&Fault::status(503)).await?;
    told(&environment, VOBIZ, "VobizUnavailable", says).await?;
    let failed = JournalQuery::new().status(503);
    let waited = environment
        .simulator
        .await_journal(&failed, OLD, std::time::Duration::from_mins(3))
        .await;
    environment.explain(waited)?;
    environment.simulator.clear_faults().await?;
    look(&environment).await?;
    account_becomes_ready(&environment).await
}

async fn no_list(bed: Arc<TestBed>, says: &'static [&'static str]) -> Result<()> {
    let environment = bed.environment(without_account("no-list")).await?;
    let hidden = Fault::status(404).operation(Operation::List);
    environment.simulator.add_fault(&hidden).await?;
    environment.create_account(json!({})).await?;
    told(&environment, VOBIZ, "Forbidden", says).await?;
    environment.simulator.clear_faults().await?;
    look(&environment).await?;
    account_becomes_ready(&environment).await
}

async fn wrong_generation(bed: Arc<TestBed>, says: &'static [&'static str]) -> Result<()> {
    let options = EnvironmentOptions {
        api: vobiz_harness::simulator::Api::Gen1,
        ..without_account("generation")
    };
    let environment = bed.environment(options).await?;
    environment
        .create_account(json!({"apiGeneration": "Gen2"}))
        .await?;
    environment
        .await_message(Kind::Account, ACCOUNT, "Ready", says)
        .await?;
    await_old(&environment).await?;
    let edit = json!({"spec": {"apiGeneration": "Gen1"}});
    environment.objects.merge(Kind::Account, ACCOUNT, &edit).await?;
    account_becomes_ready(&environment).await?;
    let account = environment.objects.get(Kind::Account, ACCOUNT).await?;
    ensure!(
        account["status"]["apiGeneration"] == "Gen1",
        "{}",
        account["status"]
    );
    Ok(())
}
