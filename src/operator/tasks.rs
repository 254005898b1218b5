//! What runs beside the passes for as long as the process does: watches, and the server of health and metrics. None of it
//! may end unnoticed: without its watch a cache stands still, and every pass trusts it. I/O (tasks).

use std::future::Future;
use std::panic::AssertUnwindSafe;

use futures::future::{BoxFuture, FutureExt as _, Shared};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Completes, for whoever asks, when no new work is to be begun.
pub(super) type Shutdown = Shared<BoxFuture<'static, ()>>;

/// Tasks that never end. Dropping it ends them.
pub(super) struct Tasks {
    running: JoinSet<()>,
    ended: watch::Sender<Option<Ended>>,
}

/// A task that has ended although it should not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{name} has {how}: nothing that relies on it can be trusted any more; the process ends, to be started again"
)]
pub struct Ended {
    name: String,
    how: &'static str,
}

impl Default for Tasks {
    fn default() -> Self {
        Self {
            running: JoinSet::new(),
            ended: watch::channel(None).0,
        }
    }
}

impl Tasks {
    /// Runs a task that is told by this name should it end.
    pub(super) fn spawn(&mut self, name: impl Into<String>, task: impl Future<Output = ()> + Send + 'static) {
        let (name, ended) = (name.into(), self.ended.clone());
        self.running.spawn(async move {
            let how = match AssertUnwindSafe(task).catch_unwind().await {
                Ok(()) => "ended",
                Err(_) => "panicked",
            };
            tracing::error!(task = name, "a task that never ends has {how}");
            ended.send_if_modified(|first| {
                let is_first = first.is_none();
                first.get_or_insert(Ended { name, how });
                is_first
            });
        });
    }

    /// Completes when the first of them ends, with which one that is.
    pub(super) fn first_end(&self) -> impl Future<Output = Ended> + Send + 'static {
        let mut ended = self.ended.subscribe();
        // Those who wait keep the channel open.
        let kept = self.ended.clone();
        async move {
            let first = ended
                .wait_for(Option::is_some)
                .await
                .ok()
                .and_then(|first| first.clone());
            drop(kept);
            match first {
                Some(first) => first,
                None => std::future::pending().await,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn end_of(task: impl Future<Output = ()> + Send + 'static) -> String {
        let mut tasks = Tasks::default();
        tasks.spawn("the server", std::future::pending());
        let end = tasks.first_end();
        tasks.spawn("the watch of Accounts", task);
        assert_eq!(
            end.await,
            tasks.first_end().await,
            "who asks later hears of it too"
        );
        tasks.first_end().await.to_string()
    }

    #[tokio::test]
    async fn a_task_that_ends_or_panics_is_named() {
        let ended = end_of(async {}).await;
        assert!(ended.starts_with("the watch of Accounts has ended:"), "{ended}");
        let panicked = end_of(async { panic!("on purpose") }).await;
        assert!(
            panicked.starts_with("the watch of Accounts has panicked:"),
            "{panicked}"
        );
    }

    #[tokio::test]
    async fn while_all_run_nothing_is_told() {
        let mut tasks = Tasks::default();
        tasks.spawn("the server", std::future::pending());
        tokio::task::yield_now().await;
        assert!(tasks.first_end().now_or_never().is_none());
    }
}
