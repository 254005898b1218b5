//! The id of this installation: random, kept in a `ConfigMap` of the operator's namespace, made once. I/O.

use crate::account::marker::{INSTALLATION_CONFIG_MAP, INSTALLATION_KEY, Installation};
use crate::controller::cluster::ClusterError;
use crate::controller::versioned::{create_versioned, get_versioned};
use crate::crd::{MANAGED_BY, MANAGED_BY_LABEL};
use crate::dice::random;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{Api, Client};
use std::collections::BTreeMap;

/// Why there is no id.
#[derive(Debug, thiserror::Error)]
pub(super) enum InstallationError {
    /// The API server did not give or take it.
    #[error("failed to read or create the ConfigMap {INSTALLATION_CONFIG_MAP}: {0:?}")]
    Cluster(ClusterError),
    /// Somebody edited it. A new id would make this cluster's leftovers look like another's.
    #[error(
        "failed to read the ConfigMap {INSTALLATION_CONFIG_MAP}: its key `{INSTALLATION_KEY}` must be eight hexadecimal digits; restore \
         it from a backup, or delete the ConfigMap if no create was ever interrupted"
    )]
    Malformed,
}

/// Reads the id, or makes one. Two processes that start at once agree on the first one written.
pub(super) async fn installation(
    cluster: &Client,
    namespace: &str,
) -> Result<Installation, InstallationError> {
    let api: Api<ConfigMap> = Api::namespaced(cluster.clone(), namespace);
    if let Some(existing) = read(&api).await? {
        return Ok(existing);
    }
    let mut made = ConfigMap::default();
    made.metadata.name = Some(INSTALLATION_CONFIG_MAP.to_owned());
    made.metadata.labels = Some(BTreeMap::from([(
        MANAGED_BY_LABEL.to_owned(),
        MANAGED_BY.to_owned(),
    )]));
    made.data = Some(BTreeMap::from([(
        INSTALLATION_KEY.to_owned(),
        Installation(random()).to_string(),
    )]));
    match create_versioned(&api, &made).await {
        Ok(_) => {}
        Err(error) if error.is_already_exists() => {}
        Err(error) => return Err(InstallationError::Cluster(error)),
    }
    read(&api).await?.ok_or(InstallationError::Malformed)
}

async fn read(api: &Api<ConfigMap>) -> Result<Option<Installation>, InstallationError> {
    let read = get_versioned(api, INSTALLATION_CONFIG_MAP)
        .await
        .map_err(InstallationError::Cluster)?;
    let Some(read) = read else { return Ok(None) };
    Installation::kept_in(read.object())
        .map(Some)
        .ok_or(InstallationError::Malformed)
}
