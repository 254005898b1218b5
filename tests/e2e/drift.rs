//! Drift: what the user set is put back, what the user left out is left alone, and nothing is fought over.

use std::sync::Arc;

use anyhow::{Result, ensure};
use futures::future::try_join_all;
use serde_json::json;
use vobiz_harness::objects::{Kind, condition_of};
use vobiz_harness::simulator::Api;
use vobiz_harness::simulator_journal::{JournalQuery, Operation};
use vobiz_harness::suite::Suite;
use vobiz_harness::test_bed::TestBed;

use crate::at_rest::{await_event, marker_of};
use crate::edit::{
    NAME, PATIENCE, create, edit, ensure_sent, fields, resync_twice, resyncing, updates, whole_spec,
};
use crate::generation::in_each;

pub fn add_to(suite: &mut Suite) {
    in_each(suite, "drift of each field is repaired", each_field_drifts);
    suite.test(
        "fields that the spec leaves out stay as they are (generation 2)",
        unset_fields,
    );
    suite.test(
        "a value that does not stick is reported and not fought over (generation 2)",
        not_kept,
    );
    suite.test(
        "permissions that equal the parent's, which the API stores as none, are as good (generation 2)",
        inherited,
    );
    suite.test(
        "a value that is stored in another spelling is as good (generation 2)",
        respelled,
    );
}

/// One object per field, so that one resync repairs them all.
async fn each_field_drifts(bed: Arc<TestBed>, api: Api) -> Result<()> {
    let environment = bed.environment(resyncing("edit-drift", api)).await?;
    let environment = &environment;
    let created = fields(api).into_iter().map(async |field| {
        let name = format!("drift-{}", field.0.to_lowercase());
        let mut spec = whole_spec(api);
        if field.0 == "kycMode" {
            // From `customer_use` to `personal_use`: a drift that needs nothing else.
            spec["kycMode"] = json!("customer_use");
        }
        let auth_id = create(environment, &name, spec).await?;
        anyhow::Ok((name, auth_id, field))
    });
    let created = try_join_all(created).await?;
    let before = environment.simulator.journal_mark().await?;
    for (_, auth_id, (field, wire, value, other)) in &created {
        let other = if *field == "kycMode" { value } else { other };
        environment
            .simulator
            .change_account(auth_id, &json!({*wire: other}))
            .await?;
    }
    for (name, auth_id, (field, wire, value, other)) in &created {
        let value = if *field == "kycMode" { other } else { value };
        let query = JournalQuery::new()
            .since(before)
            .operation(Operation::Update)
            .id(auth_id)
            .answered(true);
        let sent = environment.explain(environment.simulator.await_journal(&query, 1, PATIENCE).await)?;
        let account = environment.simulator.account(auth_id).await?;
        if api == Api::Gen1 {
            ensure!(
                sent[0].body == Some(json!({"name": "Acme", "enabled": true})),
                "sent {:?}",
                sent[0].body
            );
        } else if *field == "description" {
            let body = sent[0].body.clone().unwrap_or_default();
            ensure!(
                body.as_object().is_some_and(|body| body.len() == 1),
                "sent {body}"
            );
            ensure!(
                marker_of(&account).is_some(),
                "the marker is lost: {}",
                account["description"]
            );
            let text = account["description"].as_str().unwrap_or_default();
            ensure!(
                text.starts_with("Voice [vobiz-operator "),
                "the description is {text}"
            );
        } else {
            ensure_sent(&sent, "", wire, value)?;
        }
        ensure!(
            *field == "description" || account[*wire] == *value,
            "{wire} is {}",
            account[*wire]
        );
        await_event(environment, name, "DriftCorrected").await?;
    }
    resync_twice(environment).await?;
    let sent = JournalQuery::new().since(before).operation(Operation::Update);
    let sent = environment.simulator.journal_count(&sent).await?;
    ensure!(
        sent == created.len(),
        "{} drifts took {sent} updates",
        created.len()
    );
    Ok(())
}

async fn unset_fields(bed: Arc<TestBed>) -> Result<()> {
    let environment = bed.environment(resyncing("edit-unset", Api::Gen2)).await?;
    let auth_id = create(&environment, NAME, json!({})).await?;
    let by_hand = json!({
        "description": "by hand", "email": "hand@acme.example", "phone": "+9111", "rate_limit": 7,
        "permissions": {"calls": false, "cdr": false}, "kyc_mode": "customer_use", "business_type": "huf",
    });
    let before = environment.simulator.journal_mark().await?;
    environment.simulator.change_account(&auth_id, &by_hand).await?;
    resync_twice(&environment).await?;
    edit(&environment, json!({"name": "Acme 2"})).await?;
    environment.await_ready(NAME).await?;
    let sent = updates(&environment, before, &auth_id).await?;
    ensure_sent(&sent, "", "name", &json!("Acme 2"))?;
    let account = environment.simulator.account(&auth_id).await?;
    for (field, value) in by_hand.as_object().into_iter().flatten() {
        ensure!(account[field] == *value, "{field} became {}", account[field]);
    }
    Ok(())
}

async fn not_kept(bed: Arc<TestBed>) -> Result<()> {
    let environment = bed.environment(resyncing("edit-not-kept", Api::Gen2)).await?;
    let auth_id = create(&environment, NAME, json!({})).await?;
    for (field, settings, spec, back) in [
        (
            "phone",
            json!({"ignored_fields": ["phone"]}),
            json!({"phone": "+911140001234"}),
            json!({"phone": null}),
        ),
        (
            "rate_limit",
            json!({"rate_limit_max": 100}),
            json!({"rateLimit": 250}),
            json!({"rateLimit": 100}),
        ),
    ] {
        environment.simulator.change_settings(&settings).await?;
        let before = environment.simulator.journal_mark().await?;
        edit(&environment, spec).await?;
        let object = environment
            .await_reason(Kind::Subaccount, NAME, "Stalled", "InvalidSpec")
            .await?;
        let message = condition_of(&object, "Stalled")
            .and_then(|found| found["message"].as_str())
            .unwrap_or_default();
        ensure!(
            message.contains(field),
            "the message does not name {field}: {message}"
        );
        resync_twice(&environment).await?;
        let sent = updates(&environment, before, &auth_id).await?.len();
        ensure!(
            (1..=3).contains(&sent),
            "{sent} updates were sent about {settings}"
        );
        edit(&environment, back).await?;
        environment.await_ready(NAME).await?;
    }
    Ok(())
}

/// The API stores what equals the parent's permissions as none of one's own.
async fn inherited(bed: Arc<TestBed>) -> Result<()> {
    let environment = bed.environment(resyncing("edit-inherited", Api::Gen2)).await?;
    let all = json!({"calls": true, "cdr": true});
    environment
        .simulator
        .change_settings(&json!({"parent_permissions": all}))
        .await?;
    let before = environment.simulator.journal_mark().await?;
    let created = create(&environment, NAME, json!({"permissions": all})).await?;
    resync_twice(&environment).await?;
    ensure!(
        updates(&environment, before, &created).await?.is_empty(),
        "what the create had set was sent again"
    );
    edit(
        &environment,
        json!({"permissions": {"calls": true, "cdr": false}}),
    )
    .await?;
    environment.await_ready(NAME).await?;
    edit(&environment, json!({"permissions": all})).await?;
    environment.await_ready(NAME).await?;
    resync_twice(&environment).await?;
    let sent = updates(&environment, before, &created).await?.len();
    ensure!(sent == 2, "two edits took {sent} updates");

    // Somebody takes off what is not the parent's: that is drift, and one repair.
    edit(
        &environment,
        json!({"permissions": {"calls": false, "cdr": true}}),
    )
    .await?;
    environment.await_ready(NAME).await?;
    let before = environment.simulator.journal_mark().await?;
    environment
        .simulator
        .change_account(&created, &json!({"permissions": null}))
        .await?;
    let query = JournalQuery::new().since(before).operation(Operation::Update);
    environment.explain(environment.simulator.await_journal(&query, 1, PATIENCE).await)?;
    await_event(&environment, NAME, "DriftCorrected").await?;
    environment.await_ready(NAME).await?;
    resync_twice(&environment).await?;
    let sent = updates(&environment, before, &created).await?.len();
    ensure!(sent == 1, "the drift took {sent} updates");
    Ok(())
}

async fn respelled(bed: Arc<TestBed>) -> Result<()> {
    let environment = bed.environment(resyncing("edit-respelled", Api::Gen2)).await?;
    environment
        .simulator
        .change_settings(&json!({"lowercase_email": true, "trim_text": true}))
        .await?;
    let spec = json!({"email": "Voice@Acme.Example", "phone": " +911140001234 ", "description": " Voice  "});
    let auth_id = create(&environment, NAME, spec).await?;
    let before = environment.simulator.journal_mark().await?;
    resync_twice(&environment).await?;
    let sent = updates(&environment, before, &auth_id).await?;
    ensure!(sent.is_empty(), "it was sent again: {sent:?}");
    Ok(())
}
