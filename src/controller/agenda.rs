//! Whose pass is due, and when: each object waits once, and no two passes are over one object at a time. PURE.

use crate::controller::wake::{ObjectKey, Wake};
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

/// The objects of one kind and scope that are due, or will be.
#[derive(Debug, Default)]
pub struct Agenda {
    states: HashMap<Arc<ObjectKey>, State>,
    /// Those that wait for their time, the earliest first.
    later: BTreeSet<(Instant, Arc<ObjectKey>)>,
    /// Those that are due and go before the others, each before one of them: nobody waits for ever.
    first: VecDeque<Arc<ObjectKey>>,
    /// The last one that was begun was one of those.
    began_first: bool,
    /// Those that are due, in the order in which they became so. Who was put first meanwhile still stands here, and is passed over.
    due: VecDeque<Arc<ObjectKey>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Later(Instant),
    Due,
    UnderWay,
    /// A pass is under way that may have seen too little: another one follows.
    UnderWayAndDue {
        is_first: bool,
    },
}

impl Agenda {
    /// The object is due now.
    pub fn ask(&mut self, wake: Wake) {
        let (key, is_first) = (Arc::new(wake.key), wake.is_first);
        match self.states.get(&key) {
            Some(State::Due) if !is_first => {}
            Some(State::UnderWay) => self.set(key, State::UnderWayAndDue { is_first }),
            Some(State::UnderWayAndDue { is_first: before }) => {
                let is_first = is_first || *before;
                self.set(key, State::UnderWayAndDue { is_first });
            }
            Some(State::Later(at)) => {
                self.later.remove(&(*at, Arc::clone(&key)));
                self.make_due(key, is_first);
            }
            Some(State::Due) | None => self.make_due(key, is_first),
        }
    }

    /// Whose pass begins now, if any is due.
    pub fn begin(&mut self, now: Instant) -> Option<Arc<ObjectKey>> {
        while self.later.first().is_some_and(|(at, _)| *at <= now) {
            if let Some((_, key)) = self.later.pop_first() {
                self.make_due(key, false);
            }
        }
        loop {
            let is_first = !self.first.is_empty() && (self.due.is_empty() || !self.began_first);
            let line = if is_first { &mut self.first } else { &mut self.due };
            let key = line.pop_front()?;
            if self.states.get(&key) == Some(&State::Due) {
                self.began_first = is_first;
                self.set(Arc::clone(&key), State::UnderWay);
                return Some(key);
            }
        }
    }

    /// When somebody is due again who is not yet.
    #[must_use]
    pub fn next(&self) -> Option<Instant> {
        self.later.first().map(|(at, _)| *at)
    }

    /// The pass over the object has ended; another one is to follow at that time, if any.
    pub fn end(&mut self, key: Arc<ObjectKey>, next: Option<Instant>) {
        match (self.states.get(&key), next) {
            (Some(State::UnderWayAndDue { is_first }), _) => {
                let is_first = *is_first;
                self.make_due(key, is_first);
            }
            (_, Some(at)) => {
                self.later.insert((at, Arc::clone(&key)));
                self.set(key, State::Later(at));
            }
            (_, None) => drop(self.states.remove(&key)),
        }
    }

    fn make_due(&mut self, key: Arc<ObjectKey>, is_first: bool) {
        let line = if is_first { &mut self.first } else { &mut self.due };
        line.push_back(Arc::clone(&key));
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

    fn wake(name: &str, is_first: bool) -> Wake {
        Wake {
            key: key(name),
            is_first,
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
            agenda.ask(wake(name, false));
        }
        assert_eq!(begun(&mut agenda, now), ["a", "b", "c"]);
        assert_eq!(agenda.next(), None);
    }

    #[test]
    fn who_asks_while_a_pass_is_under_way_gets_one_more_after_it_whenever_that_wanted_to_be_next() {
        let (mut agenda, now) = (Agenda::default(), now());
        agenda.ask(wake("a", false));
        let a = agenda.begin(now).unwrap();
        agenda.ask(wake("a", false));
        agenda.ask(wake("a", false));
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
            agenda.ask(wake(name, false));
            let key = agenda.begin(now).unwrap();
            agenda.end(key, Some(now + SECOND * seconds));
        }
        assert_eq!(agenda.next(), Some(now + SECOND));
        assert!(begun(&mut agenda, now).is_empty());
        agenda.ask(wake("c", false));
        assert_eq!(begun(&mut agenda, now), ["c"]);
        assert_eq!(begun(&mut agenda, now + SECOND * 3), ["b", "a"], "and c no more");
    }

    #[test]
    fn who_is_put_first_goes_before_who_is_due_also_if_it_was_due_or_under_way_itself_and_once() {
        let (mut agenda, now) = (Agenda::default(), now());
        for (name, is_first) in [("a", false), ("b", false), ("c", false), ("c", true), ("d", true)] {
            agenda.ask(wake(name, is_first));
        }
        let c = agenda.begin(now).unwrap();
        assert_eq!(c.name, "c");
        agenda.ask(wake("c", true));
        agenda.ask(wake("c", false));
        agenda.end(c, Some(now + SECOND));
        assert_eq!(
            begun(&mut agenda, now),
            ["a", "d", "b", "c"],
            "one of each in turn"
        );
    }

    #[test]
    fn who_is_due_has_a_turn_however_many_are_put_first() {
        let (mut agenda, now) = (Agenda::default(), now());
        for name in ["a", "b"] {
            agenda.ask(wake(name, false));
        }
        agenda.ask(wake("first-0", true));
        let mut order = Vec::new();
        for number in 1..6 {
            let key = agenda.begin(now).unwrap();
            agenda.ask(wake(&format!("first-{number}"), true));
            order.push(key.name.clone());
            agenda.end(key, None);
        }
        assert_eq!(order, ["first-0", "a", "first-1", "b", "first-2"]);
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
                        agenda.ask(wake(&name.to_string(), seconds == 0));
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
            prop_assert!(agenda.states.is_empty() && agenda.later.is_empty());
            prop_assert!(agenda.first.is_empty() && agenda.due.is_empty());
        }
    }
}
