//! In what a Secret differs from how it should be, and which field manager the API server says it was. PURE.

use super::managed::keys_in;
use crate::controller::field_managers::FieldManager;
use crate::crd::FIELD_MANAGER;
use crate::subaccount::contest::{Change, Part};
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt;
use std::collections::BTreeMap;

/// What somebody changed about the Secret, against how it should be.
#[must_use]
pub fn difference(stored: &Secret, wanted: &Secret) -> Change {
    let parts = [
        (Part::Data, stored.data != wanted.data),
        (Part::Labels, stored.labels() != wanted.labels()),
        (Part::Annotations, stored.annotations() != wanted.annotations()),
        (
            Part::OwnerReferences,
            stored.owner_references() != wanted.owner_references(),
        ),
    ];
    Change {
        parts: parts
            .into_iter()
            .filter_map(|(part, differs)| differs.then_some(part))
            .collect(),
        pair: stored.data != wanted.data,
    }
}

/// Who wrote a value that differs; where nobody did, because one was taken away: whoever wrote last.
#[must_use]
pub fn changed_by(stored: &Secret, wanted: &Secret, managers: &[FieldManager]) -> Option<String> {
    let none = BTreeMap::new();
    let (data, wanted_data) = (stored.data.as_ref(), wanted.data.as_ref());
    let differing = [
        differing(stored.labels(), wanted.labels()),
        differing(stored.annotations(), wanted.annotations()),
        differing(data.unwrap_or(&none), wanted_data.unwrap_or(&none)),
    ];
    let wrote = |manager: &&&FieldManager| {
        let metadata = &manager.fields["f:metadata"];
        let written = [
            &metadata["f:labels"],
            &metadata["f:annotations"],
            &manager.fields["f:data"],
        ];
        differing
            .iter()
            .zip(written)
            .any(|(differing, written)| keys_in(written).iter().any(|key| differing.contains(key)))
    };
    let others: Vec<_> = managers
        .iter()
        .filter(|manager| manager.name != FIELD_MANAGER && !manager.name.is_empty())
        .collect();
    let last = || others.iter().max_by(|one, other| one.time.cmp(&other.time));
    let found = others.iter().find(wrote).or_else(last);
    found.map(|manager| manager.name.clone())
}

/// Keys that are there and should not be, or with another value.
fn differing<T: PartialEq>(stored: &BTreeMap<String, T>, wanted: &BTreeMap<String, T>) -> Vec<String> {
    let all = stored.iter();
    all.filter(|(key, value)| wanted.get(*key) != Some(value))
        .map(|(key, _)| key.clone())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn secret(labels: &Value) -> Secret {
        serde_json::from_value(json!({"metadata": {"labels": labels}, "data": {"auth_id": "U0E="}})).unwrap()
    }

    #[test]
    fn it_names_the_parts_and_whoever_wrote_what_differs_else_whoever_wrote_last() {
        let manager = |name: &str, time: &str, label: &str| FieldManager {
            name: name.to_owned(),
            time: time.to_owned(),
            fields: json!({"f:metadata": {"f:labels": {format!("f:{label}"): {}}}}),
        };
        let managers = [
            manager("policy", "2026-01-01T00:00:00Z", "team"),
            manager("person", "2026-01-02T00:00:00Z", "other"),
            manager("vobiz-operator", "2026-01-03T00:00:00Z", "tier"),
        ];
        let wanted = secret(&json!({"team": "voice"}));
        let table = [
            (json!({"team": "theirs"}), "policy"),
            (json!({}), "person"),
            (json!({"team": "voice", "other": "1"}), "person"),
        ];
        for (labels, by) in table {
            let stored = secret(&labels);
            assert_eq!(
                changed_by(&stored, &wanted, &managers).as_deref(),
                Some(by),
                "{labels}"
            );
            let found = difference(&stored, &wanted);
            assert_eq!(found.parts.into_iter().collect::<Vec<_>>(), [Part::Labels]);
            assert!(!found.pair);
        }
        assert_eq!(changed_by(&secret(&json!({})), &wanted, &[]), None);
        assert!(difference(&Secret::default(), &wanted).pair);
    }
}
