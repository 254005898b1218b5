//! I/O. The administrator's view of the cluster, kept by three watches that do not pass any proxy.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, bail};
use futures::TryStreamExt as _;
use k8s_openapi::api::core::v1::{Namespace, Secret};
use kube::api::{Api, DynamicObject};
use kube::core::{ApiResource, GroupVersionKind};
use kube::runtime::watcher::{self, Event, watcher};
use parking_lot::Mutex;
use serde_json::Value;
use tokio::task::JoinHandle;

const LOOK: Duration = Duration::from_millis(50);
const PAUSE: Duration = Duration::from_millis(500);

/// The kinds that are watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Watched {
    /// Subaccounts.
    Subaccount,
    /// Accounts.
    Account,
    /// Secrets.
    Secret,
    /// Namespaces; they are kept under an empty namespace.
    Namespace,
}

type Known = Arc<Mutex<HashMap<(Watched, String, String), Arc<Value>>>>;

/// What is there. Dropping it ends the watches.
pub struct Cluster {
    known: Known,
    tasks: Vec<JoinHandle<()>>,
}

impl Cluster {
    /// Begins to watch.
    #[must_use]
    pub fn watch(client: &kube::Client) -> Self {
        let known = Known::default();
        let vobiz = |kind: &str| ApiResource::from_gvk(&GroupVersionKind::gvk("vobiz.ai", "v1alpha1", kind));
        let kinds = [
            (Watched::Subaccount, vobiz("Subaccount")),
            (Watched::Account, vobiz("Account")),
            (Watched::Secret, ApiResource::erase::<Secret>(&())),
            (Watched::Namespace, ApiResource::erase::<Namespace>(&())),
        ];
        let tasks = kinds.map(|(kind, resource)| {
            let api: Api<DynamicObject> = Api::all_with(client.clone(), &resource);
            tokio::spawn(keep(kind, api, Arc::clone(&known)))
        });
        Self {
            known,
            tasks: tasks.into(),
        }
    }

    /// An object as it was last seen.
    #[must_use]
    pub fn find(&self, kind: Watched, namespace: &str, name: &str) -> Option<Arc<Value>> {
        let key = (kind, namespace.to_owned(), name.to_owned());
        self.known.lock().get(&key).cloned()
    }

    /// Waits until an object is as wanted.
    pub async fn await_state(
        &self,
        (kind, namespace, name): (Watched, &str, &str),
        deadline: Duration,
        what: &str,
        reached: impl Fn(Option<&Value>) -> bool,
    ) -> Result<()> {
        let waited = tokio::time::timeout(deadline, async {
            while !reached(self.find(kind, namespace, name).as_deref()) {
                tokio::time::sleep(LOOK).await;
            }
        });
        if waited.await.is_err() {
            let found = self.find(kind, namespace, name);
            let status = found.map(|found| found["status"]["conditions"].to_string());
            bail!("{kind:?} {namespace}/{name} is not {what} after {deadline:?}: {status:?}");
        }
        Ok(())
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

async fn keep(kind: Watched, api: Api<DynamicObject>, known: Known) {
    let mut events = std::pin::pin!(watcher(api, watcher::Config::default()));
    loop {
        match events.try_next().await {
            Ok(Some(Event::Apply(object) | Event::InitApply(object))) => {
                if let (Some(key), Ok(value)) = (key(kind, &object), serde_json::to_value(&object)) {
                    known.lock().insert(key, Arc::new(value));
                }
            }
            Ok(Some(Event::Delete(object))) => {
                if let Some(key) = key(kind, &object) {
                    known.lock().remove(&key);
                }
            }
            Ok(Some(Event::Init | Event::InitDone)) => {}
            Ok(None) => return,
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}

fn key(kind: Watched, object: &DynamicObject) -> Option<(Watched, String, String)> {
    let metadata = &object.metadata;
    Some((
        kind,
        metadata.namespace.clone().unwrap_or_default(),
        metadata.name.clone()?,
    ))
}
