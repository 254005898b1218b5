//! What a process has proved about accounts that are at their end, so that it need not be proved again by the next pass. PURE.

use crate::state::{Memory, State};
use vobiz_protocol::facts::Remote;
use vobiz_protocol::ledger::Phase;

/// What this process proved about the account of a Record that has come to its end.
pub(crate) fn recalled(phase: Phase, id: u8, memory: Memory) -> Remote {
    match phase {
        Phase::Closed if memory.proved_gone == Some(id) => Remote::Gone,
        Phase::Kept if memory.shown_disabled == Some(id) => Remote::Matches,
        _ => Remote::Unknown,
    }
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
