//! The definitions of our kinds, ready to hold objects against. PURE.

use std::collections::BTreeMap;

use jsonschema::{Draft, PatternOptions, Validator};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube_cel::{CompiledSchema, apply_defaults, compile_schema, validate_compiled};
use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

use super::field_error::FieldError;
use super::structure;
use crate::crd::custom_resource_definitions;
use crate::kubectl::failure::Failure;

/// The definitions of our kinds.
pub struct Definitions(BTreeMap<String, Definition>);

/// What objects of one kind must be.
struct Definition {
    /// The schema, with what every object has beside it, and closed: what it does not name is refused.
    schema: Value,
    structure: Validator,
    rules: CompiledSchema,
}

impl Definitions {
    /// Those of the custom resource definitions in `crds/`.
    pub fn new() -> Result<Self, Failure> {
        let mut all = BTreeMap::new();
        for definition in custom_resource_definitions() {
            let kind = definition.spec.names.kind;
            let failed = |cause: String| {
                Failure::new(
                    format!("definition of {kind}"),
                    cause,
                    "this program is faulty: take another version of it",
                )
            };
            let version = definition.spec.versions.into_iter().next_back();
            let schema = version.and_then(|version| version.schema?.open_api_v3_schema);
            let schema = serde_json::to_value(schema).map_err(|error| failed(error.to_string()))?;
            let definition = Definition::new(schema).map_err(failed)?;
            all.insert(kind, definition);
        }
        Ok(Self(all))
    }

    /// What the API server would refuse of an object of this kind: of a new one, or of what an update makes of the stored one. Nothing is
    /// known of other kinds.
    #[must_use]
    pub fn errors(&self, kind: &str, object: &Value, stored: Option<&Value>) -> Vec<FieldError> {
        let definition = self.0.get(kind);
        definition.map_or_else(Vec::new, |definition| definition.errors(object, stored))
    }
}

impl Definition {
    fn new(mut schema: Value) -> Result<Self, String> {
        let properties = &mut schema["properties"];
        for name in ["apiVersion", "kind"] {
            properties[name] = json!({"type": "string"});
        }
        properties["metadata"] = metadata();
        close(&mut schema);
        let structure = jsonschema::options()
            .with_draft(Draft::Draft7)
            .should_validate_formats(false)
            .with_pattern_options(PatternOptions::regex())
            .build(&schema)
            .map_err(|error| error.to_string())?;
        Ok(Self {
            structure,
            rules: compile_schema(&schema),
            schema,
        })
    }

    fn errors(&self, object: &Value, stored: Option<&Value>) -> Vec<FieldError> {
        let object = self.prepared(object);
        let stored = stored.map(|stored| self.prepared(stored));
        let is_new = |error: &FieldError| {
            let before = stored.as_ref().map(|stored| stored.pointer(&error.pointer));
            before.is_none_or(|before| before != object.pointer(&error.pointer))
        };
        let mut found = structure::errors(&self.schema, &self.structure, &object);
        found.retain(is_new);
        if !found.iter().any(|error| error.is_blocking) {
            let broken = validate_compiled(&self.rules, &object, stored.as_ref()).err();
            let broken = broken.into_iter().flatten();
            let worded = broken.map(|rule| FieldError::broken_rule(&object, &rule.field_path, &rule.message));
            found.extend(worded.filter(is_new));
        }
        found
    }

    /// The object as the API server comes to look at it: null is nothing, defaults are there, and what users say of the status is not.
    fn prepared(&self, object: &Value) -> Value {
        let mut object = without_nulls(object);
        if let Some(object) = object.as_object_mut() {
            object.remove("status");
        }
        apply_defaults(&self.schema, &object)
    }
}

fn metadata() -> Value {
    let settings = SchemaSettings::draft07().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    settings
        .into_generator()
        .into_root_schema_for::<ObjectMeta>()
        .to_value()
}

/// What has fields of its own has no others.
fn close(schema: &mut Value) {
    let Some(keywords) = schema.as_object_mut() else {
        return;
    };
    if let Some(Value::Object(properties)) = keywords.get_mut("properties") {
        properties.values_mut().for_each(close);
        keywords
            .entry("additionalProperties")
            .or_insert(Value::Bool(false));
    }
    for nested in ["items", "additionalProperties"] {
        if let Some(nested) = keywords.get_mut(nested) {
            close(nested);
        }
    }
}

fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let kept = fields.iter().filter(|(_, value)| !value.is_null());
            kept.map(|(name, value)| (name.clone(), without_nulls(value)))
                .collect()
        }
        Value::Array(items) => items.iter().map(without_nulls).collect(),
        _ => value.clone(),
    }
}
