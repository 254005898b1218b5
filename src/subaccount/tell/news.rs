//! Which events a pass is worth: for what it did, one when the reason in the status changes, none per retry, and a last word of an
//! object that goes. PURE.

use super::outcome::Outcome;
use super::rows::row;
pub use crate::account::tell::news::News;
use crate::crd::condition::{self, ConditionType, was_paused};
use crate::crd::event::EventReason;
use crate::crd::{Subaccount, SubaccountStatus};
use crate::subaccount::store::record::{Phase, Record};
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
        news = vec![News::new(
            EventReason::SubaccountCreated,
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
            news.push(News::new(EventReason::Paused, note));
        }
        (true, false) => news.push(News::new(EventReason::Resumed, "the object is managed again")),
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
        news.push(News::new(
            EventReason::SubaccountReclaimed,
            "took over the account that an earlier object of this name had left",
        ));
    }
    if deeds.secret_restored {
        news.push(News::new(
            EventReason::SecretRestored,
            "the Secret was restored from the record",
        ));
    }
    if !deeds.updated.is_empty() {
        let fields = deeds.updated.join(", ");
        news.push(if deeds.drift {
            News::new(
                EventReason::DriftCorrected,
                format!("put back what was changed at Vobiz: {fields}"),
            )
        } else {
            News::new(EventReason::SubaccountUpdated, format!("updated {fields}"))
        });
    }
    if deeds.leftovers > 0 {
        let note = "deleted an account that an interrupted create had left behind";
        news.push(News::new(EventReason::LeftoverDeleted, note));
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
    Some(News::new(reason, outcome.message.clone()))
}

/// The event for a status that cannot be written: nothing else tells it on the object.
#[must_use]
pub fn of_refused_status(object: &Subaccount, message: String) -> News {
    News::new(failure(object, object.status.as_ref()), message)
}

/// What failed of an object with this status.
fn failure(object: &Subaccount, status: Option<&SubaccountStatus>) -> EventReason {
    if object.metadata.deletion_timestamp.is_some() {
        EventReason::DeleteFailed
    } else if status.is_some_and(|status| status.auth_id.is_some()) {
        EventReason::UpdateFailed
    } else {
        EventReason::CreateFailed
    }
}

/// What became of the account of an object that goes. `named` is the account that its status names, if that can be one.
#[must_use]
pub fn farewell(record: Option<&Record>, named: Option<&AuthId>, is_named: bool) -> News {
    let (reason, note) = match (record, record.and_then(Record::auth_id)) {
        (Some(record), Some(id)) if record.ledger.phase == Phase::Kept && record.ledger.disable => (
            EventReason::SubaccountDisabled,
            format!("{id} is disabled and kept, as the deletion policy says"),
        ),
        (Some(record), Some(id)) if record.ledger.phase == Phase::Kept => (
            EventReason::SubaccountRetained,
            format!("{id} is kept, as the deletion policy says"),
        ),
        (Some(_), Some(id)) => (
            EventReason::SubaccountDeleted,
            format!("{id} is deleted at Vobiz"),
        ),
        (Some(_), None) => (
            EventReason::SubaccountDeleted,
            "nothing is left at Vobiz".to_owned(),
        ),
        (None, _) => match named {
            Some(id) => (
                EventReason::SubaccountRetained,
                format!("{id}, which the status named, is somebody else's and is left as it is"),
            ),
            None if is_named => (
                EventReason::SubaccountRetained,
                "the status names what can be no subaccount; whatever there was is left as it is".to_owned(),
            ),
            None => (
                EventReason::SubaccountDeleted,
                "nothing was created at Vobiz".to_owned(),
            ),
        },
    };
    News::new(reason, note)
}

/// What is told of an object that goes without proof: nothing that is left at Vobiz is anybody's any more.
#[must_use]
pub fn forced(account: Option<&str>, pair_dropped: bool) -> News {
    let left = account.unwrap_or("a subaccount");
    let pair = if pair_dropped {
        ", and its pair, which Kubernetes did not take, is dropped"
    } else {
        ""
    };
    orphaned(format!(
        "let go without proof, as vobiz.ai/force-delete asks; {left} may be left at Vobiz{pair}"
    ))
}

/// With `--cascade=orphan` the Secret stays, and its pair no longer works once the account is deleted.
#[must_use]
pub fn of_left_secret(name: &str) -> News {
    let note = format!(
        "the Secret {name} stays behind, for it has lost its owner: its pair no longer works; remove it, or leave it to the next \
         Subaccount of this name"
    );
    News::new(EventReason::SecretConflict, note)
}

/// What became of an account whose object went without its finalizer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Vobiz has it still.
    Kept,
    /// It is gone there too.
    Gone,
    /// No Account of its parent is left to look with.
    Unseen,
}

/// What is told of such an account. `record` is the name of the Secret that holds its Record.
#[must_use]
pub fn of_orphan(id: &AuthId, fate: Fate, record: &str) -> News {
    orphaned(match fate {
        Fate::Kept => format!("{id} is kept at Vobiz although its object is gone without the finalizer"),
        Fate::Gone => format!(
            "the object is gone without its finalizer, and {id} is gone at Vobiz: what is left is the Secret {record} of the \
             operator, which may be deleted"
        ),
        Fate::Unseen => format!(
            "the object is gone without its finalizer. The operator has not deleted {id}; no Account of its parent is left to see \
             by whether it is still at Vobiz"
        ),
    })
}

fn orphaned(note: String) -> News {
    News::new(EventReason::SubaccountOrphaned, note)
}
