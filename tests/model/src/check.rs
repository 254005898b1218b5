//! Runs one exploration with the checker. I/O (threads, a time limit).

use crate::action::{self, Action};
use crate::normal::Normal;
use crate::rest::{self, KnownGood};
use crate::rules::Rules;
use crate::state::Broken;
use stateright::{Checker, Model, Path, Property};
use std::hash::{Hash, Hasher};
use std::num::NonZero;
use std::time::{Duration, Instant};

const GOOD: &str = "every promise holds here and, without further faults, at rest";

/// A state as the checker keeps it: known by our own hash, which costs less than the checker's.
#[derive(Clone, PartialEq, Debug)]
struct Visited(Normal);

impl Hash for Visited {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        hasher.write_u64(self.0.digest);
    }
}

/// A run under way.
struct Exploration {
    rules: Rules,
    known: KnownGood,
}

impl Model for Exploration {
    type State = Visited;
    type Action = Action;

    fn init_states(&self) -> Vec<Visited> {
        vec![Visited(Normal::of(&self.rules, &self.rules.initial()))]
    }

    fn actions(&self, state: &Visited, actions: &mut Vec<Action>) {
        action::all(&self.rules, &state.0.state, actions);
    }

    fn next_state(&self, state: &Visited, action: Action) -> Option<Visited> {
        action::apply(&self.rules, &state.0, action).map(Visited)
    }

    fn within_boundary(&self, state: &Visited) -> bool {
        let mut records = state.0.state.cluster.records.iter().flatten();
        records.all(|record| record.ledger.epoch <= self.rules.attempts)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        // Not `eventually`: it misses violations where paths join. Each state is run to rest instead.
        vec![Property::always(GOOD, |run: &Self, state: &Visited| {
            rest::verdict(&run.rules, &state.0.state, &run.known).is_none()
        })]
    }
}

/// In which order states are looked at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Order {
    /// The shortest way to a broken promise is found first.
    BreadthFirst,
    /// Little memory, for what is to be exhausted.
    DepthFirst,
}

/// What an exploration found.
#[derive(Clone, Debug)]
pub struct Found {
    /// Different states.
    pub states: usize,
    /// Every reachable state was seen.
    pub exhausted: bool,
    /// How a promise is broken, if one can be.
    pub violation: Option<(Broken, Vec<Action>)>,
    /// How long it took.
    pub took: Duration,
}

/// Explores until everything was seen, a promise is broken, or the time is over.
#[must_use]
pub fn check(rules: Rules, order: Order, limit: Duration) -> Found {
    let begun = now();
    let exploration = Exploration {
        rules,
        known: KnownGood::default(),
    };
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
    let checker = exploration.checker().threads(threads).timeout(limit);
    let (states, path) = match order {
        Order::BreadthFirst => seen(&checker.spawn_bfs().join()),
        Order::DepthFirst => seen(&checker.spawn_dfs().join()),
    };
    let took = begun.elapsed();
    let violation = path.map(|path| {
        let broken = rest::verdict(&rules, &path.last_state().0.state, &KnownGood::default());
        (broken.unwrap_or(Broken::Restless), path.into_actions())
    });
    Found {
        states,
        exhausted: violation.is_none() && took < limit,
        violation,
        took,
    }
}

fn seen(checker: &impl Checker<Exploration>) -> (usize, Option<Path<Visited, Action>>) {
    (checker.unique_state_count(), checker.discovery(GOOD))
}

#[expect(clippy::disallowed_methods, reason = "measures how long an exploration takes")]
fn now() -> Instant {
    Instant::now()
}
