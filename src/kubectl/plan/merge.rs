//! What an object becomes when a manifest is applied to it, as kubectl does it for kinds that it has no schema of. PURE.
//!
//! What the manifest says holds; what it said when it was applied last, and says no more, is taken out; all else stays.

use serde_json::{Map, Value, json};

/// Where kubectl keeps what was applied last.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// The parts of an object that a manifest speaks of.
const SPOKEN_OF: [&str; 2] = ["labels", "annotations"];

/// The stored object with the manifest applied.
#[must_use]
pub fn applied(stored: &Value, manifest: &Value) -> Value {
    let before = applied_last(stored);
    let mut merged = stored.clone();
    merged["spec"] = three_way(&before["spec"], &manifest["spec"], &stored["spec"]);
    for part in SPOKEN_OF {
        let of = |object: &Value| object["metadata"][part].clone();
        let result = three_way(&of(&before), &of(manifest), &of(stored));
        if result.as_object().is_some_and(|result| !result.is_empty()) {
            merged["metadata"][part] = result;
        } else if let Some(metadata) = merged["metadata"].as_object_mut() {
            metadata.remove(part);
        }
    }
    merged
}

/// A merge patch that leads from one object to the other; none if they are the same.
#[must_use]
pub fn patch(from: &Value, to: &Value) -> Option<Value> {
    let (Value::Object(before), Value::Object(after)) = (from, to) else {
        return (from != to).then(|| to.clone());
    };
    let gone = before.keys().filter(|key| !after.contains_key(*key));
    let mut changes: Map<String, Value> = gone.map(|key| (key.clone(), Value::Null)).collect();
    for (key, value) in after {
        let change = match before.get(key) {
            Some(before) => patch(before, value),
            None => Some(value.clone()),
        };
        changes.extend(change.map(|change| (key.clone(), change)));
    }
    (!changes.is_empty()).then_some(Value::Object(changes))
}

/// What a manifest said of the object when it was applied last. Server-side apply keeps no values, but which fields were set.
fn applied_last(stored: &Value) -> Value {
    let annotation = stored["metadata"]["annotations"][LAST_APPLIED].as_str();
    if let Some(last) = annotation.and_then(|text| serde_json::from_str(text).ok()) {
        return last;
    }
    let managers = stored["metadata"]["managedFields"].as_array();
    let mut owned = json!({});
    for manager in managers.into_iter().flatten() {
        if manager["operation"] == "Apply" && manager["subresource"].is_null() {
            own(&mut owned, &manager["fieldsV1"]);
        }
    }
    owned
}

/// Adds the fields that a manager owns.
fn own(owned: &mut Value, fields: &Value) {
    for (key, below) in fields.as_object().into_iter().flatten() {
        if let Some(field) = key.strip_prefix("f:") {
            own(&mut owned[field], below);
        }
    }
}

fn three_way(before: &Value, said: &Value, stored: &Value) -> Value {
    let nothing = Map::new();
    let said = said.as_object().unwrap_or(&nothing);
    let mut result = stored.as_object().cloned().unwrap_or_default();
    for key in before.as_object().into_iter().flat_map(Map::keys) {
        if !said.contains_key(key) {
            result.remove(key);
        }
    }
    for (key, value) in said {
        match value {
            Value::Null => drop(result.remove(key)),
            Value::Object(_) => {
                let stored = result.get(key).cloned().unwrap_or_default();
                result.insert(key.clone(), three_way(&before[key], value, &stored));
            }
            _ => drop(result.insert(key.clone(), value.clone())),
        }
    }
    Value::Object(result)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(last: Option<&Value>, managed: &Value) -> Value {
        let mut object = json!({
            "metadata": {"name": "acme", "annotations": {"theirs": "1", "ours": "1"}, "managedFields": managed},
            "spec": {"accountRef": {"kind": "Account", "name": "main"}, "enabled": true, "phone": "+91", "rateLimit": 5,
                "secretRef": {"labels": {"a": "1", "b": "2"}}},
            "status": {"authId": "SA_1"},
        });
        if let Some(last) = last {
            object["metadata"]["annotations"][LAST_APPLIED] = json!(last.to_string());
        }
        object
    }

    #[test]
    fn what_was_applied_before_and_is_said_no_more_is_taken_out_and_the_rest_stays() {
        let said = json!({"metadata": {"annotations": {}},
            "spec": {"accountRef": {"name": "main"}, "rateLimit": 7, "secretRef": {"labels": {"a": "3"}}}});
        let before = json!({"metadata": {"annotations": {"ours": "1"}},
            "spec": {"accountRef": {"name": "main"}, "phone": "+91", "secretRef": {"labels": {"a": "1", "b": "2"}}}});
        let expected = json!({"accountRef": {"kind": "Account", "name": "main"}, "enabled": true, "rateLimit": 7,
            "secretRef": {"labels": {"a": "3"}}});
        let result = applied(&stored(Some(&before), &json!([])), &said);
        assert_eq!(result["spec"], expected);
        assert_eq!(result["metadata"]["annotations"]["theirs"], "1");
        assert_eq!(result["metadata"]["annotations"]["ours"], Value::Null);
        assert_eq!(result["status"]["authId"], "SA_1");

        let fields = json!({"f:spec": {"f:accountRef": {"f:name": {}}, "f:phone": {}, "f:secretRef": {"f:labels": {"f:b": {}}}},
            "f:metadata": {"f:annotations": {"f:ours": {}}}});
        let managed = json!([{"manager": "flux", "operation": "Apply", "fieldsV1": fields},
            {"manager": "vobiz-operator", "operation": "Update", "fieldsV1": {"f:spec": {"f:enabled": {}}}}]);
        let result = applied(&stored(None, &managed), &said);
        assert_eq!(result["spec"], expected, "server-side apply");

        let result = applied(&stored(None, &json!([])), &said);
        assert_eq!(result["spec"]["phone"], "+91", "nobody knows that it was ours");
    }

    #[test]
    fn a_patch_leads_from_one_object_to_the_other() {
        let (from, to) = (
            json!({"a": {"b": 1, "c": 2}, "d": 3}),
            json!({"a": {"b": 1, "c": 4}, "e": [5]}),
        );
        assert_eq!(
            patch(&from, &to),
            Some(json!({"a": {"c": 4}, "d": null, "e": [5]}))
        );
        assert_eq!(patch(&to, &to), None);
    }
}
