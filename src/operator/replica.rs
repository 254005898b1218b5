//! What one replica works on, and with: it stands by, or it works. I/O.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt as _, join_all, select};
use k8s_openapi::api::core::v1::Secret;
use kube::Resource;

use super::passes::{account_pass, record_pass, subaccount_pass};
use super::source::Source;
use super::tasks::Shutdown;
use crate::account;
use crate::account::errands::Runner;
use crate::account::object::AccountObject;
use crate::cli::Config;
use crate::controller::heartbeat::Heartbeats;
use crate::controller::wake::Guarded;
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
        let mut running: Vec<BoxFuture<'static, ()>> = Vec::new();
        for source in self.accounts {
            running.push(start.controller(source, account_pass, Arc::clone(&self.account_context)));
        }
        for source in self.subaccounts {
            running.push(start.controller(source, subaccount_pass, Arc::clone(&self.context)));
        }
        for source in self.records {
            running.push(start.controller(source, record_pass, Arc::clone(&self.context)));
        }
        // They only read for the passes, and end with them.
        let errands = in_term(term.clone(), self.errands.run()).boxed();
        select(join_all(running), errands).await;
        Box::pin(store_held_pairs(&context)).await;
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
        let pass = move |object| in_term(term.clone(), pass(object, Arc::clone(&context)));
        source
            .work(self.workers, pass, beat, self.shutdown.clone())
            .boxed()
    }
}
