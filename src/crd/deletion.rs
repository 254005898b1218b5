//! What becomes of a subaccount at Vobiz when its object is deleted. PURE.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::schema::without_description;

/// What happens at Vobiz when a Subaccount is deleted. In an Account: the default of its Subaccounts.
#[derive(KubeSchema, Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeletionSettings {
    /// `Delete` removes the subaccount, `Disable` blocks and keeps it, `Retain` leaves it as it is. Left out
    /// everywhere: `Delete`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<DeletionPolicy>,
    /// With policy `Delete`: true deletes the subaccount's applications, endpoints and numbers too, false hands
    /// them back to the parent. Left out everywhere: false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cascade: Option<bool>,
}

impl DeletionSettings {
    /// No part is given.
    #[must_use]
    pub fn is_unset(&self) -> bool {
        self.policy.is_none() && self.cascade.is_none()
    }

    /// The policy and the cascade that hold where these are the Subaccount's own and those its Account's defaults.
    #[must_use]
    pub fn in_force(self, defaults: Self) -> (DeletionPolicy, bool) {
        let policy = self.policy.or(defaults.policy).unwrap_or(DeletionPolicy::Delete);
        (policy, self.cascade.or(defaults.cascade).unwrap_or(false))
    }
}

/// What happens to a subaccount at Vobiz when its object is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(transform = without_description)]
pub enum DeletionPolicy {
    /// It is deleted for good.
    Delete,
    /// It is disabled and kept.
    Disable,
    /// It is left as it is.
    Retain,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_part_is_the_subaccounts_own_else_the_accounts_else_a_plain_deletion() {
        let settings = |policy, cascade| DeletionSettings { policy, cascade };
        let unset = settings(None, None);
        let kept = settings(Some(DeletionPolicy::Retain), Some(true));
        assert_eq!(unset.in_force(unset), (DeletionPolicy::Delete, false));
        assert_eq!(unset.in_force(kept), (DeletionPolicy::Retain, true));
        let own = settings(Some(DeletionPolicy::Disable), None);
        assert_eq!(own.in_force(kept), (DeletionPolicy::Disable, true));
        let own = settings(None, Some(false));
        assert_eq!(own.in_force(kept), (DeletionPolicy::Retain, false));
    }
}
