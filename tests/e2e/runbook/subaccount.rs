//! What is told on a Subaccount.

use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use vobiz_harness::objects::{Kind, condition_of};
use vobiz_harness::simulator::Api;
use vobiz_harness::simulator_control::Fault;
use vobiz_harness::simulator_journal::Operation;
use vobiz_harness::subaccounts::ReadySubaccount;
use vobiz_harness::test_bed::{Environment, EnvironmentOptions, TestBed};

use super::{Entry, annotate, becomes_ready, entry, goes, looking, shipped, told, types, types_as_written};
use crate::at_rest::{auth_id_of, ensure_counts, record_name, secret_values, text};
use crate::hands::set_status;

const NAME: &str = "acme";
const SECRET: &str = "acme-vobiz";
const ACME: (Kind, &str) = (Kind::Subaccount, NAME);
const LOOK: &str = "vobiz.ai/reconcile-requested-at";
const RECLAIM: &str = "vobiz.ai/reclaim";

pub fn entries() -> Vec<Entry> {
    [identity(), pair()].into_iter().flatten().collect()
}

/// What the spec and Vobiz make of the object, and whose account it is.
fn identity() -> Vec<Entry> {
    const INVALID: Option<&str> = Some("A Subaccount is Stalled / InvalidSpec");
    const ORPHAN: Option<&str> = Some("A Subaccount is Stalled / OrphanFound");
    const CLAIM: Option<&str> = Some("A Subaccount is Stalled / AuthIdConflict");
    const MISSING: Option<&str> = Some("A Subaccount is Stalled / ExternalResourceMissing");
    vec![
        entry!(
            INVALID,
            "a field that generation 1 does not have is removed",
            &["remove it from the spec, or use an Account of generation 2"],
            unknown_field
        ),
        entry!(
            INVALID,
            "what Vobiz refuses is changed",
            &["found the request invalid"],
            refused
        ),
        entry!(
            INVALID,
            "what Vobiz does not keep is changed",
            &["change the spec to what Vobiz shows"],
            not_kept
        ),
        entry!(
            Some("A Subaccount is Stalled / Forbidden"),
            "Vobiz allows it again, and a look is asked for",
            &[],
            forbidden
        ),
        entry!(
            ORPHAN,
            "it is taken over",
            &["set the annotation vobiz.ai/reclaim to \"true\" to take it over, or delete this object"],
            taken_over
        ),
        entry!(ORPHAN, "another name is taken", &[], another_name),
        entry!(
            ORPHAN,
            "the Record is deleted for a new account",
            &[],
            record_deleted
        ),
        entry!(
            ORPHAN,
            "beside an account that is lost the one that was left is taken over by an object without that status",
            &[
                "delete this object, apply it again without its old status, and set the annotation vobiz.ai/reclaim"
            ],
            beside_a_lost_one
        ),
        entry!(
            CLAIM,
            "the object that is not meant is deleted",
            &[
                "delete this object, which leaves the subaccount as it is, and apply it again without its old status"
            ],
            not_meant
        ),
        entry!(
            CLAIM,
            "of two whose status names one account the one that is not meant is deleted",
            &["delete the one that is not meant, which leaves the subaccount as it is"],
            twins
        ),
        entry!(
            CLAIM,
            "another installation's account is taken over",
            &["set the annotation vobiz.ai/reclaim to \"true\" if this one is to keep it from here on"],
            other_installation
        ),
        entry!(
            CLAIM,
            "an object with a status that can name nothing is deleted, and applied again",
            &["delete this object, and apply it again without its old status"],
            no_id
        ),
        entry!(
            MISSING,
            "it is made anew",
            &["set spec.credentialRecovery to Recreate to have another made, or delete this object"],
            made_anew
        ),
        entry!(MISSING, "the object is deleted", &[], deleted),
    ]
}

/// Where its pair is, and its end.
fn pair() -> Vec<Entry> {
    const SECRETS: Option<&str> = Some("A Subaccount is Stalled / SecretConflict");
    const LOST: Option<&str> = Some("A Subaccount is Stalled / CredentialsLost");
    vec![
        entry!(
            SECRETS,
            "the Secret is removed",
            &["remove it, name another one in"],
            secret_removed
        ),
        entry!(SECRETS, "another Secret is named", &[], another_secret),
        entry!(
            LOST,
            "the pair is put back",
            &["put it back into the Secret"],
            put_back
        ),
        entry!(LOST, "the Record is restored", &[], record_restored),
        entry!(
            LOST,
            "it is made anew",
            &["set spec.credentialRecovery to Recreate to have another subaccount made in place of this one"],
            lost_made_anew
        ),
        entry!(
            Some("A Subaccount is Stalled / UnusableAnswer"),
            "Vobiz answers well again, and a look is asked for",
            &["set the annotation vobiz.ai/reconcile-requested-at to another value"],
            unusable
        ),
        entry!(
            Some("A Subaccount is Stalled / AdoptionNotAllowed"),
            "the pair is put into the Secret",
            &["put the working pair of that subaccount into the Secret"],
            not_allowed
        ),
        entry!(
            None,
            "what has nothing to look at is to be kept",
            &["create the object with spec.authId, or set managementPolicy to Full"],
            nothing_to_look_at
        ),
        entry!(None, "a deletion that cannot end is forced", &[], forced),
    ]
}

async fn edit(environment: &Environment, spec: serde_json::Value) -> Result<()> {
    let patch = json!({"spec": spec});
    environment
        .objects
        .merge(Kind::Subaccount, NAME, &patch)
        .await
        .map(drop)
}

async fn unknown_field(bed: Arc<TestBed>, says: &'static [&'static str]) -> Result<()> {
    let options = EnvironmentOptions {
        api: Api::Gen1,
        ..shipped("field")
    };
    let environment = bed.environment(options).await?;
    environment
        .create_subaccount(NAME, json!({"email": "a@b.example"}))
        .await?;
    told(&environment, ACME, "InvalidSpec", says).await?;
    edit(&environment, json!({"email": null})).await?;
    becomes_ready(&environment, NAME).await.map(drop)
}

async fn refused(bed: Arc<TestBed>, says: &'static [&'static str]) -> Result<()> {
    let environment = bed.environment(shipped("refused")).await?;
    environment
        .simulator
        .add_fault(&Fault::status(422).name("odd"))
        .await?;
    environment
        .create_subaccount(NAME, json!({"name": "odd"}))
        .await?;
    told(&environment, ACME, "InvalidSpec", says).await?;
    edit(&environment, json!({"name": "even"})).await?;
    becomes_ready(&environment, NAME).await.map(drop)
}

async fn not_kept(bed: Arc<TestBed>, says: &'static [&'static str]) -> Result<()> {
    let environment = bed.environment(looking("kept")).await?;
    environment
        .create_ready(NAME, json!({"phone": "+911140000000"}))
        .await?;
    environment
        .simulator
        .change_settings(&json!({"ignored_fields": ["phone"]}))
        .await?;
    edit(&environment, json!({"phone": "+911141111111"})).await?;
    told(&environment, ACME, "InvalidSpec", says).await?;
    edit(&environment, json!({"phone": "+911140000000"})).await?;
    becomes_ready(&environment, NAME).await.map(drop)
}

async fn forbidden(bed: Arc<TestBed>, says: &'static [&'static str]) -> Result<()> {
    let environment = bed.environment(shipped("forbidden")).await?;
    environment.create_ready(NAME, json!({})).await?;
    let refusal = Fault::status(403).operation(Operation::Update);
    environment.simulator.add_fault(&refusal).await?;
    edit(&environment, json!({"enabled": false})).await?;
    told(&environment, ACME, "Forbidden", says).await?;
    environment.simulator.clear_faults().await?;
    annotate(&environment, ACME, LOOK, "now").await?;
    becomes_ready(&environment, NAME).await.map(drop)
}

/// An object of this name was deleted, and its account kept; another one of this name is there.
async fn kept_behind(bed: &TestBed, name: &str, says: &[&str]) -> Result<(Environment, ReadySubaccount)> {
    let environment = bed.environment(shipped(name)).await?;
    let retain = json!({"deletion": {"policy": "Retain"}});
    let first = environment.create_ready(NAME, retain).await?;
    environment.objects.delete(Kind::Subaccount, NAME).await?;
    environment.await_gone(Kind::Subaccount, NAME).await?;
    environment.create_subaccount(NAME, json!({})).await?;
    told(&environment, ACME, "OrphanFound", says).await?;
    Ok((environment, first))
}

async fn taken_over(bed: Arc<TestBed>, says: &'static [&'static str]) -> Result<()> {
    let (environment, first) = kept_behind(&bed, "reclaim", says).await?;
    let command = "kubectl annotate subaccounts.vobiz.ai NAME vobiz.ai/reclaim=true";
    types_as_written(&environment, command, &[("NAME", NAME)]).await?;
    let ready = becomes_ready(&environment, NAME).await?;
    ensure!(auth_id_of(&ready)? == first.auth_id, "it has another account");
    ensure_counts(&environment, 1, 0).await
}

async fn another_name(bed: Arc<TestBed>, says: &'static [&'static str]) -> Result<()> {
    let (environment, _) = kept_behind(&bed, "name", says).await?;
    environment.objects.delete(Kind::Subaccount, NAME).await?;
    goes(&environment, Kind::Subaccount, NAME).await?;
    environment.create_subaccount("other", json!({})).await?;
    becomes_ready(&environment, "other").await?;
    ensure_counts(&environment, 2, 0).await
}

async fn record_deleted(bed: Arc<TestBed>, says: &'static [&'static str]) -> Result<()> {
    let (environment, first) = kept_behind(&bed, "record", says).await?;
    let record = record_name(&first.uid);
    environment.operator_objects.delete(Kind::Secret, &record).await?;
    let ready = becomes_ready(&environment, NAME).await?;
    ensure!(auth_id_of(&ready)? != first.auth_id, "it has the old account");
    ensure_counts(&environment, 2, 0).await
}

async fn not_meant(bed: Arc<TestBed>, says: &'static [&'static str]) -> Result<()> {
    let environment = bed.environment(shipped("claim")).await?;
    let other = environment.create_ready("other", json!({})).await?;
    paused_with_status(&environment, &other.auth_id).await?;
    told(&environment, ACME, "AuthIdConflict", says).await?;
    environment.objects.delete(Kind::Subaccount, NAME).await?;
    goes(&environment, Kind::Subaccount, NAME).await?;
    environment.create_subaccount(NAME, json!({})).await?;
    becomes_ready(&environment, NAME).await?;
    ensure_counts(&environment, 2, 0).await
}

async fn beside_a_lost_one(bed: Arc<TestBed>, says: &'static [&'static str]) -> Result<()> {
    let environment = bed.environment(shipped("beside")).await?;
    let first = environment
        .create_ready(NAME, json!({"deletion": {"policy": "Retain"}}))
        .await?;
    environment.objects.delete(Kind::Subaccount, NAME).await?;
    environment.await_gone(Kind::Subaccount, NAME).await?;
    // Ours by its mark, and nobody has its pair any more.
    let installation = environment
        .operator_objects
        .get(Kind::ConfigMap, "vobiz-operator-installation")
        .await?;
    let marker = format!(
        "[vobiz-operator {} 0123456789abcdef0123456789abcdef.1]",
        text(&installation["data"]["id"])?
    );
    let lost = json!({"parent": environment.parent.auth_id, "name": "lost", "description": marker});
    let lost = environment.simulator.create_account(&lost).await?;
    paused_with_status(&environment, text(&lost["auth_id"])?).await?;
    edit(&environment, json!({"credentialRecovery": "Recreate"})).await?;
    told(&environment, ACME, "OrphanFound", says).await?;
    edit(&environment, json!({"deletion": {"policy": "Retain"}})).await?;
    environment.objects.delete(Kind::Subaccount, NAME).await?;
    goes(&environment, Kind::Subaccount, NAME).await?;
    let again =
        json!({"metadata": {"annotations": {RECLAIM: "true"}}, "spec": {"accountRef": {"name": "vobiz"}}});
    environment.objects.create(Kind::Subaccount, NAME, again).await?;
    let ready = becomes_ready(&environment, NAME).await?;
    ensure!(auth_id_of(&ready)? == first.auth_id, "it has another account");
    ensure_counts(&environment, 1, 0).await
}

async fn twins(bed: Arc<TestBed>, says: &'static [&'static str]) -> Result<()> {
    let mut environment = bed.environment(shipped("twins")).await?;
    let other = environment.create_ready("other", json!({})).await?;
    let other_object = (Kind::Subaccount, "other");
    annotate(&environment, other_object, "vobiz.ai/paused", "true").await?;
    environment.operator()?.kill_hard().await?;
    let record = record_name(&other.uid);
    environment.operator_objects.delete(Kind::Secret, &record).await?;
    environment.restart_operator()?;
    paused_with_status(&environment, &other.auth_id).await?;
    told(&environment, ACME, "AuthIdConflict", says).await?;
    environment.objects.delete(Kind::Subaccount, NAME).await?;
    goes(&environment, Kind::Subaccount, NAME).await?;
    annotate(&environment, other_object, "vobiz.ai/paused", "false").await?;
    becomes_ready(&environment, "other").await?;
    environment.await_record_phase(&other.uid, "Bound").await?;
    ensure_counts(&environment, 1, 0).await
}

/// An object whose status, as a restore writes it, names this account.
async fn paused_with_status(environment: &Environment, auth_id: &str) -> Result<()> {
    let paused = json!({
        "metadata": {"annotations": {"vobiz.ai/paused": "true"}}, "spec": {"accountRef": {"name": "vobiz"}},
    });
    environment.objects.create(Kind::Subaccount, NAME, paused).await?;
    let parent = &environment.parent.auth_id;
    set_status(
        environment,
        NAME,
        &json!({"authId": auth_id, "parentAuthId": parent}),
    )
    .await?;
    let resumed = json!({"metadata": {"annotations": {"vobiz.ai/paused": null}}});
    environment
        .objects
        .merge(Kind::Subaccount, NAME, &resumed)
        .await
        .map(drop)
}

async fn other_installation(bed: Arc<TestBed>, says: &'static [&'static str]) -> Result<()> {
    let environment = bed.environment(shipped("theirs")).await?;
    let marker = "[vobiz-operator 0badc0de 0123456789abcdef0123456789abcdef.1]";
    let parent = environment.parent.auth_id.clone();
    let theirs = json!({"parent": parent, "name": NAME, "description": marker});
    let theirs = environment.simulator.create_account(&theirs).await?;
    let pair = json!({"stringData": {"auth_id": theirs["auth_id"], "auth_token": theirs["auth_token"]}});
    environment.objects.create(Kind::Secret, SECRET, pair).await?;
    paused_with_status(&environment, text(&theirs["auth_id"])?).await?;
    told(&environment, ACME, "AuthIdConflict", says).await?;
    annotate(&environment, ACME, RECLAIM, "true").await?;
    let ready = becomes_ready(&environment, NAME).await?;
    ensure!(
        ready["status"]["authId"] == theirs["auth_id"],
        "it has another account"
    );
    ensure_counts(&environment, 0, 0).await
}

async fn not_allowed(bed: Arc<TestBed>, says: &'static [&'static str]) -> Result<()> {
    let environment = bed.environment(shipped("not-allowed")).await?;
    let theirs = json!({"parent": environment.parent.auth_id, "name": NAME});
    let theirs = environment.simulator.create_account(&theirs).await?;
    environment
        .create_subaccount(NAME, json!({"authId": theirs["auth_id"]}))
        .await?;
    told(&environment, ACME, "AdoptionNotAllowed", says).await?;
    let pair = json!({
        "metadata": {"annotations": {"vobiz.ai/allow-adoption": "true"}},
        "stringData": {"auth_id": theirs["auth_id"], "auth_token": theirs["auth_token"]},
    });
    environment.objects.create(Kind::Secret, SECRET, pair).await?;
    let ready = becomes_ready(&environment, NAME).await?;
    ensure!(
        ready["status"]["authId"] == theirs["auth_id"],
        "it has another account"
    );
    ensure_counts(&environment, 0, 0).await
}

async fn nothing_to_look_at(bed: Arc<TestBed>, says: &'static [&'static str]) -> Result<()> {
    let environment = bed.environment(shipped("no-look")).await?;
    environment
        .create_subaccount(NAME, json!({"managementPolicy": "ObserveOnly"}))
        .await?;
    told(&environment, ACME, "InvalidSpec", says).await?;
    ensure_counts(&environment, 0, 0).await?;
    edit(&environment, json!({"managementPolicy": "Full"})).await?;
    becomes_ready(&environment, NAME).await.map(drop)
}

async fn no_id(bed: Arc<TestBed>, says: &'static [&'static str]) -> Result<()> {
    let environment = bed.environment(shipped("no-id")).await?;
    paused_with_status(&environment, "../SA").await?;
    told(&environment, ACME, "AuthIdConflict", says).await?;
    environment.objects.delete(Kind::Subaccount, NAME).await?;
    goes(&environment, Kind::Subaccount, NAME).await?;
    environment.create_subaccount(NAME, json!({})).await?;
    becomes_ready(&environment, NAME).await.map(drop)
}

async fn deleted_outside(bed: &TestBed, name: &str, says: &[&str]) -> Result<(Environment, String)> {
    let environment = bed.environment(looking(name)).await?;
    let acme = environment.create_ready(NAME, json!({})).await?;
    environment.simulator.remove_account(&acme.auth_id).await?;
    told(&environment, ACME, "ExternalResourceMissing", says).await?;
    Ok((environment, acme.auth_id))
}

async fn made_anew(bed: Arc<TestBed>, says: &'static [&'static str]) -> Result<()> {
    let (environment, former) = deleted_outside(&bed, "anew", says).await?;
    edit(&environment, json!({"credentialRecovery": "Recreate"})).await?;
    let ready = becomes_ready(&environment, NAME).await?;
    ensure!(auth_id_of(&ready)? != former, "it has the old account");
    Ok(())
}

async fn deleted(bed: Arc<TestBed>, says: &'static [&'static str]) -> Result<()> {
    let (environment, _) = deleted_outside(&bed, "deleted", says).await?;
    environment.objects.delete(Kind::Subaccount, NAME).await?;
    goes(&environment, Kind::Subaccount, NAME).await
}

async fn foreign_secret(bed: &TestBed, name: &str, says: &[&str]) -> Result<Environment> {
    let environment = bed.environment(shipped(name)).await?;
    let theirs = json!({"stringData": {"password": "theirs"}});
    environment.objects.create(Kind::Secret, SECRET, theirs).await?;
    environment.create_subaccount(NAME, json!({})).await?;
    told(&environment, ACME, "SecretConflict", says).await?;
    Ok(environment)
}

async fn secret_removed(bed: Arc<TestBed>, says: &'static [&'static str]) -> Result<()> {
    let environment = foreign_secret(&bed, "secret", says).await?;
    environment.objects.delete(Kind::Secret, SECRET).await?;
    becomes_ready(&environment, NAME).await.map(drop)
}

async fn another_secret(bed: Arc<TestBed>, says: &'static [&'static str]) -> Result<()> {
    let environment = foreign_secret(&bed, "secret-name", says).await?;
    edit(&environment, json!({"secretRef": {"name": "free"}})).await?;
    becomes_ready(&environment, NAME).await?;
    environment.objects.get(Kind::Secret, "free").await.map(drop)
}

/// Record and Secret of an object are gone. Its account, the token, and the Record as it was.
async fn pair_lost(
    bed: &TestBed,
    name: &str,
    says: &[&str],
) -> Result<(Environment, ReadySubaccount, String, serde_json::Value)> {
    let mut environment = bed.environment(looking(name)).await?;
    let acme = environment.create_ready(NAME, json!({})).await?;
    let pair = secret_values(&environment.objects, SECRET).await?;
    let record = record_name(&acme.uid);
    let stored = environment.operator_objects.get(Kind::Secret, &record).await?;
    environment.operator()?.kill_hard().await?;
    environment.operator_objects.delete(Kind::Secret, &record).await?;
    environment.objects.delete(Kind::Secret, SECRET).await?;
    environment.restart_operator()?;
    told(&environment, ACME, "CredentialsLost", says).await?;
    let token = pair.get("auth_token").context("the Secret has no token")?.clone();
    Ok((environment, acme, token, stored))
}

async fn put_back(bed: Arc<TestBed>, says: &'static [&'static str]) -> Result<()> {
    let (environment, acme, token, _) = pair_lost(&bed, "put-back", says).await?;
    let command = "kubectl create secret generic NAME-vobiz --from-literal=auth_id=SA_... --from-literal=auth_token=...";
    let written = super::document::as_written(command, &[])?;
    let token = format!("auth_token={token}");
    let replaced = [
        ("NAME", NAME),
        ("SA_...", acme.auth_id.as_str()),
        ("auth_token=...", token.as_str()),
    ];
    types(&environment, &super::document::filled(&written, &replaced)).await?;
    becomes_ready(&environment, NAME).await?;
    ensure_counts(&environment, 1, 0).await
}

async fn record_restored(bed: Arc<TestBed>, says: &'static [&'static str]) -> Result<()> {
    let (environment, acme, _, stored) = pair_lost(&bed, "record-back", says).await?;
    let manifest = json!({
        "type": stored["type"], "data": stored["data"], "metadata": {"labels": stored["metadata"]["labels"]},
    });
    let record = record_name(&acme.uid);
    environment
        .operator_objects
        .create(Kind::Secret, &record, manifest)
        .await?;
    becomes_ready(&environment, NAME).await?;
    ensure_counts(&environment, 1, 0).await
}

async fn lost_made_anew(bed: Arc<TestBed>, says: &'static [&'static str]) -> Result<()> {
    let (environment, ..) = pair_lost(&bed, "lost-anew", says).await?;
    edit(&environment, json!({"credentialRecovery": "Recreate"})).await?;
    becomes_ready(&environment, NAME).await?;
    ensure_counts(&environment, 2, 1).await
}

async fn unusable(bed: Arc<TestBed>, says: &'static [&'static str]) -> Result<()> {
    let environment = bed.environment(shipped("unusable")).await?;
    let nothing = Fault::new(json!({"type": "empty", "after_commit": true})).operation(Operation::Create);
    environment.simulator.add_fault(&nothing).await?;
    environment.create_subaccount(NAME, json!({})).await?;
    told(&environment, ACME, "UnusableAnswer", says).await?;
    environment.simulator.clear_faults().await?;
    annotate(&environment, ACME, LOOK, "now").await?;
    becomes_ready(&environment, NAME).await.map(drop)
}

async fn forced(bed: Arc<TestBed>, _: &'static [&'static str]) -> Result<()> {
    let environment = bed.environment(shipped("forced")).await?;
    environment.create_ready(NAME, json!({})).await?;
    environment
        .simulator
        .add_fault(&Fault::status(503).operation(Operation::Delete))
        .await?;
    environment.objects.delete(Kind::Subaccount, NAME).await?;
    environment
        .await_object(Kind::Subaccount, NAME, "held by Vobiz", |object| {
            condition_of(object, "Synced").is_some_and(|synced| synced["status"] == "False")
        })
        .await?;
    let command = "kubectl annotate subaccounts.vobiz.ai NAME vobiz.ai/force-delete=true";
    types_as_written(&environment, command, &[("NAME", NAME)]).await?;
    goes(&environment, Kind::Subaccount, NAME).await?;
    let events = environment
        .events("Subaccount", NAME, "SubaccountOrphaned")
        .await?;
    ensure!(events.len() == 1, "{} events name what may be left", events.len());
    Ok(())
}
