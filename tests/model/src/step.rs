//! How a pass goes on: the step that `plan` decides on, and what becomes of the pass where a request fails. PURE.
//! Each step is one request; between two of them anything else may happen.

use crate::claim::claim;
use crate::denied::denied_to;
use crate::effect::account::{self, remembered_after_unknown};
use crate::effect::perform;
use crate::held::hold;
use crate::promise::check_lost_pair;
use crate::recall::{missing, recalled, remember_proofs};
use crate::rules::Rules;
use crate::state::{Memory, Pass, State, Task};
use crate::weakness::Weakness;
use crate::world::Ledger;
use vobiz_protocol::facts::{self, Adoption, Confirmation, Fence, Made, Object as Kind, Remote};
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
    (facts.account, facts.policy) = account::allows(rules, state, pass, memory);
    facts.token_shown = rules.shows_tokens && !pass.token_asked;
    facts.claim = claim(rules, state, process, pass);
    facts.adoption = match pass.object.and_then(|object| object.adopts) {
        Some(_) if rules.drops(Weakness::AdoptionPosted) => Adoption::Unasked,
        Some(_) if state.granted => Adoption::Granted,
        Some(_) => Adoption::Asked,
        None => Adoption::Unasked,
    };
    let is_bound = pass
        .record
        .is_some_and(|record| record.ledger.phase == Phase::Bound);
    if is_bound && rules.drops(Weakness::ObservedByCache) && facts.object == Kind::Live {
        facts.confirmation = Confirmation::Confirmed;
    }
    facts.overtaken =
        facts.object == Kind::Unseen && memory.overtaken.is_some() && !rules.drops(Weakness::OvertakenKept);
    // Without the Account nothing can be decided.
    facts.overtaken &= state.account.is_some();
    facts.pairs_held = state.processes[process]
        .held
        .is_some_and(|held| held.uid != pass.uid);
    if let Some(record) = &pass.record {
        facts.retention_over = rules.drops(Weakness::NoRetention) || retention_over(state, &record.ledger);
        let of_fence = state.processes[process].memory[fence_place(rules, pass)];
        facts.fence = fence(rules, state, process, pass, &record.ledger, of_fence);
        // Retention may have ended since the pass came to this step.
        if facts.fence == Fence::Clean && owes_last_look(rules, pass, facts.retention_over, of_fence) {
            facts.fence = Fence::Unwalked;
        }
        if let (Remote::Unknown, Some(id)) = (facts.remote, record.ledger.auth_id) {
            facts.remote = recalled(record.ledger.phase, id, memory);
        }
        facts.shared = facts.remote == Remote::Deleted && memory.accepted == record.ledger.auth_id;
        if let Some(id) = record.ledger.auth_id {
            facts.remote = missing(rules, facts.remote, id, memory);
        }
    }
    if rules.drops(Weakness::ImpatientTakeover) && facts.object == Kind::Live {
        facts.fence = Fence::Clean;
    }
    facts
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
    let shown = memory.walked > 0 && (ledger.is_shown_by(memory.walked) || rules.drops(Weakness::AnyWalk));
    match (seen && memory.settled, seen && shown) {
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
    let step = next(rules, state, process, &pass);
    if step == Step::AddFinalizer && rules.budget.overtakes > 0 {
        // Noted before the request leaves, whatever becomes of that.
        state.processes[process].memory[usize::from(pass.uid)].held = true;
    }
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
            let before = *state;
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

/// Where a process remembers what it saw of the fence of this Record: two Records may serve one object.
pub(crate) fn fence_place(rules: &Rules, pass: &Pass) -> usize {
    usize::from(if rules.drops(Weakness::FenceOfObject) {
        pass.uid
    } else {
        pass.slot
    })
}

/// Before a tombstone goes, what came late in all its time is looked for once more.
fn last_look(rules: &Rules, state: &mut State, process: usize, pass: &Pass) {
    let Some(record) = &pass.record else { return };
    let over = retention_over(state, &record.ledger);
    let memory = &mut state.processes[process].memory[fence_place(rules, pass)];
    if owes_last_look(rules, pass, over, *memory) {
        (memory.last_look, memory.walked) = (true, 0);
    }
}

fn owes_last_look(rules: &Rules, pass: &Pass, retention_over: bool, memory: Memory) -> bool {
    let is_fenced = pass.record.is_some_and(|record| record.ledger.is_fenced());
    let is_tombstone = pass.facts.object == Kind::Unseen && is_fenced;
    is_tombstone && retention_over && !memory.last_look && !rules.drops(Weakness::NoRetention)
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
