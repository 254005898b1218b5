//! A stored object that this version cannot read says so itself, and stops nobody else. I/O.

use std::fmt::Debug;
use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::api::{ListParams, ObjectList};
use kube::core::NamespaceResourceScope;
use kube::{Api, Client, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::controller::cluster::{ClusterError, ask};
use crate::controller::guarded_patch;
use crate::controller::lenient::Tree;
use crate::controller::refusals::{Refusals, Source};
use crate::controller::wake::{Guarded, ObjectKey};
use crate::crd::condition::{ConditionStatus, ConditionType, NewCondition, Reason, merge, same};
use crate::subaccount::outcome::STALLED_PROBE;
use crate::subaccount::pass::wall_clock;

const MESSAGE: &str =
    "the stored object cannot be read by this version of the operator: apply it again as its schema asks";

/// Writes the condition `Unsupported`, if it is not there already. That it is refused is told elsewhere. Returns when to
/// look again.
pub(super) async fn tell<K>(
    cluster: &Client,
    refusals: &Refusals,
    kind: &'static str,
    object: &Guarded<K>,
) -> Duration
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + DeserializeOwned + Debug,
{
    let told = try_tell(cluster, object).await;
    let refusal = told.as_ref().err().and_then(ClusterError::refusal);
    refusals.set(Source::Object(kind, ObjectKey::of(object)), refusal.as_slice());
    if let Err(error) = told {
        tracing::warn!(kind, object = %ObjectKey::of(object), %error, "failed to say that an object cannot be read");
    }
    STALLED_PROBE
}

async fn try_tell<K>(cluster: &Client, object: &Guarded<K>) -> Result<(), ClusterError>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + DeserializeOwned + Debug,
{
    let key = ObjectKey::of(object);
    let api: Api<Guarded<K>> = Api::namespaced(cluster.clone(), &key.namespace);
    // As a list of one: nobody needs the right to get an Account.
    let named = ListParams::default().fields(&format!("metadata.name={}", key.name));
    let listed: ObjectList<Tree> = ask(&api, |request| request.list(&named)).await?;
    let Some(Tree(stored)) = listed.items.into_iter().next() else {
        return Ok(());
    };
    let previous = stored["status"]["conditions"].clone();
    let previous: Vec<Condition> = serde_json::from_value(previous).unwrap_or_default();
    let generation = stored["metadata"]["generation"].as_i64().unwrap_or_default();
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
    if object.uid().as_deref() != stored["metadata"]["uid"].as_str() || same(&conditions, &previous) {
        return Ok(());
    }
    let operations = vec![
        json!({"op": "add", "path": "/status/conditions", "value": conditions}),
        json!({"op": "add", "path": "/status/observedGeneration", "value": generation}),
    ];
    guarded_patch::patch_status(&api, object, operations)
        .await
        .map(drop)
}
