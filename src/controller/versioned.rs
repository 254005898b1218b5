//! Compare-and-swap: a replace that can only be made of what was read. The API server takes a replace without
//! resourceVersion as 'overwrite whatever is there', so none can be built here. I/O: one request each.

use std::fmt;

use kube::api::{Api, DeleteParams, PostParams, Preconditions};
use kube::{Resource, ResourceExt as _};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::cluster::{REQUEST_DEADLINE, within};
use super::cluster_error::ClusterError;
use super::refusal::{Request, Verb};

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
    fn read(object: T) -> Result<Self, ClusterError> {
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
    T: Resource + Clone + DeserializeOwned + fmt::Debug,
{
    match within(REQUEST_DEADLINE, api.get(name)).await {
        Ok(object) => Versioned::read(object).map(Some),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error.of(|| Request::new(Verb::Get, api.resource_url(), name))),
    }
}

/// Creates the object; fails with [`ClusterError::is_already_exists`] if there is one.
pub async fn create_versioned<T>(api: &Api<T>, object: &T) -> Result<Versioned<T>, ClusterError>
where
    T: Resource + Clone + DeserializeOwned + Serialize + fmt::Debug,
{
    let parameters = PostParams::default();
    let created = within(REQUEST_DEADLINE, api.create(&parameters, object)).await;
    let name = object.meta().name.as_deref().unwrap_or_default();
    Versioned::read(
        created.map_err(|error| error.of(|| Request::new(Verb::Create, api.resource_url(), name)))?,
    )
}

/// Replaces the object if it is still the one that was read, else fails with [`ClusterError::is_conflict`], or with
/// [`ClusterError::is_not_found`] if it is gone.
pub async fn replace<T>(api: &Api<T>, versioned: Versioned<T>) -> Result<Versioned<T>, ClusterError>
where
    T: Resource + Clone + DeserializeOwned + Serialize + fmt::Debug,
{
    let Versioned {
        mut object,
        name,
        version,
    } = versioned;
    object.meta_mut().name = Some(name.clone());
    object.meta_mut().resource_version = Some(version);
    let parameters = PostParams::default();
    let replaced = within(REQUEST_DEADLINE, api.replace(&name, &parameters, &object)).await;
    Versioned::read(
        replaced.map_err(|error| error.of(|| Request::new(Verb::Update, api.resource_url(), &name)))?,
    )
}

/// Deletes the object of this name if it still is what these say, else fails with [`ClusterError::is_conflict`], or with
/// [`ClusterError::is_not_found`] if it is gone.
pub async fn delete<T>(api: &Api<T>, name: &str, preconditions: Preconditions) -> Result<(), ClusterError>
where
    T: Resource + Clone + DeserializeOwned + fmt::Debug,
{
    let parameters = DeleteParams {
        preconditions: Some(preconditions),
        ..DeleteParams::default()
    };
    let deleted = within(REQUEST_DEADLINE, api.delete(name, &parameters)).await;
    deleted
        .map(drop)
        .map_err(|error| error.of(|| Request::new(Verb::Delete, api.resource_url(), name)))
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use axum::extract::Path;
    use axum::http::StatusCode;
    use axum::routing::get;
    use axum::{Json, Router};
    use k8s_openapi::api::core::v1::Secret;
    use serde_json::{Value, json};

    use super::super::cluster::loopback::client_of;
    use super::super::instrument::Metrics;
    use super::*;

    /// An API server with one Secret `acme` of version 7; what is put is kept.
    async fn secrets() -> (Api<Secret>, Arc<Mutex<Vec<Value>>>) {
        let written = Arc::new(Mutex::new(Vec::new()));
        let keep = Arc::clone(&written);
        let read = |Path(name): Path<String>| async move {
            if name == "acme" {
                let metadata = json!({ "name": "acme", "namespace": "dev", "resourceVersion": "7" });
                (
                    StatusCode::OK,
                    Json(json!({ "kind": "Secret", "apiVersion": "v1", "metadata": metadata })),
                )
            } else {
                let refusal =
                    json!({ "kind": "Status", "status": "Failure", "code": 404, "reason": "NotFound" });
                (StatusCode::NOT_FOUND, Json(refusal))
            }
        };
        let write = move |Json(body): Json<Value>| async move {
            keep.lock().unwrap().push(body.clone());
            Json(body)
        };
        let router = Router::new().route("/api/v1/namespaces/dev/secrets/{name}", get(read).put(write));
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
