//! Tells what a pass found: in the Account's status, in events, and among the refusals. I/O.

use crate::account::access::Access;
use crate::account::context::AccountContext;
use crate::account::generation::stored;
use crate::account::key::AccountKey;
use crate::account::known::{Found, Hold};
use crate::account::object::AccountObject;
use crate::account::obstacles::Obstacles;
use crate::account::pass::AccountPass;
use crate::account::store::named_secrets::named_by_status;
use crate::account::store::registry::Snapshot;
use crate::account::tell::news::News;
use crate::account::tell::status::{self, AccountFindings};
use crate::account::tell::trouble::AccountTrouble;
use crate::clock::wall_clock;
use crate::controller::cluster::ClusterError;
use crate::controller::guarded_patch;
use crate::controller::refusal::Refusal;
use crate::crd::condition::{ConditionStatus, ConditionType, Reason, find};
use crate::crd::event::EventReason;
use crate::crd::{AccountStatus, SubaccountCounts};
use k8s_openapi::api::core::v1::Secret;
use serde_json::json;

/// The series of an Account's condition, as its status has it after a pass.
pub fn metrics(context: &AccountContext, key: &AccountKey, account: &AccountObject) {
    let status = account.status.as_ref();
    let Some(ready) = status.and_then(|status| find(&status.conditions, ConditionType::Ready)) else {
        return;
    };
    let status = ConditionStatus::parse(&ready.status).unwrap_or(ConditionStatus::Unknown);
    // One of another version's words is as good as none.
    let reason = Reason::parse(&ready.reason).map_or("", Reason::as_str);
    let told = &context.metrics;
    told.set_account_ready(&key.to_string(), status.as_str(), reason);
}

impl AccountPass<'_> {
    /// What the status is to say.
    pub(in crate::account) fn findings(
        &self,
        found: &Found,
        hold: &Hold,
        secret: Option<&Secret>,
        trouble: Option<AccountTrouble>,
    ) -> AccountFindings {
        let access = found.access.as_ref();
        let shared = |access: &Access| self.context.registry.shared_terms(&access.parent.id);
        AccountFindings {
            auth_id: access.map(|access| access.parent.id.to_string()),
            generation: access.map(|access| stored(access.generation)),
            // The former one stays named until it is let go.
            credentials_secret_name: if hold.is_released {
                Some(hold.account.spec.credentials_secret_ref.name.clone())
            } else {
                named_by_status(&hold.account)
            },
            counts: found.counts,
            managed: self.managed(&hold.account, found.counts),
            trouble,
            users: self.users.clone(),
            shared_terms: access.map(shared).unwrap_or_default(),
            secret_deleting: secret.is_some_and(|secret| secret.metadata.deletion_timestamp.is_some()),
        }
    }

    /// Writes the status and tells what is new in it.
    pub(in crate::account) async fn write_status(
        &self,
        account: &AccountObject,
        findings: &AccountFindings,
    ) -> Result<(), ClusterError> {
        if let Some(status) = status::of(account, findings, wall_clock()) {
            let news = status::news(account, findings);
            self.patch_status(account, &status).await?;
            for news in news {
                self.publish(news).await;
            }
        }
        if let Some(managed) = findings.managed {
            self.context.tally.told(&self.key, managed);
        }
        Ok(())
    }

    /// How many Subaccounts there are, where the status is to say so: with every list, and in between when it is time.
    fn managed(&self, account: &AccountObject, counts: Option<SubaccountCounts>) -> Option<i64> {
        let told = account.status.as_ref().and_then(|status| status.subaccounts);
        match counts {
            Some(counts) => Some(counts.managed),
            // Before the first list there is nothing to correct.
            None => told.and_then(|_| self.context.tally.due(&self.key)),
        }
    }

    pub(in crate::account) async fn patch_status(
        &self,
        account: &AccountObject,
        status: &AccountStatus,
    ) -> Result<AccountObject, ClusterError> {
        let operations = vec![json!({"op": "add", "path": "/status", "value": status})];
        let written = guarded_patch::patch_status(&self.accounts(), account, operations).await?;
        Ok(self.note(written))
    }

    /// Where people look who cannot see it in the status: that may be what is refused.
    pub(in crate::account) async fn tell_refusals(&self, obstacles: &Obstacles, known: Option<&Snapshot>) {
        self.context.refusals.set(self.source(), obstacles.refusals());
        let is_status = |refusal: &&Refusal| refusal.request.resource.ends_with("/status");
        let of_status = obstacles.refusals().iter().find(is_status);
        let told = known.and_then(|known| known.trouble.as_ref());
        if let Some(refusal) = of_status
            && told.is_none_or(|told| told.row().reason != Reason::WriteRefused)
        {
            self.publish(News::new(EventReason::WriteRefused, refusal.to_string()))
                .await;
        }
    }

    async fn publish(&self, news: News) {
        let (regarding, recorder) = (self.account.reference(), &self.context.recorder);
        recorder
            .publish(
                regarding,
                news.kind(),
                news.reason.as_str(),
                "Reconcile",
                &news.note,
            )
            .await;
    }
}
