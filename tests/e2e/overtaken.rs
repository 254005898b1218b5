//! A deletion that the API server began before our finalizer was on the object removes it all the same, whenever it is done: an admission
//! webhook on deletions may hold it for seconds. What the object had goes as its policy says.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use vobiz_harness::objects::{Kind, is_observed};
use vobiz_harness::simulator::Api;
use vobiz_harness::simulator_control::Fault;
use vobiz_harness::simulator_journal::{JournalQuery, Operation};
use vobiz_harness::subaccounts::finalizers;
use vobiz_harness::suite::Suite;
use vobiz_harness::test_bed::{ACCOUNT, Environment, TestBed};
use vobiz_harness::webhook::{Answer, Door, Webhook};

use crate::generation::{environment, in_each};
use crate::rule::await_in_force;

const PATIENCE: Duration = Duration::from_secs(30);

pub fn add_to(suite: &mut Suite) {
    in_each(
        suite,
        "a deletion that began before the finalizer was there takes the account with it, and the next object of the name is served",
        after_ready,
    );
    in_each(
        suite,
        "an object that goes past its finalizer while its account is being made leaves none",
        under_way,
    );
    in_each(
        suite,
        "what is to be kept stays when its object goes past its finalizer",
        kept,
    );
    in_each(
        suite,
        "an Account stays until the account of an object that went past its finalizer is deleted",
        account_goes,
    );
    in_each(
        suite,
        "an object that goes past the finalizer while the operator is down leaves an orphan that is told",
        unseen,
    );
}

/// An object whose deletion stands at a webhook, begun before our finalizer was there.
struct Overtaken {
    environment: Environment,
    uid: String,
    door: Arc<Door>,
    deletion: JoinHandle<Result<()>>,
    _webhook: Webhook,
}

impl Overtaken {
    /// The object is paused while its deletion begins.
    async fn begin(bed: &Arc<TestBed>, label: &str, api: Api, spec: Value) -> Result<Self> {
        let environment = bed.environment(environment(label, api)).await?;
        let door = Arc::new(Door::default());
        let denied = json!({"code": 403, "message": "the webhooks are in force"});
        let webhook = Webhook::start(
            [
                ("hold".to_owned(), Answer::Allowed(Arc::clone(&door))),
                ("deny".to_owned(), Answer::Denied(denied)),
            ]
            .into(),
        )?;
        enforce(&environment, &webhook).await?;
        let mut paused = json!({
            "metadata": {"annotations": {"vobiz.ai/paused": "true"}}, "spec": {"accountRef": {"name": ACCOUNT}},
        });
        if let (Some(into), Some(from)) = (paused["spec"].as_object_mut(), spec.as_object()) {
            into.extend(from.clone());
        }
        let object = environment
            .objects
            .create(Kind::Subaccount, "acme", paused)
            .await?;
        let uid = object["metadata"]["uid"].as_str().context("no uid")?.to_owned();
        let objects = environment.objects.clone();
        let deletion = tokio::spawn(async move { objects.delete(Kind::Subaccount, "acme").await });
        door.reached().await?;
        ensure!(finalizers(&object).is_empty(), "it has a finalizer too early");
        Ok(Self {
            environment,
            uid,
            door,
            deletion,
            _webhook: webhook,
        })
    }

    /// From here on the operator is at work on it.
    async fn resume(self) -> Result<Self> {
        let resumed = json!({"metadata": {"annotations": {"vobiz.ai/paused": null}}});
        let objects = &self.environment.objects;
        objects.merge(Kind::Subaccount, "acme", &resumed).await?;
        Ok(self)
    }

    /// Waits until it is Ready; its account.
    async fn ready(&self) -> Result<String> {
        let ready = self.environment.await_ready("acme").await?;
        ensure!(
            finalizers(&ready) == ["vobiz.ai/subaccount"],
            "it has no finalizer"
        );
        Ok(ready["status"]["authId"].as_str().context("no id")?.to_owned())
    }

    /// The deletion is carried out: the API server asks nobody whether there is a finalizer now.
    async fn carry_out(&mut self) -> Result<()> {
        self.door.open();
        (&mut self.deletion).await??;
        let left = self.environment.objects.find(Kind::Subaccount, "acme").await?;
        ensure!(
            left.is_none_or(|left| left["metadata"]["uid"] != self.uid.as_str()),
            "the API server looks at finalizers again: this trial shows nothing any more"
        );
        Ok(())
    }
}

/// Deletions of Subaccounts are held, those of `ConfigMaps` denied: that shows when both are in force.
async fn enforce(environment: &Environment, webhook: &Webhook) -> Result<()> {
    let namespace = environment.objects.namespace();
    let hook = |path: &str, group: &str, version: &str, resource: &str| {
        json!({
            "name": format!("{path}.example.com"), "admissionReviewVersions": ["v1"], "sideEffects": "None",
            "failurePolicy": "Fail", "timeoutSeconds": PATIENCE.as_secs(),
            "clientConfig": {
                "url": webhook.url(path),
                "caBundle": k8s_openapi::ByteString(webhook.authority().as_bytes().to_vec()),
            },
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
            "rules": [{
                "apiGroups": [group], "apiVersions": [version], "resources": [resource], "operations": ["DELETE"],
            }],
        })
    };
    let configuration = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": namespace},
        "webhooks": [
            hook("hold", "vobiz.ai", "v1alpha1", "subaccounts"),
            hook("deny", "", "v1", "configmaps"),
        ],
    });
    let kubectl = environment.control_plane().kubectl();
    kubectl.apply(&configuration.to_string()).await?;
    environment
        .objects
        .create(Kind::ConfigMap, "probe", json!({}))
        .await?;
    let probe = ["delete", "configmap", "probe", "--namespace", namespace];
    await_in_force(kubectl, &probe, "", PATIENCE).await.map(drop)
}

async fn after_ready(bed: Arc<TestBed>, api: Api) -> Result<()> {
    let overtaken = Overtaken::begin(&bed, "overtaken-ready", api, json!({})).await?;
    let mut overtaken = overtaken.resume().await?;
    let id = overtaken.ready().await?;
    overtaken.carry_out().await?;
    let Overtaken { environment, uid, .. } = overtaken;
    // At once, as whoever deletes in order to make anew does.
    let next = environment.create_ready("acme", json!({})).await?;
    environment.await_record_gone(&uid).await?;
    let account = environment.simulator.find_account(&id).await?;
    ensure!(account.is_none(), "the account is still there: {account:#?}");
    let accounts = environment.simulator.accounts().await?;
    ensure!(
        accounts.len() == 1 && next.auth_id != id,
        "there are {accounts:#?}"
    );
    Ok(())
}

async fn under_way(bed: Arc<TestBed>, api: Api) -> Result<()> {
    let overtaken = Overtaken::begin(&bed, "overtaken-early", api, json!({})).await?;
    let hold = Fault::hold_after_commit().operation(Operation::Create).times(1);
    overtaken.environment.simulator.add_fault(&hold).await?;
    let mut overtaken = overtaken.resume().await?;
    let environment = &overtaken.environment;
    let unanswered = JournalQuery::new()
        .operation(Operation::Create)
        .committed(true)
        .held(true);
    let awaited = environment.simulator.await_journal(&unanswered, 1, PATIENCE);
    environment.explain(awaited.await)?;
    overtaken.carry_out().await?;
    let Overtaken { environment, uid, .. } = overtaken;
    environment.simulator.release_holds().await?;
    environment.await_record_gone(&uid).await?;
    let accounts = environment.simulator.accounts().await?;
    ensure!(accounts.is_empty(), "there are {accounts:#?}");
    Ok(())
}

async fn kept(bed: Arc<TestBed>, api: Api) -> Result<()> {
    for (policy, told, enabled) in [
        ("Retain", "SubaccountRetained", true),
        ("Disable", "SubaccountDisabled", false),
    ] {
        let spec = json!({"deletion": {"policy": policy}});
        let overtaken = Overtaken::begin(&bed, "overtaken-kept", api, spec).await?;
        let mut overtaken = overtaken.resume().await?;
        let id = overtaken.ready().await?;
        overtaken.carry_out().await?;
        let Overtaken { environment, uid, .. } = overtaken;
        environment.await_record_phase(&uid, "Kept").await?;
        ensure_told(&environment, told).await?;
        let account = environment.simulator.account(&id).await?;
        ensure!(account["enabled"] == enabled, "{policy}: {account:#}");
    }
    Ok(())
}

/// This is told of it, once, and not that it is an orphan.
async fn ensure_told(environment: &Environment, reason: &str) -> Result<()> {
    let told = environment.events("Subaccount", "acme", reason).await?;
    ensure!(told.len() == 1, "{reason} was told {} times", told.len());
    let events = environment.objects.list(Kind::Event).await?;
    let is_orphan = |event: &Value| event["reason"] == "SubaccountOrphaned";
    ensure!(!events.iter().any(is_orphan), "it was told to be an orphan");
    Ok(())
}

/// Its Account is deleted with it, as whoever deletes a whole namespace does, and a deletion must wait for its turn.
async fn account_goes(bed: Arc<TestBed>, api: Api) -> Result<()> {
    let overtaken = Overtaken::begin(&bed, "overtaken-account", api, json!({})).await?;
    let mut overtaken = overtaken.resume().await?;
    let id = overtaken.ready().await?;
    let objects = overtaken.environment.objects.clone();
    let slow = json!({"spec": {"rateLimit": {"requestsPerSecond": 1, "burst": 1}}});
    objects.merge(Kind::Account, ACCOUNT, &slow).await?;
    objects
        .await_object(Kind::Account, ACCOUNT, "seen by the operator", is_observed)
        .await?;
    objects.delete(Kind::Account, ACCOUNT).await?;
    overtaken.carry_out().await?;
    let Overtaken { environment, uid, .. } = overtaken;
    environment.await_record_gone(&uid).await?;
    let account = environment.simulator.find_account(&id).await?;
    ensure!(account.is_none(), "the account is still there: {account:#?}");
    ensure_told(&environment, "SubaccountDeleted").await?;
    environment.await_gone(Kind::Account, ACCOUNT).await
}

async fn unseen(bed: Arc<TestBed>, api: Api) -> Result<()> {
    let overtaken = Overtaken::begin(&bed, "overtaken-unseen", api, json!({})).await?;
    let mut overtaken = overtaken.resume().await?;
    let id = overtaken.ready().await?;
    overtaken.environment.operator()?.kill_hard().await?;
    overtaken.carry_out().await?;
    let Overtaken {
        mut environment, uid, ..
    } = overtaken;
    environment.restart_operator()?;
    let told = environment
        .events("Subaccount", "acme", "SubaccountOrphaned")
        .await?;
    ensure!(told.len() == 1, "it was told {} times", told.len());
    environment.simulator.account(&id).await?;
    environment.await_record_phase(&uid, "Bound").await
}
