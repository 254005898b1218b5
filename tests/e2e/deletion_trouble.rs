//! Deletion in trouble: refused, unproved, without an Account, of what never was or is gone already.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::json;
use vobiz_harness::objects::{Kind, condition_of};
use vobiz_harness::simulator::Api;
use vobiz_harness::simulator_control::Fault;
use vobiz_harness::simulator_journal::{JournalQuery, Operation};
use vobiz_harness::subaccounts::finalizers;
use vobiz_harness::suite::Suite;
use vobiz_harness::test_bed::{ACCOUNT, Environment, TestBed};

use crate::generation::{environment, in_each};

const DEADLINE: Duration = Duration::from_mins(1);
const FINALIZER: &str = "vobiz.ai/subaccount";

pub fn add_to(suite: &mut Suite) {
    in_each(
        suite,
        "a cool-off holds the finalizer, is shown with its end, and is waited for",
        cool_off,
    );
    in_each(
        suite,
        "a deletion that Vobiz accepted is not believed while the account can be read",
        still_there,
    );
    in_each(
        suite,
        "an account deleted by somebody else is reported, never created anew, and its object can go",
        missing,
    );
    in_each(
        suite,
        "an object for which nothing was created goes at once",
        never_created,
    );
    in_each(
        suite,
        "a spec that cannot be applied does not block deletion",
        invalid_spec,
    );
    in_each(
        suite,
        "without its Account only an explicit Retain is released; with it the others follow",
        account_gone,
    );
    for failure in ["lose_before", "lose_after"] {
        in_each(
            suite,
            &format!("a deletion whose request is lost ({failure}) is done once Vobiz is back"),
            move |bed, api| outage(bed, api, json!({"type": failure})),
        );
    }
    in_each(
        suite,
        "a deletion that Vobiz answers with 503 is done once Vobiz is back",
        |bed, api| outage(bed, api, json!({"type": "status", "status": 503})),
    );
}

/// Asks for the deletion and proves that the finalizer stays although the request was made `times`.
async fn ensure_held(
    environment: &Environment,
    name: &str,
    deletes: &JournalQuery,
    times: usize,
) -> Result<()> {
    environment.objects.delete(Kind::Subaccount, name).await?;
    environment.explain(
        environment
            .simulator
            .await_journal(deletes, times, DEADLINE)
            .await,
    )?;
    let object = environment.objects.get(Kind::Subaccount, name).await?;
    ensure!(
        finalizers(&object).contains(&FINALIZER),
        "the finalizer is gone: {object:#}"
    );
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "a test may read the clock")]
async fn cool_off(bed: Arc<TestBed>, api: Api) -> Result<()> {
    let environment = bed.environment(environment("trouble-cool-off", api)).await?;
    let made = environment.create_ready("acme", json!({})).await?;
    let set_at = jiff::Timestamp::now();
    environment.simulator.set_cool_off(&made.auth_id, 6).await?;
    let deletes = JournalQuery::new().operation(Operation::Delete).id(&made.auth_id);
    ensure_held(&environment, "acme", &deletes.clone().status(409), 1).await?;
    let year = set_at.to_string()[..5].to_owned();
    let shown = environment
        .await_message(Kind::Subaccount, "acme", "Ready", &["tried again after", &year])
        .await?;
    let ready = condition_of(&shown, "Ready");
    ensure!(
        ready.is_some_and(|ready| ready["reason"] == "Deleting"),
        "it is not deleting: {shown:#}"
    );
    ensure!(
        environment.simulator.find_account(&made.auth_id).await?.is_some(),
        "the account is gone"
    );

    environment.await_gone(Kind::Subaccount, "acme").await?;
    ensure!(
        environment.simulator.find_account(&made.auth_id).await?.is_none(),
        "the account is left"
    );
    environment.await_record_gone(&made.uid).await?;
    // Shown in whole seconds, so that it may end up to one later than shown.
    let requests = environment.simulator.journal(&deletes).await?;
    ensure!(
        requests[1].time >= set_at.checked_add(jiff::SignedDuration::from_secs(5))?,
        "the end of the cool-off was not waited for"
    );
    Ok(())
}

async fn still_there(bed: Arc<TestBed>, api: Api) -> Result<()> {
    let environment = bed.environment(environment("trouble-still-there", api)).await?;
    let made = environment.create_ready("acme", json!({})).await?;
    let accepted = json!({"type": "body", "status": 204, "body": ""});
    environment
        .simulator
        .add_fault(&Fault::new(accepted).operation(Operation::Delete))
        .await?;
    let deletes = JournalQuery::new().operation(Operation::Delete).id(&made.auth_id);
    ensure_held(&environment, "acme", &deletes, 2).await?;
    environment
        .await_message(Kind::Subaccount, "acme", "Ready", &["not yet as Vobiz said"])
        .await?;
    environment.simulator.clear_faults().await?;
    environment.await_gone(Kind::Subaccount, "acme").await?;
    ensure!(
        environment.simulator.accounts().await?.is_empty(),
        "the account is left"
    );
    environment.await_record_gone(&made.uid).await
}

async fn missing(bed: Arc<TestBed>, api: Api) -> Result<()> {
    let mut options = environment("trouble-missing", api);
    options.account = json!({"resyncIntervalSeconds": 10});
    let environment = bed.environment(options).await?;
    let made = environment.create_ready("acme", json!({})).await?;
    environment.simulator.remove_account(&made.auth_id).await?;
    let stalled = environment
        .await_reason(Kind::Subaccount, "acme", "Stalled", "ExternalResourceMissing")
        .await?;
    ensure!(
        stalled["status"]["authId"] == made.auth_id.as_str(),
        "the lost account is no longer named: {stalled:#}"
    );
    let (mark, sequence) = (
        environment.audit()?.mark().await?,
        environment.simulator.journal_mark().await?,
    );
    let lists = JournalQuery::new().since(sequence).operation(Operation::List);
    environment.explain(environment.simulator.await_journal(&lists, 2, DEADLINE).await)?;
    // What every list shows again is neither told nor asked for again.
    let gets = JournalQuery::new().since(sequence).operation(Operation::Get);
    let gets = environment.simulator.journal(&gets).await?;
    ensure!(gets.is_empty(), "Vobiz was asked {gets:#?}");
    let writes = environment
        .operator_requests(mark)
        .resource("subaccounts")
        .name("acme");
    let writes = environment.audit()?.writes(&writes).await?;
    ensure!(writes.is_empty(), "it was written {} times", writes.len());
    let creates = JournalQuery::new().operation(Operation::Create);
    ensure!(
        environment.simulator.journal_count(&creates).await? == 1,
        "it was created anew"
    );

    environment.objects.delete(Kind::Subaccount, "acme").await?;
    environment.await_gone(Kind::Subaccount, "acme").await?;
    environment.await_record_gone(&made.uid).await
}

async fn never_created(bed: Arc<TestBed>, api: Api) -> Result<()> {
    let environment = bed.environment(environment("trouble-never", api)).await?;
    let spec = json!({"accountRef": {"name": "absent"}});
    environment.create_subaccount("acme", spec).await?;
    environment
        .await_message(
            Kind::Subaccount,
            "acme",
            "Reconciling",
            &["absent", "does not exist"],
        )
        .await?;
    let sequence = environment.simulator.journal_mark().await?;
    environment.objects.delete(Kind::Subaccount, "acme").await?;
    environment.await_gone(Kind::Subaccount, "acme").await?;

    // With the finalizer, and no account: the only create was refused.
    let refused = Fault::new(json!({"type": "status", "status": 400})).operation(Operation::Create);
    environment.simulator.add_fault(&refused).await?;
    let created = environment.create_subaccount("refused", json!({})).await?;
    let stalled = environment
        .await_reason(Kind::Subaccount, "refused", "Stalled", "InvalidSpec")
        .await?;
    ensure!(
        finalizers(&stalled).contains(&FINALIZER),
        "it has no finalizer: {stalled:#}"
    );
    environment.objects.delete(Kind::Subaccount, "refused").await?;
    environment.await_gone(Kind::Subaccount, "refused").await?;
    let deletes = JournalQuery::new().since(sequence).operation(Operation::Delete);
    ensure!(
        environment.simulator.journal_count(&deletes).await? == 0,
        "something was deleted at Vobiz"
    );
    // Its first epoch is fenced until the retention is over; then nothing is left.
    environment
        .await_record_gone(created["metadata"]["uid"].as_str().unwrap_or_default())
        .await
}

async fn invalid_spec(bed: Arc<TestBed>, api: Api) -> Result<()> {
    let environment = bed.environment(environment("trouble-invalid", api)).await?;
    let made = environment.create_ready("acme", json!({})).await?;
    if api == Api::Gen2 {
        let refused = Fault::new(json!({"type": "status", "status": 422})).operation(Operation::Update);
        environment.simulator.add_fault(&refused).await?;
    }
    // Generation 1 has no such field.
    let edit = json!({"spec": {"rateLimit": 5}});
    environment.objects.merge(Kind::Subaccount, "acme", &edit).await?;
    environment
        .await_reason(Kind::Subaccount, "acme", "Stalled", "InvalidSpec")
        .await?;
    environment.objects.delete(Kind::Subaccount, "acme").await?;
    environment.await_gone(Kind::Subaccount, "acme").await?;
    ensure!(
        environment.simulator.accounts().await?.is_empty(),
        "the account is left"
    );
    environment.await_record_gone(&made.uid).await
}

async fn account_gone(bed: Arc<TestBed>, api: Api) -> Result<()> {
    let environment = bed.environment(environment("trouble-gone", api)).await?;
    let retained = environment
        .create_ready("retained", json!({"deletion": {"policy": "Retain"}}))
        .await?;
    let default = environment.create_ready("default", json!({})).await?;
    let explicit = environment
        .create_ready("explicit", json!({"deletion": {"policy": "Delete"}}))
        .await?;
    // Forced by a person: the in-use mark would have held it.
    environment.objects.delete(Kind::Account, ACCOUNT).await?;
    environment
        .await_message(Kind::Account, ACCOUNT, "Ready", &["default, explicit, retained"])
        .await?;
    environment
        .objects
        .merge(Kind::Account, ACCOUNT, &json!({"metadata": {"finalizers": null}}))
        .await?;
    environment.await_gone(Kind::Account, ACCOUNT).await?;

    let sequence = environment.simulator.journal_mark().await?;
    for name in ["default", "explicit", "retained"] {
        environment.objects.delete(Kind::Subaccount, name).await?;
    }
    environment.await_gone(Kind::Subaccount, "retained").await?;
    environment.await_record_phase(&retained.uid, "Kept").await?;
    for name in ["default", "explicit"] {
        let held = environment
            .await_message(Kind::Subaccount, name, "Ready", &[ACCOUNT, "does not exist"])
            .await?;
        ensure!(
            finalizers(&held).contains(&FINALIZER),
            "the finalizer of {name} is gone"
        );
        let told = environment
            .events("Subaccount", name, "DependencyNotReady")
            .await?;
        ensure!(told.len() == 1, "{} events tell that {name} waits", told.len());
    }
    let requests = environment
        .simulator
        .journal(&JournalQuery::new().since(sequence))
        .await?;
    ensure!(
        requests.is_empty(),
        "without an Account Vobiz was asked: {requests:#?}"
    );

    let spec = json!({"spec": {"credentialsSecretRef": {"name": vobiz_harness::test_bed::CREDENTIALS}}});
    if environment
        .objects
        .find(Kind::Secret, vobiz_harness::test_bed::CREDENTIALS)
        .await?
        .is_none()
    {
        environment.create_credentials(&environment.objects).await?;
    }
    environment.objects.create(Kind::Account, ACCOUNT, spec).await?;
    for (name, made) in [("default", &default), ("explicit", &explicit)] {
        environment.await_gone(Kind::Subaccount, name).await?;
        ensure!(
            environment.simulator.find_account(&made.auth_id).await?.is_none(),
            "the account of {name} is left"
        );
    }
    environment.simulator.account(&retained.auth_id).await.map(drop)
}

async fn outage(bed: Arc<TestBed>, api: Api, failure: serde_json::Value) -> Result<()> {
    let environment = bed.environment(environment("trouble-outage", api)).await?;
    let made = environment.create_ready("acme", json!({})).await?;
    environment.simulator.add_fault(&Fault::new(failure)).await?;
    let deletes = JournalQuery::new().operation(Operation::Delete).id(&made.auth_id);
    ensure_held(&environment, "acme", &deletes, 2).await?;
    environment
        .await_reason(Kind::Subaccount, "acme", "Synced", "VobizUnavailable")
        .await?;
    environment.simulator.clear_faults().await?;
    environment.await_gone(Kind::Subaccount, "acme").await?;
    ensure!(
        environment.simulator.accounts().await?.is_empty(),
        "the account is left"
    );
    environment.await_record_gone(&made.uid).await?;
    let told = environment.events("Subaccount", "acme", "DeleteFailed").await?;
    ensure!(told.len() == 1, "{} events tell of the failure", told.len());
    Ok(())
}
