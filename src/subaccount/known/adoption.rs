//! What an object's spec says of an account that is there already, and of one that is only looked at. PURE.

use super::Known;
use crate::crd::{DeletionPolicy, DeletionSettings, Subaccount};
use crate::subaccount::wish;
use crate::vobiz::AuthId;
use vobiz_protocol::facts::{Adoption, Object};

impl Known {
    /// The account that is there already and that the object is to have.
    #[must_use]
    pub fn adopts(&self) -> Option<AuthId> {
        AuthId::parse(self.object.as_ref()?.spec.auth_id.as_deref()?).ok()
    }

    /// Whether the object lives and is to have such an account.
    #[must_use]
    pub fn is_adopting(&self) -> bool {
        self.life == Object::Live && self.adopts().is_some()
    }

    /// Whether it names such an account. `granted`: its Account says that it may have it.
    #[must_use]
    pub fn adoption(&self, granted: bool) -> Adoption {
        let asks = |object: &Subaccount| object.spec.auth_id.is_some();
        match self.object.as_deref() {
            Some(object) if asks(object) && granted => Adoption::Granted,
            Some(object) if asks(object) => Adoption::Asked,
            _ => Adoption::Unasked,
        }
    }

    /// Its account is only looked at. Without the object: as the janitor's pass met it.
    #[must_use]
    pub fn observes(&self) -> bool {
        self.object.as_deref().map_or(self.met_observing, wish::observes)
    }

    /// What its spec says of its deletion. Nobody loses an account that they did not make by a default that they did not write.
    #[must_use]
    pub fn own_deletion(&self) -> DeletionSettings {
        let going = self.going();
        let own = going.map(|object| object.spec.deletion).unwrap_or_default();
        let recorded = self.record().is_some_and(|record| record.ledger.adopted);
        if going.map_or(self.met_observing, wish::observes) {
            DeletionSettings {
                policy: Some(DeletionPolicy::Retain),
                cascade: own.cascade,
            }
        } else if recorded || going.is_some_and(|object| object.spec.auth_id.is_some()) {
            DeletionSettings {
                policy: own.policy.or(Some(DeletionPolicy::Retain)),
                cascade: own.cascade.or(Some(false)),
            }
        } else {
            own
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::sync::Arc;

    fn known(spec: &serde_json::Value) -> Known {
        let mut object = json!({
            "apiVersion": "vobiz.ai/v1alpha1", "kind": "Subaccount", "metadata": {"name": "acme"},
            "spec": {"accountRef": {"name": "main"}}, "status": {"authId": "SA_TOLD"},
        });
        for (field, value) in spec.as_object().unwrap() {
            object["spec"][field] = value.clone();
        }
        let mut known = Known::nothing(Object::Live);
        known.object = Some(Arc::new(serde_json::from_value(object).unwrap()));
        known
    }

    #[test]
    fn an_object_that_names_an_account_is_about_that_one_whatever_its_status_says() {
        let named = |known: &Known| known.named_id().map(|id| id.to_string());
        let plain = known(&json!({}));
        assert_eq!(
            (named(&plain).as_deref(), plain.adoption(true)),
            (Some("SA_TOLD"), Adoption::Unasked)
        );
        let adopting = known(&json!({"authId": "SA_ONE"}));
        assert_eq!(
            (named(&adopting).as_deref(), adopting.adoption(false)),
            (Some("SA_ONE"), Adoption::Asked)
        );
        assert_eq!(adopting.adoption(true), Adoption::Granted);
    }

    #[test]
    fn nobody_loses_an_account_that_they_did_not_make_by_a_default_that_they_did_not_write() {
        let in_force = |spec: &serde_json::Value| {
            let defaults = DeletionSettings {
                policy: Some(DeletionPolicy::Delete),
                cascade: Some(true),
            };
            known(spec).own_deletion().in_force(defaults)
        };
        let table = [
            (json!({}), (DeletionPolicy::Delete, true)),
            (json!({"authId": "SA_ONE"}), (DeletionPolicy::Retain, false)),
            (
                json!({"authId": "SA_ONE", "deletion": {"policy": "Delete"}}),
                (DeletionPolicy::Delete, false),
            ),
            (
                json!({"authId": "SA_ONE", "deletion": {"policy": "Delete"}, "managementPolicy": "ObserveOnly"}),
                (DeletionPolicy::Retain, true),
            ),
        ];
        for (spec, expected) in table {
            assert_eq!(in_force(&spec), expected, "{spec}");
        }
    }
}
