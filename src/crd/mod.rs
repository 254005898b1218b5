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
pub mod event;
mod management;
pub mod marks;
mod names;
mod reason;
mod rule;
mod schema;
mod subaccount;
pub mod vocabulary;
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
pub use marks::{
    ACCEPT_RESTORED_NAMESPACE_ANNOTATION, ALLOW_ADOPTION_ANNOTATION, AUTH_ID_ANNOTATION, AUTH_ID_LABEL,
    CONFIRM_MASS_DELETION_ANNOTATION, FINALIZER, FORCE_DELETE_ANNOTATION, HANDED_OVER_ANNOTATION,
    IN_USE_FINALIZER, MANAGED_BY_LABEL, MANAGED_KEYS_ANNOTATION, ORPHAN_TOLD_ANNOTATION, PAUSED_ANNOTATION,
    RECLAIM_ANNOTATION, RECLAIMED_BY_LABEL, RECONCILE_REQUESTED_ANNOTATION, SUBACCOUNT_LABEL,
};
pub use subaccount::{
    BusinessType, CredentialRecovery, KycMode, KycStatus, Permissions, SecretKeys, SecretReference,
    Subaccount, SubaccountSpec, SubaccountStatus,
};
pub use yaml::{YamlError, yaml};

/// The API group of every kind.
pub const GROUP: &str = "vobiz.ai";
/// The only version served.
pub const VERSION: &str = "v1alpha1";
/// Field manager of every write to Kubernetes.
pub const FIELD_MANAGER: &str = crate::NAME;
/// `reportingController` of every event.
pub const REPORTING_CONTROLLER: &str = "vobiz.ai/operator";
/// Value of [`MANAGED_BY_LABEL`] on every Secret written.
pub const MANAGED_BY: &str = "vobiz-operator";
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
