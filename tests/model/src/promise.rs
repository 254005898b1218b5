//! What must be true whenever something is posted, deleted or let go. PURE.

use crate::rules::Rules;
use crate::state::{Broken, Pass, State};
use vobiz_protocol::ledger::Phase;

/// One attempt whose answer was lost, one that follows it, and one of each further process that was paused before its POST:
/// a third attempt is made only after the first is proved gone.
pub fn check_multiplied(rules: &Rules, state: &mut State, series: u8) {
    let living = state
        .vobiz
        .living()
        .filter(|(_, account)| account.series == series)
        .count();
    if living > 1 + usize::from(rules.processes) {
        state.breaks(Broken::Multiplied);
    }
}

/// What must be true when the operator takes its finalizer off.
pub(crate) fn check_release(state: &mut State, pass: &Pass, uid: u8) {
    let wrong = uid != pass.uid;
    let named = state.cluster.object.and_then(|object| object.identity);
    let found = state.cluster.record_of(uid);
    // Taken over by a paused pass while the object went: kept and reported, as it was before.
    let late_reclaim = pass.record.is_none() && found.is_some_and(|(slot, _)| slot != uid);
    let record = found.map(|(_, record)| record.ledger);
    let others = state.cluster.records;
    let is_ours = |series| {
        let mut others = others.iter().flatten().filter(|record| record.uid != uid);
        !others.any(|record| record.ledger.series == series)
    };
    let kept = |id| {
        record
            .is_some_and(|ledger| (ledger.phase == Phase::Kept || late_reclaim) && ledger.auth_id == Some(id))
    };
    let left = state.vobiz.living().any(|(id, account)| {
        let ours = named == Some(id) || record.is_some_and(|ledger| ledger.auth_id == Some(id));
        (ours && !kept(id)) || (account.due && is_ours(account.series))
    });
    let mut flights = state.vobiz.flights.iter().flatten();
    let coming = flights.any(|flight| flight.due && is_ours(flight.series));
    if wrong || left || coming {
        state.breaks(Broken::ReleasedEarly);
    }
}

/// What must be true when an account is deleted.
pub(crate) fn check_delete(rules: &Rules, state: &mut State, id: u8) {
    let records = state.cluster.records;
    let holding = |phase| {
        records
            .iter()
            .flatten()
            .any(|record| record.ledger.phase == phase && record.ledger.auth_id == Some(id))
    };
    let closed = holding(Phase::Closed);
    let named = state.cluster.object.is_some_and(|object| {
        let secret = state
            .cluster
            .secret
            .is_some_and(|secret| secret.owner == object.uid && secret.id == id);
        !object.deleting && (object.identity == Some(id) || secret)
    });
    if holding(Phase::Bound) {
        state.breaks(Broken::DeletedBound);
    } else if holding(Phase::Kept) {
        state.breaks(Broken::DeletedKept);
    } else if named && !(closed && rules.recreate) && state.vobiz.alive(id).is_some() {
        state.breaks(Broken::DeletedNamed);
    }
}
