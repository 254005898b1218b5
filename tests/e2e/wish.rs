//! What a user may ask for by an annotation: hands off, a look at once, the account of an earlier object, to be let go.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use vobiz_harness::objects::{Kind, condition_of};
use vobiz_harness::simulator::Api;
use vobiz_harness::simulator_control::Fault;
use vobiz_harness::simulator_journal::{JournalQuery, Operation};
use vobiz_harness::suite::Suite;
use vobiz_harness::test_bed::{Environment, EnvironmentOptions, TestBed};

use crate::at_rest::{await_event, ensure_consistent, events, secret_values};
use crate::edit::{PATIENCE, resync_twice, resyncing};
use crate::generation::in_each;

const NAME: &str = "acme";
const SECRET: &str = "acme-vobiz";
const PAUSED: &str = "vobiz.ai/paused";
const REQUESTED: &str = "vobiz.ai/reconcile-requested-at";
const RECLAIM: &str = "vobiz.ai/reclaim";
const FORCE: &str = "vobiz.ai/force-delete";

pub fn add_to(suite: &mut Suite) {
    in_each(
        suite,
        "a paused object is left alone, edited, drifted or being deleted, until it is resumed",
        paused,
    );
    in_each(
        suite,
        "pausing an object in the middle of its create loses nothing",
        paused_in_a_create,
    );
    in_each(
        suite,
        "a request for a look mends Secret and account at once, and counts once per value",
        requested,
    );
    in_each(
        suite,
        "an object of a name that left an account creates nothing, and takes the account over when asked to",
        reclaimed,
    );
    in_each(
        suite,
        "force-delete lets go only what is being deleted, paused or not, and names what may be left",
        forced,
    );
}

fn options(name: &str, api: Api) -> EnvironmentOptions {
    let mut options = resyncing(name, api);
    // What is mended sooner than this was mended because somebody asked.
    options
        .operator_flags
        .push("--secret-check-interval-seconds=3600".to_owned());
    options
}

async fn annotate(environment: &Environment, annotation: &str, value: Option<&str>) -> Result<Value> {
    let patch = json!({"metadata": {"annotations": {annotation: value}}});
    environment.objects.merge(Kind::Subaccount, NAME, &patch).await
}

fn condition<'a>(object: &'a Value, kind: &str, key: &str) -> &'a str {
    condition_of(object, kind)
        .and_then(|condition| condition[key].as_str())
        .unwrap_or_default()
}

/// Waits until the object says that it is paused; its generation may be one that was never looked at.
async fn await_paused(environment: &Environment) -> Result<Value> {
    environment
        .await_object(Kind::Subaccount, NAME, "paused", |object| {
            condition(object, "Synced", "status") == "Unknown"
                && condition(object, "Synced", "reason") == "Paused"
        })
        .await
}

async fn calls_about(environment: &Environment, since: u64, auth_id: &str) -> Result<usize> {
    let query = JournalQuery::new().since(since).id(auth_id);
    environment.simulator.journal_count(&query).await
}

async fn count(environment: &Environment, operation: Operation) -> Result<usize> {
    environment
        .simulator
        .journal_count(&JournalQuery::new().operation(operation))
        .await
}

async fn paused(bed: Arc<TestBed>, api: Api) -> Result<()> {
    let environment = bed.environment(options("wish-paused", api)).await?;
    let acme = environment.create_ready(NAME, json!({})).await?;
    annotate(&environment, PAUSED, Some("true")).await?;
    let before = await_paused(&environment).await?;
    ensure!(
        condition(&before, "Ready", "status") == "True",
        "a paused object is no longer what it was"
    );
    await_event(&environment, NAME, "Paused").await?;

    let (mark, audited) = (
        environment.simulator.journal_mark().await?,
        environment.audit()?.mark().await?,
    );
    let edit = json!({"spec": {"name": "Acme paused"}});
    environment.objects.merge(Kind::Subaccount, NAME, &edit).await?;
    environment
        .simulator
        .change_account(&acme.auth_id, &json!({"enabled": false}))
        .await?;
    environment.objects.delete(Kind::Secret, SECRET).await?;
    resync_twice(&environment).await?;
    ensure!(
        calls_about(&environment, mark, &acme.auth_id).await? == 0,
        "a paused object's account was called"
    );
    let now = environment.objects.get(Kind::Subaccount, NAME).await?;
    ensure!(
        now["status"]["observedGeneration"] == before["status"]["observedGeneration"],
        "observedGeneration moved while paused"
    );
    environment.objects.delete(Kind::Subaccount, NAME).await?;
    environment
        .await_message(Kind::Subaccount, NAME, "Ready", &["deletion is held", PAUSED])
        .await?;
    resync_twice(&environment).await?;
    let writes = environment
        .audit()?
        .writes(&environment.operator_requests(audited))
        .await?;
    for line in &writes {
        let status = line.object_ref.subresource == "status" || line.object_ref.resource == "events";
        ensure!(status, "while paused was written: {}", line.summary());
    }
    ensure!(
        count(&environment, Operation::Update).await? + count(&environment, Operation::Delete).await?
            == usize::from(api == Api::Gen1),
        "something but the rename after the create was sent"
    );
    ensure!(
        environment.simulator.find_account(&acme.auth_id).await?.is_some(),
        "the deletion was not held"
    );
    let told = events(&environment, NAME, "Paused").await?.len();
    ensure!(told == 1, "{told} events Paused");

    annotate(&environment, PAUSED, None).await?;
    environment.await_gone(Kind::Subaccount, NAME).await?;
    ensure!(
        environment.simulator.find_account(&acme.auth_id).await?.is_none(),
        "the account outlived its object"
    );
    Ok(())
}

async fn paused_in_a_create(bed: Arc<TestBed>, api: Api) -> Result<()> {
    let mut options = options("wish-midway", api);
    options
        .operator_flags
        .extend(["--request-timeout-seconds=30", "--settle-seconds=30"].map(str::to_owned));
    let environment = bed.environment(options).await?;
    let fault = Fault::hold_after_commit().operation(Operation::Create).times(1);
    environment.simulator.add_fault(&fault).await?;
    environment.create_subaccount(NAME, json!({})).await?;
    let held = JournalQuery::new().operation(Operation::Create).held(true);
    environment.simulator.await_journal(&held, 1, PATIENCE).await?;
    annotate(&environment, PAUSED, Some("true")).await?;
    environment.simulator.release_holds().await?;
    await_paused(&environment).await?;
    resync_twice(&environment).await?;
    ensure!(
        count(&environment, Operation::Create).await? == 1,
        "a create was sent while paused"
    );

    annotate(&environment, PAUSED, None).await?;
    environment.await_ready(NAME).await?;
    await_event(&environment, NAME, "Resumed").await?;
    ensure!(
        count(&environment, Operation::Create).await? == 1,
        "the pair was lost"
    );
    ensure!(
        count(&environment, Operation::Delete).await? == 0,
        "an account was deleted"
    );
    ensure_consistent(&environment, &[NAME.to_owned()]).await
}

async fn requested(bed: Arc<TestBed>, api: Api) -> Result<()> {
    let mut options = options("wish-requested", api);
    options.account["resyncIntervalSeconds"] = json!(3600);
    let environment = bed.environment(options).await?;
    let acme = environment.create_ready(NAME, json!({})).await?;
    for value in ["first", "2026-11-26T12:00:00Z"] {
        environment.objects.delete(Kind::Secret, SECRET).await?;
        environment
            .simulator
            .change_account(&acme.auth_id, &json!({"enabled": false}))
            .await?;
        let mark = environment.simulator.journal_mark().await?;
        annotate(&environment, REQUESTED, Some(value)).await?;
        environment
            .await_object(Kind::Subaccount, NAME, "handled", |object| {
                object["status"]["lastHandledReconcileAt"] == value
            })
            .await?;
        let account = environment.simulator.account(&acme.auth_id).await?;
        ensure!(account["enabled"] == true, "the drift was not mended");
        secret_values(&environment.objects, SECRET).await?;
        // Once: what was handled asks for nothing any more.
        let looks = JournalQuery::new().since(mark).operation(Operation::Get);
        let before = environment.simulator.journal_count(&looks).await?;
        ensure!(before >= 1, "the account was not looked at");
        let edit = json!({"metadata": {"labels": {"touched": value.to_lowercase().replace(':', "-")}}});
        environment.objects.merge(Kind::Subaccount, NAME, &edit).await?;
        let pause = environment.objects.with_deadline(Duration::from_secs(2));
        let again = pause
            .await_object(Kind::Subaccount, NAME, "written again", |object| {
                object["status"]["lastHandledReconcileAt"] != value
            })
            .await;
        ensure!(again.is_err(), "the value that was handled is not kept");
        let after = environment.simulator.journal_count(&looks).await?;
        ensure!(after == before, "{after} looks instead of {before} for one value");
    }

    // A look that fails is not over: the value is echoed when there was one.
    let down = Fault::status(503).operation(Operation::Get).times(2);
    environment.simulator.add_fault(&down).await?;
    environment
        .simulator
        .change_account(&acme.auth_id, &json!({"enabled": false}))
        .await?;
    annotate(&environment, REQUESTED, Some("third")).await?;
    environment
        .await_object(Kind::Subaccount, NAME, "handled", |object| {
            object["status"]["lastHandledReconcileAt"] == "third"
        })
        .await?;
    let account = environment.simulator.account(&acme.auth_id).await?;
    ensure!(
        account["enabled"] == true,
        "it was echoed before the look succeeded"
    );
    ensure_consistent(&environment, &[NAME.to_owned()]).await
}

/// How an object goes so that its account stays.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Goes {
    Retain,
    Disable,
    Stripped,
}

async fn go(environment: &mut Environment, how: Goes) -> Result<()> {
    if how != Goes::Stripped {
        environment.objects.delete(Kind::Subaccount, NAME).await?;
        return environment.await_gone(Kind::Subaccount, NAME).await;
    }
    environment.operator()?.kill_hard().await?;
    environment.objects.delete(Kind::Subaccount, NAME).await?;
    let stripped = json!({"metadata": {"finalizers": null}});
    environment
        .objects
        .merge(Kind::Subaccount, NAME, &stripped)
        .await?;
    environment.objects.await_gone(Kind::Subaccount, NAME).await?;
    environment.restart_operator()?;
    environment.operator()?.await_ready().await
}

async fn reclaimed(bed: Arc<TestBed>, api: Api) -> Result<()> {
    for how in [Goes::Retain, Goes::Disable, Goes::Stripped] {
        let mut environment = bed.environment(options("wish-reclaim", api)).await?;
        let spec = match how {
            Goes::Stripped => json!({}),
            Goes::Retain | Goes::Disable => json!({"deletion": {"policy": format!("{how:?}")}}),
        };
        let first = environment.create_ready(NAME, spec.clone()).await?;
        // Told last: an operator that is killed sooner tells nothing.
        await_event(&environment, NAME, "SubaccountCreated").await?;
        let pair = secret_values(&environment.objects, SECRET).await?;
        go(&mut environment, how)
            .await
            .with_context(|| format!("{how:?}"))?;
        // The garbage collector takes it with its owner.
        environment.await_gone(Kind::Secret, SECRET).await?;
        if how == Goes::Disable {
            let account = environment.simulator.account(&first.auth_id).await?;
            ensure!(account["enabled"] == false, "it was not disabled");
        }

        environment.create_subaccount(NAME, spec).await?;
        environment
            .await_reason(Kind::Subaccount, NAME, "Stalled", "OrphanFound")
            .await?;
        environment
            .await_message(Kind::Subaccount, NAME, "Ready", &[RECLAIM])
            .await?;
        await_event(&environment, NAME, "OrphanFound").await?;
        resync_twice(&environment).await?;
        ensure!(
            count(&environment, Operation::Create).await? == 1,
            "{how:?}: a second account was made"
        );

        annotate(&environment, RECLAIM, Some("true")).await?;
        let ready = environment.await_ready(NAME).await?;
        ensure!(
            ready["status"]["authId"] == first.auth_id.as_str(),
            "{how:?}: another account came back"
        );
        ensure!(
            secret_values(&environment.objects, SECRET).await? == pair,
            "{how:?}: another pair came back"
        );
        let account = environment.simulator.account(&first.auth_id).await?;
        ensure!(account["enabled"] == true, "{how:?}: it is not enabled again");
        ensure!(
            count(&environment, Operation::Create).await? == 1,
            "{how:?}: an account was made"
        );
        ensure!(
            count(&environment, Operation::Delete).await? == 0,
            "{how:?}: an account was deleted"
        );
        await_event(&environment, NAME, "SubaccountReclaimed").await?;
        let created = events(&environment, NAME, "SubaccountCreated").await?.len();
        ensure!(
            created == 1,
            "{how:?}: {created} creations are told of for one create"
        );

        // It is this object's now: it goes with it.
        let delete = json!({"spec": {"deletion": {"policy": "Delete"}}});
        environment.objects.merge(Kind::Subaccount, NAME, &delete).await?;
        environment.objects.delete(Kind::Subaccount, NAME).await?;
        environment.await_gone(Kind::Subaccount, NAME).await?;
        ensure!(
            environment.simulator.accounts().await?.is_empty(),
            "{how:?}: the account outlived its second object"
        );
    }
    Ok(())
}

async fn forced(bed: Arc<TestBed>, api: Api) -> Result<()> {
    let environment = bed.environment(options("wish-forced", api)).await?;
    let acme = environment.create_ready(NAME, json!({})).await?;
    let down = Fault::status(503).operation(Operation::Delete);
    environment.simulator.add_fault(&down).await?;
    annotate(&environment, FORCE, Some("true")).await?;
    resync_twice(&environment).await?;
    let living = environment.objects.get(Kind::Subaccount, NAME).await?;
    ensure!(
        living["metadata"]["finalizers"]
            .as_array()
            .is_some_and(|all| all.len() == 1),
        "it acted on an object that lives"
    );
    annotate(&environment, FORCE, None).await?;
    annotate(&environment, PAUSED, Some("true")).await?;
    await_paused(&environment).await?;
    environment.objects.delete(Kind::Subaccount, NAME).await?;
    environment
        .await_message(Kind::Subaccount, NAME, "Ready", &["deletion is held"])
        .await?;
    annotate(&environment, FORCE, Some("true")).await?;
    environment.await_gone(Kind::Subaccount, NAME).await?;

    let told = await_event(&environment, NAME, "SubaccountOrphaned").await?;
    let note = told["note"].as_str().unwrap_or_default();
    ensure!(
        note.contains(&acme.auth_id),
        "it does not name the account: {note}"
    );
    resync_twice(&environment).await?;
    ensure!(
        count(&environment, Operation::Delete).await? == 0,
        "a delete was sent"
    );
    ensure!(
        environment.simulator.find_account(&acme.auth_id).await?.is_some(),
        "the account is gone"
    );
    ensure!(
        events(&environment, NAME, "SubaccountDeleted").await?.is_empty(),
        "it says that the account was deleted"
    );
    let told = events(&environment, NAME, "SubaccountOrphaned").await?.len();
    ensure!(told == 1, "{told} events SubaccountOrphaned");
    Ok(())
}
