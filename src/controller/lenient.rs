//! Objects as an API server sends them, read as far as anybody here uses them: one that is odd does not stop the others,
//! and what nobody uses makes none odd. PURE.
//!
//! The metadata of an object is its writers' as much as its spec is, and no schema of ours guards it: the API server
//! keeps, for example, any time in `managedFields` that it can read itself.

mod metadata;
#[cfg(test)]
mod tests;
mod text;
mod tree;
mod whole;

use std::any::TypeId;
use std::borrow::Cow;
use std::fmt;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;
use kube::core::ClusterResourceScope;
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

pub use tree::Tree;

/// An object, or what is left of one that cannot be read.
#[derive(Clone, Debug)]
pub struct Guarded<K>(pub Result<K, Unreadable>);

/// An object that this version cannot read.
#[derive(Clone, Default)]
pub struct Unreadable {
    /// What can be read of its metadata.
    pub metadata: ObjectMeta,
    /// All else that it says, in whatever shape.
    parts: Value,
}

impl Unreadable {
    /// The text at this place of the object, such as `/spec/accountRef/name`; none where there is anything else.
    #[must_use]
    pub fn text(&self, place: &str) -> Option<&str> {
        self.parts.pointer(place)?.as_str()
    }
}

/// Shows the metadata only: the object may be a Secret.
impl fmt::Debug for Unreadable {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Unreadable")
            .field("metadata", &self.metadata)
            .finish_non_exhaustive()
    }
}

impl<K: Resource> Guarded<K> {
    /// Whether it says which object it is; of one that does not, nothing can be told anybody.
    #[must_use]
    pub fn is_identified(&self) -> bool
    where
        K::Scope: 'static,
    {
        let metadata = self.meta();
        let is_given = |part: &Option<String>| part.as_ref().is_some_and(|part| !part.is_empty());
        let is_placed =
            TypeId::of::<K::Scope>() == TypeId::of::<ClusterResourceScope>() || is_given(&metadata.namespace);
        is_placed && is_given(&metadata.name) && is_given(&metadata.uid)
    }

    /// The object; one that cannot be read as its metadata alone.
    #[must_use]
    pub fn or_bare(self) -> K
    where
        K: Default,
    {
        self.0.unwrap_or_else(|unreadable| {
            let mut bare = K::default();
            *bare.meta_mut() = unreadable.metadata;
            bare
        })
    }
}

/// Nearly every object is read straight into its type. The others are read with more patience: part by part.
impl<'de, K: Resource + DeserializeOwned> Deserialize<'de> for Guarded<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = text::text(deserializer)?;
        let text = text.get();
        match whole::read(text) {
            Some(object) => Ok(Self(Ok(object))),
            // Its error says where the JSON is broken, and nothing of what stands there.
            None => Self::patiently(text).map_err(D::Error::custom),
        }
    }
}

impl<K: Resource + DeserializeOwned> Guarded<K> {
    /// Fails where the JSON itself is broken.
    fn patiently(text: &str) -> serde_json::Result<Self> {
        let Tree(Value::Object(mut parts)) = serde_json::from_str(text)? else {
            return Ok(Self(Err(Unreadable::default())));
        };
        let stored = parts.insert("metadata".to_owned(), Value::Object(Map::new()));
        let (metadata, is_whole) = stored.map(metadata::salvaged).unwrap_or_default();
        let parts = Value::Object(parts);
        Ok(Self(match is_whole.then(|| K::deserialize(&parts)) {
            Some(Ok(mut object)) => {
                *object.meta_mut() = metadata;
                Ok(object)
            }
            _ => Err(Unreadable { metadata, parts }),
        }))
    }
}

impl<K: Resource> Resource for Guarded<K> {
    type DynamicType = K::DynamicType;
    type Scope = K::Scope;

    fn metadata_api() -> bool {
        K::metadata_api()
    }

    fn kind(kind: &Self::DynamicType) -> Cow<'_, str> {
        K::kind(kind)
    }

    fn group(kind: &Self::DynamicType) -> Cow<'_, str> {
        K::group(kind)
    }

    fn version(kind: &Self::DynamicType) -> Cow<'_, str> {
        K::version(kind)
    }

    fn plural(kind: &Self::DynamicType) -> Cow<'_, str> {
        K::plural(kind)
    }

    fn url_path(kind: &Self::DynamicType, namespace: Option<&str>) -> String {
        K::url_path(kind, namespace)
    }

    fn meta(&self) -> &ObjectMeta {
        match &self.0 {
            Ok(object) => object.meta(),
            Err(unreadable) => &unreadable.metadata,
        }
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        match &mut self.0 {
            Ok(object) => object.meta_mut(),
            Err(unreadable) => &mut unreadable.metadata,
        }
    }
}
