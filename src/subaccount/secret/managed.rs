//! Which labels and annotations of the user's Secret are there because a spec named them: what it names no longer is taken off, and
//! what a person or another tool put there stays. PURE.

use crate::crd::{
    AUTH_ID_ANNOTATION, FIELD_MANAGER, MANAGED_BY_LABEL, MANAGED_KEYS_ANNOTATION, SUBACCOUNT_LABEL,
    SecretReference,
};
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry;
use kube::ResourceExt;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Where `kubectl apply` keeps the manifest that a person last applied.
const LAST_APPLIED_ANNOTATION: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// The keys that a spec named when the Secret was last written, as the annotation on it says.
#[derive(Default, PartialEq, Eq, Serialize, Deserialize)]
struct Managed {
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    labels: BTreeSet<String>,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    annotations: BTreeSet<String>,
}

/// Takes off what an earlier spec named and this one does not, and writes down what this one names.
pub(super) fn apply(secret: &mut Secret, reference: &SecretReference) {
    let before = read(secret);
    let anothers = anothers(secret);
    let now = Managed {
        labels: reference.labels.keys().cloned().collect(),
        annotations: reference.annotations.keys().cloned().collect(),
    };
    let metadata = &mut secret.metadata;
    remove(
        &mut metadata.labels,
        &before.labels,
        &now.labels,
        &anothers.labels,
    );
    remove(
        &mut metadata.annotations,
        &before.annotations,
        &now.annotations,
        &anothers.annotations,
    );
    let annotations = metadata.annotations.get_or_insert_default();
    match serde_json::to_string(&now) {
        Ok(text) if now != Managed::default() => {
            annotations.insert(MANAGED_KEYS_ANNOTATION.to_owned(), text);
        }
        _ => {
            annotations.remove(MANAGED_KEYS_ANNOTATION);
        }
    }
}

/// Whether two Secrets say the same but for an annotation that the first has not got, because an earlier version wrote it: it is
/// written down when there is something else to write.
pub(super) fn same(stored: &Secret, wanted: &Secret) -> bool {
    if stored == wanted || stored.annotations().contains_key(MANAGED_KEYS_ANNOTATION) {
        return stored == wanted;
    }
    let mut wanted = wanted.clone();
    let annotations = wanted.metadata.annotations.get_or_insert_default();
    annotations.remove(MANAGED_KEYS_ANNOTATION);
    *stored == wanted
}

fn remove(
    stored: &mut Option<BTreeMap<String, String>>,
    before: &BTreeSet<String>,
    now: &BTreeSet<String>,
    anothers: &BTreeSet<String>,
) {
    let Some(stored) = stored else { return };
    stored.retain(|key, _| !before.contains(key) || now.contains(key) || anothers.contains(key));
}

/// What was written down; in its absence, what the API server knows to be written by the operator.
fn read(secret: &Secret) -> Managed {
    let written = secret.annotations().get(MANAGED_KEYS_ANNOTATION);
    if let Some(written) = written.and_then(|text| serde_json::from_str(text).ok()) {
        return written;
    }
    let mut managed = written_by(secret, |manager| manager == FIELD_MANAGER);
    managed
        .labels
        .retain(|key| ![MANAGED_BY_LABEL, SUBACCOUNT_LABEL].contains(&key.as_str()));
    managed.annotations.retain(|key| key != AUTH_ID_ANNOTATION);
    managed
}

/// What others keep on the Secret too: it stays theirs when the spec no longer names it.
fn anothers(secret: &Secret) -> Managed {
    let mut others = written_by(secret, |manager| manager != FIELD_MANAGER);
    let applied = secret.annotations().get(LAST_APPLIED_ANNOTATION);
    if let Some(applied) = applied.and_then(|text| serde_json::from_str::<Value>(text).ok()) {
        let keys = |of: &str| object_keys(&applied["metadata"][of]);
        others.labels.extend(keys("labels"));
        others.annotations.extend(keys("annotations"));
    }
    others
}

fn written_by(secret: &Secret, is_meant: impl Fn(&str) -> bool) -> Managed {
    let mut found = Managed::default();
    for entry in secret.managed_fields() {
        if is_meant(entry.manager.as_deref().unwrap_or_default()) {
            found.labels.extend(fields(entry, "f:labels"));
            found.annotations.extend(fields(entry, "f:annotations"));
        }
    }
    found
}

/// The keys of a map in the metadata that an entry of `managedFields` names.
fn fields(entry: &ManagedFieldsEntry, of: &str) -> Vec<String> {
    let Some(fields) = &entry.fields_v1 else {
        return Vec::new();
    };
    let keys = object_keys(&fields.0["f:metadata"][of]);
    keys.iter()
        .filter_map(|key| key.strip_prefix("f:").map(str::to_owned))
        .collect()
}

fn object_keys(value: &Value) -> Vec<String> {
    let keys = value.as_object().into_iter().flat_map(|object| object.keys());
    keys.cloned().collect()
}

#[cfg(test)]
mod tests;
