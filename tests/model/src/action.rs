//! Everything that can happen next: a pass begins or takes a step, a process is killed, time passes, a request is carried
//! out late, a person does something. PURE.

use crate::effect;
use crate::held::with_pair;
use crate::normal::Normal;
use crate::people;
use crate::promise;
use crate::rules::Rules;
use crate::state::{Budget, Denied, PROCESSES, Pass, Process, State, Task};
use crate::step::{self, Fault};
use crate::weakness::Weakness;
use crate::world::{Object, Record, UIDS};
use vobiz_protocol::facts::{Account, Adoption, Facts, Fence, Object as Kind, Policy};
use vobiz_protocol::ledger::Phase;

/// What a pass is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Work {
    /// The object that has the name.
    Object,
    /// The object that has the other name.
    Other,
    /// The Record in this slot, without its object.
    Record(u8),
}

/// What a pass begins on: the caches as they are now, or as they were when the pass before began. Each kind is watched by itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Caches {
    /// As they are now.
    Fresh,
    /// The object is an old one.
    OldObject,
    /// The Records are old ones.
    OldRecords,
    /// Everything is old.
    Old,
}

impl Caches {
    const ALL: [Self; 4] = [Self::Fresh, Self::OldObject, Self::OldRecords, Self::Old];
}

/// One thing that happens.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Action {
    /// A pass begins.
    Begin(u8, Work, Caches),
    /// A pass takes its next step.
    Step(u8, Fault),
    /// A process is killed and starts anew.
    Crash(u8),
    /// Requests that were sent before a process saw this object's fence can no longer commit.
    Settle(u8, u8),
    /// A process walks the list; what it does not show is not there. (What makes that true has a model of its own.)
    Walk(u8),
    /// It walks the list of the newer generation, for what was made under that and is not shown by its Account's own.
    WalkForMarks(u8),
    /// A create request is carried out late.
    Commit(u8),
    /// A create request is never carried out.
    Vanish(u8),
    /// The deletion policy is edited.
    Edit,
    /// The object is deleted.
    Delete,
    /// The deletion of an object without our finalizer begins: it is not looked for again.
    BeginDeletion,
    /// It is carried out, whatever is on the object by now.
    CarryOut,
    /// The object of the other name is deleted.
    DeleteOther,
    /// `spec.managementPolicy` is edited.
    Observe,
    /// The Account lists the account that is there already, or lists it no more.
    Grant,
    /// Somebody writes another token into the user's Secret.
    Forge,
    /// The namespace may not use the Account any more.
    Bar,
    /// It may again.
    Admit,
    /// The next object of the name is created.
    Create,
    /// Our finalizer is taken off by somebody else.
    Strip,
    /// The user's Secret is deleted.
    LoseSecret,
    /// A Record is deleted.
    LoseRecord(u8),
    /// An account is deleted by somebody else.
    DeleteOutside(u8),
    /// The object is restored under a new uid.
    Restore {
        /// With its status.
        status: bool,
        /// In a namespace that was made again.
        anew: bool,
    },
    /// The owner is taken off the user's Secret.
    Orphan,
    /// A bound Record is restored as it was before its bind.
    RollBack(u8),
    /// The API server refuses every write of this kind from now on.
    Deny(Denied),
    /// It refuses none any more.
    Allow,
    /// The Account is edited to the other generation of the API.
    Move,
    /// The Account is deleted.
    DropAccount,
    /// It is made again, with the pair of this parent.
    MakeAccount(u8),
    /// Vobiz answers 404 for every single account from now on.
    LoseRoute,
    /// It does so no more.
    FindRoute,
    /// Vobiz accepts deletions and carries out none from now on.
    IgnoreDeletions,
    /// It carries them out again.
    HeedDeletions,
}

/// The newest generation of the API.
const NEWEST: u8 = 2;

const PROCESS_NUMBERS: [u8; PROCESSES] = [0, 1];

/// Everything that may happen in this state.
pub fn all(rules: &Rules, state: &State, actions: &mut Vec<Action>) {
    let left = &state.left;
    for process in PROCESS_NUMBERS.into_iter().take(usize::from(rules.processes)) {
        let held = &state.processes[usize::from(process)];
        if let Some(pass) = &held.pass {
            steps(rules, state, process, pass, actions);
        } else {
            begins(rules, left, process, actions);
        }
        if left.crashes > 0 {
            actions.push(Action::Crash(process));
        }
    }
    for (number, flight) in (0_u8..).zip(&state.vobiz.flights) {
        if flight.is_some() {
            actions.extend([Action::Commit(number), Action::Vanish(number)]);
        }
    }
    people::possible(state, actions);
}

fn begins(rules: &Rules, left: &Budget, process: u8, actions: &mut Vec<Action>) {
    let ages = if left.stale > 0 { Caches::ALL.len() } else { 1 };
    for caches in Caches::ALL.into_iter().take(ages) {
        actions.push(Action::Begin(process, Work::Object, caches));
        actions.extend(
            rules
                .is_beside()
                .then_some(Action::Begin(process, Work::Other, caches)),
        );
        actions.extend(slots().map(|slot| Action::Begin(process, Work::Record(slot), caches)));
    }
    actions.extend(slots().map(|uid| Action::Settle(process, uid)));
    actions.extend([Action::Walk(process), Action::WalkForMarks(process)]);
}

fn steps(rules: &Rules, state: &State, process: u8, pass: &Pass, actions: &mut Vec<Action>) {
    let left = &state.left;
    actions.push(Action::Step(process, Fault::None));
    if left.failures > 0 {
        actions.push(Action::Step(process, Fault::Before));
    }
    if left.unknowns > 0 {
        actions.push(Action::Step(process, Fault::After));
    }
    // What comes next is asked for only where that matters: it costs as much as the step itself.
    if left.refusals + left.unknowns > 0 && pass.task == Task::Plan && posts(rules, state, process, pass) {
        if left.refusals > 0 {
            actions.push(Action::Step(process, Fault::Refused));
        }
        if left.unknowns > 0 {
            actions.extend([Fault::NeverSent, Fault::Late].map(|fault| Action::Step(process, fault)));
        }
    }
}

/// Whether the next step of a pass that goes by its plan is the create request.
fn posts(rules: &Rules, state: &State, process: u8, pass: &Pass) -> bool {
    let seen_by = |state: &State| step::next(rules, state, usize::from(process), pass);
    let next = if rules.is_other(pass.uid) {
        let mut turned = *state;
        turned.turn();
        seen_by(&turned)
    } else {
        seen_by(state)
    };
    next == vobiz_protocol::plan::Step::Create
}

/// The uid that an action acts for, where it acts for one.
fn acts_for(state: &State, action: Action) -> u8 {
    match action {
        Action::Begin(_, Work::Other, _) => 1,
        Action::Begin(_, Work::Record(slot), _) => slot,
        Action::Step(process, _) => state.processes[usize::from(process)]
            .pass
            .map_or(0, |pass| pass.uid),
        _ => 0,
    }
}

/// Of Records; and uids.
pub(crate) fn slots() -> impl Iterator<Item = u8> {
    (0..UIDS).filter_map(|slot| u8::try_from(slot).ok())
}

/// The state after this, in its normal form; none if it cannot happen, or changes nothing.
#[must_use]
pub(crate) fn apply(rules: &Rules, before: &Normal, action: Action) -> Option<Normal> {
    let mut after = *before;
    if !happen(rules, &mut after.state, action) {
        return None;
    }
    after.restore(rules);
    (after != *before).then_some(after)
}

/// The state after this as it is: processes, versions and dead accounts keep their places. None if it cannot happen.
#[must_use]
pub fn after(rules: &Rules, state: &State, action: Action) -> Option<State> {
    let mut after = *state;
    happen(rules, &mut after, action).then_some(after)
}

/// Makes of a state what it is after this. False if it cannot happen: the state is good for nothing then.
pub(crate) fn happen(rules: &Rules, state: &mut State, action: Action) -> bool {
    let named = state.cluster.object.and_then(|object| object.identity);
    // Whoever acts for the object of the other name sees that one in the first place.
    let turned = rules.is_other(acts_for(state, action));
    if turned {
        state.turn();
    }
    let left = &mut state.left;
    let happens = match action {
        Action::Begin(process, work, caches) => {
            left.stale -= u8::from(caches != Caches::Fresh);
            begin(rules, state, usize::from(process), work, caches)
        }
        Action::Step(process, fault) => {
            match fault {
                Fault::None => {}
                Fault::Before => left.failures -= 1,
                Fault::After | Fault::NeverSent | Fault::Late => left.unknowns -= 1,
                Fault::Refused => left.refusals -= 1,
            }
            step::take(rules, state, usize::from(process), fault)
        }
        Action::Crash(process) => {
            left.crashes -= 1;
            let before = state.processes[usize::from(process)];
            state.unseen |= before.memory.iter().any(|memory| memory.overtaken.is_some());
            state.processes[usize::from(process)] = Process::fresh(&state.cluster);
            before.pass.is_some()
                || before.memory != Process::fresh(&state.cluster).memory
                || before.roster != 0
                || before.held.is_some()
        }
        Action::Settle(process, uid) => settle(state, usize::from(process), usize::from(uid)),
        Action::Walk(process) => match state.account {
            Some(account) => walk(rules, state, usize::from(process), account.generation),
            None => false,
        },
        Action::WalkForMarks(process) => {
            state.account.is_some_and(|account| account.generation < NEWEST)
                && walk(rules, state, usize::from(process), NEWEST)
        }
        Action::Commit(number) => commit(rules, state, usize::from(number)),
        Action::Vanish(number) => state.vobiz.flights[usize::from(number)].take().is_some(),
        person => people::act(rules, state, person),
    };
    if turned {
        state.turn();
    }
    // What a backup of the object would hold.
    state.backup = named.or(state.backup).filter(|_| state.left.restores > 0);
    happens
}

fn settle(state: &mut State, process: usize, uid: usize) -> bool {
    let memory = &mut state.processes[process].memory[uid];
    let waiting = state.vobiz.flights.iter().flatten().any(|flight| flight.due);
    if memory.fence == 0 || memory.settled || waiting {
        return false;
    }
    memory.settled = true;
    true
}

fn walk(rules: &Rules, state: &mut State, process: usize, generation: u8) -> bool {
    // Everything else is asked for under the recorded parent.
    let asked = state
        .account
        .filter(|_| rules.drops(Weakness::AnyParent))
        .map(|account| account.id);
    let listed = state
        .vobiz
        .living()
        .filter(|(_, account)| asked.is_none_or(|parent| parent == account.parent));
    let (mut all, mut marked) = (0, 0);
    for (id, account) in listed {
        all |= 1 << id;
        marked |= u8::from(account.generation <= generation) << id;
    }
    let process = &mut state.processes[process];
    let wanted = process.memory.iter().any(|memory| {
        let settled = memory.settled && memory.walked < generation;
        settled || matches!(memory.missing, Some((_, false))) || memory.accepted.is_some()
    });
    let remembered = rules.drops(Weakness::EarlierWalk).then_some(all);
    if !wanted && process.walked == remembered {
        // A list that nobody waits for changes nothing that matters: leftovers are deleted when they are proved.
        return false;
    }
    // What a newer list has shown is not gone because an older one does not show it.
    process.roster = (process.roster & all) | marked;
    process.walked = remembered;
    for memory in &mut process.memory {
        if memory.settled {
            memory.walked = memory.walked.max(generation);
        }
        if let Some(id) = memory.accepted.take()
            && all & (1 << id) == 0
        {
            memory.proved_gone = Some(id);
        }
        // What the list shows is asked for again.
        memory.missing = memory
            .missing
            .filter(|(id, _)| all & (1 << id) == 0)
            .map(|(id, _)| (id, true));
    }
    true
}

fn commit(rules: &Rules, state: &mut State, number: usize) -> bool {
    let Some(flight) = state.vobiz.flights[number].take() else {
        return false;
    };
    state.vobiz.commit(flight);
    promise::check_multiplied(rules, state, flight.series);
    true
}

fn begin(rules: &Rules, state: &mut State, process: usize, work: Work, caches: Caches) -> bool {
    let held = &mut state.processes[process];
    if held.pass.is_some() {
        return false;
    }
    let now = state.cluster;
    match caches {
        Caches::Fresh => held.cache = now,
        Caches::OldObject => held.cache.records = now.records,
        Caches::OldRecords => (held.cache.object, held.cache.secret) = (now.object, now.secret),
        Caches::Old => {}
    }
    let cache = held.cache;
    let pass = match work {
        Work::Object | Work::Other => {
            let Some(object) = cache.object else { return false };
            let pass = object_pass(rules, state, cache.record_of(object.uid), object);
            match state.processes[process].held {
                Some(held) if held.uid == object.uid => with_pair(pass, held),
                _ => pass,
            }
        }
        Work::Record(slot) => {
            // What is in memory only is not left to itself, whatever has become of its Record.
            if let Some(held) = held.held.filter(|held| held.slot == slot) {
                let pass = empty(rules, state, held.uid, Kind::Unseen);
                return step::begin(rules, state, process, with_pair(pass, held));
            }
            let Some(record) = cache.records[usize::from(slot)] else {
                return false;
            };
            let lives = cache.object.is_some_and(|object| object.uid == record.uid);
            let ended = matches!(record.ledger.phase, Phase::Closed | Phase::Kept);
            if lives && (ended || !record.ledger.is_fenced()) {
                return false;
            }
            let mut pass = empty(rules, state, record.uid, Kind::Unseen);
            (pass.slot, pass.record) = (slot, Some(record));
            pass
        }
    };
    step::begin(rules, state, process, pass)
}

fn object_pass(rules: &Rules, state: &State, record: Option<(u8, Record)>, object: Object) -> Pass {
    let kind = if object.deleting {
        Kind::Deleting
    } else {
        Kind::Live
    };
    let mut pass = empty(rules, state, object.uid, kind);
    pass.object = Some(object);
    pass.facts.finalizer = object.finalizer;
    pass.facts.identity = object.identity.is_some();
    pass.facts.applied = object.ready;
    pass.facts.reclaim = object.reclaim;
    pass.facts.observes = object.observes;
    pass.facts.adoption = match object.adopts {
        Some(_) => Adoption::Asked,
        None => Adoption::Unasked,
    };
    if let Some((slot, record)) = record {
        pass.slot = slot;
        if kind == Kind::Live && record.ledger.is_trusted_from_cache(object.named().as_ref()) {
            pass.record = Some(record);
            pass.facts.record = record.ledger.fact(false, false);
            pass.facts.remote = effect::account::listed(state, &record);
        }
    }
    pass
}

fn empty(rules: &Rules, state: &State, uid: u8, object: Kind) -> Pass {
    Pass {
        uid,
        account: state.account,
        slot: uid,
        task: Task::Plan,
        facts: Facts {
            recreate: rules.recreate,
            account: Account::Ready,
            fence: Fence::Clean,
            policy: Policy::Decided,
            ..Facts::unknown(object)
        },
        object: None,
        record: None,
        predecessor: None,
        secret: None,
        evidence: None,
        marker: None,
        made: None,
        token_asked: false,
        looked: false,
        observed: state.cluster.object_of(uid).is_some_and(|object| object.observes),
        granted: state.granted,
    }
}
