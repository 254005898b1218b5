//! What must be true whenever something is posted, deleted or let go. PURE.

use crate::rules::Rules;
use crate::state::{Broken, Pass, State};
use crate::world::{Object, Policy, Record, UNMARKED};
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

/// What must be true when a create is posted: a restored object has its account already, or what it follows does.
pub(crate) fn check_post(rules: &Rules, state: &mut State, uid: u8) {
    if state
        .cluster
        .object
        .is_some_and(|object| object.uid == uid && object.adopts.is_some())
    {
        state.breaks(Broken::PostedForAdoption);
    }
    let Some(object) = state
        .cluster
        .object
        .filter(|object| object.uid == uid && state.restored)
    else {
        return;
    };
    // With two of them, the other one may have made it just now.
    let alone = rules.processes == 1;
    let named = object.identity.and_then(|id| state.vobiz.alive(id)).is_some();
    // One process whose cache is never old has seen what the gone object left.
    let seen = rules.budget.stale == 0;
    let left = state
        .cluster
        .records
        .iter()
        .flatten()
        .any(|record| record.uid != uid && matches!(record.ledger.phase, Phase::Bound | Phase::Kept));
    if alone && (named || (seen && left)) {
        state.breaks(Broken::PostedBeside);
    }
}

/// What must be true when an account is made or changed as a living object says: its namespace may use its Account.
pub(crate) fn check_serving(state: &mut State, pass: &Pass) {
    if state.barred {
        state.breaks(Broken::WrittenWhileBarred);
    }
    check_write(state, pass);
}

/// What must be true when something is written to Vobiz that was not decided before: the object was not, when the pass began, and is not
/// one that is only looked at.
pub(crate) fn check_write(state: &mut State, pass: &Pass) {
    let object = state.cluster.object.filter(|object| object.uid == pass.uid);
    if pass.observed && object.is_some_and(|object| object.observes) {
        state.breaks(Broken::WrittenWhileObserved);
    }
}

/// What must be true when an object has got an account that was there before: its pair works, or whoever keeps the parent's says so.
pub(crate) fn check_adoption(state: &mut State, pass: &Pass) {
    let works = pass.secret.is_some_and(|secret| !secret.forged)
        && pass.facts.evidence == vobiz_protocol::facts::Evidence::Proven;
    if !(works || state.granted || pass.granted) {
        state.breaks(Broken::Inherited);
    }
}

/// What must be true of all Records whenever one was written.
pub(crate) fn check_records(state: &mut State) {
    let holding = |id: u8| {
        let records = state.cluster.records.iter().flatten();
        records.filter(|record| record.ledger.auth_id == Some(id)).count()
    };
    if state.vobiz.living().any(|(id, _)| holding(id) > 1) {
        state.breaks(Broken::HeldTwice);
    }
}

/// What must be true when this object, as its pass confirmed it, takes over the Record that another one left. `found` is that
/// Record as it was.
pub(crate) fn check_inheritance(rules: &Rules, state: &mut State, object: &Object, found: &Record) {
    let id = found.ledger.auth_id;
    let another = object.identity.is_some() && object.identity != id;
    let proven = state.cluster.secret.map(|secret| secret.id) == id;
    let near = object.namespace == found.namespace || rules.accept || proven;
    let asks = object.reclaim || (object.adopts.is_some() && object.adopts == id);
    if !asks || another || !near {
        state.breaks(Broken::Inherited);
    }
}

/// What must be true of a pair that this pass had: whatever else happens, it is kept while its Record could take it.
pub(crate) fn check_lost_pair(state: &mut State, process: usize, pass: &Pass) {
    let (Some(made), Some(claimed)) = (pass.made, pass.record) else {
        return;
    };
    let kept = state.processes[process]
        .held
        .is_some_and(|held| held.made == made)
        || state.processes[process]
            .pass
            .is_some_and(|pass| pass.made == Some(made));
    let could = state.cluster.records[usize::from(pass.slot)].is_some_and(|record| {
        record.ledger.series == claimed.ledger.series
            && record.ledger.phase == Phase::Open
            && record.ledger.fenced_through < claimed.ledger.epoch
    });
    if could && !kept {
        state.breaks(Broken::LostPair);
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
    let others_status = state.cluster.other.0.and_then(|object| object.identity);
    let is_ours = |series| {
        let mut others = others.iter().flatten().filter(|record| record.uid != uid);
        !others.any(|record| record.ledger.series == series)
    };
    let kept = |id| {
        // What its status names may be held by the Record of another object: then it is none of this one's business.
        let of_another = others
            .iter()
            .flatten()
            .any(|record| record.uid != uid && record.ledger.auth_id == Some(id));
        of_another
            || others_status == Some(id)
            || record.is_some_and(|ledger| {
                (ledger.phase == Phase::Kept || late_reclaim) && ledger.auth_id == Some(id)
            })
    };
    let left = state.vobiz.living().any(|(id, account)| {
        let ours = named == Some(id) || record.is_some_and(|ledger| ledger.auth_id == Some(id));
        !kept(id) && (ours || (account.due && is_ours(account.series) && !pass.facts.observes))
    });
    let mut flights = state.vobiz.flights.iter().flatten();
    let coming = !pass.facts.observes && flights.any(|flight| flight.due && is_ours(flight.series));
    if wrong || left || coming {
        state.breaks(Broken::ReleasedEarly);
    }
}

/// What must be true when an account is deleted.
pub(crate) fn check_delete(rules: &Rules, state: &mut State, id: u8) {
    if state.vobiz.alive(id).is_none() {
        return;
    }
    let records = state.cluster.records;
    let holding = |phase| {
        records
            .iter()
            .flatten()
            .any(|record| record.ledger.phase == phase && record.ledger.auth_id == Some(id))
    };
    let closed = holding(Phase::Closed);
    let unmarked = state
        .vobiz
        .alive(id)
        .is_some_and(|account| account.series == UNMARKED);
    if unmarked && !rules.policies.contains(&Policy::Delete) {
        state.breaks(Broken::DeletedAdopted);
    }
    // Decided before the object came that names it now.
    let decided = state.restored
        && closed
        && state.cluster.object.is_some_and(|object| {
            let mut others = records.iter().flatten().filter(|record| record.uid != object.uid);
            others.any(|record| record.ledger.auth_id == Some(id))
        });
    let named = state.cluster.object.is_some_and(|object| {
        let secret = state
            .cluster
            .secret
            .is_some_and(|secret| secret.owner == Some(object.uid) && secret.id == id);
        !object.deleting && (object.identity == Some(id) || secret)
    });
    if holding(Phase::Bound) {
        state.breaks(Broken::DeletedBound);
    } else if holding(Phase::Kept) {
        state.breaks(Broken::DeletedKept);
    } else if named && !(closed && rules.recreate) && !decided {
        state.breaks(Broken::DeletedNamed);
    }
}
