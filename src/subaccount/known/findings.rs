//! What the words of a rest name of all that a pass knows. PURE.

use super::{Known, KnownPair, KnownPredecessor};
use crate::subaccount::secret::name_of;
use crate::subaccount::tell::Findings;

impl Known {
    /// What can be told without a look elsewhere.
    #[must_use]
    pub fn findings<'a>(&self) -> Findings<'a> {
        let object = self.object.as_deref();
        // Also what can be no id.
        let written = || object.and_then(|object| object.spec.auth_id.clone());
        Findings {
            account: object.map_or_else(String::new, |object| object.spec.account_ref.to_string()),
            secret_name: object.map(name_of).unwrap_or_default(),
            named: (self.named_id().map(|id| id.to_string()))
                .or_else(written)
                .unwrap_or_default(),
            is_adoption: self.adoption(false).is_asked(),
            observes_nothing: self.observes() && self.auth_id().is_none(),
            is_unmarked: self.is_unmarked(),
            may_be_recreated: self.is_named() && self.adopts().is_none() && self.left_id().is_none(),
            is_another_left: matches!(self.predecessor, KnownPredecessor::Another),
            is_pair_refused: match self.evidence {
                KnownPair::Unread | KnownPair::Nothing => false,
                KnownPair::Claimed(_) | KnownPair::Disproved | KnownPair::Proven(..) => true,
            },
            ..Findings::default()
        }
    }
}
