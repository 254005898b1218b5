//! The API as other documents and clients of it have it: where it differs, the operator does not.

use std::sync::Arc;

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use vobiz_harness::objects::Kind;
use vobiz_harness::simulator::Api;
use vobiz_harness::simulator_control::Fault;
use vobiz_harness::simulator_journal::{JournalQuery, Operation};
use vobiz_harness::suite::Suite;
use vobiz_harness::test_bed::{ACCOUNT, CREDENTIALS, Environment, EnvironmentOptions, TestBed};

use crate::at_rest::{await_event, await_leftovers_deleted, ensure_consistent, secret_values};
use crate::crash::kill_while_held;
use crate::edit::resync_twice;
use crate::generation::{environment, in_each};

pub fn add_to(suite: &mut Suite) {
    for (variant, api, settings, parent) in [
        (
            "plain ids in generation 1",
            Api::Gen1,
            json!({"ids": "plain"}),
            "MA",
        ),
        ("opaque ids", Api::Gen2, json!({"ids": "opaque"}), "MA_"),
        (
            "opaque ids that paths do not take",
            Api::Gen2,
            json!({"ids": "opaque", "item_path": "id"}),
            "MA_",
        ),
        (
            "plain ids in generation 2",
            Api::Gen2,
            json!({"ids": "plain"}),
            "MA",
        ),
    ] {
        suite.test(
            &format!("a Subaccount's whole life is the same with {variant}"),
            move |bed| whole_life(bed, api, settings.clone(), parent),
        );
    }
    in_each(
        suite,
        "a create that is answered with another account's pair binds none of it",
        another_pair,
    );
    suite.test(
        "permissions of which an answer shows one are compared by that one (generation 2)",
        one_permission,
    );
    in_each(
        suite,
        "an account that another main account has taken is told with the way out, and its neighbours do not notice",
        taken,
    );
    suite.test(
        "a token that stands where an id belongs is shown nowhere",
        token_as_id,
    );
    suite.test(
        "cascade is heard by a server that reads it in one place only (generation 1)",
        cascade,
    );
}

async fn whole_life(bed: Arc<TestBed>, api: Api, settings: Value, parent: &str) -> Result<()> {
    let options = EnvironmentOptions {
        parent_prefix: parent.to_owned(),
        account: json!({"resyncIntervalSeconds": 10, "rateLimit": {"requestsPerSecond": 500, "burst": 500}}),
        operator_flags: vec![
            "--request-timeout-seconds=4".to_owned(),
            "--settle-seconds=4".to_owned(),
        ],
        ..environment("variant-life", api)
    };
    let mut environment = bed.environment(options).await?;
    environment.simulator.change_settings(&settings).await?;
    let made = environment.create_ready("acme", json!({})).await?;
    let names = vec!["acme".to_owned()];
    ensure_consistent(&environment, &names).await?;
    edit(&environment, &made.auth_id, false).await?;

    // Drift, before and after a restart: what paths take is learned again.
    for restarts in [false, true] {
        if restarts {
            environment.restart_operator()?;
        }
        let drift = json!({"name": "drifted"});
        environment
            .simulator
            .change_account(&made.auth_id, &drift)
            .await?;
        await_field(&environment, &made.auth_id, "name", json!("acme")).await?;
    }
    await_event(&environment, "acme", "DriftCorrected").await?;
    edit(&environment, &made.auth_id, true).await?;

    let hold = Fault::hold_after_commit().operation(Operation::Create).times(1);
    environment.simulator.add_fault(&hold).await?;
    let mark = environment.simulator.journal_mark().await?;
    environment.create_subaccount("crashed", json!({})).await?;
    kill_while_held(&environment, mark).await?;
    environment.restart_operator()?;
    environment.await_ready("crashed").await?;
    let leftovers = await_leftovers_deleted(&environment, 2).await?;
    ensure!(leftovers == 1, "{leftovers} accounts were left over");
    let names = [names, vec!["crashed".to_owned()]].concat();
    ensure_consistent(&environment, &names).await?;

    let mark = environment.simulator.journal_mark().await?;
    for name in &names {
        environment.objects.delete(Kind::Subaccount, name).await?;
    }
    for name in &names {
        environment.await_gone(Kind::Subaccount, name).await?;
    }
    let left = environment.simulator.accounts().await?;
    ensure!(left.is_empty(), "it left {left:?}");
    let deletes = JournalQuery::new()
        .since(mark)
        .operation(Operation::Delete)
        .committed(true);
    let deletes = environment.simulator.journal_count(&deletes).await?;
    ensure!(deletes == 2, "{deletes} accounts were deleted for 2 objects");
    Ok(())
}

async fn edit(environment: &Environment, auth_id: &str, enabled: bool) -> Result<()> {
    let spec = json!({"spec": {"enabled": enabled}});
    environment.objects.merge(Kind::Subaccount, "acme", &spec).await?;
    await_field(environment, auth_id, "enabled", json!(enabled)).await?;
    environment.await_ready("acme").await.map(drop)
}

/// Waits until an update was carried out that leaves the account so.
async fn await_field(environment: &Environment, auth_id: &str, field: &str, value: Value) -> Result<()> {
    let mut seen = 0;
    while environment.simulator.account(auth_id).await?[field] != value {
        let update = JournalQuery::new()
            .since(seen)
            .operation(Operation::Update)
            .id(auth_id)
            .committed(true);
        let updates = environment
            .simulator
            .await_journal(&update, 1, std::time::Duration::from_mins(1))
            .await;
        seen = environment.explain(updates)?[0].sequence;
    }
    Ok(())
}

async fn another_pair(bed: Arc<TestBed>, api: Api) -> Result<()> {
    let environment = bed.environment(environment("variant-repeated", api)).await?;
    let first = environment.create_ready("first", json!({})).await?;
    let pair = secret_values(&environment.objects, "first-vobiz").await?;
    let body = match api {
        Api::Gen1 => json!(pair),
        _ => json!({"sub_account": pair, "auth_credentials": pair}),
    };
    let repeated = json!({"type": "body", "body": body, "after_commit": true});
    let repeated = Fault::new(repeated).operation(Operation::Create);
    environment.simulator.add_fault(&repeated.times(1)).await?;
    let second = environment.create_ready("second", json!({})).await?;
    ensure!(second.auth_id != first.auth_id, "both are {}", first.auth_id);
    await_leftovers_deleted(&environment, 2).await?;
    ensure_consistent(&environment, &["first".to_owned(), "second".to_owned()]).await
}

async fn one_permission(bed: Arc<TestBed>) -> Result<()> {
    let options = EnvironmentOptions {
        account: json!({"resyncIntervalSeconds": 10}),
        ..environment("variant-permission", Api::Gen2)
    };
    let environment = bed.environment(options).await?;
    let hidden = json!({"hidden_permission": "cdr"});
    environment.simulator.change_settings(&hidden).await?;
    let spec = json!({"permissions": {"calls": true, "cdr": false}});
    let made = environment.create_ready("acme", spec).await?;
    resync_twice(&environment).await?;
    let updates = JournalQuery::new().operation(Operation::Update).id(&made.auth_id);
    let sent = environment.simulator.journal_count(&updates).await?;
    ensure!(
        sent == 0,
        "what is not reported was taken for different: {sent} updates"
    );

    let drift = json!({"permissions": {"calls": false}});
    environment
        .simulator
        .change_account(&made.auth_id, &drift)
        .await?;
    let wanted = json!({"calls": true, "cdr": false});
    await_field(&environment, &made.auth_id, "permissions", wanted).await?;
    resync_twice(&environment).await?;
    let sent = environment.simulator.journal_count(&updates).await?;
    ensure!(sent == 1, "one drift took {sent} updates");
    environment.await_ready("acme").await.map(drop)
}

async fn taken(bed: Arc<TestBed>, api: Api) -> Result<()> {
    let options = EnvironmentOptions {
        account: json!({"resyncIntervalSeconds": 10}),
        ..environment("variant-taken", api)
    };
    let environment = bed.environment(options).await?;
    let made = environment.create_ready("taken", json!({})).await?;
    let neighbour = environment.create_ready("acme", json!({})).await?;
    let mark = environment.simulator.journal_mark().await?;
    let refused = Fault::status(403).id(&made.auth_id);
    environment.simulator.add_fault(&refused).await?;
    environment.simulator.remove_account(&made.auth_id).await?;
    environment
        .await_reason(Kind::Subaccount, "taken", "Stalled", "Forbidden")
        .await?;
    let remedy = ["belongs to another main account", "vobiz.ai/force-delete"];
    environment
        .await_message(Kind::Subaccount, "taken", "Stalled", &remedy)
        .await?;
    edit(&environment, &neighbour.auth_id, false).await?;
    let asked = JournalQuery::new().since(mark).operation(Operation::Me);
    let asked = environment.simulator.journal_count(&asked).await?;
    ensure!(asked == 0, "the parent's pair was tried {asked} times");

    environment.objects.delete(Kind::Subaccount, "taken").await?;
    let force = json!({"metadata": {"annotations": {"vobiz.ai/force-delete": "true"}}});
    environment
        .objects
        .merge(Kind::Subaccount, "taken", &force)
        .await?;
    environment.await_gone(Kind::Subaccount, "taken").await
}

/// That no output shows a token of the simulator is looked for in all that the run leaves behind.
async fn token_as_id(bed: Arc<TestBed>) -> Result<()> {
    let environment = bed.environment(environment("variant-swapped", Api::Gen2)).await?;
    environment.create_ready("acme", json!({})).await?;
    let mut pair = secret_values(&environment.objects, "acme-vobiz").await?;
    let (id, token) = (pair["auth_id"].clone(), pair["auth_token"].clone());
    pair.insert("auth_id".to_owned(), token);
    pair.insert("auth_token".to_owned(), id);
    environment
        .objects
        .merge(Kind::Secret, "acme-vobiz", &json!({"stringData": pair}))
        .await?;
    await_event(&environment, "acme", "SecretRestored").await?;
    let foreign = json!({"stringData": pair});
    environment
        .objects
        .create(Kind::Secret, "other-vobiz", foreign)
        .await?;
    environment.create_subaccount("other", json!({})).await?;
    environment
        .await_reason(
            Kind::Subaccount,
            "other",
            "CredentialsPublished",
            "SecretConflict",
        )
        .await?;

    let parent = &environment.parent;
    let swapped = json!({"stringData": {"auth_id": parent.auth_token, "auth_token": parent.auth_id}});
    environment
        .objects
        .merge(Kind::Secret, CREDENTIALS, &swapped)
        .await?;
    let asked = json!({"spec": {"resyncIntervalSeconds": 10}});
    environment.objects.merge(Kind::Account, ACCOUNT, &asked).await?;
    let told = environment
        .await_reason(Kind::Account, ACCOUNT, "Ready", "ParentChanged")
        .await?;
    ensure!(
        !told.to_string().contains(&parent.auth_token),
        "the Account shows it: {}",
        told["status"]
    );
    ensure!(
        told.to_string().contains("belong to another account"),
        "it says {}",
        told["status"]
    );
    let right = json!({"stringData": {"auth_id": parent.auth_id, "auth_token": parent.auth_token}});
    environment
        .objects
        .merge(Kind::Secret, CREDENTIALS, &right)
        .await?;
    resync_twice(&environment).await
}

async fn cascade(bed: Arc<TestBed>) -> Result<()> {
    let environment = bed.environment(environment("variant-cascade", Api::Gen1)).await?;
    for place in ["query", "body"] {
        environment
            .simulator
            .change_settings(&json!({"gen1_cascade": place}))
            .await?;
        let deletion = json!({"deletion": {"policy": "Delete", "cascade": true}});
        let made = environment.create_ready("acme", deletion).await?;
        environment
            .simulator
            .attach(&made.auth_id, "number", "+911140001234")
            .await?;
        environment.objects.delete(Kind::Subaccount, "acme").await?;
        environment.await_gone(Kind::Subaccount, "acme").await?;
        let left = environment.simulator.resources().await?;
        ensure!(left.is_empty(), "read in the {place} alone, it left {left:?}");
    }
    Ok(())
}
