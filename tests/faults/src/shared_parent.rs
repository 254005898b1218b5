//! I/O. A plan's parent as a `ClusterAccount` that allows the plan's namespace, does so no longer, and does so again.

use anyhow::{Context as _, Result};
use jiff::Timestamp;
use serde_json::{Value, json};
use vobiz_harness::objects::Kind;

use crate::actor::{ACCOUNT, Actor, CREDENTIALS, OBJECT};
use crate::adopter::is_stalled;
use crate::company::Companion;
use crate::workload::{Claim, Workload};

/// The one that is deleted while the namespace is not allowed.
const LEAVER: &str = "leaver";

impl Actor<'_> {
    /// Where the plan's Account is: kind, namespace (of a `ClusterAccount` none) and name.
    #[must_use]
    pub fn account_place(&self) -> (Kind, &str, &str) {
        match self.scene.workload {
            Workload::NamespaceDisallowed => (Kind::ClusterAccount, "", &self.namespace),
            _ => (Kind::Account, &self.namespace, ACCOUNT),
        }
    }

    /// Where the Secret with the parent's pair is: namespace and name.
    #[must_use]
    pub fn credentials_place(&self) -> (&str, &str) {
        match self.scene.workload {
            Workload::NamespaceDisallowed => (&self.stage.installation.namespace, &self.namespace),
            _ => (&self.namespace, CREDENTIALS),
        }
    }

    /// A `ClusterAccount` for the plan's namespace alone, named as that is.
    pub(crate) async fn share_a_parent(&self, token: &str) -> Result<()> {
        let (namespace, name) = self.credentials_place();
        let pair = json!({"stringData": {"auth_id": self.parent, "auth_token": token}});
        let secrets = self.objects.elsewhere(namespace);
        secrets.create(Kind::Secret, name, pair).await?;
        let mut manifest = self.account_manifest(name, 100);
        manifest["spec"]["allowedNamespaces"] = json!({"names": [self.namespace]});
        let (kind, _, name) = self.account_place();
        self.objects.create(kind, name, manifest).await?;
        self.await_ready(kind, name).await
    }

    /// Another object of the namespace.
    pub(crate) async fn let_a_neighbour_in(&self) -> Result<()> {
        let (_, _, account) = self.account_place();
        let uid = self.subaccount(LEAVER, account).await?;
        self.await_ready(Kind::Subaccount, LEAVER).await?;
        let object = self.objects.get(Kind::Subaccount, LEAVER).await?;
        let auth_id = object["status"]["authId"].as_str();
        self.companions.lock().push(Companion {
            name: LEAVER,
            parent: self.parent.clone(),
            uid,
            auth_id: Some(auth_id.context("a Ready Subaccount names no account")?.to_owned()),
            claim: Claim::Made,
            stays: false,
        });
        Ok(())
    }

    /// Takes the right away, edits one object, deletes another one, and gives the right back.
    pub(crate) async fn disallow_and_allow(&self) -> Result<()> {
        self.allow(&json!([])).await?;
        let told =
            |found: Option<&Value>| found.is_some_and(|object| is_stalled(object, &["NamespaceNotAllowed"]));
        self.await_state(Kind::Subaccount, OBJECT, "not allowed", told)
            .await?;
        let since = Timestamp::now();
        self.edit().await?;
        self.objects.delete(Kind::Subaccount, LEAVER).await?;
        self.await_gone(LEAVER).await?;
        *self.untouched.lock() = Some((since, Timestamp::now()));
        self.allow(&json!([self.namespace])).await
    }

    async fn allow(&self, names: &Value) -> Result<()> {
        let (kind, _, name) = self.account_place();
        let patch = json!({"spec": {"allowedNamespaces": {"names": names}}});
        self.objects.merge(kind, name, &patch).await?;
        Ok(())
    }
}
