//! Whose the account is that the status of an object names: a status may have come back with a backup. PURE.

use crate::rules::Rules;
use crate::state::{Pass, State};
use crate::weakness::Weakness;
use crate::world::Record;
use vobiz_protocol::facts::{Claim, Object as Kind};

/// Whose the account is that the status names, as far as it was judged; while it lives, a cached Record of another object that holds it
/// tells at once.
pub(crate) fn claim(rules: &Rules, state: &State, process: usize, pass: &Pass) -> Claim {
    if rules.drops(Weakness::StatusTrusted) {
        return Claim::Own;
    }
    let cached = state.processes[process].cache.records;
    // No finalizer goes on the word of a cache.
    let hinted = pass.facts.object == Kind::Live || rules.drops(Weakness::CachedClaim);
    if hinted && names_account_of_another(pass, &cached) {
        Claim::Foreign
    } else {
        pass.facts.claim
    }
}

/// Whether one of these Records serves another object and holds the account that the status of this one names.
pub(crate) fn names_account_of_another(pass: &Pass, records: &[Option<Record>]) -> bool {
    let Some(named) = pass.object.and_then(|object| object.identity) else {
        return false;
    };
    let mut records = records.iter().flatten();
    records.any(|record| record.uid != pass.uid && record.ledger.auth_id == Some(named))
}

/// Every Record, by quorum.
pub(crate) fn judge(state: &State, pass: &mut Pass) {
    pass.facts.claim = if names_account_of_another(pass, &state.cluster.records) {
        Claim::Foreign
    } else {
        Claim::Own
    };
}

/// The account that a Record without a pair is closed for: the one that the status names, unless it is somebody else's.
pub(crate) fn known(rules: &Rules, state: &State, process: usize, pass: &Pass) -> Option<u8> {
    let foreign = claim(rules, state, process, pass) == Claim::Foreign;
    pass.object
        .and_then(|object| object.identity)
        .filter(|_| !foreign)
}
