//! A stored object that this version cannot read says so itself, and stops nobody else. I/O.

use super::context::Context;
use super::outcome::STALLED_PROBE;
use super::pass::wall_clock;
use crate::controller::cluster::{ClusterError, REQUEST_DEADLINE, within};
use crate::controller::guarded_patch;
use crate::controller::wake::{Guarded, ObjectKey};
use crate::crd::Subaccount;
use crate::crd::condition::{ConditionStatus, ConditionType, NewCondition, Reason, merge, same};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::core::DynamicObject;
use kube::discovery::ApiResource;
use kube::{Api, ResourceExt};
use serde_json::{Value, json};
use std::time::Duration;

const MESSAGE: &str =
    "the stored object cannot be read by this version of the operator: apply it again as its schema asks";

/// Writes the condition `Unsupported`, if it is not there already. Returns when to look again.
pub async fn tell(context: &Context, object: &Guarded<Subaccount>) -> Duration {
    if let Err(error) = try_tell(context, object).await {
        tracing::warn!(object = %ObjectKey::of(object), %error, "failed to say that an object cannot be read");
    }
    STALLED_PROBE
}

async fn try_tell(context: &Context, object: &Guarded<Subaccount>) -> Result<(), ClusterError> {
    let key = ObjectKey::of(object);
    let raw: Api<DynamicObject> = Api::namespaced_with(
        context.cluster.clone(),
        &key.namespace,
        &ApiResource::erase::<Subaccount>(&()),
    );
    let stored = within(REQUEST_DEADLINE, raw.get(&key.name)).await?;
    let previous = stored
        .data
        .pointer("/status/conditions")
        .cloned()
        .unwrap_or(Value::Null);
    let previous: Vec<Condition> = serde_json::from_value(previous).unwrap_or_default();
    let generation = stored.metadata.generation.unwrap_or_default();
    let condition = |kind, status| NewCondition {
        kind,
        status,
        reason: Reason::Unsupported,
        message: MESSAGE.to_owned(),
    };
    let conditions = vec![
        condition(ConditionType::Ready, ConditionStatus::False),
        condition(ConditionType::Stalled, ConditionStatus::True),
    ];
    let conditions = merge(&previous, conditions, generation, wall_clock());
    if object.uid() != stored.uid() || same(&conditions, &previous) {
        return Ok(());
    }
    let operations = vec![
        json!({"op": "add", "path": "/status/conditions", "value": conditions}),
        json!({"op": "add", "path": "/status/observedGeneration", "value": generation}),
    ];
    let api: Api<Guarded<Subaccount>> = Api::namespaced(context.cluster.clone(), &key.namespace);
    guarded_patch::patch_status(&api, object, operations)
        .await
        .map(drop)
}
