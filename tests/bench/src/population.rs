//! I/O. Many Subaccounts at once: made, edited, counted and deleted over many connections.

use std::ops::Range;

use anyhow::{Context as _, Result, ensure};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use kube::api::{Api, DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams};
use kube::core::{ApiResource, GroupVersionKind};
use serde_json::{Value, json};
use vobiz_harness::objects::{condition_of, is_observed};
use vobiz_harness::test_bed::ACCOUNT;

use crate::waiting::progress;

/// Requests under way at the same time.
const CONNECTIONS: usize = 32;
/// Objects of a page when all are looked at.
const PAGE: u32 = 500;

/// The Subaccounts of one namespace.
#[derive(Clone)]
pub struct Population {
    api: Api<DynamicObject>,
    namespace: String,
}

/// The names of objects with these numbers.
pub fn names(prefix: &str, numbers: Range<usize>) -> Vec<String> {
    numbers.map(|number| format!("{prefix}-{number:06}")).collect()
}

impl Population {
    /// Those of this namespace, seen by the holder of the client.
    pub fn new(client: kube::Client, namespace: &str) -> Self {
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("vobiz.ai", "v1alpha1", "Subaccount"));
        Self {
            api: Api::namespaced_with(client, namespace, &resource),
            namespace: namespace.to_owned(),
        }
    }

    /// Creates these objects and returns them.
    pub async fn create(&self, names: &[String]) -> Result<Vec<DynamicObject>> {
        progress(&format!("  {} objects are created in Kubernetes", names.len()));
        let create = async |name: &String| {
            let manifest = json!({
                "apiVersion": "vobiz.ai/v1alpha1",
                "kind": "Subaccount",
                "metadata": {"name": name, "namespace": self.namespace},
                "spec": {"accountRef": {"name": ACCOUNT}, "description": format!("Customer {name}")},
            });
            let object = serde_json::from_value(manifest).context("failed to make a Subaccount")?;
            let created = self.api.create(&PostParams::default(), &object).await;
            created.with_context(|| format!("failed to create {name}"))
        };
        stream::iter(names)
            .map(create)
            .buffer_unordered(CONNECTIONS)
            .try_collect()
            .await
    }

    /// Sets the description of one object.
    pub async fn describe(&self, name: &str, description: &str) -> Result<()> {
        let patch = json!({"spec": {"description": description}});
        let patched = self
            .api
            .patch(name, &PatchParams::default(), &Patch::Merge(&patch))
            .await;
        patched
            .with_context(|| format!("failed to edit {name}"))
            .map(drop)
    }

    /// Asks for the deletion of these objects.
    pub async fn delete(&self, names: &[String]) -> Result<()> {
        progress(&format!("  {} objects are deleted in Kubernetes", names.len()));
        let delete = async |name: &String| {
            let deleted = self.api.delete(name, &DeleteParams::default()).await;
            deleted
                .with_context(|| format!("failed to delete {name}"))
                .map(drop)
        };
        stream::iter(names)
            .map(delete)
            .buffer_unordered(CONNECTIONS)
            .try_collect()
            .await
    }

    /// How many objects there are, by one small request.
    pub async fn count(&self) -> Result<usize> {
        let page = self.api.list(&ListParams::default().limit(1)).await;
        let page = page.context("failed to count the Subaccounts")?;
        let rest = page.metadata.remaining_item_count.unwrap_or_default();
        Ok(page.items.len() + usize::try_from(rest)?)
    }

    /// Fails unless there are so many objects and each is Ready by its newest spec.
    pub async fn ensure_ready(&self, objects: usize) -> Result<()> {
        let (mut ready, mut token) = (0, None);
        loop {
            let mut parameters = ListParams::default().limit(PAGE);
            parameters.continue_token = token;
            let page = self.api.list(&parameters).await;
            let page = page.context("failed to list the Subaccounts")?;
            for object in &page.items {
                let object: Value = serde_json::to_value(object).context("failed to read a Subaccount")?;
                let found = condition_of(&object, "Ready").is_some_and(|found| found["status"] == "True");
                ready += usize::from(found && is_observed(&object));
            }
            token = page.metadata.continue_.filter(|token| !token.is_empty());
            if token.is_none() {
                ensure!(ready == objects, "{ready} of {objects} objects are Ready");
                return Ok(());
            }
        }
    }
}
