//! How the deletions of a parent come to be proved: what of its list and of its gate bears on that. I/O (clock).

use crate::account::parent::Parent;
use crate::account::parent::deletions::{Bargain, Deletions, Proof, Sending};
use crate::account::parent::queue::Class;
use crate::clock::now;
use crate::vobiz::AuthId;
use std::sync::{MutexGuard, PoisonError};
use std::time::Instant;

impl Parent {
    /// Deletions that were accepted and are not proved yet. Held briefly: never across an await.
    pub fn deletions(&self) -> MutexGuard<'_, Deletions> {
        self.deletions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The deletion of this account waits for its turn at the gate. Only what a list has shown can be proved by one.
    pub fn expect_deletion(&self, id: &AuthId, namespace: &str) {
        let is_listed = self.roster().is_listed(id);
        if is_listed {
            self.deletions().expect(id, namespace);
        }
    }

    /// The deletion of this account is under way until what is returned is dropped.
    #[must_use]
    pub fn sending(&self, id: &AuthId, namespace: &str) -> Sending<'_> {
        Sending::begin(&self.deletions, id, namespace)
    }

    /// Vobiz has just accepted the deletion of this account. A walk can prove it if a list has shown the account before.
    pub fn deleted(&self, id: &AuthId, namespace: &str, now: Instant) {
        let is_listed = self.roster().is_listed(id);
        let bargain = self.bargain();
        if is_listed && !self.is_creating() {
            self.deletions().take_in(id, namespace, now, bargain);
        }
    }

    /// What is known of the account whose deletion was accepted.
    #[must_use]
    pub fn proof(&self, id: &AuthId) -> Option<Proof> {
        let is_there = self.roster().get(id).is_some();
        let mut deletions = self.deletions();
        if is_there && matches!(deletions.proof(id), Some(Proof::Gone(_))) {
            // Nobody came for it, and a later list has shown the account: it was restored.
            deletions.forget(id);
        }
        deletions.proof(id)
    }

    /// Whether deletions of this namespace are better proved by one walk.
    #[must_use]
    pub fn shares_proofs(&self, namespace: &str) -> bool {
        let bargain = self.bargain();
        !self.is_creating() && self.deletions().share(namespace, bargain, now())
    }

    /// Whether those of a namespace wait for nothing but that walk.
    #[must_use]
    pub fn is_proof_wanted(&self) -> bool {
        self.expected_deletions().are_complete()
    }

    /// Whether a list that is read now had better be a walk that proves deletions.
    #[must_use]
    pub fn is_proof_worth_it(&self) -> bool {
        let bargain = self.bargain();
        !self.is_creating() && self.deletions().are_many(bargain)
    }

    /// Has those asked for alone who wait for a walk that is not worth it any more. True if there are any.
    #[must_use]
    pub fn let_go_of_proofs(&self) -> bool {
        let (bargain, is_in_vain) = (self.bargain(), self.is_creating());
        self.expected_deletions().let_go(bargain, is_in_vain, now())
    }

    /// Where nobody waits at the gate, no deletion is to be expected, whatever became of those that were.
    fn expected_deletions(&self) -> MutexGuard<'_, Deletions> {
        let is_idle = self.gate.is_idle();
        let mut deletions = self.deletions();
        if is_idle {
            deletions.expect_nobody();
        }
        deletions
    }

    /// Where accounts are being made no walk comes to an end.
    fn is_creating(&self) -> bool {
        self.gate.coming(Class::Bulk) > 0
    }

    fn bargain(&self) -> Bargain {
        Bargain {
            accounts: self.roster().len(),
            page: usize::try_from(self.generation.page_size()).unwrap_or(usize::MAX),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::parent::bucket::Limit;
    use crate::account::parent::gate::{Gate, Held};
    use crate::account::parent::queue::{Turn, Who};
    use crate::vobiz::{Fields, Generation, ParentAuthId, Subaccount};
    use std::collections::HashSet;
    use std::num::NonZeroU32;
    use std::sync::Arc;

    const TEAM: &str = "team";

    fn id(number: u32) -> AuthId {
        AuthId::parse(&format!("SA_{number}")).unwrap()
    }

    fn account(number: u32) -> Subaccount {
        Subaccount::new(id(number), Fields::default())
    }

    /// A parent at whose gate somebody waits, with so many accounts that a list has shown.
    fn parent(accounts: u32) -> Parent {
        let limit = Limit {
            requests_per_second: NonZeroU32::MIN,
            burst: NonZeroU32::MIN,
        };
        let gate = Arc::new(Gate::new(limit));
        let parent = Parent::new(ParentAuthId::parse("MA_PARENT").unwrap(), Generation::Gen2, gate);
        parent.roster().replace((0..accounts).map(account), now());
        parent
    }

    fn turn(class: Class, number: u64) -> Turn {
        Turn {
            class,
            who: Arc::new(Who::InPlace(number)),
            wake: Arc::new(|| {}),
        }
    }

    /// So many deletions wait for their turn.
    fn expect(parent: &Parent, numbers: std::ops::Range<u32>) {
        for number in numbers {
            let turn = turn(Class::Deletion, number.into());
            if parent.gate.try_pass(&turn) == Err(Held) {
                parent.expect_deletion(&id(number), TEAM);
            }
        }
    }

    /// All of them have been accepted.
    fn delete(parent: &Parent, numbers: std::ops::Range<u32>) {
        for number in numbers {
            let sending = parent.sending(&id(number), TEAM);
            parent.gate.leave(&Who::InPlace(number.into()));
            parent.deleted(&id(number), TEAM, now());
            drop(sending);
        }
    }

    #[tokio::test]
    async fn only_what_a_list_has_shown_waits_for_a_walk_and_only_where_many_do() {
        let parent = parent(60);
        parent.roster().note(account(60));
        parent.deleted(&id(0), TEAM, now());
        assert_eq!(parent.proof(&id(0)), None, "one alone is asked for");
        expect(&parent, 0..61);
        assert!(!parent.is_proof_wanted());
        delete(&parent, 0..61);
        assert!(parent.shares_proofs(TEAM) && !parent.shares_proofs("other"));
        assert!(parent.is_proof_wanted() && parent.is_proof_worth_it() && !parent.let_go_of_proofs());
        assert_eq!(parent.proof(&id(60)), None, "no list has shown it");
        let sending = parent.sending(&id(60), TEAM);
        assert!(!parent.is_proof_wanted());
        drop(sending);
        assert!(parent.is_proof_wanted());
    }

    #[tokio::test]
    async fn other_requests_at_the_gate_are_no_deletions_to_wait_for() {
        let parent = parent(100);
        // Proofs and updates of objects that are being deleted, and what is asked of the other generation.
        for number in 100..200 {
            let _ = parent.gate.try_pass(&turn(Class::Deletion, number));
        }
        parent.deleted(&id(0), TEAM, now());
        assert_eq!(parent.proof(&id(0)), None, "no walk proves those");
        expect(&parent, 0..60);
        delete(&parent, 0..60);
        assert!(parent.is_proof_wanted(), "nor is there a reason to wait for them");
    }

    #[tokio::test]
    async fn where_creates_come_those_who_wait_are_asked_for_alone() {
        let parent = parent(60);
        expect(&parent, 0..60);
        delete(&parent, 0..60);
        assert!(matches!(parent.proof(&id(5)), Some(Proof::Awaited(_))));
        while parent.gate.try_pass(&turn(Class::Bulk, 100)).is_ok() {}
        assert!(!parent.is_proof_worth_it() && parent.let_go_of_proofs());
        assert!(matches!(parent.proof(&id(5)), Some(Proof::Alone(_))));
        assert!(!parent.let_go_of_proofs());
    }

    #[tokio::test]
    async fn who_left_the_gate_by_another_way_keeps_nobody_waiting() {
        let parent = parent(60);
        expect(&parent, 0..60);
        delete(&parent, 0..59);
        assert!(!parent.is_proof_wanted());
        parent.gate.leave(&Who::InPlace(59));
        assert!(parent.is_proof_wanted());
    }

    #[test]
    fn an_account_that_a_later_list_shows_again_is_not_gone() {
        let parent = parent(60);
        let start = now();
        for number in 0..60 {
            parent.expect_deletion(&id(number), TEAM);
        }
        parent.deleted(&id(0), TEAM, start);
        parent.deletions().prove(start, &HashSet::new(), start);
        parent.roster().replace([], start);
        assert_eq!(parent.proof(&id(0)), Some(Proof::Gone(start)));
        parent.roster().replace([account(0)], start);
        assert_eq!(parent.proof(&id(0)), None);
    }
}
