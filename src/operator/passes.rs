//! One pass of each kind: measured, and turned into what the controller does next. I/O.

use std::convert::Infallible;
use std::sync::Arc;

use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt as _;
use kube::runtime::controller::Action;

use super::unsupported;
use crate::account;
use crate::account::key::AccountKey;
use crate::account::object::AccountObject;
use crate::controller::wake::Guarded;
use crate::crd::Subaccount;
use crate::metrics::{Measurement, ReconcileResult};
use crate::subaccount;
use crate::subaccount::again::Ended;
use crate::subaccount::context::Context;

pub(super) async fn account_pass(
    account: Arc<Guarded<AccountObject>>,
    context: Arc<account::context::AccountContext>,
) -> Result<Action, Infallible> {
    let pass = context.metrics.pass("account");
    let Ok(object) = &account.0 else {
        let next = unsupported::account(&context, &account).await;
        pass.finish(ReconcileResult::RequeueAfter);
        return Ok(next.map_or_else(Action::await_change, Action::requeue));
    };
    let ended = account::reconcile::reconcile(Arc::new(object.clone()), &context).await;
    let key = AccountKey::of(object);
    let uid = object.uid().unwrap_or_default();
    if !context.registry.is_stored(&key, &uid) {
        // It went meanwhile: no pass comes any more that could clear it away.
        context.registry.remove(&key, &uid);
        context.newest.forget(&uid);
    }
    match ended {
        Ok(next) => {
            pass.finish(next.map_or(ReconcileResult::Success, |_| ReconcileResult::RequeueAfter));
            Ok(next.map_or_else(Action::await_change, Action::requeue))
        }
        Err(error) => {
            pass.finish(ReconcileResult::Error);
            tracing::warn!(namespace = account.namespace(), name = account.name_any(), %error, "a pass over an account failed");
            Ok(Action::requeue(context.pauses.failed(key)))
        }
    }
}

pub(super) async fn subaccount_pass(
    object: Arc<Guarded<Subaccount>>,
    context: Arc<Context>,
) -> Result<Action, Infallible> {
    let pass = context.metrics.pass("subaccount");
    let ended = match &object.0 {
        Ok(object) => subaccount::reconcile::object(&context, Arc::new(object.clone())).await,
        Err(_) => Ended {
            next: unsupported::subaccount(&context, &object).await,
            failed: false,
        },
    };
    Ok(finish(pass, ended))
}

pub(super) async fn record_pass(secret: Arc<Secret>, context: Arc<Context>) -> Result<Action, Infallible> {
    let pass = context.metrics.pass("record");
    let nothing = Ended {
        next: None,
        failed: false,
    };
    let ended = subaccount::janitor::record(&context, &secret.name_any()).await;
    Ok(finish(pass, ended.unwrap_or(nothing)))
}

fn finish(pass: Measurement, ended: Ended) -> Action {
    pass.finish(match ended {
        Ended { failed: true, .. } => ReconcileResult::Error,
        Ended { next: Some(_), .. } => ReconcileResult::RequeueAfter,
        Ended { next: None, .. } => ReconcileResult::Success,
    });
    ended.next.map_or_else(Action::await_change, Action::requeue)
}
