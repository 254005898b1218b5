//! Objects as an API server sends them, read as far as anybody here uses them: one that is odd does not stop the others,
//! and what nobody uses makes none odd. PURE.
//!
//! The metadata of an object is its writers' as much as its spec is, and no schema of ours guards it: the API server
//! keeps, for example, any time in `managedFields` that it can read itself.

#[cfg(test)]
mod tests;

use std::any::TypeId;
use std::borrow::Cow;
use std::fmt;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;
use kube::core::ClusterResourceScope;
use serde::de::{DeserializeOwned, DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Number, Value};

/// The parts of metadata that are read. The others are skipped; a replace without them leaves them as they are.
const READ: [&str; 11] = [
    "annotations",
    "deletionTimestamp",
    "finalizers",
    "generateName",
    "generation",
    "labels",
    "name",
    "namespace",
    "ownerReferences",
    "resourceVersion",
    "uid",
];

/// How deep the parts of an object are read, which is deeper than any type here is. JSON that is nested too deep would
/// end the reading of a whole list.
const DEPTH: usize = 32;

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

impl<'de, K: Resource + DeserializeOwned> Deserialize<'de> for Guarded<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Tree(Value::Object(mut parts)) = Tree::deserialize(deserializer)? else {
            return Ok(Self(Err(Unreadable::default())));
        };
        // The type's own reading of metadata is not used: it would know every part.
        let stored = parts.insert("metadata".to_owned(), Value::Object(Map::new()));
        let (metadata, is_whole) = read_metadata(stored);
        let parts = Value::Object(parts);
        let object = is_whole.then(|| K::deserialize(&parts).ok());
        Ok(Self(match object.flatten() {
            Some(object) => Ok(with_metadata(object, metadata)),
            None => Err(Unreadable { metadata, parts }),
        }))
    }
}

fn with_metadata<K: Resource>(mut object: K, metadata: ObjectMeta) -> K {
    *object.meta_mut() = metadata;
    object
}

/// What can be read of it, and whether that is all there is.
fn read_metadata(stored: Option<Value>) -> (ObjectMeta, bool) {
    let Some(Value::Object(parts)) = stored else {
        return (ObjectMeta::default(), false);
    };
    let mut stored = StoredParts {
        parts,
        is_whole: true,
    };
    let metadata = ObjectMeta {
        annotations: stored.take("annotations"),
        deletion_timestamp: stored.take("deletionTimestamp"),
        finalizers: stored.take("finalizers"),
        generate_name: stored.take("generateName"),
        generation: stored.take("generation"),
        labels: stored.take("labels"),
        name: stored.take("name"),
        namespace: stored.take("namespace"),
        owner_references: stored.take("ownerReferences"),
        resource_version: stored.take("resourceVersion"),
        uid: stored.take("uid"),
        ..ObjectMeta::default()
    };
    (metadata, stored.is_whole)
}

struct StoredParts {
    parts: Map<String, Value>,
    is_whole: bool,
}

impl StoredParts {
    fn take<T: DeserializeOwned>(&mut self, name: &str) -> Option<T> {
        let part = self.parts.remove(name)?;
        serde_json::from_value(part).unwrap_or_else(|_| {
            self.is_whole = false;
            None
        })
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

/// An object of whatever shape, without what nobody reads and what is nested too deep. Reading one fails where the
/// JSON itself is broken, and nowhere else.
#[derive(Clone, Debug)]
pub struct Tree(pub Value);

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Position::Object.deserialize(deserializer).map(Self)
    }
}

/// Where in an object a value stands.
#[derive(Clone, Copy)]
enum Position {
    Object,
    Metadata,
    /// With how many levels left that are read.
    Part(usize),
}

impl Position {
    /// Where the value of a key stands; none if it is skipped.
    fn of(self, key: &str) -> Option<Self> {
        match self {
            Self::Object if key == "metadata" => Some(Self::Metadata),
            Self::Object => Some(Self::Part(DEPTH)),
            Self::Metadata => READ.contains(&key).then_some(Self::Part(DEPTH)),
            Self::Part(left) => Some(Self::Part(left.saturating_sub(1))),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Position {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        match self {
            Self::Part(0) => IgnoredAny::deserialize(deserializer).map(|_| Value::Null),
            Self::Object | Self::Metadata | Self::Part(_) => deserializer.deserialize_any(self),
        }
    }
}

impl<'de> Visitor<'de> for Position {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("any value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        self.deserialize(deserializer)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Value, A::Error> {
        let inside = match self {
            Self::Part(left) => Self::Part(left.saturating_sub(1)),
            // Neither an object nor its metadata is a sequence: nothing in it is read.
            Self::Object | Self::Metadata => Self::Part(0),
        };
        let mut values = Vec::new();
        while let Some(value) = sequence.next_element_seed(inside)? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut parts = Map::new();
        while let Some(key) = map.next_key::<String>()? {
            match self.of(&key) {
                Some(place) => {
                    parts.insert(key, map.next_value_seed(place)?);
                }
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(Value::Object(parts))
    }
}
