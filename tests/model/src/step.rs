//! What each step of a pass does to the world, and what its answer does to the facts: the operator's effects as a table.
//! PURE. Each step is one request; between two of them anything else may happen.

use crate::normal::unused_version;
use crate::rules::Rules;
use crate::state::{Broken, Memory, Pass, State, Task};
use crate::weakness::Weakness;
use crate::world::{Account, Flight, Ledger, Policy, Record, UserSecret, Written};
use vobiz_protocol::facts::{
    self, Confirmation, Evidence, Fence, Made, Object as Kind, Phase as PhaseFact, Predecessor, Remote,
    UserSecret as SecretFact,
};
use vobiz_protocol::judge::{self, Bind, Seen};
use vobiz_protocol::ledger::{Decision, Phase};
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
enum Flow {
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
    if let Some(record) = &pass.record {
        facts.retention_over = rules.drops(Weakness::NoRetention) || retention_over(state, &record.ledger);
        facts.fence = fence(rules, state, process, pass, &record.ledger, memory);
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
    match (seen && memory.settled, seen && memory.walked) {
        (_, true) => Fence::Clean,
        (true, false) => Fence::Unwalked,
        (false, false) => Fence::Settling,
    }
}

/// An account on this process's list with a fenced marker, that no Record in its cache holds.
pub(crate) fn leftover(rules: &Rules, state: &State, process: usize, pass: &Pass) -> Option<u8> {
    let (process, record) = (&state.processes[process], pass.record.as_ref()?);
    let held = |id: u8| {
        let cached = process.cache.records.iter().flatten();
        record.ledger.auth_id == Some(id)
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
    match fault {
        Fault::None => {
            let flow = perform(rules, state, process, pass, step, fault);
            go_on(rules, state, process, flow);
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
            changed
        }
    }
}

/// An error that tells nothing ends the pass, but for a bind: the pair exists nowhere else.
fn fail(rules: &Rules, state: &mut State, process: usize, pass: &Pass, step: Step) {
    let binding = pass.task == Task::LookAgain || (pass.task == Task::Plan && step == Step::Bind);
    let mut pass = *pass;
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

#[expect(clippy::too_many_lines, reason = "one arm for each step")]
fn perform(
    rules: &Rules,
    state: &mut State,
    process: usize,
    mut pass: Pass,
    step: Step,
    fault: Fault,
) -> Flow {
    let uid = pass.uid;
    match pass.task {
        Task::Plan => {}
        Task::LookAgain => return look_again(rules, state, process, pass),
        Task::Report { ready } => {
            let known = pass.record.and_then(|record| record.ledger.auth_id);
            // A late write of a pass without a pair must not clear an id that another pass has written.
            let version = known
                .is_none()
                .then(|| pass.object.map(|object| object.version))
                .flatten();
            state.cluster.patch(uid, version, |object| {
                object.identity = known.or(pass.object.and_then(|seen| seen.identity));
                // The status says for which generation it speaks.
                object.ready = ready && pass.object.is_none_or(|seen| seen.is_of_generation(object));
            });
            return Flow::End;
        }
    }
    let written = match step {
        Step::Rest(_) | Step::TakePermit | Step::RemoveFormerSecret => Written::Refused,
        Step::AddFinalizer => {
            let version = pass.object.map(|object| object.version);
            let written = state
                .cluster
                .patch(uid, version, |object| object.finalizer = true);
            take_object(&mut pass, state);
            written
        }
        Step::ReadRecord => {
            read_record(rules, state, process, &mut pass);
            Written::Done
        }
        Step::OpenRecord if rules.drops(Weakness::NoTombstone) && pass.facts.object == Kind::Deleting => {
            let identity = pass.object.and_then(|object| object.identity);
            let deletes = pass.object.is_some_and(|object| object.policy == Policy::Delete);
            if let Some(id) = identity.filter(|_| deletes) {
                check_delete(rules, state, id);
                state.vobiz.delete(id);
            }
            release(rules, state, &pass);
            return Flow::End;
        }
        Step::OpenRecord | Step::RebuildRecord => {
            let marker = pass.marker.filter(|_| step == Step::RebuildRecord);
            let mut ledger = Ledger::open(state.next_series);
            if let Some((series, epoch)) = marker.filter(|_| rules.drops(Weakness::RebuildUnderOwnEpoch)) {
                (ledger.series, ledger.epoch, ledger.fenced_through) = (series, epoch, epoch - 1);
            }
            let at_once = rules.drops(Weakness::RebuildWithoutLook) && step == Step::RebuildRecord;
            let ledger = match pass.evidence.filter(|_| at_once) {
                Some(id) => ledger.restored(id, id, marker),
                None => ledger,
            };
            let version = unused_version(state, uid);
            let written = state.cluster.create_record(uid, version, ledger);
            if written == Written::Done {
                state.next_series += 1;
                pass.slot = uid;
                take_record(rules, state, process, &mut pass);
                if step == Step::OpenRecord {
                    pass.facts.confirmation = Confirmation::Unasked;
                    pass.facts.looked_again = false;
                    if pass.facts.object == Kind::Live {
                        claim(state, process, &mut pass);
                    }
                }
            }
            written
        }
        Step::TakeOver => {
            let written = swap(rules, state, process, &mut pass, |ledger| {
                if rules.drops(Weakness::TakeoverKeepsEpoch) {
                    ledger
                } else {
                    ledger.taken_over()
                }
            });
            claim(state, process, &mut pass);
            written
        }
        Step::Reopen => {
            let written = swap(rules, state, process, &mut pass, Ledger::reopened);
            claim(state, process, &mut pass);
            written
        }
        Step::ClosePredecessor => match pass.predecessor.take() {
            Some((slot, found)) => {
                let closed = found.ledger.closed(Decision::Delete { cascade: false }, None);
                let written = state.cluster.swap_record(slot, &found, found.uid, closed);
                if written == Written::Done {
                    state.vobiz.fenced(&found.ledger, &closed);
                }
                read_record(rules, state, process, &mut pass);
                written
            }
            None => Written::Refused,
        },
        Step::Reclaim => match pass.predecessor.take() {
            Some((slot, found)) => {
                let ledger = found.ledger.reclaimed().unwrap_or(found.ledger);
                let written = state.cluster.swap_record(slot, &found, uid, ledger);
                pass.slot = slot;
                take_record(rules, state, process, &mut pass);
                if let Some(record) = &pass.record {
                    pass.facts.remote = listed(state, record);
                }
                written
            }
            None => Written::Refused,
        },
        Step::Confirm => {
            confirm(rules, state, process, &mut pass);
            let refuted = pass.facts.confirmation == Confirmation::Refuted;
            let open = pass
                .record
                .is_some_and(|record| record.ledger.phase == Phase::Open);
            if refuted && open && rules.drops(Weakness::RefutedCloses) && pass.facts.object == Kind::Live {
                let delete = Decision::Delete { cascade: false };
                swap(rules, state, process, &mut pass, |ledger| {
                    ledger.closed(delete, None)
                });
            }
            Written::Done
        }
        Step::Create => create(rules, state, process, &mut pass, fault),
        Step::Bind => match pass.made {
            Some(id) => {
                let written = swap(rules, state, process, &mut pass, |ledger| ledger.bound(id, id));
                if written == Written::Done {
                    pass.made = None;
                    pass.facts.made = Made::Nothing;
                } else {
                    if rules.drops(Weakness::CompensateUnread) {
                        pass.facts.made = Made::Fenced;
                    } else {
                        pass.task = Task::LookAgain;
                    }
                    state.processes[process].pass = Some(pass);
                    return Flow::On;
                }
                written
            }
            None => Written::Refused,
        },
        Step::ReadSecret => {
            read_secret(rules, state, &mut pass);
            Written::Done
        }
        Step::ProvePair => {
            prove(state, process, &mut pass);
            Written::Done
        }
        Step::RecoverPair => {
            pass.token_asked = true;
            let known = pass.object.and_then(|object| object.identity);
            if let Some((id, account)) = known.and_then(|id| Some((id, state.vobiz.alive(id)?))) {
                (pass.evidence, pass.marker) = (Some(id), Some(marker_of(*account)));
                pass.facts.evidence = Evidence::Proven;
            }
            Written::Done
        }
        Step::AdoptIdentity | Step::ForgetIdentity => {
            let version = pass.object.map(|object| object.version);
            let identity = pass.evidence.filter(|_| step == Step::AdoptIdentity);
            let written = state.cluster.patch(uid, version, |object| {
                object.identity = identity;
                object.ready &= step == Step::AdoptIdentity;
            });
            take_object(&mut pass, state);
            if step == Step::AdoptIdentity {
                state.processes[process].memory[usize::from(uid)].unspent = None;
                return Flow::End;
            }
            written
        }
        Step::RestorePair => match pass.evidence {
            Some(id) => {
                let marker = pass.marker;
                swap(rules, state, process, &mut pass, |ledger| {
                    ledger.restored(id, id, marker)
                })
            }
            None => Written::Refused,
        },
        Step::PublishSecret => publish(state, &mut pass),
        Step::ReadAccount => {
            read_account(state, &mut pass);
            Written::Done
        }
        Step::Update => update(state, &mut pass),
        Step::Close => close(rules, state, process, &mut pass),
        Step::Delete => match pass.record.and_then(|record| record.ledger.auth_id) {
            Some(id) => {
                check_delete(rules, state, id);
                let deleted = state.vobiz.delete(id);
                pass.facts.remote = if deleted { Remote::Deleted } else { Remote::Gone };
                Written::Done
            }
            None => Written::Refused,
        },
        Step::DeleteMade => {
            if let Some(id) = pass.made {
                check_delete(rules, state, id);
                state.vobiz.delete(id);
                forget(state, process, id);
            }
            return Flow::End;
        }
        Step::DeleteLeftover => {
            if let Some(id) = leftover(rules, state, process, &pass) {
                check_delete(rules, state, id);
                state.vobiz.delete(id);
                forget(state, process, id);
            }
            Written::Done
        }
        Step::ReleaseFinalizer => {
            release(rules, state, &pass);
            let closed = pass
                .record
                .is_some_and(|record| record.ledger.phase == Phase::Closed);
            state.processes[process].memory[usize::from(uid)].proved_gone |= closed;
            return Flow::End;
        }
        Step::DropRecord => {
            if let Some(record) = pass.record {
                state.cluster.drop_record(pass.slot, &record);
            }
            state.processes[process].memory[usize::from(uid)] = Memory::default();
            return Flow::End;
        }
    };
    if written == Written::Refused {
        return Flow::End;
    }
    state.processes[process].pass = Some(pass);
    Flow::On
}

/// Compare-and-swap of the Record that the pass has read.
fn swap(
    rules: &Rules,
    state: &mut State,
    process: usize,
    pass: &mut Pass,
    transition: impl FnOnce(Ledger) -> Ledger,
) -> Written {
    let Some(read) = pass.record else {
        return Written::Refused;
    };
    let ledger = transition(read.ledger);
    let stored = state.cluster.records[usize::from(pass.slot)];
    let believed = match stored {
        Some(stored) if rules.drops(Weakness::SwapWithoutVersion) => stored,
        _ => read,
    };
    let written = state.cluster.swap_record(pass.slot, &believed, read.uid, ledger);
    if written == Written::Done {
        state.vobiz.fenced(&believed.ledger, &ledger);
        take_record(rules, state, process, pass);
    }
    written
}

/// Folds the Record that is stored now into the facts, as a read or a write that was answered does.
fn take_record(rules: &Rules, state: &mut State, process: usize, pass: &mut Pass) {
    let Some(record) = state.cluster.records[usize::from(pass.slot)] else {
        return;
    };
    fold_record(rules, state, process, pass, record);
}

fn fold_record(rules: &Rules, state: &mut State, process: usize, pass: &mut Pass, record: Record) {
    let memory = &mut state.processes[process].memory[usize::from(pass.uid)];
    let fenced_through = small(record.ledger.fenced_through);
    if fenced_through > 0 && memory.fence != fenced_through {
        memory.fence = fenced_through;
        memory.walked = false;
        memory.last_look = false;
        memory.settled = rules.drops(Weakness::NoSettle);
    }
    let current = (small(record.ledger.epoch), record.version);
    if memory.unspent != Some(current) && !rules.drops(Weakness::UnspentOutlivesRecord) {
        memory.unspent = None;
    }
    let known = pass.record.and_then(|record| record.ledger.auth_id);
    let same_account = known.is_none() || known == record.ledger.auth_id;
    pass.facts
        .take_record(record.ledger.fact(memory.unspent.is_some(), true), same_account);
    if rules.drops(Weakness::PolicyDecidedTwice)
        && pass.facts.object == Kind::Unseen
        && record.ledger.phase == Phase::Kept
    {
        pass.facts.record = facts::Record::Present {
            phase: PhaseFact::Closed { account: true },
            fenced: record.ledger.is_fenced(),
            quorum: true,
        };
    }
    let closed = record.ledger.phase == Phase::Closed;
    if rules.drops(Weakness::ReopenBeforeGone) && pass.facts.object == Kind::Live && closed {
        pass.facts.remote = Remote::Gone;
    }
    if rules.drops(Weakness::IdentityIgnored) && pass.facts.object == Kind::Live {
        pass.facts.identity = false;
    }
    pass.record = Some(record);
}

/// This process opened the epoch just now: it may post it once.
fn claim(state: &mut State, process: usize, pass: &mut Pass) {
    let Some(record) = pass.record else { return };
    state.processes[process].memory[usize::from(pass.uid)].unspent =
        Some((small(record.ledger.epoch), record.version));
    pass.facts.record = record.ledger.fact(true, true);
    pass.facts.confirmation = Confirmation::Unasked;
}

fn take_object(pass: &mut Pass, state: &State) {
    let found = state.cluster.object.filter(|object| object.uid == pass.uid);
    if let Some(object) = found {
        pass.facts.finalizer = object.finalizer;
        pass.facts.identity = object.identity.is_some();
        pass.facts.reclaim = object.reclaim;
        pass.object = Some(object);
    }
}

/// Own name first; then what earlier objects of the name left, as far as the cache names it or the object asks for it.
fn read_record(rules: &Rules, state: &mut State, process: usize, pass: &mut Pass) {
    let cached = state.processes[process].cache;
    let cluster = if rules.drops(Weakness::CachedAbsence) && pass.facts.object == Kind::Deleting {
        cached
    } else {
        state.cluster
    };
    if pass.facts.confirmation == Confirmation::Confirmed {
        pass.facts.looked_again = true;
    }
    if pass.facts.object == Kind::Unseen {
        match cluster.records[usize::from(pass.slot)].filter(|record| record.uid == pass.uid) {
            Some(record) => fold_record(rules, state, process, pass, record),
            None => pass.facts.record = facts::Record::Absent,
        }
        return;
    }
    let own = cluster.records[usize::from(pass.uid)].map(|record| (pass.uid, record));
    let asks = pass.facts.reclaim || pass.facts.identity;
    let mut found = own.filter(|(_, record)| record.uid == pass.uid);
    (pass.predecessor, pass.facts.predecessor) = (None, Predecessor::Nothing);
    let settled = found.is_some_and(|(_, record)| record.ledger.phase != Phase::Open);
    for slot in (0_u8..)
        .zip(&cluster.records)
        .map(|(slot, _)| slot)
        .filter(|slot| *slot != pass.uid)
    {
        let Some(record) = cluster.records[usize::from(slot)].filter(|_| !settled) else {
            continue;
        };
        let hinted = cached.records[usize::from(slot)].is_some_and(|cached| {
            cached.uid == pass.uid || cached.ledger.as_predecessor() != Predecessor::Nothing
        });
        if record.uid == pass.uid && (hinted || asks) {
            found = Some((slot, record));
        } else if record.uid != pass.uid && hinted && !rules.drops(Weakness::PredecessorIgnored) {
            pass.facts.predecessor = record.ledger.as_predecessor();
            pass.predecessor = Some((slot, record));
        }
    }
    if let Some((slot, record)) = found {
        pass.slot = slot;
        fold_record(rules, state, process, pass, record);
        return;
    }
    pass.slot = pass.uid;
    pass.record = None;
    pass.facts.record = facts::Record::Absent;
    state.processes[process].memory[usize::from(pass.uid)].unspent = None;
    if rules.drops(Weakness::IdentityIgnored) && pass.facts.object == Kind::Live {
        pass.facts.identity = false;
    }
}

fn confirm(rules: &Rules, state: &mut State, process: usize, pass: &mut Pass) {
    let skips = match pass.facts.object {
        Kind::Live => rules.drops(Weakness::NoConfirmation),
        Kind::Deleting => rules.drops(Weakness::CachedIdentity),
        Kind::Unseen => false,
    };
    if skips {
        pass.facts.confirmation = Confirmation::Confirmed;
        return;
    }
    let believed = pass.object.map(seen);
    let object = if rules.drops(Weakness::CachedGone) && pass.facts.object == Kind::Unseen {
        state.processes[process].cache.object
    } else {
        state.cluster.object
    };
    let found = object.filter(|object| object.uid == pass.uid).map(seen);
    if pass.facts.object != Kind::Unseen {
        take_object(pass, state);
    }
    let nobody = Seen {
        deleting: false,
        finalizer: false,
        identity: None,
        reclaim: false,
    };
    let mut found = found;
    if rules.drops(Weakness::IdentityIgnored) && pass.facts.object == Kind::Live {
        pass.facts.identity = false;
        if let Some(found) = &mut found {
            found.identity = believed.and_then(|believed| believed.identity);
        }
    }
    pass.facts.confirmation = judge::confirm(pass.facts.object, &believed.unwrap_or(nobody), found.as_ref());
    pass.facts.looked_again |= rules.drops(Weakness::NoSecondLook) && pass.facts.object == Kind::Deleting;
    if pass.facts.confirmation == Confirmation::Refuted {
        state.processes[process].memory[usize::from(pass.uid)].unspent = None;
    }
}

fn seen(object: crate::world::Object) -> Seen<u8> {
    Seen {
        deleting: object.deleting,
        finalizer: object.finalizer,
        identity: object.identity,
        reclaim: object.reclaim,
    }
}

fn create(rules: &Rules, state: &mut State, process: usize, pass: &mut Pass, fault: Fault) -> Written {
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
    let Some(bit) = 1_u16.checked_shl(u32::from(epoch)) else {
        state.breaks(Broken::Restless);
        return Written::Refused;
    };
    if state.vobiz.posted[usize::from(series)] & bit != 0 {
        state.breaks(Broken::PostedTwice);
    }
    state.vobiz.posted[usize::from(series)] |= bit;
    // Fenced before it was sent: no proof that was taken before can have seen it.
    let flight = Flight {
        series,
        epoch,
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

fn remembered_after_unknown(rules: &Rules, pass: &Pass) -> Option<(u8, u8)> {
    let record = pass
        .record
        .filter(|_| rules.drops(Weakness::UnspentAfterUnknown))?;
    Some((small(record.ledger.epoch), record.version))
}

fn look_again(rules: &Rules, state: &mut State, process: usize, mut pass: Pass) -> Flow {
    let (Some(claimed), Some(made)) = (pass.record, pass.made) else {
        return Flow::End;
    };
    let found = state.cluster.records[usize::from(pass.slot)];
    let verdict = judge::bind(
        &claimed.ledger,
        &made,
        found.as_ref().map(|record| &record.ledger),
    );
    pass.task = Task::Plan;
    match verdict {
        Bind::Lost if !rules.drops(Weakness::LostIsFenced) => return Flow::End,
        Bind::Lost | Bind::Fenced => pass.facts.made = Made::Fenced,
        Bind::Done | Bind::Again => {
            take_record(rules, state, process, &mut pass);
            if verdict == Bind::Done {
                pass.made = None;
                pass.facts.made = Made::Nothing;
            }
        }
    }
    state.processes[process].pass = Some(pass);
    Flow::On
}

fn read_secret(rules: &Rules, state: &State, pass: &mut Pass) {
    let pair = pass.record.and_then(|record| record.ledger.auth_token);
    pass.secret = state.cluster.secret;
    (pass.evidence, pass.marker) = (None, None);
    let Some(secret) = state.cluster.secret else {
        (pass.facts.secret, pass.facts.evidence) = (SecretFact::Absent, Evidence::Nothing);
        return;
    };
    pass.facts.secret = match pair {
        _ if secret.owner != pass.uid => SecretFact::Foreign,
        Some(id) if id == secret.id => SecretFact::Good,
        _ => SecretFact::Different,
    };
    let claims =
        pass.facts.secret != SecretFact::Foreign && pair.is_none() && !rules.drops(Weakness::NoEvidence);
    pass.evidence = claims.then_some(secret.id);
    pass.facts.evidence = if claims {
        Evidence::Claimed
    } else {
        Evidence::Nothing
    };
}

fn prove(state: &State, process: usize, pass: &mut Pass) {
    let Some(id) = pass.evidence else { return };
    let another = pass
        .object
        .and_then(|object| object.identity)
        .is_some_and(|known| known != id);
    let cached = state.processes[process].cache.records;
    let held = cached
        .iter()
        .flatten()
        .any(|record| record.uid != pass.uid && record.ledger.auth_id == Some(id));
    let found = state.vobiz.alive(id).filter(|_| !another && !held);
    pass.marker = found.copied().map(marker_of);
    pass.facts.evidence = match found {
        Some(_) => Evidence::Proven,
        None => Evidence::Nothing,
    };
}

fn marker_of(account: Account) -> (u8, u32) {
    (account.series, u32::from(account.epoch))
}

fn publish(state: &mut State, pass: &mut Pass) -> Written {
    let Some(id) = pass.record.and_then(|record| record.ledger.auth_token) else {
        return Written::Refused;
    };
    if state.cluster.secret != pass.secret {
        return Written::Refused;
    }
    let secret = UserSecret { owner: pass.uid, id };
    state.cluster.secret = Some(secret);
    state.cluster.collect();
    pass.secret = Some(secret);
    pass.facts.secret = SecretFact::Good;
    Written::Done
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

fn read_account(state: &State, pass: &mut Pass) {
    let Some(id) = pass.record.and_then(|record| record.ledger.auth_id) else {
        return;
    };
    pass.facts.requested = false;
    pass.facts.remote = match (state.vobiz.alive(id), pass.facts.remote) {
        (None, _) => Remote::Gone,
        (Some(_), Remote::Deleted) => Remote::StillThere,
        (Some(account), _) => shown(pass, account.enabled),
    };
}

/// What the account shows, against what the phase of its Record asks for.
fn shown(pass: &Pass, enabled: bool) -> Remote {
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

fn update(state: &mut State, pass: &mut Pass) -> Written {
    let Some(record) = pass.record else {
        return Written::Refused;
    };
    let id = record
        .ledger
        .auth_id
        .filter(|id| state.vobiz.alive(*id).is_some());
    let Some(account) = id.and_then(|id| state.vobiz.accounts[usize::from(id)].as_mut()) else {
        return Written::Refused;
    };
    account.enabled = record.ledger.phase == Phase::Bound;
    pass.facts.remote = Remote::Matches;
    Written::Done
}

/// What the deletion policy comes to, as the pass saw it.
pub(crate) fn decision(pass: &Pass) -> Decision {
    match (pass.facts.object, pass.object.map(|object| object.policy)) {
        (Kind::Deleting, Some(Policy::Disable)) => Decision::Disable,
        (Kind::Deleting, Some(Policy::Retain)) => Decision::Retain,
        _ => Decision::Delete { cascade: false },
    }
}

fn close(rules: &Rules, state: &mut State, process: usize, pass: &mut Pass) -> Written {
    let decision = decision(pass);
    let lives = state.cluster.object.is_some_and(|object| object.uid == pass.uid);
    if pass.facts.object == Kind::Unseen && lives {
        state.breaks(Broken::ClosedLiving);
    }
    let known = pass.object.and_then(|object| object.identity);
    if rules.drops(Weakness::DeleteBeforeClose) && matches!(decision, Decision::Delete { .. }) {
        let Some(mut record) = pass.record else {
            return Written::Refused;
        };
        record.ledger = record.ledger.closed(decision, known);
        fold_record(rules, state, process, pass, record);
        return Written::Done;
    }
    swap(rules, state, process, pass, |ledger| {
        ledger.closed(decision, known)
    })
}

fn release(rules: &Rules, state: &mut State, pass: &Pass) {
    let uid = if rules.drops(Weakness::FinalizerWithoutUid) {
        state.cluster.object.map_or(pass.uid, |object| object.uid)
    } else {
        pass.uid
    };
    let holds = state
        .cluster
        .object
        .is_some_and(|object| object.uid == uid && object.finalizer);
    if holds {
        check_release(state, pass, uid);
        state.cluster.patch(uid, None, |object| object.finalizer = false);
    }
}

/// What must be true when the operator takes its finalizer off.
fn check_release(state: &mut State, pass: &Pass, uid: u8) {
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
fn check_delete(rules: &Rules, state: &mut State, id: u8) {
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

/// A leftover was deleted: the walk that showed it is no longer clean.
fn forget(state: &mut State, process: usize, id: u8) {
    let process = &mut state.processes[process];
    process.roster &= !(1 << id);
    for memory in &mut process.memory {
        memory.walked = false;
    }
}

fn small(epoch: u32) -> u8 {
    u8::try_from(epoch).unwrap_or(u8::MAX)
}
