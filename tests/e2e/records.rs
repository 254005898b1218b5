//! Records and what is left behind: a lost Record is rebuilt with proof or not at all, an orphan is reported, a
//! tombstone outlives its object.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use futures::future::try_join_all;
use serde_json::{Value, json};
use vobiz_harness::audit::AuditQuery;
use vobiz_harness::objects::Kind;
use vobiz_harness::simulator::Api;
use vobiz_harness::simulator_journal::{JournalQuery, Operation};
use vobiz_harness::suite::Suite;
use vobiz_harness::test_bed::{Environment, EnvironmentOptions, TestBed};

use crate::at_rest::{
    auth_id_of, await_event, await_leftovers_deleted, ensure_consistent, find_record, lose_one_create,
    record, record_name, secret_values, text, uid_of, values_of,
};
use crate::generation::in_each;

const DEADLINE: Duration = Duration::from_secs(40);
/// Longer than settle and walk take, so that a Record is seen after its object is gone.
const RETENTION_SECONDS: i64 = 15;

pub fn add_to(suite: &mut Suite) {
    in_each(
        suite,
        "all Records deleted and the operator restarted: rebuilt from the Secrets without a create",
        all_records_lost,
    );
    in_each(
        suite,
        "a Record deleted while the operator runs is rebuilt",
        one_record_lost,
    );
    // Generation 1 shows the parent its accounts' tokens: there the pair comes back.
    suite.test(
        "a pair lost with its Record and Secret is reported and never made anew (generation 2)",
        |bed| pair_lost(bed, Api::Gen2),
    );
    suite.test(
        "a copy of another object's pair binds nobody to its account (generation 2)",
        |bed| stolen_pair(bed, Api::Gen2),
    );
    in_each(
        suite,
        "an object gone without its finalizer is reported, its account and Record kept",
        finalizer_stripped,
    );
    in_each(
        suite,
        "the Record of a fenced attempt outlives its object for the retention",
        retention,
    );
}

fn options(name: &str, api: Api) -> EnvironmentOptions {
    EnvironmentOptions {
        api,
        account: json!({"resyncIntervalSeconds": 10, "rateLimit": {"requestsPerSecond": 100, "burst": 100}}),
        operator_flags: vec![
            "--request-timeout-seconds=2".to_owned(),
            "--settle-seconds=2".to_owned(),
            format!("--retention-seconds={RETENTION_SECONDS}"),
        ],
        ..EnvironmentOptions::new(name)
    }
}

async fn ready_objects(environment: &Environment, names: &[String]) -> Result<()> {
    try_join_all(
        names
            .iter()
            .map(|name| environment.create_subaccount(name, json!({}))),
    )
    .await?;
    for name in names {
        environment.await_ready(name).await?;
    }
    Ok(())
}

/// Waits until the list was read so often again: whatever a pass does at a resync was done.
async fn await_lists(environment: &Environment, count: usize) -> Result<()> {
    let mark = environment.simulator.journal_mark().await?;
    let lists = JournalQuery::new().operation(Operation::List).since(mark);
    environment.explain(environment.simulator.await_journal(&lists, count, DEADLINE).await)?;
    Ok(())
}

async fn ensure_none(environment: &Environment, operation: Operation, since: u64) -> Result<()> {
    let query = JournalQuery::new().operation(operation).since(since);
    let count = environment.simulator.journal_count(&query).await?;
    ensure!(count == 0, "{count} requests {operation:?} were sent");
    Ok(())
}

async fn await_bound(environment: &Environment, uid: &str) -> Result<BTreeMap<String, String>> {
    let bound = |secret: &Value| values_of(secret.clone()).is_ok_and(|record| record["phase"] == "Bound");
    let secret = environment
        .operator_objects
        .await_object(Kind::Secret, &record_name(uid), "Bound", bound)
        .await;
    values_of(environment.explain(secret)?)
}

async fn all_records_lost(bed: Arc<TestBed>, api: Api) -> Result<()> {
    let mut environment = bed.environment(options("records-lost", api)).await?;
    let names: Vec<String> = (0..20).map(|number| format!("kept-{number:02}")).collect();
    ready_objects(&environment, &names).await?;
    environment.operator()?.kill_hard().await?;
    let mut before = BTreeMap::new();
    for object in environment.objects.list(Kind::Subaccount).await? {
        let uid = uid_of(&object)?;
        before.insert(uid.clone(), record(&environment, &uid).await?);
        environment
            .operator_objects
            .delete(Kind::Secret, &record_name(&uid))
            .await?;
    }
    let mark = environment.simulator.journal_mark().await?;
    environment.restart_operator()?;

    for (uid, before) in &before {
        let rebuilt = await_bound(&environment, uid).await?;
        for key in [
            "namespace",
            "namespaceUid",
            "name",
            "uid",
            "parentAuthId",
            "apiGeneration",
            "auth_id",
            "auth_token",
        ] {
            ensure!(
                rebuilt.get(key) == before.get(key),
                "`{key}` of the Record of {uid} has changed"
            );
        }
        // Generation 2 keeps the marker in the description: the Record knows its own account's series again.
        let same_series = rebuilt["series"] == before["series"];
        ensure!(
            same_series == (api == Api::Gen2),
            "the series is the same: {same_series}"
        );
    }
    await_lists(&environment, 2).await?;
    for name in &names {
        environment.await_ready(name).await?;
    }
    ensure_none(&environment, Operation::Create, mark).await?;
    ensure_none(&environment, Operation::Delete, mark).await?;
    ensure_consistent(&environment, &names).await
}

async fn one_record_lost(bed: Arc<TestBed>, api: Api) -> Result<()> {
    let environment = bed.environment(options("records-one", api)).await?;
    let names = vec!["one".to_owned(), "other".to_owned()];
    ready_objects(&environment, &names).await?;
    let mark = environment.simulator.journal_mark().await?;
    let uid = uid_of(&environment.objects.get(Kind::Subaccount, "one").await?)?;
    let before = environment
        .operator_objects
        .get(Kind::Secret, &record_name(&uid))
        .await?;
    environment
        .operator_objects
        .delete(Kind::Secret, &record_name(&uid))
        .await?;
    let rebuilt = environment
        .operator_objects
        .await_object(Kind::Secret, &record_name(&uid), "rebuilt and Bound", |secret| {
            secret["metadata"]["uid"] != before["metadata"]["uid"]
                && values_of(secret.clone()).is_ok_and(|record| record["phase"] == "Bound")
        })
        .await;
    environment.explain(rebuilt)?;
    environment.await_ready("one").await?;
    ensure_none(&environment, Operation::Create, mark).await?;
    ensure_consistent(&environment, &names).await
}

async fn pair_lost(bed: Arc<TestBed>, api: Api) -> Result<()> {
    let mut environment = bed.environment(options("records-pair", api)).await?;
    let names = vec!["poor".to_owned()];
    ready_objects(&environment, &names).await?;
    environment.operator()?.kill_hard().await?;
    let object = environment.objects.get(Kind::Subaccount, "poor").await?;
    let uid = uid_of(&object)?;
    environment
        .operator_objects
        .delete(Kind::Secret, &record_name(&uid))
        .await?;
    environment.objects.delete(Kind::Secret, "poor-vobiz").await?;
    let mark = environment.simulator.journal_mark().await?;
    environment.restart_operator()?;

    environment
        .await_reason(Kind::Subaccount, "poor", "Stalled", "CredentialsLost")
        .await?;
    await_event(&environment, "poor", "CredentialsLost").await?;
    await_lists(&environment, 2).await?;
    ensure_none(&environment, Operation::Create, mark).await?;
    ensure_none(&environment, Operation::Delete, mark).await?;
    let after = environment.objects.get(Kind::Subaccount, "poor").await?;
    ensure!(
        auth_id_of(&after)? == auth_id_of(&object)?,
        "the status names another account"
    );
    ensure!(
        find_record(&environment, &uid).await?.is_none(),
        "a Record was made without proof"
    );
    Ok(())
}

async fn stolen_pair(bed: Arc<TestBed>, api: Api) -> Result<()> {
    let mut environment = bed.environment(options("records-stolen", api)).await?;
    ready_objects(&environment, &["victim".to_owned(), "robbed".to_owned()]).await?;
    environment.operator()?.kill_hard().await?;
    let stolen = secret_values(&environment.objects, "victim-vobiz").await?;

    // An object whose Record is lost shows the stolen pair as its own.
    let robbed = environment.objects.get(Kind::Subaccount, "robbed").await?;
    let uid = uid_of(&robbed)?;
    environment
        .operator_objects
        .delete(Kind::Secret, &record_name(&uid))
        .await?;
    environment
        .objects
        .merge(Kind::Secret, "robbed-vobiz", &json!({"stringData": stolen}))
        .await?;

    // A new object brings a Secret of its own with the stolen pair.
    let thief = environment.create_subaccount("thief", json!({})).await?;
    let owner = json!({
        "apiVersion": "vobiz.ai/v1alpha1", "kind": "Subaccount", "name": "thief",
        "uid": uid_of(&thief)?, "controller": true,
    });
    let secret = json!({"metadata": {"ownerReferences": [owner]}, "stringData": stolen});
    environment
        .objects
        .create(Kind::Secret, "thief-vobiz", secret)
        .await?;
    environment.restart_operator()?;

    environment
        .await_reason(Kind::Subaccount, "robbed", "Stalled", "CredentialsLost")
        .await?;
    ensure!(
        find_record(&environment, &uid).await?.is_none(),
        "a Record was made from a stolen pair"
    );
    let thief = environment.await_ready("thief").await?;
    ensure!(
        auth_id_of(&thief)? != stolen["auth_id"],
        "the thief is bound to the victim's account"
    );
    let pair = secret_values(&environment.objects, "thief-vobiz").await?;
    ensure!(
        pair["auth_id"] == auth_id_of(&thief)?,
        "the thief's Secret names another account"
    );
    let account = environment.simulator.account(&pair["auth_id"]).await?;
    ensure!(
        account["auth_token"] == pair["auth_token"],
        "the thief's Secret holds a wrong token"
    );
    ensure!(
        secret_values(&environment.objects, "victim-vobiz").await? == stolen,
        "the victim's Secret has changed"
    );
    ensure!(
        environment.simulator.accounts().await?.len() == 3,
        "there are not three accounts"
    );
    Ok(())
}

async fn finalizer_stripped(bed: Arc<TestBed>, api: Api) -> Result<()> {
    let mut environment = bed.environment(options("records-stripped", api)).await?;
    ready_objects(&environment, &["down".to_owned(), "frozen".to_owned()]).await?;
    let mark = environment.simulator.journal_mark().await?;
    let strip = json!({"metadata": {"finalizers": null}});

    // Once while the operator is down, and once behind the back of one that runs.
    environment.operator()?.kill_hard().await?;
    let down = environment
        .objects
        .merge(Kind::Subaccount, "down", &strip)
        .await?;
    environment.objects.delete(Kind::Subaccount, "down").await?;
    environment.objects.await_gone(Kind::Subaccount, "down").await?;
    environment.restart_operator()?;
    await_event(&environment, "down", "SubaccountOrphaned").await?;

    environment.operator()?.pause().await?;
    let frozen = environment
        .objects
        .merge(Kind::Subaccount, "frozen", &strip)
        .await?;
    environment.objects.delete(Kind::Subaccount, "frozen").await?;
    environment.objects.await_gone(Kind::Subaccount, "frozen").await?;
    environment.operator()?.resume().await?;
    await_event(&environment, "frozen", "SubaccountOrphaned").await?;

    // An object of the same name does not get an account beside the one that is kept.
    environment.create_subaccount("down", json!({})).await?;
    environment
        .await_reason(Kind::Subaccount, "down", "Stalled", "OrphanFound")
        .await?;
    await_lists(&environment, 2).await?;
    ensure_none(&environment, Operation::Create, mark).await?;
    ensure_none(&environment, Operation::Delete, mark).await?;
    for object in [down, frozen] {
        let record = record(&environment, &uid_of(&object)?).await?;
        ensure!(record["phase"] == "Bound", "the Record is {}", record["phase"]);
        ensure!(
            record["auth_id"] == auth_id_of(&object)?,
            "the Record names another account"
        );
        let account = environment.simulator.account(&record["auth_id"]).await?;
        ensure!(account["enabled"] == true, "the orphan was disabled");
    }
    Ok(())
}

async fn retention(bed: Arc<TestBed>, api: Api) -> Result<()> {
    let environment = bed.environment(options("records-retention", api)).await?;
    let audit = environment.audit()?;
    let start = audit.mark().await?;
    ready_objects(&environment, &["plain".to_owned()]).await?;
    lose_one_create(&environment).await?;
    ready_objects(&environment, &["fenced".to_owned()]).await?;
    await_leftovers_deleted(&environment, 2).await?;
    let plain = uid_of(&environment.objects.get(Kind::Subaccount, "plain").await?)?;
    let fenced = uid_of(&environment.objects.get(Kind::Subaccount, "fenced").await?)?;

    environment.objects.delete(Kind::Subaccount, "plain").await?;
    environment.objects.delete(Kind::Subaccount, "fenced").await?;
    environment.await_gone(Kind::Subaccount, "fenced").await?;
    let closed = record(&environment, &fenced).await?;
    ensure!(closed["phase"] == "Closed", "the Record is {}", closed["phase"]);
    ensure!(
        environment.simulator.accounts().await?.is_empty(),
        "an account is left"
    );

    // A request of the fenced attempt that comes after everything was cleaned is still recognised.
    let identity = environment
        .operator_objects
        .get(Kind::ConfigMap, "vobiz-operator-installation")
        .await?;
    let late = format!(
        "[vobiz-operator {} {}.1]",
        text(&identity["data"]["id"])?,
        closed["series"]
    );
    let field = if api == Api::Gen1 { "name" } else { "description" };
    let parent = &environment.parent.auth_id;
    let mark = environment.simulator.journal_mark().await?;
    environment
        .simulator
        .create_account(&json!({"parent": parent, field: late}))
        .await?;
    let deletes = JournalQuery::new()
        .operation(Operation::Delete)
        .committed(true)
        .since(mark);
    environment.explain(environment.simulator.await_journal(&deletes, 1, DEADLINE).await)?;

    for uid in [&plain, &fenced] {
        let gone = environment
            .operator_objects
            .await_gone(Kind::Secret, &record_name(uid))
            .await;
        environment.explain(gone)?;
    }
    let kept_for = kept_for(
        &environment,
        &audit.lines(&AuditQuery::new().since(start)).await?,
        &fenced,
        &closed,
    )?;
    ensure!(
        kept_for >= RETENTION_SECONDS,
        "the Record went {kept_for} s after its last fence, before the retention of {RETENTION_SECONDS} s"
    );
    ensure!(
        environment.simulator.accounts().await?.is_empty(),
        "the late account is left"
    );
    Ok(())
}

/// Seconds from the Record's last fence to the request that deleted it.
fn kept_for(
    environment: &Environment,
    lines: &[Arc<vobiz_harness::audit::AuditLine>],
    uid: &str,
    closed: &BTreeMap<String, String>,
) -> Result<i64> {
    let deletion = lines.iter().find(|line| {
        line.verb == "delete"
            && line.response_status.code == 200
            && line.object_ref.namespace == environment.operator_objects.namespace()
            && line.object_ref.name == record_name(uid)
    });
    let deletion = deletion.context("the audit log shows no deletion of the Record")?;
    let deleted: jiff::Timestamp = deletion.request_received_timestamp.parse()?;
    let fenced: jiff::Timestamp = closed["lastFencedAt"].parse()?;
    Ok(deleted.duration_since(fenced).as_secs())
}
