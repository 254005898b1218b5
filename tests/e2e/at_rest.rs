//! What must hold when nothing is under way: one account, one bound Record and one right Secret per object, and every
//! account that went was one whose marker a Record had fenced.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::core::v1::Secret;
use serde_json::{Value, json};
use vobiz_harness::objects::{Kind, Objects, condition_of};
use vobiz_harness::simulator_control::Fault;
use vobiz_harness::simulator_journal::{JournalQuery, Operation};
use vobiz_harness::test_bed::{ACCOUNT, Environment};

/// How long leftovers may take to be found and deleted.
const SWEEP_DEADLINE: Duration = Duration::from_mins(1);

/// The decoded values of a Secret.
pub fn values_of(secret: Value) -> Result<BTreeMap<String, String>> {
    let secret: Secret = serde_json::from_value(secret).context("failed to read a Secret")?;
    let values = secret.data.unwrap_or_default().into_iter();
    values
        .map(|(key, value)| Ok((key, String::from_utf8(value.0)?)))
        .collect()
}

/// The values of one Secret, which must exist.
pub async fn secret_values(objects: &Objects, name: &str) -> Result<BTreeMap<String, String>> {
    values_of(objects.get(Kind::Secret, name).await?)
}

/// The Record of an object of this uid, if it exists.
pub async fn find_record(environment: &Environment, uid: &str) -> Result<Option<BTreeMap<String, String>>> {
    let found = environment
        .operator_objects
        .find(Kind::Secret, &record_name(uid))
        .await?;
    found.map(values_of).transpose()
}

/// The Record of an object of this uid, which must exist.
pub async fn record(environment: &Environment, uid: &str) -> Result<BTreeMap<String, String>> {
    let found = find_record(environment, uid).await?;
    found.with_context(|| format!("there is no Record of {uid}"))
}

/// The name of the Secret that holds the Record of an object.
pub fn record_name(uid: &str) -> String {
    format!("subaccount-{uid}")
}

/// The uid of an object.
pub fn uid_of(object: &Value) -> Result<String> {
    Ok(text(&object["metadata"]["uid"])?.to_owned())
}

/// The account that an object's status names.
pub fn auth_id_of(object: &Value) -> Result<String> {
    Ok(text(&object["status"]["authId"])?.to_owned())
}

pub fn text(value: &Value) -> Result<&str> {
    value.as_str().context("a field that must be text is not there")
}

/// The answer to the next create is lost after it was carried out.
pub async fn lose_one_create(environment: &Environment) -> Result<()> {
    let lost = Fault::new(json!({"type": "lose_after"}))
        .operation(Operation::Create)
        .times(1);
    environment.simulator.add_fault(&lost).await.map(drop)
}

/// Begins a create and has its answer held once the account is made. Returns the object as created.
pub async fn held_create(environment: &Environment, name: &str, within: Duration) -> Result<Value> {
    let hold = Fault::hold_after_commit().operation(Operation::Create).times(1);
    environment.simulator.add_fault(&hold).await?;
    let created = environment.create_subaccount(name, json!({})).await?;
    let unanswered = JournalQuery::new()
        .operation(Operation::Create)
        .committed(true)
        .held(true);
    environment.explain(environment.simulator.await_journal(&unanswered, 1, within).await)?;
    Ok(created)
}

/// One create was sent, whatever happened around it.
pub async fn ensure_one_create(environment: &Environment) -> Result<()> {
    let creates = JournalQuery::new().operation(Operation::Create);
    let creates = environment.simulator.journal_count(&creates).await?;
    ensure!(creates == 1, "{creates} creates were sent");
    Ok(())
}

/// So many creates and deletes were carried out.
pub async fn ensure_counts(environment: &Environment, creates: usize, deletes: usize) -> Result<()> {
    let count = |operation| JournalQuery::new().operation(operation).committed(true);
    let simulator = &environment.simulator;
    let found = (
        simulator.journal_count(&count(Operation::Create)).await?,
        simulator.journal_count(&count(Operation::Delete)).await?,
    );
    ensure!(
        found == (creates, deletes),
        "{} creates and {} deletes were carried out instead of {creates} and {deletes}",
        found.0,
        found.1
    );
    Ok(())
}

/// The pair is in the Record, and is the account's. The token.
pub async fn ensure_safe(environment: &Environment, uid: &str) -> Result<String> {
    let kept = record(environment, uid).await?;
    ensure!(kept["phase"] == "Bound", "the Record is {}", kept["phase"]);
    let account = environment.simulator.account(&kept["auth_id"]).await?;
    ensure!(account["auth_token"] == *kept["auth_token"], "the pair is wrong");
    Ok(kept["auth_token"].clone())
}

/// Waits until the object says that Kubernetes keeps its Secret out, with these words, and so is not Ready.
pub async fn await_kept_out(environment: &Environment, name: &str, texts: &[&str]) -> Result<Value> {
    environment
        .await_reason(Kind::Subaccount, name, "CredentialsPublished", "SecretForbidden")
        .await?;
    let shown = environment
        .await_message(Kind::Subaccount, name, "CredentialsPublished", texts)
        .await?;
    ensure!(
        condition_of(&shown, "Ready").is_some_and(|ready| ready["status"] == "False"),
        "{}",
        shown["status"]
    );
    Ok(shown)
}

/// Waits until the Account says that so many Subaccounts are kept under it.
pub async fn await_counted(environment: &Environment, managed: usize) -> Result<()> {
    let waited = environment
        .objects
        .await_object(
            Kind::Account,
            ACCOUNT,
            &format!("counting {managed}"),
            |account| account["status"]["subaccounts"]["managed"] == managed,
        )
        .await;
    environment.explain(waited).map(drop)
}

/// Waits until every account that an object does not own is deleted: as many as creates were carried out in excess.
pub async fn await_leftovers_deleted(environment: &Environment, objects: usize) -> Result<usize> {
    let carried_out = |operation| JournalQuery::new().operation(operation).committed(true);
    // Ready objects create nothing more, but a request that came late may still be carried out.
    let creates = environment
        .simulator
        .journal_count(&carried_out(Operation::Create))
        .await?;
    let excess = creates
        .checked_sub(objects)
        .context("fewer accounts were made than objects exist")?;
    let waited = environment
        .simulator
        .await_journal(&carried_out(Operation::Delete), excess, SWEEP_DEADLINE)
        .await;
    environment.explain(waited)?;
    Ok(excess)
}

/// Judges the whole environment: exactly these objects have accounts, and nobody else.
pub async fn ensure_consistent(environment: &Environment, names: &[String]) -> Result<()> {
    let accounts = environment.simulator.accounts().await?;
    ensure!(
        accounts.len() == names.len(),
        "{} accounts exist for {} objects",
        accounts.len(),
        names.len()
    );
    let mut tokens = BTreeMap::new();
    for account in &accounts {
        tokens.insert(text(&account["auth_id"])?, account);
    }
    let mut taken = BTreeSet::new();
    let mut records = BTreeMap::new();
    for name in names {
        let object = environment.objects.get(Kind::Subaccount, name).await?;
        let auth_id = auth_id_of(&object)?;
        let account = tokens
            .get(auth_id.as_str())
            .with_context(|| format!("{name} names {auth_id}, which does not exist"))?;
        ensure!(taken.insert(auth_id.clone()), "two objects name {auth_id}");
        ensure!(
            account["name"] == *name,
            "{auth_id} of {name} is called {}",
            account["name"]
        );
        let pair = secret_values(&environment.objects, &format!("{name}-vobiz")).await?;
        ensure!(
            pair.get("auth_id") == Some(&auth_id),
            "the Secret of {name} names another account"
        );
        let right = pair
            .get("auth_token")
            .is_some_and(|token| account["auth_token"] == **token);
        ensure!(right, "the Secret of {name} holds a wrong token");
        let record = record(environment, &uid_of(&object)?).await?;
        ensure!(
            record["phase"] == "Bound",
            "the Record of {name} is {}",
            record["phase"]
        );
        ensure!(
            record.get("auth_id") == Some(&auth_id),
            "the Record of {name} names another account"
        );
        ensure!(
            record.get("auth_token") == pair.get("auth_token"),
            "the Record of {name} holds another token"
        );
        records.insert(record["series"].clone(), record);
    }
    ensure_only_leftovers_went(environment, &records).await
}

/// Every deleted account carried a marker that its Record had fenced, and is no object's account.
async fn ensure_only_leftovers_went(
    environment: &Environment,
    records: &BTreeMap<String, BTreeMap<String, String>>,
) -> Result<()> {
    for deleted in environment.simulator.deleted_accounts().await? {
        let account = deleted.get("account").unwrap_or(&deleted);
        let auth_id = text(&account["auth_id"])?;
        let (series, epoch) =
            marker_of(account).with_context(|| format!("{auth_id} went without a marker"))?;
        let record = records
            .get(&series)
            .with_context(|| format!("{auth_id} went, whose series is in no Record"))?;
        let fenced: u32 = record["fencedThrough"].parse()?;
        ensure!(
            epoch <= fenced,
            "{auth_id} of epoch {epoch} went, fenced are those through {fenced}"
        );
        ensure!(
            record["auth_id"] != auth_id,
            "the bound account {auth_id} was deleted"
        );
    }
    Ok(())
}

/// Series and epoch of an account's marker: in the description, or in the staged name.
pub fn marker_of(account: &Value) -> Option<(String, u32)> {
    let parse = |field: &Value| {
        let (_, marker) = field.as_str()?.rsplit_once("[vobiz-operator ")?;
        let (_, attempt) = marker.strip_suffix(']')?.split_once(' ')?;
        let (series, epoch) = attempt.split_once('.')?;
        Some((series.to_owned(), epoch.parse().ok()?))
    };
    parse(&account["description"]).or_else(|| parse(&account["name"]))
}

/// The events about an object of this name with this reason.
pub async fn events(environment: &Environment, name: &str, reason: &str) -> Result<Vec<Value>> {
    let events = environment.objects.list(Kind::Event).await?;
    let about = |event: &Value| event["regarding"]["name"] == *name && event["reason"] == *reason;
    Ok(events.into_iter().filter(about).collect())
}

/// Waits until an event about an object of this name with this reason was published.
pub async fn await_event(environment: &Environment, name: &str, reason: &str) -> Result<Value> {
    let waited = tokio::time::timeout(SWEEP_DEADLINE, async {
        loop {
            if let Some(event) = events(environment, name, reason).await?.into_iter().next() {
                return anyhow::Ok(event);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    let waited = waited
        .await
        .with_context(|| format!("there is no event {reason} about {name}"));
    environment.explain(waited.and_then(|found| found))
}
