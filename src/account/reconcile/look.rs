//! What a pass finds out about the parent: whether the pair works, and what the list shows. I/O.

use super::{Pass, in_use, interval};
use crate::account::access::Access;
use crate::account::connect::{self, Connection};
use crate::account::registry::{Snapshot, Trouble};
use crate::crd::{Account, SubaccountCounts};
use k8s_openapi::api::core::v1::Secret;
use std::time::{Duration, Instant};

/// What a pass found out about the parent.
pub(super) struct Found {
    pub(super) access: Option<Access>,
    pub(super) trouble: Option<Trouble>,
    pub(super) counts: Option<SubaccountCounts>,
    /// Which list the Subaccounts were last compared with.
    pub(super) compared: Option<Instant>,
    /// The pause until the list is due.
    pub(super) next: Duration,
}

impl Pass<'_> {
    /// Tries the pair and reads the list, as far as either is due.
    pub(super) async fn look(
        &self,
        account: &Account,
        secret: Option<&Secret>,
        known: Option<&Snapshot>,
    ) -> Found {
        let (access, mut trouble) = match connect::connect(account, secret, known, self.context).await {
            Connection::Good(access) => (Some(access), None),
            Connection::Bad { access, trouble } => (access, Some(trouble)),
        };
        let mut counts = None;
        let mut compared = known.and_then(|known| known.compared);
        let interval = interval(account);
        let mut next = interval;
        if let (Some(access), None) = (&access, &trouble) {
            // Subaccounts that are being deleted may be served from here on, before the first list is complete.
            match self.survey(access, interval).await {
                Ok(due) => next = due,
                Err(error) => trouble = Some(connect::trouble(&error)),
            }
            let confirmed = self.confirm_mass_deletion(access);
            // Another Account of the same parent may have read the list.
            let listed = access.parent.roster().swept_at();
            if listed.is_some() && (listed != compared || confirmed) {
                counts = Some(self.context.dependents.swept(access));
                compared = listed;
            }
        }
        if let (Some(access), None) = (&access, &trouble) {
            let token = access.parent.breaker().token();
            trouble = token.map(|token| connect::mass_deletion(&token));
        }
        if trouble.is_none() && self.context.registry.doubts.balance_within(&self.key, interval) {
            trouble = Some(connect::low_balance());
        }
        if let (Some(pause), None) = (
            access.as_ref().and_then(|access| access.parent.gate.pause_left()),
            &trouble,
        ) {
            trouble = Some(connect::rate_limited());
            next = pause;
        }
        Found {
            access,
            trouble,
            counts,
            compared,
            next,
        }
    }
}

/// What is known of an Account whose Secret could not be read: what the last pass found, if that was the same Secret.
pub(super) fn unread(account: &Account, known: Option<&Snapshot>) -> Found {
    let same =
        in_use::status_secret_name(account).as_ref() == Some(&account.spec.credentials_secret_ref.name);
    let known = known.filter(|_| same);
    Found {
        access: known.and_then(|known| known.access.clone()),
        trouble: known
            .filter(|known| !known.is_connected())
            .and_then(|known| known.trouble.clone()),
        counts: None,
        compared: known.and_then(|known| known.compared),
        next: interval(account),
    }
}
