//! When so many accounts vanish at once that nobody should act on it before a person has looked. PURE.
//!
//! A list that lies (another tenant's, an empty one, half a database) must not make an operator create hundreds of accounts anew.

use crate::vobiz::AuthId;
use std::collections::BTreeSet;

/// So many may always be absent.
const TOLERATED: usize = 3;

/// Of this many bound accounts one may be absent.
const TOLERATED_PART: usize = 10;

/// What a list shows of the accounts that living objects are bound to.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Absence {
    /// How many there should be.
    pub bound: usize,
    /// Those that are not listed, and of which nobody has been told yet.
    pub absent: BTreeSet<AuthId>,
}

impl Absence {
    /// What this list does not show and the next one does not show either: pages shift while accounts come and go.
    #[must_use]
    pub fn confirmed_by(mut self, next: &Self) -> Self {
        self.absent.retain(|id| next.absent.contains(id));
        self.bound = next.bound;
        self
    }
}

/// Holds creates and deletions of a parent account back while too many of its accounts read absent.
#[derive(Debug, Default)]
pub struct Breaker {
    suspected: BTreeSet<AuthId>,
    /// A person said that these are gone indeed.
    confirmed: BTreeSet<AuthId>,
}

impl Breaker {
    /// Whether this absence would open the breaker although it is not open yet.
    #[must_use]
    pub fn would_open(&self, absence: &Absence) -> bool {
        self.suspected.is_empty() && is_suspicious(absence.bound, self.unconfirmed(absence).len())
    }

    /// Takes over what a list shows. True if the breaker opened or closed.
    pub fn look(&mut self, absence: &Absence) -> bool {
        let was_open = self.is_open();
        let absent = self.unconfirmed(absence);
        self.suspected = if is_suspicious(absence.bound, absent.len()) {
            absent
        } else {
            BTreeSet::new()
        };
        self.confirmed.retain(|id| absence.absent.contains(id));
        self.is_open() != was_open
    }

    /// A person says that the accounts behind this token are gone. True if those are the ones that are suspected.
    pub fn confirm(&mut self, token: &str) -> bool {
        let meant = self.token().is_some_and(|suspected| suspected == token);
        if meant {
            self.confirmed.append(&mut self.suspected);
        }
        meant
    }

    /// Whether creates and deletions are held back.
    #[must_use]
    pub fn is_open(&self) -> bool {
        !self.suspected.is_empty()
    }

    /// Stands for exactly the accounts that are suspected to be gone: a confirmation of these is none of others.
    #[must_use]
    pub fn token(&self) -> Option<String> {
        self.is_open().then(|| {
            // FNV-1a: it only has to differ, and to be the same after a restart.
            let bytes = self
                .suspected
                .iter()
                .flat_map(|id| id.as_str().bytes().chain([0]));
            let hash = bytes.fold(0x811c_9dc5_u32, |hash, byte| {
                (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
            });
            format!("{hash:08x}")
        })
    }

    fn unconfirmed(&self, absence: &Absence) -> BTreeSet<AuthId> {
        absence.absent.difference(&self.confirmed).cloned().collect()
    }
}

fn is_suspicious(bound: usize, absent: usize) -> bool {
    absent > TOLERATED && absent * TOLERATED_PART > bound
}

#[cfg(test)]
mod tests {
    use super::*;

    fn absence(bound: usize, absent: impl IntoIterator<Item = usize>) -> Absence {
        Absence {
            bound,
            absent: absent
                .into_iter()
                .map(|number| AuthId::parse(&format!("SA_{number}")).unwrap())
                .collect(),
        }
    }

    #[test]
    fn what_only_one_of_two_lists_does_not_show_is_not_absent() {
        let first = absence(40, 0..8);
        assert_eq!(first.confirmed_by(&absence(39, 6..20)), absence(39, 6..8));
    }

    #[test]
    fn more_than_three_and_more_than_a_tenth_open_the_breaker() {
        let table = [
            (3, 3, false),
            (4, 4, true),
            (40, 4, false),
            (39, 4, true),
            (1000, 100, false),
            (1000, 101, true),
        ];
        for (bound, absent, opens) in table {
            let mut breaker = Breaker::default();
            assert_eq!(breaker.would_open(&absence(bound, 0..absent)), opens);
            assert_eq!(
                breaker.look(&absence(bound, 0..absent)),
                opens,
                "{absent} of {bound}"
            );
            assert_eq!(breaker.is_open(), opens);
        }
    }

    #[test]
    fn it_closes_by_itself_when_the_accounts_are_listed_again() {
        let mut breaker = Breaker::default();
        breaker.look(&absence(10, 0..10));
        assert!(!breaker.would_open(&absence(10, 0..10)), "it is open already");
        assert!(!breaker.look(&absence(10, 0..9)), "still open");
        assert!(breaker.look(&absence(10, 0..2)));
        assert!(!breaker.is_open() && breaker.token().is_none());
    }

    #[test]
    fn a_confirmation_holds_for_the_accounts_that_it_was_given_for_and_for_no_others() {
        let mut breaker = Breaker::default();
        breaker.look(&absence(10, 0..6));
        let token = breaker.token().unwrap();
        breaker.look(&absence(10, 0..7));
        assert_ne!(breaker.token().unwrap(), token);
        assert!(!breaker.confirm(&token), "one more is absent since");
        let token = breaker.token().unwrap();
        assert!(breaker.confirm(&token) && !breaker.is_open());
        assert!(!breaker.confirm(&token), "once");
        assert!(!breaker.look(&absence(10, 0..5)), "known to be gone");
        assert!(breaker.look(&absence(30, 10..20)), "others are not");
    }
}
