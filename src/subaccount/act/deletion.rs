//! Steps that delete an account at Vobiz. I/O.

use super::needs::must;
use super::remote::{access, failed, missing, target};
use crate::account::access::Access;
use crate::clock::now;
use crate::subaccount::known::MadePair;
use crate::subaccount::pass::Pass;
use crate::subaccount::tell::Outcome;
use crate::vobiz::{AuthId, Deletion};
use std::time::Duration;
use vobiz_protocol::facts::Remote;

/// Between two walks while Vobiz answers 404 for a leftover that its list shows.
const LOST_WAY_PAUSE: Duration = Duration::from_secs(30);

pub(super) async fn delete(pass: &mut Pass<'_>) -> Result<(), Outcome> {
    let (access, generation, id) = target(pass)?;
    let cascade = pass.known.record().is_some_and(|record| record.ledger.cascade);
    let deleted = access
        .delete(generation, &id, cascade)
        .await
        .map_err(|error| failed(pass, "delete the subaccount", &error))?;
    pass.known.remote = match deleted {
        Deletion::Accepted => Remote::Deleted,
        Deletion::AlreadyGone => missing(pass, &access, &id),
    };
    pass.remember_proofs();
    Ok(())
}

/// The Record proves that our epoch was fenced while the POST was under way: nobody else will bind this account.
pub(super) async fn delete_made(pass: &mut Pass<'_>) -> Result<(), Outcome> {
    let access = access(pass)?;
    let fenced = match std::mem::replace(&mut pass.known.made, MadePair::Nothing) {
        MadePair::Fenced(pair) => Some(pair),
        MadePair::Nothing | MadePair::Pair(_) => None,
    };
    let pair = must(fenced, "fenced pair")?;
    // Should this fail, its marker is fenced: a walk finds it.
    let deleted = access.delete(access.generation, &pair.auth_id, false).await;
    let deleted =
        deleted.map_err(|error| Outcome::of_call("delete the account of a fenced attempt", &error))?;
    forget(pass, &access, &pair.auth_id);
    pass.deeds.leftovers += usize::from(deleted == Deletion::Accepted);
    Err(Outcome::outdated())
}

pub(super) async fn delete_leftover(pass: &mut Pass<'_>) -> Result<(), Outcome> {
    let access = access(pass)?;
    let Some(id) = pass
        .marks()
        .and_then(|marks| pass.leftovers(&marks).into_iter().next())
    else {
        return Ok(());
    };
    let deleted = access
        .delete(access.generation, &id, false)
        .await
        .map_err(|error| failed(pass, "delete what an interrupted create left behind", &error))?;
    forget(pass, &access, &id);
    if deleted == Deletion::AlreadyGone {
        doubt(pass, &access, &id);
        return Ok(());
    }
    pass.deeds.leftovers += 1;
    tracing::info!(auth_id = %id, uid = pass.uid, "deleted an account that an interrupted create had left behind");
    Ok(())
}

/// A 404 alone proves nothing: the next walk tells. Where one has shown such an account again, the way to it is lost, and the walks
/// after that have time.
fn doubt(pass: &Pass<'_>, access: &Access, id: &AuthId) {
    let is_shown_again = pass.context.memory.with(&pass.record_name, |remembered| {
        let again = remembered.is_any_missing();
        remembered.note_missing(id, now());
        again
    });
    if is_shown_again {
        let marks = pass.marks().unwrap_or_else(|| access.clone());
        marks.parent.postpone_walk(now() + LOST_WAY_PAUSE);
    }
}

/// It is gone from each list that may have shown it.
fn forget(pass: &Pass<'_>, access: &Access, id: &AuthId) {
    access.parent.forget(id);
    if let Some(marks) = pass.marks() {
        marks.parent.forget(id);
    }
}
