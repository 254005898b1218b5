//! What becomes of the account when its object goes. PURE.

use super::Known;
use crate::crd::{DeletionPolicy, DeletionSettings};
use crate::subaccount::store::record::Decision;
use vobiz_protocol::facts::Object;

impl Known {
    /// What becomes of the account when the object goes; none while nothing may be guessed. `defaults`: what its Account says, if it
    /// can be read and is the one that the account was made under.
    #[must_use]
    pub fn decision(&self, defaults: impl FnOnce() -> Option<DeletionSettings>) -> Option<Decision> {
        if self.going().is_none() || self.life == Object::Live {
            // Leftovers of a gone object, or an account that is made anew.
            return Some(Decision::Delete { cascade: false });
        }
        let own = self.own_deletion();
        let fenced = self.record().is_some_and(|record| record.ledger.is_fenced());
        if own.policy == Some(DeletionPolicy::Retain) && !fenced {
            return Some(Decision::Retain);
        }
        let (policy, cascade) = own.in_force(defaults()?);
        Some(match policy {
            DeletionPolicy::Delete => Decision::Delete { cascade },
            DeletionPolicy::Disable => Decision::Disable,
            DeletionPolicy::Retain => Decision::Retain,
        })
    }
}
