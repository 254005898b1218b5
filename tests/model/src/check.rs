//! Runs one exploration with the checker. I/O (threads, a time limit).

use crate::action::{self, Action};
use crate::rest;
use crate::rules::Rules;
use crate::state::{Broken, State};
use stateright::{Checker as _, Model, Property};
use std::time::{Duration, Instant};

const GOOD: &str = "every promise holds here and, without further faults, at rest";

impl Model for Rules {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![self.initial()]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        action::all(self, state, actions);
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        action::apply(self, state, action)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        // Not `eventually`: it misses violations where paths join. Each state is run to rest instead.
        vec![Property::always(GOOD, |rules, state| {
            rest::verdict(rules, state).is_none()
        })]
    }
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
pub fn check(rules: Rules, threads: usize, limit: Duration) -> Found {
    let begun = now();
    let checker = rules.checker().threads(threads).timeout(limit).spawn_bfs().join();
    let took = begun.elapsed();
    let violation = checker.discovery(GOOD).map(|path| {
        let broken = rest::verdict(&rules, path.last_state()).unwrap_or(Broken::Restless);
        (broken, path.into_actions())
    });
    Found {
        states: checker.unique_state_count(),
        exhausted: violation.is_none() && took < limit,
        violation,
        took,
    }
}

#[expect(clippy::disallowed_methods, reason = "measures how long an exploration takes")]
fn now() -> Instant {
    Instant::now()
}
