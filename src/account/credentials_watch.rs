//! Follows the credentials Secrets that Accounts name, by name, so that one that is written, rotated or deleted is looked at
//! at once. I/O (watches).
//!
//! One watch for each name and scope serves every Account that names such a Secret: in a cluster whose Accounts all name
//! theirs alike it is one. It brings metadata alone. Where the right to watch is not granted, Accounts read their Secrets
//! with each pass, as they do anyway.

use crate::account::named_secrets::NamedSecrets;
use crate::controller::backoff::delay;
use crate::controller::cluster::{ClusterError, WATCH_SECONDS};
use crate::controller::wake::{Guarded, ObjectKey, Scope, Waker};
use crate::crd::Account;
use futures::TryStreamExt as _;
use k8s_openapi::api::core::v1::Secret;
use kube::api::WatchParams;
use kube::core::{PartialObjectMeta, Request, WatchEvent};
use kube::{Client, Resource as _, ResourceExt as _};
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::task::JoinSet;

/// Most names that are followed at once: each is a connection. Further ones are read with each pass only.
const MOST_NAMES: usize = 100;

/// The pause before the next watch: each begins with what there is, so nothing is missed, and a server that ends them at once
/// is not asked time and again.
const PAUSE: Duration = Duration::from_millis(500);

/// The longest pause before a watch that keeps failing is begun again.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// What is watched.
type Subject = (Option<String>, String);

/// Follows what Accounts name.
pub struct CredentialsWatch {
    cluster: Client,
    scopes: Vec<Scope>,
    named: Arc<NamedSecrets>,
    wake: Waker<Guarded<Account>>,
    running: Mutex<HashMap<Subject, JoinSet<()>>>,
}

impl CredentialsWatch {
    /// Follows nothing yet.
    #[must_use]
    pub fn new(
        cluster: Client,
        scopes: Vec<Scope>,
        named: Arc<NamedSecrets>,
        wake: Waker<Guarded<Account>>,
    ) -> Self {
        Self {
            cluster,
            scopes,
            named,
            wake,
            running: Mutex::default(),
        }
    }

    /// An Account came, went, or names other Secrets: follows what is named now, and nothing else.
    pub fn follow(&self) {
        let wanted: HashSet<Subject> = self
            .named
            .all()
            .into_iter()
            .filter_map(|(namespace, name)| {
                let scope = self.scopes.iter().find(|scope| scope.covers(&namespace))?;
                Some(match scope {
                    Scope::Cluster => (None, name),
                    Scope::Namespace(namespace) => (Some(namespace.clone()), name),
                })
            })
            .collect();
        let mut running = self.lock();
        running.retain(|subject, _| wanted.contains(subject));
        for subject in wanted {
            if running.contains_key(&subject) {
                continue;
            }
            if running.len() >= MOST_NAMES {
                tracing::warn!(
                    most = MOST_NAMES,
                    "Accounts name more credentials Secrets than are followed: changes of the others are seen at the next resync"
                );
                return;
            }
            let mut task = JoinSet::new();
            let (cluster, named, wake) = (self.cluster.clone(), Arc::clone(&self.named), self.wake.clone());
            let (namespace, name) = subject.clone();
            task.spawn(async move { follow_one(cluster, namespace, &name, &named, &wake).await });
            running.insert(subject, task);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Subject, JoinSet<()>>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Wakes the Accounts that name such a Secret whenever one changes, until it is dropped.
#[expect(clippy::disallowed_methods, reason = "the pause is spread by random bits")]
async fn follow_one(
    cluster: Client,
    namespace: Option<String>,
    name: &str,
    named: &NamedSecrets,
    wake: &Waker<Guarded<Account>>,
) {
    let mut versions: HashMap<String, Option<String>> = HashMap::new();
    let mut failures: u32 = 0;
    loop {
        let watched = watch_once(&cluster, namespace.as_deref(), name, |namespace, version| {
            // Each new watch begins with what there is.
            if versions.insert(namespace.to_owned(), version.clone()) != Some(version) {
                for account in named.namers(namespace, name) {
                    wake.wake(&account);
                }
            }
        });
        match watched.await {
            Ok(()) => {
                failures = 0;
                tokio::time::sleep(PAUSE).await;
            }
            Err(error) => {
                failures = failures.saturating_add(1);
                tracing::warn!(name, failures, error = %ClusterError::from(error), "the watch of credentials Secrets failed and is begun again");
                tokio::time::sleep(delay(failures, rand::random(), LONGEST_PAUSE)).await;
            }
        }
    }
}

/// One watch, until the server ends it.
async fn watch_once(
    cluster: &Client,
    namespace: Option<&str>,
    name: &str,
    mut changed: impl FnMut(&str, Option<String>),
) -> Result<(), kube::Error> {
    let parameters = WatchParams::default()
        .fields(&format!("metadata.name={name}"))
        .timeout(WATCH_SECONDS);
    let request = Request::new(Secret::url_path(&(), namespace))
        .watch_metadata(&parameters, "0")
        .map_err(kube::Error::BuildRequest)?;
    let events = cluster
        .request_events::<Guarded<PartialObjectMeta<Secret>>>(request)
        .await?;
    let mut events = std::pin::pin!(events);
    while let Some(event) = events.try_next().await? {
        match event {
            WatchEvent::Added(secret) | WatchEvent::Modified(secret) => {
                changed(&ObjectKey::of(&secret).namespace, secret.resource_version());
            }
            WatchEvent::Deleted(secret) => changed(&ObjectKey::of(&secret).namespace, None),
            WatchEvent::Bookmark(_) => {}
            WatchEvent::Error(status) => return Err(kube::Error::Api(status)),
        }
    }
    Ok(())
}
