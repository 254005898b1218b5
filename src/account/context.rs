//! What every pass over Accounts shares, and what it asks of those who depend on Accounts. I/O (holds the clients).

use crate::account::access::Access;
use crate::account::errands::Errands;
use crate::account::key::AccountKey;
use crate::account::object::AccountObject;
use crate::account::parent::breaker::Absence;
use crate::account::places::Places;
use crate::account::store::registry::Registry;
use crate::account::store::slots::Slots;
use crate::account::store::tally::Tally;
use crate::account::users::Users;
use crate::controller::event::Recorder;
use crate::controller::newest::Newest;
use crate::controller::pauses::Pauses;
use crate::controller::refusals::Refusals;
use crate::controller::wake::Guarded;
use crate::crd::{Subaccount, SubaccountCounts};
use crate::metrics::Metrics;
use crate::vobiz::ParentAuthId;
use std::sync::Arc;

/// What an Account's pass asks of, and tells to, whoever depends on Accounts.
pub trait Dependents: Send + Sync {
    /// The Subaccounts that name this Account, or may, and can hold it.
    fn users(&self, account: &AccountKey) -> Users;
    /// Whether a Subaccount can hold the Account, should it name it: its namespace is allowed, or something was begun for it.
    fn can_hold(&self, account: &AccountKey, object: &Guarded<Subaccount>) -> bool;
    /// The other Accounts whose credentials are in the same namespace that need this Secret: Subaccounts use them, and they name it.
    fn sharers(&self, account: &AccountKey, secret: &str) -> Vec<AccountKey>;
    /// Whether a Subaccount that names this Account lives under this parent.
    fn any_under(&self, account: &AccountKey, parent: &ParentAuthId) -> bool;
    /// What the newest list does not show of the accounts that living objects are bound to.
    fn absence(&self, access: &Access) -> Absence;
    /// A complete list was read: compare it, wake what differs, and count.
    fn swept(&self, access: &Access) -> SubaccountCounts;
    /// A complete list was read, or a walk made: wake what waits for one.
    fn listed(&self, parent: &ParentAuthId);
    /// What Subaccounts of this Account may be waiting for has changed.
    fn changed(&self, account: &AccountKey);
}

/// Everything that passes over Accounts share.
pub struct AccountContext {
    /// Where Accounts, and what they name, are.
    pub places: Places,
    /// What passes find.
    pub registry: Arc<Registry>,
    /// Who depends on Accounts.
    pub dependents: Arc<dyn Dependents>,
    /// How many Subaccounts they have.
    pub tally: Arc<Tally>,
    /// What Vobiz is asked beside the passes.
    pub errands: Errands,
    /// Whose turn it is among Accounts that have proved nothing.
    pub slots: Slots,
    /// Publishes events.
    pub recorder: Recorder,
    /// What Kubernetes refuses now.
    pub refusals: Refusals,
    /// Counts.
    pub metrics: Metrics,
    /// Pauses of Accounts in trouble.
    pub pauses: Pauses<AccountKey>,
    /// Accounts as our own writes returned them.
    pub newest: Arc<Newest<AccountObject>>,
}
