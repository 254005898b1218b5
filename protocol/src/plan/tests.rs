//! Every combination of facts against the guarantees, and the paths that passes take. PURE.

mod guarantees;
mod paths;

use super::{Step, plan};
use crate::facts::{
    Account, Confirmation, Directive, Evidence, Facts, Fence, Made, Object, Phase, Policy, Predecessor,
    Record, Remote, UserSecret,
};

/// What a pass over a new object knows, with an Account that serves everything.
fn new_object() -> Facts {
    Facts {
        object: Object::Live,
        finalizer: false,
        identity: false,
        applied: false,
        directive: Directive::Manage,
        requested: false,
        reclaim: false,
        recreate: false,
        valid: true,
        unusable: false,
        account: Account::Ready,
        permit: false,
        record: Record::Unread,
        predecessor: Predecessor::Nothing,
        confirmation: Confirmation::Unasked,
        looked_again: false,
        guard_expired: false,
        secret: UserSecret::Unread,
        evidence: Evidence::Unread,
        token_shown: false,
        former_secret: false,
        remote: Remote::Unknown,
        made: Made::Nothing,
        fence: Fence::Clean,
        policy: Policy::Decided,
        retention_over: false,
        parent_abandoned: false,
    }
}

fn record(phase: Phase, fenced: bool) -> Record {
    Record::Present {
        phase,
        fenced,
        quorum: true,
    }
}
