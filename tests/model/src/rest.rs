//! From any state: no more faults, what is under way is finished, everybody works until nothing changes. Is it good then?
//! PURE.

use crate::action::{self, Action, Caches, Work};
use crate::normal::{Normal, simplify};
use crate::rules::Rules;
use crate::state::{Broken, Budget, Parent, State};
use crate::step::Fault;
use crate::world::{Account, FLIGHTS, Object, UIDS, UNMARKED};
use dashmap::DashSet;
use foldhash::fast::FixedState;
use vobiz_protocol::ledger::Phase;

/// Rounds in which everybody works; more of them, and it never ends.
const MOST_ROUNDS: usize = 12;
/// Steps of one pass; more of them, and it goes in circles.
const MOST_STEPS: usize = 60;

/// States that are known to come to a good rest, by their hash. What follows without faults follows from the state alone, so
/// that one run to rest speaks for every state on its way with which a round begins, and for all that differ in the faults to come.
#[derive(Debug, Default)]
pub struct KnownGood {
    hashes: DashSet<u64, FixedState>,
}

impl KnownGood {
    fn knows(&self, digest: u64) -> bool {
        self.hashes.contains(&digest)
    }

    fn learn(&self, digests: &[u64]) {
        for digest in digests {
            self.hashes.insert(*digest);
        }
    }
}

/// What is wrong once everything has come to rest; none if it is good, however the requests under way end.
#[must_use]
pub fn verdict(rules: &Rules, state: &State, known: &KnownGood) -> Option<Broken> {
    if let Some(broken) = state.broken {
        return Some(broken);
    }
    let calm = State {
        left: Budget::default(),
        backup: None,
        denied: None,
        lost_route: false,
        deaf: false,
        account: Some(account(rules, state)),
        ..*state
    };
    // Whoever may not use the Account may some day, and goes in peace if not.
    let broken = ending(rules, &calm, known);
    if broken.is_some() || !calm.barred {
        return broken;
    }
    let admitted = State {
        barred: false,
        ..calm
    };
    ending(rules, &admitted, known)
}

/// How a calm state ends, however the requests under way do.
fn ending(rules: &Rules, calm: &State, known: &KnownGood) -> Option<Broken> {
    let mut carried_out = *calm;
    let under_way = || {
        let flights = numbers(FLIGHTS).zip(&calm.vobiz.flights);
        flights.filter_map(|(number, flight)| flight.map(|_| number))
    };
    for flight in under_way() {
        action::happen(rules, &mut carried_out, Action::Commit(flight));
    }
    at_rest(rules, &carried_out, known).or_else(|| {
        // Without requests under way both endings are the same.
        under_way().next()?;
        let mut vanished = *calm;
        vanished.vobiz.flights = [None; FLIGHTS];
        at_rest(rules, &vanished, known)
    })
}

fn at_rest(rules: &Rules, state: &State, known: &KnownGood) -> Option<Broken> {
    let mut way = Vec::new();
    let broken = match run(rules, state, |digest| {
        let is_known = known.knows(digest);
        if !is_known {
            way.push(digest);
        }
        is_known
    }) {
        Run::Known => None,
        Run::Rested(rested) => rested.broken.or_else(|| judge(rules, &rested)),
        Run::Restless => Some(Broken::Restless),
    };
    if broken.is_none() {
        known.learn(&way);
    }
    broken
}

/// Whoever lives or waits has an Account of its parent again.
fn account(rules: &Rules, state: &State) -> Parent {
    let mut records = state.cluster.records.iter().flatten();
    let asked = state.account.unwrap_or(Parent {
        id: 0,
        generation: rules.generation,
    });
    Parent {
        id: records.next().map_or(asked.id, |record| record.parent),
        ..asked
    }
}

/// How a run to rest ended.
#[derive(Clone, Debug)]
pub enum Run {
    /// It came to a state that is known.
    Known,
    /// It came to rest here.
    Rested(Box<State>),
    /// It does not come to rest.
    Restless,
}

/// Runs to rest, or to a state with which a round begins and whose digest `known` says is known.
pub fn run(rules: &Rules, state: &State, mut known: impl FnMut(u64) -> bool) -> Run {
    let mut state = *state;
    if finish(rules, &mut state).is_none() {
        return Run::Restless;
    }
    for number in 0..MOST_ROUNDS {
        state.account = Some(account(rules, &state));
        let begun = Normal::of(rules, &state);
        if known(begun.digest) {
            return Run::Known;
        }
        state = begun.state;
        let Some(changed) = round(rules, &mut state, number % 2 == 1) else {
            return Run::Restless;
        };
        if state.broken.is_some() || !changed {
            return Run::Rested(Box::new(state));
        }
    }
    Run::Restless
}

/// Everybody does all there is to do, once, one process after the other, or the other way round. Whether any of it changed anything;
/// none if it does not end.
fn round(rules: &Rules, state: &mut State, reversed: bool) -> Option<bool> {
    let mut changed = false;
    for process in numbers(usize::from(rules.processes)) {
        let process = if reversed {
            rules.processes - 1 - process
        } else {
            process
        };
        let objects = [Work::Object, Work::Other].into_iter();
        let objects = objects.take(1 + usize::from(rules.is_beside()));
        let work = objects.chain(numbers(UIDS).map(Work::Record));
        let passes = work.map(|work| Action::Begin(process, work, Caches::Fresh));
        let settle = numbers(UIDS).map(|slot| Action::Settle(process, slot));
        for action in passes
            .chain(settle)
            .chain([Action::Walk(process), Action::WalkForMarks(process)])
        {
            let before = *state;
            if action::happen(rules, state, action) {
                finish(rules, state)?;
                changed = changed || *state != before;
            } else {
                *state = before;
            }
        }
    }
    Some(changed)
}

/// Ends every pass under way; none if one does not end.
fn finish(rules: &Rules, state: &mut State) -> Option<()> {
    for _ in 0..MOST_STEPS {
        let busy = (0_u8..)
            .zip(&state.processes)
            .find(|(_, process)| process.pass.is_some());
        let Some((process, _)) = busy else {
            return Some(());
        };
        if !action::happen(rules, state, Action::Step(process, Fault::None)) {
            return None;
        }
        if state.processes[usize::from(process)].pass.is_none() {
            // The pass that another process still has under way goes on as one after it would be explored.
            simplify(state);
        }
    }
    None
}

fn judge(rules: &Rules, state: &State) -> Option<Broken> {
    let mut other = *state;
    other.turn();
    for state in [state, &other] {
        let Some(object) = state.cluster.object else {
            continue;
        };
        if object.deleting && object.finalizer {
            return Some(Broken::Stuck);
        }
        let served = if state.barred {
            !object.ready
        } else if object.adopts.is_some() {
            has_adopted(rules, state, &object)
        } else {
            is_served(rules, state, &object)
        };
        if !(served || is_only_looked_at(state, &object)) {
            return Some(Broken::Unserved);
        }
    }
    let object = state.cluster.object;
    // What an attempt left is not touched while its object is to be only looked at, or may not use the Account; nor is what is to be made
    // anew then.
    let waiting = object.filter(|object| object.observes || (state.barred && !object.deleting));
    let waiting = waiting.and_then(|object| state.cluster.record_of(object.uid));
    let waits = |id: u8, series: u8| {
        waiting.is_some_and(|(_, record)| {
            record.ledger.series == series || (state.barred && record.ledger.auth_id == Some(id))
        })
    };
    // It says that it may not use the Account, not what else is the matter with it.
    let named = |id: u8| state.barred && object.is_some_and(|object| object.named() == Some(id));
    let explained = |id: u8| {
        state.cluster.records.iter().flatten().any(|record| {
            record.ledger.auth_id == Some(id)
                && match record.ledger.phase {
                    Phase::Bound => {
                        let lives = state.cluster.object_of(record.uid).is_some();
                        // Reported and kept: the object went without its finalizer, or while it took the account over.
                        lives || rules.budget.strips > 0 || rules.reclaim || state.unseen
                    }
                    Phase::Kept => true,
                    Phase::Open | Phase::Closed => false,
                }
        })
    };
    // The object says that its pair is lost: a person decides.
    let reported =
        |id: u8| object.is_some_and(|object| object.identity == Some(id) && is_lost(rules, state, &object));
    let held = |id: u8| {
        let mut records = state.cluster.records.iter().flatten();
        records.any(|record| record.ledger.names(&id))
    };
    // What was there before may stay as it was.
    let untouched = |id: u8, account: &Account| account.series == UNMARKED && !held(id);
    let left = state.vobiz.living().any(|(id, account)| {
        let known = explained(id) || reported(id) || named(id) || untouched(id, account);
        !known && !waits(id, account.series)
    });
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

/// What an object says that was first to have its account made, and is to be only looked at before it was.
fn is_only_looked_at(state: &State, object: &Object) -> bool {
    let record = state
        .cluster
        .record_of(object.uid)
        .map(|(_, record)| record.ledger);
    let is_bound = record.is_some_and(|ledger| ledger.phase == Phase::Bound);
    object.observes && object.adopts.is_none() && !is_bound && !object.ready
}

/// The object that names an account which is there already has it, as far as it may, or says why not; and then it stands in nobody's way.
fn has_adopted(rules: &Rules, state: &State, object: &Object) -> bool {
    let cluster = &state.cluster;
    let id = object.adopts;
    let account = id.and_then(|id| state.vobiz.alive(id));
    let pair = cluster.secret.filter(|secret| {
        let reachable = secret.owner == Some(object.uid) || (secret.owner.is_none() && secret.allows);
        reachable && !secret.forged && Some(secret.id) == id
    });
    match cluster.record_of(object.uid).map(|(_, record)| record.ledger) {
        Some(ledger) if ledger.phase == Phase::Bound => {
            let told = object.identity == id && ledger.auth_id == id && object.finalizer;
            let whole = ledger.auth_token == id && pair.is_some_and(|pair| pair.owner == Some(object.uid));
            // Without its token it says that this is lost.
            let tokenless = ledger.auth_token.is_none() && ledger.adopted && pair.is_none();
            let kept = account.is_some_and(|account| account.enabled || object.observes);
            let gone = account.is_none() && rules.budget.outside > 0 && !object.ready;
            told && (gone
                || (kept && ((whole && object.ready) || (tokenless && object.ready == object.observes))))
        }
        Some(_) => false,
        None => {
            let mut others = cluster
                .records
                .iter()
                .flatten()
                .filter(|record| record.uid != object.uid);
            let taken = others.any(|record| {
                let marked = account.is_some_and(|account| account.series == record.ledger.series);
                id.is_some_and(|id| record.ledger.names(&id)) || marked
            });
            let taken = taken || cluster.other.0.is_some_and(|other| other.identity == id);
            let may = state.granted || pair.is_some();
            let inherits = may_take_over(rules, state, object);
            !(object.ready || inherits || (may && account.is_some() && !taken))
        }
    }
}

/// The living object has its account and its pair, or says why not.
fn is_served(rules: &Rules, state: &State, object: &Object) -> bool {
    let cluster = &state.cluster;
    let record = cluster.record_of(object.uid).map(|(_, record)| record.ledger);
    let orphan =
        cluster.records.iter().flatten().any(|record| {
            record.uid != object.uid && matches!(record.ledger.phase, Phase::Bound | Phase::Kept)
        });
    match record {
        Some(ledger) if ledger.phase == Phase::Bound => {
            let account = ledger.auth_id.and_then(|id| state.vobiz.alive(id));
            let missing =
                account.is_none() && rules.budget.outside > 0 && (!rules.recreate || object.observes);
            let published = cluster
                .secret
                .is_some_and(|secret| secret.owner == Some(object.uid) && Some(secret.id) == ledger.auth_id);
            let whole = account.is_some_and(|account| account.enabled || object.observes)
                && object.identity == ledger.auth_id
                && ledger.auth_token == ledger.auth_id
                && object.finalizer
                && (object.ready || !published);
            // A create beside what an earlier object left needs a cache that did not know of it.
            let alone = !orphan || rules.budget.stale > 0;
            (published || foreign_secret(state, object)) && (missing || (whole && alone))
        }
        Some(ledger) if ledger.phase != Phase::Open => false,
        open => {
            let unposted = open.is_none() || foreign_secret(state, object);
            let says = match object.identity {
                // Orphan found.
                None => orphan && unposted && !may_take_over(rules, state, object),
                // Orphan found, or another's account, or the pair is lost.
                Some(id) => {
                    let mut others = cluster.records.iter().flatten();
                    let held =
                        others.any(|record| record.uid != object.uid && record.ledger.auth_id == Some(id));
                    if held {
                        !may_take_over(rules, state, object)
                    } else {
                        is_lost(rules, state, object) || orphan
                    }
                }
            };
            says && !object.ready
        }
    }
}

/// Whether there is something left that the object asks for and may have.
fn may_take_over(rules: &Rules, state: &State, object: &Object) -> bool {
    let mut records = state.cluster.records.iter().flatten();
    (object.reclaim || object.adopts.is_some())
        && records.any(|record| {
            record.uid != object.uid
                && matches!(record.ledger.phase, Phase::Bound | Phase::Kept)
                && (record.ledger.auth_token.is_some() || record.ledger.adopted)
                && !rules.is_beside()
                && (object.named().is_none() || object.named() == record.ledger.auth_id)
                && (rules.accept || record.namespace == object.namespace)
        })
}

/// The Secret has no owner and holds the working pair of another account: nobody writes over it.
fn foreign_secret(state: &State, object: &Object) -> bool {
    let own = state.cluster.record_of(object.uid);
    let own = own.and_then(|(_, record)| record.ledger.auth_id);
    state.cluster.secret.is_some_and(|secret| {
        secret.owner.is_none() && own != Some(secret.id) && state.vobiz.alive(secret.id).is_some()
    })
}

fn is_lost(rules: &Rules, state: &State, object: &Object) -> bool {
    let may_be = rules.budget.lost_records + rules.budget.rollbacks > 0 || state.restored;
    object.identity.is_some() && may_be && !rules.recreate
}

fn numbers(end: usize) -> impl Iterator<Item = u8> {
    (0..end).filter_map(|number| u8::try_from(number).ok())
}
