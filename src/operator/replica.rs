//! What one replica works on, and with: it stands by, or it works. I/O.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt as _, join_all, ready, select};
use futures::stream::{FuturesUnordered, StreamExt as _};
use k8s_openapi::api::core::v1::Secret;
use kube::Resource;
use tokio::task::JoinSet;

use super::passes::{account_pass, record_gone, record_pass, subaccount_gone, subaccount_pass};
use super::source::Source;
use super::tasks::Shutdown;
use crate::account;
use crate::account::errands::Runner;
use crate::account::object::AccountObject;
use crate::cli::Config;
use crate::controller::heartbeat::Heartbeats;
use crate::controller::wake::{Guarded, ObjectKey};
use crate::crd::Subaccount;
use crate::leader::{Term, in_term};
use crate::subaccount::context::Context;
use crate::subaccount::janitor::store_held_pairs;

/// Complete caches, and what passes over their objects need.
pub(super) struct Replica {
    pub(super) accounts: Vec<Source<Guarded<AccountObject>>>,
    pub(super) subaccounts: Vec<Source<Guarded<Subaccount>>>,
    pub(super) records: Vec<Source<Secret>>,
    pub(super) account_context: Arc<account::context::AccountContext>,
    pub(super) errands: Runner,
    pub(super) context: Arc<Context>,
}

impl Replica {
    /// Keeps the caches up to date, and nothing else. Never ends while they are.
    pub(super) async fn idle(&mut self) {
        let mut idle: Vec<BoxFuture<'_, ()>> = Vec::new();
        idle.extend(self.accounts.iter_mut().map(|source| source.idle().boxed()));
        idle.extend(self.subaccounts.iter_mut().map(|source| source.idle().boxed()));
        idle.extend(self.records.iter_mut().map(|source| source.idle().boxed()));
        join_all(idle).await;
    }

    /// Makes passes until the shutdown, then finishes those under way; none goes on beyond the term.
    pub(super) async fn work(
        self,
        config: &Config,
        heartbeats: &Heartbeats,
        term: &Term,
        shutdown: &Shutdown,
    ) {
        let start = Start {
            heartbeats,
            workers: usize::from(config.max_concurrent_reconciles),
            term,
            shutdown,
        };
        let context = Arc::clone(&self.context);
        // They wake one by one: an answer lets the controller go on whose pass waits for it, and no other.
        let controllers: FuturesUnordered<BoxFuture<'static, ()>> = FuturesUnordered::new();
        for source in self.accounts {
            controllers.push(start.controller(
                source,
                account_pass,
                |_, _| {},
                Arc::clone(&self.account_context),
            ));
        }
        for source in self.subaccounts {
            controllers.push(start.controller(
                source,
                subaccount_pass,
                subaccount_gone,
                Arc::clone(&self.context),
            ));
        }
        for source in self.records {
            controllers.push(start.controller(source, record_pass, record_gone, Arc::clone(&self.context)));
        }
        // They only read for the passes, and end with them.
        let errands = in_term(term.clone(), self.errands.run()).boxed();
        let passes = select(controllers.for_each(|()| ready(())), errands).map(drop);
        on_a_worker(passes).await;
        Box::pin(store_held_pairs(&context)).await;
    }
}

/// Runs it on a thread of the runtime's own, which is woken by the very answer that it waits for; the main thread is always another
/// one. It is one task, so that what a pass does between two requests is done before any other pass goes on. Panics as the work does;
/// dropped, the work ends where it waits next.
async fn on_a_worker(work: impl Future<Output = ()> + Send + 'static) {
    let mut task = JoinSet::new();
    task.spawn(work);
    if let Some(Err(error)) = task.join_next().await
        && let Ok(panic) = error.try_into_panic()
    {
        std::panic::resume_unwind(panic);
    }
}

/// What every controller is started with.
struct Start<'a> {
    heartbeats: &'a Heartbeats,
    workers: usize,
    term: &'a Term,
    shutdown: &'a Shutdown,
}

impl Start<'_> {
    fn controller<K, C, Pass, Running>(
        &self,
        source: Source<K>,
        pass: Pass,
        gone: fn(&C, &ObjectKey),
        context: Arc<C>,
    ) -> BoxFuture<'static, ()>
    where
        K: Resource + Send + Sync + 'static,
        C: Send + Sync + 'static,
        Pass: Fn(Arc<K>, Arc<C>) -> Running + Send + Sync + 'static,
        Running: Future<Output = Option<Duration>> + Send + 'static,
    {
        let beat = self.heartbeats.register(source.name());
        let term = self.term.clone();
        let of_gone = Arc::clone(&context);
        let pass = move |object| in_term(term.clone(), pass(object, Arc::clone(&context)));
        let gone = move |key: &ObjectKey| gone(&of_gone, key);
        source
            .work(self.workers, pass, gone, beat, self.shutdown.clone())
            .boxed()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    #[tokio::test]
    #[should_panic(expected = "in a pass")]
    async fn what_panics_is_not_swallowed() {
        on_a_worker(async { panic!("in a pass") }).await;
    }

    #[tokio::test]
    async fn what_is_dropped_goes_no_further() {
        let held = Arc::new(());
        let kept = Arc::downgrade(&held);
        let work = on_a_worker(async move {
            std::future::pending::<()>().await;
            drop(held);
        });
        assert!(work.now_or_never().is_none());
        while kept.strong_count() > 0 {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn it_is_waited_for() {
        let has_ended = Arc::new(AtomicBool::new(false));
        let ends = Arc::clone(&has_ended);
        on_a_worker(async move {
            tokio::task::yield_now().await;
            ends.store(true, Ordering::Relaxed);
        })
        .await;
        assert!(has_ended.load(Ordering::Relaxed));
    }
}
