//! Compare-and-swap: a replace that can only be made of what was read. The API server takes a replace without
//! resourceVersion as 'overwrite whatever is there', so none can be built here. I/O: one request each.

use std::fmt;

use kube::api::{Api, PostParams};
use kube::{Resource, ResourceExt as _};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::cluster::{REQUEST_DEADLINE, within};
use super::cluster_error::ClusterError;

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
        Err(error) => Err(error),
    }
}

/// Creates the object; fails with [`ClusterError::is_already_exists`] if there is one.
pub async fn create_versioned<T>(api: &Api<T>, object: &T) -> Result<Versioned<T>, ClusterError>
where
    T: Resource + Clone + DeserializeOwned + Serialize + fmt::Debug,
{
    let parameters = PostParams::default();
    Versioned::read(within(REQUEST_DEADLINE, api.create(&parameters, object)).await?)
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
    Versioned::read(within(REQUEST_DEADLINE, api.replace(&name, &parameters, &object)).await?)
}
