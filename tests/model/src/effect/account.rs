//! The steps that speak to Vobiz. PURE.

use crate::effect::record::overtaken;
use crate::effect::small;
use crate::promise::{check_delete, check_multiplied, check_post, check_serving};
use crate::recall::note_missing;
use crate::rules::Rules;
use crate::state::{Broken, Memory, Pass, State};
use crate::step::Fault;
use crate::weakness::Weakness;
use crate::world::{Account, Flight, Policy, Record, Written};
use vobiz_protocol::facts::{Account as AccountFact, Made, Object as Kind, Policy as PolicyFact, Remote};
use vobiz_protocol::ledger::Phase;

pub(crate) fn create(
    rules: &Rules,
    state: &mut State,
    process: usize,
    pass: &mut Pass,
    fault: Fault,
) -> Written {
    let Some(record) = pass.record else {
        return Written::Refused;
    };
    pass.facts.permit = false;
    let (series, epoch) = (record.ledger.series, small(record.ledger.epoch));
    let memory = &mut state.processes[process].memory[usize::from(pass.uid)];
    memory.unspent = match fault {
        Fault::Refused => Some((epoch, record.version)),
        Fault::NeverSent | Fault::Late => remembered_after_unknown(rules, pass),
        Fault::None | Fault::Before | Fault::After => None,
    };
    if fault == Fault::Refused {
        return Written::Done;
    }
    check_post(rules, state, pass.uid);
    if state.broken.is_some() {
        return Written::Refused;
    }
    let Some(bit) = 1_u16.checked_shl(u32::from(epoch)) else {
        state.breaks(Broken::Restless);
        return Written::Refused;
    };
    if state.vobiz.posted[usize::from(series)] & bit != 0 {
        state.breaks(Broken::PostedTwice);
    }
    state.vobiz.posted[usize::from(series)] |= bit;
    check_serving(state, pass);
    // Fenced before it was sent: no proof that was taken before can have seen it.
    let Some(account) = pass.account else {
        return Written::Refused;
    };
    let flight = Flight {
        series,
        epoch,
        generation: account.generation,
        parent: account.id,
        due: false,
    };
    match fault {
        Fault::NeverSent => {}
        Fault::Late => {
            if let Some(free) = state.vobiz.flights.iter_mut().find(|flight| flight.is_none()) {
                *free = Some(flight);
            }
        }
        _ => {
            pass.made = state.vobiz.commit(flight);
            pass.facts.made = Made::Pair;
            // The answer shows the account: it is not asked for once more.
            pass.facts.remote = Remote::Matches;
            check_multiplied(rules, state, series);
        }
    }
    Written::Done
}

pub(crate) fn remembered_after_unknown(rules: &Rules, pass: &Pass) -> Option<(u8, u8)> {
    let record = pass
        .record
        .filter(|_| rules.drops(Weakness::UnspentAfterUnknown))?;
    Some((small(record.ledger.epoch), record.version))
}

/// What the newest list shows of the account of a bound Record.
pub(crate) fn listed(state: &State, record: &Record) -> Remote {
    let account = record.ledger.auth_id.and_then(|id| state.vobiz.alive(id));
    match account {
        Some(account) if account.enabled => Remote::Matches,
        Some(_) => Remote::Differs,
        None => Remote::Unlisted,
    }
}

/// An account as it shows itself alone, to whom its Record says that it belongs.
fn found(rules: &Rules, state: &State, pass: &Pass, id: u8) -> Option<Account> {
    let recorded = pass.record.map(|record| record.parent);
    let asked = if rules.drops(Weakness::AnyParent) {
        pass.account.map(|account| account.id)
    } else {
        recorded
    };
    let account = state.vobiz.alive(id).filter(|_| !state.lost_route);
    account
        .filter(|account| asked.is_none_or(|parent| parent == account.parent))
        .copied()
}

/// What the Account allows, and whether it decides what becomes of the account.
pub(crate) fn allows(rules: &Rules, state: &State, pass: &Pass, memory: Memory) -> (AccountFact, PolicyFact) {
    let named = pass.object.and_then(|object| object.identity);
    let named = named.and_then(|id| state.vobiz.accounts[usize::from(id)]);
    let recorded = pass
        .record
        .map(|record| record.parent)
        .or(named.map(|account| account.parent));
    let own = pass.account.is_some_and(|account| {
        recorded.is_none_or(|parent| parent == account.id) || rules.drops(Weakness::AnyParent)
    });
    let fenced = pass.record.is_some_and(|record| record.ledger.is_fenced());
    let overtaken = overtaken(pass, memory);
    let deleting = pass.facts.object == Kind::Deleting || overtaken.is_some();
    let retained = pass
        .object
        .or(overtaken)
        .is_some_and(|object| (object.policy == Policy::Retain || object.observes) && !fenced);
    // A deletion needs nobody's leave but the parent's.
    let barred = state.barred && pass.facts.object == Kind::Live && !rules.drops(Weakness::BarIgnored);
    (
        match own {
            _ if barred => AccountFact::NotAllowed,
            true => AccountFact::Ready,
            false => AccountFact::Unavailable,
        },
        if own || retained || !deleting {
            PolicyFact::Decided
        } else {
            PolicyFact::Undecided
        },
    )
}

pub(crate) fn read_account(rules: &Rules, state: &mut State, process: usize, pass: &mut Pass) {
    let Some(id) = pass.record.and_then(|record| record.ledger.auth_id) else {
        return;
    };
    pass.facts.requested = false;
    let found = found(rules, state, pass, id);
    if found.is_some() {
        state.processes[process].memory[usize::from(pass.uid)].missing = None;
    }
    pass.facts.remote = match (found, pass.facts.remote) {
        (None, Remote::Deleted) => Remote::Gone,
        (None, _) => note_missing(rules, state, process, pass.uid, id),
        (Some(_), Remote::Deleted) => Remote::StillThere,
        (Some(account), _) => shown(pass, account.enabled),
    };
}

pub(crate) fn delete(rules: &Rules, state: &mut State, process: usize, pass: &mut Pass) -> Written {
    let Some(id) = pass.record.and_then(|record| record.ledger.auth_id) else {
        return Written::Refused;
    };
    if found(rules, state, pass, id).is_none() {
        pass.facts.remote = note_missing(rules, state, process, pass.uid, id);
        return Written::Done;
    }
    check_delete(rules, state, id);
    if !state.deaf {
        state.vobiz.delete(id);
    }
    let held = &mut state.processes[process];
    let earlier = held.walked.is_some_and(|shown| shown & (1 << id) == 0);
    pass.facts.remote = if rules.drops(Weakness::AcceptedAlone) || earlier {
        Remote::Gone
    } else {
        Remote::Deleted
    };
    if rules.crowded && pass.facts.remote == Remote::Deleted && pass.facts.object != Kind::Live {
        held.memory[usize::from(pass.uid)].accepted = Some(id);
    }
    Written::Done
}

/// What the account shows, against what the phase of its Record asks for.
pub(crate) fn shown(pass: &Pass, enabled: bool) -> Remote {
    let wanted = match pass.record.map(|record| record.ledger.phase) {
        Some(Phase::Bound) => true,
        Some(Phase::Kept) => false,
        _ => enabled,
    };
    if enabled == wanted {
        Remote::Matches
    } else {
        Remote::Differs
    }
}

pub(crate) fn update(rules: &Rules, state: &mut State, process: usize, pass: &mut Pass) -> Written {
    let Some((record, id)) = pass
        .record
        .and_then(|record| Some((record, record.ledger.auth_id?)))
    else {
        return Written::Refused;
    };
    if found(rules, state, pass, id).is_none() {
        pass.facts.remote = note_missing(rules, state, process, pass.uid, id);
        return Written::Done;
    }
    let Some(account) = state.vobiz.accounts[usize::from(id)].as_mut() else {
        return Written::Refused;
    };
    account.enabled = record.ledger.phase == Phase::Bound;
    if record.ledger.phase == Phase::Bound {
        check_serving(state, pass);
    }
    pass.facts.remote = Remote::Matches;
    Written::Done
}

/// A leftover was deleted: the walk that showed it is no longer clean.
pub(crate) fn forget(state: &mut State, process: usize, id: u8) {
    let process = &mut state.processes[process];
    process.roster &= !(1 << id);
    for memory in &mut process.memory {
        memory.walked = 0;
    }
}
