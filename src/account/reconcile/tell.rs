//! Tells what a pass found: in the Account's status, in events, and among the refusals. I/O.

use super::Pass;
use super::look::Found;
use super::obstacles::Obstacles;
use crate::account::registry::Snapshot;
use crate::account::tell::status::{self, Findings};
use crate::account::tell::trouble::Trouble;
use crate::clock::wall_clock;
use crate::controller::cluster::ClusterError;
use crate::controller::event::EventKind;
use crate::controller::guarded_patch;
use crate::controller::refusal::Refusal;
use crate::controller::refusals::Source;
use crate::crd::condition::Reason;
use crate::crd::{Account, AccountStatus, SubaccountCounts};
use kube::Resource as _;
use serde_json::json;

impl Pass<'_> {
    /// Writes the status and tells what is new in it.
    pub(super) async fn write_status(
        &self,
        account: &Account,
        findings: &Findings,
    ) -> Result<(), ClusterError> {
        if let Some(status) = status::of(account, findings, wall_clock()) {
            let news = status::news(account, findings);
            self.patch_status(account, &status).await?;
            for (reason, note) in news {
                self.publish(reason, &note).await;
            }
        }
        if let Some(managed) = findings.managed {
            self.context.tally.told(&self.key, managed);
        }
        Ok(())
    }

    /// How many Subaccounts there are, where the status is to say so: with every list, and in between when it is time.
    pub(super) fn managed(&self, account: &Account, counts: Option<SubaccountCounts>) -> Option<i64> {
        let told = account.status.as_ref().and_then(|status| status.subaccounts);
        match counts {
            Some(counts) => Some(counts.managed),
            // Before the first list there is nothing to correct.
            None => told.and_then(|_| self.context.tally.due(&self.key)),
        }
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
            && told.is_none_or(|told| told.row().reason != Reason::WriteRefused)
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
        Source::Object("Account", self.key.object())
    }
}

/// What is told of both: a person must act on what Kubernetes refuses, and only waits where Vobiz asked to slow down.
pub(super) fn told(found: &Found, obstacles: &Obstacles) -> Option<Trouble> {
    let trouble = found.trouble.as_ref();
    let lasting = trouble.filter(|trouble| **trouble != Trouble::RateLimited);
    lasting.or(obstacles.trouble()).or(trouble).cloned()
}
