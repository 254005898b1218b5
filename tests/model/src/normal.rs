//! One form for states that differ in nothing that can ever matter, so that fewer of them are looked at. PURE.

use crate::digest::{digests, whole};
use crate::rules::Rules;
use crate::state::{PROCESSES, State};
use crate::world::{Account, Cluster, UIDS};

/// Longest list of copies of one object or Record: stored, in two caches, in two passes twice, remembered and held twice.
const COPIES: usize = 12;

/// A state in its normal form.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Normal {
    /// The same for whatever is equal. First, so that what differs is mostly seen to differ by it alone.
    pub digest: u64,
    /// The state.
    pub state: State,
}

impl Normal {
    /// Of any state.
    #[must_use]
    pub fn of(rules: &Rules, state: &State) -> Self {
        let mut normal = Self {
            digest: 0,
            state: *state,
        };
        normal.restore(rules);
        normal
    }

    /// What was changed in the state is brought into its normal form again.
    pub fn restore(&mut self, rules: &Rules) {
        simplify(&mut self.state);
        let digests = order(rules, &mut self.state);
        self.digest = whole(&self.state, digests);
    }
}

/// Takes out of a state what can never matter. Its processes keep their places.
pub(crate) fn simplify(state: &mut State) {
    let alive = state.vobiz.living().fold(0, |alive, (id, _)| alive | (1 << id));
    for account in state.vobiz.accounts.iter_mut().flatten() {
        if !account.alive {
            *account = Account {
                series: 0,
                epoch: 0,
                generation: 0,
                parent: 0,
                alive: false,
                enabled: false,
                due: false,
            };
        }
    }
    if state.vobiz.flights[0].is_none() {
        state.vobiz.flights.swap(0, 1);
    }
    for process in &mut state.processes {
        process.roster &= alive;
        if process.pass.is_none() && state.left.stale == 0 {
            process.cache = Cluster::default();
        }
    }
    for uid in 0..UIDS {
        renumber_object(state, uid);
    }
    for slot in 0..UIDS {
        renumber_record(state, slot);
    }
}

/// Processes are alike: which of two is called the first is told by their digests.
fn order(rules: &Rules, state: &mut State) -> [u64; PROCESSES] {
    let mut digests = digests(rules, state);
    if rules.processes == 2 && digests[0] > digests[1] {
        state.processes.swap(0, 1);
        digests.swap(0, 1);
    }
    digests
}

/// Versions are compared for equality alone: the order in which they came is all that is kept.
/// Versions of objects with different uids never meet: each write of one is guarded by its uid.
fn renumber_object(state: &mut State, uid: usize) {
    let mut versions = Versions::default();
    each_object_version(state, uid, |version| versions.note(*version));
    each_object_version(state, uid, |version| *version = versions.rank(*version));
}

fn each_object_version(state: &mut State, uid: usize, mut visit: impl FnMut(&mut u8)) {
    let stored = &mut state.cluster;
    let stored = stored.object.iter_mut().chain(stored.other.0.iter_mut());
    let held = state.processes.iter_mut().flat_map(|process| {
        let pass = process.pass.iter_mut().flat_map(|pass| pass.object.iter_mut());
        let cache = &mut process.cache;
        cache
            .object
            .iter_mut()
            .chain(cache.other.0.iter_mut())
            .chain(pass)
    });
    for object in stored.chain(held).filter(|object| usize::from(object.uid) == uid) {
        visit(&mut object.version);
    }
}

/// Newer than every version of this Record that anybody holds: a resourceVersion never comes twice.
pub(crate) fn unused_version(state: &State, slot: u8) -> u8 {
    let (mut state, mut newest) = (*state, 0);
    each_record_version(&mut state, usize::from(slot), |version| {
        newest = newest.max(*version);
    });
    newest + 1
}

fn renumber_record(state: &mut State, slot: usize) {
    let mut versions = Versions::default();
    each_record_version(state, slot, |version| versions.note(*version));
    each_record_version(state, slot, |version| *version = versions.rank(*version));
}

fn each_record_version(state: &mut State, slot: usize, mut visit: impl FnMut(&mut u8)) {
    if let Some(record) = &mut state.cluster.records[slot] {
        visit(&mut record.version);
    }
    for process in &mut state.processes {
        if let Some(record) = &mut process.cache.records[slot] {
            visit(&mut record.version);
        }
        // An epoch is remembered of the Record under the object's own name alone: one that was taken over is never open.
        if let Some((_, version)) = &mut process.memory[slot].unspent {
            visit(version);
        }
        if let Some(held) = process
            .held
            .as_mut()
            .filter(|held| usize::from(held.slot) == slot)
        {
            visit(&mut held.record.version);
        }
        let Some(pass) = &mut process.pass else { continue };
        if let Some(record) = pass.record.as_mut().filter(|_| usize::from(pass.slot) == slot) {
            visit(&mut record.version);
        }
        if let Some((from, record)) = &mut pass.predecessor
            && usize::from(*from) == slot
        {
            visit(&mut record.version);
        }
    }
}

#[derive(Default)]
struct Versions {
    seen: [u8; COPIES],
    count: usize,
}

impl Versions {
    fn note(&mut self, version: u8) {
        if !self.seen[..self.count].contains(&version) && self.count < COPIES {
            self.seen[self.count] = version;
            self.count += 1;
        }
    }

    fn rank(&self, version: u8) -> u8 {
        let smaller = self.seen[..self.count]
            .iter()
            .filter(|seen| **seen < version)
            .count();
        u8::try_from(smaller + 1).unwrap_or(u8::MAX)
    }
}
