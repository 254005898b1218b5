//! What is lost for good, Records, pairs or accounts, is made again only where the user asked for it, and never twice.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::json;
use vobiz_harness::objects::Kind;
use vobiz_harness::simulator::Api;
use vobiz_harness::simulator_control::Fault;
use vobiz_harness::simulator_journal::{JournalQuery, Operation};
use vobiz_harness::subaccounts::ReadySubaccount;
use vobiz_harness::suite::Suite;
use vobiz_harness::test_bed::{Environment, TestBed};

use crate::at_rest::{await_event, ensure_consistent, ensure_counts, record_name, secret_values};
use crate::edit::{resync_twice, resyncing};
use crate::generation::in_each;

const NAME: &str = "acme";
const SECRET: &str = "acme-vobiz";

pub fn add_to(suite: &mut Suite) {
    suite.test(
        "a pair that is lost for good is told of and waited for, or made anew where the spec says so (generation 2)",
        pair_lost,
    );
    suite.test(
        "a Record that is put back ends CredentialsLost at once (generation 2)",
        record_put_back,
    );
    suite.test(
        "a pair that is lost is read from the account itself, without a create or a delete (generation 1)",
        pair_read_again,
    );
    in_each(
        suite,
        "a lost Record is rebuilt from the Secret with proof, without a create or a delete",
        record_lost,
    );
    in_each(
        suite,
        "an account deleted by somebody else is told of, and made anew where the spec says so",
        deleted_outside,
    );
    in_each(
        suite,
        "after three unusable answers a request for a look starts the creates again, and nothing is left over",
        unusable,
    );
}

async fn count(environment: &Environment, operation: Operation) -> Result<usize> {
    environment
        .simulator
        .journal_count(&JournalQuery::new().operation(operation).committed(true))
        .await
}

/// Record and, if it says so, Secret are deleted while no operator runs.
async fn lose(environment: &mut Environment, acme: &ReadySubaccount, secret: bool) -> Result<()> {
    environment.operator()?.kill_hard().await?;
    let record = record_name(&acme.uid);
    environment.operator_objects.delete(Kind::Secret, &record).await?;
    if secret {
        environment.objects.delete(Kind::Secret, SECRET).await?;
    }
    environment.restart_operator()
}

async fn pair_lost(bed: Arc<TestBed>) -> Result<()> {
    let mut environment = bed.environment(resyncing("recovery-pair", Api::Gen2)).await?;
    let acme = environment.create_ready(NAME, json!({})).await?;
    lose(&mut environment, &acme, true).await?;
    environment
        .await_reason(Kind::Subaccount, NAME, "Stalled", "CredentialsLost")
        .await?;
    environment
        .await_message(Kind::Subaccount, NAME, "Ready", &["spec.credentialRecovery"])
        .await?;
    await_event(&environment, NAME, "CredentialsLost").await?;
    resync_twice(&environment).await?;
    ensure_counts(&environment, 1, 0).await?;

    make_anew(&environment, &acme.auth_id).await?;
    ensure_counts(&environment, 2, 1).await?;
    ensure_one_account(&environment, Some(&acme.auth_id)).await
}

async fn record_put_back(bed: Arc<TestBed>) -> Result<()> {
    let mut options = resyncing("recovery-record", Api::Gen2);
    // Nothing else looks meanwhile.
    options
        .operator_flags
        .push("--secret-check-interval-seconds=900".to_owned());
    options.account = json!({"resyncIntervalSeconds": 3600});
    let mut environment = bed.environment(options).await?;
    let acme = environment.create_ready(NAME, json!({})).await?;
    let name = record_name(&acme.uid);
    let record = environment.operator_objects.get(Kind::Secret, &name).await?;
    lose(&mut environment, &acme, true).await?;
    environment
        .await_reason(Kind::Subaccount, NAME, "Stalled", "CredentialsLost")
        .await?;
    let restored = json!({
        "type": record["type"], "data": record["data"], "metadata": {"labels": record["metadata"]["labels"]},
    });
    environment
        .operator_objects
        .create(Kind::Secret, &name, restored)
        .await?;
    // Before the minute is over after which it is looked at anyway.
    let soon = environment.objects.with_deadline(Duration::from_secs(30));
    environment.explain(
        soon.await_reason(Kind::Subaccount, NAME, "Ready", "Available")
            .await,
    )?;
    ensure_counts(&environment, 1, 0).await
}

/// Lets the account be made anew, and waits until another one than `former` serves the object.
async fn make_anew(environment: &Environment, former: &str) -> Result<()> {
    let recreate = json!({"spec": {"credentialRecovery": "Recreate"}});
    environment
        .objects
        .merge(Kind::Subaccount, NAME, &recreate)
        .await?;
    let ready = environment.await_ready(NAME).await?;
    ensure!(
        ready["status"]["authId"] != former,
        "the account was not made anew"
    );
    Ok(())
}

async fn pair_read_again(bed: Arc<TestBed>) -> Result<()> {
    let mut environment = bed.environment(resyncing("recovery-read", Api::Gen1)).await?;
    let acme = environment.create_ready(NAME, json!({})).await?;
    let pair = secret_values(&environment.objects, SECRET).await?;
    lose(&mut environment, &acme, true).await?;
    environment
        .await_object(Kind::Subaccount, NAME, "Ready again", |object| {
            object["status"]["conditions"]
                .to_string()
                .contains("ReconcileSuccess")
        })
        .await?;
    let restored = environment
        .objects
        .await_state(Kind::Secret, SECRET, "restored", |secret| secret.is_some())
        .await;
    environment.explain(restored)?;
    ensure!(
        secret_values(&environment.objects, SECRET).await? == pair,
        "another pair came back"
    );
    environment.await_ready(NAME).await?;
    ensure_counts(&environment, 1, 0).await?;
    ensure_consistent(&environment, &[NAME.to_owned()]).await
}

async fn record_lost(bed: Arc<TestBed>, api: Api) -> Result<()> {
    let mut environment = bed.environment(resyncing("recovery-record", api)).await?;
    let acme = environment.create_ready(NAME, json!({})).await?;
    lose(&mut environment, &acme, false).await?;
    environment.await_record_phase(&acme.uid, "Bound").await?;
    environment.await_ready(NAME).await?;
    let proofs = JournalQuery::new().operation(Operation::Me);
    let proofs = environment.simulator.journal(&proofs).await?;
    ensure!(
        proofs
            .iter()
            .any(|proof| proof.parent.as_deref() == Some(acme.auth_id.as_str())),
        "the pair of the Secret was never tried: {proofs:#?}"
    );
    ensure_counts(&environment, 1, 0).await?;
    ensure_consistent(&environment, &[NAME.to_owned()]).await
}

async fn deleted_outside(bed: Arc<TestBed>, api: Api) -> Result<()> {
    let environment = bed.environment(resyncing("recovery-outside", api)).await?;
    let acme = environment.create_ready(NAME, json!({})).await?;
    environment.simulator.remove_account(&acme.auth_id).await?;
    environment
        .await_reason(Kind::Subaccount, NAME, "Stalled", "ExternalResourceMissing")
        .await?;
    environment
        .await_message(Kind::Subaccount, NAME, "Ready", &["spec.credentialRecovery"])
        .await?;
    resync_twice(&environment).await?;
    ensure_counts(&environment, 1, 0).await?;

    make_anew(&environment, &acme.auth_id).await?;
    ensure_counts(&environment, 2, 0).await?;
    ensure_one_account(&environment, None).await
}

async fn unusable(bed: Arc<TestBed>, api: Api) -> Result<()> {
    let mut options = resyncing("recovery-unusable", api);
    options
        .operator_flags
        .extend(["--request-timeout-seconds=2", "--settle-seconds=2"].map(str::to_owned));
    let environment = bed.environment(options).await?;
    let html = Fault::new(json!({"type": "html", "after_commit": true})).operation(Operation::Create);
    let fault = environment.simulator.add_fault(&html).await?;
    environment.create_subaccount(NAME, json!({})).await?;
    environment
        .await_reason(Kind::Subaccount, NAME, "Stalled", "UnusableAnswer")
        .await?;
    environment
        .await_message(
            Kind::Subaccount,
            NAME,
            "Ready",
            &["vobiz.ai/reconcile-requested-at"],
        )
        .await?;
    resync_twice(&environment).await?;
    ensure_creates(&environment, 3).await?;

    let ask = |value: &str| json!({"metadata": {"annotations": {"vobiz.ai/reconcile-requested-at": value}}});
    environment.simulator.remove_fault(fault).await?;
    environment
        .objects
        .merge(Kind::Subaccount, NAME, &ask("now"))
        .await?;
    environment.await_ready(NAME).await?;
    ensure_creates(&environment, 4).await?;
    crate::at_rest::await_leftovers_deleted(&environment, 1).await?;
    ensure_consistent(&environment, &[NAME.to_owned()]).await
}

async fn ensure_creates(environment: &Environment, wanted: usize) -> Result<()> {
    let sent = count(environment, Operation::Create).await?;
    ensure!(sent == wanted, "{sent} creates were sent instead of {wanted}");
    Ok(())
}

/// One account is at Vobiz, the object's; its pair is in the Secret. The one before it is gone.
async fn ensure_one_account(environment: &Environment, before: Option<&str>) -> Result<()> {
    resync_twice(environment).await?;
    let accounts = environment.simulator.accounts().await?;
    ensure!(accounts.len() == 1, "{} accounts are at rest", accounts.len());
    let object = environment.objects.get(Kind::Subaccount, NAME).await?;
    let pair = secret_values(&environment.objects, SECRET).await?;
    ensure!(
        accounts[0]["auth_id"] == object["status"]["authId"]
            && accounts[0]["auth_id"] == *pair["auth_id"]
            && accounts[0]["auth_token"] == *pair["auth_token"],
        "the Secret, the status and Vobiz disagree"
    );
    ensure!(
        accounts[0]["name"] == NAME,
        "it is called {}",
        accounts[0]["name"]
    );
    if let Some(before) = before {
        ensure!(
            environment.simulator.find_account(before).await?.is_none(),
            "the account whose pair was lost is still there"
        );
    }
    Ok(())
}
