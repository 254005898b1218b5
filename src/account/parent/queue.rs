//! Who waits for a permit, and who is next: edits first, then deletions, then creates and repairs, then sweeps. PURE.
//!
//! Namespaces take turns: in each round every one of them has an edit, a deletion and a create served, in this order. So one that edits
//! a thousand objects holds up no other one's creates, and one that deletes a thousand not its own edits. Within a namespace and a class
//! the first to come is the first to go.

use crate::account::key::AccountKey;
use crate::controller::wake::ObjectKey;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;
use std::time::Instant;

/// Of this many permits that are handed to those who wait, a sweep that waits gets one: it comes late, but it comes.
const SWEEP_SHARE: u32 = 10;

/// What a request is for: the first class goes first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Class {
    /// The rest of what was begun: a deletion's proof.
    Underway,
    /// A person asked for it: an edit, or a look.
    Person,
    /// What becomes of the account of an object that is being deleted.
    Deletion,
    /// Creates, corrections, leftovers: there may be thousands of them at once.
    Bulk,
    /// The list.
    Sweep,
}

impl Class {
    /// Whether it may go while the parent's state is in doubt: what finds out about it, and what ends a deletion.
    #[must_use]
    pub fn goes_in_doubt(self) -> bool {
        matches!(self, Self::Underway | Self::Sweep)
    }
}

/// Who waits.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Who {
    /// The pass over this Subaccount.
    Subaccount(ObjectKey),
    /// The pass over this Account.
    Account(AccountKey),
    /// The janitor's pass over the Record in this Secret.
    Record(ObjectKey),
    /// Somebody who waits in place; every number is one of them.
    InPlace(u64),
}

impl Who {
    fn namespace(&self) -> &str {
        match self {
            Self::Subaccount(key) | Self::Record(key) => &key.namespace,
            Self::Account(key) => key.namespace(),
            Self::InPlace(_) => "",
        }
    }
}

/// A place in the queue is asked for with this.
#[derive(Clone)]
pub struct Turn {
    /// What the request is for.
    pub class: Class,
    /// Who asks.
    pub who: Arc<Who>,
    /// Called when a permit is there.
    pub wake: Arc<dyn Fn() + Send + Sync>,
}

impl fmt::Debug for Turn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Turn")
            .field("class", &self.class)
            .field("who", &self.who)
            .finish_non_exhaustive()
    }
}

/// Those among whom turns are taken: the first line goes first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
enum Line {
    Underway,
    /// What people ask for, and what follows from it.
    Asked,
    Sweep,
}

impl Line {
    fn of(class: Class) -> Self {
        match class {
            Class::Underway => Self::Underway,
            Class::Person | Class::Deletion | Class::Bulk => Self::Asked,
            Class::Sweep => Self::Sweep,
        }
    }
}

/// A place: the smallest is the next.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Rank {
    line: Line,
    /// Every namespace has one place of each class in each round.
    round: u64,
    class: Class,
    number: u64,
}

/// Those who wait.
#[derive(Debug, Default)]
pub struct Queue {
    /// By class, with the moment since when each waits; no class without anybody.
    waiting: BTreeMap<Class, BTreeMap<Rank, (Turn, Instant)>>,
    places: HashMap<Arc<Who>, Rank>,
    /// The round that is being served, and the last one in which each namespace has a place of a class.
    rounds: HashMap<Line, Rounds>,
    joined: u64,
    since_sweep: u32,
}

#[derive(Debug, Default)]
struct Rounds {
    served: u64,
    taken: HashMap<(Class, String), u64>,
}

impl Queue {
    /// Whether nobody waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// How many wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// How many of this class wait.
    #[must_use]
    pub fn waiting_in(&self, class: Class) -> usize {
        self.waiting.get(&class).map_or(0, BTreeMap::len)
    }

    /// The classes of those who wait.
    pub fn classes(&self) -> impl Iterator<Item = Class> {
        self.waiting.keys().copied()
    }

    /// Takes a place. Who has one keeps it, unless the new one is in a better class.
    pub fn join(&mut self, turn: &Turn, now: Instant) {
        let since = match self.places.get(&turn.who) {
            Some(place) if place.class <= turn.class => return,
            Some(place) => {
                let place = *place;
                self.remove(&place).map_or(now, |(_, since)| since)
            }
            None => now,
        };
        let line = Line::of(turn.class);
        let rounds = self.rounds.entry(line).or_default();
        let namespace = (turn.class, turn.who.namespace().to_owned());
        let next = rounds.taken.get(&namespace).map_or(0, |last| last + 1);
        let round = next.max(rounds.served);
        rounds.taken.insert(namespace, round);
        self.joined += 1;
        let place = Rank {
            line,
            round,
            class: turn.class,
            number: self.joined,
        };
        self.places.insert(Arc::clone(&turn.who), place);
        let of_class = self.waiting.entry(turn.class).or_default();
        of_class.insert(place, (turn.clone(), since));
    }

    /// Gives the place up.
    pub fn leave(&mut self, who: &Who) {
        if let Some(place) = self.places.remove(who) {
            self.remove(&place);
        }
        self.tidy();
    }

    /// Whether somebody waits who goes before one that asks now in this class.
    #[must_use]
    pub fn goes_before(&self, class: Class) -> bool {
        self.classes().any(|waiting| Line::of(waiting) <= Line::of(class))
    }

    fn remove(&mut self, place: &Rank) -> Option<(Turn, Instant)> {
        let of_class = self.waiting.get_mut(&place.class)?;
        let removed = of_class.remove(place);
        if of_class.is_empty() {
            self.waiting.remove(&place.class);
        }
        removed
    }

    /// The next of those whose class may go, and since when it waits.
    pub fn take(&mut self, may_go: impl Fn(Class) -> bool) -> Option<(Turn, Instant)> {
        // Whoever may not go is passed over, together with all of the class.
        let first = |line| {
            let classes = self
                .waiting
                .iter()
                .filter(|(class, _)| Line::of(**class) == line && may_go(**class));
            let firsts = classes.filter_map(|(_, of_class)| of_class.first_key_value());
            firsts.map(|(place, _)| *place).min()
        };
        let sweep = first(Line::Sweep);
        let other = [Line::Underway, Line::Asked].into_iter().find_map(first);
        let place = match (other, sweep) {
            (Some(_), Some(sweep)) if self.since_sweep + 1 >= SWEEP_SHARE => sweep,
            (Some(other), _) => other,
            (None, sweep) => sweep?,
        };
        self.since_sweep = if place.class == Class::Sweep {
            0
        } else {
            self.since_sweep + 1
        };
        if let Some(rounds) = self.rounds.get_mut(&place.line) {
            rounds.served = place.round;
        }
        let (turn, since) = self.remove(&place)?;
        self.places.remove(&turn.who);
        self.tidy();
        Some((turn, since))
    }

    /// Everybody who waits in place: something happened that they should know of.
    pub fn in_place(&self) -> impl Iterator<Item = &Turn> {
        self.all().filter(|turn| matches!(*turn.who, Who::InPlace(_)))
    }

    /// Everybody who waits.
    pub fn all(&self) -> impl Iterator<Item = &Turn> {
        let all = self.waiting.values().flat_map(BTreeMap::values);
        all.map(|(turn, _)| turn)
    }

    /// Namespaces are remembered only while somebody waits.
    fn tidy(&mut self) {
        if self.waiting.is_empty() {
            self.rounds.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::now;

    fn turn(class: Class, namespace: &str, name: &str) -> Turn {
        let key = ObjectKey {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        };
        Turn {
            class,
            who: Arc::new(Who::Subaccount(key)),
            wake: Arc::new(|| {}),
        }
    }

    fn sweep(number: u64) -> Turn {
        Turn {
            class: Class::Sweep,
            who: Arc::new(Who::InPlace(number)),
            wake: Arc::new(|| {}),
        }
    }

    fn drain(queue: &mut Queue) -> Vec<String> {
        std::iter::from_fn(|| queue.take(|_| true))
            .map(|(turn, _)| match &*turn.who {
                Who::Subaccount(key) | Who::Record(key) => key.to_string(),
                Who::Account(key) => key.to_string(),
                Who::InPlace(number) => format!("list {number}"),
            })
            .collect()
    }

    #[test]
    fn an_edit_passes_ahead_of_every_create_that_waits() {
        let mut queue = Queue::default();
        for number in 0..1000 {
            queue.join(&turn(Class::Bulk, "a", &number.to_string()), now());
        }
        queue.join(&turn(Class::Person, "a", "edited"), now());
        assert!(queue.goes_before(Class::Person), "the next edit waits in line");
        assert!(!queue.goes_before(Class::Underway));
        assert_eq!(drain(&mut queue)[..2], ["a/edited", "a/0"]);
        assert!(queue.is_empty());
    }

    #[test]
    fn namespaces_take_turns_and_each_is_served_in_its_own_order() {
        let mut queue = Queue::default();
        for name in ["1", "2", "3"] {
            queue.join(&turn(Class::Bulk, "big", name), now());
        }
        assert!(queue.take(|_| true).is_some());
        queue.join(&turn(Class::Bulk, "small", "1"), now());
        queue.join(&turn(Class::Bulk, "big", "4"), now());
        assert_eq!(drain(&mut queue), ["small/1", "big/2", "big/3", "big/4"]);
    }

    #[test]
    fn what_one_namespace_asks_for_without_end_costs_another_ones_create_a_round() {
        let mut queue = Queue::default();
        for number in 0..1000 {
            queue.join(&turn(Class::Person, "big", &format!("edit {number}")), now());
            queue.join(&turn(Class::Bulk, "big", &format!("create {number}")), now());
        }
        for _ in 0..100 {
            assert!(queue.take(|_| true).is_some());
        }
        queue.join(&turn(Class::Bulk, "small", "1"), now());
        queue.join(&turn(Class::Person, "small", "2"), now());
        let served = drain(&mut queue);
        let place = |name: &str| served.iter().position(|served| served == name).unwrap();
        assert!(
            place("small/2") <= 1 && place("small/1") <= 4,
            "{:?}",
            &served[..8]
        );
    }

    #[test]
    fn who_asks_again_keeps_the_place_and_who_turns_urgent_moves_up() {
        let mut queue = Queue::default();
        for name in ["1", "2", "3"] {
            queue.join(&turn(Class::Bulk, "a", name), now());
        }
        queue.join(&turn(Class::Bulk, "a", "1"), now());
        queue.join(&turn(Class::Person, "a", "3"), now());
        queue.leave(&Who::Subaccount(ObjectKey {
            namespace: "a".to_owned(),
            name: "2".to_owned(),
        }));
        assert_eq!(drain(&mut queue), ["a/3", "a/1"]);
    }

    #[test]
    fn an_edit_waits_behind_one_deletion_of_its_namespace_at_most_and_passes_those_that_are_held() {
        let mut queue = Queue::default();
        for number in 0..1000 {
            queue.join(&turn(Class::Deletion, "a", &number.to_string()), now());
        }
        for _ in 0..100 {
            assert!(queue.take(|_| true).is_some());
        }
        queue.join(&turn(Class::Person, "a", "edit"), now());
        queue.join(&turn(Class::Bulk, "a", "create"), now());
        let (held, _) = queue.take(|class| class != Class::Deletion).unwrap();
        assert_eq!(held.class, Class::Person);
        assert_eq!(queue.waiting_in(Class::Deletion), 900);
        let (next, _) = queue.take(|class| class != Class::Deletion).unwrap();
        assert_eq!(next.class, Class::Bulk);
        queue.join(&turn(Class::Person, "a", "another edit"), now());
        let served = drain(&mut queue);
        let place = served
            .iter()
            .position(|served| served == "a/another edit")
            .unwrap();
        assert!(place <= 1, "{place}");
        assert!(queue.is_empty() && queue.classes().next().is_none());
    }

    #[test]
    fn a_list_comes_last_but_is_not_starved() {
        let mut queue = Queue::default();
        queue.join(&sweep(1), now());
        queue.join(&sweep(2), now());
        for number in 0..30 {
            queue.join(&turn(Class::Bulk, "a", &number.to_string()), now());
        }
        let served = drain(&mut queue);
        let places: Vec<_> = (0..served.len())
            .filter(|place| served[*place].starts_with("list"))
            .collect();
        assert_eq!(places, [9, 19]);
    }

    #[test]
    fn whoever_may_not_go_is_passed_over_and_keeps_the_place() {
        let mut queue = Queue::default();
        queue.join(&turn(Class::Person, "a", "1"), now());
        assert!(queue.take(|class| class == Class::Sweep).is_none());
        queue.join(&sweep(1), now());
        let (next, _) = queue.take(|class| class == Class::Sweep).unwrap();
        assert_eq!(next.class, Class::Sweep);
        assert_eq!(drain(&mut queue), ["a/1"]);
    }
}
