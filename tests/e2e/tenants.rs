//! What a tenant tries against the others of a shared parent, with rights on Subaccounts, Accounts and Secrets in its own namespace.

pub mod adopters;
pub mod floods;
pub mod secrets;
mod victim;

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use futures::future::try_join_all;
use serde_json::{Value, json};
use vobiz_harness::objects::{Kind, Objects, condition_of};
use vobiz_harness::simulator_journal::{JournalQuery, Operation};
use vobiz_harness::suite::Suite;
use vobiz_harness::test_bed::{ACCOUNT, EnvironmentOptions, TestBed};

use crate::cluster_accounts::{Stage, visible};

/// Requests that the default burst lets go at once, and a burst of one in as many seconds.
const BURST: usize = 20;

const DEADLINE: Duration = Duration::from_mins(1);

/// What lets an object take over what an earlier one of its name left.
const RECLAIM: &str = "vobiz.ai/reclaim";

/// What lets it do so across namespaces, on an Account; by the uid of the earlier namespace.
const ACCEPT: &str = "vobiz.ai/accept-restored-namespace";

/// What hands a Secret over, with the right that the pair in it gives.
const ALLOW: &str = "vobiz.ai/allow-adoption";

const WRONG_TOKEN: &str = "token-of-nobody-at-all";

pub fn add_to(suite: &mut Suite) {
    suite.test(
        "a tenant's Account with the shared parent's id, a wrong token and the lowest limit slows no other tenant of a ClusterAccount",
        slow_stranger,
    );
    suite.test(
        "a namespace that is made anew inherits nothing of a ClusterAccount's tenant, whatever its Account says",
        namespace_again,
    );
    suite.test(
        "a copied pair, a forged owner and a copied marker give a tenant no account of a ClusterAccount's other tenant",
        forgeries,
    );
}

async fn both_allowed(bed: &TestBed, name: &str) -> Result<Stage> {
    both_allowed_of(bed, EnvironmentOptions::new(name)).await
}

async fn both_allowed_of(bed: &TestBed, options: EnvironmentOptions) -> Result<Stage> {
    Stage::of(
        bed,
        options,
        |one, two| json!({"allowedNamespaces": {"names": [one, two]}}),
    )
    .await
}

/// An Account in the tenant's namespace with the shared parent's id and a token that is not its.
async fn stolen(stage: &Stage, tenant: &Objects, metadata: Value) -> Result<()> {
    let pair = json!({"auth_id": stage.environment.parent.auth_id, "auth_token": WRONG_TOKEN});
    tenant
        .create(Kind::Secret, "stolen", json!({"stringData": pair}))
        .await?;
    let spec = json!({
        "credentialsSecretRef": {"name": "stolen"}, "resyncIntervalSeconds": 10,
        "rateLimit": {"requestsPerSecond": 1, "burst": 1},
    });
    tenant
        .create(
            Kind::Account,
            ACCOUNT,
            json!({"metadata": metadata, "spec": spec}),
        )
        .await?;
    let refused = tenant
        .await_reason(Kind::Account, ACCOUNT, "Ready", "Unauthorized")
        .await;
    stage.environment.explain(refused).map(drop)
}

/// Nothing that the tenant can read names anything of the other one.
async fn ensure_apart(tenant: &Objects, other: &Objects, hidden: &[&str]) -> Result<()> {
    let visible = visible(tenant).await?;
    for hidden in hidden.iter().copied().chain([other.namespace()]) {
        ensure!(
            !visible.contains(hidden),
            "{hidden} shows in {}",
            tenant.namespace()
        );
    }
    Ok(())
}

async fn slow_stranger(bed: Arc<TestBed>) -> Result<()> {
    let stage = both_allowed(&bed, "tenants-slow").await?;
    stolen(&stage, &stage.two, json!({})).await?;

    let mark = stage.environment.simulator.journal_mark().await?;
    let create = async |number| {
        stage
            .create(&stage.one, &format!("burst-{number}"), json!({}))
            .await
    };
    try_join_all((0..BURST).map(create)).await?;
    let creates = JournalQuery::new().since(mark).operation(Operation::Create);
    let sent = stage
        .environment
        .simulator
        .await_journal(&creates, BURST, DEADLINE)
        .await;
    let sent = stage.environment.explain(sent)?;
    let moments = sent.iter().map(|entry| entry.monotonic_ms);
    let took = moments.clone().max().unwrap_or_default() - moments.min().unwrap_or_default();
    ensure!(
        took < 1000 * BURST as u64 / 2,
        "{BURST} creates took {took} ms: they went at the stranger's pace"
    );
    let shown = stage
        .environment
        .await_condition(Kind::ClusterAccount, &stage.account, "Ready", "True")
        .await?;
    let message = condition_of(&shown, "Ready").context("not told")?["message"].to_string();
    ensure!(!message.contains("share"), "it says {message}");
    ensure_apart(&stage.two, &stage.one, &["burst-"]).await
}

async fn namespace_again(bed: Arc<TestBed>) -> Result<()> {
    let stage = both_allowed(&bed, "tenants-again").await?;
    let environment = &stage.environment;
    let keep = json!({"deletion": {"policy": "Retain"}});
    stage.create(&stage.one, "acme", keep).await?;
    let made = stage.ready(&stage.one, "acme").await?;
    let id = made["status"]["authId"].as_str().context("no id")?.to_owned();
    let namespace = stage.one.namespace();
    let former = environment.objects.get(Kind::Namespace, namespace).await?;
    let former = former["metadata"]["uid"].as_str().context("no uid")?.to_owned();
    environment.objects.delete(Kind::Namespace, namespace).await?;
    environment.await_gone(Kind::Namespace, namespace).await?;

    environment
        .objects
        .create(Kind::Namespace, namespace, json!({}))
        .await?;
    // Whoever answers for the shared parent has not said so, and a tenant's own word counts for nothing.
    stolen(&stage, &stage.one, json!({"annotations": {ACCEPT: former}})).await?;
    let references = [
        json!({"kind": "ClusterAccount", "name": stage.account}),
        json!({"kind": "Account", "name": ACCOUNT}),
    ];
    let told = [("Stalled", "OrphanFound"), ("Reconciling", "DependencyNotReady")];
    for (reference, (condition, reason)) in references.into_iter().zip(told) {
        let manifest = json!({
            "metadata": {"annotations": {RECLAIM: "true"}}, "spec": {"accountRef": reference},
        });
        stage.one.create(Kind::Subaccount, "acme", manifest).await?;
        let refused = stage
            .one
            .await_reason(Kind::Subaccount, "acme", condition, reason)
            .await;
        let refused = environment.explain(refused)?;
        ensure!(
            refused["status"]["authId"].is_null(),
            "it has {}",
            refused["status"]["authId"]
        );
        ensure!(
            stage.one.find(Kind::Secret, "acme-vobiz").await?.is_none(),
            "a pair was published"
        );
        stage.one.delete(Kind::Subaccount, "acme").await?;
        environment.explain(stage.one.await_gone(Kind::Subaccount, "acme").await)?;
    }
    ensure!(
        environment.simulator.account(&id).await?["enabled"] == true,
        "it was touched"
    );
    ensure!(
        !visible(&stage.one).await?.contains(&id),
        "the new tenant is told of {id}"
    );
    Ok(())
}

async fn forgeries(bed: Arc<TestBed>) -> Result<()> {
    let stage = both_allowed(&bed, "tenants-forged").await?;
    let environment = &stage.environment;
    stage.create(&stage.one, "acme", json!({})).await?;
    let victim = stage.ready(&stage.one, "acme").await?;
    let id = victim["status"]["authId"].as_str().context("no id")?.to_owned();
    let before = environment.simulator.account(&id).await?;

    // Somebody's id with a token of one's own choice, in a Secret as the operator writes it, owned by the victim's object.
    let forged = json!({
        "metadata": {
            "labels": {"app.kubernetes.io/managed-by": "vobiz-operator", "vobiz.ai/subaccount": "acme"},
            "annotations": {"vobiz.ai/auth-id": id},
            "ownerReferences": [{
                "apiVersion": "vobiz.ai/v1alpha1", "kind": "Subaccount", "name": "acme", "controller": true,
                "uid": victim["metadata"]["uid"],
            }],
        },
        "stringData": {"auth_id": id, "auth_token": WRONG_TOKEN},
    });
    stage.two.create(Kind::Secret, "acme-vobiz", forged).await?;
    let marker = before["description"].as_str().context("no marker")?;
    let copied = stage
        .create(&stage.two, "marked", json!({"description": marker}))
        .await;
    ensure!(copied.is_err(), "a marker was taken for a description");

    let annotations = json!({
        RECLAIM: "true", "vobiz.ai/auth-id": id, "vobiz.ai/allow-adoption": "true",
    });
    let manifest = json!({
        "metadata": {"annotations": annotations, "labels": {"vobiz.ai/auth-id": id}},
        "spec": {"accountRef": {"kind": "ClusterAccount", "name": stage.account}},
    });
    stage.two.create(Kind::Subaccount, "acme", manifest).await?;
    // The garbage collector may remove what names an owner that is not there: then there is nothing to conflict with.
    let settled = stage
        .two
        .await_object(Kind::Subaccount, "acme", "told or served", |object| {
            condition_of(object, "Stalled").is_some()
                || condition_of(object, "Ready").is_some_and(|ready| ready["status"] == "True")
        })
        .await;
    let settled = environment.explain(settled)?;
    ensure!(
        settled["status"]["authId"] != id.as_str(),
        "it has the other tenant's account"
    );
    ensure!(
        environment.simulator.account(&id).await? == before,
        "the account was touched"
    );

    stage.two.delete(Kind::Subaccount, "acme").await?;
    environment.explain(stage.two.await_gone(Kind::Subaccount, "acme").await)?;
    ensure!(
        environment.simulator.account(&id).await? == before,
        "the account was touched"
    );
    let still = stage.one.get(Kind::Subaccount, "acme").await?;
    ensure!(
        still["status"]["authId"] == id.as_str()
            && condition_of(&still, "Ready").is_some_and(|ready| ready["status"] == "True")
    );
    ensure_apart(&stage.two, &stage.one, &[]).await
}
