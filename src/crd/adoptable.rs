//! The subaccounts that are there already and that Subaccounts may have without holding their pair: whoever keeps the parent says
//! which. PURE.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

/// The subaccounts of an Account's parent that Subaccounts of its namespace may have.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Adoptable {
    /// Their ids; `*`: every subaccount of the parent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 1000),
        inner(
            length(min = 1, max = 128),
            regex(pattern = r"^([*]|[A-Za-z0-9][A-Za-z0-9_-]*)$")
        )
    )]
    pub auth_ids: Vec<String>,
}

impl Adoptable {
    /// None is listed.
    #[must_use]
    pub fn is_unset(&self) -> bool {
        self.auth_ids.is_empty()
    }
}

/// One subaccount of a `ClusterAccount`'s parent, and whose it may become. There is no word for all of them: it would be every
/// tenant's right to every other one's.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AdoptableInNamespace {
    /// Its id.
    #[schemars(length(min = 1, max = 128), regex(pattern = r"^[A-Za-z0-9][A-Za-z0-9_-]*$"))]
    pub auth_id: String,
    /// The namespace whose Subaccounts may have it.
    #[schemars(length(min = 1, max = 63))]
    pub namespace: String,
}

/// What either kind lists.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Grants {
    /// An Account, whose Subaccounts are of one namespace.
    OfOwnNamespace(Adoptable),
    /// A `ClusterAccount`.
    ByNamespace(Vec<AdoptableInNamespace>),
}

impl Default for Grants {
    fn default() -> Self {
        Self::ByNamespace(Vec::new())
    }
}

impl Grants {
    /// Whether a Subaccount of this namespace, which the Account serves, may have the subaccount with this id.
    #[must_use]
    pub fn allow(&self, namespace: &str, auth_id: &str) -> bool {
        match self {
            Self::OfOwnNamespace(Adoptable { auth_ids }) => {
                auth_ids.iter().any(|listed| listed == "*" || listed == auth_id)
            }
            Self::ByNamespace(entries) => entries
                .iter()
                .any(|listed| listed.auth_id == auth_id && listed.namespace == namespace),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_listed_for_one_namespace_is_no_others_and_only_an_account_has_a_word_for_all() {
        for (listed, expected) in [
            (json!({}), [false, false, false]),
            (json!([]), [false, false, false]),
            (json!({"authIds": ["SA_ONE"]}), [true, true, false]),
            (json!({"authIds": ["*"]}), [true, true, true]),
            (
                json!([{"authId": "SA_ONE", "namespace": "team"}]),
                [true, false, false],
            ),
            (
                json!([{"authId": "*", "namespace": "team"}]),
                [false, false, false],
            ),
        ] {
            let grants: Grants = serde_json::from_value(listed.clone()).unwrap();
            let asked = [("team", "SA_ONE"), ("others", "SA_ONE"), ("team", "SA_TWO")];
            assert_eq!(
                asked.map(|(namespace, id)| grants.allow(namespace, id)),
                expected,
                "{listed}"
            );
        }
        assert!(!Grants::default().allow("team", "SA_ONE"));
    }
}
