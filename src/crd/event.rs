//! The reasons of events. PURE.

use super::names::names;
use super::reason::Reason;

names! {
    /// Why an event is published. Where a condition has the same reason, the event tells once that it has become so.
    EventReason {
        /// The subaccount was created, and its pair is in the Secret.
        SubaccountCreated,
        /// Fields of the subaccount were changed as the manifest asks; the note names them.
        SubaccountUpdated,
        /// Fields that were changed at Vobiz were put back; the note names them.
        DriftCorrected,
        /// The Secret was written again after it had been changed or deleted.
        SecretRestored,
        /// The account that an earlier object of the name had left was taken over.
        SubaccountReclaimed,
        /// An account that an interrupted create had left behind was deleted.
        LeftoverDeleted,
        /// Hands off: `vobiz.ai/paused` was set.
        Paused,
        /// The object is managed again.
        Resumed,
        /// The object goes, and nothing is left of it at Vobiz.
        SubaccountDeleted,
        /// The object goes, and its account is disabled and kept, as the policy says.
        SubaccountDisabled,
        /// The object goes, and its account is left as it is: as the policy says, or because it is somebody else's.
        SubaccountRetained,
        /// The object went without proof, or without its finalizer: the note says what may be left at Vobiz.
        SubaccountOrphaned,
        /// Nobody knows what became of a create; it is found out.
        CreateOutcomeUnknown,
        /// A request or a write failed before the object had an account.
        CreateFailed,
        /// A request or a write failed for an object that has an account.
        UpdateFailed,
        /// A request or a write failed for an object that is being deleted.
        DeleteFailed,
        /// The Account that it names cannot be used: the note says why.
        DependencyNotReady,
        /// Of a Subaccount: an earlier object of the name left an account. Of an Account: its list shows accounts that this installation
        /// made and no Record knows.
        OrphanFound,
        /// The Secret belongs to somebody else; or it stays behind although its object goes.
        SecretConflict,
        /// The account is another object's or another installation's.
        AuthIdConflict,
        /// Nothing allows the object to have the account that its spec names.
        AdoptionNotAllowed,
        /// The pair is lost, and Vobiz shows no token a second time.
        CredentialsLost,
        /// The credentials Secret is missing, or holds no pair.
        CredentialsMissing,
        /// Vobiz refuses the parent's pair.
        Unauthorized,
        /// Vobiz refuses the parent account this, or does not serve the API generation in use.
        Forbidden,
        /// The parent's balance is too low to create subaccounts.
        InsufficientBalance,
        /// Too many accounts are missing from the list at once.
        MassDeletionSuspected,
        /// The credentials belong to another parent account than before.
        ParentChanged,
        /// Vobiz asked to slow down.
        RateLimited,
        /// The list of subaccounts cannot be read.
        VobizUnavailable,
        /// Kubernetes refuses a write that the Account needs.
        WriteRefused,
    }
}

impl EventReason {
    /// The event that tells of a condition's new reason, if there is one.
    #[must_use]
    pub fn of(reason: Reason) -> Option<Self> {
        Self::parse(reason.as_str())
    }

    /// Something needs a look. Otherwise something happened as asked.
    #[must_use]
    pub fn is_warning(self) -> bool {
        !matches!(
            self,
            Self::SubaccountCreated
                | Self::SubaccountUpdated
                | Self::DriftCorrected
                | Self::SecretRestored
                | Self::SubaccountReclaimed
                | Self::LeftoverDeleted
                | Self::Paused
                | Self::Resumed
                | Self::SubaccountDeleted
                | Self::SubaccountDisabled
                | Self::SubaccountRetained
        )
    }
}
