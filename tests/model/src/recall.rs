//! What a process has proved about accounts that are at their end, so that it need not be proved again by the next pass. PURE.

use crate::rules::Rules;
use crate::state::{Memory, State};
use crate::weakness::Weakness;
use vobiz_protocol::facts::Remote;
use vobiz_protocol::ledger::Phase;

/// What this process proved about the account of a Record that has come to its end.
pub(crate) fn recalled(phase: Phase, id: u8, memory: Memory) -> Remote {
    match phase {
        Phase::Closed if memory.proved_gone == Some(id) => Remote::Gone,
        Phase::Closed if memory.accepted == Some(id) => Remote::Deleted,
        Phase::Kept if memory.shown_disabled == Some(id) => Remote::Matches,
        _ => Remote::Unknown,
    }
}

/// What is known of an account for which Vobiz answered 404: a list that was begun since must not show it either.
pub(crate) fn missing(rules: &Rules, remote: Remote, id: u8, memory: Memory) -> Remote {
    match (remote, memory.missing) {
        (Remote::Unknown | Remote::Missing, Some((missing, unlisted))) if missing == id => {
            if unlisted || rules.drops(Weakness::ItemAlone) {
                Remote::Gone
            } else {
                Remote::Missing
            }
        }
        (Remote::Missing, _) => Remote::Unknown,
        (remote, _) => remote,
    }
}

/// Vobiz answered 404 for this account alone. Where the way to single accounts is never lost, the list that is then read says the same: both
/// are taken together.
pub(crate) fn note_missing(rules: &Rules, state: &mut State, process: usize, uid: u8, id: u8) -> Remote {
    if rules.budget.lost_routes == 0 {
        return Remote::Gone;
    }
    let memory = &mut state.processes[process].memory[usize::from(uid)];
    if memory.missing.is_none_or(|(missing, _)| missing != id) {
        memory.missing = Some((id, false));
    }
    Remote::Missing
}

/// Keeps what was proved just now.
pub(crate) fn remember_proofs(state: &mut State, process: usize) {
    let Some(pass) = state.processes[process].pass else {
        return;
    };
    let Some(ledger) = pass.record.map(|record| record.ledger) else {
        return;
    };
    let memory = &mut state.processes[process].memory[usize::from(pass.uid)];
    match (ledger.phase, pass.facts.remote) {
        (Phase::Closed, Remote::Gone) => memory.proved_gone = ledger.auth_id,
        (Phase::Kept, Remote::Matches) if ledger.disable => memory.shown_disabled = ledger.auth_id,
        _ => {}
    }
}
