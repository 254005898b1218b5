//! Every combination of facts against the guarantees, and the paths that passes take. PURE.

mod guarantees;
mod paths;

use super::{Step, plan};
use crate::facts::{
    Account, Adoption, Claim, Confirmation, Directive, Evidence, Facts, Fence, Made, Object, Phase, Policy,
    Predecessor, Record, Remote, UserSecret,
};

/// What a pass over a new object knows, with an Account that serves everything.
fn new_object() -> Facts {
    Facts {
        account: Account::Ready,
        fence: Fence::Clean,
        policy: Policy::Decided,
        ..Facts::unknown(Object::Live)
    }
}

fn record(phase: Phase, fenced: bool) -> Record {
    Record::Present {
        phase,
        fenced,
        quorum: true,
    }
}
