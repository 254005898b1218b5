//! PURE. What Flux and Helm read from an object of a custom kind: the generic rules of kstatus, over plain JSON.

use serde_json::Value;

/// The verdict of the generic rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// The object is as its spec asks.
    Current,
    /// The controller is at work, or has not seen the newest spec.
    InProgress,
    /// A person is needed.
    Failed,
    /// The object is being deleted.
    Terminating,
}

/// Judges an object of a custom kind. The first rule that applies decides:
/// deletion, then an unseen generation, then `Reconciling` and `Stalled`, then `Ready`.
#[must_use]
pub fn status(object: &Value) -> Status {
    if !object["metadata"]["deletionTimestamp"].is_null() {
        return Status::Terminating;
    }
    let observed = object["status"]["observedGeneration"].as_i64();
    let generation = object["metadata"]["generation"].as_i64();
    if observed.is_some() && observed != generation {
        return Status::InProgress;
    }
    if condition(object, "Reconciling") == Some("True") {
        return Status::InProgress;
    }
    if condition(object, "Stalled") == Some("True") {
        return Status::Failed;
    }
    match condition(object, "Ready") {
        Some("False" | "Unknown") => Status::InProgress,
        // Without a Ready condition these rules have nothing against the object: why a default of
        // `observedGeneration: -1` is needed to keep a new object from passing.
        _ => Status::Current,
    }
}

fn condition<'a>(object: &'a Value, kind: &str) -> Option<&'a str> {
    let conditions = object["status"]["conditions"].as_array()?;
    conditions.iter().find(|condition| condition["type"] == kind)?["status"].as_str()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn object(generation: i64, observed: i64, conditions: &[(&str, &str)]) -> Value {
        let conditions: Vec<Value> = conditions
            .iter()
            .map(|(kind, status)| json!({"type": kind, "status": status}))
            .collect();
        json!({
            "metadata": {"generation": generation},
            "status": {"observedGeneration": observed, "conditions": conditions},
        })
    }

    #[test]
    fn an_object_that_no_controller_has_seen_is_in_progress() {
        assert_eq!(status(&object(1, -1, &[])), Status::InProgress);
    }

    #[test]
    fn an_edit_not_yet_seen_is_in_progress_though_ready_is_true() {
        assert_eq!(status(&object(2, 1, &[("Ready", "True")])), Status::InProgress);
    }

    #[test]
    fn a_seen_and_ready_object_is_current() {
        assert_eq!(
            status(&object(2, 2, &[("Ready", "True"), ("Synced", "False")])),
            Status::Current
        );
    }

    #[test]
    fn reconciling_outranks_ready() {
        assert_eq!(
            status(&object(1, 1, &[("Ready", "True"), ("Reconciling", "True")])),
            Status::InProgress
        );
    }

    #[test]
    fn stalled_is_failed_though_ready_is_false() {
        assert_eq!(
            status(&object(1, 1, &[("Ready", "False"), ("Stalled", "True")])),
            Status::Failed
        );
    }

    #[test]
    fn ready_false_or_unknown_alone_is_in_progress() {
        assert_eq!(status(&object(1, 1, &[("Ready", "False")])), Status::InProgress);
        assert_eq!(status(&object(1, 1, &[("Ready", "Unknown")])), Status::InProgress);
    }

    #[test]
    fn deletion_outranks_everything() {
        let mut deleting = object(1, 1, &[("Ready", "True"), ("Stalled", "True")]);
        deleting["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
        assert_eq!(status(&deleting), Status::Terminating);
    }

    #[test]
    fn an_object_without_a_status_is_current_as_the_generic_rules_have_it() {
        assert_eq!(status(&json!({"metadata": {"generation": 1}})), Status::Current);
    }
}
