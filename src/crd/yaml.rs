//! A `CustomResourceDefinition` as the text of a file in `crds/`. PURE.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;

/// A definition could not be written as YAML.
#[derive(Debug, thiserror::Error)]
#[error("failed to write the definition of {name} as YAML")]
pub struct YamlError {
    name: String,
    source: serde_saphyr::SerializeError,
}

/// The definition as one YAML document that ends with a line break.
///
/// # Errors
/// When the definition holds a value that YAML cannot express; no definition of this crate does.
pub fn yaml(definition: &CustomResourceDefinition) -> Result<String, YamlError> {
    serde_saphyr::to_string(definition).map_err(|source| YamlError {
        name: definition.metadata.name.clone().unwrap_or_default(),
        source,
    })
}
