//! I/O. The user of one plan: a namespace, a parent account, an Account, and one object to which something happens.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use jiff::SignedDuration;
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::sync::oneshot;
use vobiz_harness::objects::{Kind, Objects, condition_of, is_observed};

use crate::adopter::ByHand;
use crate::company::{self, Companion};
use crate::mode::Moment;
use crate::plan::Scene;
use crate::pulse::Span;
use crate::registry::Interlude;
use crate::stage::Stage;
use crate::workload::{Generation, Workload};

/// Between two looks at what nobody tells.
pub(crate) const LOOK: Duration = Duration::from_millis(20);
/// How long one request may take.
const DEADLINE: Duration = Duration::from_mins(2);
/// How long anything may take that is no convergence, on a machine that is not starved.
pub(crate) const PATIENCE: SignedDuration = SignedDuration::from_mins(2);
/// The object of every plan.
pub const OBJECT: &str = "acme";
/// The one that names the same account as the object.
pub const RIVAL: &str = "rival";
/// The Account of every plan.
pub const ACCOUNT: &str = "vobiz";
/// The Secret with the parent's pair.
pub const CREDENTIALS: &str = "vobiz-credentials";

/// The user of one plan.
pub struct Actor<'a> {
    pub(crate) stage: &'a Stage,
    pub(crate) scene: Scene,
    /// The namespace, which also names the plan at the proxy.
    pub namespace: String,
    /// The parent account.
    pub parent: String,
    pub(crate) objects: Objects,
    pub(crate) uids: Mutex<Vec<String>>,
    pub(crate) companions: Mutex<Vec<Companion>>,
    pub(crate) by_hand: Mutex<Option<ByHand>>,
    pub(crate) untouched: Mutex<Option<Span>>,
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
            by_hand: Mutex::default(),
            untouched: Mutex::default(),
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

    /// When nothing was to be written to Vobiz for the object.
    #[must_use]
    pub fn untouched(&self) -> Option<Span> {
        *self.untouched.lock()
    }

    /// The objects to which something happens, and that are there or were.
    #[must_use]
    pub fn concerned(&self) -> Vec<&'static str> {
        match self.scene.workload {
            Workload::AdoptTwice if self.uids().len() > 1 => vec![OBJECT, RIVAL],
            workload if workload.is_in_company() => vec![OBJECT],
            _ => {
                let companions = self.companions();
                let companions = companions.iter().map(|companion| companion.name);
                [OBJECT].into_iter().chain(companions).collect()
            }
        }
    }

    /// Everything that is there before the workload begins.
    pub async fn set_up(&self) -> Result<()> {
        let workload = self.scene.workload;
        self.stage.registry.add(&self.namespace);
        self.stage.registry.add_parent(&self.namespace, &self.parent);
        self.objects
            .create(Kind::Namespace, &self.namespace, json!({}))
            .await?;
        let token = self.put_parent(&self.parent).await?;
        if workload == Workload::NamespaceDisallowed {
            self.share_a_parent(&token).await?;
        } else {
            self.credentials(CREDENTIALS, &self.parent, &token).await?;
            self.account(ACCOUNT, CREDENTIALS, 100).await?;
            self.await_ready(Kind::Account, ACCOUNT).await?;
        }
        if workload.is_in_company() {
            let companions = self.gather_company().await?;
            *self.companions.lock() = companions;
        }
        if workload.begins_with_an_object() {
            self.create().await?;
            self.await_ready(Kind::Subaccount, OBJECT).await?;
        }
        match workload {
            Workload::NamespaceDisallowed => self.let_a_neighbour_in().await,
            Workload::AdoptBesideCreate => self.grant(&["*"]).await,
            _ if workload.adopts() => self.make_by_hand().await,
            _ => Ok(()),
        }
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
        let account = self.account_manifest(credentials, limit);
        self.objects.create(Kind::Account, name, account).await?;
        Ok(())
    }

    pub(crate) fn account_manifest(&self, credentials: &str, limit: u32) -> Value {
        json!({"spec": {
            "credentialsSecretRef": {"name": credentials},
            "apiGeneration": self.scene.generation.choice(),
            "rateLimit": {"requestsPerSecond": limit, "burst": limit},
            "resyncIntervalSeconds": 10,
        }})
    }

    /// A POST that is to be held for [`Self::perform`], set up before the workload begins.
    #[must_use]
    pub fn interlude(&self) -> Option<Interlude> {
        let moment = match self.scene.workload {
            Workload::DeleteDuringCreate => Moment::BeforeCommit,
            Workload::AdoptBesideCreate => Moment::AfterCommit,
            _ => return None,
        };
        Some(self.stage.registry.interlude(&self.namespace, moment))
    }

    /// What happens to the object.
    pub async fn perform(&self, interlude: Option<Interlude>) -> Result<()> {
        match self.scene.workload {
            Workload::Create => self.create().await,
            Workload::Edit => self.edit().await,
            Workload::Delete(_) => self.objects.delete(Kind::Subaccount, OBJECT).await,
            Workload::DeleteDuringCreate => {
                self.create().await?;
                let held = self.asked_for_an_account(interlude).await?;
                self.objects.delete(Kind::Subaccount, OBJECT).await?;
                // Whoever asked may be gone by now.
                let _ = held.send(());
                Ok(())
            }
            Workload::Recreate => {
                self.objects.delete(Kind::Subaccount, OBJECT).await?;
                self.await_gone(OBJECT).await?;
                self.create().await
            }
            Workload::SecretDeleted => self.objects.delete(Kind::Secret, &secret_of(OBJECT)).await,
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
                let turned_away = self.stage.registry.until_turned_away(&self.namespace);
                self.stage.simulator.change_parent(&self.parent, &fields).await?;
                self.edit().await?;
                // Else it depended on the machine whether the edit ever met the old pair.
                let turned_away = self.stage.pulse.within(PATIENCE, turned_away).await;
                turned_away.context("the old pair was never refused")??;
                let pair = json!({"stringData": {"auth_token": token}});
                self.objects.merge(Kind::Secret, CREDENTIALS, &pair).await?;
                Ok(())
            }
            Workload::Adopt => self.adopt(OBJECT).await,
            Workload::AdoptGranted => self.adopt_as_granted().await,
            Workload::AdoptBesideCreate => {
                self.create().await?;
                let held = self.asked_for_an_account(interlude).await?;
                self.covet(held).await
            }
            Workload::AdoptTwice => self.adopt_twice().await,
            Workload::ObserveToFull => self.observe_to_full().await,
            Workload::NamespaceDisallowed => self.disallow_and_allow().await,
        }
    }

    /// Waits until an account is asked for, and returns what lets that go on.
    async fn asked_for_an_account(&self, interlude: Option<Interlude>) -> Result<oneshot::Sender<()>> {
        let interlude = interlude.context("nothing is held")?;
        let arrived = self.stage.pulse.within(PATIENCE, interlude.arrived).await;
        arrived.context("no account was ever asked for")??;
        Ok(interlude.go_on)
    }

    /// Asks for as little as possible from here on: the plan is judged.
    pub async fn retire(&self) {
        let quiet = json!({"spec": {"resyncIntervalSeconds": 86400}});
        let company = company::ACCOUNTS
            .into_iter()
            .filter(|_| self.scene.workload.is_in_company())
            .map(|name| (Kind::Account, name));
        let (kind, _, own) = self.account_place();
        for (kind, account) in company.chain([(kind, own)]) {
            // It may be gone with its namespace.
            let _ = self.objects.merge(kind, account, &quiet).await;
        }
    }

    async fn create(&self) -> Result<()> {
        let uid = self.subaccount(OBJECT, self.account_place().2).await?;
        self.uids.lock().push(uid);
        Ok(())
    }

    /// A Subaccount of an Account, whose account is to be made; returns its uid.
    pub(crate) async fn subaccount(&self, name: &str, account: &str) -> Result<String> {
        let policy = self.scene.workload.policy().word();
        self.subaccount_with(name, account, json!({"deletion": {"policy": policy}}))
            .await
    }

    /// A Subaccount with these fields of the spec; returns its uid.
    pub(crate) async fn subaccount_with(&self, name: &str, account: &str, mut spec: Value) -> Result<String> {
        spec["accountRef"] = match self.account_place().0 {
            Kind::ClusterAccount => json!({"kind": "ClusterAccount", "name": account}),
            _ => json!({"name": account}),
        };
        if self.scene.generation == Generation::Gen2 {
            spec["description"] = json!("as written");
        }
        let created = self
            .objects
            .create(Kind::Subaccount, name, json!({"spec": spec}))
            .await?;
        let uid = created["metadata"]["uid"].as_str();
        Ok(uid.context("a Subaccount has no uid")?.to_owned())
    }

    pub(crate) async fn edit(&self) -> Result<()> {
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

    /// Waits until a Subaccount does not exist.
    pub(crate) async fn await_gone(&self, name: &str) -> Result<()> {
        let gone = |found: Option<&Value>| found.is_none();
        self.await_state(Kind::Subaccount, name, "gone", gone).await
    }

    pub(crate) async fn await_state(
        &self,
        kind: Kind,
        name: &str,
        what: &str,
        reached: impl Fn(Option<&Value>) -> bool,
    ) -> Result<()> {
        let Stage { cluster, pulse, .. } = self.stage;
        let namespace = match kind {
            Kind::ClusterAccount => "",
            _ => self.namespace.as_str(),
        };
        let place = (kind, namespace, name);
        let waited = pulse.within(PATIENCE, cluster.await_state(place, reached)).await;
        if waited.is_none() {
            let found = cluster.find(kind, namespace, name);
            let status = found.map(|found| found["status"]["conditions"].to_string());
            bail!(
                "{kind:?} {}/{name} is not {what} after {PATIENCE:?}: {status:?}",
                self.namespace
            );
        }
        Ok(())
    }
}

/// The name of a Subaccount's Secret.
#[must_use]
pub fn secret_of(object: &str) -> String {
    format!("{object}-vobiz")
}

/// Whether the newest spec is applied.
#[must_use]
pub fn is_ready(object: &Value) -> bool {
    is_observed(object) && condition_of(object, "Ready").is_some_and(|ready| ready["status"] == "True")
}
