//! What a tenant puts into its namespace to have the account of another tenant of its `ClusterAccount`.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use futures::future::try_join_all;
use serde_json::{Value, json};
use vobiz_harness::objects::{Kind, Objects, condition_of};
use vobiz_harness::simulator::Api;
use vobiz_harness::simulator_journal::{JournalEntry, JournalQuery, Operation};
use vobiz_harness::suite::Suite;
use vobiz_harness::test_bed::{EnvironmentOptions, TestBed};

use super::victim::Victim;
use super::{ACCEPT, ALLOW, RECLAIM, WRONG_TOKEN, both_allowed_of};
use crate::at_rest::{text, uid_of};
use crate::cluster_accounts::Stage;
use crate::generation::{environment, in_each};

const FINALIZER: &str = "vobiz.ai/subaccount";
const NOT_ALLOWED: &str = "AdoptionNotAllowed";
const CONFLICT: &str = "AuthIdConflict";
const DEADLINE: Duration = Duration::from_secs(30);

pub fn add_to(suite: &mut Suite) {
    in_each(
        suite,
        "a tenant that knows another one's account, and even its pair, cannot have it, and is told why",
        adopt,
    );
    suite.test(
        "a tenant's namespace that is deleted in the middle of its attempts leaves other tenants alone and nothing behind",
        deleted_meanwhile,
    );
    suite.test(
        "a wrong pair does not tell a tenant that another one's account is there, or that it is disabled",
        wrong_pair,
    );
    suite.test(
        "whoever makes a deleted tenant's namespace anew cannot have its account by naming it",
        heritage,
    );
}

/// One way to ask for the account.
struct Attempt {
    /// Of the Subaccount.
    name: &'static str,
    /// Why it is refused.
    reason: &'static str,
    /// Beside `accountRef`.
    spec: Value,
    annotations: Value,
    /// Manifest of the Secret that it names.
    secret: Option<Value>,
}

fn attempt(name: &'static str, reason: &'static str, id: &str) -> Attempt {
    Attempt {
        name,
        reason,
        spec: json!({
            "authId": id, "deletion": {"policy": "Delete", "cascade": true}, "credentialRecovery": "Recreate",
        }),
        annotations: json!({}),
        secret: None,
    }
}

impl Attempt {
    fn with_pair(self, id: &str, token: &str, metadata: &Value) -> Self {
        let secret = json!({"metadata": metadata, "stringData": {"auth_id": id, "auth_token": token}});
        Self {
            secret: Some(secret),
            ..self
        }
    }

    async fn begin(&self, stage: &Stage, tenant: &Objects) -> Result<()> {
        if let Some(secret) = &self.secret {
            let name = format!("{}-vobiz", self.name);
            tenant.create(Kind::Secret, &name, secret.clone()).await?;
        }
        let mut manifest = json!({"metadata": {"annotations": self.annotations}, "spec": self.spec});
        manifest["spec"]["accountRef"] = json!({"kind": "ClusterAccount", "name": stage.account});
        tenant
            .create(Kind::Subaccount, self.name, manifest)
            .await
            .map(drop)
    }

    /// Waits until it is refused as it should be, and with what to do about it.
    async fn told(&self, stage: &Stage) -> Result<Value> {
        told(stage, self.name, self.reason).await
    }
}

async fn told(stage: &Stage, name: &str, reason: &str) -> Result<Value> {
    let stalled = stage
        .two
        .await_reason(Kind::Subaccount, name, "Stalled", reason)
        .await;
    let object = stage
        .environment
        .explain(stalled.with_context(|| format!("{name} is not told {reason}")))?;
    let message = condition_of(&object, "Stalled").context("not stalled")?["message"].to_string();
    ensure!(message.contains(": "), "{name} is told no way out: {message}");
    ensure!(
        object["status"]["authId"].is_null(),
        "{name} has {}",
        object["status"]["authId"]
    );
    Ok(object)
}

/// Everything that needs no further step once it is applied.
fn attempts(victim: &Victim) -> Vec<Attempt> {
    let (id, token) = (victim.id.as_str(), victim.token.as_str());
    let handed_over = || json!({"annotations": {ALLOW: "true"}});
    let mut observing = attempt("by-look", NOT_ALLOWED, id);
    observing.spec["managementPolicy"] = json!("ObserveOnly");
    let mut annotated = attempt("by-annotations", NOT_ALLOWED, id);
    annotated.annotations = json!({
        ALLOW: "true", RECLAIM: "true", ACCEPT: victim.uid, "vobiz.ai/force-delete": "true",
        "vobiz.ai/auth-id": id, "vobiz.ai/reconcile-requested-at": "now",
    });
    let owner = |name: &str| {
        json!({
            "annotations": {ALLOW: "true", "vobiz.ai/auth-id": id},
            "labels": {"app.kubernetes.io/managed-by": "vobiz-operator", "vobiz.ai/subaccount": name},
            "ownerReferences": [{
                "apiVersion": "vobiz.ai/v1alpha1", "kind": "Subaccount", "name": name, "uid": victim.uid,
                "controller": true,
            }],
        })
    };
    vec![
        attempt("by-id", NOT_ALLOWED, id),
        // A text that the schema lets pass and that is no id.
        attempt("by-word", NOT_ALLOWED, "null").with_pair(id, token, &handed_over()),
        attempt("by-pair", CONFLICT, id).with_pair(id, token, &handed_over()),
        attempt("by-silent-pair", NOT_ALLOWED, id).with_pair(id, token, &json!({})),
        attempt("by-guess", NOT_ALLOWED, id).with_pair(id, WRONG_TOKEN, &handed_over()),
        attempt("by-owner", NOT_ALLOWED, id).with_pair(id, token, &owner("by-owner")),
        observing,
        annotated,
    ]
}

async fn adopt(bed: Arc<TestBed>, api: Api) -> Result<()> {
    let stage = both_allowed_of(&bed, environment("adopters", api)).await?;
    let victim = Victim::new(&stage).await?;
    let tenant = stage.environment.tenant(&stage.two).await?;
    let attempts = attempts(&victim);
    try_join_all(attempts.iter().map(|attempt| attempt.begin(&stage, &tenant))).await?;
    for attempt in &attempts {
        attempt.told(&stage).await?;
    }
    ensure_refused_by_schema(&stage, &tenant, &victim).await?;
    by_own_secret(&stage, &tenant, &victim).await?;
    by_status(&stage, &tenant, &victim).await?;
    while_barred(&stage, &tenant, &victim, &attempts).await?;
    by_own_account(&stage, &tenant, &victim).await?;

    victim.ensure_untouched(&stage).await?;
    victim.ensure_unseen(&stage, &stage.two).await?;
    let names: Vec<String> = stage
        .two
        .list(Kind::Subaccount)
        .await?
        .iter()
        .map(name_of)
        .collect();
    for name in &names {
        tenant.delete(Kind::Subaccount, name).await?;
    }
    for name in &names {
        stage
            .environment
            .explain(stage.two.await_gone(Kind::Subaccount, name).await)?;
    }
    victim.ensure_untouched(&stage).await?;
    for operation in [Operation::Create, Operation::Delete] {
        let sent = victim.requests(&stage, operation).await?;
        ensure!(sent == 0, "{sent} times {operation:?} was sent");
    }
    Ok(())
}

fn name_of(object: &Value) -> String {
    object["metadata"]["name"].as_str().unwrap_or_default().to_owned()
}

/// A marker copied into what a tenant may write.
async fn ensure_refused_by_schema(stage: &Stage, tenant: &Objects, victim: &Victim) -> Result<()> {
    let shown = stage.environment.simulator.account(&victim.id).await?;
    let marker = shown["description"].as_str().filter(|text| text.contains('['));
    let marker = marker.unwrap_or("[vobiz-operator 0123abcd 0123456789abcdef0123456789abcdef.1]");
    for field in ["name", "description"] {
        let created = stage.create(tenant, "marked", json!({field: marker})).await;
        let refused = created.err().context("a marker was taken")?;
        ensure!(format!("{refused:#}").contains(field), "{refused:#}");
    }
    Ok(())
}

/// The pair in a Secret that the tenant's own object controls, although nobody handed it over.
async fn by_own_secret(stage: &Stage, tenant: &Objects, victim: &Victim) -> Result<()> {
    let attempt = attempt("by-own-secret", NOT_ALLOWED, &victim.id);
    attempt.begin(stage, tenant).await?;
    let object = attempt.told(stage).await?;
    let owner = json!({
        "apiVersion": "vobiz.ai/v1alpha1", "kind": "Subaccount", "name": attempt.name,
        "uid": uid_of(&object)?, "controller": true,
    });
    let secret = json!({
        "metadata": {"ownerReferences": [owner]},
        "stringData": {"auth_id": victim.id, "auth_token": victim.token},
    });
    let name = format!("{}-vobiz", attempt.name);
    tenant.create(Kind::Secret, &name, secret).await?;
    told(stage, attempt.name, CONFLICT).await.map(drop)
}

/// A status is no tenant's to write; and should somebody write it all the same, it is no identity.
async fn by_status(stage: &Stage, tenant: &Objects, victim: &Victim) -> Result<()> {
    const NAME: &str = "by-status";
    let manifest = json!({
        "metadata": {"annotations": {"vobiz.ai/paused": "true"}},
        "spec": {
            "accountRef": {"kind": "ClusterAccount", "name": stage.account},
            "deletion": {"policy": "Delete"}, "credentialRecovery": "Recreate",
        },
        // The API server takes no status with a new object.
        "status": {"observedGeneration": 1, "authId": victim.id},
    });
    tenant.create(Kind::Subaccount, NAME, manifest).await?;
    let status = json!({"status": {
        "observedGeneration": 1, "authId": victim.id, "parentAuthId": stage.environment.parent.auth_id,
    }});
    let user = format!("--as=tenant-of-{}", tenant.namespace());
    let may = [
        "auth",
        "can-i",
        "patch",
        "subaccounts.vobiz.ai",
        "--subresource=status",
        "--namespace",
        tenant.namespace(),
        &user,
    ];
    let kubectl = stage.environment.control_plane().kubectl();
    let may = kubectl.output(&may, "").await?.stdout;
    ensure!(may.trim() == "no", "may a tenant write a status? {may}");
    let patch = [
        "patch",
        "subaccounts.vobiz.ai",
        NAME,
        "--subresource=status",
        "--type=merge",
        "--namespace",
        tenant.namespace(),
        "--patch",
        &status.to_string(),
    ];
    kubectl.run(&patch).await?;
    let go_on = json!({"metadata": {"annotations": {"vobiz.ai/paused": null}}});
    tenant.merge(Kind::Subaccount, NAME, &go_on).await?;
    let stalled = stage
        .two
        .await_reason(Kind::Subaccount, NAME, "Stalled", CONFLICT)
        .await;
    stage.environment.explain(stalled)?;
    ensure!(
        stage.two.find(Kind::Secret, "by-status-vobiz").await?.is_none(),
        "a pair was published"
    );
    Ok(())
}

/// An Account of the tenant's own that grants everything, and has nothing but the other one's pair.
async fn by_own_account(stage: &Stage, tenant: &Objects, victim: &Victim) -> Result<()> {
    const NAME: &str = "by-account";
    let pair = json!({"stringData": {"auth_id": victim.id, "auth_token": victim.token}});
    tenant.create(Kind::Secret, NAME, pair).await?;
    let spec = json!({
        "credentialsSecretRef": {"name": NAME}, "adoptable": {"authIds": ["*"]},
        "rateLimit": {"requestsPerSecond": 1, "burst": 1},
    });
    tenant.create(Kind::Account, NAME, json!({"spec": spec})).await?;
    let spec = json!({"accountRef": {"name": NAME}, "authId": victim.id});
    tenant
        .create(Kind::Subaccount, NAME, json!({"spec": spec}))
        .await?;
    let told = stage
        .two
        .await_reason(Kind::Subaccount, NAME, "Reconciling", "DependencyNotReady")
        .await;
    stage.environment.explain(told).map(drop)
}

/// A namespace that its `ClusterAccount` does not allow makes no request, whatever is in it, and whatever goes.
async fn while_barred(stage: &Stage, tenant: &Objects, victim: &Victim, attempts: &[Attempt]) -> Result<()> {
    let environment = &stage.environment;
    let only_one = json!({"spec": {"allowedNamespaces": {"names": [stage.one.namespace()]}}});
    environment
        .objects
        .merge(Kind::ClusterAccount, &stage.account, &only_one)
        .await?;
    // From here on nothing is under way for it.
    let begun = attempts.iter().map(|attempt| attempt.name);
    for name in begun.chain(["by-own-secret"]) {
        told(stage, name, "NamespaceNotAllowed").await?;
    }
    let since = environment.simulator.journal_mark().await?;
    let handed_over = json!({"annotations": {ALLOW: "true"}});
    let barred = attempt("barred", "NamespaceNotAllowed", &victim.id).with_pair(
        &victim.id,
        &victim.token,
        &handed_over,
    );
    barred.begin(stage, tenant).await?;
    barred.told(stage).await?;
    // Its finalizer can be anybody's: the deletion is looked at as that of an object which was served.
    let spec = json!({"accountRef": {"kind": "ClusterAccount", "name": stage.account}});
    let manifest = json!({"metadata": {"finalizers": [FINALIZER]}, "spec": spec});
    let held = tenant.create(Kind::Subaccount, "held", manifest).await?;
    let owner = json!({
        "apiVersion": "vobiz.ai/v1alpha1", "kind": "Subaccount", "name": "held", "uid": uid_of(&held)?,
        "controller": true,
    });
    let secret = json!({
        "metadata": {"ownerReferences": [owner]},
        "stringData": {"auth_id": victim.id, "auth_token": victim.token},
    });
    tenant.create(Kind::Secret, "held-vobiz", secret).await?;
    for name in ["held", "barred"] {
        tenant.delete(Kind::Subaccount, name).await?;
        environment.explain(stage.two.await_gone(Kind::Subaccount, name).await)?;
    }
    let sent = environment
        .simulator
        .journal(&JournalQuery::new().since(since))
        .await?;
    let parent = environment.parent.auth_id.as_str();
    let of_parent = |entry: &JournalEntry| {
        matches!(entry.operation, Operation::Me | Operation::List) && entry.parent.as_deref() == Some(parent)
    };
    let further: Vec<_> = sent.iter().filter(|entry| !of_parent(entry)).collect();
    ensure!(further.is_empty(), "it was asked for it: {further:?}");
    Ok(())
}

/// When the namespace goes.
#[derive(Clone, Copy, Debug)]
enum Moment {
    /// As soon as everything is applied.
    AtOnce,
    /// When Vobiz is being asked about the pairs.
    Asked,
    /// When it was told why it may not.
    Told,
}

async fn deleted_meanwhile(bed: Arc<TestBed>) -> Result<()> {
    // Its operator could look every token up.
    let stage = both_allowed_of(&bed, environment("adopters-gone", Api::Gen1)).await?;
    let victim = Victim::new(&stage).await?;
    let environment = &stage.environment;
    let namespace = stage.two.namespace();
    for moment in [Moment::AtOnce, Moment::Asked, Moment::Told] {
        let tenant = environment.tenant(&stage.two).await?;
        let since = environment.simulator.journal_mark().await?;
        let attempts = attempts(&victim);
        let begin = attempts.iter().map(|attempt| attempt.begin(&stage, &tenant));
        try_join_all(begin).await?;
        // It makes what it may have too.
        for name in ["own", "other"] {
            stage
                .create(&tenant, name, json!({"secretRef": {"name": "contested"}}))
                .await?;
        }
        match moment {
            Moment::AtOnce => {}
            Moment::Asked => {
                let asked = JournalQuery::new()
                    .since(since)
                    .operation(Operation::Me)
                    .parent(&victim.id);
                environment.explain(environment.simulator.await_journal(&asked, 1, DEADLINE).await)?;
            }
            Moment::Told => {
                told(&stage, "by-pair", CONFLICT).await?;
            }
        }
        environment.objects.delete(Kind::Namespace, namespace).await?;
        environment
            .await_gone(Kind::Namespace, namespace)
            .await
            .with_context(|| format!("{moment:?}"))?;
        victim
            .ensure_untouched(&stage)
            .await
            .with_context(|| format!("{moment:?}"))?;
        environment
            .objects
            .create(Kind::Namespace, namespace, json!({}))
            .await?;
    }
    let carried_out = |operation| JournalQuery::new().operation(operation).committed(true);
    let creates = environment
        .simulator
        .journal_count(&carried_out(Operation::Create))
        .await?;
    let deletes = environment
        .simulator
        .await_journal(&carried_out(Operation::Delete), creates - 1, DEADLINE)
        .await;
    environment.explain(deletes)?;
    let left = environment.simulator.accounts().await?;
    ensure!(left.len() == 1, "{} accounts are left", left.len());
    victim.ensure_untouched(&stage).await
}

async fn wrong_pair(bed: Arc<TestBed>) -> Result<()> {
    let stage = both_allowed_of(&bed, EnvironmentOptions::new("adopters-guess")).await?;
    let simulator = &stage.environment.simulator;
    // Of the shared parent, and nobody's in the cluster.
    let fields = json!({"name": "by-hand", "parent": stage.environment.parent.auth_id, "enabled": false});
    let made = simulator.create_account(&fields).await?;
    let ids = ["SA_NOBODYS", text(&made["auth_id"])?];
    let tenant = stage.environment.tenant(&stage.two).await?;
    let since = simulator.journal_mark().await?;
    let mut said = Vec::new();
    for (name, id) in ["none", "disabled"].into_iter().zip(ids) {
        let metadata = json!({"annotations": {ALLOW: "true"}});
        let attempt = attempt(name, NOT_ALLOWED, id).with_pair(id, WRONG_TOKEN, &metadata);
        attempt.begin(&stage, &tenant).await?;
        let object = attempt.told(&stage).await?;
        let message = text(&condition_of(&object, "Stalled").context("not stalled")?["message"])?;
        said.push(message.replace(id, "").replace(name, ""));
    }
    ensure!(said[0] == said[1], "they are told {said:?}");
    let reads = JournalQuery::new().since(since).operation(Operation::Get);
    let reads = simulator.journal_count(&reads).await?;
    ensure!(reads == 0, "{reads} accounts were read for wrong pairs");
    Ok(())
}

async fn heritage(bed: Arc<TestBed>) -> Result<()> {
    let stage = both_allowed_of(&bed, EnvironmentOptions::new("adopters-again")).await?;
    let environment = &stage.environment;
    let keep = json!({"deletion": {"policy": "Retain"}});
    stage.create(&stage.two, "acme", keep).await?;
    let made = stage.ready(&stage.two, "acme").await?;
    let id = text(&made["status"]["authId"])?;
    let before = environment.simulator.account(id).await?;
    let namespace = stage.two.namespace();
    environment.objects.delete(Kind::Namespace, namespace).await?;
    environment.await_gone(Kind::Namespace, namespace).await?;
    environment
        .objects
        .create(Kind::Namespace, namespace, json!({}))
        .await?;
    let tenant = environment.tenant(&stage.two).await?;
    let since = environment.simulator.journal_mark().await?;
    let mut same_name = attempt("acme", "OrphanFound", id);
    same_name.annotations = json!({RECLAIM: "true"});
    let other_name = attempt("globex", NOT_ALLOWED, id);
    for attempt in [&same_name, &other_name] {
        attempt.begin(&stage, &tenant).await?;
        attempt.told(&stage).await?;
    }
    for attempt in [&same_name, &other_name] {
        tenant.delete(Kind::Subaccount, attempt.name).await?;
        environment.explain(stage.two.await_gone(Kind::Subaccount, attempt.name).await)?;
    }
    ensure!(
        environment.simulator.account(id).await? == before,
        "the account was touched"
    );
    for operation in [Operation::Create, Operation::Update, Operation::Delete] {
        let query = JournalQuery::new().since(since).operation(operation);
        let sent = environment.simulator.journal_count(&query).await?;
        ensure!(sent == 0, "{sent} times {operation:?} was sent");
    }
    Ok(())
}
