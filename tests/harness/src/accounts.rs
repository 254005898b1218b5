//! I/O. The Account of an environment, its credentials, and the namespaces that share an operator.

use anyhow::{Context as _, Result};
use serde_json::json;

use crate::objects::{Kind, Objects};
use crate::simulator::Parent;
use crate::test_bed::{ACCOUNT, CREDENTIALS, Environment};

impl Environment {
    /// Creates the credentials Secret with the parent's pair and the Account with these fields of `spec`.
    pub async fn create_account(&self, spec: serde_json::Value) -> Result<()> {
        self.create_credentials(&self.objects).await?;
        let mut manifest = json!({"spec": {"credentialsSecretRef": {"name": CREDENTIALS}}});
        if let (Some(into), Some(from)) = (manifest["spec"].as_object_mut(), spec.as_object()) {
            into.extend(from.clone());
        }
        self.objects
            .create(Kind::Account, ACCOUNT, manifest)
            .await
            .context("failed to create the Account")?;
        Ok(())
    }

    /// The objects of one of its further namespaces.
    #[must_use]
    pub fn further(&self, end: &str) -> Objects {
        self.objects
            .elsewhere(&format!("{}-{end}", self.objects.namespace()))
    }

    /// Creates the credentials Secret with the parent's pair in any namespace.
    pub async fn create_credentials(&self, objects: &Objects) -> Result<()> {
        create_credentials_of(&self.parent, objects).await
    }
}

/// Creates the credentials Secret with the pair of any parent.
pub async fn create_credentials_of(parent: &Parent, objects: &Objects) -> Result<()> {
    let pair = json!({"stringData": {"auth_id": parent.auth_id, "auth_token": parent.auth_token}});
    objects
        .create(Kind::Secret, CREDENTIALS, pair)
        .await
        .context("failed to create the credentials")?;
    Ok(())
}
