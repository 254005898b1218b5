//! A Subaccount as the cache keeps it: what many have alike once for all of them, and its own texts in one piece. PURE.
//!
//! Nothing is left out: whatever is not taken apart here stays in the parts that are shared with those that are alike in them.

use crate::controller::alike::Alike;
use crate::controller::cache::{Kept, Whole};
use crate::controller::texts::Texts;
use crate::controller::wake::Guarded;
use crate::crd::{Subaccount, SubaccountSpec, SubaccountStatus};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, ObjectMeta, Time};
use std::mem;
use std::sync::Arc;

/// Keeps Subaccounts.
#[derive(Default)]
pub struct Keeper {
    metadata: Alike<ObjectMeta>,
    specs: Alike<SubaccountSpec>,
    statuses: Alike<SubaccountStatus>,
    conditions: Alike<Condition>,
}

/// One that can be read.
struct KeptSubaccount {
    metadata: Arc<ObjectMeta>,
    spec: Arc<SubaccountSpec>,
    status: Option<Arc<SubaccountStatus>>,
    /// Each without its time, and that.
    conditions: Box<[(Arc<Condition>, Timestamp)]>,
    /// Those of [`own_texts`], and of [`own_texts_of_status`] where there is one.
    texts: Texts,
}

/// Where among its texts.
const NAME: usize = 0;
const UID: usize = 1;

/// What two Subaccounts hardly ever have alike.
fn own_texts<'a>(metadata: &'a mut ObjectMeta, spec: &'a mut SubaccountSpec) -> [&'a mut Option<String>; 9] {
    [
        &mut metadata.name,
        &mut metadata.uid,
        &mut metadata.resource_version,
        &mut spec.auth_id,
        &mut spec.name,
        &mut spec.description,
        &mut spec.email,
        &mut spec.phone,
        &mut spec.secret_ref.name,
    ]
}

fn own_texts_of_status(status: &mut SubaccountStatus) -> [&mut Option<String>; 3] {
    [
        &mut status.auth_id,
        &mut status.secret_name,
        &mut status.last_handled_reconcile_at,
    ]
}

impl Keeper {
    /// For the cache.
    pub fn keep(&mut self, object: &Guarded<Subaccount>) -> Arc<dyn Kept<Guarded<Subaccount>>> {
        match &object.0 {
            Ok(readable) => Arc::new(self.kept(readable.clone())),
            Err(_) => Whole::of(object),
        }
    }

    fn kept(&mut self, object: Subaccount) -> KeptSubaccount {
        let Subaccount {
            mut metadata,
            mut spec,
            mut status,
        } = object;
        let texts = own_texts(&mut metadata, &mut spec).into_iter();
        let of_status = status.iter_mut().flat_map(own_texts_of_status);
        let texts: Vec<Option<String>> = texts.chain(of_status).map(Option::take).collect();
        let texts: Vec<Option<&str>> = texts.iter().map(Option::as_deref).collect();
        let texts = Texts::of(&texts);
        let conditions = status.as_mut().map(|status| mem::take(&mut status.conditions));
        let timeless = |mut condition: Condition| {
            let Time(at) = mem::replace(&mut condition.last_transition_time, Time(Timestamp::UNIX_EPOCH));
            (self.conditions.of(condition), at)
        };
        KeptSubaccount {
            conditions: conditions.into_iter().flatten().map(timeless).collect(),
            metadata: self.metadata.of(metadata),
            spec: self.specs.of(spec),
            status: status.map(|status| self.statuses.of(status)),
            texts,
        }
    }
}

impl Kept<Guarded<Subaccount>> for KeptSubaccount {
    fn namespace(&self) -> &str {
        self.metadata.namespace.as_deref().unwrap_or_default()
    }

    fn name(&self) -> &str {
        self.texts.at(NAME)
    }

    fn uid(&self) -> &str {
        self.texts.at(UID)
    }

    fn may_hold(&self, text: &str) -> bool {
        self.texts.hold(text)
    }

    fn whole(&self) -> Arc<Guarded<Subaccount>> {
        let mut metadata = (*self.metadata).clone();
        let mut spec = (*self.spec).clone();
        let mut status = self.status.as_deref().cloned();
        if let Some(status) = &mut status {
            let timed = |(condition, at): &(Arc<Condition>, Timestamp)| Condition {
                last_transition_time: Time(*at),
                ..(**condition).clone()
            };
            status.conditions = self.conditions.iter().map(timed).collect();
        }
        let places = own_texts(&mut metadata, &mut spec).into_iter();
        let places = places.chain(status.iter_mut().flat_map(own_texts_of_status));
        for (place, text) in places.zip(self.texts.iter()) {
            *place = text.map(str::to_owned);
        }
        Arc::new(Guarded(Ok(Subaccount {
            metadata,
            spec,
            status,
        })))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn object(parts: &Value) -> Guarded<Subaccount> {
        let mut object = json!({
            "apiVersion": "vobiz.ai/v1alpha1", "kind": "Subaccount",
            "metadata": {"name": "acme", "namespace": "team", "uid": "u-1", "resourceVersion": "7"},
            "spec": {"accountRef": {"name": "vobiz"}},
        });
        if let (Some(all), Some(parts)) = (object.as_object_mut(), parts.as_object()) {
            all.extend(parts.clone());
        }
        serde_json::from_value(object).unwrap()
    }

    fn every_field() -> Value {
        let condition = |kind: &str, second: u32| {
            json!({"type": kind, "status": "True", "reason": "Available", "message": "", "observedGeneration": 3,
                "lastTransitionTime": format!("2026-01-01T00:00:{second:02}.123456Z")})
        };
        json!({
            "metadata": {
                "name": "acme", "namespace": "team", "uid": "u-1", "resourceVersion": "7", "generation": 3,
                "finalizers": ["vobiz.ai/subaccount"], "deletionTimestamp": "2026-01-01T00:00:00Z",
                "annotations": {"vobiz.ai/paused": "true"},
            },
            "spec": {
                "accountRef": {"name": "vobiz"}, "name": "Acme", "enabled": false, "description": "",
                "email": "acme@example.com", "phone": "+919876543210", "rateLimit": 1000, "authId": "SA_1",
                "permissions": {"calls": true, "cdr": true}, "deletion": {"policy": "Retain"},
                "kycMode": "customer_use", "businessType": "llp", "credentialRecovery": "Recreate",
                "secretRef": {"name": "pair", "labels": {"team": "north"}, "annotations": {"a": "b"}},
            },
            "status": {
                "observedGeneration": 3, "authId": "SA_1", "parentAuthId": "MA_1", "secretName": "pair",
                "apiGeneration": "Gen2", "deletionPolicy": "Retain", "lastHandledReconcileAt": "now",
                "kyc": {"mode": "customer_use", "callsBlocked": false},
                "conditions": [condition("Ready", 1), condition("Synced", 2)],
            },
        })
    }

    #[test]
    fn what_the_cache_gives_is_what_it_was_given() {
        let mut keeper = Keeper::default();
        let bare = json!({});
        let told = json!({"status": {"observedGeneration": 1}});
        let odd = json!({"spec": {"accountRef": 7}});
        for parts in [every_field(), bare, told, odd] {
            let given = object(&parts);
            let kept = keeper.keep(&given);
            assert_eq!(
                (kept.namespace(), kept.name(), kept.uid()),
                ("team", "acme", "u-1")
            );
            match (&given.0, &kept.whole().0) {
                (Ok(given), Ok(whole)) => assert_eq!(given, whole),
                (given, whole) => assert!(given.is_err() && whole.is_err()),
            }
        }
    }

    #[test]
    fn what_may_hold_an_id_is_found_by_it() {
        let mut keeper = Keeper::default();
        let kept = keeper.keep(&object(&every_field()));
        assert!(kept.may_hold("SA_1") && !kept.may_hold("SA_2"));
        let odd = keeper.keep(&object(&json!({"spec": {"accountRef": 7}})));
        assert!(odd.may_hold("SA_2"), "nobody can tell");
    }
}
