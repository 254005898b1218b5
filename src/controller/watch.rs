//! Keeps a cache of one kind in one scope up to date and hands on what is worth a pass. I/O (watches).
//!
//! The watch runs in a task of its own, so that every cache is complete before the first controller starts.

use crate::controller::cluster::{ClusterError, WATCH_SECONDS};
use futures::channel::mpsc;
use futures::{Stream, StreamExt};
use kube::runtime::WatchStreamExt;
use kube::runtime::reflector::{self, Store};
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Resource};
use serde::de::DeserializeOwned;
use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;

/// Annotation of `kubectl apply`: a second copy of the object that nobody here reads.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// One watch, ready to run.
pub struct Watch<K: Resource<DynamicType = ()> + Clone + 'static> {
    /// The cache that it fills.
    pub store: Store<K>,
    /// Objects that are worth a pass.
    pub triggers: mpsc::UnboundedReceiver<K>,
    /// Runs until dropped.
    pub task: Pin<Box<dyn Future<Output = ()> + Send>>,
}

/// Watches what `selection` selects. `admits` sees every event after the cache has taken it in, and says whether the
/// object in it is worth a pass.
pub fn watch<K>(
    kind: &'static str,
    api: Api<K>,
    selection: watcher::Config,
    mut admits: impl FnMut(&Event<K>) -> bool + Send + 'static,
) -> Watch<K>
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug + Send + Sync + 'static,
{
    let (store, writer) = reflector::store();
    let (sender, triggers) = mpsc::unbounded();
    let events = watcher(api, selection.timeout(WATCH_SECONDS))
        .default_backoff()
        .modify(strip)
        .reflect(writer);
    let task = async move {
        let mut events = std::pin::pin!(events);
        while let Some(event) = events.next().await {
            match event {
                Ok(event) => {
                    let worth_a_pass = admits(&event);
                    if let (true, Event::Apply(object) | Event::InitApply(object)) = (worth_a_pass, event) {
                        let _ = sender.unbounded_send(object);
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

/// The triggers as a controller takes them.
pub fn triggers<K>(
    receiver: mpsc::UnboundedReceiver<K>,
) -> impl Stream<Item = Result<K, watcher::Error>> + Send + 'static
where
    K: Send + 'static,
{
    receiver.map(Ok)
}

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
