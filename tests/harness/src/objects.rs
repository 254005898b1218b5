//! I/O. Objects of any kind as plain JSON, and waiting for what becomes of them.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use futures::TryStreamExt as _;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Secret};
use kube::api::{Api, DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams};
use kube::core::{ApiResource, GroupVersionKind};
use kube::runtime::watcher::watch_object;
use serde_json::{Value, json};

use crate::kstatus::{self, Status};

const REWATCH_INTERVAL: Duration = Duration::from_millis(200);

/// The kinds that tests handle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// `vobiz.ai/v1alpha1` Subaccount.
    Subaccount,
    /// `vobiz.ai/v1alpha1` Account.
    Account,
    /// `vobiz.ai/v1alpha1` `ClusterAccount`; its objects have no namespace.
    ClusterAccount,
    /// Core Secret.
    Secret,
    /// Core `ConfigMap`.
    ConfigMap,
    /// `events.k8s.io/v1` Event.
    Event,
    /// `coordination.k8s.io/v1` Lease.
    Lease,
    /// `apps/v1` Deployment.
    Deployment,
    /// Core Namespace; its objects have no namespace.
    Namespace,
}

impl Kind {
    /// As the API server is asked for it.
    #[must_use]
    pub fn resource(self) -> ApiResource {
        let vobiz = |kind: &str| ApiResource::from_gvk(&GroupVersionKind::gvk("vobiz.ai", "v1alpha1", kind));
        match self {
            Self::Subaccount => vobiz("Subaccount"),
            Self::Account => vobiz("Account"),
            Self::ClusterAccount => vobiz("ClusterAccount"),
            Self::Secret => ApiResource::erase::<Secret>(&()),
            Self::ConfigMap => ApiResource::erase::<ConfigMap>(&()),
            Self::Event => ApiResource::from_gvk(&GroupVersionKind::gvk("events.k8s.io", "v1", "Event")),
            Self::Lease => ApiResource::erase::<Lease>(&()),
            Self::Deployment => ApiResource::erase::<Deployment>(&()),
            Self::Namespace => ApiResource::erase::<Namespace>(&()),
        }
    }
}

/// The objects of one namespace, seen by the holder of one client.
#[derive(Clone)]
pub struct Objects {
    client: kube::Client,
    namespace: String,
    deadline: Duration,
}

impl Objects {
    /// The objects of `namespace`; waiting for one ends in an error after `deadline`.
    #[must_use]
    pub fn new(client: kube::Client, namespace: &str, deadline: Duration) -> Self {
        Self {
            client,
            namespace: namespace.to_owned(),
            deadline,
        }
    }

    /// The namespace.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The objects of another namespace, seen by the same one.
    #[must_use]
    pub fn elsewhere(&self, namespace: &str) -> Self {
        Self {
            namespace: namespace.to_owned(),
            ..self.clone()
        }
    }

    /// The same objects, seen by the holder of another client.
    #[must_use]
    pub fn seen_through(&self, client: kube::Client) -> Self {
        Self {
            client,
            ..self.clone()
        }
    }

    /// The same objects with another patience.
    #[must_use]
    pub fn with_deadline(&self, deadline: Duration) -> Self {
        Self {
            deadline,
            ..self.clone()
        }
    }

    fn api(&self, kind: Kind) -> Api<DynamicObject> {
        let resource = kind.resource();
        match kind {
            Kind::Namespace | Kind::ClusterAccount => Api::all_with(self.client.clone(), &resource),
            _ => Api::namespaced_with(self.client.clone(), &self.namespace, &resource),
        }
    }

    /// Creates an object from its name and the rest of its manifest (`{"spec": ...}`, `{"stringData": ...}`).
    pub async fn create(&self, kind: Kind, name: &str, manifest: Value) -> Result<Value> {
        let object = self.manifest(kind, name, manifest)?;
        // Unwrapped, so that a test can look at the API server's refusal.
        let created = self.api(kind).create(&PostParams::default(), &object).await?;
        to_value(&created)
    }

    fn manifest(&self, kind: Kind, name: &str, manifest: Value) -> Result<DynamicObject> {
        let resource = kind.resource();
        let mut whole = json!({
            "apiVersion": resource.api_version,
            "kind": resource.kind,
            "metadata": {"name": name, "namespace": self.namespace},
        });
        if matches!(kind, Kind::Namespace | Kind::ClusterAccount) {
            whole["metadata"] = json!({"name": name});
        }
        merge(&mut whole, manifest);
        serde_json::from_value(whole).context("failed to make an object")
    }

    /// The object, which must exist.
    pub async fn get(&self, kind: Kind, name: &str) -> Result<Value> {
        self.find(kind, name)
            .await?
            .with_context(|| format!("there is no {kind:?} {}/{name}", self.namespace))
    }

    /// The object, if it exists.
    pub async fn find(&self, kind: Kind, name: &str) -> Result<Option<Value>> {
        let found = self.api(kind).get_opt(name).await;
        let found = found.with_context(|| format!("failed to get {kind:?} {}/{name}", self.namespace))?;
        found.as_ref().map(to_value).transpose()
    }

    /// All objects of a kind.
    pub async fn list(&self, kind: Kind) -> Result<Vec<Value>> {
        let found = self.api(kind).list(&ListParams::default()).await;
        let found = found.with_context(|| format!("failed to list {kind:?} in {}", self.namespace))?;
        found.items.iter().map(to_value).collect()
    }

    /// Changes an object by a JSON merge patch.
    pub async fn merge(&self, kind: Kind, name: &str, patch: &Value) -> Result<Value> {
        self.merge_with(PatchParams::default(), kind, name, patch).await
    }

    /// Changes an object by a JSON merge patch, as this field manager.
    pub async fn merge_as(&self, manager: &str, kind: Kind, name: &str, patch: &Value) -> Result<Value> {
        let parameters = PatchParams {
            field_manager: Some(manager.to_owned()),
            ..PatchParams::default()
        };
        self.merge_with(parameters, kind, name, patch).await
    }

    async fn merge_with(
        &self,
        parameters: PatchParams,
        kind: Kind,
        name: &str,
        patch: &Value,
    ) -> Result<Value> {
        let patched = self
            .api(kind)
            .patch(name, &parameters, &Patch::Merge(patch))
            .await?;
        to_value(&patched)
    }

    /// Asks for the deletion of an object that exists.
    pub async fn delete(&self, kind: Kind, name: &str) -> Result<()> {
        self.api(kind).delete(name, &DeleteParams::default()).await?;
        Ok(())
    }

    /// Asks for the deletion of all objects of a kind.
    pub async fn delete_all(&self, kind: Kind) -> Result<()> {
        self.api(kind)
            .delete_collection(&DeleteParams::default(), &ListParams::default())
            .await?;
        Ok(())
    }

    /// Watches an object until `reached` holds and returns it as it is then (`None`: it does not exist).
    /// `what` names the awaited state in the message of a failure.
    pub async fn await_state(
        &self,
        kind: Kind,
        name: &str,
        what: &str,
        mut reached: impl FnMut(Option<&Value>) -> bool,
    ) -> Result<Option<Value>> {
        let mut last_error = None;
        let watched = async {
            let mut states = std::pin::pin!(watch_object(self.api(kind), name));
            loop {
                match states.try_next().await {
                    Ok(Some(state)) => {
                        let state = state.as_ref().map(to_value).transpose()?;
                        if reached(state.as_ref()) {
                            return Ok(state);
                        }
                    }
                    Ok(None) => bail!("the watch of {kind:?} {}/{name} ended", self.namespace),
                    // The next poll begins the watch again.
                    Err(error) => {
                        last_error = Some(error);
                        tokio::time::sleep(REWATCH_INTERVAL).await;
                    }
                }
            }
        };
        let waited = tokio::time::timeout(self.deadline, watched).await;
        if let Ok(found) = waited {
            return found;
        }
        let seconds = self.deadline.as_secs();
        let now = match self.find(kind, name).await? {
            Some(object) => format!("{:#}", masked(object)),
            None => "no such object".to_owned(),
        };
        let trouble = last_error
            .map(|error| format!("\nlast trouble of the watch: {error}"))
            .unwrap_or_default();
        bail!(
            "{kind:?} {}/{name} is not '{what}' after {seconds} s:\n{now}{trouble}",
            self.namespace
        )
    }

    /// Waits until an existing object satisfies `reached`.
    pub async fn await_object(
        &self,
        kind: Kind,
        name: &str,
        what: &str,
        mut reached: impl FnMut(&Value) -> bool,
    ) -> Result<Value> {
        let found = self
            .await_state(kind, name, what, |state| state.is_some_and(&mut reached))
            .await?;
        found.context("the awaited object is gone")
    }

    /// Waits until the object does not exist.
    pub async fn await_gone(&self, kind: Kind, name: &str) -> Result<()> {
        self.await_state(kind, name, "gone", |state| state.is_none())
            .await?;
        Ok(())
    }

    /// Waits until the newest spec was seen and the condition of this type has this status.
    pub async fn await_condition(
        &self,
        kind: Kind,
        name: &str,
        condition: &str,
        status: &str,
    ) -> Result<Value> {
        let what = format!("{condition}={status}");
        self.await_object(kind, name, &what, |object| {
            is_observed(object)
                && condition_of(object, condition).is_some_and(|found| found["status"] == status)
        })
        .await
    }

    /// Waits until the newest spec was seen and the condition of this type has this reason.
    pub async fn await_reason(&self, kind: Kind, name: &str, condition: &str, reason: &str) -> Result<Value> {
        let what = format!("{condition} with reason {reason}");
        self.await_object(kind, name, &what, |object| {
            is_observed(object)
                && condition_of(object, condition).is_some_and(|found| found["reason"] == reason)
        })
        .await
    }

    /// Waits until kstatus gives this verdict.
    pub async fn await_kstatus(&self, kind: Kind, name: &str, wanted: Status) -> Result<Value> {
        let what = format!("{wanted:?} by kstatus");
        self.await_object(kind, name, &what, |object| kstatus::status(object) == wanted)
            .await
    }
}

/// The condition of this type.
#[must_use]
pub fn condition_of<'a>(object: &'a Value, kind: &str) -> Option<&'a Value> {
    object["status"]["conditions"]
        .as_array()?
        .iter()
        .find(|condition| condition["type"] == kind)
}

/// Whether the status speaks of the newest spec.
#[must_use]
pub fn is_observed(object: &Value) -> bool {
    object["status"]["observedGeneration"] == object["metadata"]["generation"]
}

/// The object with the values of a Secret hidden, for messages.
#[must_use]
pub fn masked(mut object: Value) -> Value {
    for field in ["data", "stringData"] {
        if object["kind"] == "Secret"
            && let Some(values) = object.get_mut(field).and_then(Value::as_object_mut)
        {
            values.values_mut().for_each(|value| *value = json!("***"));
        }
    }
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("managedFields");
        // kubectl keeps the whole manifest in an annotation, a Secret's values with it.
        metadata.remove("annotations");
    }
    object
}

fn to_value(object: &DynamicObject) -> Result<Value> {
    serde_json::to_value(object).context("failed to read an object as JSON")
}

fn merge(into: &mut Value, from: Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (into, from) => *into = from,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_message_shows_no_value_of_a_secret() {
        let secret = json!({
            "kind": "Secret",
            "metadata": {"name": "pair", "annotations": {"last-applied": "hush"}},
            "data": {"auth_token": "hush"},
        });
        let text = masked(secret).to_string();
        assert!(text.contains("auth_token") && !text.contains("hush"), "{text}");
    }

    #[test]
    fn a_manifest_may_add_to_the_metadata() {
        let mut whole = json!({"metadata": {"name": "a", "namespace": "b"}});
        merge(
            &mut whole,
            json!({"metadata": {"labels": {"x": "y"}}, "spec": {}}),
        );
        assert_eq!(
            whole,
            json!({"metadata": {"name": "a", "namespace": "b", "labels": {"x": "y"}}, "spec": {}})
        );
    }
}
