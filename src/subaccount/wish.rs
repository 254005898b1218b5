//! What the annotations that a user may set on a Subaccount, and its management policy, ask of the operator. PURE.

use crate::crd::{
    ACCEPT_RESTORED_NAMESPACE_ANNOTATION, FORCE_DELETE_ANNOTATION, ManagementPolicy, PAUSED_ANNOTATION,
    RECLAIM_ANNOTATION, RECONCILE_REQUESTED_ANNOTATION, Subaccount,
};
use kube::{Resource, ResourceExt};
use vobiz_protocol::facts::Directive;

/// The annotations by which users ask.
pub const WISHES: [&str; 4] = [
    PAUSED_ANNOTATION,
    RECONCILE_REQUESTED_ANNOTATION,
    RECLAIM_ANNOTATION,
    FORCE_DELETE_ANNOTATION,
];

/// Whether the object is managed, left alone, or to go without proof: the last outranks the second.
#[must_use]
pub fn directive<K: Resource>(object: &K) -> Directive {
    if is_true(object, FORCE_DELETE_ANNOTATION) && object.meta().deletion_timestamp.is_some() {
        Directive::ForceDelete
    } else if is_true(object, PAUSED_ANNOTATION) {
        Directive::Pause
    } else {
        Directive::Manage
    }
}

/// Whether it is to go without proof, once it is deleted: what it has is nobody's to delete.
#[must_use]
pub fn goes_unproved(object: &Subaccount) -> bool {
    is_true(object, FORCE_DELETE_ANNOTATION)
}

/// Whether it may take over the account that an earlier object of its name left.
#[must_use]
pub fn reclaim(object: &Subaccount) -> bool {
    is_true(object, RECLAIM_ANNOTATION)
}

/// Whether the account of this object is only looked at.
#[must_use]
pub fn observes(object: &Subaccount) -> bool {
    object.spec.management_policy == ManagementPolicy::ObserveOnly
}

/// Whether somebody allows that objects of this name take over what was left in the earlier namespace with this uid.
#[must_use]
pub fn accepts<K: Resource>(allowing: &K, namespace_uid: &str) -> bool {
    let annotations = allowing.annotations();
    let uids = annotations.get(ACCEPT_RESTORED_NAMESPACE_ANNOTATION).into_iter();
    uids.flat_map(|uids| uids.split(','))
        .any(|uid| uid.trim() == namespace_uid)
}

/// The value of a request for a look at everything that was not handled yet.
#[must_use]
pub fn pending_request(object: &Subaccount) -> Option<&str> {
    let requested = request(object)?;
    let handled = object
        .status
        .as_ref()
        .and_then(|status| status.last_handled_reconcile_at.as_deref());
    (handled != Some(requested)).then_some(requested)
}

/// The value of the newest request for a look at everything, handled or not.
#[must_use]
pub fn request(object: &Subaccount) -> Option<&str> {
    object
        .annotations()
        .get(RECONCILE_REQUESTED_ANNOTATION)
        .map(String::as_str)
}

/// Anything but `true` is no: a typing error must not let an object go.
fn is_true<K: Resource>(object: &K, annotation: &str) -> bool {
    object
        .annotations()
        .get(annotation)
        .is_some_and(|value| value == "true")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn object(annotations: &serde_json::Value, deleting: bool) -> Subaccount {
        let mut object = json!({
            "apiVersion": "vobiz.ai/v1alpha1", "kind": "Subaccount",
            "metadata": {"name": "acme", "namespace": "team", "annotations": annotations},
            "spec": {"accountRef": {"name": "main"}}, "status": {"lastHandledReconcileAt": "one"},
        });
        if deleting {
            object["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
        }
        serde_json::from_value(object).unwrap()
    }

    #[test]
    fn force_outranks_paused_and_means_something_only_while_the_object_is_being_deleted() {
        let both = json!({"vobiz.ai/paused": "true", "vobiz.ai/force-delete": "true"});
        let table = [
            (json!({}), true, Directive::Manage),
            (json!({"vobiz.ai/paused": "true"}), false, Directive::Pause),
            (json!({"vobiz.ai/paused": "True"}), false, Directive::Manage),
            (both.clone(), false, Directive::Pause),
            (both, true, Directive::ForceDelete),
            (json!({"vobiz.ai/force-delete": "yes"}), true, Directive::Manage),
        ];
        for (annotations, deleting, expected) in table {
            assert_eq!(
                directive(&object(&annotations, deleting)),
                expected,
                "{annotations} {deleting}"
            );
        }
    }

    #[test]
    fn a_request_is_pending_until_its_very_value_was_handled() {
        let asked = |value: &str| object(&json!({"vobiz.ai/reconcile-requested-at": value}), false);
        assert_eq!(pending_request(&asked("two")), Some("two"));
        assert_eq!(pending_request(&asked("one")), None);
        assert_eq!(pending_request(&object(&json!({}), false)), None);
        assert!(reclaim(&object(&json!({"vobiz.ai/reclaim": "true"}), false)));
    }
}
