//! Somebody who keeps changing what the operator puts back: how often it is put back. PURE.

use std::collections::BTreeSet;
use std::fmt::{self, Display, Formatter};
use std::time::{Duration, Instant};

/// Repairs in a row after which it is told, and put back ever more rarely.
const LIMIT: u32 = 3;

/// A part of the user's Secret.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Part {
    /// The Secret as a whole: it was deleted.
    Whole,
    /// Its data.
    Data,
    /// Its labels.
    Labels,
    /// Its annotations.
    Annotations,
    /// Its owner.
    OwnerReferences,
}

impl Display for Part {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Whole => "its existence",
            Self::Data => "data",
            Self::Labels => "labels",
            Self::Annotations => "annotations",
            Self::OwnerReferences => "ownerReferences",
        })
    }
}

/// What somebody changed.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Change {
    /// Which parts of the Secret.
    pub parts: BTreeSet<Part>,
    /// The pair is not in it any more.
    pub pair: bool,
}

/// What to do about a change.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ruling {
    /// Put it back.
    Repair,
    /// Leave it for now.
    Hold,
}

/// How often one Secret was put back in a row, and what is known of who changes it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Contest {
    /// Name of the Secret.
    pub secret: String,
    /// What was changed in it.
    pub change: Change,
    /// The field manager that changed it, once it is known.
    pub by: Option<String>,
    repairs: u32,
    /// When it is looked at again.
    until: Option<Instant>,
    held: bool,
}

impl Contest {
    /// A change was found that is none of the spec's.
    pub fn found(&mut self, secret: &str, change: Change, now: Instant) -> Ruling {
        if self.secret != secret {
            *self = Self {
                secret: secret.to_owned(),
                ..Self::default()
            };
        }
        self.change.parts.extend(change.parts);
        self.change.pair |= change.pair;
        self.held = self.repairs >= LIMIT && self.until.is_some_and(|until| now < until);
        if self.held { Ruling::Hold } else { Ruling::Repair }
    }

    /// Whether it is to be asked who it is.
    #[must_use]
    pub fn is_nameless(&self) -> bool {
        self.is_told() && self.by.is_none()
    }

    /// The field manager that changed it. The first who is named stays so: the text is to be stable.
    pub fn name(&mut self, by: Option<String>) {
        self.by = self.by.take().or(by);
    }

    /// It was put back. `step` is the first pause; later ones grow up to `longest`.
    pub fn repaired(&mut self, now: Instant, step: Duration, longest: Duration) {
        self.repairs = self.repairs.saturating_add(1);
        let doublings = self.repairs.saturating_sub(LIMIT).min(31);
        self.until = Some(now + step.saturating_mul(1 << doublings).min(longest.max(step)));
    }

    /// It was found as it should be: the other one gave in, if that lasts, or if nobody but that one can have put it back.
    pub fn good(&mut self, now: Instant) {
        if self.held || self.until.is_none_or(|until| now >= until) {
            *self = Self::default();
        }
    }

    /// When to look again, whatever else is due.
    #[must_use]
    pub fn until(&self) -> Option<Instant> {
        self.until
    }

    /// Whether it is told by now.
    #[must_use]
    pub fn is_told(&self) -> bool {
        self.repairs > LIMIT || self.held
    }

    /// Whether nobody can rely on the pair being in the Secret.
    #[must_use]
    pub fn is_of_pair(&self) -> bool {
        self.is_told() && self.change.pair
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::now;

    const STEP: Duration = Duration::from_mins(1);
    const LONGEST: Duration = Duration::from_mins(15);

    fn labels() -> Change {
        Change {
            parts: BTreeSet::from([Part::Labels]),
            pair: false,
        }
    }

    /// Three repairs, one right after the other.
    fn contested(now: Instant) -> Contest {
        let mut contest = Contest::default();
        for _ in 0..3 {
            assert_eq!(contest.found("acme", labels(), now), Ruling::Repair);
            contest.repaired(now, STEP, LONGEST);
            contest.good(now);
            assert!(!contest.is_told());
        }
        contest
    }

    #[test]
    fn after_the_third_repair_in_a_row_it_is_told_and_the_pauses_grow() {
        let mut now = now();
        let mut contest = contested(now);
        for pause in [1, 2, 4, 8, 15, 15] {
            assert_eq!(contest.found("acme", labels(), now), Ruling::Hold);
            assert!(contest.is_told() && !contest.is_of_pair());
            let pause = Duration::from_mins(pause);
            assert_eq!(contest.until(), Some(now + pause));
            now += pause;
            assert_eq!(contest.found("acme", labels(), now), Ruling::Repair);
            contest.repaired(now, STEP, LONGEST);
            contest.good(now);
            assert!(contest.is_told(), "it was just put back: that says nothing");
        }
    }

    #[test]
    fn it_ends_when_the_other_gives_in() {
        let now = now();
        let mut contest = contested(now);
        contest.found("acme", labels(), now);
        let mut put_back_by_the_other = contest.clone();
        put_back_by_the_other.good(now);
        assert!(!put_back_by_the_other.is_told() && put_back_by_the_other.until().is_none());

        let later = now + STEP;
        assert_eq!(contest.found("acme", labels(), later), Ruling::Repair);
        contest.repaired(later, STEP, LONGEST);
        contest.good(later + STEP);
        assert!(contest.is_told(), "the pause is two steps by now");
        contest.good(later + STEP * 2);
        assert!(!contest.is_told());
    }

    #[test]
    fn changes_that_come_one_by_one_are_none_of_it() {
        let (mut now, mut contest) = (now(), Contest::default());
        for _ in 0..10 {
            assert_eq!(contest.found("acme", labels(), now), Ruling::Repair);
            contest.repaired(now, STEP, LONGEST);
            now += STEP;
            contest.good(now);
        }
        assert!(!contest.is_told());
        assert_eq!(contest.found("another", labels(), now), Ruling::Repair);
    }

    #[test]
    fn what_is_told_names_who_and_what_and_stays_the_same() {
        let now = now();
        let mut contest = contested(now);
        let other = Change {
            parts: BTreeSet::from([Part::Data]),
            pair: true,
        };
        assert!(!contest.is_nameless(), "nobody is asked yet");
        contest.found("acme", other, now);
        assert!(contest.is_of_pair() && contest.is_nameless());
        contest.name(Some("reflector".to_owned()));
        contest.name(Some("another".to_owned()));
        let told = crate::subaccount::tell::contested(&contest);
        assert!(
            told.starts_with("the field manager reflector keeps changing the Secret acme (data, labels): "),
            "{told}"
        );
    }
}
