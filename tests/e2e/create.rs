//! From a Subaccount to its Secret: what arrives at the API, what the Secret looks like, and how few requests it takes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use futures::future::try_join_all;
use serde_json::{Value, json};
use vobiz_harness::objects::Kind;
use vobiz_harness::simulator::Api;
use vobiz_harness::simulator_journal::{JournalQuery, Operation};
use vobiz_harness::suite::Suite;
use vobiz_harness::test_bed::{CREDENTIALS, Environment, EnvironmentOptions, TestBed};

use crate::at_rest::{
    auth_id_of, await_event, ensure_consistent, marker_of, record_name, secret_values, uid_of,
};
use crate::generation::{environment, in_each};

const COUNTED: usize = 10;
/// Finalizer, Record, bind, Secret, status.
const WRITES_PER_OBJECT: usize = 5;
const PATIENCE: Duration = Duration::from_mins(1);

pub fn add_to(suite: &mut Suite) {
    in_each(
        suite,
        "a Subaccount becomes Ready and its Secret holds the pair",
        becomes_ready,
    );
    in_each(
        suite,
        "the Secret carries the keys, labels and annotations that the spec asks for",
        as_asked,
    );
    in_each(
        suite,
        "a create takes one request, five writes and one event",
        counts,
    );
    suite.test(
        "every field of the spec arrives at the API (generation 2)",
        every_field,
    );
}

async fn becomes_ready(bed: Arc<TestBed>, api: Api) -> Result<()> {
    let environment = bed.environment(environment("create-ready", api)).await?;
    environment.create_subaccount("acme", json!({})).await?;
    let ready = environment.await_ready("acme").await?;
    ensure!(
        ready["status"]["secretName"] == "acme-vobiz",
        "{}",
        ready["status"]
    );
    ensure!(
        ready["status"]["parentAuthId"] == *environment.parent.auth_id,
        "{}",
        ready["status"]
    );
    ensure_consistent(&environment, &["acme".to_owned()]).await?;

    let auth_id = auth_id_of(&ready)?;
    let secret = environment.objects.get(Kind::Secret, "acme-vobiz").await?;
    ensure!(secret["type"] == "Opaque", "its type is {}", secret["type"]);
    ensure!(
        secret["data"].as_object().is_some_and(|data| data.len() == 2),
        "it has other keys"
    );
    let metadata = &secret["metadata"];
    ensure!(
        metadata["labels"]
            == json!({"app.kubernetes.io/managed-by": "vobiz-operator", "vobiz.ai/subaccount": "acme"}),
        "its labels are {}",
        metadata["labels"]
    );
    ensure!(
        metadata["annotations"] == json!({"vobiz.ai/auth-id": auth_id}),
        "its annotations are {}",
        metadata["annotations"]
    );
    let owner = json!([{
        "apiVersion": "vobiz.ai/v1alpha1", "kind": "Subaccount", "name": "acme", "uid": uid_of(&ready)?, "controller": true,
    }]);
    ensure!(
        metadata["ownerReferences"] == owner,
        "its owners are {}",
        metadata["ownerReferences"]
    );
    Ok(())
}

async fn as_asked(bed: Arc<TestBed>, api: Api) -> Result<()> {
    let environment = bed.environment(environment("create-keys", api)).await?;
    let secret_ref = json!({
        "name": "voice", "keys": {"authId": "VOBIZ_ID", "authToken": "VOBIZ_TOKEN"},
        "labels": {"team": "voice"}, "annotations": {"reloader.stakater.com/match": "true"},
    });
    environment
        .create_subaccount("acme", json!({"secretRef": secret_ref}))
        .await?;
    let ready = environment.await_ready("acme").await?;
    let account = environment.simulator.account(&auth_id_of(&ready)?).await?;
    let values = secret_values(&environment.objects, "voice").await?;
    let keys: Vec<&str> = values.keys().map(String::as_str).collect();
    ensure!(keys == ["VOBIZ_ID", "VOBIZ_TOKEN"], "its keys are {keys:?}");
    ensure!(
        account["auth_id"] == *values["VOBIZ_ID"],
        "it names another account"
    );
    ensure!(
        account["auth_token"] == *values["VOBIZ_TOKEN"],
        "it holds another token"
    );
    let secret = environment.objects.get(Kind::Secret, "voice").await?;
    let metadata = &secret["metadata"];
    ensure!(
        metadata["labels"]["team"] == "voice",
        "its labels are {}",
        metadata["labels"]
    );
    ensure!(
        metadata["annotations"]["reloader.stakater.com/match"] == "true",
        "its annotations are {}",
        metadata["annotations"]
    );
    Ok(())
}

async fn counts(bed: Arc<TestBed>, api: Api) -> Result<()> {
    let options = EnvironmentOptions {
        account: json!({"resyncIntervalSeconds": 10}),
        ..environment("create-counts", api)
    };
    let environment = bed.environment(options).await?;
    // The first Subaccount makes the Account 'in use'; what that takes is not this trial's matter.
    environment.create_subaccount("first", json!({})).await?;
    environment.await_ready("first").await?;
    await_event(&environment, "first", "SubaccountCreated").await?;

    let before = environment.simulator.journal_mark().await?;
    let mark = environment.audit()?.mark().await?;
    let names: Vec<String> = (0..COUNTED).map(|number| format!("counted-{number}")).collect();
    try_join_all(
        names
            .iter()
            .map(|name| environment.create_subaccount(name, json!({}))),
    )
    .await?;
    let ready = try_join_all(names.iter().map(|name| environment.await_ready(name))).await?;
    try_join_all(
        names
            .iter()
            .map(|name| await_event(&environment, name, "SubaccountCreated")),
    )
    .await?;
    // Whatever the first look at the new accounts brings belongs to their creation.
    let now = environment.simulator.journal_mark().await?;
    let lists = JournalQuery::new().since(now).operation(Operation::List);
    environment.explain(environment.simulator.await_journal(&lists, 2, PATIENCE).await)?;

    let count = async |operation| {
        environment
            .simulator
            .journal_count(&JournalQuery::new().since(before).operation(operation))
            .await
    };
    let creates = count(Operation::Create).await?;
    ensure!(
        creates == COUNTED,
        "{COUNTED} objects took {creates} create requests"
    );
    let (renames, gets) = (count(Operation::Update).await?, count(Operation::Get).await?);
    let expected = if api == Api::Gen1 { COUNTED } else { 0 };
    ensure!(
        renames == expected,
        "{COUNTED} objects took {renames} updates, not {expected}"
    );
    ensure!(count(Operation::Delete).await? == 0, "something was deleted");

    let mut most = (0, 0);
    for object in &ready {
        let (writes, events) = writes_of(&environment, mark, object).await?;
        ensure!(
            writes.len() <= WRITES_PER_OBJECT,
            "an object took the writes {writes:#?}"
        );
        ensure!(events == 1, "an object has {events} events");
        most = (most.0.max(writes.len()), most.1.max(events));
    }
    let total = environment
        .audit()?
        .writes(&environment.operator_requests(mark))
        .await?;
    let published = total
        .iter()
        .filter(|line| line.object_ref.resource == "events")
        .count();
    ensure!(
        published == COUNTED,
        "{COUNTED} objects took {published} writes of events"
    );
    // The Account counts its Subaccounts at most once per resync, however many were created.
    let counted = total
        .iter()
        .filter(|line| line.object_ref.resource == "accounts")
        .count();
    ensure!(counted <= 3, "the Account was written {counted} times");
    let others: Vec<String> = total
        .iter()
        .filter(|line| !["events", "accounts"].contains(&line.object_ref.resource.as_str()))
        .map(|line| line.summary())
        .collect();
    ensure!(
        others.len() <= COUNTED * WRITES_PER_OBJECT,
        "the operator wrote more: {others:#?}"
    );
    println!(
        "{api:?}: 1 create, {} writes, {} event per object; {renames} updates, {gets} item reads in all",
        most.0, most.1
    );
    ensure_consistent(&environment, &[names, vec!["first".to_owned()]].concat()).await
}

/// The operator's writes to one object, its Record, its Secret and its status; and its events.
async fn writes_of(
    environment: &Environment,
    mark: vobiz_harness::audit::Mark,
    object: &Value,
) -> Result<(Vec<String>, usize)> {
    let name = object["metadata"]["name"]
        .as_str()
        .context("an object without a name")?;
    let mine = [
        name.to_owned(),
        format!("{name}-vobiz"),
        record_name(&uid_of(object)?),
    ];
    let lines = environment
        .audit()?
        .writes(&environment.operator_requests(mark))
        .await?;
    let writes = lines.iter().filter(|line| {
        let target = &line.object_ref;
        ["subaccounts", "secrets"].contains(&target.resource.as_str())
            && target.name != CREDENTIALS
            && mine.contains(&target.name)
    });
    let events = environment.objects.list(Kind::Event).await?;
    let published = events
        .iter()
        .filter(|event| event["regarding"]["name"] == *name)
        .count();
    Ok((writes.map(|line| line.summary()).collect(), published))
}

async fn every_field(bed: Arc<TestBed>) -> Result<()> {
    let environment = bed.environment(environment("create-fields", Api::Gen2)).await?;
    let spec = json!({
        "name": "Acme Voice", "enabled": false, "description": "Voice for Acme", "email": "voice@acme.example",
        "phone": "+911140001234", "rateLimit": 250, "permissions": {"calls": true, "cdr": false},
        "kycMode": "customer_use", "businessType": "private_limited",
    });
    environment.create_subaccount("acme", spec).await?;
    let ready = environment.await_ready("acme").await?;
    let account = environment.simulator.account(&auth_id_of(&ready)?).await?;
    let wanted = BTreeMap::from([
        ("name", json!("Acme Voice")),
        ("enabled", json!(false)),
        ("email", json!("voice@acme.example")),
        ("phone", json!("+911140001234")),
        ("rate_limit", json!(250)),
        ("permissions", json!({"calls": true, "cdr": false})),
        ("kyc_mode", json!("customer_use")),
        ("business_type", json!("private_limited")),
    ]);
    for (field, value) in wanted {
        ensure!(
            account[field] == value,
            "{field} is {} at the API",
            account[field]
        );
    }
    let description = account["description"].as_str().unwrap_or_default();
    ensure!(
        description.starts_with("Voice for Acme") && marker_of(&account).is_some(),
        "the description is {description:?}"
    );
    let creates = environment
        .simulator
        .journal(&JournalQuery::new().operation(Operation::Create))
        .await?;
    ensure!(creates.len() == 1, "{} creates", creates.len());
    let updates = environment
        .simulator
        .journal_count(&JournalQuery::new().operation(Operation::Update))
        .await?;
    ensure!(updates == 0, "{updates} updates followed");
    Ok(())
}
