//! What is known of the parent: whether the pair works, and what the list shows. What is not is found out beside the passes. I/O.

use super::survey::Survey;
use super::{Pass, in_use, interval};
use crate::account::access::Access;
use crate::account::connect::{self, Connection};
use crate::account::registry::Snapshot;
use crate::account::tell::trouble::Trouble;
use crate::crd::{Account, SubaccountCounts};
use k8s_openapi::api::core::v1::Secret;
use std::time::{Duration, Instant};

/// What a pass found out about the parent.
pub(super) struct Found {
    pub(super) access: Option<Access>,
    /// The pair in the Secret is this Account's, and works.
    pub(super) is_proved: bool,
    pub(super) trouble: Option<Trouble>,
    pub(super) counts: Option<SubaccountCounts>,
    /// Which list the Subaccounts were last compared with.
    pub(super) compared: Option<Instant>,
    /// Which failure to read the list is told.
    pub(super) failed: Option<Instant>,
    /// The pause until the list is due.
    pub(super) next: Duration,
}

/// What a pass can tell.
pub(super) enum Look {
    /// All that it is about.
    Found(Box<Found>),
    /// Nothing before Vobiz has answered: then the Account is woken. What it waits for, and since when.
    Awaited(Trouble, Instant),
}

impl Pass<'_> {
    /// Has the pair tried and the list read, as far as either is due.
    pub(super) fn look(&self, account: &Account, secret: Option<&Secret>, known: Option<&Snapshot>) -> Look {
        let (access, mut trouble) = match connect::connect(account, secret, known, self.context) {
            Connection::Good(access) => (Some(access), None),
            Connection::Bad { access, trouble } => (access, Some(trouble)),
            Connection::Awaited(since) => {
                return Look::Awaited(Trouble::PairAwaited, since);
            }
        };
        let is_proved = trouble.is_none();
        let mut counts = None;
        let mut compared = known.and_then(|known| known.compared);
        let mut failed = known.and_then(|known| known.failed);
        let interval = interval(account);
        let mut next = interval;
        if let (Some(access), None) = (&access, &trouble) {
            let was_listed = access.parent.roster().is_known();
            match self.survey(access, interval, known) {
                Survey::Due(due) => next = due,
                // What was known before holds until the list says more.
                Survey::UnderWay(_) if was_listed && known.is_none_or(Snapshot::is_connected) => {}
                Survey::UnderWay(since) => return Look::Awaited(Trouble::ListAwaited, since),
                Survey::Failed(failure) => {
                    failed = Some(failure.at);
                    trouble = Some(connect::trouble(failure.error));
                }
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
            trouble = token.map(Trouble::MassDeletion);
        }
        if trouble.is_none() && self.context.registry.doubts.balance_within(&self.key, interval) {
            trouble = Some(Trouble::LowBalance);
        }
        if let (Some(pause), None) = (
            access.as_ref().and_then(|access| access.parent.gate.pause_left()),
            &trouble,
        ) {
            trouble = Some(Trouble::RateLimited);
            next = pause;
        }
        Look::Found(Box::new(Found {
            access,
            is_proved,
            trouble,
            counts,
            compared,
            failed,
            next,
        }))
    }
}

/// What is known of an Account whose Secret could not be read: what the last pass found, if that was the same Secret.
pub(super) fn unread(account: &Account, known: Option<&Snapshot>) -> Found {
    let same =
        in_use::status_secret_name(account).as_ref() == Some(&account.spec.credentials_secret_ref.name);
    let known = known.filter(|_| same);
    Found {
        access: known.and_then(|known| known.access.clone()),
        is_proved: false,
        trouble: known
            .filter(|known| !known.is_connected())
            .and_then(|known| known.trouble.clone()),
        counts: None,
        compared: known.and_then(|known| known.compared),
        failed: known.and_then(|known| known.failed),
        next: interval(account),
    }
}
