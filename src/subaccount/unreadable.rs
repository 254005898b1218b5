//! A Subaccount that this version cannot read, and that a person lets go without proof. I/O.

use super::context::Context;
use super::tell::news::forced;
use crate::controller::cluster::ClusterError;
use crate::controller::guarded_patch;
use crate::controller::wake::{Guarded, ObjectKey};
use crate::crd::{FINALIZER, FORCE_DELETE_ANNOTATION, Subaccount};
use kube::{Api, Resource as _, ResourceExt as _};
use serde_json::json;

/// Takes the finalizer off the object, if it still asks for it, and tells what may be left.
pub async fn let_go(context: &Context, object: &Guarded<Subaccount>) -> Result<(), ClusterError> {
    let Some(index) = object
        .finalizers()
        .iter()
        .position(|present| present == FINALIZER)
    else {
        return Ok(());
    };
    let key = ObjectKey::of(object);
    let api: Api<Guarded<Subaccount>> = Api::namespaced(context.cluster.clone(), &key.namespace);
    let asked = format!(
        "/metadata/annotations/{}",
        FORCE_DELETE_ANNOTATION.replace('/', "~1")
    );
    let path = format!("/metadata/finalizers/{index}");
    let operations = vec![
        json!({"op": "test", "path": asked, "value": "true"}),
        json!({"op": "test", "path": path, "value": FINALIZER}),
        json!({"op": "remove", "path": path}),
    ];
    match guarded_patch::patch(&api, object, operations).await {
        Err(error) if !error.is_not_found() => return Err(error),
        _ => {}
    }
    let uid = object.uid().unwrap_or_default();
    let held = context.held_pairs.get(&uid);
    context.held_pairs.release(&uid);
    // The janitor need not say it again.
    context
        .traces
        .memory
        .with(&uid, |remembered| remembered.orphan_reported = true);
    let told = object
        .0
        .as_ref()
        .err()
        .and_then(|unreadable| unreadable.text("/status/authId"));
    let made = held.as_ref().map(|held| held.pair.auth_id.as_str());
    let news = forced(told.or(made), held.is_some());
    context
        .recorder
        .publish(
            object.object_ref(&()),
            news.kind(),
            news.reason.as_str(),
            "Reconcile",
            &news.note,
        )
        .await;
    Ok(())
}
