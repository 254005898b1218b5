//! Whose an account and a Secret are: what lost its owner comes back to it, and what is somebody else's is never touched on the word of
//! a status, of labels or of an owner reference.

use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use vobiz_harness::objects::{Kind, condition_of};
use vobiz_harness::simulator::Api;
use vobiz_harness::suite::Suite;
use vobiz_harness::test_bed::{Environment, TestBed};

use crate::at_rest::{
    await_event, ensure_consistent, ensure_counts, find_record, record, record_name, secret_values, text,
    uid_of,
};
use crate::edit::{resync_twice, resyncing};
use crate::generation::in_each;
use crate::hands::{kubectl, set_status};

const NAME: &str = "acme";
const SECRET: &str = "acme-vobiz";
const RECLAIM: &str = "vobiz.ai/reclaim";

pub fn add_to(suite: &mut Suite) {
    in_each(
        suite,
        "a Secret that was left with --cascade=orphan is taken back by the object that takes its account over",
        taken_back,
    );
    in_each(
        suite,
        "a Secret that --cascade=orphan leaves with the pair of a deleted account is told of, and makes room for the next object",
        dead_pair,
    );
    in_each(
        suite,
        "a pair that was lost with Record and Secret is put back by hand as the message says, and refused where it is wrong",
        put_back,
    );
    suite.test(
        "a forged owner does not make an account of another installation an object's own",
        forged_owner,
    );
    in_each(
        suite,
        "an object whose status names another object's account says so, and goes without touching it",
        copied_status,
    );
    in_each(
        suite,
        "a restored object that is deleted before it took its account over leaves that as it was kept",
        deleted_unclaimed,
    );
    suite.test(
        "an account that only a status knows any more is no leftover of an old Record",
        old_record,
    );
}

async fn orphan(environment: &Environment) -> Result<()> {
    let arguments = [
        "delete",
        "subaccounts.vobiz.ai",
        NAME,
        "--cascade=orphan",
        "--wait",
    ];
    kubectl(environment, &arguments).await?;
    environment.await_gone(Kind::Subaccount, NAME).await
}

async fn annotate(environment: &Environment, name: &str, key: &str, value: Option<&str>) -> Result<()> {
    let patch = json!({"metadata": {"annotations": {key: value}}});
    environment
        .objects
        .merge(Kind::Subaccount, name, &patch)
        .await
        .map(drop)
}

async fn taken_back(bed: Arc<TestBed>, api: Api) -> Result<()> {
    let environment = bed.environment(resyncing("own-back", api)).await?;
    let retain = json!({"deletion": {"policy": "Retain"}});
    let first = environment.create_ready(NAME, retain.clone()).await?;
    let left = environment.objects.get(Kind::Secret, SECRET).await?;
    orphan(&environment).await?;
    environment.create_subaccount(NAME, retain).await?;
    environment
        .await_reason(Kind::Subaccount, NAME, "Stalled", "OrphanFound")
        .await?;
    annotate(&environment, NAME, RECLAIM, Some("true")).await?;
    let ready = environment.await_ready(NAME).await?;
    ensure!(ready["status"]["authId"] == *first.auth_id, "another account");
    let secret = environment.objects.get(Kind::Secret, SECRET).await?;
    ensure!(
        secret["metadata"]["uid"] == left["metadata"]["uid"] && secret["data"] == left["data"],
        "it is another Secret"
    );
    ensure!(
        secret["metadata"]["ownerReferences"][0]["uid"] == ready["metadata"]["uid"],
        "it has no owner: {}",
        secret["metadata"]
    );
    ensure_counts(&environment, 1, 0).await
}

async fn dead_pair(bed: Arc<TestBed>, api: Api) -> Result<()> {
    let environment = bed.environment(resyncing("own-dead", api)).await?;
    environment.create_ready(NAME, json!({})).await?;
    let dead = secret_values(&environment.objects, SECRET).await?;
    orphan(&environment).await?;
    let told = await_event(&environment, NAME, "SecretConflict").await?;
    ensure!(text(&told["note"])?.contains(SECRET), "{}", told["note"]);
    environment.create_subaccount(NAME, json!({})).await?;
    environment.await_ready(NAME).await?;
    let pair = secret_values(&environment.objects, SECRET).await?;
    ensure!(pair["auth_id"] != dead["auth_id"], "the dead pair is still there");
    ensure_counts(&environment, 2, 1).await?;

    // With a pair that works it is somebody's, whatever its labels say.
    let theirs = environment
        .simulator
        .create_account(&json!({"parent": environment.parent.auth_id, "name": "theirs"}))
        .await?;
    let labels = environment.objects.get(Kind::Secret, SECRET).await?["metadata"]["labels"].clone();
    let mut labels = labels;
    labels["vobiz.ai/subaccount"] = json!("other");
    let manifest = json!({
        "metadata": {"labels": labels},
        "stringData": {"auth_id": theirs["auth_id"], "auth_token": theirs["auth_token"]},
    });
    let stored = environment
        .objects
        .create(Kind::Secret, "other-vobiz", manifest)
        .await?;
    environment.create_subaccount("other", json!({})).await?;
    environment
        .await_reason(Kind::Subaccount, "other", "Stalled", "SecretConflict")
        .await?;
    let found = environment.objects.get(Kind::Secret, "other-vobiz").await?;
    ensure!(
        found["metadata"]["resourceVersion"] == stored["metadata"]["resourceVersion"],
        "a working pair was written over"
    );
    ensure_counts(&environment, 2, 1).await
}

async fn put_back(bed: Arc<TestBed>, api: Api) -> Result<()> {
    let mut environment = bed.environment(resyncing("own-put", api)).await?;
    let acme = environment.create_ready(NAME, json!({})).await?;
    let pair = secret_values(&environment.objects, SECRET).await?;
    environment.operator()?.kill_hard().await?;
    let record = record_name(&acme.uid);
    environment.operator_objects.delete(Kind::Secret, &record).await?;
    environment.objects.delete(Kind::Secret, SECRET).await?;
    let create = |token: &str| {
        let literals = [
            format!("--from-literal=auth_id={}", pair["auth_id"]),
            format!("--from-literal=auth_token={token}"),
        ];
        let environment = &environment;
        async move {
            let mut arguments = vec!["create", "secret", "generic", SECRET];
            arguments.extend(literals.iter().map(String::as_str));
            kubectl(environment, &arguments).await
        }
    };
    create("a-wrong-token").await?;
    environment.restart_operator()?;
    if api == Api::Gen1 {
        // The account shows its token, and the Secret that is in the way is somebody else's.
        environment
            .await_reason(Kind::Subaccount, NAME, "Stalled", "SecretConflict")
            .await?;
    } else {
        environment
            .await_reason(Kind::Subaccount, NAME, "Stalled", "CredentialsLost")
            .await?;
        environment
            .await_message(
                Kind::Subaccount,
                NAME,
                "Ready",
                &[SECRET, "refuses", "put it back"],
            )
            .await?;
    }
    environment.objects.delete(Kind::Secret, SECRET).await?;
    let literals = [
        format!("--from-literal=auth_id={}", pair["auth_id"]),
        format!("--from-literal=auth_token={}", pair["auth_token"]),
    ];
    kubectl(
        &environment,
        &["create", "secret", "generic", SECRET, &literals[0], &literals[1]],
    )
    .await
    .or_else(|error| {
        if api == Api::Gen1 {
            Ok(String::new())
        } else {
            Err(error)
        }
    })?;
    environment
        .await_object(Kind::Subaccount, NAME, "Ready", |object| {
            condition_of(object, "Ready").is_some_and(|ready| ready["status"] == "True")
        })
        .await?;
    environment.await_record_phase(&acme.uid, "Bound").await?;
    ensure_counts(&environment, 1, 0).await?;
    ensure_consistent(&environment, &[NAME.to_owned()]).await
}

async fn forged_owner(bed: Arc<TestBed>) -> Result<()> {
    let environment = bed.environment(resyncing("own-forged", Api::Gen2)).await?;
    let marker = "[vobiz-operator 0badc0de 0123456789abcdef0123456789abcdef.1]";
    let theirs = environment
        .simulator
        .create_account(&json!({
            "parent": environment.parent.auth_id, "name": "theirs", "description": format!("theirs {marker}"),
        }))
        .await?;
    let paused = json!({
        "metadata": {"annotations": {"vobiz.ai/paused": "true"}},
        "spec": {"accountRef": {"name": "vobiz"}},
    });
    let object = environment.objects.create(Kind::Subaccount, NAME, paused).await?;
    let forged = json!({
        "metadata": {"ownerReferences": [{
            "apiVersion": "vobiz.ai/v1alpha1", "kind": "Subaccount", "name": NAME, "uid": object["metadata"]["uid"],
            "controller": true,
        }]},
        "stringData": {"auth_id": theirs["auth_id"], "auth_token": theirs["auth_token"]},
    });
    let stored = environment.objects.create(Kind::Secret, SECRET, forged).await?;
    annotate(&environment, NAME, "vobiz.ai/paused", None).await?;
    environment
        .await_reason(Kind::Subaccount, NAME, "Stalled", "SecretConflict")
        .await?;
    let secret = environment.objects.get(Kind::Secret, SECRET).await?;
    ensure!(
        secret["metadata"]["resourceVersion"] == stored["metadata"]["resourceVersion"],
        "a working pair was written over"
    );
    environment.objects.delete(Kind::Subaccount, NAME).await?;
    environment.await_gone(Kind::Subaccount, NAME).await?;
    ensure_counts(&environment, 0, 0).await?;
    let id = text(&theirs["auth_id"])?;
    ensure!(
        environment.simulator.find_account(id).await?.is_some(),
        "another installation's account is gone"
    );
    Ok(())
}

async fn copied_status(bed: Arc<TestBed>, api: Api) -> Result<()> {
    let mut environment = bed.environment(resyncing("own-copied", api)).await?;
    let acme = environment.create_ready(NAME, json!({})).await?;
    let status = environment.objects.get(Kind::Subaccount, NAME).await?["status"].clone();
    for lost in [false, true] {
        environment.operator()?.kill_hard().await?;
        let spec = json!({"credentialRecovery": "Recreate"});
        environment.create_subaccount("copy", spec).await?;
        set_status(&environment, "copy", &status).await?;
        if lost {
            let record = record_name(&acme.uid);
            environment.operator_objects.delete(Kind::Secret, &record).await?;
        }
        environment.restart_operator()?;
        environment
            .await_reason(Kind::Subaccount, "copy", "Stalled", "AuthIdConflict")
            .await?;
        environment
            .await_message(
                Kind::Subaccount,
                "copy",
                "Ready",
                &[&acme.auth_id, "another Subaccount"],
            )
            .await?;
        environment.objects.delete(Kind::Subaccount, "copy").await?;
        environment.await_gone(Kind::Subaccount, "copy").await?;
        environment.await_record_phase(&acme.uid, "Bound").await?;
        environment.await_ready(NAME).await?;
    }
    resync_twice(&environment).await?;
    ensure_counts(&environment, 1, 0).await?;
    ensure_consistent(&environment, &[NAME.to_owned()]).await
}

async fn deleted_unclaimed(bed: Arc<TestBed>, api: Api) -> Result<()> {
    let mut environment = bed.environment(resyncing("own-unclaimed", api)).await?;
    let first = environment
        .create_ready(NAME, json!({"deletion": {"policy": "Retain"}}))
        .await?;
    let status = environment.objects.get(Kind::Subaccount, NAME).await?["status"].clone();
    environment.objects.delete(Kind::Subaccount, NAME).await?;
    environment.await_gone(Kind::Subaccount, NAME).await?;
    environment.await_gone(Kind::Secret, SECRET).await?;
    environment.operator()?.kill_hard().await?;
    environment
        .create_subaccount(NAME, json!({"credentialRecovery": "Recreate"}))
        .await?;
    set_status(&environment, NAME, &status).await?;
    environment.restart_operator()?;
    environment
        .await_reason(Kind::Subaccount, NAME, "Stalled", "OrphanFound")
        .await?;
    environment.objects.delete(Kind::Subaccount, NAME).await?;
    environment.await_gone(Kind::Subaccount, NAME).await?;
    resync_twice(&environment).await?;
    let kept = record(&environment, &first.uid).await?;
    ensure!(kept["phase"] == "Kept", "its Record is {}", kept["phase"]);
    ensure!(
        environment
            .simulator
            .find_account(&first.auth_id)
            .await?
            .is_some(),
        "what was kept is gone"
    );
    ensure_counts(&environment, 1, 0).await
}

/// The backup is older than the bind: its Record is open, and the epoch of the account that is in use will be fenced.
async fn old_record(bed: Arc<TestBed>) -> Result<()> {
    let mut environment = bed.environment(resyncing("own-old", Api::Gen2)).await?;
    let acme = environment.create_ready(NAME, json!({})).await?;
    let pair = secret_values(&environment.objects, SECRET).await?;
    let status = environment.objects.get(Kind::Subaccount, NAME).await?["status"].clone();
    environment.operator()?.kill_hard().await?;
    environment.objects.delete(Kind::Subaccount, NAME).await?;
    let stripped = json!({"metadata": {"finalizers": null}});
    environment
        .objects
        .merge(Kind::Subaccount, NAME, &stripped)
        .await?;
    environment.await_gone(Kind::Secret, SECRET).await?;
    let open = json!({"data": {"phase": "T3Blbg==", "auth_id": null, "auth_token": null}});
    let name = record_name(&acme.uid);
    environment
        .operator_objects
        .merge(Kind::Secret, &name, &open)
        .await?;
    let restored = environment.create_subaccount(NAME, json!({})).await?;
    set_status(&environment, NAME, &status).await?;
    environment.restart_operator()?;
    environment
        .await_reason(Kind::Subaccount, NAME, "Stalled", "CredentialsLost")
        .await?;
    // Its end: settled, walked, kept for the retention, walked again.
    environment.await_record_gone(&acme.uid).await?;
    ensure_counts(&environment, 1, 0).await?;
    let literals = [
        format!("--from-literal=auth_id={}", pair["auth_id"]),
        format!("--from-literal=auth_token={}", pair["auth_token"]),
    ];
    kubectl(
        &environment,
        &["create", "secret", "generic", SECRET, &literals[0], &literals[1]],
    )
    .await?;
    environment.await_ready(NAME).await?;
    let uid = uid_of(&restored)?;
    let rebuilt = find_record(&environment, &uid)
        .await?
        .context("it has no Record")?;
    ensure!(rebuilt["auth_id"] == acme.auth_id, "another account");
    ensure_counts(&environment, 1, 0).await
}
