//! What a tenant has the operator ask of Vobiz, a thousand times or at a bad moment, costs another tenant its turn and no more.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::json;
use vobiz_harness::objects::Kind;
use vobiz_harness::simulator_control::Fault;
use vobiz_harness::simulator_journal::{JournalQuery, Operation};
use vobiz_harness::suite::Suite;
use vobiz_harness::test_bed::{EnvironmentOptions, TestBed};

use super::victim::{VICTIM, Victim};
use super::{ALLOW, both_allowed};
use crate::at_rest::text;
use crate::cluster_accounts::Stage;

const DEADLINE: Duration = Duration::from_mins(1);

/// Objects that one tenant makes at once.
const MANY: usize = 1000;

/// Objects that are being made at the API server at a time.
const AT_A_TIME: usize = 32;

/// Creates of the other tenant.
const CALM: usize = 8;

/// Requests that are under way, or have their permit, when another one joins the queue.
const UNDER_WAY: usize = 3;

/// Longer than any trial, in seconds.
const LONG_PAUSE: &str = "600";

pub fn add_to(suite: &mut Suite) {
    suite.test(
        "a thousand Subaccounts of one tenant, each with a request for a look, take turns with another tenant's",
        thousand,
    );
    suite.test(
        "a pause that Vobiz asks of a tenant's own pair holds up nobody else",
        paused_pair,
    );
}

async fn thousand(bed: Arc<TestBed>) -> Result<()> {
    let stage = Stage::of(&bed, EnvironmentOptions::new("floods"), |one, two| {
        json!({
            "allowedNamespaces": {"names": [one, two]}, "resyncIntervalSeconds": 600,
            "rateLimit": {"requestsPerSecond": 4, "burst": 1},
        })
    })
    .await?;
    let simulator = &stage.environment.simulator;
    let tenant = stage.environment.tenant(&stage.two).await?;
    let spec = json!({"accountRef": {"kind": "ClusterAccount", "name": stage.account}});
    let asked = json!({"annotations": {"vobiz.ai/reconcile-requested-at": "now"}});
    let manifest = json!({"metadata": asked, "spec": spec});
    stream::iter(0..MANY)
        .map(|number| {
            let (tenant, manifest) = (&tenant, manifest.clone());
            async move {
                let name = format!("flood-{number}");
                tenant.create(Kind::Subaccount, &name, manifest).await
            }
        })
        .buffer_unordered(AT_A_TIME)
        .try_for_each(|_| async { Ok(()) })
        .await?;

    for number in 0..CALM {
        stage
            .create(&stage.one, &format!("calm-{number}"), json!({}))
            .await?;
    }
    let calm = JournalQuery::new()
        .operation(Operation::Create)
        .name_prefix("calm-");
    let calm = simulator.await_journal(&calm, CALM, DEADLINE).await;
    let calm = stage.environment.explain(calm)?;
    // While they wait together, each of theirs is followed by one of the other namespace.
    let (first, last) = (&calm[0], &calm[CALM - 1]);
    let flood = JournalQuery::new().since(first.sequence).name_prefix("flood-");
    let flood = simulator.journal(&flood).await?;
    let between = flood
        .iter()
        .filter(|entry| entry.sequence < last.sequence)
        .count();
    ensure!(
        between <= 2 * CALM + UNDER_WAY,
        "{between} requests for the flood went between {CALM} for another tenant"
    );
    let made = JournalQuery::new()
        .operation(Operation::Create)
        .name_prefix("flood-");
    let made = simulator.journal_count(&made).await?;
    ensure!(made < MANY / 2, "the flood was over: {made} were made");
    Ok(())
}

async fn paused_pair(bed: Arc<TestBed>) -> Result<()> {
    let stage = both_allowed(&bed, "floods-pause").await?;
    let victim = Victim::new(&stage).await?;
    let simulator = &stage.environment.simulator;
    let fields = json!({"name": "by-hand", "parent": stage.environment.parent.auth_id});
    let made = simulator.create_account(&fields).await?;
    let (id, token) = (text(&made["auth_id"])?, text(&made["auth_token"])?);
    let action = json!({"type": "status", "status": 429, "retry_after": LONG_PAUSE});
    let fault = Fault::new(action).operation(Operation::Me).parent(id);
    simulator.add_fault(&fault).await?;

    let tenant = stage.environment.tenant(&stage.two).await?;
    let secret = json!({
        "metadata": {"annotations": {ALLOW: "true"}}, "stringData": {"auth_id": id, "auth_token": token},
    });
    tenant.create(Kind::Secret, "busy-vobiz", secret).await?;
    stage.create(&tenant, "busy", json!({"authId": id})).await?;
    let told = stage
        .two
        .await_object(
            Kind::Subaccount,
            "busy",
            "told that its pair is to pause",
            |object| {
                object["status"]["conditions"]
                    .to_string()
                    .contains("prove the pair of the Secret")
            },
        )
        .await;
    stage.environment.explain(told)?;

    let edit = json!({"spec": {"enabled": false}});
    stage.one.merge(Kind::Subaccount, VICTIM, &edit).await?;
    let edited = stage
        .one
        .await_reason(Kind::Subaccount, VICTIM, "Ready", "Disabled")
        .await;
    stage.environment.explain(edited)?;
    ensure!(
        simulator.account(&victim.id).await?["enabled"] == false,
        "the edit did not arrive"
    );
    stage
        .environment
        .await_condition(Kind::ClusterAccount, &stage.account, "Ready", "True")
        .await
        .map(drop)
}
