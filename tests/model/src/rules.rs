//! What one run explores: the workload, the faults, and the rule that is dropped, if any. PURE.

use crate::normal::normal;
use crate::rest::{self, Run};
use crate::state::{Budget, PROCESSES, Parent, Process, State};
use crate::weakness::Weakness;
use crate::world::{Cluster, Object, Policy};

/// Where a run starts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Start {
    /// The object was created just now, and no process knows of it.
    New,
    /// The object has its account and its pair.
    Served,
    /// An object was served and deleted, its account kept; another one of its name was created just now.
    Left,
}

/// One run.
#[derive(Clone, Copy, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent choices; each pair of values can occur"
)]
pub struct Rules {
    /// For people.
    pub name: &'static str,
    /// Where it starts.
    pub start: Start,
    /// How many processes act at the same time.
    pub processes: u8,
    /// The deletion policy at the start, and what an edit makes of it.
    pub policies: [Policy; 2],
    /// Later objects of the name carry the annotation that allows a re-claim.
    pub reclaim: bool,
    /// A person vouches for what later objects take over from an earlier namespace.
    pub accept: bool,
    /// How many objects of the name are made, one after the other.
    pub objects: u8,
    /// `spec.credentialRecovery` is `Recreate`.
    pub recreate: bool,
    /// The API shows the parent its accounts' tokens (generation 1).
    pub shows_tokens: bool,
    /// The generation of the API that the Account asks for at the start.
    pub generation: u8,
    /// Attempts of one Record beyond which is not looked: two processes, each paused for the whole of every settling of
    /// the other, could fence each other for ever.
    pub attempts: u32,
    /// Faults.
    pub budget: Budget,
    /// A rule of the protocol that is not followed.
    pub weakness: Option<Weakness>,
}

impl Rules {
    /// Whether this rule is not followed.
    #[must_use]
    pub fn drops(&self, weakness: Weakness) -> bool {
        self.weakness == Some(weakness)
    }

    /// What everything comes to where every rule is followed and nothing goes wrong; no process remembers how.
    fn rested(&self, state: &State) -> State {
        let followed = Self {
            weakness: None,
            ..*self
        };
        let mut state = match rest::run(&followed, state, |_| false) {
            Run::Rested(rested) => *rested,
            Run::Known | Run::Restless => *state,
        };
        state.processes = [Process::fresh(&state.cluster); PROCESSES];
        state
    }

    /// Where it begins.
    #[must_use]
    pub fn initial(&self) -> State {
        let account = Parent {
            id: 0,
            generation: self.generation,
        };
        let new = State {
            account: Some(account),
            ..State::initial(self.policies[0], self.budget)
        };
        let state = match self.start {
            Start::New => new,
            Start::Served => self.rested(&new),
            Start::Left => {
                let mut state = self.rested(&new);
                if let Some(object) = &mut state.cluster.object {
                    (object.deleting, object.policy) = (true, Policy::Retain);
                }
                let mut state = self.rested(&state);
                state.cluster.object = Some(Object::new(1, self.policies[0], self.reclaim));
                state.next_uid = 2;
                // No cache shows yet what it left.
                state.processes = [Process::fresh(&Cluster::default()); PROCESSES];
                state
            }
        };
        normal(self, state)
    }
}
