//! Steps on the account at Vobiz. I/O.

use super::needs::{auth_id, must, read_record};
use crate::account::access::{Access, CallError};
use crate::account::marker::Marker;
use crate::clock::{now, wall_clock};
use crate::subaccount::explain::explain;
use crate::subaccount::known::MadePair;
use crate::subaccount::pass::{Listed, Pass};
use crate::subaccount::plan::{Rest, Wait};
use crate::subaccount::store::memory::{Remembered, Unspent};
use crate::subaccount::store::record::Phase;
use crate::subaccount::tell::{Outcome, StepError};
use crate::subaccount::wish;
use crate::vobiz::{self, AuthId, Created, Deletion, Error, Fields, Generation, UnknownOutcome, Unusable};
use std::sync::Arc;
use std::time::Duration;
use vobiz_protocol::facts::{Object, Remote};

/// Between two walks while Vobiz answers 404 for a leftover that its list shows.
const LOST_WAY_PAUSE: Duration = Duration::from_secs(30);

pub(super) async fn take_permit(pass: &mut Pass<'_>) -> Result<(), Outcome> {
    let permit = access(pass)?
        .permit()
        .await
        .map_err(|error| Outcome::of_call("take a permit", &error))?;
    pass.known.permit = Some(permit);
    Ok(())
}

/// The one POST of an epoch. What became of it decides whether the epoch may be used again.
pub(super) async fn create(pass: &mut Pass<'_>) -> Result<(), Outcome> {
    let access = access(pass)?;
    let read = read_record(pass)?;
    let record = &read.record;
    let permit = must(pass.known.permit.take(), "permit")?;
    let desired = must(pass.desired.clone().and_then(Result::ok), "valid spec")?;
    // Nothing is sent into a pause that Vobiz asked for since the permit was taken; the epoch stays unspent.
    let permit = access
        .renew(permit)
        .map_err(|error| Outcome::of_call("create the subaccount", &error))?;
    if !record.ledger.may_post(access.generation) {
        // The Account has gone over to a newer generation since the epoch was claimed: the next pass claims one for that.
        return Err(Outcome::outdated());
    }
    // Forgotten before the request leaves: whatever happens to this process, the epoch is spent.
    pass.remembered(|remembered| remembered.unspent = None);
    pass.known.spend_epoch();
    let marker = record.marker(pass.context.installation);
    let fields = desired.creation(&marker);
    let created = access.create(permit, access.generation, &fields).await;
    match without_known(pass, &access, marker, created) {
        Created::Committed {
            credentials,
            subaccount,
        } => {
            if let Some(shown) = &subaccount {
                access.parent.roster().learn(&fields, shown);
            }
            let account = match subaccount {
                Some(account) => *account,
                // Generation 1 answers with the pair alone; the rest is what was sent.
                None => vobiz::Subaccount::new(credentials.auth_id.clone(), fields),
            };
            access.parent.roster().note(account);
            pass.remembered(Remembered::forget_unusable);
            pass.known.made = MadePair::Pair(credentials);
            Ok(())
        }
        Created::NotCommitted(error) => {
            pass.remembered(|remembered| remembered.unspent = Some(Unspent::of(&read)));
            Err(Outcome::of_error("create the subaccount", &error))
        }
        // The pause that was asked for says what to do, although nobody knows whether the account was made.
        Created::Unknown(UnknownOutcome::Unanswered(error @ Error::RateLimited { .. })) => {
            Err(Outcome::of_error("create the subaccount", &error))
        }
        Created::Unknown(unknown) => {
            if matches!(unknown, UnknownOutcome::UnusableAnswer(_)) {
                pass.remembered(|remembered| remembered.note_unusable(now()));
            }
            Err(StepError::Created(unknown).into())
        }
    }
}

/// An answer that names an account which was there before is no answer to this create, however whole its pair is: a gateway that repeats
/// one would bind an account to two objects. What was made, if anything, carries the marker.
fn without_known(pass: &Pass<'_>, access: &Access, marker: Marker, created: Created) -> Created {
    let is_known = |id: &AuthId| {
        access.parent.roster().shows_another(id, marker)
            || pass.context.records.held_by_another(id, &pass.uid)
    };
    match created {
        Created::Committed { credentials, .. } if is_known(&credentials.auth_id) => {
            Created::Unknown(UnknownOutcome::UnusableAnswer(Unusable::KnownAuthId))
        }
        created => created,
    }
}

pub(super) async fn read(pass: &mut Pass<'_>) -> Result<(), Outcome> {
    let (access, generation, id) = target(pass)?;
    let found = access
        .get(generation, &id)
        .await
        .map_err(|error| failed(pass, "read the subaccount", &error))?;
    pass.known.asked.account = true;
    access.parent.deletions().forget(&id);
    let request = pass.object().and_then(wish::request).map(str::to_owned);
    pass.remembered(|remembered| remembered.request_handled = request);
    if found.is_some() {
        pass.remembered(Remembered::forget_missing);
    }
    pass.known.remote = match (found, pass.known.remote) {
        // After a deletion that was accepted: the way to it is well. Rule 53.
        (None, Remote::Deleted) => {
            access.parent.roster().forget(&id);
            Remote::Gone
        }
        (None, _) => missing(pass, &access, &id),
        (Some(_), Remote::Deleted) => Remote::StillThere,
        (Some(account), _) => {
            let remote = pass.compare(&account);
            access.parent.roster().note(account);
            remote
        }
    };
    pass.remember_proofs();
    Ok(())
}

/// Sends only what differs. In generation 2 the answer shows what the API made of it.
pub(super) async fn update(pass: &mut Pass<'_>) -> Result<(), Outcome> {
    let (access, generation, id) = target(pass)?;
    let Some(seen) = pass.remote_account() else {
        pass.known.remote = Remote::Unlisted;
        return Ok(());
    };
    let changes = pass.changes(&seen);
    let answer = match access.update(generation, &id, &changes).await {
        Ok(answer) => answer,
        Err(CallError::Failed(Error::NotFound)) => {
            pass.known.remote = missing(pass, &access, &id);
            return Ok(());
        }
        Err(error) => return Err(failed(pass, "update the subaccount", &error)),
    };
    let shown = answer.is_some();
    // Generation 1 does not show what it made of it.
    let account = answer.unwrap_or_else(|| seen.clone().updated(&changes));
    pass.known.updates += 1;
    note_deed(pass, &changes);
    // Compared as `compare` will: without the marker. An answer that does not show the account proves nothing.
    let sent = pass.differing(&seen);
    if shown {
        access.parent.roster().learn(&changes, &account);
        pass.refresh_desired();
    }
    let left = pass.differing(&account);
    let unproved = if shown && left.names() == sent.names() {
        left
    } else {
        Fields::default()
    };
    pass.remembered(|remembered| remembered.note_update(unproved));
    access.parent.roster().note(account.clone());
    let phase = pass.known.record().map(|record| record.ledger.phase);
    // An account that stays behind must be shown to be disabled, not only said to be.
    pass.known.remote = if phase == Some(Phase::Kept) && !shown {
        Remote::Unknown
    } else {
        pass.compare(&account)
    };
    pass.remember_proofs();
    Ok(())
}

pub(super) async fn delete(pass: &mut Pass<'_>) -> Result<(), Outcome> {
    let (access, generation, id) = target(pass)?;
    let cascade = pass.known.record().is_some_and(|record| record.ledger.cascade);
    let parent = Arc::clone(&access.parent);
    let namespace = pass.key.namespace.clone();
    let _sending = parent.sending(&id, &namespace);
    let deleted = access.delete(generation, &id, cascade).await;
    if matches!(deleted, Err(CallError::Held)) {
        parent.expect_deletion(&id, &namespace);
    }
    let deleted = deleted.map_err(|error| failed(pass, "delete the subaccount", &error))?;
    pass.known.remote = match deleted {
        Deletion::Accepted => {
            access.parent.deleted(&id, &namespace, now());
            Remote::Deleted
        }
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
    let is_shown_again = pass.context.traces.memory.with(&pass.record_name, |remembered| {
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

pub(super) fn access(pass: &Pass<'_>) -> Result<Access, Outcome> {
    pass.access().ok_or_else(|| no_access(pass))
}

/// What a pass ends with that finds no way to the parent.
pub(super) fn no_access(pass: &Pass<'_>) -> Outcome {
    explain(pass, Rest::Waiting(Wait::Account))
}

/// Vobiz answered 404 for the account alone.
pub(super) fn missing(pass: &Pass<'_>, access: &Access, id: &AuthId) -> Remote {
    match pass.note_missing(access, id) {
        Listed::Absent => Remote::Gone,
        Listed::Unread | Listed::Shown(_) => Remote::Missing,
    }
}

/// What is known of an account that Vobiz was asked for alone: a 404 counts only where the list agrees, and what that shows instead
/// counts as the answer.
pub(super) async fn look_for(
    pass: &Pass<'_>,
    access: &Access,
    id: &AuthId,
    act: &str,
) -> Result<Option<vobiz::Subaccount>, Outcome> {
    let found = access.get(access.generation, id).await;
    match found.map_err(|error| Outcome::of_call(act, &error))? {
        Some(account) => Ok(Some(account)),
        None => match pass.note_missing(access, id) {
            Listed::Absent => Ok(None),
            Listed::Shown(account) => Ok(Some(*account)),
            Listed::Unread => Err(explain(pass, Rest::Waiting(Wait::List))),
        },
    }
}

/// The bound account, and the way to it.
pub(super) fn target(pass: &Pass<'_>) -> Result<(Access, Generation, AuthId), Outcome> {
    let access = access(pass)?;
    let id = auth_id(pass)?;
    let generation = access.generation;
    Ok((access, generation, id))
}

/// What a failed request for the account means for this pass.
pub(super) fn failed(pass: &Pass<'_>, act: &str, error: &CallError) -> Outcome {
    Outcome::of_own_call(act, error, pass.known.life == Object::Deleting, wall_clock())
}

fn note_deed(pass: &mut Pass<'_>, changes: &Fields) {
    pass.deeds.drift = pass.known.applied;
    for field in changes.names() {
        if pass.known.applied {
            pass.context.metrics.drift(field);
        }
        if !pass.deeds.updated.contains(&field) {
            pass.deeds.updated.push(field);
        }
    }
}
