//! The steps that read and write Records. PURE.

use crate::claim::known;
use crate::effect::account::listed;
use crate::effect::secret::marker_of;
use crate::effect::small;
use crate::promise::check_inheritance;
use crate::rules::Rules;
use crate::state::{Broken, Memory, Pass, State, Task};
use crate::step::{Flow, fence_place};
use crate::weakness::Weakness;
use crate::world::{Ledger, Object, Policy, Record, UNPOSTED, Written};
use vobiz_protocol::facts::{
    self, Confirmation, Evidence, Made, Object as Kind, Phase as PhaseFact, Predecessor, Remote,
};
use vobiz_protocol::judge::{self, Bind};
use vobiz_protocol::ledger::{Decision, Phase};
use vobiz_protocol::plan::Step;

/// The Record that a step creates.
pub(crate) fn opened(state: &State, pass: &Pass, step: Step, generation: u8) -> Ledger {
    let series = state.next_series;
    let object = pass.object;
    let (adopts, named) = (
        object.and_then(|object| object.adopts),
        object.and_then(|object| object.identity),
    );
    match (step, adopts, named) {
        // Nothing is posted under it: one for each object is enough, however often the intent comes and goes.
        (_, Some(id), _) => Ledger::adopting(UNPOSTED + pass.uid, generation, id),
        (Step::RebuildRecord, None, Some(id)) => Ledger::rebuilding(series, generation, id),
        _ => Ledger::open(series, generation),
    }
}

/// The Record once it has the account that was there before.
pub(crate) fn adopted(state: &State, pass: &Pass, intent: Ledger) -> Option<Ledger> {
    let id = pass.object?.adopts?;
    let token = pass.evidence.filter(|_| pass.facts.evidence == Evidence::Proven);
    let marker = state.vobiz.alive(id).and_then(|account| marker_of(*account));
    Some(intent.adopted(id, token, marker))
}

/// Compare-and-swap of the Record that the pass has read.
pub(crate) fn swap(
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
pub(crate) fn take_record(rules: &Rules, state: &mut State, process: usize, pass: &mut Pass) {
    let Some(record) = state.cluster.records[usize::from(pass.slot)] else {
        return;
    };
    fold_record(rules, state, process, pass, record);
}

pub(crate) fn fold_record(rules: &Rules, state: &mut State, process: usize, pass: &mut Pass, record: Record) {
    let memory = &mut state.processes[process].memory[fence_place(rules, pass)];
    let fenced_through = small(record.ledger.fenced_through);
    if fenced_through > 0 && memory.fence != fenced_through {
        memory.fence = fenced_through;
        memory.walked = 0;
        memory.last_look = false;
        memory.settled = rules.drops(Weakness::NoSettle);
    }
    let memory = &mut state.processes[process].memory[usize::from(pass.uid)];
    let current = (small(record.ledger.epoch), record.version);
    // Under a newer generation than the Record names nobody would find what is posted.
    let may_post = pass
        .account
        .is_some_and(|account| record.ledger.may_post(account.generation))
        || rules.drops(Weakness::UnspentElsewhere);
    let changed = memory.unspent != Some(current) && !rules.drops(Weakness::UnspentOutlivesRecord);
    if changed || !may_post {
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
pub(crate) fn claim(state: &mut State, process: usize, pass: &mut Pass) {
    let Some(record) = pass.record else { return };
    state.processes[process].memory[usize::from(pass.uid)].unspent =
        Some((small(record.ledger.epoch), record.version));
    pass.facts.record = record.ledger.fact(true, true);
    pass.facts.confirmation = Confirmation::Unasked;
}

/// Own name first; then what earlier objects of the name left, as far as the cache names it or the object asks for it.
pub(crate) fn read_record(rules: &Rules, state: &mut State, process: usize, pass: &mut Pass) {
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
            None => pass.facts.take_no_record(),
        }
        return;
    }
    let own = cluster.records[usize::from(pass.uid)].map(|record| (pass.uid, record));
    let named = pass.object.and_then(|object| object.named());
    let asks = pass.facts.reclaim || named.is_some();
    let mut found = own.filter(|(_, record)| record.uid == pass.uid);
    (pass.predecessor, pass.facts.predecessor) = (None, Predecessor::Nothing);
    let settled = found.is_some_and(|(_, record)| record.ledger.phase != Phase::Open);
    for slot in (0_u8..)
        .zip(&cluster.records)
        .map(|(slot, _)| slot)
        .filter(|slot| *slot != pass.uid && !rules.is_beside())
    {
        let Some(record) = cluster.records[usize::from(slot)].filter(|_| !settled) else {
            continue;
        };
        let hinted = cached.records[usize::from(slot)].is_some_and(|cached| {
            cached.uid == pass.uid || cached.ledger.as_predecessor() != Predecessor::Nothing
        });
        if record.uid == pass.uid && (hinted || asks) {
            found = Some((slot, record));
        } else if record.uid != pass.uid && hinted {
            pass.facts.predecessor = predecessor(rules, named, &record);
            let counts = !matches!(
                pass.facts.predecessor,
                Predecessor::Nothing | Predecessor::Another
            );
            pass.predecessor = counts.then_some((slot, record));
        }
    }
    if let Some((slot, record)) = found {
        pass.slot = slot;
        fold_record(rules, state, process, pass, record);
        return;
    }
    pass.slot = pass.uid;
    pass.record = None;
    if rules.drops(Weakness::SecretOfLostRecord) {
        pass.facts.record = facts::Record::Absent;
    } else {
        pass.facts.take_no_record();
    }
    state.processes[process].memory[usize::from(pass.uid)].unspent = None;
    if rules.drops(Weakness::IdentityIgnored) && pass.facts.object == Kind::Live {
        pass.facts.identity = false;
    }
}

/// What an earlier object left, to an object whose status names this account, or none.
fn predecessor(rules: &Rules, named: Option<u8>, left: &Record) -> Predecessor {
    let found = left.ledger.as_predecessor();
    let with_account = matches!(found, Predecessor::Orphaned | Predecessor::Tokenless);
    let another = named.is_some() && left.ledger.auth_id != named;
    match named {
        _ if rules.drops(Weakness::PredecessorIgnored) => Predecessor::Nothing,
        Some(_) if rules.drops(Weakness::NamedPredecessorIgnored) => Predecessor::Nothing,
        _ if another && with_account && rules.drops(Weakness::AnewBesideAnother) => Predecessor::Nothing,
        _ if another && with_account && !rules.drops(Weakness::ReclaimOfAnother) => Predecessor::Another,
        _ => found,
    }
}

/// From here on the Record that an earlier object left serves this one. One of an earlier namespace of the same name only if a
/// person vouches for it, or the Secret in this namespace holds its very pair.
pub(crate) fn reclaim(rules: &Rules, state: &mut State, process: usize, pass: &mut Pass) -> Written {
    let (Some((slot, found)), Some(object)) = (pass.predecessor.take(), pass.object) else {
        return Written::Refused;
    };
    let proven = state.cluster.secret.map(|secret| secret.id) == found.ledger.auth_id;
    let near = found.namespace == object.namespace || rules.drops(Weakness::NamespaceByName);
    if !(near || proven || rules.accept) {
        if object.adopts.is_some() {
            return Written::Refused;
        }
        // It stays where it is, and is reported.
        pass.predecessor = Some((slot, found));
        pass.facts.reclaim = false;
        return Written::Done;
    }
    let token = pass.evidence.filter(|_| pass.facts.evidence == Evidence::Proven);
    let Some(ledger) = found.ledger.reclaimed(token) else {
        return Written::Refused;
    };
    let written = state.cluster.hand_over(slot, &found, &object, ledger);
    if written == Written::Done {
        check_inheritance(rules, state, &object, &found);
        state.processes[process].memory[usize::from(pass.uid)].unspent = None;
    }
    pass.slot = slot;
    take_record(rules, state, process, pass);
    if let Some(record) = &pass.record {
        pass.facts.remote = listed(state, record);
    }
    written
}

/// The object as it went past our finalizer, as long as that decides what becomes of its account.
pub(crate) fn overtaken(pass: &Pass, memory: Memory) -> Option<Object> {
    let is_bound = pass
        .record
        .is_some_and(|record| record.ledger.phase == Phase::Bound);
    memory
        .overtaken
        .filter(|_| pass.facts.object == Kind::Unseen && is_bound)
}

/// What the deletion policy comes to, as the pass saw it.
pub(crate) fn decision(rules: &Rules, pass: &Pass, memory: Memory) -> Decision {
    let going = pass.object.filter(|_| pass.facts.object == Kind::Deleting);
    let Some(object) = going.or_else(|| overtaken(pass, memory)) else {
        return Decision::Delete { cascade: false };
    };
    let adopted = object.adopts.is_some() || pass.record.is_some_and(|record| record.ledger.adopted);
    match object.policy {
        // Nobody writes to an account that is only looked at.
        _ if object.observes => Decision::Retain,
        Policy::Disable => Decision::Disable,
        Policy::Retain => Decision::Retain,
        // Nobody loses an account that they did not make by a default that they did not write.
        Policy::Unsaid if adopted && !rules.drops(Weakness::AdoptedByDefault) => Decision::Retain,
        Policy::Delete | Policy::Unsaid => Decision::Delete { cascade: false },
    }
}

pub(crate) fn close(rules: &Rules, state: &mut State, process: usize, pass: &mut Pass) -> Written {
    let memory = state.processes[process].memory[usize::from(pass.uid)];
    let decision = decision(rules, pass, memory);
    let lives = state.cluster.object.is_some_and(|object| object.uid == pass.uid);
    if pass.facts.object == Kind::Unseen && lives {
        state.breaks(Broken::ClosedLiving);
    }
    let known = known(rules, state, process, pass);
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

pub(crate) fn look_again(rules: &Rules, state: &mut State, process: usize, mut pass: Pass) -> Flow {
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
            } else {
                pass.looked = true;
            }
        }
    }
    state.processes[process].pass = Some(pass);
    Flow::On
}
