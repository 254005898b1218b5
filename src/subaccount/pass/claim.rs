//! Whose the account is that an object's status names, as far as caches show it. I/O (none of its own: reads caches).
//!
//! A status is no identity by itself: it may have come from a restore, or from somebody's hand.

use super::Pass;
use crate::controller::wake::{Guarded, ObjectKey};
use crate::crd::Subaccount;
use crate::subaccount::context::Context;
use crate::subaccount::tell::Conflict;
use crate::vobiz::AuthId;
use kube::ResourceExt;
use std::collections::HashSet;
use std::sync::Arc;
use vobiz_protocol::facts::Object;

impl Pass<'_> {
    /// Looks who else keeps the account that a living object's status names, as far as the caches show it: that needs no request. Once
    /// is enough, for all statuses are looked at.
    pub(super) fn refresh_conflict(&mut self) {
        let Some(named) = self.unjudged_id() else { return };
        if self.cached_conflict.as_ref().is_none_or(|(id, _)| *id != named) {
            let conflict = self.known_conflict(&named);
            self.cached_conflict = conflict.map(|conflict| (named, conflict));
        }
    }

    /// The account that the status names, while nothing else says whose it is. That of an object that is going is judged by quorum
    /// alone: its finalizer must not go on the word of a cache.
    fn unjudged_id(&self) -> Option<AuthId> {
        let known = &self.known;
        let is_open = known.life == Object::Live && known.claim.is_none() && known.auth_id().is_none();
        known.named_id().filter(|_| is_open)
    }

    /// Who else keeps the account that the status names.
    #[must_use]
    pub fn conflict(&self) -> Option<Conflict> {
        if let Some(judgement) = &self.known.claim {
            return judgement.conflict;
        }
        let named = self.unjudged_id()?;
        let (id, conflict) = self.cached_conflict.as_ref()?;
        (*id == named).then_some(*conflict)
    }

    /// Who else keeps the account, as far as the caches show it.
    #[must_use]
    pub fn known_conflict(&self, id: &AuthId) -> Option<Conflict> {
        if self.context.records.held_by_another(id, &self.uid) {
            Some(Conflict::Record)
        } else if self.context.named_by_another(id, &self.uid).is_some() {
            Some(Conflict::Status)
        } else {
            None
        }
    }
}

impl Context {
    /// Another object than `uid` whose status names the account.
    #[must_use]
    pub fn named_by_another(&self, id: &AuthId, uid: &str) -> Option<ObjectKey> {
        let mut naming = self.naming(id);
        let another = naming.find(|object| object.uid().as_deref() != Some(uid))?;
        Some(ObjectKey::of(&*another))
    }

    /// Whether the status of any object names the account.
    #[must_use]
    pub fn is_named(&self, id: &AuthId) -> bool {
        self.naming(id).next().is_some()
    }

    /// Every account that the status of an object names.
    #[must_use]
    pub fn named(&self) -> HashSet<String> {
        let objects = self.subaccounts.all();
        objects
            .filter_map(|object| named(&object).map(str::to_owned))
            .collect()
    }

    fn naming(&self, id: &AuthId) -> impl Iterator<Item = Arc<Guarded<Subaccount>>> {
        let objects = self.subaccounts.those(|kept| kept.may_hold(id.as_str()));
        objects.filter(|object| names(object, id))
    }
}

/// Whether the status of this object names the account.
pub(in super::super) fn names(object: &Guarded<Subaccount>, id: &AuthId) -> bool {
    named(object) == Some(id.as_str())
}

fn named(object: &Guarded<Subaccount>) -> Option<&str> {
    object.0.as_ref().ok()?.status.as_ref()?.auth_id.as_deref()
}
