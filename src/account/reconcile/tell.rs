//! Tells what a pass found: in the Account's status, in events, and among the refusals. I/O.

use super::obstacles::Obstacles;
use super::{Pass, wall_clock};
use crate::account::registry::Snapshot;
use crate::account::status::{self, Findings};
use crate::controller::cluster::ClusterError;
use crate::controller::event::EventKind;
use crate::controller::guarded_patch;
use crate::controller::refusal::Refusal;
use crate::controller::refusals::Source;
use crate::crd::condition::Reason;
use crate::crd::{Account, AccountStatus};
use kube::Resource as _;
use serde_json::json;

impl Pass<'_> {
    /// Writes the status and tells what is new in it.
    pub(super) async fn write_status(
        &self,
        account: &Account,
        findings: &Findings,
    ) -> Result<(), ClusterError> {
        let Some(status) = status::of(account, findings, wall_clock()) else {
            return Ok(());
        };
        let news = status::news(account, findings);
        self.patch_status(account, &status).await?;
        for (reason, note) in news {
            self.publish(reason, &note).await;
        }
        Ok(())
    }

    pub(super) async fn patch_status(
        &self,
        account: &Account,
        status: &AccountStatus,
    ) -> Result<Account, ClusterError> {
        let operations = vec![json!({"op": "add", "path": "/status", "value": status})];
        let written = guarded_patch::patch_status(&self.accounts(), account, operations).await?;
        Ok(self.note(written))
    }

    /// Where people look who cannot see it in the status: that may be what is refused.
    pub(super) async fn tell_refusals(&self, obstacles: &Obstacles, known: Option<&Snapshot>) {
        self.context.refusals.set(self.source(), obstacles.refusals());
        let is_status = |refusal: &&Refusal| refusal.request.resource.ends_with("/status");
        let of_status = obstacles.refusals().iter().find(is_status);
        let told = known.and_then(|known| known.trouble.as_ref());
        if let Some(refusal) = of_status
            && told.is_none_or(|told| told.reason != Reason::WriteRefused)
        {
            self.publish(Reason::WriteRefused.as_str(), &refusal.to_string())
                .await;
        }
    }

    async fn publish(&self, reason: &str, note: &str) {
        let (regarding, recorder) = (self.account.object_ref(&()), &self.context.recorder);
        recorder
            .publish(regarding, EventKind::Warning, reason, "Reconcile", note)
            .await;
    }

    /// By which name the refusals of this Account are kept.
    pub(super) fn source(&self) -> Source {
        Source::Object("Account", self.key.clone())
    }
}
