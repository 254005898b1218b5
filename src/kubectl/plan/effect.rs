//! What one object is after an apply: refused by the definitions' own rules, or as the API server says where the caller may try it, or
//! by our own reckoning. I/O.

use kube::Client;
use serde_json::Value;

use super::merge;
use crate::kubectl::failure::Failure;
use crate::kubectl::sight::objects::{Change, ObjectId, dry_run};
use crate::kubectl::validation::{Definitions, FieldError};

/// What one object is after an apply.
pub enum Effect {
    /// It is this then, and that is another than now.
    Changed(Value),
    /// It stays as it is.
    Unchanged(Value),
    /// It is refused: why, a line for each reason.
    Refused(String),
}

/// Tries the manifest. `has_namespace`: the manifests make its namespace, so that the API server cannot be asked yet. What could not be
/// asked is noted in `unseen`.
pub async fn of(
    cluster: &Client,
    definitions: &Definitions,
    id: &ObjectId,
    stored: Option<&Value>,
    manifest: &Value,
    has_namespace: bool,
    unseen: &mut Vec<String>,
) -> Result<Effect, Failure> {
    let (change, reckoned) = match stored {
        None => (None, manifest.clone()),
        Some(stored) => {
            let merged = merge::applied(stored, manifest);
            match merge::patch(stored, &merged) {
                None => return Ok(Effect::Unchanged(merged)),
                Some(patch) => (Some(patch), with_generation(stored, merged)),
            }
        }
    };
    let errors = definitions.errors(id.kind.as_str(), &reckoned, stored);
    if !errors.is_empty() {
        let lines: Vec<String> = errors.iter().map(FieldError::told).collect();
        return Ok(Effect::Refused(lines.join("\n")));
    }
    if stored.is_none() && has_namespace {
        unseen.push(format!(
            "{id}: its namespace is not there yet, so the API server was not asked about it"
        ));
        return Ok(Effect::Changed(reckoned));
    }
    let tried = match &change {
        None => dry_run(cluster, id, Change::Create(manifest)).await,
        Some(patch) => dry_run(cluster, id, Change::Merge(patch)).await,
    };
    match tried {
        Ok(mut object) => {
            if stored.is_none() {
                forget_identity(&mut object);
            }
            Ok(Effect::Changed(object))
        }
        Err(error) if error.is_forbidden() => {
            unseen.push(format!(
                "{id}: you may not change it, so the API server was not asked about it"
            ));
            Ok(Effect::Changed(reckoned))
        }
        Err(error) if error.is_denied() || error.is_not_found() => Ok(Effect::Refused(error.to_string())),
        Err(error) => Err(Failure::of_cluster(id.to_string(), &error)),
    }
}

/// A spec that changes has another generation.
fn with_generation(stored: &Value, mut merged: Value) -> Value {
    if merged["spec"] != stored["spec"] {
        let generation = stored["metadata"]["generation"].as_i64().unwrap_or_default();
        merged["metadata"]["generation"] = Value::from(generation + 1);
    }
    merged
}

/// The uid of a trial is nobody's.
fn forget_identity(object: &mut Value) {
    if let Some(metadata) = object["metadata"].as_object_mut() {
        metadata.remove("uid");
    }
}
