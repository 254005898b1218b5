//! Objects that come back from a backup with new uids: what survived of Records, status, Secrets, owners, the namespace and the
//! installation decides how they get their accounts back. Nothing is created and nothing is deleted at Vobiz in any row.

mod adopted;

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};
use vobiz_harness::objects::{Kind, Objects, condition_of};
use vobiz_harness::simulator::Api;
use vobiz_harness::simulator_journal::{JournalQuery, Operation};
use vobiz_harness::suite::Suite;
use vobiz_harness::test_bed::{ACCOUNT, Environment, TestBed};

use crate::at_rest::{record_name, secret_values, text, values_of};
use crate::edit::resyncing;
use crate::generation::in_each;
use crate::hands::set_status;

const RECLAIM: &str = "vobiz.ai/reclaim";
const ACCEPT: &str = "vobiz.ai/accept-restored-namespace";
const IDENTITY: &str = "vobiz-operator-installation";

pub fn add_to(suite: &mut Suite) {
    adopted::add_to(suite);
    in_each(
        suite,
        "objects that are restored into their namespace after Retain get their accounts back, whatever else was lost",
        |bed, api| same_namespace(bed, api, Left::Kept),
    );
    in_each(
        suite,
        "objects that are restored after their finalizers were stripped get their accounts back, whatever else was lost",
        |bed, api| same_namespace(bed, api, Left::Bound),
    );
    in_each(
        suite,
        "objects that are restored into a namespace made anew, or a new cluster, get their accounts back by a proof or a word",
        namespace_anew,
    );
    in_each(
        suite,
        "objects that are restored beside another installation say so, and are taken over when asked to",
        installation_anew,
    );
    suite.test(
        "objects that come back with nothing but their Secrets get their accounts back once the installation is restored too",
        |bed| installation_put_back(bed, Api::Gen2),
    );
}

/// What the operator keeps of an object that is gone.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Left {
    /// Deleted with `Retain`.
    Kept,
    /// Its finalizer was stripped.
    Bound,
}

/// What comes back of the user's Secret.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Pair {
    Gone,
    Unowned,
    /// Owned by the uid that is no more: the garbage collector takes it.
    Owned,
}

/// How the object gets its account back.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    /// By itself.
    Alone,
    /// `OrphanFound`, then `vobiz.ai/reclaim`.
    Reclaim,
    /// The same, and then the administrator's word for the earlier namespace.
    Accept,
    /// `CredentialsLost`, then the pair is put back into the Secret by hand.
    PutBack,
    /// `AuthIdConflict`, then `vobiz.ai/reclaim`.
    TakeOver,
}

/// One row of the table in `docs/reliability.md`.
#[derive(Clone, Copy, Debug)]
struct Row {
    name: &'static str,
    record: bool,
    status: bool,
    pair: Pair,
    way: Way,
}

const fn row(name: &'static str, record: bool, status: bool, pair: Pair, way: Way) -> Row {
    Row {
        name,
        record,
        status,
        pair,
        way,
    }
}

/// What was saved of one object.
struct Saved {
    row: Row,
    uid: String,
    status: Value,
    secret: Value,
    pair: BTreeMap<String, String>,
    record: Option<Value>,
}

async fn make(environment: &Environment, rows: &[Row]) -> Result<Vec<Saved>> {
    let mut saved = Vec::new();
    for (number, row) in rows.iter().enumerate() {
        // That an account may be made anew is no reason to delete one.
        let recovery = if number % 2 == 0 { "Recreate" } else { "Manual" };
        let recovery = if row.way == Way::PutBack {
            "Manual"
        } else {
            recovery
        };
        let spec = json!({"deletion": {"policy": "Retain"}, "credentialRecovery": recovery});
        let made = environment.create_ready(row.name, spec).await?;
        let object = environment.objects.get(Kind::Subaccount, row.name).await?;
        let name = format!("{}-vobiz", row.name);
        saved.push(Saved {
            row: *row,
            uid: made.uid,
            status: object["status"].clone(),
            secret: environment.objects.get(Kind::Secret, &name).await?,
            pair: secret_values(&environment.objects, &name).await?,
            record: None,
        });
    }
    Ok(saved)
}

/// Deletes every object so that its account stays, and stops the operator.
async fn lose_objects(environment: &Environment, saved: &[Saved], left: Left) -> Result<()> {
    if left == Left::Bound {
        environment.operator()?.kill_hard().await?;
    }
    for Saved { row, .. } in saved {
        environment.objects.delete(Kind::Subaccount, row.name).await?;
        if left == Left::Bound {
            let stripped = json!({"metadata": {"finalizers": null}});
            environment
                .objects
                .merge(Kind::Subaccount, row.name, &stripped)
                .await?;
        }
    }
    for Saved { row, .. } in saved {
        environment.await_gone(Kind::Subaccount, row.name).await?;
        environment
            .await_gone(Kind::Secret, &format!("{}-vobiz", row.name))
            .await?;
    }
    if left == Left::Kept {
        environment.operator()?.kill_hard().await?;
    }
    Ok(())
}

/// What a backup tool writes of a stored object: without what the API server sets.
fn portable(stored: &Value, owned: bool) -> Value {
    let mut manifest = stored.clone();
    let mut metadata = json!({});
    let mut kept = vec!["labels", "annotations"];
    kept.extend(owned.then_some("ownerReferences"));
    for key in kept {
        if !stored["metadata"][key].is_null() {
            metadata[key] = stored["metadata"][key].clone();
        }
    }
    manifest["metadata"] = metadata;
    manifest
}

async fn restore(environment: &Environment, saved: &[Saved]) -> Result<()> {
    for Saved {
        row, status, secret, ..
    } in saved
    {
        let name = format!("{}-vobiz", row.name);
        if row.pair != Pair::Gone {
            let manifest = portable(secret, row.pair == Pair::Owned);
            environment.objects.create(Kind::Secret, &name, manifest).await?;
        }
        if row.pair == Pair::Owned {
            environment.await_gone(Kind::Secret, &name).await?;
        }
        let recovery = if row.way == Way::PutBack {
            "Manual"
        } else {
            "Recreate"
        };
        let spec = json!({"deletion": {"policy": "Retain"}, "credentialRecovery": recovery});
        environment.create_subaccount(row.name, spec).await?;
        if row.status {
            set_status(environment, row.name, status).await?;
        }
    }
    Ok(())
}

async fn annotate(objects: &Objects, kind: Kind, name: &str, key: &str, value: &str) -> Result<()> {
    let patch = json!({"metadata": {"annotations": {key: value}}});
    objects.merge(kind, name, &patch).await.map(drop)
}

fn earlier_namespace(saved: &Saved) -> Result<String> {
    let record = saved.record.clone().context("no Record was saved")?;
    Ok(values_of(record)?["namespaceUid"].clone())
}

/// Follows the way that the object's own message names, to its end.
async fn follow(environment: &Environment, saved: &Saved) -> Result<()> {
    let Row { name, way, .. } = saved.row;
    let reason = match way {
        Way::Alone => None,
        Way::Reclaim | Way::Accept => Some(("OrphanFound", RECLAIM)),
        Way::TakeOver => Some(("AuthIdConflict", RECLAIM)),
        Way::PutBack => Some(("CredentialsLost", "put it back")),
    };
    if let Some((reason, remedy)) = reason {
        environment
            .await_reason(Kind::Subaccount, name, "Stalled", reason)
            .await?;
        environment
            .await_message(Kind::Subaccount, name, "Ready", &[remedy])
            .await?;
    }
    match way {
        Way::Alone => {}
        Way::Reclaim | Way::TakeOver => {
            annotate(&environment.objects, Kind::Subaccount, name, RECLAIM, "true").await?;
        }
        Way::Accept => {
            annotate(&environment.objects, Kind::Subaccount, name, RECLAIM, "true").await?;
            let earlier = earlier_namespace(saved)?;
            environment
                .await_message(Kind::Subaccount, name, "Ready", &[ACCEPT, &earlier])
                .await?;
        }
        Way::PutBack => {
            let secret = format!("{name}-vobiz");
            let values: Vec<String> = saved
                .pair
                .iter()
                .map(|(key, value)| format!("--from-literal={key}={value}"))
                .collect();
            let namespace = environment.objects.namespace();
            let mut arguments = vec!["create", "secret", "generic", &secret, "--namespace", namespace];
            arguments.extend(values.iter().map(String::as_str));
            environment.control_plane().kubectl().run(&arguments).await?;
        }
    }
    Ok(())
}

/// The object has its old account and pair, in Secret and Record.
async fn ensure_back(environment: &Environment, saved: &Saved) -> Result<()> {
    let name = saved.row.name;
    let object = environment.await_ready(name).await?;
    ensure!(
        object["status"]["authId"] == saved.status["authId"],
        "another account came back"
    );
    // A status that came back with the object may say that it is Ready before anybody has looked at it.
    let secret = format!("{name}-vobiz");
    environment
        .await_object(Kind::Secret, &secret, "the object's", |stored| {
            stored["metadata"]["ownerReferences"][0]["uid"] == object["metadata"]["uid"]
        })
        .await?;
    ensure!(
        secret_values(&environment.objects, &secret).await? == saved.pair,
        "another pair came back"
    );
    for record in environment.operator_objects.list(Kind::Secret).await? {
        let values = values_of(record)?;
        let serves = values.get("uid").map(String::as_str) == object["metadata"]["uid"].as_str();
        if serves && values.get("phase").is_some_and(|phase| phase == "Bound") {
            ensure!(
                values["auth_id"] == saved.pair["auth_id"]
                    && values["auth_token"] == saved.pair["auth_token"],
                "its Record holds another pair"
            );
            return Ok(());
        }
    }
    bail!("no bound Record serves it")
}

async fn finish(environment: &Environment, saved: &[Saved]) -> Result<()> {
    for one in saved {
        follow(environment, one)
            .await
            .with_context(|| format!("{:?}", one.row))?;
    }
    for one in saved {
        ensure_back(environment, one)
            .await
            .with_context(|| format!("{:?}", one.row))?;
    }
    ensure_same_accounts(environment, saved.len(), saved.len()).await
}

/// Nothing was made or deleted but by so many creates before the restore.
async fn ensure_same_accounts(environment: &Environment, creates: usize, accounts: usize) -> Result<()> {
    let count = |operation| JournalQuery::new().operation(operation);
    let simulator = &environment.simulator;
    let asked = (
        simulator.journal_count(&count(Operation::Create)).await?,
        simulator.journal_count(&count(Operation::Delete)).await?,
    );
    ensure!(
        asked == (creates, 0),
        "{} creates for {accounts} objects, and {} deletes",
        asked.0,
        asked.1
    );
    let found = simulator.accounts().await?.len();
    ensure!(found == accounts, "{found} accounts exist");
    Ok(())
}

async fn save_records(environment: &Environment, saved: &mut [Saved]) -> Result<()> {
    for one in saved {
        let name = record_name(&one.uid);
        one.record = Some(environment.operator_objects.get(Kind::Secret, &name).await?);
    }
    Ok(())
}

/// Takes every Record away, and puts back those that a backup has.
async fn restore_records(environment: &Environment, saved: &[Saved]) -> Result<()> {
    for Saved { row, uid, record, .. } in saved {
        let name = record_name(uid);
        environment.operator_objects.delete(Kind::Secret, &name).await?;
        if row.record {
            let record = record.as_ref().context("no Record was saved")?;
            environment
                .operator_objects
                .create(Kind::Secret, &name, portable(record, false))
                .await?;
        }
    }
    Ok(())
}

async fn same_namespace(bed: Arc<TestBed>, api: Api, left: Left) -> Result<()> {
    let mut rows = vec![
        row("record", true, false, Pair::Gone, Way::Reclaim),
        row("record-status", true, true, Pair::Gone, Way::Reclaim),
        row("record-status-pair", true, true, Pair::Unowned, Way::Reclaim),
        row("record-pair", true, false, Pair::Unowned, Way::Reclaim),
        row("record-status-owned", true, true, Pair::Owned, Way::Reclaim),
        row("status-pair", false, true, Pair::Unowned, Way::Alone),
    ];
    rows.extend(without_record(api));
    let mut environment = bed.environment(resyncing("restore", api)).await?;
    let mut saved = make(&environment, &rows).await?;
    lose_objects(&environment, &saved, left).await?;
    save_records(&environment, &mut saved).await?;
    restore_records(&environment, &saved).await?;
    restore(&environment, &saved).await?;
    environment.restart_operator()?;
    finish(&environment, &saved).await
}

/// Generation 1 shows the parent its accounts' tokens, and has no marker on an account that was renamed.
fn without_record(api: Api) -> Vec<Row> {
    if api == Api::Gen1 {
        vec![row("status", false, true, Pair::Gone, Way::Alone)]
    } else {
        vec![
            row("status", false, true, Pair::Gone, Way::PutBack),
            row("status-owned", false, true, Pair::Owned, Way::PutBack),
            row("pair", false, false, Pair::Unowned, Way::Alone),
        ]
    }
}

async fn delete_namespace(environment: &Environment) -> Result<()> {
    let namespace = environment.objects.namespace().to_owned();
    environment.objects.delete(Kind::Namespace, &namespace).await?;
    environment.await_gone(Kind::Namespace, &namespace).await?;
    environment.operator()?.kill_hard().await?;
    environment
        .objects
        .create(Kind::Namespace, &namespace, json!({}))
        .await?;
    Ok(())
}

async fn namespace_anew(bed: Arc<TestBed>, api: Api) -> Result<()> {
    let mut rows = vec![
        row("record", true, false, Pair::Gone, Way::Accept),
        row("record-status", true, true, Pair::Gone, Way::Accept),
        row("record-status-owned", true, true, Pair::Owned, Way::Accept),
        row("record-pair", true, false, Pair::Unowned, Way::Reclaim),
        row("record-status-pair", true, true, Pair::Unowned, Way::Reclaim),
        row("status-pair", false, true, Pair::Unowned, Way::Alone),
    ];
    rows.extend(without_record(api));
    // What needs no word must not live by the one that was given for another.
    rows.sort_by_key(|row| row.way == Way::Accept);
    let mut environment = bed.environment(resyncing("restore-anew", api)).await?;
    let mut saved = make(&environment, &rows).await?;
    delete_namespace(&environment).await?;
    save_records(&environment, &mut saved).await?;
    restore_records(&environment, &saved).await?;
    environment
        .create_account(json!({"resyncIntervalSeconds": 10}))
        .await?;
    restore(&environment, &saved).await?;
    environment.restart_operator()?;
    let (alone, accepted) = saved.split_at(rows.iter().filter(|row| row.way != Way::Accept).count());
    for one in alone {
        follow(&environment, one)
            .await
            .with_context(|| format!("{:?}", one.row))?;
        ensure_back(&environment, one)
            .await
            .with_context(|| format!("{:?}", one.row))?;
    }
    for one in accepted {
        follow(&environment, one)
            .await
            .with_context(|| format!("{:?}", one.row))?;
    }
    // A word on a Record is for that one alone.
    let (first, others) = accepted.split_first().context("no row needs a word")?;
    let (record, earlier) = (record_name(&first.uid), earlier_namespace(first)?);
    annotate(
        &environment.operator_objects,
        Kind::Secret,
        &record,
        ACCEPT,
        &earlier,
    )
    .await?;
    ensure_back(&environment, first).await?;
    for one in others {
        let object = environment.objects.get(Kind::Subaccount, one.row.name).await?;
        let stalled = condition_of(&object, "Stalled").map(|stalled| &stalled["reason"]);
        ensure!(
            stalled == Some(&json!("OrphanFound")),
            "{:?}: {}",
            one.row,
            object["status"]
        );
    }
    let several = format!("00000000-0000-0000-0000-000000000000, {earlier}");
    annotate(&environment.objects, Kind::Account, ACCOUNT, ACCEPT, &several).await?;
    let done: Vec<Saved> = saved
        .into_iter()
        .map(|one| Saved {
            row: Row {
                way: Way::Alone,
                ..one.row
            },
            ..one
        })
        .collect();
    finish(&environment, &done).await
}

async fn installation_anew(bed: Arc<TestBed>, api: Api) -> Result<()> {
    // An account of generation 1 carries no marker once it is renamed.
    let conflict = if api == Api::Gen1 {
        Way::Alone
    } else {
        Way::TakeOver
    };
    let rows = [
        row("record-status", true, true, Pair::Gone, Way::Reclaim),
        row("status-pair", false, true, Pair::Unowned, conflict),
    ];
    let mut environment = bed.environment(resyncing("restore-other", api)).await?;
    let mut saved = make(&environment, &rows).await?;
    lose_objects(&environment, &saved, Left::Kept).await?;
    save_records(&environment, &mut saved).await?;
    restore_records(&environment, &saved).await?;
    let before = environment
        .operator_objects
        .get(Kind::ConfigMap, IDENTITY)
        .await?;
    environment
        .operator_objects
        .delete(Kind::ConfigMap, IDENTITY)
        .await?;
    restore(&environment, &saved).await?;
    environment.restart_operator()?;
    finish(&environment, &saved).await?;
    let after = environment
        .operator_objects
        .get(Kind::ConfigMap, IDENTITY)
        .await?;
    ensure!(
        text(&after["data"]["id"])? != text(&before["data"]["id"])?,
        "the installation is the same"
    );
    for one in &saved {
        let object = environment.objects.get(Kind::Subaccount, one.row.name).await?;
        ensure!(condition_of(&object, "Stalled").is_none(), "{}", object["status"]);
    }
    Ok(())
}

async fn installation_put_back(bed: Arc<TestBed>, api: Api) -> Result<()> {
    let rows = [row("pair", false, false, Pair::Unowned, Way::Alone)];
    let mut environment = bed.environment(resyncing("restore-identity", api)).await?;
    let saved = make(&environment, &rows).await?;
    lose_objects(&environment, &saved, Left::Kept).await?;
    restore_records(&environment, &saved).await?;
    let identity = environment
        .operator_objects
        .get(Kind::ConfigMap, IDENTITY)
        .await?;
    environment
        .operator_objects
        .delete(Kind::ConfigMap, IDENTITY)
        .await?;
    restore(&environment, &saved).await?;
    environment.restart_operator()?;
    environment
        .await_reason(Kind::Subaccount, "pair", "Stalled", "SecretConflict")
        .await?;

    environment.operator()?.kill_hard().await?;
    environment
        .operator_objects
        .delete(Kind::ConfigMap, IDENTITY)
        .await?;
    environment
        .operator_objects
        .create(Kind::ConfigMap, IDENTITY, portable(&identity, false))
        .await?;
    environment.restart_operator()?;
    finish(&environment, &saved).await
}
