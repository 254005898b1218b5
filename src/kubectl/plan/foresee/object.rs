//! Writes to the object itself. PURE.

use super::Rehearsed;
use crate::crd::{FINALIZER, Subaccount};
use crate::subaccount::known::{KnownPair, KnownRecord};
use crate::subaccount::tell::Outcome;
use crate::vobiz::AuthId;
use std::sync::Arc;
use vobiz_protocol::facts::Confirmation;

impl Rehearsed {
    pub(super) fn change_object(&mut self, change: impl FnOnce(&mut Subaccount)) {
        if let Some(object) = &self.known.object {
            let mut object = Subaccount::clone(object);
            change(&mut object);
            self.known.take_object(Arc::new(object));
        }
    }

    pub(super) fn named(&self) -> Result<AuthId, Outcome> {
        self.known.named_id().ok_or_else(Outcome::outdated)
    }

    pub(super) fn add_finalizer(&mut self) {
        self.change_object(|object| {
            let finalizers = object.metadata.finalizers.get_or_insert_default();
            finalizers.push(FINALIZER.to_owned());
        });
    }

    pub(super) fn forget_identity(&mut self) {
        self.change_object(|object| {
            if let Some(status) = &mut object.status {
                status.auth_id = None;
            }
        });
    }

    /// The status names first what the user's Secret has proved, and the next pass goes on from there.
    pub(super) fn name_proven(&mut self) {
        let KnownPair::Proven(pair, _) = &self.known.evidence else {
            return;
        };
        let (id, parent) = (
            pair.auth_id.to_string(),
            self.setting.parent.as_ref().map(ToString::to_string),
        );
        self.change_object(|object| {
            let status = object.status.get_or_insert_default();
            status.auth_id = Some(id);
            status.parent_auth_id = parent;
        });
        self.known.record = KnownRecord::Unread;
        self.known.confirmation = Confirmation::Unasked;
        self.known.looked_again = false;
    }
}
