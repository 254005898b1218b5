//! What is known of the parent: whether the pair works, and what the list shows. What is not is found out beside the passes. I/O.

use super::survey::Survey;
use crate::account::act::connect::{self, Connection};
use crate::account::known::Found;
use crate::account::object::AccountObject;
use crate::account::pass::{AccountPass, interval};
use crate::account::store::registry::Snapshot;
use crate::account::tell::trouble::AccountTrouble;
use crate::clock::wall_clock;
use k8s_openapi::api::core::v1::Secret;
use std::time::Instant;

/// What a pass can tell.
pub(in crate::account) enum Look {
    /// All that it is about.
    Found(Box<Found>),
    /// Nothing before Vobiz has answered: then the Account is woken. What it waits for, and since when.
    Awaited(AccountTrouble, Instant),
}

impl AccountPass<'_> {
    /// Has the pair tried and the list read, as far as either is due.
    pub(in crate::account) fn look(
        &self,
        account: &AccountObject,
        secret: Option<&Secret>,
        known: Option<&Snapshot>,
    ) -> Look {
        let (access, mut trouble) = match connect::connect(account, secret, known, self.context) {
            Connection::Good(access) => (Some(access), None),
            Connection::Bad { access, trouble } => (access, Some(trouble)),
            Connection::Awaited(since) => {
                return Look::Awaited(AccountTrouble::PairAwaited, since);
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
                Survey::UnderWay(since) => return Look::Awaited(AccountTrouble::ListAwaited, since),
                Survey::Failed(failure) => {
                    failed = Some(failure.at);
                    trouble = Some(AccountTrouble::of_request(failure.error));
                }
            }
            let confirmed = self.confirm_mass_deletion(access);
            // Another Account of the same parent may have read the list.
            let listed = access.parent.roster().swept_at();
            if listed.is_some() && (listed != compared || confirmed) {
                counts = Some(self.context.dependents.swept(access));
                let at = wall_clock().as_duration().as_secs_f64();
                self.context.metrics.swept(&self.key.to_string(), at, interval);
                compared = listed;
            }
        }
        if let (Some(access), None) = (&access, &trouble) {
            let token = access.parent.breaker().token();
            trouble = token.map(AccountTrouble::MassDeletion);
        }
        if trouble.is_none() && self.context.registry.doubts.balance_within(&self.key, interval) {
            trouble = Some(AccountTrouble::LowBalance);
        }
        if let (Some(pause), None) = (
            access.as_ref().and_then(|access| access.parent.gate.pause_left()),
            &trouble,
        ) {
            trouble = Some(AccountTrouble::RateLimited);
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
