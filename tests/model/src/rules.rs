//! What one run explores: the workload, the faults, and the rule that is dropped, if any. PURE.

use crate::normal::normal;
use crate::state::{Budget, State};
use crate::weakness::Weakness;
use crate::world::Policy;

/// One run.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// For people.
    pub name: &'static str,
    /// How many processes act at the same time.
    pub processes: u8,
    /// The deletion policy at the start, and what an edit makes of it.
    pub policies: [Policy; 2],
    /// Later objects of the name carry the annotation that allows a re-claim.
    pub reclaim: bool,
    /// How many objects of the name are made, one after the other.
    pub objects: u8,
    /// `spec.credentialRecovery` is `Recreate`.
    pub recreate: bool,
    /// The API shows the parent its accounts' tokens (generation 1).
    pub shows_tokens: bool,
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

    /// Where it begins.
    #[must_use]
    pub fn initial(&self) -> State {
        normal(self, State::initial(self.policies[0], false, self.budget))
    }
}
