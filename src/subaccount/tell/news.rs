//! Which events a status change is worth: one when the reason changes, none per retry. PURE.

use super::outcome::Outcome;
use super::rows::row;
use crate::controller::event::EventKind;
use crate::crd::condition::{self, ConditionType};
use crate::crd::{Subaccount, SubaccountStatus};
use crate::subaccount::deeds::Deeds;
use crate::subaccount::stored_status::was_paused;

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

impl News {
    /// Something happened as asked.
    #[must_use]
    pub fn normal(reason: &'static str, note: impl Into<String>) -> Self {
        Self {
            kind: EventKind::Normal,
            reason,
            note: note.into(),
        }
    }

    /// Something needs a look.
    #[must_use]
    pub fn warning(reason: &'static str, note: impl Into<String>) -> Self {
        Self {
            kind: EventKind::Warning,
            ..Self::normal(reason, note)
        }
    }
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
        news = vec![News::normal(
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
            news.push(News::normal("Paused", note));
        }
        (true, false) => news.push(News::normal("Resumed", "the object is managed again")),
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
        news.push(News::normal(
            "SubaccountReclaimed",
            "took over the account that an earlier object of this name had left",
        ));
    }
    if deeds.secret_restored {
        news.push(News::normal(
            "SecretRestored",
            "the Secret was restored from the record",
        ));
    }
    if !deeds.updated.is_empty() {
        let fields = deeds.updated.join(", ");
        news.push(if deeds.drift {
            News::normal(
                "DriftCorrected",
                format!("put back what was changed at Vobiz: {fields}"),
            )
        } else {
            News::normal("SubaccountUpdated", format!("updated {fields}"))
        });
    }
    if deeds.leftovers > 0 {
        let note = "deleted an account that an interrupted create had left behind";
        news.push(News::normal("LeftoverDeleted", note));
    }
    news
}

/// The event of a pass whose end is new. The row's own goes out also after a request: that the pair was refused, or the balance is too
/// low, is the Account's trouble.
fn warning(object: &Subaccount, written: &SubaccountStatus, outcome: &Outcome) -> Option<News> {
    let failed = outcome.failed_request || outcome.refusal.is_some();
    let reason = row(outcome.rest)
        .event
        .or_else(|| failed.then(|| failure(object, Some(written))))?;
    Some(News::warning(reason, outcome.message.clone()))
}

/// The event for a status that cannot be written: nothing else tells it on the object.
#[must_use]
pub fn of_refused_status(object: &Subaccount, message: String) -> News {
    News::warning(failure(object, object.status.as_ref()), message)
}

/// What failed of an object with this status.
fn failure(object: &Subaccount, status: Option<&SubaccountStatus>) -> &'static str {
    if object.metadata.deletion_timestamp.is_some() {
        "DeleteFailed"
    } else if status.is_some_and(|status| status.auth_id.is_some()) {
        "UpdateFailed"
    } else {
        "CreateFailed"
    }
}
