//! Credentials Secrets that are written, rotated, exchanged and deleted are looked at at once, however rare an Account's passes are.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde_json::json;
use vobiz_harness::objects::Kind;
use vobiz_harness::suite::Suite;
use vobiz_harness::test_bed::{ACCOUNT, CREDENTIALS, Environment, EnvironmentOptions, TestBed};

/// Nothing but what is tried comes sooner than the next resync.
const RARE: &str = "--max-backoff-seconds=3600";
/// As long as a remedy may take to work.
const AT_ONCE: Duration = Duration::from_secs(5);

pub fn add_to(suite: &mut Suite) {
    suite.test(
        "a credentials Secret that is written, rotated, exchanged by mistake and put back, or deleted, is looked at at once",
        looked_at_at_once,
    );
}

fn options(name: &str) -> EnvironmentOptions {
    EnvironmentOptions {
        account: json!({"resyncIntervalSeconds": 86400}),
        operator_flags: vec![RARE.to_owned()],
        ..EnvironmentOptions::new(name)
    }
}

async fn write_pair(environment: &Environment, auth_id: &str, token: &str) -> Result<()> {
    let pair = json!({"stringData": {"auth_id": auth_id, "auth_token": token}});
    environment
        .objects
        .merge(Kind::Secret, CREDENTIALS, &pair)
        .await
        .map(drop)
}

/// Waits until the Account is as told, and fails if that takes longer than a remedy may.
async fn await_at_once(environment: &Environment, reason: &str) -> Result<()> {
    let begun = Instant::now();
    environment
        .await_reason(Kind::Account, ACCOUNT, "Ready", reason)
        .await?;
    ensure!(begun.elapsed() < AT_ONCE, "{reason} after {:?}", begun.elapsed());
    Ok(())
}

async fn looked_at_at_once(bed: Arc<TestBed>) -> Result<()> {
    let environment = bed
        .environment(EnvironmentOptions {
            account_ready: false,
            ..options("watch-credentials")
        })
        .await?;
    let (parent, token) = (&environment.parent.auth_id, &environment.parent.auth_token);
    let spec = json!({"spec": {
        "credentialsSecretRef": {"name": CREDENTIALS}, "resyncIntervalSeconds": 86400,
    }});
    environment.objects.create(Kind::Account, ACCOUNT, spec).await?;
    await_at_once(&environment, "CredentialsMissing").await?;
    environment.create_credentials(&environment.objects).await?;
    await_at_once(&environment, "Available").await?;
    environment.create_ready("acme", json!({})).await?;

    // Rotated as the runbook says: the new pair works before it is written, and the old one until then.
    let rotated = "rotated-token-of-the-parent";
    environment.simulator.put_parent(parent, rotated).await?;
    write_pair(&environment, parent, rotated).await?;
    environment.create_ready("rotated", json!({})).await?;
    let failed = environment
        .events("Subaccount", "rotated", "CreateFailed")
        .await?;
    ensure!(failed.is_empty(), "the rotation shows as {failed:#?}");

    environment
        .simulator
        .put_parent("MA_ANOTHER", "another-token")
        .await?;
    write_pair(&environment, "MA_ANOTHER", "another-token").await?;
    await_at_once(&environment, "ParentChanged").await?;
    write_pair(&environment, parent, rotated).await?;
    await_at_once(&environment, "Available").await?;
    environment.simulator.put_parent(parent, token).await?;
    write_pair(&environment, parent, token).await?;
    environment.create_ready("back", json!({})).await?;

    environment.objects.delete(Kind::Secret, CREDENTIALS).await?;
    let ways = [CREDENTIALS, "can still be edited", "spec.credentialsSecretRef"];
    let begun = Instant::now();
    environment
        .await_message(Kind::Account, ACCOUNT, "Ready", &ways)
        .await?;
    ensure!(begun.elapsed() < AT_ONCE, "told after {:?}", begun.elapsed());
    // The other way out: another Secret.
    let pair = json!({"stringData": {"auth_id": parent, "auth_token": token}});
    environment.objects.create(Kind::Secret, "another", pair).await?;
    let edit = json!({"spec": {"credentialsSecretRef": {"name": "another"}}});
    environment.objects.merge(Kind::Account, ACCOUNT, &edit).await?;
    environment.await_gone(Kind::Secret, CREDENTIALS).await?;
    environment
        .await_object(Kind::Account, ACCOUNT, "Available without that word", |account| {
            account["status"]["credentialsSecretName"] == "another" && !account.to_string().contains(ways[1])
        })
        .await
        .map(drop)
}
