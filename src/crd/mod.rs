//! What a user may write: the kinds of the group `vobiz.ai`, their rules, and the names that other parts of a
//! cluster see. PURE.
//!
//! Knows no other module of this crate. `crds/` is generated from here and never edited.

mod account;
mod account_reference;
mod adoptable;
pub mod condition;
mod definition;
mod deletion;
mod management;
mod rule;
mod schema;
mod subaccount;
mod yaml;

pub use account::{
    Account, AccountDefaults, AccountRateLimit, AccountSpec, AccountStatus, AllowedNamespaces, ApiGeneration,
    ApiGenerationChoice, ClusterAccount, ClusterAccountSpec, CredentialsSecretReference, ParentSpec,
    SubaccountCounts,
};
pub use account_reference::{AccountKind, AccountReference};
pub use adoptable::{Adoptable, AdoptableInNamespace, Grants};
pub use definition::custom_resource_definitions;
pub use deletion::{DeletionPolicy, DeletionSettings};
pub use management::ManagementPolicy;
pub use subaccount::{
    BusinessType, CredentialRecovery, KycMode, KycStatus, Permissions, SecretKeys, SecretReference,
    Subaccount, SubaccountSpec, SubaccountStatus,
};
pub use yaml::{YamlError, yaml};

/// The API group of every kind.
pub const GROUP: &str = "vobiz.ai";
/// The only version served.
pub const VERSION: &str = "v1alpha1";
/// Held by a Subaccount until nothing is left of it at Vobiz, or its policy says keep.
pub const FINALIZER: &str = "vobiz.ai/subaccount";
/// Held by an Account that Subaccounts name, and by its credentials Secret.
pub const IN_USE_FINALIZER: &str = "vobiz.ai/in-use";
/// Field manager of every write to Kubernetes.
pub const FIELD_MANAGER: &str = crate::NAME;
/// `reportingController` of every event.
pub const REPORTING_CONTROLLER: &str = "vobiz.ai/operator";
/// Standard label that names the tool in charge of an object; its value is [`MANAGED_BY`].
pub const MANAGED_BY_LABEL: &str = "app.kubernetes.io/managed-by";
/// Value of [`MANAGED_BY_LABEL`] on every Secret written.
pub const MANAGED_BY: &str = "vobiz-operator";
/// Label on a user's Secret: the name of the Subaccount whose pair it holds.
pub const SUBACCOUNT_LABEL: &str = "vobiz.ai/subaccount";
/// Annotation on a user's Secret: the `auth_id` whose pair it holds.
pub const AUTH_ID_ANNOTATION: &str = "vobiz.ai/auth-id";
/// Annotation on a user's Secret: the labels and annotations that are there because `spec.secretRef` names them.
pub const MANAGED_KEYS_ANNOTATION: &str = "vobiz.ai/managed-keys";
/// Annotation that a user sets to `true`: hands off, also while the object is being deleted.
pub const PAUSED_ANNOTATION: &str = "vobiz.ai/paused";
/// Annotation that a user sets to any new value: look at everything now. Echoed in `status.lastHandledReconcileAt`.
pub const RECONCILE_REQUESTED_ANNOTATION: &str = "vobiz.ai/reconcile-requested-at";
/// Annotation that a user sets to `true`: take over the account that an earlier object of this name left.
pub const RECLAIM_ANNOTATION: &str = "vobiz.ai/reclaim";
/// Annotation that a user sets to `true` on a Secret that nobody controls: it may be taken over, and the pair in it gives a right to the
/// account.
pub const ALLOW_ADOPTION_ANNOTATION: &str = "vobiz.ai/allow-adoption";
/// Annotation of a Secret that was taken over so: what else it holds stays its user's, also once the word is taken off.
pub const HANDED_OVER_ANNOTATION: &str = "vobiz.ai/handed-over";
/// Annotation that a user sets to `true`: let this object, which is being deleted, go without proof.
pub const FORCE_DELETE_ANNOTATION: &str = "vobiz.ai/force-delete";
/// Annotation that a user sets on an Account, to the value that its message names: the missing accounts are gone indeed.
pub const CONFIRM_MASS_DELETION_ANNOTATION: &str = "vobiz.ai/confirm-mass-deletion";
/// Annotation that whoever administers the operator sets on a Record, or whoever keeps the parent's pair on an Account: what
/// objects left in an earlier namespace of this name, with this uid (several: separated by commas), may be taken over.
pub const ACCEPT_RESTORED_NAMESPACE_ANNOTATION: &str = "vobiz.ai/accept-restored-namespace";
/// Annotation on a Record, of ours: the uid of the object of which it was told that it went without its finalizer.
pub const ORPHAN_TOLD_ANNOTATION: &str = "vobiz.ai/orphan-told";
/// Label on a Record: the id of its account, where that can be a label.
pub const AUTH_ID_LABEL: &str = "vobiz.ai/auth-id";
/// Label on a Record that a later object took over: that object's uid.
pub const RECLAIMED_BY_LABEL: &str = "vobiz.ai/reclaimed-by";
/// Start of every marker at Vobiz; users' texts must not contain it.
pub const MARKER_START: &str = "[vobiz-operator ";
/// In an Account's `namePrefix`: the namespace of the Subaccount.
pub const NAMESPACE_PLACEHOLDER: &str = "{namespace}";
/// `status.observedGeneration` of an object that no operator has read yet (schema default).
pub const NOT_OBSERVED: i64 = -1;

/// Schema default of `status.observedGeneration`.
fn not_observed() -> i64 {
    NOT_OBSERVED
}
