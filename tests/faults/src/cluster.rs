//! I/O. The administrator's view of the cluster, past any proxy: watches that may lag, and reads that do not.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use futures::TryStreamExt as _;
use k8s_openapi::ByteString;
use kube::api::{Api, DynamicObject};
use kube::runtime::watcher::{self, Event, watcher};
use parking_lot::Mutex;
use serde_json::Value;
use tokio::task::JoinHandle;
use vobiz_harness::objects::{Kind, Objects};

const LOOK: Duration = Duration::from_millis(50);
const PAUSE: Duration = Duration::from_millis(500);

type Key = (Kind, String, String);
type Known = Arc<Mutex<HashMap<Key, Arc<Value>>>>;
/// The highest attempt that each series of a Record was ever seen to have fenced: Records go.
type Fences = Arc<Mutex<HashMap<String, u32>>>;

/// What is there. Dropping it ends the watches.
pub struct Cluster {
    client: kube::Client,
    known: Known,
    fences: Fences,
    tasks: Vec<JoinHandle<()>>,
}

impl Cluster {
    /// Begins to watch.
    #[must_use]
    pub fn watch(client: &kube::Client) -> Self {
        let (known, fences) = (Known::default(), Fences::default());
        let kinds = [
            Kind::Subaccount,
            Kind::Account,
            Kind::ClusterAccount,
            Kind::Secret,
            Kind::Namespace,
        ];
        let tasks = kinds.map(|kind| {
            let api: Api<DynamicObject> = Api::all_with(client.clone(), &kind.resource());
            tokio::spawn(keep(kind, api, Arc::clone(&known), Arc::clone(&fences)))
        });
        Self {
            client: client.clone(),
            known,
            fences,
            tasks: tasks.into(),
        }
    }

    /// Which attempts of which series were fenced, in Records that may be gone by now.
    #[must_use]
    pub fn fences(&self) -> HashMap<String, u32> {
        self.fences.lock().clone()
    }

    /// An object as it is now, by a quorum read.
    pub async fn read(&self, kind: Kind, namespace: &str, name: &str) -> Result<Option<Arc<Value>>> {
        let objects = Objects::new(self.client.clone(), namespace, LOOK);
        Ok(objects.find(kind, name).await?.map(Arc::new))
    }

    /// An object as it was last seen.
    #[must_use]
    pub fn find(&self, kind: Kind, namespace: &str, name: &str) -> Option<Arc<Value>> {
        let key = (kind, namespace.to_owned(), name.to_owned());
        self.known.lock().get(&key).cloned()
    }

    /// Waits until an object is as wanted.
    pub async fn await_state(
        &self,
        (kind, namespace, name): (Kind, &str, &str),
        reached: impl Fn(Option<&Value>) -> bool,
    ) {
        while !reached(self.find(kind, namespace, name).as_deref()) {
            tokio::time::sleep(LOOK).await;
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

async fn keep(kind: Kind, api: Api<DynamicObject>, known: Known, fences: Fences) {
    let mut events = std::pin::pin!(watcher(api, watcher::Config::default()));
    // What a new list shows: the rest went while no watch was open, and no event tells.
    let mut listed = HashSet::new();
    loop {
        match events.try_next().await {
            Ok(Some(event)) => {
                if let (Kind::Secret, Event::Apply(secret) | Event::InitApply(secret)) = (kind, &event) {
                    note_fence(secret, &fences);
                }
                take(kind, event, &known, &mut listed);
            }
            Ok(None) => return,
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}

fn note_fence(secret: &DynamicObject, fences: &Fences) {
    let Some((series, through)) = fence_in(&secret.data["data"]) else {
        return;
    };
    let mut fences = fences.lock();
    let known = fences.entry(series).or_default();
    *known = through.max(*known);
}

fn fence_in(data: &Value) -> Option<(String, u32)> {
    let text = |key: &str| {
        let bytes: ByteString = serde_json::from_value(data[key].clone()).ok()?;
        String::from_utf8(bytes.0).ok()
    };
    Some((text("series")?, text("fencedThrough")?.parse().ok()?))
}

fn take(kind: Kind, event: Event<DynamicObject>, known: &Known, listed: &mut HashSet<Key>) {
    match event {
        Event::Init => listed.clear(),
        Event::Apply(object) | Event::InitApply(object) => {
            if let (Some(key), Ok(value)) = (key(kind, &object), serde_json::to_value(&object)) {
                listed.insert(key.clone());
                known.lock().insert(key, Arc::new(value));
            }
        }
        Event::Delete(object) => {
            if let Some(key) = key(kind, &object) {
                known.lock().remove(&key);
            }
        }
        Event::InitDone => {
            let mut known = known.lock();
            known.retain(|key, _| key.0 != kind || listed.contains(key));
        }
    }
}

fn key(kind: Kind, object: &DynamicObject) -> Option<Key> {
    let metadata = &object.metadata;
    Some((
        kind,
        metadata.namespace.clone().unwrap_or_default(),
        metadata.name.clone()?,
    ))
}
