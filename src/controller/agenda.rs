//! Whose pass is due, and when: each object waits once, and no two passes are over one object at a time. PURE.

use crate::controller::wake::ObjectKey;
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

/// The objects of one kind and scope that are due, or will be.
#[derive(Debug, Default)]
pub struct Agenda {
    states: HashMap<Arc<ObjectKey>, State>,
    /// Those that wait for their time, the earliest first.
    later: BTreeSet<(Instant, Arc<ObjectKey>)>,
    /// Those that are due, in the order in which they became so.
    due: VecDeque<Arc<ObjectKey>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Later(Instant),
    Due,
    UnderWay,
    /// A pass is under way that may have seen too little: another one follows.
    UnderWayAndDue,
}

impl Agenda {
    /// The object is due now.
    pub fn ask(&mut self, key: ObjectKey) {
        let key = Arc::new(key);
        match self.states.get(&key) {
            Some(State::Due | State::UnderWayAndDue) => {}
            Some(State::UnderWay) => self.set(key, State::UnderWayAndDue),
            Some(State::Later(at)) => {
                self.later.remove(&(*at, Arc::clone(&key)));
                self.make_due(key);
            }
            None => self.make_due(key),
        }
    }

    /// Whose pass begins now, if any is due.
    pub fn begin(&mut self, now: Instant) -> Option<Arc<ObjectKey>> {
        while self.later.first().is_some_and(|(at, _)| *at <= now) {
            if let Some((_, key)) = self.later.pop_first() {
                self.make_due(key);
            }
        }
        let key = self.due.pop_front()?;
        self.set(Arc::clone(&key), State::UnderWay);
        Some(key)
    }

    /// When somebody is due again who is not yet.
    #[must_use]
    pub fn next(&self) -> Option<Instant> {
        self.later.first().map(|(at, _)| *at)
    }

    /// The pass over the object has ended; another one is to follow at that time, if any.
    pub fn end(&mut self, key: Arc<ObjectKey>, next: Option<Instant>) {
        let was_asked = self.states.get(&key) == Some(&State::UnderWayAndDue);
        match next {
            _ if was_asked => self.make_due(key),
            Some(at) => {
                self.later.insert((at, Arc::clone(&key)));
                self.set(key, State::Later(at));
            }
            None => drop(self.states.remove(&key)),
        }
    }

    fn make_due(&mut self, key: Arc<ObjectKey>) {
        self.due.push_back(Arc::clone(&key));
        self.set(key, State::Due);
    }

    fn set(&mut self, key: Arc<ObjectKey>, state: State) {
        self.states.insert(key, state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::now;
    use proptest::prelude::*;
    use std::collections::HashSet;
    use std::time::Duration;

    const SECOND: Duration = Duration::from_secs(1);

    fn key(name: &str) -> ObjectKey {
        ObjectKey {
            namespace: "team".to_owned(),
            name: name.to_owned(),
        }
    }

    fn begun(agenda: &mut Agenda, now: Instant) -> Vec<String> {
        let begun = std::iter::from_fn(|| agenda.begin(now));
        begun.map(|key| key.name.clone()).collect()
    }

    #[test]
    fn who_asks_first_is_first_and_asking_twice_brings_one_pass() {
        let (mut agenda, now) = (Agenda::default(), now());
        for name in ["a", "b", "a", "c", "b"] {
            agenda.ask(key(name));
        }
        assert_eq!(begun(&mut agenda, now), ["a", "b", "c"]);
        assert_eq!(agenda.next(), None);
    }

    #[test]
    fn who_asks_while_a_pass_is_under_way_gets_one_more_after_it_whenever_that_wanted_to_be_next() {
        let (mut agenda, now) = (Agenda::default(), now());
        agenda.ask(key("a"));
        let a = agenda.begin(now).unwrap();
        agenda.ask(key("a"));
        agenda.ask(key("a"));
        assert!(agenda.begin(now).is_none(), "never two at a time");
        agenda.end(a, Some(now + SECOND));
        let a = agenda.begin(now).unwrap();
        agenda.end(a, None);
        assert!(agenda.begin(now + SECOND).is_none() && agenda.states.is_empty());
    }

    #[test]
    fn who_waits_for_a_time_is_due_then_and_earlier_where_somebody_asks() {
        let (mut agenda, now) = (Agenda::default(), now());
        for (name, seconds) in [("a", 3), ("b", 1), ("c", 2)] {
            agenda.ask(key(name));
            let key = agenda.begin(now).unwrap();
            agenda.end(key, Some(now + SECOND * seconds));
        }
        assert_eq!(agenda.next(), Some(now + SECOND));
        assert!(begun(&mut agenda, now).is_empty());
        agenda.ask(key("c"));
        assert_eq!(begun(&mut agenda, now), ["c"]);
        assert_eq!(begun(&mut agenda, now + SECOND * 3), ["b", "a"], "and c no more");
    }

    proptest! {
        #[test]
        fn whatever_happens_nobody_who_asked_is_forgotten_and_nobody_runs_twice(
            steps in proptest::collection::vec((0_u8..3, 0_u8..4, 0_u32..3), 1..60)
        ) {
            let start = now();
            let (mut agenda, mut time) = (Agenda::default(), start);
            let mut running: Vec<Arc<ObjectKey>> = Vec::new();
            let mut owed = HashSet::new();
            for (step, name, seconds) in steps {
                match step {
                    0 => {
                        agenda.ask(key(&name.to_string()));
                        owed.insert(name.to_string());
                    }
                    1 => if let Some(key) = agenda.begin(time) {
                        prop_assert!(!running.contains(&key));
                        owed.remove(&key.name);
                        running.push(key);
                    },
                    _ => if let Some(key) = running.pop() {
                        agenda.end(key, (seconds > 0).then(|| time + SECOND * seconds));
                        time += SECOND;
                    },
                }
            }
            while let Some(key) = running.pop() {
                agenda.end(key, None);
            }
            while let Some(key) = agenda.begin(time + SECOND * 9) {
                owed.remove(&key.name);
                agenda.end(key, None);
            }
            prop_assert!(owed.is_empty(), "{owed:?}");
            prop_assert!(agenda.states.is_empty() && agenda.later.is_empty() && agenda.due.is_empty());
        }
    }
}
