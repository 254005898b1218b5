//! Keeps a cache of one kind in one scope up to date and hands on what is worth a pass. I/O (watches).
//!
//! The watch runs in a task of its own, so that every cache is complete before the first controller starts.

use crate::clock::{now, wall_clock};
use crate::controller::backoff::{Row, delay};
use crate::controller::cache::{Cache, Kept, cache};
use crate::controller::cluster::{ClusterError, WATCH_SECONDS};
use crate::controller::lenient::Guarded;
use crate::controller::readiness::Readiness;
use crate::controller::wake::{ObjectKey, Scope};
use crate::dice::random;
use crate::metrics::Metrics;
use futures::channel::mpsc;
use futures::{Stream, StreamExt};
use kube::core::{ClusterResourceScope, NamespaceResourceScope};
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;
use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

/// Annotation of `kubectl apply`: a second copy of the object that nobody here reads.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// The longest pause before a watch that keeps failing is begun again: each time may be a whole list.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// One watch, ready to run.
pub struct Watch<K> {
    /// The cache that it fills.
    pub cache: Cache<K>,
    /// Objects that are worth a pass: their names alone, for thousands of them may wait here.
    pub triggers: mpsc::UnboundedReceiver<ObjectKey>,
    /// Runs until dropped.
    pub task: Pin<Box<dyn Future<Output = ()> + Send>>,
}

/// What is watched, and who hears of what cannot be.
pub struct Target<Read> {
    /// For logs and metrics.
    pub kind: &'static str,
    /// Where, for people: nothing for the whole cluster.
    pub place: String,
    /// Where its objects are.
    pub api: Api<Guarded<Read>>,
    /// Which of them.
    pub selection: watcher::Config,
    /// Counts what is passed over.
    pub metrics: Metrics,
    /// Hears of a list that fails: until there is one, nothing is known of these objects.
    pub readiness: Readiness,
}

impl<Read: Resource<DynamicType = (), Scope = NamespaceResourceScope>> Target<Read> {
    /// The objects of a scope.
    #[must_use]
    pub fn new(
        cluster: Client,
        kind: &'static str,
        scope: &Scope,
        selection: watcher::Config,
        metrics: Metrics,
        readiness: Readiness,
    ) -> Self {
        let namespace = match scope {
            Scope::Cluster | Scope::Unnamespaced => None,
            Scope::Namespace(namespace) => Some(namespace.as_str()),
        };
        expect::<Read>(&metrics, namespace);
        Self {
            kind,
            place: match scope {
                Scope::Cluster | Scope::Unnamespaced => String::new(),
                Scope::Namespace(namespace) => format!(" in {namespace}"),
            },
            api: match scope {
                Scope::Cluster | Scope::Unnamespaced => Api::all(cluster),
                Scope::Namespace(namespace) => Api::namespaced(cluster, namespace),
            },
            selection,
            metrics,
            readiness,
        }
    }
}

impl<Read: Resource<DynamicType = (), Scope = ClusterResourceScope>> Target<Read> {
    /// All objects of a kind that has no namespaces.
    #[must_use]
    pub fn unnamespaced(cluster: Client, kind: &'static str, metrics: Metrics, readiness: Readiness) -> Self {
        expect::<Read>(&metrics, None);
        Self {
            kind,
            place: String::new(),
            api: Api::all(cluster),
            selection: watcher::Config::default(),
            metrics,
            readiness,
        }
    }
}

/// From here on somebody asks when the server was last heard on this watch.
fn expect<Read: Resource<DynamicType = ()>>(metrics: &Metrics, namespace: Option<&str>) {
    let now = wall_clock().as_duration().as_secs_f64();
    metrics.expect_watch(&Read::plural(&()), namespace, now);
}

/// Watches the target. `make` makes of an object that was read what is handed on; `digest` sees every event first and takes out
/// of it what nobody needs; `keep` says how the cache keeps the rest; `admits` sees the event, with what `digest` made of it,
/// after the cache has taken it in, and says whether the object in it is worth a pass.
pub fn watch<Read, K, Digest>(
    target: Target<Read>,
    make: impl Fn(Guarded<Read>) -> K + Send + 'static,
    mut keep: impl FnMut(&K) -> Arc<dyn Kept<K>> + Send + 'static,
    mut digest: impl FnMut(&mut Event<K>) -> Digest + Send + 'static,
    mut admits: impl FnMut(&Event<K>, Digest) -> bool + Send + 'static,
) -> Watch<K>
where
    Read: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug + Send + 'static,
    Read::Scope: 'static,
    K: Resource<DynamicType = ()> + Clone + Send + Sync + 'static,
{
    let (cache, mut writer) = cache();
    let (sender, triggers) = mpsc::unbounded();
    let Target {
        kind,
        place,
        api,
        selection,
        metrics,
        readiness,
    } = target;
    let events = watcher(api, selection.timeout(WATCH_SECONDS));
    // A pass sees what the cache shows, and that takes a list in at its end: earlier, a new object would not be found, and
    // nobody would ask for another pass. Kept over a list that is begun anew: what it shows again is no news then.
    let mut listed = Vec::new();
    let take = move |event: Event<Guarded<Read>>| {
        let Some(event) = made(event, &make) else {
            tracing::warn!(kind, "an object that does not say who it is was passed over");
            metrics.passed_over(kind);
            return;
        };
        let mut event = event.modify(strip);
        let digested = digest(&mut event);
        let gone = writer.take(&event, &mut keep);
        let worth_a_pass = admits(&event, digested);
        for gone in gone {
            let mut gone = Arc::unwrap_or_clone(gone);
            // A list does not tell what was still on it when it went.
            gone.meta_mut().finalizers = None;
            let mut gone = Event::Delete(gone);
            let digested = digest(&mut gone);
            admits(&gone, digested);
        }
        match event {
            Event::Apply(object) if worth_a_pass => {
                let _ = sender.unbounded_send(ObjectKey::of(&object));
            }
            Event::InitApply(object) if worth_a_pass => listed.push(ObjectKey::of(&object)),
            Event::InitDone => {
                for object in std::mem::take(&mut listed) {
                    let _ = sender.unbounded_send(object);
                }
            }
            Event::Init | Event::Apply(_) | Event::InitApply(_) | Event::Delete(_) => {}
        }
    };
    let watched = format!("the watch of {kind}s{place}");
    let tell = move |trouble| readiness.remark(watched.clone(), trouble);
    let wait = |failures| tokio::time::sleep(pause(failures));
    let task = follow(kind, events, take, tell, wait);
    Watch {
        cache,
        triggers,
        task: Box::pin(task),
    }
}

/// Takes every event, and waits after each failure: the longer, the more of them came in a row. A list that was only
/// begun ends no such row, nor do its first pages (kube's own backoff counts both as successes); a watch that was open for long does. `tell` hears why there is no list, and of
/// the one that comes after all.
async fn follow<K, Wait: Future<Output = ()>>(
    kind: &'static str,
    events: impl Stream<Item = watcher::Result<Event<K>>>,
    mut take: impl FnMut(Event<K>),
    tell: impl Fn(Option<String>),
    wait: impl Fn(u32) -> Wait,
) {
    let mut events = std::pin::pin!(events);
    let mut row = Row::begun_at(now());
    while let Some(event) = events.next().await {
        match event {
            Ok(event) => {
                if matches!(event, Event::InitDone | Event::Apply(_) | Event::Delete(_)) {
                    row.ended();
                }
                if matches!(event, Event::InitDone) {
                    tell(None);
                }
                take(event);
            }
            Err(error) => {
                let failures = row.failed(now());
                let is_of_list = matches!(error, watcher::Error::InitialListFailed(_));
                let error = reason(error);
                tracing::warn!(kind, failures, error, "a watch failed and is begun again");
                if is_of_list {
                    tell(Some(format!("the list {error}; it is asked for again and again")));
                }
                wait(failures).await;
                row.begun_anew(now());
            }
        }
    }
}

fn pause(failures: u32) -> Duration {
    delay(failures, random(), LONGEST_PAUSE)
}

/// The event as it is handed on; none if its object does not say who it is.
fn made<Read: Resource, K>(event: Event<Guarded<Read>>, make: impl Fn(Guarded<Read>) -> K) -> Option<Event<K>>
where
    Read::Scope: 'static,
{
    let known = |object: Guarded<Read>| object.is_identified().then(|| make(object));
    Some(match event {
        Event::Init => Event::Init,
        Event::InitDone => Event::InitDone,
        Event::InitApply(object) => Event::InitApply(known(object)?),
        Event::Apply(object) => Event::Apply(known(object)?),
        Event::Delete(object) => Event::Delete(known(object)?),
    })
}

/// Takes nothing out.
pub fn whole<K>(_: &mut Event<K>) {}

/// What nobody reads is not kept: it is two thirds of an object.
fn strip<K: Resource>(object: &mut K) {
    if let Some(annotations) = &mut object.meta_mut().annotations {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::controller::cache::Whole;
    use crate::controller::cluster::loopback::client_of;
    use axum::http::{StatusCode, Uri};
    use axum::{Json, Router};
    use k8s_openapi::api::core::v1::ConfigMap;
    use serde_json::{Value, json};
    use std::convert::identity;
    use std::sync::Mutex;

    type Answer = (StatusCode, Json<Value>);

    fn item(name: &str) -> Value {
        json!({"metadata": {"name": name, "namespace": "dev", "uid": name, "resourceVersion": "1"}})
    }

    fn page(items: &Value, more: &str) -> Answer {
        let metadata = json!({"resourceVersion": "1", "continue": more});
        let list = json!({"apiVersion": "v1", "kind": "ConfigMapList", "metadata": metadata, "items": items});
        (StatusCode::OK, Json(list))
    }

    /// An API server that answers each list as the script says, and each watch with the end of it: the resourceVersion
    /// is too old. Beyond the script nothing is answered.
    async fn scripted(script: Vec<Answer>) -> Api<Guarded<ConfigMap>> {
        let script = Arc::new(Mutex::new(script.into_iter()));
        let router = Router::new().fallback(move |uri: Uri| {
            let watches = uri.query().unwrap_or_default().contains("watch=true");
            let gone = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
                "message": "too old", "reason": "Expired", "code": 410});
            let answer = if watches {
                Some((StatusCode::OK, Json(json!({"type": "ERROR", "object": gone}))))
            } else {
                script.lock().unwrap().next()
            };
            async move {
                match answer {
                    Some(answer) => answer,
                    None => std::future::pending().await,
                }
            }
        });
        Api::namespaced(client_of(router, &Metrics::new(true, "1", "c")).await, "dev")
    }

    #[tokio::test]
    async fn the_pause_grows_while_lists_fail_and_starts_over_after_one_that_completed() {
        let unavailable = || (StatusCode::SERVICE_UNAVAILABLE, Json(json!({})));
        let unreadable = || {
            (
                StatusCode::OK,
                Json(json!({"metadata": {"resourceVersion": "1"}, "items": 7})),
            )
        };
        let all = json!([item("one")]);
        let api = scripted(vec![
            unavailable(),
            unreadable(),
            // A first page is no list.
            page(&all, "more"),
            unavailable(),
            page(&all, ""),
            unavailable(),
            unavailable(),
        ])
        .await;
        let (sender, mut waits) = mpsc::unbounded();
        let waited = move |failures| {
            sender.unbounded_send(failures).unwrap();
            std::future::ready(())
        };
        let events = watcher(api, watcher::Config::default().timeout(WATCH_SECONDS));
        let following = tokio::spawn(follow("ConfigMap", events, drop, drop, waited));
        let rows: Vec<u32> = waits.by_ref().take(6).collect().await;
        following.abort();
        // The fourth is the watch that ended, after the list that completed.
        assert_eq!(rows, [1, 2, 3, 1, 2, 3]);
    }

    #[test]
    fn the_pause_is_spread_and_has_a_cap() {
        for _ in 0..100 {
            assert!(pause(1) <= Duration::from_secs(1));
            let last = pause(u32::MAX);
            assert!(LONGEST_PAUSE / 2 <= last && last <= LONGEST_PAUSE, "{last:?}");
        }
    }

    #[tokio::test]
    async fn what_does_not_say_who_it_is_is_counted_and_the_others_are_kept() {
        let mut nameless = item("two");
        nameless["metadata"]["name"] = json!(["two"]);
        let mut odd = item("three");
        odd["data"] = json!("none");
        let items = json!([item("one"), nameless, null, odd]);
        let metrics = Metrics::new(true, "1", "c");
        let target = Target {
            kind: "ConfigMap",
            api: scripted(vec![page(&items, "")]).await,
            selection: watcher::Config::default(),
            metrics: metrics.clone(),
            place: String::new(),
            readiness: Readiness::default(),
        };
        let watch = watch(target, identity, Whole::of, whole, |_, ()| true);
        let task = tokio::spawn(watch.task);
        watch.cache.complete().await.unwrap();
        let names: Vec<_> = watch.triggers.take(2).map(|object| object.name).collect().await;
        task.abort();
        assert_eq!(names, ["one", "three"]);
        assert_eq!(watch.cache.len(), 2);
        let text = metrics.encode().unwrap();
        let counted = "vobiz_operator_objects_passed_over_total{kind=\"ConfigMap\"} 2\n";
        assert!(text.contains(counted), "{text}");
    }

    #[tokio::test]
    async fn what_a_later_list_shows_for_the_first_time_is_worth_a_pass_when_the_cache_has_it() {
        let target = Target {
            kind: "ConfigMap",
            api: scripted(vec![
                page(&json!([item("one")]), ""),
                page(&json!([item("one"), item("two")]), "more"),
                page(&json!([item("three")]), ""),
            ])
            .await,
            selection: watcher::Config::default(),
            metrics: Metrics::new(true, "1", "c"),
            place: String::new(),
            readiness: Readiness::default(),
        };
        let mut seen = std::collections::HashSet::new();
        let watch = watch(target, identity, Whole::of, whole, move |event, ()| match event {
            Event::InitApply(object) => seen.insert(object.0.as_ref().unwrap().metadata.name.clone()),
            _ => false,
        });
        let task = tokio::spawn(watch.task);
        let mut triggers = watch.triggers;
        for name in ["one", "two", "three"] {
            let worth_a_pass = triggers.next().await.unwrap();
            assert_eq!(worth_a_pass.name, name);
            assert!(
                watch.cache.get("dev", &worth_a_pass.name).is_some(),
                "a pass over {name} finds nothing"
            );
        }
        task.abort();
    }

    #[tokio::test]
    async fn what_a_later_list_does_not_show_is_deleted_for_all_once_the_cache_has_lost_it() {
        let target = Target {
            kind: "ConfigMap",
            api: scripted(vec![
                page(&json!([item("one"), item("two"), item("three")]), ""),
                // One that began anew: its first pages count for nothing, and yet "four" was heard of.
                page(&json!([item("one"), item("four")]), "more"),
                (StatusCode::SERVICE_UNAVAILABLE, Json(json!({}))),
                page(&json!([item("two")]), ""),
            ])
            .await,
            selection: watcher::Config::default(),
            metrics: Metrics::new(true, "1", "c"),
            place: String::new(),
            readiness: Readiness::default(),
        };
        let (digested, mut deletions) = mpsc::unbounded();
        let digest = move |event: &mut Event<Guarded<ConfigMap>>| match event {
            Event::Delete(object) => Some(ObjectKey::of(object)),
            _ => None,
        };
        let watch = watch(target, identity, Whole::of, digest, move |_, deleted| {
            if let Some(deleted) = deleted {
                digested.unbounded_send(deleted).unwrap();
            }
            false
        });
        let task = tokio::spawn(watch.task);
        let mut names = Vec::new();
        for _ in 0..3 {
            let deleted = deletions.next().await.unwrap();
            assert!(
                watch.cache.get("dev", &deleted.name).is_none(),
                "a pass still finds it"
            );
            names.push(deleted.name);
        }
        task.abort();
        names.sort();
        assert_eq!(names, ["four", "one", "three"]);
        assert_eq!(watch.cache.len(), 1);
    }
}
