//! Which labels and annotations of the user's Secret are there because a spec named them: what it names no longer is taken off, and
//! what a person or another tool put there stays. PURE.

use crate::controller::field_managers::{FieldManager, keys_in};
use crate::crd::{
    AUTH_ID_ANNOTATION, FIELD_MANAGER, MANAGED_BY_LABEL, MANAGED_KEYS_ANNOTATION, SUBACCOUNT_LABEL,
    SecretReference,
};
use k8s_openapi::api::core::v1::Secret;
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
pub(super) fn apply(secret: &mut Secret, reference: &SecretReference, managers: &[FieldManager]) {
    let before = read(secret, managers);
    let anothers = anothers(secret, managers);
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

/// Whether what is to come off depends on who wrote it: keys are there that the spec does not name, and they may be the operator's.
#[must_use]
pub fn needs_managers(secret: &Secret, reference: &SecretReference) -> bool {
    let (labels, annotations) = (secret.labels().keys(), secret.annotations().keys());
    let mut others = labels
        .filter(|key| !reference.labels.contains_key(*key))
        .map(|key| (key, true))
        .chain(
            annotations
                .filter(|key| !reference.annotations.contains_key(*key))
                .map(|key| (key, false)),
        );
    match written_down(secret) {
        Some(before) => others.any(|(key, is_label)| {
            let before = if is_label {
                &before.labels
            } else {
                &before.annotations
            };
            before.contains(key)
        }),
        None => others.any(|(key, _)| !is_fixed(key) && key != LAST_APPLIED_ANNOTATION),
    }
}

fn written_down(secret: &Secret) -> Option<Managed> {
    let written = secret.annotations().get(MANAGED_KEYS_ANNOTATION)?;
    serde_json::from_str(written).ok()
}

/// Whether the operator sets it on every Secret.
fn is_fixed(key: &str) -> bool {
    [MANAGED_BY_LABEL, SUBACCOUNT_LABEL, AUTH_ID_ANNOTATION].contains(&key)
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
fn read(secret: &Secret, managers: &[FieldManager]) -> Managed {
    if let Some(written) = written_down(secret) {
        return written;
    }
    let own = managers.iter().filter(|manager| manager.name == FIELD_MANAGER);
    let mut managed = union(own.map(written_by));
    managed.labels.retain(|key| !is_fixed(key));
    managed.annotations.retain(|key| !is_fixed(key));
    managed
}

/// What others keep on the Secret too: it stays theirs when the spec no longer names it.
fn anothers(secret: &Secret, managers: &[FieldManager]) -> Managed {
    let others = managers.iter().filter(|manager| manager.name != FIELD_MANAGER);
    let applied = secret.annotations().get(LAST_APPLIED_ANNOTATION);
    let applied = applied.and_then(|text| serde_json::from_str::<Value>(text).ok());
    let applied = applied.map(|manifest| {
        let keys = |of: &str| {
            let map = manifest["metadata"][of].as_object();
            map.into_iter().flat_map(|map| map.keys()).cloned().collect()
        };
        Managed {
            labels: keys("labels"),
            annotations: keys("annotations"),
        }
    });
    union(
        others
            .map(written_by)
            .chain(applied)
            .filter(|keys| !is_of_copy(keys)),
    )
}

/// Whether somebody wrote the operator's own keys too, as a backup does that puts the Secret back: then none of them says what that
/// one wants.
fn is_of_copy(keys: &Managed) -> bool {
    let mut all = keys.labels.iter().chain(&keys.annotations);
    all.any(|key| is_fixed(key) || key == MANAGED_KEYS_ANNOTATION)
}

fn written_by(manager: &FieldManager) -> Managed {
    let keys = |of: &str| keys_in(&manager.fields["f:metadata"][of]).collect();
    Managed {
        labels: keys("f:labels"),
        annotations: keys("f:annotations"),
    }
}

fn union(all: impl Iterator<Item = Managed>) -> Managed {
    all.fold(Managed::default(), |mut union, keys| {
        union.labels.extend(keys.labels);
        union.annotations.extend(keys.annotations);
        union
    })
}

#[cfg(test)]
mod tests;
