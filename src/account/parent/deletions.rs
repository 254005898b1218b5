//! Deletions of one parent that were accepted and are not proved yet, and when one walk over the list proves them all. PURE.
//!
//! A GET proves one deletion, a walk every one that was accepted before it began. It costs the pages of two lists, whatever it proves: so it
//! is worth its requests where many wait for the rate limit, and there alone. An account that no complete list has shown yet is
//! asked for alone: a list that comes late would not show it either while it is still there.

use crate::vobiz::AuthId;
use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A walk is made where it costs at most this part of the requests that it saves.
const PART: usize = 20;

/// What nobody has come for by then was let go by a person, and goes here too.
const KEPT_FOR: Duration = Duration::from_hours(1);

/// What is known of the account of an accepted deletion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// Nothing yet: a walk that is begun from this moment on tells.
    Awaited(Instant),
    /// A walk has not shown it any more.
    Gone(Instant),
    /// A walk still shows it.
    Shown(Instant),
}

/// Deletions that were accepted.
#[derive(Debug, Default)]
pub struct Deletions {
    accepted: HashMap<AuthId, Proof>,
    waiting: usize,
    /// How many are under way to Vobiz.
    sending: usize,
    /// The last walk for them came to nothing: each is asked for alone, until none is left.
    is_given_up: bool,
}

/// What a walk would cost, and what it would save.
#[derive(Debug, Clone, Copy)]
pub struct Bargain {
    /// Deletions that are still to be sent.
    pub coming: usize,
    /// Accounts that the parent has as far as is known, those among them whose deletion is not proved.
    pub accounts: usize,
    /// Accounts on a full page of its list.
    pub page: usize,
}

impl Bargain {
    /// Requests of a walk over so many accounts.
    fn cost(&self, accounts: usize) -> usize {
        2 * accounts.div_ceil(self.page).max(1)
    }
}

/// A deletion is under way to Vobiz until this is dropped.
#[derive(Debug)]
pub struct Sending<'a>(&'a Mutex<Deletions>);

impl<'a> Sending<'a> {
    /// One that is sent now.
    #[must_use]
    pub fn begin(deletions: &'a Mutex<Deletions>) -> Self {
        deletions.lock().unwrap_or_else(PoisonError::into_inner).sending += 1;
        Self(deletions)
    }
}

impl Drop for Sending<'_> {
    fn drop(&mut self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).sending -= 1;
    }
}

impl Deletions {
    /// Vobiz has just accepted the deletion of this account. It waits for the walk that many share, if that is worth it.
    pub fn take_in(&mut self, id: &AuthId, now: Instant, bargain: Bargain) {
        self.accept(id, now);
        if !self.share(bargain) {
            self.forget(id);
        }
    }

    fn accept(&mut self, id: &AuthId, now: Instant) {
        self.forget(id);
        self.accepted.insert(id.clone(), Proof::Awaited(now));
        self.waiting += 1;
    }

    /// What is known of the account, if its deletion was accepted and its proof was not used yet.
    #[must_use]
    pub fn proof(&self, id: &AuthId) -> Option<Proof> {
        self.accepted.get(id).copied()
    }

    /// Its proof was used, or it is asked for alone.
    pub fn forget(&mut self, id: &AuthId) {
        if let Some(Proof::Awaited(_)) = self.accepted.remove(id) {
            self.waiting -= 1;
        }
        self.is_given_up &= self.waiting > 0;
    }

    /// Whether those whose deletion was accepted, and those whose deletion is still to be sent, are better proved by one walk after them all.
    #[must_use]
    pub fn share(&self, bargain: Bargain) -> bool {
        let proved = self.waiting + bargain.coming;
        let left = bargain.accounts.saturating_sub(proved);
        !self.is_given_up && proved >= PART * bargain.cost(left)
    }

    /// Whether the walk is to be made now: nobody else comes whom it could prove too.
    #[must_use]
    pub fn are_complete(&self, coming: usize) -> bool {
        self.waiting > 0 && self.sending == 0 && coming == 0 && !self.is_given_up
    }

    /// Whether a walk in the middle of them is worth it too: the list is to be read in any case, and nobody waits for ever.
    #[must_use]
    pub fn are_many(&self, bargain: Bargain) -> bool {
        let nobody_else = Bargain { coming: 0, ..bargain };
        self.waiting > 0 && self.share(nobody_else)
    }

    /// Takes in a clean walk that was begun then, and which accounts it showed. One that was begun before a deletion was accepted tells
    /// nothing of that: the account may have been made only after it.
    pub fn prove(&mut self, begun: Instant, shown: &HashSet<AuthId>, now: Instant) {
        self.accepted.retain(|_, proof| match proof {
            Proof::Awaited(_) => true,
            Proof::Gone(since) | Proof::Shown(since) => now.saturating_duration_since(*since) < KEPT_FOR,
        });
        for (id, proof) in &mut self.accepted {
            match proof {
                Proof::Awaited(from) if *from <= begun => {
                    self.waiting -= 1;
                    *proof = if shown.contains(id) {
                        Proof::Shown(now)
                    } else {
                        Proof::Gone(now)
                    };
                }
                _ => {}
            }
        }
    }

    /// The walk came to nothing. True if anybody waits for it.
    pub fn give_up(&mut self) -> bool {
        self.is_given_up = self.waiting > 0;
        self.is_given_up
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::now;

    const SECOND: Duration = Duration::from_secs(1);

    fn id(number: usize) -> AuthId {
        AuthId::parse(&format!("SA_{number}")).unwrap()
    }

    fn bargain(coming: usize, accounts: usize) -> Bargain {
        Bargain {
            coming,
            accounts,
            page: 100,
        }
    }

    fn accepted(count: usize, at: Instant) -> Deletions {
        let mut deletions = Deletions::default();
        for number in 0..count {
            deletions.accept(&id(number), at);
        }
        deletions
    }

    #[test]
    fn a_walk_is_shared_where_it_costs_at_most_a_twentieth_of_what_it_saves() {
        let now = now();
        let table = [
            (1, 0, 1, false),
            (1, 38, 39, false),
            (1, 39, 40, true),
            (40, 0, 40, true),
            (1, 59, 160, true),
            (1, 59, 161, false),
            // What goes is not listed any more when the walk is made.
            (1, 9_999, 10_000, true),
            (1, 999, 10_000, false),
        ];
        for (count, coming, accounts, expected) in table {
            let shared = accepted(count, now).share(bargain(coming, accounts));
            assert_eq!(shared, expected, "{count} {coming} {accounts}");
        }
    }

    #[test]
    fn the_walk_is_made_when_nobody_else_comes_or_when_those_who_wait_pay_for_it_alone() {
        let deletions = Mutex::new(accepted(50, now()));
        let sending = Sending::begin(&deletions);
        assert!(
            !deletions.lock().unwrap().are_complete(0),
            "one is under way, and will wait too"
        );
        drop(sending);
        let deletions = deletions.into_inner().unwrap();
        assert!(deletions.are_complete(0) && !deletions.are_complete(1));
        assert!(deletions.are_many(bargain(1000, 50)) && !deletions.are_many(bargain(1000, 1050)));
        assert!(!Deletions::default().are_complete(0) && !Deletions::default().are_many(bargain(0, 0)));
    }

    #[test]
    fn who_does_not_share_a_walk_waits_for_none() {
        let mut deletions = Deletions::default();
        deletions.take_in(&id(0), now(), bargain(10, 11));
        assert_eq!(deletions.proof(&id(0)), None);
        assert!(!deletions.are_complete(0));
        deletions.take_in(&id(1), now(), bargain(39, 40));
        assert!(matches!(deletions.proof(&id(1)), Some(Proof::Awaited(_))));
    }

    #[test]
    fn a_walk_proves_what_was_accepted_before_it_began_and_nothing_else() {
        let start = now();
        let mut deletions = accepted(2, start);
        deletions.accept(&id(2), start + SECOND * 2);
        let shown = HashSet::from([id(1)]);
        deletions.prove(start + SECOND, &shown, start + SECOND * 3);
        assert_eq!(deletions.proof(&id(0)), Some(Proof::Gone(start + SECOND * 3)));
        assert_eq!(deletions.proof(&id(1)), Some(Proof::Shown(start + SECOND * 3)));
        assert_eq!(
            deletions.proof(&id(2)),
            Some(Proof::Awaited(start + SECOND * 2)),
            "accepted while it was under way"
        );
        deletions.forget(&id(0));
        assert_eq!(deletions.proof(&id(0)), None);
        assert!(deletions.are_complete(0), "one still waits");
        deletions.forget(&id(2));
        assert!(!deletions.are_complete(0));
        deletions.prove(start, &shown, start + SECOND * 3 + KEPT_FOR);
        assert_eq!(deletions.proof(&id(1)), None, "nobody came for it");
    }

    #[test]
    fn where_no_walk_succeeds_each_is_asked_for_alone_until_none_is_left() {
        let mut deletions = accepted(50, now());
        assert!(deletions.share(bargain(0, 50)) && deletions.give_up());
        assert!(!deletions.share(bargain(100, 150)) && !deletions.are_complete(0));
        for number in 0..50 {
            deletions.forget(&id(number));
        }
        deletions.accept(&id(50), now());
        assert!(deletions.share(bargain(50, 51)), "others are not given up");
        assert!(!Deletions::default().give_up());
    }
}
