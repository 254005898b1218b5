//! Where the objects of one kind and scope come from: a cache that a watch fills, and what is worth a pass. I/O (watches).

use std::fmt::Debug;
use std::future::ready;
use std::time::Duration;

use futures::stream::{BoxStream, select};
use futures::{FutureExt as _, Stream, StreamExt as _};
use kube::Resource;
use kube::runtime::controller::{Config as ControllerConfig, Controller};
use kube::runtime::reflector::{ObjectRef, Store};

use super::tasks::{Shutdown, Tasks};
use crate::controller::heartbeat::{Beat, Heartbeats};
use crate::controller::watch::Watch;

/// How often each controller loop shows that it turns.
const HEARTBEAT: Duration = Duration::from_secs(5);

/// A complete cache, and whose objects in it are worth a pass.
pub(super) struct Source<K: Resource<DynamicType = ()> + Clone + 'static> {
    name: &'static str,
    cache: Store<K>,
    changed: futures::channel::mpsc::UnboundedReceiver<ObjectRef<K>>,
    woken: BoxStream<'static, ObjectRef<K>>,
}

impl<K> Source<K>
where
    K: Resource<DynamicType = ()> + Clone + serde::de::DeserializeOwned + Debug + Send + Sync + 'static,
{
    /// As [`Self::filled`], of each scope.
    pub(super) async fn all_filled(
        name: &'static str,
        watches: Vec<Watch<K>>,
        wakes: Vec<impl Stream<Item = ObjectRef<K>> + Send + 'static>,
        tasks: &mut Tasks,
    ) -> anyhow::Result<Vec<Self>> {
        let mut sources = Vec::new();
        for (watch, woken) in watches.into_iter().zip(wakes) {
            sources.push(Self::filled(name, watch, woken, tasks).await?);
        }
        Ok(sources)
    }

    /// Starts the watch and waits until its cache is complete.
    async fn filled(
        name: &'static str,
        watch: Watch<K>,
        woken: impl Stream<Item = ObjectRef<K>> + Send + 'static,
        tasks: &mut Tasks,
    ) -> anyhow::Result<Self> {
        tasks.spawn(format!("the watch of {name}s"), watch.task);
        watch.store.wait_until_ready().await?;
        Ok(Self {
            name,
            cache: watch.store,
            changed: watch.triggers,
            woken: woken.boxed(),
        })
    }

    /// Lets go what is worth a pass, for as long as another replica makes the passes: kept, it would pile up.
    pub(super) async fn idle(&mut self) {
        let changed = self.changed.by_ref().map(drop);
        let woken = self.woken.by_ref().map(drop);
        select(changed, woken).for_each(ready).await;
    }

    /// The controller. Its first passes are over all that is in the cache: what was let go is among them.
    pub(super) fn controller(
        mut self,
        heartbeats: &Heartbeats,
        settings: ControllerConfig,
        shutdown: Shutdown,
    ) -> Controller<K> {
        let _ = self.idle().now_or_never();
        let all = self.cache.state().into_iter();
        let first: Vec<_> = all.map(|object| ObjectRef::from_obj(&*object)).collect();
        let changed = futures::stream::iter(first).chain(self.changed);
        // Whole objects as triggers would be a second copy of the cache.
        Controller::for_stream(futures::stream::pending(), self.cache)
            .with_config(settings)
            .reconcile_on(changed)
            .reconcile_on(self.woken)
            .reconcile_on(heartbeat(heartbeats.register(self.name)))
            .graceful_shutdown_on(shutdown)
    }
}

/// Beats whenever the controller's loop comes round to look for work; never brings any.
fn heartbeat<K: Resource<DynamicType = ()> + 'static>(
    beat: Beat,
) -> impl Stream<Item = ObjectRef<K>> + Send + 'static
where
    ObjectRef<K>: Send,
{
    let ticks = futures::stream::unfold((), |()| async { Some((tokio::time::sleep(HEARTBEAT).await, ())) });
    ticks.filter_map(move |()| {
        beat.now();
        ready(None)
    })
}
