//! Types, values and reasons of conditions. PURE.

use super::names::names;

names! {
    /// Types of conditions.
    ConditionType {
        /// The object is as its manifest says, and its pair can be used.
        Ready,
        /// The last request made for this object went well.
        Synced,
        /// The pair is in the user's Secret.
        CredentialsPublished,
        /// The subaccount may place and receive calls.
        CallsAllowed,
        /// Work is under way or will be tried again. Exists only while true.
        Reconciling,
        /// Nothing will change until a person acts. Exists only while true.
        Stalled,
    }
}

names! {
    /// Values of a condition.
    ConditionStatus {
        /// It holds.
        True,
        /// It does not hold.
        False,
        /// Not known yet.
        Unknown,
    }
}

names! {
    /// Reasons of conditions.
    Reason {
        /// Usable.
        Available,
        /// Disabled, as the manifest asks.
        Disabled,
        /// The parent's pair is not there.
        CredentialsMissing,
        /// Only looked at, as the manifest asks.
        Observed,
        /// Only looked at, and not as the manifest says; the message names the fields.
        DriftDetected,
        /// Only looked at, and its pair is not known.
        NotManaged,
        /// Being deleted.
        Deleting,
        /// First work on this object.
        Progressing,
        /// Failed, and tried again by itself.
        ProgressingWithRetry,
        /// Waits for another object, which the message names.
        DependencyNotReady,
        /// Kubernetes refuses one of our writes; the message says which, who refuses it, and what to do.
        WriteRefused,
        /// The last request made for this object went well.
        ReconcileSuccess,
        /// Vobiz did not answer, or answered that it failed.
        VobizUnavailable,
        /// Vobiz asked to slow down.
        RateLimited,
        /// A request made for this object failed.
        ReconcileError,
        /// A person paused it.
        Paused,
        /// The Secret holds the pair.
        SecretWritten,
        /// A Secret of that name belongs to somebody else.
        SecretConflict,
        /// The operator may not write the Secret.
        SecretForbidden,
        /// Somebody keeps changing the Secret; the message names the field manager.
        SecretContested,
        /// The pair is lost, and Vobiz shows no token a second time.
        CredentialsLost,
        /// No identity check is asked for.
        KycNotRequired,
        /// The identity check is complete.
        KycComplete,
        /// Calls are blocked until the identity check is complete.
        KycPending,
        /// Calls are blocked because the subaccount is disabled.
        AccountDisabled,
        /// Vobiz does not say.
        NotReported,
        /// The manifest asks for what cannot be.
        InvalidSpec,
        /// The object, or what it asks for, is not understood.
        Unsupported,
        /// Vobiz refuses the parent account this.
        Forbidden,
        /// An account of an earlier object of the same name is still kept.
        OrphanFound,
        /// The status names an account that another object or another installation keeps.
        AuthIdConflict,
        /// The Account does not allow the namespace.
        NamespaceNotAllowed,
        /// The subaccount was deleted at Vobiz by somebody else.
        ExternalResourceMissing,
        /// Vobiz answered what makes no sense.
        UnusableAnswer,
        /// Nothing allows the object to have the account that its spec names.
        AdoptionNotAllowed,
        /// Vobiz refuses the parent's pair.
        Unauthorized,
        /// The parent's balance is too low.
        InsufficientBalance,
        /// Too many accounts are missing from the list at once.
        MassDeletionSuspected,
        /// The credentials now belong to another parent account.
        ParentChanged,
    }
}
