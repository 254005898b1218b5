//! What one run explores: the workload, the faults, and the rule that is dropped, if any. PURE.

use crate::normal::Normal;
use crate::rest::{self, Run};
use crate::state::{Budget, PROCESSES, Parent, Process, State};
use crate::weakness::Weakness;
use crate::world::{Account, Cluster, Object, Policy, UNMARKED, UserSecret};

/// Where a run starts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Start {
    /// The object was created just now, and no process knows of it.
    New,
    /// The object has its account and its pair.
    Served,
    /// An object was served and deleted, its account kept; another one of its name was created just now.
    Left,
    /// An account that nobody keeps is there, and the object is to have it.
    There {
        /// The object's Secret holds its pair, and may be taken over.
        possessed: bool,
    },
    /// The same, and an object of another name is to have it too.
    Beside {
        /// See [`Start::There`].
        possessed: bool,
    },
    /// The object is to have an account made, and one of another name is to have that.
    BesideCreator,
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
    /// The Account lists the account that is there already, at the start.
    pub granted: bool,
    /// The object is only to look at its account, at the start.
    pub observes: bool,
    /// The generation of the API that the Account asks for at the start.
    pub generation: u8,
    /// So many deletions go on at the same time that walks prove them, and no read of a single account does.
    pub crowded: bool,
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

    /// Whether there are two names at the same time: the object with uid 1 has the other one.
    #[must_use]
    pub fn is_beside(&self) -> bool {
        matches!(self.start, Start::Beside { .. } | Start::BesideCreator)
    }

    /// Whether the object with this uid has the other name.
    #[must_use]
    pub fn is_other(&self, uid: u8) -> bool {
        self.is_beside() && uid == 1
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
        let mut new = State {
            account: Some(account),
            granted: self.granted,
            ..State::initial(self.policies[0], self.budget)
        };
        if let Some(object) = &mut new.cluster.object {
            object.observes = self.observes;
        }
        let state = match self.start {
            Start::New => new,
            Start::Served => self.rested(&new),
            Start::There { possessed } => there(new, possessed),
            Start::Beside { possessed } => beside(there(new, possessed), self.policies[0]),
            Start::BesideCreator => beside(new, self.policies[0]),
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
        Normal::of(self, &state).state
    }
}

/// The number of the account that is there already, or that is made first.
pub const FIRST: u8 = 0;

/// An account that nobody keeps, disabled by whoever made it, and an object that is to have it.
fn there(mut state: State, possessed: bool) -> State {
    state.vobiz.accounts[usize::from(FIRST)] = Some(Account {
        series: UNMARKED,
        epoch: 0,
        generation: 0,
        parent: 0,
        alive: true,
        enabled: false,
        due: false,
    });
    if let Some(object) = &mut state.cluster.object {
        object.adopts = Some(FIRST);
    }
    state.cluster.secret = possessed.then_some(UserSecret {
        owner: None,
        id: FIRST,
        allows: true,
        forged: false,
    });
    state
}

/// An object of another name that is to have the first account too.
fn beside(mut state: State, policy: Policy) -> State {
    state.cluster.other.0 = Some(Object {
        adopts: Some(FIRST),
        ..Object::new(1, policy, false)
    });
    state.next_uid = 2;
    state
}
