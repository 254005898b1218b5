//! Which events a status change is worth: one when the reason changes, none per retry. PURE.

use super::outcome::Outcome;
use super::plan::{Block, Rest, Wait};
use super::status::was_paused;
use crate::controller::event::EventKind;
use crate::crd::condition::{self, ConditionType};
use crate::crd::{Subaccount, SubaccountStatus};
use crate::vobiz::AuthId;

/// What a pass did that a status does not show.
#[expect(clippy::struct_excessive_bools, reason = "deeds of one pass, each by itself")]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Deeds {
    /// The user's Secret was written again after it had been published.
    pub secret_restored: bool,
    /// Names of the fields that were updated; empty if none.
    pub updated: Vec<&'static str>,
    /// The update repaired what somebody changed at Vobiz, not what the user changed in the spec.
    pub drift: bool,
    /// The account of an earlier object of this name was taken over.
    pub reclaimed: bool,
    /// The Record was an earlier object's, in this pass or since an earlier one, or was made again: nothing was created for this
    /// object.
    pub inherited: bool,
    /// An account with a fenced marker was deleted.
    pub leftovers: usize,
    /// The account whose pair could not be stored and was given up, as a person asked.
    pub pair_dropped: Option<AuthId>,
}

/// One event to publish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct News {
    /// Normal or Warning.
    pub kind: EventKind,
    /// Its reason.
    pub reason: &'static str,
    /// For people.
    pub note: String,
}

/// The events of a pass over a living object.
#[must_use]
pub fn of(
    object: &Subaccount,
    written: Option<&SubaccountStatus>,
    deeds: &Deeds,
    outcome: &Outcome,
) -> Vec<News> {
    let mut news = of_deeds(deeds);
    let Some(written) = written else { return news };
    let previous = object.status.clone().unwrap_or_default();
    if let (None, Some(secret), Some(id), false) = (
        &previous.secret_name,
        &written.secret_name,
        &written.auth_id,
        deeds.inherited,
    ) {
        // The first creation tells everything; the staged name of generation 1 is no news.
        news = vec![normal(
            "SubaccountCreated",
            format!("created {id}; its pair is in the Secret {secret}"),
        )];
    }
    let ready = |status: &SubaccountStatus| {
        condition::find(&status.conditions, ConditionType::Ready).map(|ready| ready.reason.clone())
    };
    let synced = |status: &SubaccountStatus| {
        condition::find(&status.conditions, ConditionType::Synced)
            .map(|synced| (synced.status.clone(), synced.reason.clone()))
    };
    match (was_paused(&previous.conditions), was_paused(&written.conditions)) {
        (false, true) => {
            let note = "hands off until the annotation vobiz.ai/paused is removed";
            news.push(normal("Paused", note.to_owned()));
        }
        (true, false) => news.push(normal("Resumed", "the object is managed again".to_owned())),
        (true, true) | (false, false) => {}
    }
    if ready(&previous) != ready(written) || synced(&previous) != synced(written) {
        news.extend(warning(object, written, outcome));
    }
    news
}

/// The events of what a pass did.
#[must_use]
pub fn of_deeds(deeds: &Deeds) -> Vec<News> {
    let mut news = Vec::new();
    if deeds.reclaimed {
        news.push(normal(
            "SubaccountReclaimed",
            "took over the account that an earlier object of this name had left".to_owned(),
        ));
    }
    if deeds.secret_restored {
        news.push(normal(
            "SecretRestored",
            "the Secret was restored from the record".to_owned(),
        ));
    }
    if !deeds.updated.is_empty() {
        let fields = deeds.updated.join(", ");
        news.push(if deeds.drift {
            normal(
                "DriftCorrected",
                format!("put back what was changed at Vobiz: {fields}"),
            )
        } else {
            normal("SubaccountUpdated", format!("updated {fields}"))
        });
    }
    if deeds.leftovers > 0 {
        let note = "deleted an account that an interrupted create had left behind";
        news.push(normal("LeftoverDeleted", note.to_owned()));
    }
    news
}

fn warning(object: &Subaccount, written: &SubaccountStatus, outcome: &Outcome) -> Option<News> {
    let reason = match outcome.rest {
        Rest::Blocked(Block::SecretConflict) => "SecretConflict",
        Rest::Blocked(Block::CredentialsLost) => "CredentialsLost",
        Rest::Blocked(Block::OrphanFound) => "OrphanFound",
        Rest::Blocked(Block::AuthIdConflict) => "AuthIdConflict",
        Rest::Waiting(Wait::OutcomeUnknown) => "CreateOutcomeUnknown",
        // Also after a request: that the pair was refused, or the balance is too low, is the Account's trouble.
        Rest::Waiting(Wait::Account) => "DependencyNotReady",
        _ if !outcome.failed_request && outcome.refusal.is_none() => return None,
        _ if object.metadata.deletion_timestamp.is_some() => "DeleteFailed",
        _ if written.auth_id.is_some() => "UpdateFailed",
        _ => "CreateFailed",
    };
    Some(News {
        kind: EventKind::Warning,
        reason,
        note: outcome.message.clone(),
    })
}

/// The event for a status that cannot be written: nothing else tells it on the object.
#[must_use]
pub fn of_refused_status(object: &Subaccount, message: String) -> News {
    let reason = match (&object.metadata.deletion_timestamp, &object.status) {
        (Some(_), _) => "DeleteFailed",
        (None, Some(status)) if status.auth_id.is_some() => "UpdateFailed",
        (None, _) => "CreateFailed",
    };
    News {
        kind: EventKind::Warning,
        reason,
        note: message,
    }
}

/// A Normal event.
#[must_use]
pub fn normal(reason: &'static str, note: String) -> News {
    News {
        kind: EventKind::Normal,
        reason,
        note,
    }
}
