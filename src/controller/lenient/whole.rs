//! An object that is as its type says, read in one go. PURE.

use std::fmt;
use std::marker::PhantomData;

use kube::Resource;
use serde::de::value::MapAccessDeserializer;
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer as _, Error as _, IntoDeserializer as _, MapAccess,
    Visitor,
};
use serde_json::{Map, Value};

use super::metadata::Metadata;

/// The object; none if any part of it is odd, or nested too deep for this way of reading. The type's own reading of metadata is
/// not used: it would know every part.
pub(super) fn read<K: Resource + DeserializeOwned>(text: &str) -> Option<K> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let (mut object, metadata): (K, _) = deserializer.deserialize_map(Whole(PhantomData)).ok()?;
    *K::meta_mut(&mut object) = metadata?.0;
    Some(object)
}

/// Reads an object and its metadata, if it has any.
struct Whole<K>(PhantomData<K>);

impl<'de, K: DeserializeOwned> Visitor<'de> for Whole<K> {
    type Value = (K, Option<Metadata>);

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        let mut metadata = None;
        let parts = Parts {
            map,
            metadata: &mut metadata,
            is_at_metadata: false,
        };
        let object = K::deserialize(MapAccessDeserializer::new(parts))?;
        Ok((object, metadata))
    }
}

/// The parts of an object, whose metadata is read on the way: its type is shown empty ones.
struct Parts<'held, A> {
    map: A,
    metadata: &'held mut Option<Metadata>,
    is_at_metadata: bool,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Parts<'_, A> {
    type Error = A::Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, A::Error> {
        let Some(key) = self.map.next_key::<String>()? else {
            return Ok(None);
        };
        self.is_at_metadata = key == "metadata";
        seed.deserialize(key.into_deserializer()).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        if !self.is_at_metadata {
            return self.map.next_value_seed(seed);
        }
        *self.metadata = Some(self.map.next_value()?);
        seed.deserialize(Value::Object(Map::new()))
            .map_err(A::Error::custom)
    }
}
