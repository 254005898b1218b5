//! Follows the credentials Secrets that Accounts name, by name, so that one that is written, rotated or deleted is looked at
//! at once. I/O (watches).
//!
//! One watch for each name and scope serves every Account that names such a Secret: in a cluster whose Accounts all name
//! theirs alike it is one. It brings metadata alone. Where the right to watch is not granted, Accounts read their Secrets
//! with each pass, as they do anyway.

use crate::account::store::named_secrets::NamedSecrets;
use crate::account::waker::AccountWaker;
use crate::clock::now;
use crate::controller::backoff::{Row, delay};
use crate::controller::cluster::{ClusterError, WATCH_SECONDS};
use crate::controller::wake::{Guarded, Scope};
use crate::dice::random;
use futures::TryStreamExt as _;
use k8s_openapi::api::core::v1::Secret;
use kube::api::WatchParams;
use kube::core::{PartialObjectMeta, Request, WatchEvent};
use kube::{Client, Resource as _, ResourceExt as _};
use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::task::JoinSet;

/// Most names that are followed at once: each is a connection. Further ones are read with each pass only.
const MOST_NAMES: usize = 100;

/// The pause before the next watch: each begins where the last one ended, so nothing is missed, and a server that ends them
/// at once is not asked time and again.
const PAUSE: Duration = Duration::from_millis(500);

/// The longest pause before a watch that keeps failing is begun again.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// Where a watch begins that follows on none: with what there is, from the server's memory.
const BEGINNING: &str = "0";

/// What is watched.
type Followed = (Option<String>, String);

/// Follows what Accounts name.
pub struct CredentialsWatch {
    cluster: Client,
    scopes: Vec<Scope>,
    /// Which Secrets Accounts name, and which Accounts there are.
    pub named: Arc<NamedSecrets>,
    wake: AccountWaker,
    running: Mutex<HashMap<Followed, JoinSet<()>>>,
    /// More are named than are followed, which is told once.
    crowded: AtomicBool,
}

impl CredentialsWatch {
    /// Follows nothing yet.
    #[must_use]
    pub fn new(cluster: Client, operator_namespace: String, scopes: Vec<Scope>, wake: AccountWaker) -> Self {
        Self {
            cluster,
            scopes,
            named: Arc::new(NamedSecrets::new(operator_namespace)),
            wake,
            running: Mutex::default(),
            crowded: AtomicBool::default(),
        }
    }

    /// An Account came, went, or names other Secrets: follows what is named now, and nothing else.
    pub fn follow(&self) {
        let wanted: BTreeSet<Followed> = self
            .named
            .all()
            .into_iter()
            .map(|(namespace, name)| match self.scopes.as_slice() {
                [Scope::Cluster] => (None, name),
                _ => (Some(namespace), name),
            })
            .collect();
        let mut running = self.lock();
        running.retain(|subject, _| wanted.contains(subject));
        let crowded = wanted.len() > MOST_NAMES;
        if crowded && !self.crowded.load(Ordering::Relaxed) {
            tracing::warn!(
                most = MOST_NAMES,
                "Accounts name more credentials Secrets than are followed: changes of the others are seen at the next resync"
            );
        }
        self.crowded.store(crowded, Ordering::Relaxed);
        for subject in wanted {
            if running.contains_key(&subject) {
                continue;
            }
            if running.len() >= MOST_NAMES {
                return;
            }
            let mut task = JoinSet::new();
            let (cluster, named, wake) = (self.cluster.clone(), Arc::clone(&self.named), self.wake.clone());
            let (namespace, name) = subject.clone();
            task.spawn(async move { follow_one(cluster, namespace, &name, &named, &wake).await });
            running.insert(subject, task);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Followed, JoinSet<()>>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Wakes the Accounts that name such a Secret whenever one changes, until it is dropped.
async fn follow_one(
    cluster: Client,
    namespace: Option<String>,
    name: &str,
    named: &NamedSecrets,
    wake: &AccountWaker,
) {
    // Of those that are there: a watch may tell again what one before has told.
    let mut versions: HashMap<String, String> = HashMap::new();
    let mut since = BEGINNING.to_owned();
    let mut row = Row::begun_at(now());
    loop {
        let watched = watch_once(
            &cluster,
            namespace.as_deref(),
            name,
            &mut since,
            |namespace, version| {
                let before = match &version {
                    Some(version) => versions.insert(namespace.to_owned(), version.clone()),
                    None => versions.remove(namespace),
                };
                if before != version {
                    for account in named.namers(namespace, name) {
                        wake.wake(&account);
                    }
                }
            },
        );
        match watched.await {
            Ok(()) => {
                row.ended();
                tokio::time::sleep(PAUSE).await;
            }
            Err(error) => {
                let failures = row.failed(now());
                tracing::warn!(name, failures, error = %ClusterError::from(error), "the watch of credentials Secrets failed and is begun again");
                tokio::time::sleep(delay(failures, random(), LONGEST_PAUSE)).await;
            }
        }
        row.begun_anew(now());
    }
}

/// One watch, until the server ends it. `since`: where it begins, and then where the next one does. After a failure that is
/// the beginning: that a Secret went meanwhile is noticed at the next resync.
async fn watch_once(
    cluster: &Client,
    namespace: Option<&str>,
    name: &str,
    since: &mut String,
    mut changed: impl FnMut(&str, Option<String>),
) -> Result<(), kube::Error> {
    let mut reached = std::mem::replace(since, BEGINNING.to_owned());
    let parameters = WatchParams::default()
        .fields(&format!("metadata.name={name}"))
        .timeout(WATCH_SECONDS);
    let request = Request::new(Secret::url_path(&(), namespace))
        .watch_metadata(&parameters, &reached)
        .map_err(kube::Error::BuildRequest)?;
    let events = cluster
        .request_events::<Guarded<PartialObjectMeta<Secret>>>(request)
        .await?;
    let mut events = std::pin::pin!(events);
    while let Some(event) = events.try_next().await? {
        match event {
            WatchEvent::Added(secret) | WatchEvent::Modified(secret) => {
                changed(&secret.namespace().unwrap_or_default(), secret.resource_version());
            }
            WatchEvent::Deleted(secret) => changed(&secret.namespace().unwrap_or_default(), None),
            // A server that sends none tells each time what there is.
            WatchEvent::Bookmark(bookmark) => reached = bookmark.metadata.resource_version,
            WatchEvent::Error(status) => return Err(kube::Error::Api(status)),
        }
    }
    *since = reached;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::controller::cluster::loopback::client_of;
    use crate::metrics::Metrics;
    use axum::Router;
    use axum::http::Uri;
    use serde_json::{Value, json};

    #[tokio::test]
    async fn a_watch_begins_where_the_last_one_ended_and_after_a_failure_with_what_there_is() {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let keep = Arc::clone(&asked);
        let event = |kind: &str, object: Value| format!("{}\n", json!({"type": kind, "object": object}));
        let secret = |version: &str| {
            let metadata =
                json!({"name": "pair", "namespace": "dev", "uid": "u-1", "resourceVersion": version});
            json!({"apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata", "metadata": metadata})
        };
        let bookmark = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"resourceVersion": "9"}});
        let expired = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": "too old", "reason": "Expired", "code": 410});
        let all = event("ADDED", secret("5")) + &event("BOOKMARK", bookmark);
        let gone = event("DELETED", secret("10")) + &event("ERROR", expired);
        let router = Router::new().fallback(move |uri: Uri| async move {
            let query = uri.query().unwrap_or_default().to_owned();
            let since = query
                .split('&')
                .find_map(|part| part.strip_prefix("resourceVersion="));
            keep.lock().unwrap().push(since.unwrap_or_default().to_owned());
            if since == Some(BEGINNING) { all } else { gone }
        });
        let cluster = client_of(router, &Metrics::new(true, "1", "c")).await;
        let (mut since, mut seen) = (BEGINNING.to_owned(), Vec::new());
        for is_well in [true, false, true] {
            let watched = watch_once(&cluster, Some("dev"), "pair", &mut since, |_, version| {
                seen.push(version);
            });
            assert_eq!(watched.await.is_ok(), is_well);
        }
        assert_eq!(*asked.lock().unwrap(), ["0", "9", "0"]);
        let version = Some("5".to_owned());
        assert_eq!(seen, [version.clone(), None, version]);
    }
}
