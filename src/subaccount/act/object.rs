//! Steps on the Subaccount object itself. I/O.

use super::needs::{object, proven_pair};
use crate::clock::now;
use crate::controller::guarded_patch;
use crate::controller::versioned::{Versioned, get_versioned};
use crate::crd::{FINALIZER, Subaccount, SubaccountStatus};
use crate::subaccount::pass::Pass;
use crate::subaccount::plan::Rest;
use crate::subaccount::tell::Outcome;
use crate::subaccount::wish;
use serde_json::json;
use std::sync::Arc;
use vobiz_protocol::facts::{Confirmation, Object};
use vobiz_protocol::judge::{self, Seen};

pub(super) async fn add_finalizer(pass: &mut Pass<'_>) -> Result<(), Outcome> {
    let object = object(pass)?;
    // A deletion that has begun by now does not see it any more.
    pass.context.traces.overtaken.hold(&pass.uid, now());
    let written = guarded_patch::add(&pass.objects(), &*object, FINALIZER)
        .await
        .map_err(|error| Outcome::of_cluster("add the finalizer", &error))?;
    remember(pass, written);
    Ok(())
}

/// The quorum re-read: what the pass took from a cache must still be so, or it ends.
pub(super) async fn confirm(pass: &mut Pass<'_>) -> Result<(), Outcome> {
    let read = get_versioned(&pass.objects(), &pass.key.name)
        .await
        .map_err(|error| Outcome::of_cluster("read the object again", &error))?;
    let current = read
        .map(Versioned::into_object)
        .filter(|object| object.metadata.uid.as_deref() == Some(&pass.uid));
    let believed = pass.known.seen();
    let found = current.map(|object| {
        let deleting = object.metadata.deletion_timestamp.is_some();
        if pass.known.life == Object::Unseen {
            pass.known.met = Some(wish::directive(&object));
            pass.known.met_observing = wish::observes(&object);
        } else {
            // What follows counts on the object as the quorum read shows it.
            pass.known.take_object(Arc::new(object));
        }
        Seen {
            deleting,
            ..pass.known.seen()
        }
    });
    pass.known.confirmation = judge::confirm(pass.known.life, &believed, found.as_ref());
    if pass.known.confirmation == Confirmation::Refuted {
        pass.remembered(|remembered| remembered.unspent = None);
    }
    Ok(())
}

/// The account that the status names is gone, and its pair with it.
pub(super) async fn forget_identity(pass: &mut Pass<'_>) -> Result<(), Outcome> {
    let forget = |status: &mut SubaccountStatus| (status.auth_id, status.kyc) = (None, None);
    change_status(pass, "forget the account that is gone", forget).await
}

/// The user's Secret proved an account that no Record and no status names: the status names it first, and the next pass
/// restores the Record.
pub(super) async fn adopt_identity(pass: &mut Pass<'_>) -> Result<(), Outcome> {
    let (pair, _) = proven_pair(pass)?;
    let parent = pass.access().map(|access| access.parent.id.to_string());
    let name = |status: &mut SubaccountStatus| {
        status.auth_id = Some(pair.auth_id.to_string());
        status.parent_auth_id = parent;
    };
    change_status(pass, "name the proven account", name).await?;
    pass.remembered(|remembered| remembered.unspent = None);
    Err(Outcome::outdated())
}

/// Writes the status with this change in it, if the object is still the one that is known.
async fn change_status(
    pass: &mut Pass<'_>,
    act: &str,
    change: impl FnOnce(&mut SubaccountStatus),
) -> Result<(), Outcome> {
    let object = object(pass)?;
    let mut status = object.status.clone().unwrap_or_default();
    change(&mut status);
    let operations = vec![
        json!({"op": "test", "path": "/metadata/resourceVersion", "value": object.metadata.resource_version}),
        json!({"op": "add", "path": "/status", "value": status}),
    ];
    let written = guarded_patch::patch_status(&pass.objects(), &*object, operations)
        .await
        .map_err(|error| Outcome::of_cluster(act, &error))?;
    remember(pass, written);
    Ok(())
}

pub(super) async fn release_finalizer(pass: &mut Pass<'_>) -> Result<(), Outcome> {
    let object = object(pass)?;
    guarded_patch::remove(&pass.objects(), &*object, FINALIZER)
        .await
        .map_err(|error| Outcome::of_cluster("release the finalizer", &error))?;
    pass.released = true;
    pass.context.traces.newest.forget(&pass.uid);
    if pass.known.record().is_none() {
        // Nobody else will: there is no Record whose end would.
        pass.context.traces.memory.forget(&pass.uid);
    }
    Err(Outcome::new(Rest::Settled, ""))
}

/// Keeps what our own write returned: newer than the cache for a moment.
pub(in super::super) fn remember(pass: &mut Pass<'_>, written: Subaccount) {
    let written = Arc::new(written);
    pass.context.traces.newest.note(Arc::clone(&written));
    // The watch may have told before the answer to the write was read.
    if let Some(cached) = pass.context.cached(&pass.key.namespace, &pass.key.name)
        && let Ok(cached) = &cached.0
    {
        pass.context.traces.newest.seen(cached);
    }
    pass.known.take_object(written);
}
