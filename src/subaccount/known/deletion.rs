//! What becomes of the account when its object goes. PURE.

use super::Known;
use crate::crd::{DeletionPolicy, DeletionSettings, Subaccount};
use crate::subaccount::store::record::Decision;
use vobiz_protocol::facts::Object;

impl Known {
    /// The object, or what it was when it went past our finalizer, as long as that decides what becomes of its account.
    #[must_use]
    pub fn going(&self) -> Option<&Subaccount> {
        let overtaken = || self.overtaken.as_deref().filter(|_| self.is_bound());
        self.object.as_deref().or_else(overtaken)
    }

    /// What becomes of the account when the object goes; none while nothing may be guessed. `defaults`: what its Account says, if it
    /// can be read and is the one that the account was made under.
    #[must_use]
    pub fn decision(&self, defaults: impl FnOnce() -> Option<DeletionSettings>) -> Option<Decision> {
        if self.going().is_none() || self.life == Object::Live {
            // Leftovers of a gone object, or an account that is made anew.
            return Some(Decision::Delete { cascade: false });
        }
        let own = self.own_deletion();
        let fenced = self.record().is_some_and(|record| record.ledger.is_fenced());
        if own.policy == Some(DeletionPolicy::Retain) && !fenced {
            return Some(Decision::Retain);
        }
        let (policy, cascade) = own.in_force(defaults()?);
        Some(match policy {
            DeletionPolicy::Delete => Decision::Delete { cascade },
            DeletionPolicy::Disable => Decision::Disable,
            DeletionPolicy::Retain => Decision::Retain,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::marker::Series;
    use crate::subaccount::known::KnownRecord;
    use crate::subaccount::store::record::{Ledger, Record, Subject};
    use crate::vobiz::{AuthId, AuthToken, Generation, ParentAuthId};
    use serde_json::{Value, json};
    use std::sync::Arc;

    /// A spec, what its Record says, and what is decided.
    type Row = (Value, fn(Ledger) -> Ledger, Decision);

    fn record(transition: impl FnOnce(Ledger) -> Ledger) -> KnownRecord {
        let subject = Subject {
            namespace: "team".to_owned(),
            namespace_uid: "n-1".to_owned(),
            name: "acme".to_owned(),
            uid: "u-1".to_owned(),
        };
        let parent = ParentAuthId::parse("MA_PARENT").unwrap();
        let mut record = Record::open(subject, parent, Generation::Gen2, Series(1));
        record.ledger = transition(record.ledger);
        KnownRecord::Cached(record)
    }

    fn bound(ledger: Ledger) -> Ledger {
        let token = AuthToken::parse("0123456789abcdef0123456789abcdef").unwrap();
        ledger.bound(AuthId::parse("SA_1").unwrap(), token)
    }

    fn adopted(ledger: Ledger) -> Ledger {
        Ledger {
            adopted: true,
            ..bound(ledger)
        }
    }

    #[test]
    fn what_becomes_of_an_account_is_decided_alike_of_an_object_that_is_let_go_and_of_one_that_went_past_the_finalizer()
     {
        let defaults = || {
            Some(DeletionSettings {
                policy: Some(DeletionPolicy::Delete),
                cascade: Some(true),
            })
        };
        let delete = |cascade| Decision::Delete { cascade };
        let table: [Row; 7] = [
            (json!({}), bound, delete(true)),
            (json!({"deletion": {"cascade": false}}), bound, delete(false)),
            (
                json!({"deletion": {"policy": "Disable"}}),
                bound,
                Decision::Disable,
            ),
            (json!({"deletion": {"policy": "Retain"}}), bound, Decision::Retain),
            (
                json!({"managementPolicy": "ObserveOnly"}),
                bound,
                Decision::Retain,
            ),
            (json!({}), adopted, Decision::Retain),
            (json!({"authId": "SA_1"}), bound, Decision::Retain),
        ];
        for (spec, transition, expected) in table {
            let mut object = json!({
                "apiVersion": "vobiz.ai/v1alpha1", "kind": "Subaccount", "metadata": {"name": "acme"},
                "spec": {"accountRef": {"name": "main"}},
            });
            object["spec"]
                .as_object_mut()
                .unwrap()
                .extend(spec.as_object().unwrap().clone());
            let object: Arc<Subaccount> = Arc::new(serde_json::from_value(object).unwrap());
            let mut deleting = Known::nothing(Object::Deleting);
            deleting.object = Some(Arc::clone(&object));
            let mut overtaken = Known::nothing(Object::Unseen);
            overtaken.overtaken = Some(object);
            for known in [&mut deleting, &mut overtaken] {
                known.record = record(transition);
                assert_eq!(known.decision(defaults), Some(expected), "{spec}");
            }
            // Nothing was bound: its attempts are void, whoever is there to tell the policy.
            overtaken.record = record(|ledger| ledger);
            assert_eq!(overtaken.decision(|| None), Some(delete(false)), "{spec}");
        }
    }
}
