//! I/O. The user of one plan: a namespace, a parent account, an Account, and one object to which something happens.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use jiff::SignedDuration;
use parking_lot::Mutex;
use serde_json::{Value, json};
use vobiz_harness::objects::{Kind, Objects, condition_of, is_observed};

use crate::company::{self, Companion};
use crate::plan::Scene;
use crate::registry::Interlude;
use crate::stage::Stage;
use crate::workload::Workload;

/// How long one request may take.
const DEADLINE: Duration = Duration::from_mins(2);
/// How long anything may take that is no convergence, on a machine that is not starved.
const PATIENCE: SignedDuration = SignedDuration::from_mins(2);
/// The object of every plan.
pub const OBJECT: &str = "acme";
/// The user's Secret.
pub const SECRET: &str = "acme-vobiz";
/// The Account of every plan.
pub const ACCOUNT: &str = "vobiz";
/// The Secret with the parent's pair.
pub const CREDENTIALS: &str = "vobiz-credentials";

/// The user of one plan.
pub struct Actor<'a> {
    pub(crate) stage: &'a Stage,
    scene: Scene,
    /// The namespace, which also names the plan at the proxy.
    pub namespace: String,
    /// The parent account.
    pub parent: String,
    pub(crate) objects: Objects,
    uids: Mutex<Vec<String>>,
    companions: Mutex<Vec<Companion>>,
}

impl<'a> Actor<'a> {
    /// A user whose names are made from `unique`.
    #[must_use]
    pub fn new(stage: &'a Stage, scene: Scene, unique: &str) -> Self {
        let namespace = format!("plan-{unique}");
        Self {
            stage,
            scene,
            parent: format!("MA_{}", unique.to_uppercase().replace('-', "")),
            objects: Objects::new(stage.control_plane.client(), &namespace, DEADLINE),
            namespace,
            uids: Mutex::default(),
            companions: Mutex::default(),
        }
    }

    /// The uids of the objects that were made, oldest first.
    #[must_use]
    pub fn uids(&self) -> Vec<String> {
        self.uids.lock().clone()
    }

    /// The other objects of the namespace.
    #[must_use]
    pub fn companions(&self) -> Vec<Companion> {
        self.companions.lock().clone()
    }

    /// Everything that is there before the workload begins.
    pub async fn set_up(&self) -> Result<()> {
        self.stage.registry.add(&self.namespace);
        self.stage.registry.add_parent(&self.namespace, &self.parent);
        self.objects
            .create(Kind::Namespace, &self.namespace, json!({}))
            .await?;
        let token = self.put_parent(&self.parent).await?;
        self.credentials(CREDENTIALS, &self.parent, &token).await?;
        self.account(ACCOUNT, CREDENTIALS, 100).await?;
        self.await_ready(Kind::Account, ACCOUNT).await?;
        if self.scene.workload.is_in_company() {
            let companions = self.gather_company().await?;
            *self.companions.lock() = companions;
        }
        if !matches!(
            self.scene.workload,
            Workload::Create | Workload::DeleteDuringCreate
        ) {
            self.create().await?;
            self.await_ready(Kind::Subaccount, OBJECT).await?;
        }
        Ok(())
    }

    /// Makes a parent account and returns its token.
    pub(crate) async fn put_parent(&self, parent: &str) -> Result<String> {
        let token = uuid::Uuid::new_v4().simple().to_string();
        self.stage.simulator.put_parent(parent, &token).await?;
        Ok(token)
    }

    /// A Secret with a parent's pair.
    pub(crate) async fn credentials(&self, name: &str, parent: &str, token: &str) -> Result<()> {
        let pair = json!({"stringData": {"auth_id": parent, "auth_token": token}});
        self.objects.create(Kind::Secret, name, pair).await?;
        Ok(())
    }

    /// An Account that may send so many requests a second.
    pub(crate) async fn account(&self, name: &str, credentials: &str, limit: u32) -> Result<()> {
        let account = json!({"spec": {
            "credentialsSecretRef": {"name": credentials},
            "apiGeneration": self.scene.generation.choice(),
            "rateLimit": {"requestsPerSecond": limit, "burst": limit},
            "resyncIntervalSeconds": 10,
        }});
        self.objects.create(Kind::Account, name, account).await?;
        Ok(())
    }

    /// A POST that is to be held for [`Self::perform`], set up before the workload begins.
    #[must_use]
    pub fn interlude(&self) -> Option<Interlude> {
        (self.scene.workload == Workload::DeleteDuringCreate)
            .then(|| self.stage.registry.interlude(&self.namespace))
    }

    /// What happens to the object.
    pub async fn perform(&self, interlude: Option<Interlude>) -> Result<()> {
        match self.scene.workload {
            Workload::Create => self.create().await,
            Workload::Edit => self.edit().await,
            Workload::Delete(_) => self.objects.delete(Kind::Subaccount, OBJECT).await,
            Workload::DeleteDuringCreate => {
                self.create().await?;
                let interlude = interlude.context("nothing is held")?;
                let arrived = self.stage.pulse.within(PATIENCE, interlude.arrived).await;
                arrived.context("no account was ever asked for")??;
                self.objects.delete(Kind::Subaccount, OBJECT).await?;
                // Whoever asked may be gone by now.
                let _ = interlude.go_on.send(());
                Ok(())
            }
            Workload::Recreate => {
                self.objects.delete(Kind::Subaccount, OBJECT).await?;
                let gone = |found: Option<&Value>| found.is_none();
                self.await_state(Kind::Subaccount, OBJECT, "gone", gone).await?;
                self.create().await
            }
            Workload::SecretDeleted => self.objects.delete(Kind::Secret, SECRET).await,
            Workload::DeletedWithItsAccount => {
                self.objects.delete(Kind::Subaccount, OBJECT).await?;
                self.objects.delete(Kind::Account, ACCOUNT).await
            }
            Workload::NamespaceDeleted | Workload::SharedNamespaceDeleted => {
                self.objects.delete(Kind::Namespace, &self.namespace).await
            }
            Workload::CredentialsRotated => {
                let token = uuid::Uuid::new_v4().simple().to_string();
                let fields = json!({"token": token});
                self.stage.simulator.change_parent(&self.parent, &fields).await?;
                self.edit().await?;
                let pair = json!({"stringData": {"auth_token": token}});
                self.objects.merge(Kind::Secret, CREDENTIALS, &pair).await?;
                Ok(())
            }
        }
    }

    /// Asks for as little as possible from here on: the plan is judged.
    pub async fn retire(&self) {
        let quiet = json!({"spec": {"resyncIntervalSeconds": 86400}});
        let company = company::ACCOUNTS
            .into_iter()
            .filter(|_| self.scene.workload.is_in_company());
        for account in company.chain([ACCOUNT]) {
            // It may be gone with its namespace.
            let _ = self.objects.merge(Kind::Account, account, &quiet).await;
        }
    }

    async fn create(&self) -> Result<()> {
        let uid = self.subaccount(OBJECT, ACCOUNT).await?;
        self.uids.lock().push(uid);
        Ok(())
    }

    /// A Subaccount of an Account; returns its uid.
    pub(crate) async fn subaccount(&self, name: &str, account: &str) -> Result<String> {
        let mut spec = json!({
            "accountRef": {"name": account},
            "deletion": {"policy": self.scene.workload.policy().word()},
        });
        if self.scene.generation == crate::workload::Generation::Gen2 {
            spec["description"] = json!("as written");
        }
        let created = self
            .objects
            .create(Kind::Subaccount, name, json!({"spec": spec}))
            .await?;
        let uid = created["metadata"]["uid"].as_str();
        Ok(uid.context("a Subaccount has no uid")?.to_owned())
    }

    async fn edit(&self) -> Result<()> {
        let edit = json!({"spec": {"name": "renamed", "enabled": false}});
        self.objects.merge(Kind::Subaccount, OBJECT, &edit).await?;
        Ok(())
    }

    /// An edit that is told from every other.
    pub async fn rename(&self, name: &str) -> Result<()> {
        let edit = json!({"spec": {"name": name}});
        self.objects.merge(Kind::Subaccount, OBJECT, &edit).await?;
        Ok(())
    }

    pub(crate) async fn await_ready(&self, kind: Kind, name: &str) -> Result<()> {
        let ready = |found: Option<&Value>| found.is_some_and(is_ready);
        self.await_state(kind, name, "Ready", ready).await
    }

    pub(crate) async fn await_state(
        &self,
        kind: Kind,
        name: &str,
        what: &str,
        reached: impl Fn(Option<&Value>) -> bool,
    ) -> Result<()> {
        let Stage { cluster, pulse, .. } = self.stage;
        let place = (kind, self.namespace.as_str(), name);
        let waited = pulse.within(PATIENCE, cluster.await_state(place, reached)).await;
        if waited.is_none() {
            let found = cluster.find(kind, &self.namespace, name);
            let status = found.map(|found| found["status"]["conditions"].to_string());
            bail!(
                "{kind:?} {}/{name} is not {what} after {PATIENCE:?}: {status:?}",
                self.namespace
            );
        }
        Ok(())
    }
}

/// Whether the newest spec is applied.
#[must_use]
pub fn is_ready(object: &Value) -> bool {
    is_observed(object) && condition_of(object, "Ready").is_some_and(|ready| ready["status"] == "True")
}
