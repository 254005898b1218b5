//! The real API server and the simulator, spoken to in the model's small numbers. I/O.
//!
//! Kubernetes is written to by the product's own guarded patches and compare-and-swaps, with the versions that the model says a
//! pass holds; Vobiz by plain HTTP.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use http::Method;
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt as _;
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams, Preconditions};
use serde_json::{Value, json};
use vobiz_harness::objects::Kind;
use vobiz_harness::operator::plain_http_client;
use vobiz_harness::simulator::Parent;
use vobiz_harness::simulator_control::Fault as SimulatorFault;
use vobiz_harness::simulator_journal::{JournalQuery, Operation};
use vobiz_harness::test_bed::{ACCOUNT, Environment};
use vobiz_model::state::{PROCESSES, State};
use vobiz_model::step::Fault;
use vobiz_model::world::{
    Account, FLIGHTS, Ledger, Object, Policy, Record, SERIES, UIDS, UserSecret, Written,
};
use vobiz_operator::account::marker::{Installation, Marker, Series};
use vobiz_operator::controller::cluster::ClusterError;
use vobiz_operator::controller::guarded_patch;
use vobiz_operator::controller::versioned::{Versioned, create_versioned, get_versioned, replace};
use vobiz_operator::crd::{DeletionPolicy, FINALIZER, Subaccount};
use vobiz_operator::subaccount::record::{self, RECORD_TYPE, Subject};
use vobiz_operator::subaccount::secret;
use vobiz_operator::vobiz::{AuthId, AuthToken, Credentials, Generation, ParentAuthId};

use super::view::View;

/// For what the garbage collector and a request that was held do in their own time.
pub const PATIENCE: Duration = Duration::from_secs(30);
const POLL_INTERVAL: Duration = Duration::from_millis(20);
const INSTALLATION: Installation = Installation(0x0bad_cafe);
/// Stands for a uid, series, id or token that the model does not have.
const UNKNOWN: u8 = 99;

/// One object's part of the real world.
pub struct Real<'bed> {
    environment: &'bed Environment,
    name: String,
    parent: Parent,
    http: reqwest::Client,
    namespace_uid: String,
    subaccounts: Api<Subaccount>,
    records: Api<Secret>,
    secrets: Api<Secret>,
    uids: Vec<String>,
    series: Vec<Series>,
    accounts: Vec<Credentials>,
    /// By uid and version of the model.
    seen_objects: HashMap<(u8, u8), Subaccount>,
    /// By slot and content, with the version of the model.
    seen_records: HashMap<(u8, Record), Versioned<Secret>>,
    /// By process.
    secrets_read: [Option<Versioned<Secret>>; PROCESSES],
    /// Numbers of the rules that hold the requests under way.
    held: [Option<u64>; FLIGHTS],
    /// With those that are never carried out.
    holding: usize,
}

impl<'bed> Real<'bed> {
    /// The real world as a state of the model, with a parent account of its own.
    pub async fn build(environment: &'bed Environment, name: &str, state: &State) -> Result<Self> {
        let client = environment.control_plane().client();
        let namespace = environment.objects.namespace();
        let parent = Parent::new(
            &format!("MA_{}", name.to_uppercase().replace('-', "")),
            &format!("token-of-{name}"),
        );
        environment
            .simulator
            .put_parent(&parent.auth_id, &parent.auth_token)
            .await?;
        let mut real = Self {
            environment,
            name: name.to_owned(),
            parent,
            http: plain_http_client()?,
            namespace_uid: environment.objects.get(Kind::Namespace, namespace).await?["metadata"]["uid"]
                .as_str()
                .context("the namespace has no uid")?
                .to_owned(),
            subaccounts: Api::namespaced(client.clone(), namespace),
            records: Api::namespaced(client.clone(), environment.operator_objects.namespace()),
            secrets: Api::namespaced(client, namespace),
            uids: Vec::new(),
            series: (0..SERIES)
                .map(|_| Series(uuid::Uuid::new_v4().as_u128()))
                .collect(),
            accounts: Vec::new(),
            seen_objects: HashMap::new(),
            seen_records: HashMap::new(),
            secrets_read: [None, None],
            held: [None; FLIGHTS],
            holding: 0,
        };
        for uid in 0..state.next_uid {
            let current = state.cluster.object.filter(|object| object.uid == uid);
            real.create(&current.unwrap_or(Object::new(uid, Policy::Delete, false)))
                .await?;
            match current {
                Some(object) => real.shape(&object).await?,
                None => real.delete().await?,
            }
        }
        for account in state.vobiz.accounts.iter().flatten() {
            ensure!(account.alive, "a start with dead accounts is not built");
            real.post(account.series, account.epoch).await?;
            let id = u8::try_from(real.accounts.len() - 1)?;
            if !account.enabled {
                real.update(id, false).await?;
            }
        }
        if let Some(object) = state.cluster.object.filter(|object| object.identity.is_some()) {
            real.write_status(real.object().await?.as_ref(), None, object.identity, object.ready)
                .await?;
        }
        for (slot, record) in (0_u8..).zip(&state.cluster.records) {
            if let Some(record) = record {
                let secret = real.record_secret(slot, record.uid, &record.ledger)?;
                create_versioned(&real.records, &secret).await?;
            }
        }
        if let Some(secret) = state.cluster.secret {
            let object = real.object().await?.context("a Secret needs its owner")?;
            let pair = real.pair(secret.id)?;
            create_versioned(&real.secrets, &secret::build(&object, &pair)).await?;
        }
        Ok(real)
    }

    async fn shape(&self, object: &Object) -> Result<()> {
        if object.finalizer {
            let real = self.object().await?.context("the object is gone")?;
            guarded_patch::add(&self.subaccounts, &real, FINALIZER).await?;
        }
        if object.deleting {
            self.delete().await?;
        }
        Ok(())
    }

    /// What the servers show, in the model's numbers.
    pub async fn view(&self) -> Result<View> {
        let object = self.object().await?;
        let mut records = [None; UIDS];
        for (slot, uid) in self.uids.iter().enumerate() {
            let read = get_versioned(&self.records, &record::secret_name(uid)).await?;
            records[slot] = read.map(|read| self.record_of(read.object())).transpose()?;
        }
        let secret = get_versioned(&self.secrets, &self.secret_name()).await?;
        Ok(View {
            object: object.map(|object| self.object_of(&object)),
            records,
            secret: secret.map(|read| self.secret_of(read.object())),
            accounts: self.listed().await?,
        })
    }

    /// A status tells more than the model keeps of it (the generation that it speaks of): a write that changes nothing in the
    /// model may change the resourceVersion here.
    pub fn allow_status_change(&mut self, object: &Object) {
        self.seen_objects.remove(&(object.uid, object.version));
    }

    /// Each version of the model is one resourceVersion, and the other way about.
    pub async fn note_versions(&mut self, state: &State) -> Result<()> {
        if let (Some(object), Some(real)) = (state.cluster.object, self.object().await?) {
            let key = (object.uid, object.version);
            let known = self
                .seen_objects
                .get(&key)
                .map(kube::ResourceExt::resource_version);
            let twice = self
                .seen_objects
                .iter()
                .any(|(other, seen)| *other != key && seen.resource_version() == real.resource_version());
            ensure!(
                known.is_none_or(|known| known == real.resource_version()) && !twice,
                "version {} of the object is resourceVersion {:?}, which it was not",
                object.version,
                real.resource_version()
            );
            self.seen_objects.insert(key, real);
        }
        // The model gives the version of a Record that is gone, and that nobody holds, once more.
        let held: Vec<(u8, Record)> = held_records(state).collect();
        self.seen_records.retain(|key, _| held.contains(key));
        for (slot, record) in (0_u8..).zip(state.cluster.records) {
            let Some(record) = record else { continue };
            let name = record::secret_name(&self.uids[usize::from(slot)]);
            let Some(real) = get_versioned(&self.records, &name).await? else {
                continue;
            };
            let key = (slot, record);
            let known = self.seen_records.get(&key).map(Versioned::version);
            let mut others = self.seen_records.iter().filter(|(other, _)| **other != key);
            ensure!(
                known.is_none_or(|known| known == real.version())
                    && !others.any(|(_, seen)| seen.version() == real.version()),
                "{record:?} is resourceVersion {}, which it was not",
                real.version()
            );
            self.seen_records.insert(key, real);
        }
        Ok(())
    }

    // What people do.

    pub async fn create(&mut self, object: &Object) -> Result<()> {
        let reclaim = if object.reclaim {
            json!({"vobiz.ai/reclaim": "true"})
        } else {
            json!({})
        };
        let manifest = json!({
            "apiVersion": "vobiz.ai/v1alpha1",
            "kind": "Subaccount",
            "metadata": {"name": self.name, "annotations": reclaim},
            "spec": {"accountRef": {"name": ACCOUNT}, "deletion": {"policy": format!("{:?}", object.policy)}},
        });
        let created = self
            .subaccounts
            .create(&PostParams::default(), &serde_json::from_value(manifest)?)
            .await?;
        ensure!(
            self.uids.len() == usize::from(object.uid),
            "objects are created in order"
        );
        self.uids.push(created.uid().context("an object has no uid")?);
        Ok(())
    }

    pub async fn edit(&self, policy: Policy) -> Result<()> {
        self.merge(json!({"spec": {"deletion": {"policy": format!("{policy:?}")}}}))
            .await
    }

    pub async fn delete(&self) -> Result<()> {
        self.subaccounts
            .delete(&self.name, &DeleteParams::default())
            .await?;
        Ok(())
    }

    pub async fn strip(&self) -> Result<()> {
        self.merge(json!({"metadata": {"finalizers": null}})).await
    }

    pub async fn lose_secret(&self) -> Result<()> {
        self.secrets
            .delete(&self.secret_name(), &DeleteParams::default())
            .await?;
        Ok(())
    }

    pub async fn lose_record(&self, slot: u8) -> Result<()> {
        let name = record::secret_name(&self.uids[usize::from(slot)]);
        self.records.delete(&name, &DeleteParams::default()).await?;
        Ok(())
    }

    pub async fn delete_outside(&self, id: u8) -> Result<()> {
        self.environment
            .simulator
            .remove_account(self.pair(id)?.auth_id.as_str())
            .await
    }

    async fn merge(&self, patch: Value) -> Result<()> {
        self.subaccounts
            .patch(&self.name, &PatchParams::default(), &Patch::Merge(patch))
            .await?;
        Ok(())
    }

    // What a pass asks Kubernetes.

    pub async fn add_finalizer(&self, uid: u8, version: u8) -> Result<Written> {
        let added = guarded_patch::add(&self.subaccounts, self.seen_object(uid, version)?, FINALIZER).await;
        written(added)
    }

    pub async fn remove_finalizer(&self, uid: u8, version: u8) -> Result<Written> {
        let removed =
            guarded_patch::remove(&self.subaccounts, self.seen_object(uid, version)?, FINALIZER).await;
        written(removed)
    }

    pub async fn patch_status(
        &self,
        uid: u8,
        version: u8,
        tests_version: bool,
        identity: Option<u8>,
        ready: bool,
    ) -> Result<Written> {
        let seen = self.seen_object(uid, version)?;
        let tested = tests_version.then(|| seen.resource_version()).flatten();
        self.write_status(Some(seen), tested, identity, ready).await
    }

    async fn write_status(
        &self,
        seen: Option<&Subaccount>,
        tested: Option<String>,
        identity: Option<u8>,
        ready: bool,
    ) -> Result<Written> {
        let seen = seen.context("a status needs its object")?;
        let auth_id = identity.map(|id| self.pair(id)).transpose()?;
        let condition = json!({
            "type": "Ready",
            "status": if ready { "True" } else { "False" },
            "reason": if ready { "Available" } else { "Progressing" },
            "message": "",
            "lastTransitionTime": "2026-01-01T00:00:00Z",
        });
        let mut status = json!({"observedGeneration": seen.metadata.generation, "conditions": [condition]});
        if let Some(pair) = auth_id {
            status["authId"] = json!(pair.auth_id.as_str());
        }
        let mut operations = vec![json!({"op": "add", "path": "/status", "value": status})];
        if let Some(version) = tested {
            operations.insert(
                0,
                json!({"op": "test", "path": "/metadata/resourceVersion", "value": version}),
            );
        }
        written(guarded_patch::patch_status(&self.subaccounts, seen, operations).await)
    }

    pub async fn create_record(&self, slot: u8, ledger: &Ledger) -> Result<Written> {
        let secret = self.record_secret(slot, slot, ledger)?;
        written(create_versioned(&self.records, &secret).await)
    }

    pub async fn replace_record(&self, slot: u8, read: &Record, uid: u8, ledger: &Ledger) -> Result<Written> {
        let data = self.record_secret(slot, uid, ledger)?.data;
        let changed = self
            .seen_record(slot, read)?
            .clone()
            .map(|secret| Secret { data, ..secret });
        written(replace(&self.records, changed).await)
    }

    pub async fn drop_record(&self, slot: u8, read: &Record) -> Result<Written> {
        let seen = self.seen_record(slot, read)?;
        let parameters = DeleteParams {
            preconditions: Some(Preconditions {
                uid: seen.object().metadata.uid.clone(),
                resource_version: Some(seen.version().to_owned()),
            }),
            ..DeleteParams::default()
        };
        let deleted = self.records.delete(&seen.object().name_any(), &parameters).await;
        written(deleted.map_err(ClusterError::from))
    }

    pub async fn read_secret(&mut self, process: usize) -> Result<Written> {
        self.secrets_read[process] = get_versioned(&self.secrets, &self.secret_name()).await?;
        Ok(Written::Done)
    }

    /// A process that is killed forgets what it has read.
    pub fn forget(&mut self, process: usize) {
        self.secrets_read[process] = None;
    }

    pub async fn publish(&mut self, process: usize, read: bool, secret: UserSecret) -> Result<Written> {
        let pair = self.pair(secret.id)?;
        let mut owners = self
            .seen_objects
            .iter()
            .filter(|((uid, _), _)| *uid == secret.owner);
        let (_, owner) = owners.next().context("the owner was never seen")?;
        let held = self.secrets_read[process].take();
        ensure!(
            read == held.is_some(),
            "the process has read another Secret than the model says"
        );
        let answer = match held {
            Some(held) => {
                let changed = held.map(|mut existing| {
                    secret::apply(&mut existing, owner, &pair);
                    existing
                });
                replace(&self.secrets, changed).await
            }
            None => create_versioned(&self.secrets, &secret::build(owner, &pair)).await,
        };
        if let Ok(stored) = &answer {
            self.secrets_read[process] = Some(stored.clone());
        }
        written(answer)
    }

    // What a pass asks Vobiz.

    /// The create request, with what goes wrong with it. `place`: where the model keeps it if it is under way.
    pub async fn create_account(
        &mut self,
        series: u8,
        epoch: u8,
        fault: Fault,
        place: Option<usize>,
    ) -> Result<Written> {
        let action = match fault {
            Fault::None => {
                self.post(series, epoch).await?;
                return Ok(Written::Done);
            }
            Fault::After => json!({"type": "lose_after"}),
            Fault::Refused => json!({"type": "status", "status": 422}),
            Fault::Late if place.is_some() => json!({"type": "hold_before"}),
            Fault::Before | Fault::NeverSent | Fault::Late => json!({"type": "lose_before"}),
        };
        let rule = SimulatorFault::new(action)
            .operation(Operation::Create)
            .name(&self.name)
            .times(1);
        let number = self.environment.simulator.add_fault(&rule).await?;
        let body = self.creation(series, epoch);
        let request = self.request(Method::POST, None).json(&body);
        if let Some(place) = place {
            // The client goes while the server holds the request.
            let sent = tokio::spawn(request.send());
            let held = JournalQuery::new()
                .operation(Operation::Create)
                .name(&self.name)
                .held(true);
            self.holding += 1;
            self.environment
                .simulator
                .await_journal(&held, self.holding, PATIENCE)
                .await?;
            sent.abort();
            self.held[place] = Some(number);
        } else {
            let answer = request.send().await;
            let answered = answer.as_ref().ok().map(|answer| answer.status().as_u16());
            let expected = (fault == Fault::Refused).then_some(422);
            ensure!(answered == expected, "{fault:?} was answered {answered:?}");
        }
        if fault == Fault::After {
            self.discover().await?;
        }
        Ok(Written::Done)
    }

    /// A request under way is carried out.
    pub async fn commit(&mut self, place: usize) -> Result<()> {
        let number = self.held[place].take().context("no request is held there")?;
        self.holding -= 1;
        let release = json!({"fault": number});
        self.environment
            .simulator
            .control(Method::POST, "/holds/release", Some(&release))
            .await?;
        self.discover().await
    }

    /// A request under way is never carried out: it stays held.
    pub fn vanish(&mut self, place: usize) {
        self.held[place] = None;
    }

    pub async fn read_account(&self, id: u8) -> Result<Written> {
        self.item(Method::GET, id, None).await
    }

    pub async fn update(&self, id: u8, enabled: bool) -> Result<Written> {
        self.item(Method::PUT, id, Some(json!({"enabled": enabled})))
            .await
    }

    pub async fn delete_account(&self, id: u8) -> Result<Written> {
        self.item(Method::DELETE, id, Some(json!({"cascade": false})))
            .await
    }

    async fn item(&self, method: Method, id: u8, body: Option<Value>) -> Result<Written> {
        let mut request = self.request(method, Some(self.pair(id)?.auth_id.as_str()));
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await?;
        match answer.status().as_u16() {
            200..=299 => Ok(Written::Done),
            404 => Ok(Written::Refused),
            status => bail!("Vobiz answered {status}: {}", answer.text().await?),
        }
    }

    async fn post(&mut self, series: u8, epoch: u8) -> Result<()> {
        let answer = self
            .request(Method::POST, None)
            .json(&self.creation(series, epoch))
            .send()
            .await?;
        ensure!(
            answer.status().is_success(),
            "a create was answered {}",
            answer.status()
        );
        let body: Value = serde_json::from_str(&answer.text().await?)?;
        self.learn(&body["auth_credentials"])
    }

    fn creation(&self, series: u8, epoch: u8) -> Value {
        let marker = Marker {
            installation: INSTALLATION,
            series: self.series[usize::from(series)],
            epoch: u32::from(epoch),
        };
        json!({"name": self.name, "description": marker.to_string()})
    }

    /// Waits for the account that was made without an answer.
    async fn discover(&mut self) -> Result<()> {
        let begun = Instant::now();
        loop {
            for account in self.environment.simulator.accounts().await? {
                let mine = account["name"] == *self.name;
                let known = |known: &Credentials| account["auth_id"] == *known.auth_id.as_str();
                if mine && !self.accounts.iter().any(known) {
                    return self.learn(&account);
                }
            }
            ensure!(
                begun.elapsed() < PATIENCE,
                "the account of a lost answer does not appear"
            );
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    fn learn(&mut self, pair: &Value) -> Result<()> {
        let text = |key: &str| pair[key].as_str().with_context(|| format!("no {key} in a pair"));
        self.accounts.push(Credentials {
            auth_id: AuthId::parse(text("auth_id")?)?,
            auth_token: AuthToken::parse(text("auth_token")?)?,
        });
        Ok(())
    }

    /// What the list shows.
    async fn listed(&self) -> Result<BTreeMap<u8, Account>> {
        let request = self.request(Method::GET, Some("?page=1&size=100&active_only=false"));
        let answer: reqwest::Response = request.send().await?;
        ensure!(
            answer.status().is_success(),
            "the list was answered {}",
            answer.status()
        );
        let body: Value = serde_json::from_str(&answer.text().await?)?;
        let listed = body["sub_accounts"].as_array().context("the answer is no list")?;
        let accounts = listed.iter().map(|account| {
            let marker = account["description"].as_str().and_then(Marker::at_end_of);
            let shown = Account {
                series: marker.map_or(UNKNOWN, |marker| self.series_number(marker.series)),
                epoch: marker.map_or(UNKNOWN, |marker| u8::try_from(marker.epoch).unwrap_or(UNKNOWN)),
                alive: true,
                enabled: account["enabled"] == true,
                due: false,
            };
            (self.id_number(account["auth_id"].as_str()), shown)
        });
        Ok(accounts.collect())
    }

    fn request(&self, method: Method, rest: Option<&str>) -> reqwest::RequestBuilder {
        let collection = format!(
            "{}/api/v1/accounts/{}/sub-accounts/",
            self.environment.simulator.url(),
            self.parent.auth_id
        );
        let url = format!("{collection}{}", rest.unwrap_or_default());
        self.http
            .request(method, url)
            .header("x-auth-id", &self.parent.auth_id)
            .header("x-auth-token", &self.parent.auth_token)
    }

    // Real names and small numbers.

    async fn object(&self) -> Result<Option<Subaccount>> {
        Ok(self.subaccounts.get_opt(&self.name).await?)
    }

    fn secret_name(&self) -> String {
        format!("{}-vobiz", self.name)
    }

    fn seen_object(&self, uid: u8, version: u8) -> Result<&Subaccount> {
        self.seen_objects
            .get(&(uid, version))
            .context("a pass holds an object that was never stored")
    }

    fn seen_record(&self, slot: u8, read: &Record) -> Result<&Versioned<Secret>> {
        self.seen_records
            .get(&(slot, *read))
            .context("a pass holds a Record that was never stored")
    }

    fn pair(&self, id: u8) -> Result<Credentials> {
        self.accounts
            .get(usize::from(id))
            .cloned()
            .context("the model knows an account that was never made")
    }

    fn record_secret(&self, slot: u8, uid: u8, ledger: &Ledger) -> Result<Secret> {
        let id = |id: Option<u8>| id.map(|id| self.pair(id)).transpose();
        let record = record::Record {
            subject: Subject {
                namespace: self.environment.objects.namespace().to_owned(),
                namespace_uid: self.namespace_uid.clone(),
                name: self.name.clone(),
                uid: self.uids[usize::from(uid)].clone(),
            },
            parent: ParentAuthId::parse(&self.parent.auth_id)?,
            generation: Generation::Gen2,
            last_fenced_at: ledger.is_fenced().then(jiff::Timestamp::now),
            ledger: record::Ledger {
                series: self.series[usize::from(ledger.series)],
                epoch: ledger.epoch,
                fenced_through: ledger.fenced_through,
                phase: ledger.phase,
                auth_id: id(ledger.auth_id)?.map(|pair| pair.auth_id),
                auth_token: id(ledger.auth_token)?.map(|pair| pair.auth_token),
                disable: ledger.disable,
                cascade: ledger.cascade,
            },
        };
        let mut secret = Secret {
            type_: Some(RECORD_TYPE.to_owned()),
            data: Some(record::encode(&record)),
            ..Secret::default()
        };
        secret.metadata.name = Some(record::secret_name(&self.uids[usize::from(slot)]));
        Ok(secret)
    }

    fn object_of(&self, object: &Subaccount) -> Object {
        let status = object.status.as_ref();
        let observed =
            status.is_some_and(|status| Some(status.observed_generation) == object.metadata.generation);
        let ready = status.is_some_and(|status| {
            let mut conditions = status.conditions.iter();
            conditions.any(|condition| condition.type_ == "Ready" && condition.status == "True")
        });
        Object {
            uid: self.uid_number(object.metadata.uid.as_deref()),
            version: 0,
            deleting: object.metadata.deletion_timestamp.is_some(),
            finalizer: guarded_patch::is_on(object, FINALIZER),
            identity: status
                .and_then(|status| status.auth_id.as_deref())
                .map(|id| self.id_number(Some(id))),
            ready: observed && ready,
            reclaim: object
                .annotations()
                .get("vobiz.ai/reclaim")
                .is_some_and(|value| value == "true"),
            policy: match object.spec.deletion.policy {
                Some(DeletionPolicy::Disable) => Policy::Disable,
                Some(DeletionPolicy::Retain) => Policy::Retain,
                _ => Policy::Delete,
            },
        }
    }

    fn record_of(&self, secret: &Secret) -> Result<Record> {
        let record = record::decode(secret.data.as_ref().unwrap_or(&BTreeMap::new()))?;
        let ledger = record.ledger;
        let token = |token: &AuthToken| {
            let place = self.accounts.iter().position(|pair| pair.auth_token == *token);
            number(place)
        };
        Ok(Record {
            uid: self.uid_number(Some(&record.subject.uid)),
            version: 0,
            ledger: Ledger {
                series: self.series_number(ledger.series),
                epoch: ledger.epoch,
                fenced_through: ledger.fenced_through,
                phase: ledger.phase,
                auth_id: ledger
                    .auth_id
                    .as_ref()
                    .map(|id| self.id_number(Some(id.as_str()))),
                auth_token: ledger.auth_token.as_ref().map(token),
                disable: ledger.disable,
                cascade: ledger.cascade,
            },
        })
    }

    fn secret_of(&self, secret: &Secret) -> UserSecret {
        let data = secret.data.as_ref();
        let value = |key| data.and_then(|data| std::str::from_utf8(&data.get(key)?.0).ok());
        let mut owners = secret
            .owner_references()
            .iter()
            .filter(|owner| owner.controller == Some(true));
        let whole = self.accounts.iter().position(|pair| {
            Some(pair.auth_id.as_str()) == value("auth_id")
                && Some(pair.auth_token.expose()) == value("auth_token")
        });
        UserSecret {
            owner: self.uid_number(owners.next().map(|owner| owner.uid.as_str())),
            id: number(whole),
        }
    }

    fn uid_number(&self, uid: Option<&str>) -> u8 {
        number(self.uids.iter().position(|known| Some(known.as_str()) == uid))
    }

    fn id_number(&self, id: Option<&str>) -> u8 {
        number(
            self.accounts
                .iter()
                .position(|known| Some(known.auth_id.as_str()) == id),
        )
    }

    fn series_number(&self, series: Series) -> u8 {
        number(self.series.iter().position(|known| *known == series))
    }
}

/// Every Record that is stored, or that a process may still write back.
fn held_records(state: &State) -> impl Iterator<Item = (u8, Record)> {
    let clusters = [&state.cluster]
        .into_iter()
        .chain(state.processes.iter().map(|process| &process.cache));
    let stored = clusters.flat_map(|cluster| (0_u8..).zip(cluster.records));
    let passes = state.processes.iter().filter_map(|process| process.pass);
    let read = passes.flat_map(|pass| {
        let predecessor = pass.predecessor.map(|(slot, record)| (slot, Some(record)));
        [(pass.slot, pass.record)].into_iter().chain(predecessor)
    });
    stored
        .chain(read)
        .filter_map(|(slot, record)| Some((slot, record?)))
}

fn number(place: Option<usize>) -> u8 {
    place
        .and_then(|place| u8::try_from(place).ok())
        .unwrap_or(UNKNOWN)
}

/// A refusal is an answer; anything else that goes wrong is the test's trouble.
fn written<T>(answer: Result<T, ClusterError>) -> Result<Written> {
    match answer {
        Ok(_) => Ok(Written::Done),
        Err(error)
            if error.is_conflict()
                || error.is_already_exists()
                || error.is_not_found()
                || error.is_failed_test() =>
        {
            Ok(Written::Refused)
        }
        Err(error) => Err(error.into()),
    }
}
