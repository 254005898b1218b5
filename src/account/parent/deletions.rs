//! Deletions of one parent that were accepted and are not proved yet, and when one walk over the list proves them all. PURE.
//!
//! A GET proves one deletion, a walk every one that was accepted before it began. It costs the pages of two lists, whatever it proves: so it
//! is worth its requests where many wait for the rate limit, and there alone. Only the many of one namespace pay for it: who deletes
//! little waits for nobody else. An account that no complete list has shown yet is asked for alone: a list that comes late would not
//! show it either while it is still there.

use crate::vobiz::AuthId;
use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A walk is made where it costs at most this part of the requests that it saves.
const PART: usize = 20;

/// What nobody has come for by then was let go by a person, and goes here too.
const KEPT_FOR: Duration = Duration::from_hours(1);

/// After so many walks in a row that came to nothing each deletion is asked for alone.
const FAILURES_TOLERATED: u32 = 2;

/// For so long: the list may be read again by then, and others may have come to rest.
const ALONE_FOR: Duration = Duration::from_mins(5);

/// What is known of the account of an accepted deletion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// Nothing yet: a walk that is begun from this moment on tells.
    Awaited(Instant),
    /// A walk has not shown it any more.
    Gone(Instant),
    /// Nothing, and no walk tells: it is asked for. Either none came to an end, or one still showed it, and the list may be late.
    Alone(Instant),
}

/// Deletions that were accepted, and those that are still to be sent.
#[derive(Debug, Default)]
pub struct Deletions {
    accepted: HashMap<AuthId, Accepted>,
    /// Those that wait for their turn at the gate, with their namespaces.
    coming: HashMap<AuthId, String>,
    /// By namespace; none that has nothing to count.
    counts: HashMap<String, Counts>,
    /// Walks in a row that came to nothing.
    failures: u32,
    /// No deletion waits for a walk until then.
    alone_until: Option<Instant>,
}

#[derive(Debug)]
struct Accepted {
    namespace: String,
    proof: Proof,
}

impl Accepted {
    /// Whether a walk that was begun then tells of it.
    fn is_awaited_since(&self, begun: Instant) -> bool {
        matches!(self.proof, Proof::Awaited(from) if from <= begun)
    }
}

/// Deletions of one namespace.
#[derive(Debug, Default, PartialEq, Eq)]
struct Counts {
    /// Accepted; their proof is awaited.
    waiting: usize,
    /// Still to be sent.
    coming: usize,
    /// Under way to Vobiz.
    sending: usize,
}

impl Counts {
    /// Whether nobody else comes whom a walk that is made now could prove too.
    fn are_complete(&self) -> bool {
        self.waiting > 0 && self.coming == 0 && self.sending == 0
    }
}

/// What a walk costs.
#[derive(Debug, Clone, Copy)]
pub struct Bargain {
    /// Accounts that the parent has as far as is known, those among them whose deletion is not proved.
    pub accounts: usize,
    /// Accounts on a full page of its list.
    pub page: usize,
}

impl Bargain {
    /// Whether a walk that proves so many deletions is worth its requests, if so many go from the list until it is made.
    fn pays(self, proved: usize, going: usize) -> bool {
        let left = self.accounts.saturating_sub(going);
        let cost = 2 * left.div_ceil(self.page).max(1);
        proved >= PART * cost
    }
}

/// A deletion is under way to Vobiz until this is dropped.
#[derive(Debug)]
pub struct Sending<'a> {
    deletions: &'a Mutex<Deletions>,
    namespace: String,
}

impl<'a> Sending<'a> {
    /// The deletion of this account is sent now. It does not wait for its turn any more.
    #[must_use]
    pub fn begin(deletions: &'a Mutex<Deletions>, id: &AuthId, namespace: &str) -> Self {
        let mut state = deletions.lock().unwrap_or_else(PoisonError::into_inner);
        state.expect_no_more(id);
        state.count(namespace, |counts| counts.sending += 1);
        drop(state);
        Self {
            deletions,
            namespace: namespace.to_owned(),
        }
    }
}

impl Drop for Sending<'_> {
    fn drop(&mut self) {
        let mut state = self.deletions.lock().unwrap_or_else(PoisonError::into_inner);
        state.count(&self.namespace, |counts| counts.sending -= 1);
    }
}

impl Deletions {
    /// The deletion of this account waits for its turn at the gate.
    pub fn expect(&mut self, id: &AuthId, namespace: &str) {
        if self.coming.insert(id.clone(), namespace.to_owned()).is_none() {
            self.count(namespace, |counts| counts.coming += 1);
        }
    }

    /// The deletion of this account waits for no turn any more.
    pub fn expect_no_more(&mut self, id: &AuthId) {
        if let Some(namespace) = self.coming.remove(id) {
            self.count(&namespace, |counts| counts.coming -= 1);
        }
    }

    /// Nobody waits at the gate: whoever did has gone another way, or was let go by a person.
    pub fn expect_nobody(&mut self) {
        for namespace in std::mem::take(&mut self.coming).into_values() {
            self.count(&namespace, |counts| counts.coming -= 1);
        }
    }

    /// Vobiz has just accepted the deletion of this account. It waits for the walk that many share, if that is worth it.
    pub fn take_in(&mut self, id: &AuthId, namespace: &str, now: Instant, bargain: Bargain) {
        self.accept(id, namespace, now);
        if !self.share(namespace, bargain, now) {
            self.forget(id);
        }
    }

    fn accept(&mut self, id: &AuthId, namespace: &str, now: Instant) {
        self.forget(id);
        let accepted = Accepted {
            namespace: namespace.to_owned(),
            proof: Proof::Awaited(now),
        };
        self.accepted.insert(id.clone(), accepted);
        self.count(namespace, |counts| counts.waiting += 1);
    }

    /// What is known of the account, if its deletion was accepted and its proof was not used yet.
    #[must_use]
    pub fn proof(&self, id: &AuthId) -> Option<Proof> {
        self.accepted.get(id).map(|accepted| accepted.proof)
    }

    /// Its proof was used, or it is asked for alone.
    pub fn forget(&mut self, id: &AuthId) {
        if let Some(Accepted {
            namespace,
            proof: Proof::Awaited(_),
        }) = self.accepted.remove(id)
        {
            self.count(&namespace, |counts| counts.waiting -= 1);
        }
    }

    /// Whether those of the namespace whose deletion was accepted, and those whose deletion is still to be sent, are better proved by one
    /// walk after them all.
    #[must_use]
    pub fn share(&self, namespace: &str, bargain: Bargain, now: Instant) -> bool {
        let is_given_up = self.alone_until.is_some_and(|until| now < until);
        let of_namespace = self.counts.get(namespace);
        let proved = of_namespace.map_or(0, |counts| counts.waiting + counts.coming);
        !is_given_up && bargain.pays(proved, self.going(true))
    }

    /// Whether all deletions of a namespace were sent: if it is worth it, the walk is to be made now.
    #[must_use]
    pub fn are_complete(&self) -> bool {
        self.counts.values().any(Counts::are_complete)
    }

    /// Whether a walk that is made now is worth it, although others may come: nobody waits for ever.
    #[must_use]
    pub fn are_many(&self, bargain: Bargain) -> bool {
        let most = self.counts.values().map(|counts| counts.waiting).max();
        most.is_some_and(|most| most > 0 && bargain.pays(most, self.going(false)))
    }

    /// Those who can wait no longer, and whose walk is not worth it after all, or would come to nothing, are asked for alone. True if
    /// there are any.
    pub fn let_go(&mut self, bargain: Bargain, is_in_vain: bool, now: Instant) -> bool {
        let going = self.going(false);
        let is_let_go =
            |counts: &Counts| counts.are_complete() && (is_in_vain || !bargain.pays(counts.waiting, going));
        let let_go = self.counts.iter().filter(|(_, counts)| is_let_go(counts));
        let let_go: HashSet<String> = let_go.map(|(namespace, _)| namespace.clone()).collect();
        if !let_go.is_empty() {
            self.ask_alone(now, |accepted| let_go.contains(&accepted.namespace));
        }
        !let_go.is_empty()
    }

    /// Up to so many of those that such a walk shows to be gone, in no order.
    #[must_use]
    pub fn sample(&self, begun: Instant, shown: &HashSet<AuthId>, count: usize) -> Vec<AuthId> {
        let is_gone =
            |(id, accepted): &(&AuthId, &Accepted)| accepted.is_awaited_since(begun) && !shown.contains(*id);
        let gone = self.accepted.iter().filter(is_gone);
        gone.map(|(id, _)| id.clone()).take(count).collect()
    }

    /// Takes in a clean walk that was begun then, and which accounts it showed. One that was begun before a deletion was accepted tells
    /// nothing of that: the account may have been made only after it.
    pub fn prove(&mut self, begun: Instant, shown: &HashSet<AuthId>, now: Instant) {
        self.failures = 0;
        self.settle(now, |id, accepted| {
            let proof = if shown.contains(id) {
                Proof::Alone(now)
            } else {
                Proof::Gone(now)
            };
            accepted.is_awaited_since(begun).then_some(proof)
        });
    }

    /// A walk, or a list, came to nothing. True if those who wait for one wait no longer.
    pub fn failed(&mut self, now: Instant) -> bool {
        if self.counts.values().all(|counts| counts.waiting == 0) {
            self.failures = 0;
            return false;
        }
        self.failures += 1;
        if self.failures < FAILURES_TOLERATED {
            return false;
        }
        self.give_up(now);
        true
    }

    /// No walk would come to anything now: each is asked for alone, and for a while whoever comes is too.
    pub fn give_up(&mut self, now: Instant) {
        self.failures = 0;
        self.alone_until = Some(now + ALONE_FOR);
        self.ask_alone(now, |_| true);
    }

    fn ask_alone(&mut self, now: Instant, is_meant: impl Fn(&Accepted) -> bool) {
        self.settle(now, |_, accepted| match accepted.proof {
            Proof::Awaited(_) if is_meant(accepted) => Some(Proof::Alone(now)),
            _ => None,
        });
    }

    /// Gives those who wait what `proof` says of them, and forgets what nobody has come for.
    fn settle(&mut self, now: Instant, proof: impl Fn(&AuthId, &Accepted) -> Option<Proof>) {
        let mut settled = Vec::new();
        self.accepted.retain(|id, accepted| {
            if let Some(proof) = proof(id, accepted) {
                accepted.proof = proof;
                settled.push(accepted.namespace.clone());
            }
            match accepted.proof {
                Proof::Awaited(_) => true,
                Proof::Gone(since) | Proof::Alone(since) => now.saturating_duration_since(since) < KEPT_FOR,
            }
        });
        for namespace in settled {
            self.count(&namespace, |counts| counts.waiting -= 1);
        }
    }

    /// How many accounts go from the list, those whose deletion is still to be sent among them if `with_coming`.
    fn going(&self, with_coming: bool) -> usize {
        let of_each = self.counts.values().map(|counts| {
            let coming = if with_coming { counts.coming } else { 0 };
            counts.waiting + coming
        });
        of_each.sum()
    }

    fn count(&mut self, namespace: &str, change: impl FnOnce(&mut Counts)) {
        let counts = self.counts.entry(namespace.to_owned()).or_default();
        change(counts);
        if *counts == Counts::default() {
            self.counts.remove(namespace);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::now;

    const SECOND: Duration = Duration::from_secs(1);
    const TEAM: &str = "team";

    fn id(number: usize) -> AuthId {
        AuthId::parse(&format!("SA_{number}")).unwrap()
    }

    fn bargain(accounts: usize) -> Bargain {
        Bargain { accounts, page: 100 }
    }

    fn accepted(count: usize, at: Instant) -> Deletions {
        let mut deletions = Deletions::default();
        for number in 0..count {
            deletions.accept(&id(number), TEAM, at);
        }
        deletions
    }

    fn expect(deletions: &mut Deletions, namespace: &str, numbers: std::ops::Range<usize>) {
        for number in numbers {
            deletions.expect(&id(number), namespace);
        }
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
            let mut deletions = accepted(count, now);
            expect(&mut deletions, TEAM, count..count + coming);
            let shared = deletions.share(TEAM, bargain(accounts), now);
            assert_eq!(shared, expected, "{count} {coming} {accounts}");
        }
    }

    #[test]
    fn who_deletes_one_waits_for_nobody_who_deletes_a_thousand() {
        let now = now();
        let mut deletions = Deletions::default();
        expect(&mut deletions, "crowd", 0..1000);
        deletions.take_in(&id(1000), TEAM, now, bargain(1001));
        assert_eq!(
            deletions.proof(&id(1000)),
            None,
            "its own namespace pays for no walk"
        );
        deletions.expect_no_more(&id(0));
        deletions.take_in(&id(0), "crowd", now, bargain(1000));
        assert!(matches!(deletions.proof(&id(0)), Some(Proof::Awaited(_))));
    }

    #[test]
    fn a_namespace_whose_deletions_are_all_sent_waits_for_no_other_ones() {
        let mut deletions = accepted(50, now());
        expect(&mut deletions, "crowd", 50..1050);
        assert!(deletions.are_complete() && deletions.are_many(bargain(50)));
        expect(&mut deletions, TEAM, 1050..1051);
        assert!(!deletions.are_complete());
    }

    #[test]
    fn the_walk_is_made_when_nobody_else_comes_or_when_those_who_wait_pay_for_it_alone() {
        let deletions = Mutex::new(accepted(50, now()));
        deletions.lock().unwrap().expect(&id(50), TEAM);
        assert!(
            !deletions.lock().unwrap().are_complete(),
            "one waits for its turn"
        );
        let sending = Sending::begin(&deletions, &id(50), TEAM);
        assert!(
            !deletions.lock().unwrap().are_complete(),
            "one is under way, and will wait too"
        );
        drop(sending);
        let mut deletions = deletions.into_inner().unwrap();
        assert!(deletions.are_complete());
        expect(&mut deletions, TEAM, 51..1050);
        assert!(!deletions.are_complete());
        assert!(deletions.are_many(bargain(50)) && !deletions.are_many(bargain(1050)));
        deletions.expect_nobody();
        assert!(deletions.are_complete(), "nobody is at the gate any more");
        assert!(!Deletions::default().are_complete() && !Deletions::default().are_many(bargain(0)));
    }

    #[test]
    fn who_does_not_share_a_walk_waits_for_none() {
        let mut deletions = Deletions::default();
        expect(&mut deletions, TEAM, 1..10);
        deletions.take_in(&id(0), TEAM, now(), bargain(11));
        assert_eq!(deletions.proof(&id(0)), None);
        expect(&mut deletions, TEAM, 10..41);
        deletions.take_in(&id(0), TEAM, now(), bargain(41));
        assert!(matches!(deletions.proof(&id(0)), Some(Proof::Awaited(_))));
    }

    #[test]
    fn who_waits_for_a_walk_that_does_not_pay_any_more_is_asked_for_alone() {
        let now = now();
        let mut deletions = accepted(20, now);
        expect(&mut deletions, TEAM, 20..60);
        assert!(deletions.share(TEAM, bargain(60), now));
        assert!(
            !deletions.let_go(bargain(60), false, now),
            "the others may still come"
        );
        (20..60).for_each(|number| deletions.expect_no_more(&id(number)));
        assert!(deletions.let_go(bargain(60), false, now), "they went another way");
        assert_eq!(deletions.proof(&id(0)), Some(Proof::Alone(now)));
        assert!(!deletions.are_complete() && !deletions.let_go(bargain(60), false, now));
        let mut deletions = accepted(60, now);
        assert!(!deletions.let_go(bargain(60), false, now), "it pays");
        assert!(
            deletions.let_go(bargain(60), true, now),
            "it would come to nothing"
        );
    }

    #[test]
    fn a_walk_proves_what_was_accepted_before_it_began_and_nothing_else() {
        let start = now();
        let mut deletions = accepted(2, start);
        deletions.accept(&id(2), TEAM, start + SECOND * 2);
        let shown = HashSet::from([id(1)]);
        assert_eq!(deletions.sample(start + SECOND, &shown, 3), [id(0)]);
        deletions.prove(start + SECOND, &shown, start + SECOND * 3);
        assert_eq!(deletions.proof(&id(0)), Some(Proof::Gone(start + SECOND * 3)));
        assert_eq!(
            deletions.proof(&id(1)),
            Some(Proof::Alone(start + SECOND * 3)),
            "the list may be late: it is asked for"
        );
        assert_eq!(
            deletions.proof(&id(2)),
            Some(Proof::Awaited(start + SECOND * 2)),
            "accepted while it was under way"
        );
        deletions.forget(&id(0));
        assert_eq!(deletions.proof(&id(0)), None);
        assert!(deletions.are_complete(), "one still waits");
        deletions.forget(&id(2));
        assert!(!deletions.are_complete());
        deletions.prove(start, &shown, start + SECOND * 3 + KEPT_FOR);
        assert_eq!(deletions.proof(&id(1)), None, "nobody came for it");
    }

    #[test]
    fn where_no_walk_comes_to_an_end_each_is_asked_for_alone_and_others_share_again_later() {
        let start = now();
        let mut deletions = accepted(50, start);
        assert!(deletions.share(TEAM, bargain(50), start));
        assert!(!deletions.failed(start), "the next one may succeed");
        assert!(deletions.failed(start + SECOND));
        assert_eq!(deletions.proof(&id(0)), Some(Proof::Alone(start + SECOND)));
        expect(&mut deletions, TEAM, 50..150);
        assert!(!deletions.share(TEAM, bargain(150), start + SECOND) && !deletions.are_complete());
        // Whether anybody came for those who were given up does not matter.
        assert!(deletions.share(TEAM, bargain(150), start + SECOND + ALONE_FOR));
        assert!(!Deletions::default().failed(start));
    }

    #[test]
    fn failures_are_counted_in_a_row_and_only_while_somebody_waits() {
        let start = now();
        let mut deletions = accepted(50, start);
        assert!(!deletions.failed(start));
        deletions.prove(start, &HashSet::new(), start);
        deletions.accept(&id(50), TEAM, start);
        assert!(!deletions.failed(start), "one succeeded in between");
        deletions.forget(&id(50));
        assert!(
            !deletions.failed(start) && !deletions.failed(start),
            "nobody waits"
        );
    }

    #[test]
    fn nothing_is_counted_of_what_has_come_and_gone() {
        let start = now();
        let mut deletions = accepted(10, start);
        expect(&mut deletions, "crowd", 10..20);
        deletions.prove(start, &HashSet::from([id(3)]), start);
        (0..20).for_each(|number| {
            deletions.forget(&id(number));
            deletions.expect_no_more(&id(number));
        });
        assert!(deletions.counts.is_empty() && deletions.coming.is_empty() && deletions.accepted.is_empty());
    }
}
