//! What passes over Accounts have Vobiz asked without waiting for it: one future beside all controllers. I/O.
//!
//! A list of a slow parent takes minutes. Whoever waited for it in a pass would take a worker from everybody else's Accounts. An
//! errand takes none, and as it only reads, it may be dropped at any moment: with the leadership, or at the end of the process.

use futures::StreamExt as _;
use futures::channel::mpsc;
use futures::future::{BoxFuture, FutureExt as _};
use std::fmt;
use std::future::Future;

/// The near end, for those who have an errand.
#[derive(Clone)]
pub struct Errands {
    sender: mpsc::UnboundedSender<BoxFuture<'static, ()>>,
}

/// The far end, for the one who runs them.
pub struct Runner {
    receiver: mpsc::UnboundedReceiver<BoxFuture<'static, ()>>,
}

/// Both ends.
#[must_use]
pub fn errands() -> (Errands, Runner) {
    let (sender, receiver) = mpsc::unbounded();
    (Errands { sender }, Runner { receiver })
}

impl Errands {
    /// Hands an errand over. Once nobody runs them any more there is no need for it either.
    pub(super) fn send(&self, errand: impl Future<Output = ()> + Send + 'static) {
        let _ = self.sender.unbounded_send(errand.boxed());
    }
}

impl Runner {
    /// Runs every errand beside the others, as long as there is anybody who may have one. Dropped, it drops them all.
    pub async fn run(self) {
        self.receiver.for_each_concurrent(None, |errand| errand).await;
    }
}

impl fmt::Debug for Errands {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Errands")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use tokio::sync::Notify;

    #[tokio::test]
    async fn errands_wait_for_no_other_and_end_with_who_runs_them() {
        let (errands, runner) = errands();
        let (done, held) = (Arc::new(Notify::new()), Arc::new(()));
        let kept = Arc::clone(&held);
        errands.send(async move {
            std::future::pending::<()>().await;
            drop(kept);
        });
        let first = Arc::clone(&done);
        errands.send(async move { first.notify_one() });
        tokio::select! {
            () = runner.run() => unreachable!("one never ends"),
            () = done.notified() => {}
        }
        assert_eq!(Arc::strong_count(&held), 1, "it is gone with the runner");
        errands.send(async {});
    }
}
