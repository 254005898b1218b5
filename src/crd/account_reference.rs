//! How a Subaccount names the object that stands for its parent account. PURE.

use std::fmt;

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::rule;
use super::schema::without_description;

/// Names an Account in the same namespace, or a `ClusterAccount`.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AccountReference {
    /// `Account`, of the same namespace, or `ClusterAccount`, which must allow this namespace.
    #[serde(default)]
    pub kind: AccountKind,
    /// Its name.
    #[schemars(length(min = 1, max = 253))]
    #[x_kube(validation = rule::object_name())]
    pub name: String,
}

impl fmt::Display for AccountReference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.kind.as_str(), self.name)
    }
}

/// Which kind of object stands for the parent account.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[schemars(transform = without_description)]
pub enum AccountKind {
    /// One of the same namespace.
    #[default]
    Account,
    /// One of the whole cluster.
    ClusterAccount,
}

impl AccountKind {
    /// As Kubernetes names it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Account => "Account",
            Self::ClusterAccount => "ClusterAccount",
        }
    }
}
