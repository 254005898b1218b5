//! Guarded patches: of finalizers, status and anything else, each bound to one uid, so that an object of the same name
//! that was re-created meanwhile is never touched. I/O: one request each.

use crate::controller::cluster::{ClusterError, REQUEST_DEADLINE, within};
use crate::controller::refusal::{Request, Verb};
use kube::api::{Api, Patch, PatchParams};
use kube::{Resource, ResourceExt};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::fmt::Debug;

/// Field manager of every patch.
const FIELD_MANAGER: &str = "vobiz-operator";

/// Whether the object carries the finalizer.
pub fn is_on<K: Resource>(object: &K, finalizer: &str) -> bool {
    object.finalizers().iter().any(|present| present == finalizer)
}

/// Adds the finalizer to exactly the object that was read; fails if it changed since.
pub async fn add<K>(api: &Api<K>, object: &K, finalizer: &str) -> Result<K, ClusterError>
where
    K: Resource + Clone + Debug + DeserializeOwned,
{
    let add = if object.finalizers().is_empty() {
        json!({"op": "add", "path": "/metadata/finalizers", "value": [finalizer]})
    } else {
        json!({"op": "add", "path": "/metadata/finalizers/-", "value": finalizer})
    };
    let version =
        json!({"op": "test", "path": "/metadata/resourceVersion", "value": object.resource_version()});
    patch(api, object, vec![version, add]).await
}

/// Removes the finalizer; that it, or the object, is gone already is fine. None if the object is gone.
pub async fn remove<K>(api: &Api<K>, object: &K, finalizer: &str) -> Result<Option<K>, ClusterError>
where
    K: Resource + Clone + Debug + DeserializeOwned,
{
    let Some(index) = object
        .finalizers()
        .iter()
        .position(|present| present == finalizer)
    else {
        return Ok(Some(object.clone()));
    };
    let path = format!("/metadata/finalizers/{index}");
    let operations = vec![
        json!({"op": "test", "path": path, "value": finalizer}),
        json!({"op": "remove", "path": path}),
    ];
    match patch(api, object, operations).await {
        Ok(object) => Ok(Some(object)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}

/// Applies JSON-patch operations to the object with this uid and no other.
pub async fn patch<K>(api: &Api<K>, object: &K, operations: Vec<Value>) -> Result<K, ClusterError>
where
    K: Resource + Clone + Debug + DeserializeOwned,
{
    let body = guarded(object, operations)?;
    let name = object.name_any();
    within(REQUEST_DEADLINE, api.patch(&name, &parameters(), &body))
        .await
        .map_err(|error| error.of(|| Request::new(Verb::Patch, api.resource_url(), &name)))
}

/// As [`patch`], on the status subresource. (A merge patch with a wrong uid would be accepted there.)
pub async fn patch_status<K>(api: &Api<K>, object: &K, operations: Vec<Value>) -> Result<K, ClusterError>
where
    K: Resource + Clone + Debug + DeserializeOwned,
{
    let body = guarded(object, operations)?;
    let name = object.name_any();
    within(REQUEST_DEADLINE, api.patch_status(&name, &parameters(), &body))
        .await
        .map_err(|error| error.of(|| Request::new(Verb::Patch, api.resource_url(), &name).of_status()))
}

fn guarded<K: Resource>(object: &K, operations: Vec<Value>) -> Result<Patch<()>, ClusterError> {
    let mut guarded = vec![json!({"op": "test", "path": "/metadata/uid", "value": object.uid()})];
    guarded.extend(operations);
    serde_json::from_value(Value::Array(guarded))
        .map(Patch::Json)
        .map_err(|error| ClusterError::from(kube::Error::SerdeError(error)))
}

fn parameters() -> PatchParams {
    PatchParams {
        field_manager: Some(FIELD_MANAGER.to_owned()),
        ..PatchParams::default()
    }
}
