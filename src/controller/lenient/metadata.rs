//! The parts of metadata that are read. The others are skipped; a replace without them leaves them as they are. PURE.

use std::collections::BTreeMap;
use std::fmt;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference, Time};
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

/// Metadata, each part of which is as it should be.
pub(super) struct Metadata(pub ObjectMeta);

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Read {
    annotations: Option<BTreeMap<String, String>>,
    deletion_timestamp: Option<Time>,
    finalizers: Option<Vec<String>>,
    generate_name: Option<String>,
    generation: Option<i64>,
    labels: Option<BTreeMap<String, String>>,
    name: Option<String>,
    namespace: Option<String>,
    owner_references: Option<Vec<OwnerReference>>,
    resource_version: Option<String>,
    uid: Option<String>,
}

impl From<Read> for ObjectMeta {
    fn from(read: Read) -> Self {
        Self {
            annotations: read.annotations,
            deletion_timestamp: read.deletion_timestamp,
            finalizers: read.finalizers,
            generate_name: read.generate_name,
            generation: read.generation,
            labels: read.labels,
            name: read.name,
            namespace: read.namespace,
            owner_references: read.owner_references,
            resource_version: read.resource_version,
            uid: read.uid,
            ..Self::default()
        }
    }
}

/// A map and nothing else: derived reading would take a list for one too.
impl<'de> Deserialize<'de> for Metadata {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Parts;

        impl<'de> Visitor<'de> for Parts {
            type Value = Metadata;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("metadata")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Metadata, A::Error> {
                let read = Read::deserialize(MapAccessDeserializer::new(map))?;
                Ok(Metadata(read.into()))
            }
        }

        deserializer.deserialize_map(Parts)
    }
}

/// Those parts that are as they should be, and whether all of them are.
pub(super) fn salvaged(stored: Value) -> (ObjectMeta, bool) {
    let Value::Object(parts) = stored else {
        return (ObjectMeta::default(), false);
    };
    let count = parts.len();
    let sound: Map<String, Value> = parts
        .into_iter()
        .filter(|(name, part)| {
            let alone = Map::from_iter([(name.clone(), part.clone())]);
            Read::deserialize(Value::Object(alone)).is_ok()
        })
        .collect();
    let is_whole = sound.len() == count;
    let read = Read::deserialize(Value::Object(sound)).unwrap_or_default();
    (read.into(), is_whole)
}
