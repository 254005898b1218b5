//! Keeps a cache of one kind in one scope up to date and hands on what is worth a pass. I/O (watches).
//!
//! The watch runs in a task of its own, so that every cache is complete before the first controller starts.

use crate::controller::cluster::{ClusterError, WATCH_SECONDS};
use futures::StreamExt;
use futures::channel::mpsc;
use kube::runtime::WatchStreamExt;
use kube::runtime::reflector::{self, ObjectRef, Store};
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Resource};
use serde::de::DeserializeOwned;
use std::collections::HashSet;
use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

/// Annotation of `kubectl apply`: a second copy of the object that nobody here reads.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// One watch, ready to run.
pub struct Watch<K: Resource<DynamicType = ()> + Clone + 'static> {
    /// The cache that it fills.
    pub store: Store<K>,
    /// Objects that are worth a pass: their names alone, for thousands of them may wait here.
    pub triggers: mpsc::UnboundedReceiver<ObjectRef<K>>,
    /// Runs until dropped.
    pub task: Pin<Box<dyn Future<Output = ()> + Send>>,
}

/// Watches what `selection` selects. `digest` sees every event first and takes out of it what the cache need not keep;
/// `admits` sees it, with what `digest` made of it, after the cache has taken it in, and says whether the object in it is
/// worth a pass.
pub fn watch<K, Digest>(
    kind: &'static str,
    api: Api<K>,
    selection: watcher::Config,
    mut digest: impl FnMut(&mut Event<K>) -> Digest + Send + 'static,
    mut admits: impl FnMut(&Event<K>, Digest) -> bool + Send + 'static,
) -> Watch<K>
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug + Send + Sync + 'static,
{
    let (store, mut writer) = reflector::store();
    let (sender, triggers) = mpsc::unbounded();
    let events = watcher(api, selection.timeout(WATCH_SECONDS))
        .default_backoff()
        .modify(strip);
    let cache = store.clone();
    let task = async move {
        let mut events = std::pin::pin!(events);
        let mut relist = Relist::default();
        while let Some(event) = events.next().await {
            match event {
                Ok(mut event) => {
                    let digested = digest(&mut event);
                    writer.apply_watcher_event(&event);
                    let worth_a_pass = admits(&event, digested);
                    for gone in relist.missing(&event, &cache) {
                        let mut gone = Event::Delete((*gone).clone());
                        let digested = digest(&mut gone);
                        admits(&gone, digested);
                    }
                    if let (true, Event::Apply(object) | Event::InitApply(object)) = (worth_a_pass, event) {
                        let _ = sender.unbounded_send(ObjectRef::from_obj(&object));
                    }
                }
                Err(error) => {
                    tracing::warn!(kind, error = reason(error), "a watch failed and is begun again");
                }
            }
        }
    };
    Watch {
        store,
        triggers,
        task: Box::pin(task),
    }
}

/// Finds what was deleted while no watch was open: a new list just does not have it, and no event tells.
struct Relist<K> {
    before: Vec<Arc<K>>,
    listed: HashSet<String>,
}

impl<K> Default for Relist<K> {
    fn default() -> Self {
        Self {
            before: Vec::new(),
            listed: HashSet::new(),
        }
    }
}

impl<K: Resource<DynamicType = ()> + Clone + 'static> Relist<K> {
    fn missing(&mut self, event: &Event<K>, cache: &Store<K>) -> Vec<Arc<K>> {
        let uid = |object: &K| object.meta().uid.clone().unwrap_or_default();
        match event {
            // The cache keeps the old list until the new one is complete.
            Event::Init => {
                self.before = cache.state();
                self.listed.clear();
                Vec::new()
            }
            Event::InitApply(object) => {
                self.listed.insert(uid(object));
                Vec::new()
            }
            Event::InitDone => {
                let before = std::mem::take(&mut self.before).into_iter();
                let listed = std::mem::take(&mut self.listed);
                before.filter(|object| !listed.contains(&uid(object))).collect()
            }
            Event::Apply(_) | Event::Delete(_) => Vec::new(),
        }
    }
}

/// Takes nothing out.
pub fn whole<K>(_: &mut Event<K>) {}

/// What nobody reads is not kept: it is two thirds of an object.
fn strip<K: Resource>(object: &mut K) {
    let metadata = object.meta_mut();
    metadata.managed_fields = None;
    if let Some(annotations) = &mut metadata.annotations {
        annotations.remove(LAST_APPLIED);
    }
}

/// Without what the server may have repeated of an object.
fn reason(error: watcher::Error) -> String {
    match error {
        watcher::Error::InitialListFailed(error)
        | watcher::Error::WatchStartFailed(error)
        | watcher::Error::WatchFailed(error) => ClusterError::from(error).to_string(),
        watcher::Error::WatchError(status) => format!("the server ended it ({})", status.code),
        watcher::Error::NoResourceVersion => "the server sent no resourceVersion".to_owned(),
    }
}
