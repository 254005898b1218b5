//! Compare-and-swap: a replace that can only be made of what was read. The API server takes a replace without
//! resourceVersion as 'overwrite whatever is there', so none can be built here. I/O: one request each.

use std::fmt;

use kube::api::{Api, DeleteParams, GetParams, PostParams, Preconditions};
use kube::{Resource, ResourceExt as _};
use serde::Serialize;
use serde::de::{DeserializeOwned, IgnoredAny};

use super::cluster::{ask, ask_for_one, body};
use super::cluster_error::ClusterError;
use super::refusal::{ClusterRequest, Verb};

/// An object as it was read, with the name and resourceVersion that a replace of it will carry, whatever is done to its
/// metadata in between.
#[derive(Clone)]
pub struct Versioned<T> {
    object: T,
    name: String,
    version: String,
}

/// Shows whereabouts only: the object may be a Secret.
impl<T> fmt::Debug for Versioned<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Versioned")
            .field("name", &self.name)
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

impl<T: Resource> Versioned<T> {
    /// What the API server answered.
    pub(crate) fn read(object: T) -> Result<Self, ClusterError> {
        let name = object.meta().name.clone().filter(|name| !name.is_empty());
        let version = object.resource_version().filter(|version| !version.is_empty());
        match (name, version) {
            (Some(name), Some(version)) => Ok(Self {
                object,
                name,
                version,
            }),
            _ => Err(ClusterError::Unversioned),
        }
    }
}

impl<T> Versioned<T> {
    /// The object as read.
    pub fn object(&self) -> &T {
        &self.object
    }

    /// The resourceVersion read.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The same read with another content, to be replaced by it.
    #[must_use]
    pub fn map(self, change: impl FnOnce(T) -> T) -> Self {
        Self {
            object: change(self.object),
            ..self
        }
    }

    /// The object alone.
    pub fn into_object(self) -> T {
        self.object
    }
}

/// Reads the object by quorum (no resourceVersion is asked for, so no cache may answer); none if it does not exist.
pub async fn get_versioned<T>(api: &Api<T>, name: &str) -> Result<Option<Versioned<T>>, ClusterError>
where
    T: Resource + Clone + DeserializeOwned,
{
    match ask_for_one(api, |request| request.get(name, &GetParams::default())).await {
        Ok(object) => Versioned::read(object).map(Some),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error.of(|| ClusterRequest::new(Verb::Get, api.resource_url(), name))),
    }
}

/// Creates the object; fails with [`ClusterError::is_already_exists`] if there is one.
pub async fn create_versioned<T>(api: &Api<T>, object: &T) -> Result<Versioned<T>, ClusterError>
where
    T: Resource + Clone + DeserializeOwned + Serialize,
{
    let parameters = PostParams::default();
    let created = ask_for_one(api, |request| request.create(&parameters, body(object)?)).await;
    let name = object.meta().name.as_deref().unwrap_or_default();
    Versioned::read(
        created.map_err(|error| error.of(|| ClusterRequest::new(Verb::Create, api.resource_url(), name)))?,
    )
}

/// Replaces the object if it is still the one that was read, else fails with [`ClusterError::is_conflict`], or with
/// [`ClusterError::is_not_found`] if it is gone.
pub async fn replace<T>(api: &Api<T>, versioned: Versioned<T>) -> Result<Versioned<T>, ClusterError>
where
    T: Resource + Clone + DeserializeOwned + Serialize,
{
    let Versioned {
        mut object,
        name,
        version,
    } = versioned;
    object.meta_mut().name = Some(name.clone());
    object.meta_mut().resource_version = Some(version);
    let parameters = PostParams::default();
    let replaced = ask_for_one(api, |request| request.replace(&name, &parameters, body(&object)?)).await;
    Versioned::read(
        replaced
            .map_err(|error| error.of(|| ClusterRequest::new(Verb::Update, api.resource_url(), &name)))?,
    )
}

/// Deletes the object if it is still the one that was read; fails as [`replace`] does.
pub async fn delete<T: Resource + Clone>(api: &Api<T>, versioned: &Versioned<T>) -> Result<(), ClusterError> {
    let parameters = DeleteParams {
        preconditions: Some(Preconditions {
            uid: versioned.object.meta().uid.clone(),
            resource_version: Some(versioned.version.clone()),
        }),
        ..DeleteParams::default()
    };
    // The answer is the object or a Status: nothing follows from either.
    ask(api, |request| request.delete(&versioned.name, &parameters))
        .await
        .map(|IgnoredAny| ())
        .map_err(|error| error.of(|| ClusterRequest::new(Verb::Delete, api.resource_url(), &versioned.name)))
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use axum::extract::Path;
    use axum::http::StatusCode;
    use axum::routing::{get, post};
    use axum::{Json, Router};
    use k8s_openapi::api::core::v1::Secret;
    use serde_json::{Value, json};

    use super::super::cluster::loopback::client_of;
    use super::*;
    use crate::metrics::Metrics;

    /// Metadata as the API server keeps it: with a time that no type here can hold.
    fn metadata() -> Value {
        json!({
            "name": "acme", "namespace": "dev", "uid": "u-1", "resourceVersion": "7", "generateName": "ac",
            "labels": {"team": "voice"}, "annotations": {"theirs": "kept"}, "finalizers": ["theirs"],
            "ownerReferences": [{"apiVersion": "v1", "kind": "ConfigMap", "name": "all", "uid": "1"}],
            "managedFields": [{"manager": "m", "operation": "Update", "time": "9999-12-31T23:59:59Z"}],
        })
    }

    /// An API server with one Secret `acme` of version 7; what is put or deleted is kept.
    async fn secrets() -> (Api<Secret>, Arc<Mutex<Vec<Value>>>) {
        let written = Arc::new(Mutex::new(Vec::new()));
        let keep = Arc::clone(&written);
        let read = |Path(name): Path<String>| async move {
            if name == "acme" {
                (
                    StatusCode::OK,
                    Json(json!({ "kind": "Secret", "apiVersion": "v1", "metadata": metadata() })),
                )
            } else {
                let refusal =
                    json!({ "kind": "Status", "status": "Failure", "code": 404, "reason": "NotFound" });
                (StatusCode::NOT_FOUND, Json(refusal))
            }
        };
        let write = move |Json(body): Json<Value>| async move {
            keep.lock().unwrap().push(body);
            Json(json!({ "kind": "Secret", "apiVersion": "v1", "metadata": metadata() }))
        };
        let (created, deleted) = (write.clone(), write.clone());
        let router = Router::new()
            .route(
                "/api/v1/namespaces/dev/secrets/{name}",
                get(read).put(write).delete(deleted),
            )
            .route("/api/v1/namespaces/dev/secrets", post(created));
        let client = client_of(router, &Metrics::new(true, "1", "c")).await;
        (Api::namespaced(client, "dev"), written)
    }

    #[tokio::test]
    async fn a_replace_carries_the_version_that_was_read_whatever_was_built_in_between() {
        let (api, written) = secrets().await;
        let read = get_versioned(&api, "acme").await.unwrap().unwrap();
        let other = Secret {
            type_: Some("Opaque".to_owned()),
            ..Secret::default()
        };
        replace(&api, read.map(|_| other)).await.unwrap();
        let written = written.lock().unwrap();
        assert_eq!(written[0]["metadata"]["resourceVersion"], "7");
        assert_eq!(written[0]["metadata"]["name"], "acme");
        assert_eq!(written[0]["type"], "Opaque");
    }

    #[tokio::test]
    async fn an_object_whose_managed_fields_nobody_can_read_is_handled_as_any_other() {
        let (api, written) = secrets().await;
        create_versioned(&api, &Secret::default()).await.unwrap();
        let read = get_versioned(&api, "acme").await.unwrap().unwrap();
        let replaced = replace(&api, read).await.unwrap();
        delete(&api, &replaced).await.unwrap();
        let written = written.lock().unwrap();
        let mut kept = metadata();
        kept.as_object_mut().unwrap().remove("managedFields");
        assert_eq!(written[1]["metadata"], kept, "all that a replace would lose");
        let preconditions = json!({"uid": "u-1", "resourceVersion": "7"});
        assert_eq!(written[2]["preconditions"], preconditions);
    }

    #[tokio::test]
    async fn what_does_not_exist_is_none_and_nothing_can_be_replaced() {
        let (api, _) = secrets().await;
        assert!(get_versioned(&api, "beta").await.unwrap().is_none());
    }

    #[test]
    fn an_object_that_was_never_read_makes_no_versioned_one() {
        assert!(matches!(
            Versioned::read(Secret::default()),
            Err(ClusterError::Unversioned)
        ));
    }
}
