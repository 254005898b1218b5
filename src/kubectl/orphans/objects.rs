//! The Subaccounts that are there, as far as whoever looks for what they left must know them. PURE.

use std::collections::HashSet;

use crate::controller::lenient::Guarded;
use crate::crd::Subaccount;
use crate::subaccount::store::record::Subject;
use crate::vobiz::AuthId;
use kube::ResourceExt as _;

/// The Subaccounts that are there.
#[derive(Debug, Default)]
pub struct Objects {
    uids: HashSet<String>,
    named: HashSet<AuthId>,
    /// The only namespace whose Subaccounts were seen; none: all were.
    only: Option<String>,
}

impl Objects {
    /// Of one namespace; none: of all. None is noted yet.
    #[must_use]
    pub fn of(namespace: Option<&str>) -> Self {
        Self {
            only: namespace.map(str::to_owned),
            ..Self::default()
        }
    }

    /// Notes one, whether it can be read or not.
    pub fn note(&mut self, object: &Guarded<Subaccount>) {
        self.uids.extend(object.uid());
        let ids = match &object.0 {
            Ok(object) => {
                let told = object.status.as_ref().and_then(|status| status.auth_id.clone());
                [told, object.spec.auth_id.clone()]
            }
            Err(unreadable) => {
                ["/status/authId", "/spec/authId"].map(|place| unreadable.text(place).map(str::to_owned))
            }
        };
        let ids = ids.into_iter().flatten();
        self.named.extend(ids.filter_map(|id| AuthId::parse(&id).ok()));
    }

    /// Whether the object that a Record serves is there; none if its namespace was not seen.
    #[must_use]
    pub fn lives(&self, subject: &Subject) -> Option<bool> {
        let is_seen = self
            .only
            .as_ref()
            .is_none_or(|namespace| *namespace == subject.namespace);
        is_seen.then(|| self.uids.contains(&subject.uid))
    }

    /// Whether one names the account, in its status or in its spec.
    #[must_use]
    pub fn name(&self, id: &AuthId) -> bool {
        self.named.contains(id)
    }
}
