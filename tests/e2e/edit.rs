//! Edits: only what differs is sent, in the order that the API asks for, and nothing that cannot be applied.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use vobiz_harness::objects::{Kind, condition_of};
use vobiz_harness::simulator::Api;
use vobiz_harness::simulator_journal::{JournalEntry, JournalQuery, Operation};
use vobiz_harness::suite::Suite;
use vobiz_harness::test_bed::{Environment, EnvironmentOptions, TestBed};

use crate::at_rest::{auth_id_of, await_event};
use crate::generation::{environment, in_each};

pub const NAME: &str = "acme";
pub const PATIENCE: Duration = Duration::from_mins(1);
/// Field of the spec, its name at the API, its value, another value.
pub type Field = (&'static str, &'static str, Value, Value);

pub fn add_to(suite: &mut Suite) {
    suite.test(
        "an edit of each field sends that field alone (generation 2)",
        each_field_edited,
    );
    suite.test(
        "an edit sends name and enabled, as documented (generation 1)",
        edited_in_generation_1,
    );
    in_each(suite, "a disabled Subaccount is Ready and says so", disabled);
    suite.test(
        "a new email arrives before the mode that needs it (generation 2)",
        email_first,
    );
    suite.test(
        "a field that the spec names no longer stays at Vobiz and is told of until it is named again (generation 2)",
        named_no_longer,
    );
    suite.test(
        "a field that generation 1 does not have is refused without a request",
        not_in_generation_1,
    );
}

pub fn fields(api: Api) -> Vec<Field> {
    let mut fields = vec![
        ("name", "name", json!("Acme"), json!("Acme 2")),
        ("enabled", "enabled", json!(true), json!(false)),
    ];
    if api != Api::Gen1 {
        fields.extend([
            (
                "description",
                "description",
                json!("Voice"),
                json!("Voice and more"),
            ),
            ("email", "email", json!("a@acme.example"), json!("b@acme.example")),
            ("phone", "phone", json!("+911140001234"), json!("+911140005678")),
            ("rateLimit", "rate_limit", json!(250), json!(99)),
            (
                "permissions",
                "permissions",
                json!({"calls": true, "cdr": false}),
                json!({"calls": true, "cdr": true}),
            ),
            (
                "kycMode",
                "kyc_mode",
                json!("personal_use"),
                json!("customer_use"),
            ),
            ("businessType", "business_type", json!("llp"), json!("trust")),
        ]);
    }
    fields
}

pub fn whole_spec(api: Api) -> Value {
    fields(api)
        .into_iter()
        .map(|(field, _, value, _)| (field.to_owned(), value))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

pub fn resyncing(name: &str, api: Api) -> EnvironmentOptions {
    EnvironmentOptions {
        account: json!({"resyncIntervalSeconds": 10}),
        ..environment(name, api)
    }
}

pub async fn create(environment: &Environment, name: &str, spec: Value) -> Result<String> {
    environment.create_subaccount(name, spec).await?;
    auth_id_of(&environment.await_ready(name).await?)
}

pub async fn edit(environment: &Environment, spec: Value) -> Result<Value> {
    environment
        .objects
        .merge(Kind::Subaccount, NAME, &json!({"spec": spec}))
        .await
}

pub async fn updates(environment: &Environment, since: u64, auth_id: &str) -> Result<Vec<JournalEntry>> {
    let query = JournalQuery::new()
        .since(since)
        .operation(Operation::Update)
        .id(auth_id);
    environment.simulator.journal(&query).await
}

/// Waits for two further resyncs.
pub async fn resync_twice(environment: &Environment) -> Result<()> {
    let now = environment.simulator.journal_mark().await?;
    let lists = JournalQuery::new().since(now).operation(Operation::List);
    environment
        .explain(environment.simulator.await_journal(&lists, 2, PATIENCE).await)
        .map(drop)
}

/// The one body that was sent holds this field alone; a description ends with the account's marker.
pub fn ensure_sent(sent: &[JournalEntry], marker: &str, field: &str, value: &Value) -> Result<()> {
    let value = match (field, value.as_str()) {
        ("description", Some(text)) => json!(format!("{text} {marker}")),
        _ => value.clone(),
    };
    let wanted = json!({field: value});
    let bodies: Vec<&Value> = sent.iter().filter_map(|entry| entry.body.as_ref()).collect();
    ensure!(
        bodies == [&wanted],
        "for {field} the bodies {bodies:?} were sent, not {wanted}"
    );
    Ok(())
}

/// The marker at the end of an account's description.
async fn marker(environment: &Environment, auth_id: &str) -> Result<String> {
    let account = environment.simulator.account(auth_id).await?;
    let description = account["description"].as_str().unwrap_or_default();
    let start = description
        .rfind("[vobiz-operator ")
        .context("the account has no marker")?;
    Ok(description[start..].to_owned())
}

async fn each_field_edited(bed: Arc<TestBed>) -> Result<()> {
    let environment = bed.environment(environment("edit-each", Api::Gen2)).await?;
    let auth_id = create(&environment, NAME, whole_spec(Api::Gen2)).await?;
    let marker = marker(&environment, &auth_id).await?;
    for (field, wire, _, value) in fields(Api::Gen2) {
        let before = environment.simulator.journal_mark().await?;
        edit(&environment, json!({field: value})).await?;
        environment.await_ready(NAME).await?;
        let sent = updates(&environment, before, &auth_id).await?;
        ensure_sent(&sent, &marker, wire, &value)?;
        ensure!(
            sent[0].method == "PUT" && sent[0].committed,
            "it was sent as {:?}",
            sent[0]
        );
    }
    let account = environment.simulator.account(&auth_id).await?;
    ensure!(
        account["description"] == format!("Voice and more {marker}"),
        "{}",
        account["description"]
    );
    await_event(&environment, NAME, "SubaccountUpdated")
        .await
        .map(drop)
}

async fn edited_in_generation_1(bed: Arc<TestBed>) -> Result<()> {
    let environment = bed.environment(environment("edit-gen1", Api::Gen1)).await?;
    let auth_id = create(&environment, NAME, json!({})).await?;
    for (spec, wanted) in [
        (json!({"name": "Acme"}), json!({"name": "Acme", "enabled": true})),
        (
            json!({"enabled": false}),
            json!({"name": "Acme", "enabled": false}),
        ),
    ] {
        let before = environment.simulator.journal_mark().await?;
        edit(&environment, spec).await?;
        environment.await_ready(NAME).await?;
        let sent = updates(&environment, before, &auth_id).await?;
        let bodies: Vec<&Value> = sent.iter().filter_map(|entry| entry.body.as_ref()).collect();
        ensure!(
            bodies == [&wanted],
            "the bodies {bodies:?} were sent, not {wanted}"
        );
        ensure!(sent[0].method == "POST", "it was sent as {}", sent[0].method);
    }
    let account = environment.simulator.account(&auth_id).await?;
    ensure!(
        account["name"] == "Acme" && account["enabled"] == false,
        "the API has {} {}",
        account["name"],
        account["enabled"]
    );
    Ok(())
}

async fn disabled(bed: Arc<TestBed>, api: Api) -> Result<()> {
    let environment = bed.environment(environment("edit-disabled", api)).await?;
    let auth_id = create(&environment, NAME, json!({})).await?;
    for (enabled, reason) in [(false, "Disabled"), (true, "Available")] {
        edit(&environment, json!({"enabled": enabled})).await?;
        let object = environment.await_ready(NAME).await?;
        let ready = condition_of(&object, "Ready").context("no Ready")?;
        ensure!(ready["reason"] == reason, "Ready says {}", ready["reason"]);
        let calls = condition_of(&object, "CallsAllowed").context("no CallsAllowed")?;
        ensure!(
            (calls["reason"] == "AccountDisabled") != enabled,
            "CallsAllowed says {}",
            calls["reason"]
        );
        let account = environment.simulator.account(&auth_id).await?;
        ensure!(
            account["enabled"] == enabled,
            "at the API it is {}",
            account["enabled"]
        );
    }
    Ok(())
}

async fn email_first(bed: Arc<TestBed>) -> Result<()> {
    let environment = bed.environment(environment("edit-email", Api::Gen2)).await?;
    let auth_id = create(&environment, NAME, json!({})).await?;
    let before = environment.simulator.journal_mark().await?;
    edit(
        &environment,
        json!({"kycMode": "customer_use", "email": "a@acme.example"}),
    )
    .await?;
    let object = environment.await_ready(NAME).await?;
    let sent = updates(&environment, before, &auth_id).await?;
    let bodies: Vec<&Value> = sent.iter().filter_map(|entry| entry.body.as_ref()).collect();
    ensure!(
        bodies
            == [
                &json!({"email": "a@acme.example"}),
                &json!({"kyc_mode": "customer_use"})
            ],
        "the bodies {bodies:?} were sent"
    );
    ensure!(
        object["status"]["kyc"]["mode"] == "customer_use",
        "{}",
        object["status"]["kyc"]
    );
    let calls = condition_of(&object, "CallsAllowed").context("no CallsAllowed")?;
    ensure!(
        calls["reason"] == "KycPending",
        "CallsAllowed says {}",
        calls["reason"]
    );
    Ok(())
}

async fn not_in_generation_1(bed: Arc<TestBed>) -> Result<()> {
    let environment = bed.environment(environment("edit-refused", Api::Gen1)).await?;
    environment
        .create_subaccount(NAME, json!({"email": "a@acme.example", "rateLimit": 5}))
        .await?;
    let object = environment
        .await_reason(Kind::Subaccount, NAME, "Stalled", "InvalidSpec")
        .await?;
    let message = condition_of(&object, "Stalled")
        .and_then(|found| found["message"].as_str())
        .unwrap_or_default();
    ensure!(
        message.contains("email, rateLimit"),
        "the message does not name the fields: {message}"
    );
    let creates = JournalQuery::new().operation(Operation::Create);
    ensure!(
        environment.simulator.journal_count(&creates).await? == 0,
        "an invalid spec was sent"
    );

    edit(&environment, json!({"email": null, "rateLimit": null})).await?;
    environment.await_ready(NAME).await?;
    let before = environment.simulator.journal_mark().await?;
    edit(&environment, json!({"phone": "+9111", "name": "Acme"})).await?;
    environment
        .await_reason(Kind::Subaccount, NAME, "Stalled", "InvalidSpec")
        .await?;
    let sent = JournalQuery::new().since(before).operation(Operation::Update);
    ensure!(
        environment.simulator.journal_count(&sent).await? == 0,
        "a part of an invalid spec was sent"
    );
    Ok(())
}

/// Also after a restart of the operator: nothing but the status tells what was named once.
async fn named_no_longer(bed: Arc<TestBed>) -> Result<()> {
    const TOLD: &str = "no longer managed: rateLimit, permissions";
    let mut environment = bed.environment(resyncing("edit-no-longer", Api::Gen2)).await?;
    let permissions = json!({"calls": false, "cdr": false});
    let spec = json!({"permissions": permissions, "rateLimit": 7, "description": "Voice"});
    let auth_id = create(&environment, NAME, spec).await?;
    let synced = |object: &Value| {
        let synced = condition_of(object, "Synced").cloned().unwrap_or_default();
        synced["message"].as_str().unwrap_or_default().to_owned()
    };
    let object = environment.await_ready(NAME).await?;
    ensure!(!synced(&object).contains("no longer"), "{}", synced(&object));
    let before = environment.simulator.journal_mark().await?;
    edit(&environment, json!({"permissions": null, "rateLimit": null})).await?;
    environment
        .await_message(Kind::Subaccount, NAME, "Synced", &[TOLD])
        .await?;
    environment.operator()?.kill_hard().await?;
    environment.restart_operator()?;
    edit(&environment, json!({"name": "Acme 2"})).await?;
    let object = environment.await_ready(NAME).await?;
    ensure!(
        synced(&object).contains(TOLD),
        "after a restart: {}",
        synced(&object)
    );
    let sent = updates(&environment, before, &auth_id).await?;
    ensure_sent(&sent, "", "name", &json!("Acme 2"))?;
    let account = environment.simulator.account(&auth_id).await?;
    ensure!(
        account["permissions"] == permissions,
        "{}",
        account["permissions"]
    );

    edit(&environment, json!({"rateLimit": 7})).await?;
    let object = environment.await_ready(NAME).await?;
    ensure!(
        synced(&object).contains("no longer managed: permissions"),
        "{}",
        synced(&object)
    );
    edit(&environment, json!({"permissions": permissions})).await?;
    let object = environment.await_ready(NAME).await?;
    ensure!(!synced(&object).contains("no longer"), "{}", synced(&object));
    Ok(())
}
