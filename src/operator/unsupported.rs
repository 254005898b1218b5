//! A stored object that this version cannot read says so itself, stops nobody else, and obeys what needs its metadata alone:
//! `force-delete`, `paused`, and the marks that hold an Account. I/O.

use std::fmt::Debug;
use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::api::{ListParams, ObjectList};
use kube::{Api, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::account;
use crate::account::act::in_use;
use crate::account::key::AccountKey;
use crate::account::object::AccountObject;
use crate::account::store::named_secrets::named_secrets;
use crate::account::tell::holders::held_by;
use crate::clock::wall_clock;
use crate::controller::cluster::{ClusterError, ask};
use crate::controller::guarded_patch;
use crate::controller::lenient::Tree;
use crate::controller::refusals::{Refusals, Requester};
use crate::controller::wake::{Guarded, ObjectKey};
use crate::crd::Subaccount;
use crate::crd::condition::{ConditionStatus, ConditionType, NewCondition, Reason, merge, not_ready, same};
use crate::subaccount::context::Context;
use crate::subaccount::tell::rows::STALLED_PROBE;
use crate::subaccount::tell::rows::UNREADABLE;
use crate::subaccount::tell::status::unreadable;
use crate::subaccount::unreadable::let_go;
use crate::subaccount::wish::directive;
use vobiz_protocol::facts::Directive;

/// The pause after a write that failed.
const RETRY: Duration = Duration::from_secs(10);

/// A pass over a Subaccount that cannot be read. Returns when to look again; none: it went.
pub(super) async fn subaccount(context: &Context, object: &Guarded<Subaccount>) -> Option<Duration> {
    let wish = directive(object);
    tracing::debug!(object = %ObjectKey::of(object), ?wish, "pass over a subaccount that cannot be read");
    if wish == Directive::ForceDelete {
        let went = let_go(context, object).await;
        return note(&context.refusals, source(object), object, went, None);
    }
    let is_deleting = object.meta().deletion_timestamp.is_some();
    let conditions = unreadable(is_deleting, wish == Directive::Pause);
    let (namespace, name) = (object.namespace().unwrap_or_default(), object.name_any());
    let not_ready = Some(ConditionStatus::False.as_str());
    context
        .metrics
        .set_conditions(&namespace, &name, not_ready, None, true);
    let api = Api::namespaced(context.cluster.clone(), &namespace);
    let told = tell(&api, object, conditions).await;
    note(
        &context.refusals,
        source(object),
        object,
        told,
        Some(STALLED_PROBE),
    )
}

/// A pass over an Account that cannot be read. Returns when to look again.
pub(super) async fn account(
    context: &account::context::AccountContext,
    object: &Guarded<AccountObject>,
) -> Option<Duration> {
    let key = AccountKey::of(object);
    let released = in_use::release_unreadable(context, object, named_secrets(object)).await;
    let mut message = UNREADABLE.to_owned();
    if object.meta().deletion_timestamp.is_some() {
        let users = context.dependents.users(&key);
        message = format!("{message}; {}", held_by(&users));
    }
    let conditions = not_ready(
        ConditionStatus::False,
        ConditionType::Stalled,
        Reason::Unsupported,
        &message,
    );
    let (status, reason) = (ConditionStatus::False.as_str(), Reason::Unsupported.as_str());
    context
        .metrics
        .set_account_ready(&key.to_string(), status, reason);
    let told = tell(&context.places.unreadable_accounts(&key), object, conditions).await;
    note(
        &context.refusals,
        key.requester(),
        object,
        released.and(told),
        Some(STALLED_PROBE),
    )
}

fn source(object: &Guarded<Subaccount>) -> Requester {
    Requester::Object("Subaccount", ObjectKey::of(object))
}

/// What came of a pass; what failed is tried again soon. That it is refused is told elsewhere.
fn note<K: Resource<DynamicType = ()>>(
    refusals: &Refusals,
    requester: Requester,
    object: &Guarded<K>,
    result: Result<(), ClusterError>,
    next: Option<Duration>,
) -> Option<Duration> {
    let refusal = result.as_ref().err().and_then(ClusterError::refusal);
    refusals.set(requester, refusal.as_slice());
    match result {
        Ok(()) => next,
        Err(error) => {
            let (kind, key) = (K::kind(&()), ObjectKey::of(object));
            tracing::warn!(%kind, object = %key, %error, "a pass over an object that cannot be read failed");
            Some(RETRY)
        }
    }
}

/// Writes the conditions, if they are not there already.
async fn tell<K>(
    api: &Api<Guarded<K>>,
    object: &Guarded<K>,
    conditions: Vec<NewCondition>,
) -> Result<(), ClusterError>
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug,
{
    // As a list of one: nobody needs the right to get an Account.
    let named = ListParams::default().fields(&format!("metadata.name={}", object.name_any()));
    let listed: ObjectList<Tree> = ask(api, |request| request.list(&named)).await?;
    let Some(Tree(stored)) = listed.items.into_iter().next() else {
        return Ok(());
    };
    let previous = stored["status"]["conditions"].clone();
    let previous: Vec<Condition> = serde_json::from_value(previous).unwrap_or_default();
    let generation = stored["metadata"]["generation"].as_i64().unwrap_or_default();
    let conditions = merge(&previous, conditions, generation, wall_clock());
    if object.uid().as_deref() != stored["metadata"]["uid"].as_str() || same(&conditions, &previous) {
        return Ok(());
    }
    let operations = vec![
        json!({"op": "add", "path": "/status/conditions", "value": conditions}),
        json!({"op": "add", "path": "/status/observedGeneration", "value": generation}),
    ];
    guarded_patch::patch_status(api, object, operations)
        .await
        .map(drop)
}
