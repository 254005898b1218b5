//! What a status, an annotation that was left on, or an old Record claims, and how far it is believed: nothing is deleted, and no pair
//! written over, on the word of any of them.

use std::sync::Arc;

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use vobiz_harness::objects::Kind;
use vobiz_harness::simulator::Api;
use vobiz_harness::suite::Suite;
use vobiz_harness::test_bed::TestBed;

use crate::at_rest::{ensure_counts, record_name, secret_values, text};
use crate::edit::{resync_twice, resyncing};
use crate::generation::in_each;
use crate::hands::set_status;

const NAME: &str = "acme";
const SECRET: &str = "acme-vobiz";
const ANOTHER_MARKER: &str = "[vobiz-operator 0badc0de 0123456789abcdef0123456789abcdef.1]";

pub fn add_to(suite: &mut Suite) {
    suite.test(
        "an account whose token can be read is not made anew because the Secret holds a wrong one (generation 1)",
        wrong_token,
    );
    suite.test(
        "an object with another installation's status that is deleted with reclaim left on leaves that account alone",
        |bed| anothers(bed, "claim-delete", json!({"deletion": {"policy": "Delete"}}), true),
    );
    suite.test(
        "an object with another installation's status does not make that account anew with reclaim and Recreate",
        |bed| anothers(bed, "claim-anew", json!({"credentialRecovery": "Recreate"}), false),
    );
    in_each(
        suite,
        "a Record that is put back from before its account was made anew does not cost the pair of the newer one",
        old_bound,
    );
    suite.test(
        "a Record that lost its token is taken over from an earlier namespace by the pair that Vobiz proves",
        tokenless,
    );
    in_each(
        suite,
        "an account without a marker is not deleted on the word of a status alone",
        unmarked,
    );
    in_each(
        suite,
        "a status that names what can be no account says so, makes none, and holds no deletion",
        no_id,
    );
}

async fn wrong_token(bed: Arc<TestBed>) -> Result<()> {
    let mut environment = bed.environment(resyncing("claim-token", Api::Gen1)).await?;
    let recreate = json!({"credentialRecovery": "Recreate"});
    let acme = environment.create_ready(NAME, recreate).await?;
    let pair = secret_values(&environment.objects, SECRET).await?;
    environment.operator()?.kill_hard().await?;
    let record = record_name(&acme.uid);
    environment.operator_objects.delete(Kind::Secret, &record).await?;
    let wrong = json!({"stringData": {"auth_token": "a-wrong-token"}});
    environment.objects.merge(Kind::Secret, SECRET, &wrong).await?;
    environment.restart_operator()?;
    environment.await_record_phase(&acme.uid, "Bound").await?;
    environment.await_ready(NAME).await?;
    resync_twice(&environment).await?;
    ensure_counts(&environment, 1, 0).await?;
    ensure!(
        secret_values(&environment.objects, SECRET).await? == pair,
        "the Secret holds another pair"
    );
    Ok(())
}

async fn anothers(bed: Arc<TestBed>, name: &str, spec: Value, delete: bool) -> Result<()> {
    let mut environment = bed.environment(resyncing(name, Api::Gen2)).await?;
    let theirs = environment
        .simulator
        .create_account(&json!({
            "parent": environment.parent.auth_id, "name": NAME, "description": ANOTHER_MARKER,
        }))
        .await?;
    let id = text(&theirs["auth_id"])?;
    environment.operator()?.kill_hard().await?;
    environment.create_subaccount(NAME, spec).await?;
    let patch = json!({"metadata": {"annotations": {"vobiz.ai/reclaim": "true"}}});
    environment.objects.merge(Kind::Subaccount, NAME, &patch).await?;
    let status = json!({
        "authId": id, "parentAuthId": environment.parent.auth_id, "apiGeneration": "Gen2", "observedGeneration": 1,
    });
    set_status(&environment, NAME, &status).await?;
    environment.restart_operator()?;
    environment
        .await_reason(Kind::Subaccount, NAME, "Stalled", "CredentialsLost")
        .await?;
    if delete {
        let finalizer = json!({"metadata": {"finalizers": ["vobiz.ai/subaccount"]}});
        environment
            .objects
            .merge(Kind::Subaccount, NAME, &finalizer)
            .await?;
        environment.objects.delete(Kind::Subaccount, NAME).await?;
        environment.await_gone(Kind::Subaccount, NAME).await?;
    }
    resync_twice(&environment).await?;
    ensure!(
        environment.simulator.find_account(id).await?.is_some(),
        "another installation's account is gone"
    );
    ensure_counts(&environment, 0, 0).await
}

/// A backup of the operator's namespace that is older than the account.
async fn old_bound(bed: Arc<TestBed>, api: Api) -> Result<()> {
    let mut environment = bed.environment(resyncing("claim-old", api)).await?;
    let recreate = json!({"credentialRecovery": "Recreate"});
    let acme = environment.create_ready(NAME, recreate).await?;
    let record = record_name(&acme.uid);
    let old = environment.operator_objects.get(Kind::Secret, &record).await?;
    environment.simulator.remove_account(&acme.auth_id).await?;
    environment
        .await_object(Kind::Subaccount, NAME, "made anew", |object| {
            object["status"]["authId"]
                .as_str()
                .is_some_and(|id| id != acme.auth_id)
        })
        .await?;
    let manual = json!({"spec": {"credentialRecovery": "Manual"}});
    environment.objects.merge(Kind::Subaccount, NAME, &manual).await?;
    environment.await_ready(NAME).await?;
    let newer = secret_values(&environment.objects, SECRET).await?;
    environment.operator()?.kill_hard().await?;
    environment.operator_objects.delete(Kind::Secret, &record).await?;
    let manifest = json!({
        "metadata": {"labels": old["metadata"]["labels"]}, "type": old["type"], "data": old["data"],
    });
    environment
        .operator_objects
        .create(Kind::Secret, &record, manifest)
        .await?;
    environment.restart_operator()?;
    environment
        .await_reason(Kind::Subaccount, NAME, "Stalled", "AuthIdConflict")
        .await?;
    environment
        .await_message(
            Kind::Subaccount,
            NAME,
            "Ready",
            &[&acme.auth_id, &newer["auth_id"], &record, "delete that"],
        )
        .await?;
    resync_twice(&environment).await?;
    let object = environment.objects.get(Kind::Subaccount, NAME).await?;
    let pair = secret_values(&environment.objects, SECRET).await?;
    ensure!(
        pair == newer,
        "the pair of {} was written over by one of {}: {:#}",
        newer["auth_id"],
        pair["auth_id"],
        object["status"]
    );
    environment.operator_objects.delete(Kind::Secret, &record).await?;
    environment.await_record_phase(&acme.uid, "Bound").await?;
    let ready = environment.await_ready(NAME).await?;
    ensure!(ready["status"]["authId"] == *newer["auth_id"], "another account");
    ensure_counts(&environment, 2, 0).await
}

/// Such a Record is left by an object whose Record and pair were lost before it was deleted with a policy that keeps.
async fn tokenless(bed: Arc<TestBed>) -> Result<()> {
    let environment = bed.environment(resyncing("claim-cross", Api::Gen2)).await?;
    let acme = environment
        .create_ready(NAME, json!({"deletion": {"policy": "Retain"}}))
        .await?;
    let pair = secret_values(&environment.objects, SECRET).await?;
    environment.objects.delete(Kind::Subaccount, NAME).await?;
    environment.await_gone(Kind::Subaccount, NAME).await?;
    environment.await_gone(Kind::Secret, SECRET).await?;
    let earlier = json!({"data": {"auth_token": null}, "stringData": {"namespaceUid": "an-earlier-one"}});
    let record = record_name(&acme.uid);
    environment
        .operator_objects
        .merge(Kind::Secret, &record, &earlier)
        .await?;
    environment.create_subaccount(NAME, json!({})).await?;
    environment
        .await_reason(Kind::Subaccount, NAME, "Stalled", "OrphanFound")
        .await?;
    environment
        .objects
        .create(Kind::Secret, SECRET, json!({"stringData": pair}))
        .await?;
    let reclaim = json!({"metadata": {"annotations": {"vobiz.ai/reclaim": "true"}}});
    environment
        .objects
        .merge(Kind::Subaccount, NAME, &reclaim)
        .await?;
    let ready = environment.await_ready(NAME).await?;
    ensure!(ready["status"]["authId"] == *acme.auth_id, "another account");
    ensure_counts(&environment, 1, 0).await
}

/// Made by hand, or by another cluster's operator under the API's generation 1, which leaves no marker.
async fn unmarked(bed: Arc<TestBed>, api: Api) -> Result<()> {
    let mut environment = bed.environment(resyncing("claim-unmarked", api)).await?;
    let theirs = environment
        .simulator
        .create_account(&json!({"parent": environment.parent.auth_id, "name": "theirs"}))
        .await?;
    let id = text(&theirs["auth_id"])?;
    environment.operator()?.kill_hard().await?;
    environment.create_subaccount(NAME, json!({})).await?;
    let finalizer = json!({"metadata": {"finalizers": ["vobiz.ai/subaccount"]}});
    environment
        .objects
        .merge(Kind::Subaccount, NAME, &finalizer)
        .await?;
    let generation = if api == Api::Gen1 { "Gen1" } else { "Gen2" };
    let status = json!({
        "authId": id, "parentAuthId": environment.parent.auth_id, "apiGeneration": generation, "observedGeneration": 1,
    });
    set_status(&environment, NAME, &status).await?;
    environment.objects.delete(Kind::Subaccount, NAME).await?;
    environment.restart_operator()?;
    environment.await_gone(Kind::Subaccount, NAME).await?;
    ensure!(
        environment.simulator.find_account(id).await?.is_some(),
        "an account that no operator made is gone"
    );
    ensure_counts(&environment, 0, 0).await
}

async fn no_id(bed: Arc<TestBed>, api: Api) -> Result<()> {
    let mut environment = bed.environment(resyncing("claim-no-id", api)).await?;
    environment.operator()?.kill_hard().await?;
    environment.create_subaccount(NAME, json!({})).await?;
    let finalizer = json!({"metadata": {"finalizers": ["vobiz.ai/subaccount"]}});
    environment
        .objects
        .merge(Kind::Subaccount, NAME, &finalizer)
        .await?;
    let status = json!({"authId": "../no id", "observedGeneration": 1});
    set_status(&environment, NAME, &status).await?;
    environment.restart_operator()?;
    environment
        .await_reason(Kind::Subaccount, NAME, "Stalled", "AuthIdConflict")
        .await?;
    environment.objects.delete(Kind::Subaccount, NAME).await?;
    environment.await_gone(Kind::Subaccount, NAME).await?;
    ensure_counts(&environment, 0, 0).await
}
