//! What is told last, of an object that goes: what became of its account, and of its Secret. I/O (one read).

use super::act;
use super::facts::Directive;
use super::news::{News, normal};
use super::pass::Pass;
use super::store::record::Phase;
use super::unreadable::forced as forced_note;
use crate::controller::event::EventKind;
use crate::vobiz::AuthId;

/// What became of the account.
pub(super) fn of(pass: &Pass<'_>) -> News {
    if pass.known.directive() == Directive::ForceDelete {
        return forced(pass);
    }
    match pass.known.record() {
        Some(record) => match (record.ledger.phase, record.auth_id()) {
            (Phase::Kept, Some(id)) if record.ledger.disable => normal(
                "SubaccountDisabled",
                format!("{id} is disabled and kept, as the deletion policy says"),
            ),
            (Phase::Kept, Some(id)) => normal(
                "SubaccountRetained",
                format!("{id} is kept, as the deletion policy says"),
            ),
            (_, Some(id)) => normal("SubaccountDeleted", format!("{id} is deleted at Vobiz")),
            (_, None) => normal("SubaccountDeleted", "nothing is left at Vobiz".to_owned()),
        },
        None => match pass.known.named_id() {
            Some(id) => normal(
                "SubaccountRetained",
                format!("{id}, which the status named, is somebody else's and is left as it is"),
            ),
            None if pass.known.is_named() => normal(
                "SubaccountRetained",
                "the status names what can be no subaccount; whatever there was is left as it is".to_owned(),
            ),
            None => normal("SubaccountDeleted", "nothing was created at Vobiz".to_owned()),
        },
    }
}

/// Nothing was proved: what is left at Vobiz is no longer anybody's.
fn forced(pass: &Pass<'_>) -> News {
    // The janitor need not say it again.
    pass.context
        .memory
        .with(&pass.uid, |remembered| remembered.orphan_reported = true);
    let (dropped, known) = (&pass.deeds.pair_dropped, pass.known.named_id());
    let left = dropped.as_ref().or(known.as_ref()).map(AuthId::as_str);
    let note = forced_note(left, dropped.is_some());
    News {
        kind: EventKind::Warning,
        reason: "SubaccountOrphaned",
        note,
    }
}

/// With `--cascade=orphan` the Secret stays, and its pair no longer works once the account is deleted.
pub(super) async fn left_secret(pass: &Pass<'_>) -> Option<News> {
    let deleted = pass
        .known
        .record()
        .is_some_and(|record| record.ledger.phase == Phase::Closed && record.auth_id().is_some());
    let name = if deleted {
        act::stays_behind(pass).await?
    } else {
        return None;
    };
    let note = format!(
        "the Secret {name} stays behind, for it has lost its owner: its pair no longer works; remove it, or leave it to the next \
         Subaccount of this name"
    );
    Some(News {
        kind: EventKind::Warning,
        reason: "SecretConflict",
        note,
    })
}
