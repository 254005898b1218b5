//! How a pass goes on: the step that `plan` decides on, and what becomes of the pass where a request fails. PURE.
//! Each step is one request; between two of them anything else may happen.

use crate::effect::account::remembered_after_unknown;
use crate::effect::perform;
use crate::promise::check_lost_pair;
use crate::rules::Rules;
use crate::state::{Denied, Held, Memory, Pass, State, Task};
use crate::weakness::Weakness;
use crate::world::{Ledger, Record};
use vobiz_protocol::facts::{self, Claim, Fence, Made, Object as Kind, Remote};
use vobiz_protocol::ledger::Phase;
use vobiz_protocol::plan::{Rest, Step, plan};

/// What goes wrong with a step.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// Nothing.
    None,
    /// It fails before it has any effect.
    Before,
    /// It is carried out, and the answer is lost.
    After,
    /// A create request is refused for certain.
    Refused,
    /// A create request is lost, and nobody can know.
    NeverSent,
    /// A create request is carried out later, or never.
    Late,
}

/// How a pass goes on after a step.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flow {
    On,
    End,
}

/// The step that a pass takes next, with everything brought up to date that changes by itself.
#[must_use]
pub fn next(rules: &Rules, state: &State, process: usize, pass: &Pass) -> Step {
    plan(&refreshed(rules, state, process, pass))
}

fn refreshed(rules: &Rules, state: &State, process: usize, pass: &Pass) -> facts::Facts {
    let mut facts = pass.facts;
    let memory = state.processes[process].memory[usize::from(pass.uid)];
    facts.token_shown = rules.shows_tokens && !pass.token_asked;
    facts.claim = claim(rules, state, process, pass);
    facts.pairs_held = state.processes[process]
        .held
        .is_some_and(|held| held.uid != pass.uid);
    if let Some(record) = &pass.record {
        facts.retention_over = rules.drops(Weakness::NoRetention) || retention_over(state, &record.ledger);
        facts.fence = fence(rules, state, process, pass, &record.ledger, memory);
        if let (Remote::Unknown, Some(id)) = (facts.remote, record.ledger.auth_id) {
            facts.remote = recalled(record.ledger.phase, id, memory);
        }
    }
    if rules.drops(Weakness::ImpatientTakeover) && facts.object == Kind::Live {
        facts.fence = Fence::Clean;
    }
    facts
}

/// What this process proved about the account of a Record that has come to its end.
fn recalled(phase: Phase, id: u8, memory: Memory) -> Remote {
    match phase {
        Phase::Closed if memory.proved_gone == Some(id) => Remote::Gone,
        Phase::Kept if memory.shown_disabled == Some(id) => Remote::Matches,
        _ => Remote::Unknown,
    }
}

/// Keeps what was proved just now.
fn remember_proofs(state: &mut State, process: usize) {
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

/// Whose the account is that the status names, as far as it was judged; a cached Record of another object that holds it tells at once.
pub(crate) fn claim(rules: &Rules, state: &State, process: usize, pass: &Pass) -> Claim {
    if rules.drops(Weakness::StatusTrusted) {
        return Claim::Own;
    }
    let cached = state.processes[process].cache.records;
    if names_account_of_another(pass, &cached) {
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

/// Retention is longer than the longest pause of a process between its look at the object and its POST.
fn retention_over(state: &State, ledger: &Ledger) -> bool {
    let may_post = |pass: &Pass| {
        pass.record.is_some_and(|record| {
            record.ledger.series == ledger.series
                && record.ledger.epoch <= ledger.fenced_through
                && record.ledger.phase == Phase::Open
        })
    };
    let paused = state
        .processes
        .iter()
        .filter_map(|process| process.pass.as_ref())
        .any(may_post);
    let late = state.vobiz.flights.iter().flatten();
    !paused
        && !late
            .into_iter()
            .any(|flight| ledger.fences(flight.series, u32::from(flight.epoch)))
}

fn fence(
    rules: &Rules,
    state: &State,
    process: usize,
    pass: &Pass,
    ledger: &Ledger,
    memory: Memory,
) -> Fence {
    if !ledger.is_fenced() {
        return Fence::Clean;
    }
    if leftover(rules, state, process, pass).is_some() {
        return Fence::Leftovers;
    }
    let seen = u32::from(memory.fence) == ledger.fenced_through;
    match (seen && memory.settled, seen && memory.walked) {
        (_, true) => Fence::Clean,
        (true, false) => Fence::Unwalked,
        (false, false) => Fence::Settling,
    }
}

/// An account on this process's list with a fenced marker, that no Record in its cache holds and no object names.
pub(crate) fn leftover(rules: &Rules, state: &State, process: usize, pass: &Pass) -> Option<u8> {
    let (process, record) = (&state.processes[process], pass.record.as_ref()?);
    let named = process
        .cache
        .object
        .and_then(|object| object.identity)
        .filter(|_| !rules.drops(Weakness::NamedLeftover));
    let held = |id: u8| {
        let cached = process.cache.records.iter().flatten();
        record.ledger.auth_id == Some(id)
            || named == Some(id)
            || cached.into_iter().any(|record| record.ledger.auth_id == Some(id))
    };
    (0_u8..).zip(&state.vobiz.accounts).find_map(|(id, account)| {
        let account = account.as_ref()?;
        let void = record.ledger.fences(account.series, u32::from(account.epoch))
            || (rules.drops(Weakness::DeleteAnyEpoch) && account.series == record.ledger.series);
        (process.roster & (1 << id) != 0 && void && !held(id)).then_some(id)
    })
}

/// Takes the next step of a pass. False: this fault cannot happen here.
pub fn take(rules: &Rules, state: &mut State, process: usize, fault: Fault) -> bool {
    let Some(pass) = state.processes[process].pass else {
        return false;
    };
    let before = *state;
    let step = next(rules, state, process, &pass);
    if pass.task == Task::Plan && matches!(step, Step::Rest(_) | Step::TakePermit) {
        // What it waited for came meanwhile.
        go_on(rules, state, process, Flow::On);
        return fault == Fault::None;
    }
    let creates = pass.task == Task::Plan && step == Step::Create;
    let denied = denied_to(&pass, step);
    if denied.is_some() && denied == state.denied {
        if fault == Fault::None {
            fail(rules, state, process, &pass, step);
            check_lost_pair(state, process, &pass);
        }
        return fault == Fault::None;
    }
    match fault {
        Fault::None => {
            let flow = perform(rules, state, process, pass, step, fault);
            remember_proofs(state, process);
            go_on(rules, state, process, flow);
            check_lost_pair(state, process, &pass);
            true
        }
        Fault::Refused | Fault::NeverSent | Fault::Late => {
            if creates {
                perform(rules, state, process, pass, step, fault);
                state.processes[process].pass = None;
            }
            creates
        }
        Fault::Before if creates => false,
        Fault::Before => {
            fail(rules, state, process, &pass, step);
            check_lost_pair(state, process, &pass);
            true
        }
        Fault::After => {
            perform(rules, state, process, pass, step, fault);
            let changed = state.cluster != before.cluster || state.vobiz != before.vobiz;
            state.processes = before.processes;
            if creates {
                state.processes[process].memory[usize::from(pass.uid)].unspent =
                    remembered_after_unknown(rules, &pass);
            }
            fail(rules, state, process, &pass, step);
            check_lost_pair(state, process, &pass);
            changed
        }
    }
}

/// What the API server must write for this.
fn denied_to(pass: &Pass, step: Step) -> Option<Denied> {
    match (pass.task, step) {
        (Task::LookAgain, _) => None,
        (Task::Report { .. }, _) | (_, Step::AdoptIdentity | Step::ForgetIdentity) => Some(Denied::Status),
        (_, Step::AddFinalizer | Step::ReleaseFinalizer) => Some(Denied::Object),
        (_, Step::PublishSecret) => Some(Denied::Secret),
        (
            _,
            Step::OpenRecord
            | Step::RebuildRecord
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

/// An error that tells nothing ends the pass, but for a bind: the pair exists nowhere else. One look at the Record tells
/// what became of it; where that fails too, or the Record cannot be written after it, the pair is kept for the next pass.
fn fail(rules: &Rules, state: &mut State, process: usize, pass: &Pass, step: Step) {
    let binding = pass.task == Task::LookAgain || (pass.task == Task::Plan && step == Step::Bind);
    let mut pass = *pass;
    if binding && (pass.looked || pass.task == Task::LookAgain) {
        hold(rules, state, process, &pass);
        return;
    }
    if rules.drops(Weakness::CompensateUnread) {
        pass.facts.made = Made::Fenced;
    } else {
        pass.task = Task::LookAgain;
    }
    state.processes[process].pass = binding.then_some(pass);
}

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

/// Ends the pass, or lets it rest as `plan` says, or leaves it at its next request.
fn go_on(rules: &Rules, state: &mut State, process: usize, flow: Flow) {
    if flow == Flow::End {
        state.processes[process].pass = None;
        return;
    }
    loop {
        let Some(pass) = state.processes[process].pass else {
            return;
        };
        if pass.task != Task::Plan {
            return;
        }
        last_look(rules, state, process, &pass);
        match next(rules, state, process, &pass) {
            Step::TakePermit => {
                if let Some(pass) = &mut state.processes[process].pass {
                    pass.facts.permit = true;
                }
            }
            Step::Rest(rest) => {
                state.processes[process].pass = report(&pass, rest);
                return;
            }
            _ => return,
        }
    }
}

/// Starts a pass that was set up: it goes on to its first request. False if it has none.
pub fn begin(rules: &Rules, state: &mut State, process: usize, pass: Pass) -> bool {
    if pass.made.is_some() {
        state.processes[process].held = None;
    }
    state.processes[process].pass = Some(pass);
    go_on(rules, state, process, Flow::On);
    state.processes[process].pass.is_some()
}

/// Before a tombstone goes, what came late in all its time is looked for once more.
fn last_look(rules: &Rules, state: &mut State, process: usize, pass: &Pass) {
    let Some(record) = &pass.record else { return };
    let over = rules.drops(Weakness::NoRetention) || retention_over(state, &record.ledger);
    let memory = &mut state.processes[process].memory[usize::from(pass.uid)];
    if pass.facts.object == Kind::Unseen && record.ledger.is_fenced() && over && !memory.last_look {
        memory.last_look = true;
        memory.walked = rules.drops(Weakness::NoRetention) && memory.walked;
    }
}

/// The status that the end of a pass is worth, if it says anything new.
fn report(pass: &Pass, rest: Rest) -> Option<Pass> {
    let object = pass.object?;
    if pass.facts.object == Kind::Unseen || rest == Rest::Outdated {
        return None;
    }
    let bound = pass
        .record
        .is_some_and(|record| record.ledger.phase == Phase::Bound);
    let ready = rest == Rest::Settled && bound && pass.facts.object == Kind::Live;
    let known = pass.record.and_then(|record| record.ledger.auth_id);
    let changes = ready != object.ready || (known.is_some() && known != object.identity);
    changes.then_some(Pass {
        task: Task::Report { ready },
        ..*pass
    })
}
