//! One pass of each kind: measured, and after how long the next one is due. I/O.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::Secret;
use kube::{Resource, ResourceExt as _};
use tracing::field::Empty;
use tracing::{Instrument as _, Span};

use super::unsupported;
use crate::account;
use crate::account::key::AccountKey;
use crate::account::object::AccountObject;
use crate::account::parent::queue::Who;
use crate::controller::wake::{Guarded, ObjectKey};
use crate::crd::Subaccount;
use crate::metrics::{Measurement, ReconcileResult};
use crate::subaccount;
use crate::subaccount::again::Ended;
use crate::subaccount::context::Context;

pub(super) async fn account_pass(
    account: Arc<Guarded<AccountObject>>,
    context: Arc<account::context::AccountContext>,
) -> Option<Duration> {
    let span = span("account", &*account);
    of_account(account, context).instrument(span).await
}

async fn of_account(
    account: Arc<Guarded<AccountObject>>,
    context: Arc<account::context::AccountContext>,
) -> Option<Duration> {
    let pass = context.metrics.pass("account");
    let Ok(object) = &account.0 else {
        let next = unsupported::account(&context, &account).await;
        return finish(pass, Ended { next, failed: false });
    };
    let object = Arc::new(object.clone());
    let ended = account::reconcile::reconcile(Arc::clone(&object), &context).await;
    let key = AccountKey::of(&*object);
    let uid = object.uid().unwrap_or_default();
    if !context.registry.is_stored(&key, &uid) {
        // It went meanwhile: no pass comes any more that could clear it away.
        context.registry.remove(&key, &uid);
        context.newest.forget(&uid);
    }
    account::act::status::metrics(&context, &key, &context.newest.of(object));
    let ended = match ended {
        Ok(next) => Ended { next, failed: false },
        Err(error) => {
            tracing::warn!(namespace = account.namespace(), name = account.name_any(), %error, "a pass over an account failed");
            Ended {
                next: Some(context.pauses.failed(key)),
                failed: true,
            }
        }
    };
    finish(pass, ended)
}

pub(super) async fn subaccount_pass(
    object: Arc<Guarded<Subaccount>>,
    context: Arc<Context>,
) -> Option<Duration> {
    let span = span("subaccount", &*object);
    of_subaccount(object, context).instrument(span).await
}

async fn of_subaccount(object: Arc<Guarded<Subaccount>>, context: Arc<Context>) -> Option<Duration> {
    let pass = context.metrics.pass("subaccount");
    let ended = match &object.0 {
        Ok(object) => subaccount::reconcile::object(&context, Arc::new(object.clone())).await,
        Err(_) => Ended {
            next: unsupported::subaccount(&context, &object).await,
            failed: false,
        },
    };
    finish(pass, ended)
}

/// It was woken, and went before: what it was given is others'.
pub(super) fn subaccount_gone(context: &Context, key: &ObjectKey) {
    context.registry.leave(&Who::Subaccount(key.clone()));
}

/// The same of a Record.
pub(super) fn record_gone(context: &Context, key: &ObjectKey) {
    context.registry.leave(&Who::Record(key.clone()));
}

pub(super) async fn record_pass(secret: Arc<Secret>, context: Arc<Context>) -> Option<Duration> {
    let span = span("record", &*secret);
    of_record(secret, context).instrument(span).await
}

async fn of_record(secret: Arc<Secret>, context: Arc<Context>) -> Option<Duration> {
    let pass = context.metrics.pass("record");
    let nothing = Ended {
        next: None,
        failed: false,
    };
    let ended = subaccount::janitor::record(&context, &secret.name_any()).await;
    finish(pass, ended.unwrap_or(nothing))
}

/// The span of one pass. It says of the object what every line of the log does, and nothing that is in it.
fn span(controller: &'static str, object: &impl Resource) -> Span {
    let meta = object.meta();
    tracing::info_span!(
        "pass",
        otel.name = %format_args!("reconcile {controller}"),
        otel.status_code = Empty,
        controller,
        namespace = meta.namespace.as_deref(),
        name = meta.name.as_deref(),
        uid = meta.uid.as_deref(),
        result = Empty,
    )
}

fn finish(pass: Measurement, ended: Ended) -> Option<Duration> {
    let result = match ended {
        Ended { failed: true, .. } => ReconcileResult::Error,
        Ended { next: Some(_), .. } => ReconcileResult::RequeueAfter,
        Ended { next: None, .. } => ReconcileResult::Success,
    };
    pass.finish(result);
    let span = Span::current();
    span.record("result", result.as_str());
    if result == ReconcileResult::Error {
        span.record("otel.status_code", "ERROR");
    }
    ended.next
}
