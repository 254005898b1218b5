//! What becomes of an Account that manifests make or change, or that is in none any more. PURE.

use super::deed::{FieldChange, Requests};
use super::prospect::{Action, Because, Prospect};
use crate::kubectl::sight::objects::ObjectId;
use serde_json::Value;

/// What the spec of an Account, or of a `ClusterAccount`, may say.
const FIELDS: [&str; 8] = [
    "credentialsSecretRef",
    "apiGeneration",
    "namePrefix",
    "rateLimit",
    "resyncIntervalSeconds",
    "defaults",
    "adoptable",
    "allowedNamespaces",
];

/// Requests that find out whether a pair works and which list answers.
const TRIAL: Requests = Requests {
    creates: 0,
    updates: 0,
    deletes: 0,
    reads: 2,
};

/// Of one that is stored, or will be. `before`: its spec as it is stored.
#[must_use]
pub fn stored(id: &ObjectId, before: Option<&Value>, after: &Value) -> Prospect {
    let changes = before.map_or_else(Vec::new, |before| spec_changes(before, after));
    let is_new = before.is_none();
    Prospect {
        action: if changes.is_empty() && !is_new {
            Action::Nothing
        } else {
            Action::Store
        },
        message: if is_new {
            "its pair is tried, and the list of subaccounts is read".to_owned()
        } else {
            String::new()
        },
        requests: if is_new { TRIAL } else { Requests::default() },
        changes,
        ..Prospect::nothing(id, Because::Manifest)
    }
}

/// Of one that is pruned.
#[must_use]
pub fn pruned(id: &ObjectId) -> Prospect {
    Prospect {
        action: Action::Forget,
        message: "nothing is done at Vobiz; it stays until the last Subaccount that names it is gone"
            .to_owned(),
        ..Prospect::nothing(id, Because::Prune)
    }
}

/// Whether what its Subaccounts are at Vobiz may change with it.
#[must_use]
pub fn concerns_subaccounts(before: &Value, after: &Value) -> bool {
    let fields = ["namePrefix", "apiGeneration"];
    fields.iter().any(|field| before[field] != after[field])
}

fn spec_changes(before: &Value, after: &Value) -> Vec<FieldChange> {
    let changes = FIELDS.iter().map(|field| FieldChange {
        field,
        from: before[field].clone(),
        to: after[field].clone(),
    });
    changes.filter(|change| change.from != change.to).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::controller::wake::ObjectKey;
    use crate::kubectl::sight::objects::Kind;
    use serde_json::json;

    fn spec(prefix: &str, rate: i32) -> Value {
        json!({"credentialsSecretRef": {"name": "pair"}, "namePrefix": prefix, "rateLimit": {"requestsPerSecond": rate}})
    }

    #[test]
    fn an_edit_is_told_field_by_field_and_a_prefix_concerns_its_subaccounts() {
        let id = ObjectId {
            kind: Kind::Account,
            key: ObjectKey {
                namespace: "team".to_owned(),
                name: "vobiz".to_owned(),
            },
        };
        let (before, after) = (spec("", 10), spec("dev-", 10));
        let told = stored(&id, Some(&before), &after);
        assert_eq!(told.action, Action::Store);
        assert_eq!(told.changes.len(), 1);
        assert_eq!(
            (told.changes[0].field, &told.changes[0].to),
            ("namePrefix", &json!("dev-"))
        );
        assert!(concerns_subaccounts(&before, &after) && !concerns_subaccounts(&before, &spec("", 20)));
        assert_eq!(stored(&id, Some(&before), &before).action, Action::Nothing);
        let new = stored(&id, None, &after);
        assert_eq!(
            (new.action, new.requests.reads, new.changes.len()),
            (Action::Store, 2, 0)
        );
    }
}
