//! What a step writes, as far as the API server may refuse it for long. PURE.

use crate::state::{Denied, Pass, Task};
use vobiz_protocol::plan::Step;

/// What the API server must write for this.
pub(crate) fn denied_to(pass: &Pass, step: Step) -> Option<Denied> {
    match (pass.task, step) {
        (Task::LookAgain, _) => None,
        (Task::Report { .. }, _) | (_, Step::AdoptIdentity | Step::ForgetIdentity) => Some(Denied::Status),
        (_, Step::AddFinalizer | Step::ReleaseFinalizer) => Some(Denied::Object),
        (_, Step::PublishSecret) => Some(Denied::Secret),
        (
            _,
            Step::OpenRecord
            | Step::RebuildRecord
            | Step::OpenAdoption
            | Step::WithdrawAdoption
            | Step::Adopt
            | Step::TakeOver
            | Step::Reopen
            | Step::ClosePredecessor
            | Step::Reclaim
            | Step::Bind
            | Step::RestorePair
            | Step::Close
            | Step::DropRecord,
        ) => Some(Denied::Records),
        _ => None,
    }
}
