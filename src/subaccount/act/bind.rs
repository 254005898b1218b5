//! The step that writes the pair of a new account into its Record, or keeps it until that can be done. I/O.

use super::lookup::decode;
use super::needs::{must, read_record};
use super::record::{swap, take};
use crate::clock::now;
use crate::controller::versioned::get_versioned;
use crate::subaccount::known::MadePair;
use crate::subaccount::pass::Pass;
use crate::subaccount::store::held_pairs::HeldPair;
use crate::subaccount::store::record::ReadRecord;
use crate::subaccount::store::record::Record;
use crate::subaccount::tell::Outcome;
use crate::vobiz::Credentials;
use vobiz_protocol::facts::{Directive, Object};
use vobiz_protocol::judge::{self, Bind};

/// Writes the pair. It exists nowhere else: what cannot be written is held for the next pass, and given up only on proof that the
/// Record has another owner.
pub(super) async fn bind(pass: &mut Pass<'_>) -> Result<(), Outcome> {
    let claimed = read_record(pass)?;
    let made = match &pass.known.made {
        MadePair::Pair(pair) => Some(pair.clone()),
        MadePair::Nothing | MadePair::Fenced(_) => None,
    };
    let pair = must(made, "made pair")?;
    if write_pair(pass, &pair).await.is_ok() {
        stored(pass);
        return Ok(());
    }
    let found = match look_again(pass).await {
        Ok(found) => found,
        Err(outcome) => return hold_or_drop(pass, claimed, pair, outcome),
    };
    match judge::bind(
        &claimed.record.ledger,
        &pair.auth_id,
        found.as_ref().map(|record| &record.ledger),
    ) {
        Bind::Done => {
            stored(pass);
            // It may serve a later object by now.
            Err(Outcome::outdated())
        }
        Bind::Fenced => {
            pass.context.held_pairs.release(&pass.uid);
            pass.known.made = MadePair::Fenced(pair);
            Ok(())
        }
        Bind::Lost => {
            tracing::error!(auth_id = %pair.auth_id, "the record was lost while its account was being created");
            stored(pass);
            Err(Outcome::outdated())
        }
        // With the version just read.
        Bind::Again => match write_pair(pass, &pair).await {
            Ok(()) => {
                stored(pass);
                Ok(())
            }
            Err(outcome) => hold_or_drop(pass, claimed, pair, outcome),
        },
    }
}

/// Keeps the pair for the next pass; unless a person lets the object go without proof, and with it what is not stored.
fn hold_or_drop(
    pass: &mut Pass<'_>,
    claimed: ReadRecord,
    pair: Credentials,
    failed: Outcome,
) -> Result<(), Outcome> {
    let is_forced = pass.known.life == Object::Deleting && pass.known.directive() == Directive::ForceDelete;
    if !is_forced {
        return Err(hold(pass, claimed, pair, failed));
    }
    tracing::warn!(object = %pass.key, uid = pass.uid, auth_id = %pair.auth_id, "a pair that could not be stored is dropped by force");
    stored(pass);
    pass.deeds.pair_dropped = Some(pair.auth_id);
    Ok(())
}

async fn write_pair(pass: &mut Pass<'_>, pair: &Credentials) -> Result<(), Outcome> {
    let Credentials { auth_id, auth_token } = pair.clone();
    let act = format!("store the pair of {auth_id} in its record {}", pass.record_name);
    swap(pass, &act, |ledger| ledger.bound(auth_id, auth_token)).await
}

fn stored(pass: &mut Pass<'_>) {
    pass.known.made = MadePair::Nothing;
    pass.context.held_pairs.release(&pass.uid);
}

/// Keeps the pair in memory, and says so: a worker that waited here would be one less for everybody else.
fn hold(pass: &Pass<'_>, claimed: ReadRecord, pair: Credentials, failed: Outcome) -> Outcome {
    let outcome = failed.holding(&pair.auth_id);
    tracing::warn!(object = %pass.key, uid = pass.uid, reason = outcome.message, "a pair is not stored yet");
    let held = HeldPair {
        pair,
        read: pass.known.read_record().cloned().unwrap_or(claimed),
        record_name: pass.record_name.clone(),
        since: now(),
        refused: outcome.refusal.is_some(),
    };
    pass.context.held_pairs.hold(&pass.uid, held);
    outcome
}

/// What the Record says now; one that cannot be read proves nothing. Whomever it serves, its ledger tells what became of the pair.
async fn look_again(pass: &mut Pass<'_>) -> Result<Option<Record>, Outcome> {
    let at = now();
    let found = get_versioned(&pass.context.record_api(), &pass.record_name)
        .await
        .map_err(|error| {
            Outcome::of_cluster("read the record of an account that was just created", &error)
        })?;
    let Some(secret) = found else { return Ok(None) };
    let record = decode(secret.object())?;
    if record.subject.uid == pass.uid {
        take(pass, secret, at)?;
    }
    Ok(Some(record))
}
