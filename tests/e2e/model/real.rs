//! The real API server and the simulator, spoken to in the model's small numbers. I/O.
//!
//! Kubernetes is written to by the product's own guarded patches and compare-and-swaps, with the versions that the model says a
//! pass holds; Vobiz by plain HTTP.

mod kubernetes;
mod names;
mod people;
mod vobiz;

use std::collections::HashMap;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt as _;
use kube::api::Api;
use vobiz_harness::objects::Kind;
use vobiz_harness::operator::plain_http_client;
use vobiz_harness::simulator::Parent;
use vobiz_harness::test_bed::Environment;
use vobiz_model::state::{PROCESSES, State};
use vobiz_model::world::{FLIGHTS, Object, Policy, Record, SERIES, UIDS};
use vobiz_operator::account::marker::{Installation, Series};
use vobiz_operator::controller::guarded_patch;
use vobiz_operator::controller::versioned::{Versioned, create_versioned, get_versioned};
use vobiz_operator::crd::{FINALIZER, Subaccount};
use vobiz_operator::subaccount::{secret, store::record};
use vobiz_operator::vobiz::Credentials;

use crate::model::view::View;

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
    let pairs = state.processes.iter().filter_map(|process| process.held);
    stored
        .chain(read)
        .chain(pairs.map(|held| (held.slot, Some(held.record))))
        .filter_map(|(slot, record)| Some((slot, record?)))
}
