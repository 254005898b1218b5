//! What the one who leads holds: it works as long as it is renewed, and releases it last of all. I/O (waits).

use std::future::Future;

use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::term::Term;

/// This process can no longer prove that it is the leader.
#[derive(Debug, thiserror::Error)]
#[error("lost the leadership: {0}; another replica goes on, and this one is to be started again")]
pub struct LostLeadership(pub(super) String);

/// The leadership of this process, renewed in the background.
pub struct Leadership {
    pub(super) term: Term,
    pub(super) release: oneshot::Sender<()>,
    pub(super) keeper: JoinHandle<Result<(), LostLeadership>>,
}

impl Leadership {
    /// Its term, for those who may act in it alone.
    #[must_use]
    pub fn term(&self) -> Term {
        self.term.clone()
    }

    /// Does the work, and drops it as soon as the leadership is lost.
    pub async fn during(&mut self, work: impl Future<Output = ()>) -> Result<(), LostLeadership> {
        tokio::select! {
            biased;
            ended = &mut self.keeper => match ended {
                Ok(Err(lost)) => Err(lost),
                Ok(Ok(())) | Err(_) => Err(LostLeadership("nobody renews it any more".to_owned())),
            },
            () = work => Ok(()),
        }
    }

    /// Lets the next one lead at once. The last thing that a leader does.
    pub async fn release(self) -> Result<(), LostLeadership> {
        let _ = self.release.send(());
        self.keeper.await.unwrap_or(Ok(()))
    }
}
