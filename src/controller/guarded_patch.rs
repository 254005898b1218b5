//! Guarded patches: of finalizers, status and anything else, each bound to one uid, so that an object of the same name
//! that was re-created meanwhile is never touched. I/O: one request each.

use crate::controller::cluster::{ClusterError, ask_for_one};
use crate::controller::refusal::{ClusterRequest, Verb};
use kube::api::{Api, Patch, PatchParams};
use kube::{Resource, ResourceExt};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// Whether the object carries the finalizer.
pub fn is_on<K: Resource>(object: &K, finalizer: &str) -> bool {
    object.finalizers().iter().any(|present| present == finalizer)
}

/// Adds the finalizer to exactly the object that was read; fails if it changed since.
pub async fn add<K>(api: &Api<K>, object: &K, finalizer: &str) -> Result<K, ClusterError>
where
    K: Resource + Clone + DeserializeOwned,
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
    K: Resource + Clone + DeserializeOwned,
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
    K: Resource + Clone + DeserializeOwned,
{
    let body = guarded(object, operations)?;
    let name = object.name_any();
    ask_for_one(api, |request| request.patch(&name, &parameters(), &body))
        .await
        .map_err(|error| error.of(|| ClusterRequest::new(Verb::Patch, api.resource_url(), &name)))
}

/// As [`patch`], on the status subresource. (A merge patch with a wrong uid would be accepted there.)
pub async fn patch_status<K>(api: &Api<K>, object: &K, operations: Vec<Value>) -> Result<K, ClusterError>
where
    K: Resource + Clone + DeserializeOwned,
{
    let body = guarded(object, operations)?;
    let name = object.name_any();
    ask_for_one(api, |request| {
        request.patch_subresource("status", &name, &parameters(), &body)
    })
    .await
    .map_err(|error| error.of(|| ClusterRequest::new(Verb::Patch, api.resource_url(), &name).of_status()))
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
        field_manager: Some(crate::NAME.to_owned()),
        ..PatchParams::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::controller::cluster::loopback::client_of;
    use crate::metrics::Metrics;
    use axum::{Json, Router};
    use k8s_openapi::api::core::v1::Namespace;
    use std::sync::{Arc, Mutex};

    #[tokio::test]
    async fn an_answer_whose_managed_fields_nobody_can_read_is_an_answer_all_the_same() {
        let sent = Arc::new(Mutex::new(Vec::new()));
        let keep = Arc::clone(&sent);
        let router = Router::new().fallback(|uri: http::Uri, Json(body): Json<Value>| async move {
            keep.lock().unwrap().push((uri.path().to_owned(), body));
            let fields = json!([{"manager": "m", "operation": "Update", "time": "9999-12-31T23:59:59Z"}]);
            Json(json!({"metadata": {"name": "dev", "uid": "u-1", "managedFields": fields}}))
        });
        let api: Api<Namespace> = Api::all(client_of(router, &Metrics::new(true, "1", "c")).await);
        let mut object = Namespace::default();
        object.metadata.name = Some("dev".to_owned());
        object.metadata.uid = Some("u-1".to_owned());
        let operation = json!({"op": "remove", "path": "/status/phase"});
        let patched = patch(&api, &object, vec![operation.clone()]).await.unwrap();
        assert_eq!(patched.uid().as_deref(), Some("u-1"));
        patch_status(&api, &object, vec![operation.clone()])
            .await
            .unwrap();
        let guard = json!({"op": "test", "path": "/metadata/uid", "value": "u-1"});
        let expected = ["/api/v1/namespaces/dev", "/api/v1/namespaces/dev/status"];
        let expected = expected.map(|path| (path.to_owned(), json!([guard, operation])));
        assert_eq!(*sent.lock().unwrap(), expected);
    }
}
