//! Accounts that are there already: had by their pair, by a grant or by heritage, refused to whom they are not, looked at without being
//! kept.

use std::sync::Arc;

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use vobiz_harness::objects::{Kind, Objects, condition_of};
use vobiz_harness::simulator::Api;
use vobiz_harness::simulator_journal::{JournalQuery, Operation};
use vobiz_harness::suite::Suite;
use vobiz_harness::test_bed::{ACCOUNT, Environment, TestBed};

use crate::at_rest::{record, secret_values, text, uid_of};
use crate::cluster_accounts::{Stage, visible};
use crate::edit::resyncing;
use crate::generation::in_each;

const NAME: &str = "acme";
const SECRET: &str = "acme-vobiz";

pub fn add_to(suite: &mut Suite) {
    in_each(
        suite,
        "an account is adopted by its pair, which its user hands over with all else in the Secret, and stays at Vobiz when its object goes",
        by_possession,
    );
    in_each(
        suite,
        "an account is adopted by a grant, with its token where the API shows it, and else once its pair is put into the Secret",
        by_grant,
    );
    in_each(
        suite,
        "an account that an earlier object of the name kept is had by naming it",
        by_heritage,
    );
    in_each(
        suite,
        "an account is refused without a right, while another object keeps it, and where there is none, and nothing is created",
        refused,
    );
    in_each(
        suite,
        "an account that is only looked at is never written to, and is kept as soon as the manifest asks for that",
        observed,
    );
    in_each(
        suite,
        "a Secret of somebody else's makes room for a new pair only where its user hands it over",
        handed_over,
    );
    suite.test(
        "a ClusterAccount grants an account to the Subaccounts of one namespace and of no other",
        granted_to_one,
    );
}

/// An account that was made by hand; its pair.
async fn by_hand(environment: &Environment) -> Result<(String, String)> {
    let fields = json!({"name": "by-hand", "parent": environment.parent.auth_id});
    let made = environment.simulator.create_account(&fields).await?;
    Ok((
        text(&made["auth_id"])?.to_owned(),
        text(&made["auth_token"])?.to_owned(),
    ))
}

async fn put_pair(environment: &Environment, id: &str, token: &str, allows: bool) -> Result<()> {
    put_pair_in(&environment.objects, id, token, allows).await
}

async fn put_pair_in(objects: &Objects, id: &str, token: &str, allows: bool) -> Result<()> {
    let annotations = if allows {
        json!({"vobiz.ai/allow-adoption": "true"})
    } else {
        json!({})
    };
    let secret = json!({
        "metadata": {"annotations": annotations},
        "stringData": {"auth_id": id, "auth_token": token, "PASSWORD": "somebody's"},
    });
    objects.create(Kind::Secret, SECRET, secret).await.map(drop)
}

async fn grant(environment: &Environment, ids: &[&str]) -> Result<()> {
    let patch = json!({"spec": {"adoptable": {"authIds": ids}}});
    environment
        .objects
        .merge(Kind::Account, ACCOUNT, &patch)
        .await
        .map(drop)
}

async fn posts_and_deletes(environment: &Environment) -> Result<usize> {
    let mut count = 0;
    for operation in [Operation::Create, Operation::Delete] {
        let query = JournalQuery::new().operation(operation);
        count += environment.simulator.journal_count(&query).await?;
    }
    Ok(count)
}

async fn stalls(environment: &Environment, reason: &str) -> Result<Value> {
    environment
        .await_reason(Kind::Subaccount, NAME, "Stalled", reason)
        .await
}

async fn remove(environment: &Environment) -> Result<()> {
    environment.objects.delete(Kind::Subaccount, NAME).await?;
    environment.await_gone(Kind::Subaccount, NAME).await
}

async fn by_possession(bed: Arc<TestBed>, api: Api) -> Result<()> {
    let environment = bed.environment(resyncing("adopt-pair", api)).await?;
    let (id, token) = by_hand(&environment).await?;
    put_pair(&environment, &id, &token, true).await?;
    environment.create_subaccount(NAME, json!({"authId": id})).await?;
    let ready = environment.await_ready(NAME).await?;
    ensure!(
        ready["status"]["authId"] == *id,
        "another account: {}",
        ready["status"]
    );
    ensure!(
        ready["status"]["deletionPolicy"] == "Retain",
        "{}",
        ready["status"]
    );
    let secret = secret_values(&environment.objects, SECRET).await?;
    ensure!(
        secret["PASSWORD"] == "somebody's" && secret["auth_token"] == token,
        "other keys"
    );
    let record = record(&environment, &uid_of(&ready)?).await?;
    ensure!(
        record["adopted"] == "true" && record["auth_id"] == id,
        "{:?}",
        record.keys()
    );
    remove(&environment).await?;
    ensure!(
        environment.simulator.find_account(&id).await?.is_some(),
        "it was deleted by a default"
    );
    ensure!(
        posts_and_deletes(&environment).await? == 0,
        "something was posted or deleted"
    );
    Ok(())
}

async fn by_grant(bed: Arc<TestBed>, api: Api) -> Result<()> {
    let environment = bed.environment(resyncing("adopt-grant", api)).await?;
    let (id, token) = by_hand(&environment).await?;
    let mut spec = json!({"authId": id, "name": "kept"});
    if api == Api::Gen2 {
        spec["description"] = json!("what generation 1 does not know");
    }
    environment.create_subaccount(NAME, spec).await?;
    stalls(&environment, "AdoptionNotAllowed").await?;
    grant(&environment, &[&id]).await?;
    if api == Api::Gen2 {
        stalls(&environment, "CredentialsLost").await?;
        put_pair(&environment, &id, &token, true).await?;
    }
    let ready = environment.await_ready(NAME).await?;
    ensure!(ready["status"]["authId"] == *id, "another account");
    ensure!(
        secret_values(&environment.objects, SECRET).await?["auth_token"] == token,
        "another token"
    );
    let updates = JournalQuery::new().operation(Operation::Update);
    let updates = environment.simulator.journal_count(&updates).await?;
    ensure!(updates == 1, "{updates} updates made it as it should be");
    ensure!(
        posts_and_deletes(&environment).await? == 0,
        "something was posted or deleted"
    );
    Ok(())
}

async fn by_heritage(bed: Arc<TestBed>, api: Api) -> Result<()> {
    let environment = bed.environment(resyncing("adopt-heritage", api)).await?;
    let first = environment
        .create_ready(NAME, json!({"deletion": {"policy": "Retain"}}))
        .await?;
    let pair = secret_values(&environment.objects, SECRET).await?;
    remove(&environment).await?;
    environment
        .create_subaccount(NAME, json!({"authId": *first.auth_id}))
        .await?;
    let ready = environment.await_ready(NAME).await?;
    ensure!(ready["status"]["authId"] == *first.auth_id, "another account");
    ensure!(
        secret_values(&environment.objects, SECRET).await? == pair,
        "another pair"
    );
    ensure!(
        posts_and_deletes(&environment).await? == 1,
        "another one was made"
    );
    Ok(())
}

async fn refused(bed: Arc<TestBed>, api: Api) -> Result<()> {
    let environment = bed.environment(resyncing("adopt-refused", api)).await?;
    let other = environment.create_ready("other", json!({})).await?;
    environment
        .create_subaccount(NAME, json!({"authId": "SA_NOBODYS"}))
        .await?;
    let told = stalls(&environment, "AdoptionNotAllowed").await?;
    let ready = condition_of(&told, "Ready").map(|ready| ready["message"].to_string());
    ensure!(
        ready.is_some_and(|message| message.contains("vobiz.ai/allow-adoption")),
        "{told}"
    );
    grant(&environment, &["*"]).await?;
    stalls(&environment, "ExternalResourceMissing").await?;
    remove(&environment).await?;
    environment
        .create_subaccount(NAME, json!({"authId": *other.auth_id}))
        .await?;
    stalls(&environment, "AuthIdConflict").await?;
    let uid = uid_of(&environment.objects.get(Kind::Subaccount, NAME).await?)?;
    ensure!(
        crate::at_rest::find_record(&environment, &uid).await?.is_none(),
        "an intent is left"
    );
    remove(&environment).await?;
    ensure!(
        environment
            .simulator
            .find_account(&other.auth_id)
            .await?
            .is_some(),
        "the other's is gone"
    );
    ensure!(
        posts_and_deletes(&environment).await? == 1,
        "something was posted or deleted"
    );
    Ok(())
}

async fn observed(bed: Arc<TestBed>, api: Api) -> Result<()> {
    let environment = bed.environment(resyncing("adopt-observed", api)).await?;
    let (id, token) = by_hand(&environment).await?;
    put_pair(&environment, &id, &token, true).await?;
    let spec = json!({"authId": id, "managementPolicy": "ObserveOnly", "name": "kept"});
    environment.create_subaccount(NAME, spec).await?;
    let seen = environment
        .await_reason(Kind::Subaccount, NAME, "Ready", "Observed")
        .await?;
    let synced = condition_of(&seen, "Synced")
        .map(Value::to_string)
        .unwrap_or_default();
    ensure!(
        synced.contains("DriftDetected") && synced.contains("name"),
        "{synced}"
    );
    let updates = JournalQuery::new().operation(Operation::Update);
    ensure!(
        environment.simulator.journal_count(&updates).await? == 0,
        "it was written to"
    );
    let full = json!({"spec": {"managementPolicy": "Full"}});
    environment.objects.merge(Kind::Subaccount, NAME, &full).await?;
    environment
        .await_reason(Kind::Subaccount, NAME, "Ready", "Available")
        .await?;
    ensure!(
        environment.simulator.account(&id).await?["name"] == "kept",
        "it is not kept"
    );
    let observed = json!({"spec": {"managementPolicy": "ObserveOnly", "deletion": {"policy": "Delete"}}});
    environment
        .objects
        .merge(Kind::Subaccount, NAME, &observed)
        .await?;
    environment
        .await_reason(Kind::Subaccount, NAME, "Ready", "Observed")
        .await?;
    remove(&environment).await?;
    ensure!(
        environment.simulator.find_account(&id).await?.is_some(),
        "what is looked at was deleted"
    );
    ensure!(
        posts_and_deletes(&environment).await? == 0,
        "something was posted or deleted"
    );
    Ok(())
}

async fn handed_over(bed: Arc<TestBed>, api: Api) -> Result<()> {
    let environment = bed.environment(resyncing("adopt-secret", api)).await?;
    let secret = json!({"stringData": {"PASSWORD": "somebody's"}});
    environment.objects.create(Kind::Secret, SECRET, secret).await?;
    environment.create_subaccount(NAME, json!({})).await?;
    stalls(&environment, "SecretConflict").await?;
    let patch = json!({"metadata": {"annotations": {"vobiz.ai/allow-adoption": "true"}}});
    environment.objects.merge(Kind::Secret, SECRET, &patch).await?;
    let ready = environment.await_ready(NAME).await?;
    let values = secret_values(&environment.objects, SECRET).await?;
    ensure!(values["PASSWORD"] == "somebody's", "what else is in it is gone");
    ensure!(ready["status"]["authId"] == *values["auth_id"], "no pair");
    Ok(())
}

async fn granted_to_one(bed: Arc<TestBed>) -> Result<()> {
    let stage = Stage::new(
        &bed,
        "adopt-shared",
        |one, two| json!({"allowedNamespaces": {"names": [one, two]}}),
    )
    .await?;
    let (id, token) = by_hand(&stage.environment).await?;
    for tenant in [&stage.one, &stage.two] {
        stage.create(tenant, NAME, json!({"authId": id})).await?;
        let stalled = tenant.await_reason(Kind::Subaccount, NAME, "Stalled", "AdoptionNotAllowed");
        let told = stage.environment.explain(stalled.await)?;
        let remedy = format!("spec.adoptable of the ClusterAccount {}", stage.account);
        ensure!(told["status"].to_string().contains(&remedy), "{}", told["status"]);
    }
    let grants = json!({"spec": {"adoptable": [{"authId": id, "namespace": stage.one.namespace()}]}});
    stage
        .environment
        .objects
        .merge(Kind::ClusterAccount, &stage.account, &grants)
        .await?;
    // The API shows no token: its user hands the pair in.
    let lost = stage
        .one
        .await_reason(Kind::Subaccount, NAME, "Stalled", "CredentialsLost");
    stage.environment.explain(lost.await)?;
    put_pair_in(&stage.one, &id, &token, true).await?;
    let ready = stage.ready(&stage.one, NAME).await?;
    ensure!(ready["status"]["authId"] == *id, "another account");
    let other = stage.two.get(Kind::Subaccount, NAME).await?;
    ensure!(
        condition_of(&other, "Stalled").is_some_and(|stalled| stalled["reason"] == "AdoptionNotAllowed"),
        "{}",
        other["status"]
    );
    ensure!(
        !visible(&stage.two).await?.contains(stage.one.namespace()),
        "it shows whose the account is"
    );
    ensure!(
        posts_and_deletes(&stage.environment).await? == 0,
        "something was posted or deleted"
    );
    Ok(())
}
