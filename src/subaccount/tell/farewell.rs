//! What is told last of an object: what became of its account, and of its Secret. PURE.

use super::news::News;
use crate::subaccount::store::record::{Phase, Record};
use crate::vobiz::AuthId;

/// What became of the account of an object that goes. `named` is the account that its status names, if that can be one.
#[must_use]
pub fn of(record: Option<&Record>, named: Option<&AuthId>, is_named: bool) -> News {
    let (reason, note) = match (record, record.and_then(Record::auth_id)) {
        (Some(record), Some(id)) if record.ledger.phase == Phase::Kept && record.ledger.disable => (
            "SubaccountDisabled",
            format!("{id} is disabled and kept, as the deletion policy says"),
        ),
        (Some(record), Some(id)) if record.ledger.phase == Phase::Kept => (
            "SubaccountRetained",
            format!("{id} is kept, as the deletion policy says"),
        ),
        (Some(_), Some(id)) => ("SubaccountDeleted", format!("{id} is deleted at Vobiz")),
        (Some(_), None) => ("SubaccountDeleted", "nothing is left at Vobiz".to_owned()),
        (None, _) => match named {
            Some(id) => (
                "SubaccountRetained",
                format!("{id}, which the status named, is somebody else's and is left as it is"),
            ),
            None if is_named => (
                "SubaccountRetained",
                "the status names what can be no subaccount; whatever there was is left as it is".to_owned(),
            ),
            None => ("SubaccountDeleted", "nothing was created at Vobiz".to_owned()),
        },
    };
    News::normal(reason, note)
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
    News::warning("SecretConflict", note)
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
    News::warning("SubaccountOrphaned", note)
}
