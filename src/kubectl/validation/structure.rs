//! What a schema says of an object's structure, in the API server's words. PURE.

use jsonschema::error::ValidationErrorKind;
use jsonschema::{ValidationError, Validator};
use serde_json::Value;

use super::field_error::{FieldError, child, shown};

const INVALID: &str = "Invalid value";

/// Everything that is wrong with the structure of the object.
pub fn errors(schema: &Value, validator: &Validator, object: &Value) -> Vec<FieldError> {
    let found = validator.iter_errors(object);
    found.flat_map(|error| worded(schema, object, &error)).collect()
}

fn worded(schema: &Value, object: &Value, error: &ValidationError<'_>) -> Vec<FieldError> {
    let at = error.instance_path().as_str();
    let value = error.instance();
    let invalid = |shown: Option<String>, must: String| {
        FieldError::unfit(object, at, INVALID, shown, |path| {
            format!("{path} in body {must}")
        })
    };
    let should = |what: String| invalid(shown(value), format!("should {what}"));
    let too_many = |actual: usize, limit: u64| {
        FieldError::unfit(object, at, "Too many", Some(actual.to_string()), |_| {
            format!("must have at most {limit} {}", counted("item", limit))
        })
        .blocking()
    };
    vec![match error.kind() {
        ValidationErrorKind::AdditionalProperties { unexpected } => {
            let unknown = |name: &String| FieldError::unknown(object, child(at, name));
            return unexpected.iter().map(unknown).collect();
        }
        ValidationErrorKind::Required { property } => {
            FieldError::required(object, at, property.as_str().unwrap_or_default())
        }
        ValidationErrorKind::Type { .. } => {
            let wanted = schema
                .pointer(error.schema_path().as_str())
                .and_then(Value::as_str);
            let actual = format!("{:?}", type_of(value));
            let must = format!("must be of type {}: {actual}", wanted.unwrap_or_default());
            invalid(Some(actual), must).blocking()
        }
        ValidationErrorKind::Enum { options } => {
            let supported: Vec<String> = options
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(shown)
                .collect();
            FieldError::unfit(object, at, "Unsupported value", shown(value), |_| {
                format!("supported values: {}", supported.join(", "))
            })
            .blocking()
        }
        // Characters are counted, and called bytes there.
        ValidationErrorKind::MaxLength { limit } => FieldError::unfit(object, at, "Too long", None, |_| {
            format!("may not be more than {limit} {}", counted("byte", *limit))
        })
        .blocking(),
        ValidationErrorKind::MaxItems { limit } => too_many(value.as_array().map_or(0, Vec::len), *limit),
        ValidationErrorKind::MaxProperties { limit } => {
            too_many(value.as_object().map_or(0, serde_json::Map::len), *limit)
        }
        ValidationErrorKind::MinLength { limit } => should(format!("be at least {limit} chars long")),
        ValidationErrorKind::Minimum { limit } => {
            should(format!("be greater than or equal to {}", number(limit)))
        }
        ValidationErrorKind::Maximum { limit } => {
            should(format!("be less than or equal to {}", number(limit)))
        }
        ValidationErrorKind::Pattern { pattern } => should(format!("match '{pattern}'")),
        other => should(format!("hold to the schema's {}", other.keyword())),
    }]
}

fn counted(what: &str, limit: u64) -> String {
    if limit == 1 {
        what.to_owned()
    } else {
        format!("{what}s")
    }
}

/// A bound, which a definition writes as `1.0`.
fn number(limit: &Value) -> String {
    limit
        .as_f64()
        .map_or_else(|| limit.to_string(), |limit| limit.to_string())
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}
