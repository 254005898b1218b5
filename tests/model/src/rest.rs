//! From any state: no more faults, what is under way is finished, everybody works until nothing changes. Is it good then?
//! PURE.

use crate::action::{self, Action, Work};
use crate::rules::Rules;
use crate::state::{Broken, State};
use crate::step::Fault;
use crate::world::{FLIGHTS, UIDS};
use vobiz_protocol::ledger::Phase;

/// Rounds in which everybody works; more of them, and it never ends.
const MOST_ROUNDS: usize = 12;
/// Steps of one pass; more of them, and it goes in circles.
const MOST_STEPS: usize = 60;

/// What is wrong once everything has come to rest; none if it is good, however the requests under way end.
#[must_use]
pub fn verdict(rules: &Rules, state: &State) -> Option<Broken> {
    if let Some(broken) = state.broken {
        return Some(broken);
    }
    let mut carried_out = *state;
    for number in numbers(FLIGHTS) {
        if let Some(after) = action::apply(rules, &carried_out, Action::Commit(number)) {
            carried_out = after;
        }
    }
    // Without requests under way both endings are the same.
    let mut vanished = *state;
    vanished.vobiz.flights = [None; FLIGHTS];
    at_rest(rules, carried_out).or_else(|| {
        (vanished != carried_out)
            .then(|| at_rest(rules, vanished))
            .flatten()
    })
}

fn at_rest(rules: &Rules, state: State) -> Option<Broken> {
    match run(rules, state) {
        Some(rested) => rested.broken.or_else(|| judge(rules, &rested)),
        None => Some(Broken::Restless),
    }
}

/// Runs to rest; none if it does not get there.
#[must_use]
pub fn run(rules: &Rules, mut state: State) -> Option<State> {
    for _ in 0..MOST_ROUNDS {
        let before = state;
        for process in numbers(usize::from(rules.processes)) {
            finish(rules, &mut state, process)?;
            work(rules, &mut state, process, Work::Object)?;
            for slot in numbers(UIDS) {
                work(rules, &mut state, process, Work::Record(slot))?;
                happen(rules, &mut state, Action::Settle(process, slot));
            }
            happen(rules, &mut state, Action::Walk(process, None));
        }
        if state.broken.is_some()
            || (state.cluster, state.vobiz) == (before.cluster, before.vobiz) && state == before
        {
            return Some(state);
        }
    }
    None
}

fn work(rules: &Rules, state: &mut State, process: u8, work: Work) -> Option<()> {
    happen(rules, state, Action::Begin(process, work, false));
    finish(rules, state, process)
}

fn finish(rules: &Rules, state: &mut State, process: u8) -> Option<()> {
    for _ in 0..MOST_STEPS {
        if state.processes[usize::from(process)].pass.is_none() {
            return Some(());
        }
        happen(rules, state, Action::Step(process, Fault::None));
    }
    None
}

fn happen(rules: &Rules, state: &mut State, action: Action) {
    if let Some(after) = action::apply(rules, state, action) {
        *state = after;
    }
}

fn judge(rules: &Rules, state: &State) -> Option<Broken> {
    let object = state.cluster.object;
    if object.is_some_and(|object| object.deleting && object.finalizer) {
        return Some(Broken::Stuck);
    }
    if let Some(object) = object
        && !is_served(rules, state, &object)
    {
        return Some(Broken::Unserved);
    }
    let explained = |id: u8| {
        state.cluster.records.iter().flatten().any(|record| {
            record.ledger.auth_id == Some(id)
                && match record.ledger.phase {
                    Phase::Bound => {
                        let lives = object.is_some_and(|object| object.uid == record.uid);
                        // Reported and kept: the object went without its finalizer, or while it took the account over.
                        lives || rules.budget.strips > 0 || rules.reclaim
                    }
                    Phase::Kept => true,
                    Phase::Open | Phase::Closed => false,
                }
        })
    };
    let left = state.vobiz.living().any(|(id, _)| !explained(id));
    let enabled = state.cluster.records.iter().flatten().any(|record| {
        record.ledger.phase == Phase::Kept
            && record.ledger.disable
            && record
                .ledger
                .auth_id
                .and_then(|id| state.vobiz.alive(id))
                .is_some_and(|account| account.enabled)
    });
    (left || enabled).then_some(Broken::Stray)
}

/// The living object has its account and its pair, or says why not.
fn is_served(rules: &Rules, state: &State, object: &crate::world::Object) -> bool {
    let cluster = &state.cluster;
    let record = cluster.record_of(object.uid).map(|(_, record)| record.ledger);
    let orphan =
        cluster.records.iter().flatten().any(|record| {
            record.uid != object.uid && matches!(record.ledger.phase, Phase::Bound | Phase::Kept)
        });
    match record {
        Some(ledger) if ledger.phase == Phase::Bound => {
            let account = ledger.auth_id.and_then(|id| state.vobiz.alive(id));
            let missing = account.is_none() && rules.budget.outside > 0 && !rules.recreate;
            let published = cluster
                .secret
                .is_some_and(|secret| secret.owner == object.uid && Some(secret.id) == ledger.auth_id);
            let whole = account.is_some_and(|account| account.enabled)
                && object.identity == ledger.auth_id
                && ledger.auth_token == ledger.auth_id
                && object.finalizer
                && object.ready;
            // A create beside what an earlier object left needs a cache that did not know of it.
            let alone = !orphan || rules.budget.stale > 0;
            published && (missing || (whole && alone))
        }
        // Orphan found, or the pair is lost.
        None => (orphan && object.identity.is_none()) || is_lost(rules, object),
        Some(ledger) => ledger.phase == Phase::Open && is_lost(rules, object),
    }
}

fn is_lost(rules: &Rules, object: &crate::world::Object) -> bool {
    object.identity.is_some() && rules.budget.lost_records > 0 && !rules.recreate
}

fn numbers(end: usize) -> impl Iterator<Item = u8> {
    (0..end).filter_map(|number| u8::try_from(number).ok())
}
