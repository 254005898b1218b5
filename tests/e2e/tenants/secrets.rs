//! Secrets that a tenant names, and what it writes on them: none of another object's, of the operator's or of an Account's is written to,
//! however it is annotated, and one without room for the pair is told.

use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use vobiz_harness::objects::{Kind, Objects};
use vobiz_harness::simulator_journal::Operation;
use vobiz_harness::suite::Suite;
use vobiz_harness::test_bed::{CREDENTIALS, TestBed};

use super::victim::Victim;
use super::{ALLOW, both_allowed, stolen};
use crate::at_rest::{record_name, secret_values, uid_of};
use crate::cluster_accounts::Stage;

/// The most that the values of a Secret may have together, in bytes.
const FULL: usize = 1 << 20;

pub fn add_to(suite: &mut Suite) {
    suite.test(
        "a tenant that names Secrets of its other objects, of Accounts and of the operator writes to none of them",
        named,
    );
    suite.test(
        "a Secret of a mebibyte is left alone, or told where its user hands it over and the pair has no room in it",
        full,
    );
}

async fn ask(stage: &Stage, tenant: &Objects, name: &str, secret: &str) -> Result<()> {
    stage
        .create(tenant, name, json!({"secretRef": {"name": secret}}))
        .await
        .map(drop)
}

async fn conflicts(stage: &Stage, name: &str) -> Result<()> {
    let stalled = stage
        .two
        .await_reason(Kind::Subaccount, name, "Stalled", "SecretConflict")
        .await;
    stage.environment.explain(stalled).map(drop)
}

/// Has the object looked at once more, and waits until it was.
async fn look_again(stage: &Stage, tenant: &Objects, name: &str, request: &str) -> Result<Value> {
    let asked = json!({"metadata": {"annotations": {"vobiz.ai/reconcile-requested-at": request}}});
    tenant.merge(Kind::Subaccount, name, &asked).await?;
    let looked = stage
        .two
        .await_object(Kind::Subaccount, name, "looked at again", |object| {
            object["status"]["lastHandledReconcileAt"] == request
        })
        .await;
    stage.environment.explain(looked)
}

async fn named(bed: Arc<TestBed>) -> Result<()> {
    let stage = both_allowed(&bed, "secrets-named").await?;
    let victim = Victim::new(&stage).await?;
    let environment = &stage.environment;
    let operators = &environment.operator_objects;
    let credentials = secret_values(operators, CREDENTIALS).await?;
    let tenant = environment.tenant(&stage.two).await?;

    stage.create(&tenant, "own", json!({})).await?;
    let own = uid_of(&stage.ready(&stage.two, "own").await?)?;
    let pair = secret_values(&stage.two, "own-vobiz").await?;
    stolen(&stage, &tenant, json!({})).await?;
    ask(&stage, &tenant, "of-another", "own-vobiz").await?;
    ask(&stage, &tenant, "of-account", "stolen").await?;
    for name in ["of-another", "of-account"] {
        conflicts(&stage, name).await?;
    }
    // Handed over is what nobody controls.
    let word = json!({"metadata": {"annotations": {
        ALLOW: "true", "vobiz.ai/handed-over": "true", "vobiz.ai/reclaim": "true", "vobiz.ai/force-delete": "true",
    }}});
    tenant.merge(Kind::Secret, "own-vobiz", &word).await?;
    look_again(&stage, &tenant, "of-another", "handed over").await?;
    conflicts(&stage, "of-another").await?;
    let stored = stage.two.get(Kind::Secret, "own-vobiz").await?;
    let owners = stored["metadata"]["ownerReferences"]
        .as_array()
        .context("no owner")?;
    ensure!(
        owners.len() == 1 && owners[0]["uid"] == own.as_str(),
        "{owners:?}"
    );
    ensure!(
        secret_values(&stage.two, "own-vobiz").await? == pair,
        "another pair is in it"
    );

    // A name is one of the tenant's own namespace, whatever stands under it elsewhere.
    let record = record_name(&victim.uid);
    for (name, secret) in [("as-operator", CREDENTIALS), ("as-record", record.as_str())] {
        ask(&stage, &tenant, name, secret).await?;
        let ready = stage.ready(&stage.two, name).await?;
        let values = secret_values(&stage.two, secret).await?;
        ensure!(
            ready["status"]["authId"] == values["auth_id"].as_str() && values["auth_id"] != victim.id,
            "it has {}",
            ready["status"]["authId"]
        );
    }
    ensure!(
        secret_values(operators, CREDENTIALS).await? == credentials,
        "the operator's Secret was written to"
    );
    victim.ensure_untouched(&stage).await?;
    victim.ensure_unread(&stage).await?;
    let creates = victim.requests(&stage, Operation::Create).await?;
    ensure!(creates == 3, "{creates} creates were sent for three Secrets");
    ensure_gone(&stage, &tenant).await?;
    victim.ensure_untouched(&stage).await
}

async fn full(bed: Arc<TestBed>) -> Result<()> {
    let stage = both_allowed(&bed, "secrets-full").await?;
    let victim = Victim::new(&stage).await?;
    let tenant = stage.environment.tenant(&stage.two).await?;
    let handed_over = json!({"annotations": {ALLOW: "true"}});
    let fill = |bytes: usize| "x".repeat(bytes);
    let pair = FULL - victim.id.len() - victim.token.len();
    let secrets = [
        ("silent", json!({"stringData": {"fill": fill(FULL)}})),
        (
            "crowded",
            json!({"metadata": handed_over, "stringData": {"fill": fill(FULL)}}),
        ),
        (
            "adopter",
            json!({"metadata": handed_over, "stringData": {
                "auth_id": victim.id, "auth_token": victim.token, "fill": fill(pair),
            }}),
        ),
    ];
    for (name, secret) in secrets {
        tenant.create(Kind::Secret, name, secret).await?;
    }
    ask(&stage, &tenant, "silent", "silent").await?;
    ask(&stage, &tenant, "crowded", "crowded").await?;
    let spec = json!({"authId": victim.id, "secretRef": {"name": "adopter"}});
    stage.create(&tenant, "adopter", spec).await?;

    conflicts(&stage, "silent").await?;
    let stalled = stage
        .two
        .await_reason(Kind::Subaccount, "adopter", "Stalled", "AuthIdConflict")
        .await;
    stage.environment.explain(stalled)?;
    let kept_out = stage
        .two
        .await_reason(
            Kind::Subaccount,
            "crowded",
            "CredentialsPublished",
            "SecretForbidden",
        )
        .await;
    let kept_out = stage.environment.explain(kept_out)?;
    let told = kept_out["status"]["conditions"].to_string();
    ensure!(
        told.contains("crowded") && told.contains("the pair is safe"),
        "it is told {told}"
    );
    let room = json!({"data": {"fill": null}});
    tenant.merge(Kind::Secret, "crowded", &room).await?;
    stage.ready(&stage.two, "crowded").await?;

    victim.ensure_untouched(&stage).await?;
    victim.ensure_unseen(&stage, &stage.two).await?;
    let creates = victim.requests(&stage, Operation::Create).await?;
    ensure!(creates == 1, "{creates} creates were sent for one pair");
    ensure_gone(&stage, &tenant).await?;
    victim.ensure_untouched(&stage).await
}

/// The tenant's objects go, with all that was made for them.
async fn ensure_gone(stage: &Stage, tenant: &Objects) -> Result<()> {
    tenant.delete_all(Kind::Subaccount).await?;
    for object in stage.two.list(Kind::Subaccount).await? {
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        stage
            .environment
            .explain(stage.two.await_gone(Kind::Subaccount, name).await)?;
    }
    let left = stage.environment.simulator.accounts().await?;
    ensure!(left.len() == 1, "{} accounts are left", left.len());
    Ok(())
}
