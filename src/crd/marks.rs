//! Finalizers, labels and annotations that the operator sets or obeys. PURE.

use super::names::marks;

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// As it is written.
    pub name: &'static str,
    /// What it is.
    pub sort: Sort,
    /// On which objects.
    pub on: &'static str,
    /// Who sets it.
    pub by: By,
    /// What it means.
    pub meaning: &'static str,
}

/// What stands in an object's metadata.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    /// A finalizer.
    Finalizer,
    /// A label.
    Label,
    /// An annotation.
    Annotation,
}

/// Who sets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// A person, or a tool for one.
    You,
    /// The operator.
    Operator,
}

marks! {
    /// Held until nothing is left of the Subaccount at Vobiz, or its policy says keep.
    FINALIZER: Finalizer of "Subaccount" by Operator = "vobiz.ai/subaccount";
    /// Held by an Account that Subaccounts name, and by its credentials Secret.
    IN_USE_FINALIZER: Finalizer of "Account, ClusterAccount, credentials Secret" by Operator = "vobiz.ai/in-use";
    /// `true`: hands off, also while the object is being deleted.
    PAUSED_ANNOTATION: Annotation of "Subaccount" by You = "vobiz.ai/paused";
    /// Any new value: look at everything now, of an Account at what troubles it. Echoed in `status.lastHandledReconcileAt`.
    RECONCILE_REQUESTED_ANNOTATION: Annotation of "Subaccount, Account, ClusterAccount" by You = "vobiz.ai/reconcile-requested-at";
    /// `true`: take over the account that an earlier object of this name left.
    RECLAIM_ANNOTATION: Annotation of "Subaccount" by You = "vobiz.ai/reclaim";
    /// `true`: let this object, which is being deleted, go without proof.
    FORCE_DELETE_ANNOTATION: Annotation of "Subaccount" by You = "vobiz.ai/force-delete";
    /// The value that the message of the Account names: the missing accounts are gone indeed.
    CONFIRM_MASS_DELETION_ANNOTATION: Annotation of "Account, ClusterAccount" by You = "vobiz.ai/confirm-mass-deletion";
    /// uids, separated by commas: what objects left in an earlier namespace of this name, with such a uid, may be taken over. Whoever
    /// keeps the parent's pair sets it on the Account, or whoever administers the operator on one Record.
    ACCEPT_RESTORED_NAMESPACE_ANNOTATION: Annotation of "Account, ClusterAccount, Record" by You = "vobiz.ai/accept-restored-namespace";
    /// `true`, on one that nobody controls: it may be taken over, and the pair in it gives a right to the account.
    ALLOW_ADOPTION_ANNOTATION: Annotation of "the user's Secret" by You = "vobiz.ai/allow-adoption";
    /// It was taken over so: what else it holds stays its user's, also once that word is taken off.
    HANDED_OVER_ANNOTATION: Annotation of "the user's Secret" by Operator = "vobiz.ai/handed-over";
    /// The `auth_id` whose pair it holds.
    AUTH_ID_ANNOTATION: Annotation of "the user's Secret" by Operator = "vobiz.ai/auth-id";
    /// The labels and annotations that are there because `spec.secretRef` names them.
    MANAGED_KEYS_ANNOTATION: Annotation of "the user's Secret" by Operator = "vobiz.ai/managed-keys";
    /// The name of the Subaccount whose pair it holds.
    SUBACCOUNT_LABEL: Label of "the user's Secret" by Operator = "vobiz.ai/subaccount";
    /// The standard label that names the tool in charge of an object: `vobiz-operator`.
    MANAGED_BY_LABEL: Label of "the user's Secret, Record" by Operator = "app.kubernetes.io/managed-by";
    /// The id of its account, where that can be a label.
    AUTH_ID_LABEL: Label of "Record" by Operator = "vobiz.ai/auth-id";
    /// The uid of the later object that took it over.
    RECLAIMED_BY_LABEL: Label of "Record" by Operator = "vobiz.ai/reclaimed-by";
    /// The uid of the object of which it was told that it went without its finalizer.
    ORPHAN_TOLD_ANNOTATION: Annotation of "Record" by Operator = "vobiz.ai/orphan-told";
}
