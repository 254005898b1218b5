//! What people do to the object and around it. I/O.

use anyhow::{Context as _, Result, ensure};
use kube::ResourceExt as _;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use serde_json::{Value, json};
use vobiz_harness::test_bed::ACCOUNT;
use vobiz_model::world::{Object, Policy};
use vobiz_operator::subaccount::store::record;

use super::Real;

impl Real<'_> {
    pub async fn create(&mut self, object: &Object) -> Result<()> {
        let reclaim = if object.reclaim {
            json!({"vobiz.ai/reclaim": "true"})
        } else {
            json!({})
        };
        let manifest = json!({
            "apiVersion": "vobiz.ai/v1alpha1",
            "kind": "Subaccount",
            "metadata": {"name": self.name, "annotations": reclaim},
            "spec": {"accountRef": {"name": ACCOUNT}, "deletion": {"policy": format!("{:?}", object.policy)}},
        });
        let created = self
            .subaccounts
            .create(&PostParams::default(), &serde_json::from_value(manifest)?)
            .await?;
        ensure!(
            self.uids.len() == usize::from(object.uid),
            "objects are created in order"
        );
        self.uids.push(created.uid().context("an object has no uid")?);
        Ok(())
    }

    pub async fn edit(&self, policy: Policy) -> Result<()> {
        self.merge(json!({"spec": {"deletion": {"policy": format!("{policy:?}")}}}))
            .await
    }

    pub async fn delete(&self) -> Result<()> {
        self.subaccounts
            .delete(&self.name, &DeleteParams::default())
            .await?;
        Ok(())
    }

    pub async fn strip(&self) -> Result<()> {
        self.merge(json!({"metadata": {"finalizers": null}})).await
    }

    pub async fn lose_secret(&self) -> Result<()> {
        self.secrets
            .delete(&self.secret_name(), &DeleteParams::default())
            .await?;
        Ok(())
    }

    pub async fn lose_record(&self, slot: u8) -> Result<()> {
        let name = record::secret_name(&self.uids[usize::from(slot)]);
        self.records.delete(&name, &DeleteParams::default()).await?;
        Ok(())
    }

    pub async fn delete_outside(&self, id: u8) -> Result<()> {
        self.environment
            .simulator
            .remove_account(self.pair(id)?.auth_id.as_str())
            .await
    }

    pub(super) async fn merge(&self, patch: Value) -> Result<()> {
        self.subaccounts
            .patch(&self.name, &PatchParams::default(), &Patch::Merge(patch))
            .await?;
        Ok(())
    }
}
