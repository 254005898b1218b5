//! Who wrote which field of an object, as the API server keeps it: read by a request of its own by the few who ask, for everybody else
//! skips it. I/O: one request.

use kube::Resource;
use kube::api::{Api, GetParams};
use serde::Deserialize;
use serde_json::Value;

use super::cluster::ask;
use super::cluster_error::ClusterError;
use super::refusal::{ClusterRequest, Verb};

/// One entry of `metadata.managedFields`; what cannot be read of it is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldManager {
    /// The name that the client gave itself.
    pub name: String,
    /// When it wrote last, as the API server spells it: such texts sort as their times do.
    pub time: String,
    /// The fields, in the form `{"f:metadata": {"f:labels": {"f:team": {}}}}`.
    pub fields: Value,
}

#[derive(Deserialize)]
struct ManagedObject {
    #[serde(default)]
    metadata: Metadata,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    #[serde(default)]
    managed_fields: Option<Vec<Value>>,
}

/// The field managers of the object; none if it does not exist.
pub async fn field_managers<T>(api: &Api<T>, name: &str) -> Result<Vec<FieldManager>, ClusterError>
where
    T: Resource + Clone,
{
    let answer = ask::<_, ManagedObject>(api, |request| request.get(name, &GetParams::default())).await;
    match answer {
        Ok(object) => Ok(read(object.metadata.managed_fields.unwrap_or_default())),
        Err(error) if error.is_not_found() => Ok(Vec::new()),
        Err(error) => Err(error.of(|| ClusterRequest::new(Verb::Get, api.resource_url(), name))),
    }
}

fn read(entries: Vec<Value>) -> Vec<FieldManager> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let entries = entries.into_iter().map(|mut entry| FieldManager {
        name: text(&entry["manager"]),
        time: text(&entry["time"]),
        fields: entry.get_mut("fieldsV1").map(Value::take).unwrap_or_default(),
    });
    entries.collect()
}

/// The keys of a map that a field manager wrote, as [`FieldManager::fields`] shows it.
pub fn keys_in(written: &Value) -> impl Iterator<Item = String> {
    let keys = written.as_object().into_iter().flat_map(|written| written.keys());
    keys.filter_map(|key| key.strip_prefix("f:").map(str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_entry_is_read_as_far_as_it_can_be() {
        let object: ManagedObject = serde_json::from_value(json!({"kind": "Secret", "metadata": {"name": "acme", "managedFields": [
            {"manager": "kubectl", "operation": "Update", "time": "2026-01-01T00:00:00Z", "fieldsV1": {"f:data": {}}},
            {"manager": 7, "time": "9999-12-31T23:59:59Z"}, null,
        ]}}))
        .unwrap();
        let found = read(object.metadata.managed_fields.unwrap());
        let kubectl = FieldManager {
            name: "kubectl".to_owned(),
            time: "2026-01-01T00:00:00Z".to_owned(),
            fields: json!({"f:data": {}}),
        };
        assert_eq!(
            (found.len(), &found[0], found[1].name.as_str()),
            (3, &kubectl, "")
        );
        let none: ManagedObject = serde_json::from_value(json!({"metadata": {}})).unwrap();
        assert!(none.metadata.managed_fields.is_none());
    }
}
