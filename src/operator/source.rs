//! Where the objects of one kind and scope come from, a cache that a watch fills, and the passes over them. I/O.

use std::future::{Future, pending, ready};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::stream::{BoxStream, FuturesUnordered, select};
use futures::{FutureExt as _, Stream, StreamExt as _};
use kube::Resource;

use super::tasks::{Shutdown, Tasks};
use crate::clock::now;
use crate::controller::agenda::Agenda;
use crate::controller::cache::Cache;
use crate::controller::heartbeat::Beat;
use crate::controller::wake::{ObjectKey, Wake};
use crate::controller::watch::Watch;

/// How often each loop shows that it turns.
const HEARTBEAT: Duration = Duration::from_secs(5);

/// A complete cache, and whose objects in it are worth a pass.
pub(super) struct Source<K> {
    name: &'static str,
    cache: Cache<K>,
    /// Those that have changed, and those that somebody wakes.
    asked: BoxStream<'static, Wake>,
}

impl<K: Resource + Send + Sync + 'static> Source<K> {
    /// Starts the watches, one of each scope.
    pub(super) fn started(
        name: &'static str,
        watches: Vec<Watch<K>>,
        wakes: Vec<impl Stream<Item = Wake> + Send + 'static>,
        tasks: &mut Tasks,
    ) -> Vec<Self> {
        let mut start = |(watch, woken): (Watch<K>, _)| {
            tasks.spawn(format!("the watch of {name}s"), watch.task);
            let changed = watch.triggers.map(|key| Wake { key, is_first: false });
            Self {
                name,
                cache: watch.cache,
                asked: select(changed, woken).boxed(),
            }
        };
        watches.into_iter().zip(wakes).map(&mut start).collect()
    }

    /// Waits until every cache is complete.
    pub(super) async fn filled(sources: Vec<Self>) -> anyhow::Result<Vec<Self>> {
        for source in &sources {
            source.cache.complete().await?;
        }
        Ok(sources)
    }

    /// What its objects are called.
    pub(super) fn name(&self) -> &'static str {
        self.name
    }

    /// Lets go what is worth a pass, for as long as another replica makes the passes: kept, it would pile up.
    pub(super) async fn idle(&mut self) {
        self.asked.by_ref().for_each(|_| ready(())).await;
    }

    /// Makes passes, so many at a time and each over another object, until the shutdown; then ends those under way. A pass says
    /// after how long the next one over its object is due. The first are over all that is in the cache: what was let go is among them.
    /// `gone` hears of who is due and is in the cache no more.
    pub(super) async fn work<Pass, Running>(
        mut self,
        workers: usize,
        pass: Pass,
        gone: impl Fn(&ObjectKey),
        beat: Beat,
        mut shutdown: Shutdown,
    ) where
        Pass: Fn(Arc<K>) -> Running,
        Running: Future<Output = Option<Duration>>,
    {
        let _ = self.idle().now_or_never();
        let mut agenda = Agenda::default();
        for kept in self.cache.those(|_| true) {
            let key = ObjectKey {
                namespace: kept.namespace().to_owned(),
                name: kept.name().to_owned(),
            };
            agenda.ask(Wake { key, is_first: false });
        }
        let mut running = FuturesUnordered::new();
        let mut beats = tokio::time::interval(HEARTBEAT);
        loop {
            while running.len() < workers
                && let Some(key) = agenda.begin(now())
            {
                let object = self.cache.get(&key.namespace, &key.name);
                if let Some(pass) = object.map(&pass) {
                    running.push(pass.map(|next| (key, next)));
                } else {
                    gone(&key);
                    agenda.end(key, None);
                }
            }
            tokio::select! {
                biased;
                () = &mut shutdown => break,
                _ = beats.tick() => beat.now(),
                Some(wake) = self.asked.next() => agenda.ask(wake),
                Some((key, next)) = running.next() => {
                    agenda.end(key, next.and_then(|pause| now().checked_add(pause)));
                }
                // Whoever has become due meanwhile waits for a worker, and the end of a pass is heard of above.
                () = until(agenda.next()), if running.len() < workers => {}
            }
        }
        running.for_each(|_| ready(())).await;
    }
}

async fn until(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time.into()).await,
        None => pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::controller::cache::{Whole, cache};
    use crate::controller::heartbeat::Heartbeats;
    use futures::stream::poll_fn;
    use k8s_openapi::api::core::v1::ConfigMap;
    use kube::runtime::watcher::Event;
    use serde_json::json;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Poll;

    #[tokio::test]
    async fn while_every_worker_is_busy_the_loop_rests_although_somebody_is_due() {
        let (cache, mut writer) = cache();
        for name in ["a", "b"] {
            let object: ConfigMap =
                serde_json::from_value(json!({"metadata": {"name": name, "namespace": "dev", "uid": name}}))
                    .unwrap();
            writer.take(&Event::Apply(object), Whole::of);
        }
        let turns = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&turns);
        let asked = poll_fn(move |_| {
            counted.fetch_add(1, Ordering::Relaxed);
            Poll::Pending
        });
        let source = Source {
            name: "ConfigMap",
            cache,
            asked: asked.boxed(),
        };
        let passes = AtomicUsize::new(0);
        // The first is due again while the second holds the only worker.
        let pass = |_: Arc<ConfigMap>| {
            let is_first = passes.fetch_add(1, Ordering::Relaxed) == 0;
            async move {
                if is_first {
                    return Some(Duration::from_millis(20));
                }
                pending().await
            }
        };
        let beat = Heartbeats::default().register("the passes");
        let shutdown: Shutdown = pending().boxed().shared();
        let work = source.work(1, pass, |_| {}, beat, shutdown);
        let ended = tokio::time::timeout(Duration::from_millis(200), work).await;
        assert!(ended.is_err());
        assert_eq!(passes.load(Ordering::Relaxed), 2);
        let turns = turns.load(Ordering::Relaxed);
        assert!(turns < 20, "{turns} turns");
    }

    #[tokio::test]
    async fn who_is_woken_and_is_in_the_cache_no_more_is_told_to_be_gone() {
        let (cache, _writer) = cache::<ConfigMap>();
        let key = ObjectKey {
            namespace: "dev".to_owned(),
            name: "gone".to_owned(),
        };
        let wake = Wake {
            key: key.clone(),
            is_first: true,
        };
        let (sender, asked) = futures::channel::mpsc::unbounded();
        let source = Source {
            name: "ConfigMap",
            cache,
            asked: asked.boxed(),
        };
        let (end, ended) = tokio::sync::oneshot::channel::<()>();
        let end = std::cell::Cell::new(Some(end));
        let gone = |told: &ObjectKey| {
            assert_eq!(*told, key);
            drop(end.take());
        };
        let beat = Heartbeats::default().register("the passes");
        let shutdown: Shutdown = ended.map(drop).boxed().shared();
        let work = source.work(1, |_| pending(), gone, beat, shutdown);
        // What was asked for before it works is let go.
        let wakes = async { drop(sender.unbounded_send(wake)) };
        futures::join!(work, wakes);
    }
}
