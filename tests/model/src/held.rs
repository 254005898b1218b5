//! A pair that no Record holds yet, for the write failed: it stays in memory, and the next pass over its object or its Record begins
//! with it. PURE.

use crate::rules::Rules;
use crate::state::{Held, Pass, State};
use crate::weakness::Weakness;
use vobiz_protocol::facts::{self, Facts, Made};

/// Ends the pass; its pair stays in memory.
pub(crate) fn hold(rules: &Rules, state: &mut State, process: usize, pass: &Pass) {
    let process = &mut state.processes[process];
    process.pass = None;
    process.held = match (pass.record, pass.made) {
        (Some(record), Some(made)) if !rules.drops(Weakness::HeldForgotten) => Some(Held {
            uid: pass.uid,
            slot: pass.slot,
            made,
            record,
        }),
        _ => None,
    };
}

/// A pass over an object whose pair is held begins with it.
pub(crate) fn with_pair(pass: Pass, held: Held) -> Pass {
    Pass {
        slot: held.slot,
        record: Some(held.record),
        made: Some(held.made),
        facts: Facts {
            made: Made::Pair,
            record: facts::Record::Unread,
            ..pass.facts
        },
        ..pass
    }
}
