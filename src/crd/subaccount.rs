//! The kind `Subaccount`: one subaccount at Vobiz and the Secret that holds its pair. PURE.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::account_reference::AccountReference;
use super::condition::{ConditionStatus, ConditionType, find};
use super::schema::{auth_id_key, auth_token_key, without_description};
use super::{ApiGeneration, DeletionPolicy, DeletionSettings, ManagementPolicy, not_observed, rule};

/// What a subaccount at Vobiz should be, and where its credentials go. A field that is left out is neither sent nor
/// compared; of one that is taken out, the condition Synced says that it is managed no longer.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "vobiz.ai",
    version = "v1alpha1",
    kind = "Subaccount",
    namespaced,
    status = "SubaccountStatus",
    derive = "PartialEq",
    shortname = "vsa",
    category = "vobiz",
    doc = "A Subaccount is one subaccount at Vobiz, kept as this manifest says, with its auth_id and auth_token in a Secret.",
    validation = Rule::new("size(self.metadata.name) <= 63")
        .message("metadata.name must be at most 63 characters: choose a shorter one and give the long one in spec.name"),
    selectable = ".spec.accountRef.name",
    selectable = ".spec.secretRef.name",
    printcolumn(name = "Ready", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].status"#),
    printcolumn(name = "Status", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].reason"#),
    printcolumn(name = "Auth-ID", type_ = "string", json_path = ".status.authId"),
    printcolumn(name = "Secret", type_ = "string", json_path = ".status.secretName"),
    printcolumn(name = "Synced", type_ = "string", priority = "1", json_path = r#".status.conditions[?(@.type=="Synced")].status"#),
    printcolumn(name = "Calls", type_ = "string", priority = "1", json_path = r#".status.conditions[?(@.type=="CallsAllowed")].status"#),
    printcolumn(name = "Account", type_ = "string", priority = "1", json_path = ".spec.accountRef.name"),
    printcolumn(name = "Policy", type_ = "string", priority = "1", json_path = ".status.deletionPolicy"),
    printcolumn(name = "Message", type_ = "string", priority = "1", json_path = r#".status.conditions[?(@.type=="Ready")].message"#),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!has(self.kycMode) || self.kycMode != 'customer_use' || (has(self.email) && self.email.trim() != '')")
    .message("kycMode customer_use needs an email: set spec.email"))]
#[x_kube(validation = Rule::new("has(self.authId) == has(oldSelf.authId) && (!has(self.authId) || self.authId == oldSelf.authId)")
    .message("authId cannot be changed, set or taken out later: set spec.deletion.policy to Retain, delete this object, which leaves \
              its account at Vobiz, and create it again as it should be"))]
pub struct SubaccountSpec {
    /// The Account, in the same namespace, or the `ClusterAccount` whose parent account at Vobiz owns the subaccount. Cannot be changed.
    #[x_kube(validation = Rule::new("self == oldSelf")
        .message("accountRef cannot be changed: an account at Vobiz stays under its parent. Create another Subaccount, with another \
                  name, for the other Account. Deleting this one deletes, unless its deletion policy says otherwise, its account, \
                  its token, and takes its numbers from it; set spec.deletion.policy to Retain first, and all of them stay at Vobiz"))]
    pub account_ref: AccountReference,

    /// The `auth_id` of a subaccount that is there already, to be kept by this object instead of one that is made. Nothing is ever created
    /// for such an object. An id gives no right: the Secret that secretRef names holds its working pair and carries the annotation
    /// `vobiz.ai/allow-adoption: "true"`, or the Account lists it in `adoptable`. Left to Vobiz at deletion, unless deletion.policy
    /// says otherwise. Cannot be changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128), regex(pattern = "^[A-Za-z0-9][A-Za-z0-9_-]*$"))]
    pub auth_id: Option<String>,

    /// `Full`: the subaccount is kept as this manifest says. `ObserveOnly`: nothing is written to Vobiz for it; what differs is told in
    /// the condition Synced, its pair is published where it is known, and a deletion leaves it as it is.
    #[serde(default)]
    pub management_policy: ManagementPolicy,

    /// Name at Vobiz, where names are not unique. Left out: the Account's namePrefix followed by metadata.name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 200))]
    // Not `size()`: the API server counts characters with it, offline judges bytes (cel 0.13, in kubectl vobiz).
    #[x_kube(validation = Rule::new("self.trim().matches(r'(?s)^.{1,100}$')")
        .message("name must have 1 to 100 characters apart from space around it"))]
    #[x_kube(validation = rule::no_control_characters())]
    #[x_kube(validation = rule::no_marker())]
    pub name: Option<String>,

    /// False blocks every API call and every use of trunks by the subaccount; its numbers stay assigned.
    #[serde(default = "enabled")]
    pub enabled: bool,

    /// Free text at Vobiz (API generation 2 only). Left out, or taken out: not managed, stays as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 500))]
    #[x_kube(validation = rule::no_control_characters())]
    #[x_kube(validation = rule::no_marker())]
    pub description: Option<String>,

    /// E-mail address at Vobiz (API generation 2 only); needed when kycMode is `customer_use`. Left out, or taken out: not
    /// managed, stays as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 320))]
    #[x_kube(validation = rule::no_control_characters())]
    pub email: Option<String>,

    /// Telephone number at Vobiz (API generation 2 only). Left out, or taken out: not managed, stays as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    #[x_kube(validation = rule::no_control_characters())]
    pub phone: Option<String>,

    /// Requests per period that Vobiz grants the subaccount (API generation 2 only). Left out, or taken out: not managed,
    /// stays as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub rate_limit: Option<i64>,

    /// What the subaccount may do (API generation 2 only). Left out, or taken out: not managed, stays as it is; a new subaccount
    /// may do what its parent may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permissions: Option<Permissions>,

    /// Whose identity check applies (API generation 2 only). `customer_use` blocks calls until it is complete.
    /// Left out, or taken out: not managed, stays as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kyc_mode: Option<KycMode>,

    /// Legal form of the customer (API generation 2 only). Left out, or taken out: not managed, stays as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub business_type: Option<BusinessType>,

    /// The Secret, in the same namespace, that receives the pair.
    #[serde(default)]
    pub secret_ref: SecretReference,

    /// What happens at Vobiz when this object is deleted. Each part left out: the Account's default.
    #[serde(default, skip_serializing_if = "DeletionSettings::is_unset")]
    pub deletion: DeletionSettings,

    /// What happens when the pair is lost for good, or the subaccount was deleted by somebody else. `Manual`: this object
    /// says so and waits. `Recreate`: the subaccount is deleted, if it is still there, and made anew with another pair.
    #[serde(default)]
    pub credential_recovery: CredentialRecovery,
}

impl Subaccount {
    /// Whether the status says that the present spec is applied: the object then stays untouched while its parent is in trouble.
    #[must_use]
    pub fn is_applied(&self) -> bool {
        self.status.as_ref().is_some_and(|status| {
            Some(status.observed_generation) == self.metadata.generation
                && find(&status.conditions, ConditionType::Ready)
                    .is_some_and(|ready| ready.status == ConditionStatus::True.as_str())
        })
    }
}

/// What a subaccount may do; each part is given.
#[derive(KubeSchema, Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Permissions {
    /// May place and receive calls.
    pub calls: bool,
    /// May read call detail records.
    pub cdr: bool,
}

/// Whose identity check (KYC) applies to a subaccount.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(transform = without_description)]
pub enum KycMode {
    /// The parent's.
    PersonalUse,
    /// The customer's own.
    CustomerUse,
}

/// Legal form of the customer who uses a subaccount, as Vobiz names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(transform = without_description)]
pub enum BusinessType {
    /// A person.
    Individual,
    /// A proprietorship.
    Proprietorship,
    /// A private limited company.
    PrivateLimited,
    /// A limited liability partnership.
    Llp,
    /// A partnership.
    Partnership,
    /// A public limited company.
    PublicLimited,
    /// A trust.
    Trust,
    /// A society.
    Society,
    /// A Hindu undivided family.
    Huf,
    /// A public body.
    Government,
}

/// The Secret that receives the pair.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SecretReference {
    /// Name of the Secret. Left out: metadata.name followed by `-vobiz`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    #[x_kube(validation = rule::object_name())]
    pub name: Option<String>,

    /// Keys of the Secret that hold the pair.
    #[serde(default)]
    pub keys: SecretKeys,

    /// Labels set on the Secret beside the operator's own, and taken off again when they are named here no longer. What others
    /// put on it stays.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 16, "additionalProperties" = {
        "type": "string", "maxLength": 63, "pattern": "^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$"
    }))]
    #[x_kube(validation = rule::no_reserved_keys())]
    #[x_kube(validation = rule::qualified_keys())]
    pub labels: BTreeMap<String, String>,

    /// Annotations set on the Secret beside the operator's own, and taken off again when they are named here no longer. What
    /// others put on it stays.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 16, "additionalProperties" = { "type": "string", "maxLength": 4096 }))]
    #[x_kube(validation = rule::no_reserved_keys())]
    #[x_kube(validation = rule::qualified_keys())]
    pub annotations: BTreeMap<String, String>,
}

/// Keys of a Secret that hold a pair.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("self.authId != self.authToken")
    .message("keys.authId and keys.authToken must differ: give each its own key"))]
pub struct SecretKeys {
    /// Key of the `auth_id`.
    #[serde(default = "auth_id_key")]
    #[schemars(length(min = 1, max = 253))]
    #[x_kube(validation = rule::secret_key())]
    pub auth_id: String,
    /// Key of the `auth_token`.
    #[serde(default = "auth_token_key")]
    #[schemars(length(min = 1, max = 253))]
    #[x_kube(validation = rule::secret_key())]
    pub auth_token: String,
}

impl Default for SecretKeys {
    fn default() -> Self {
        Self {
            auth_id: auth_id_key(),
            auth_token: auth_token_key(),
        }
    }
}

/// What happens when the pair is lost for good, or the subaccount was deleted by somebody else.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(transform = without_description)]
pub enum CredentialRecovery {
    /// The object says so and waits for a person.
    #[default]
    Manual,
    /// The subaccount is deleted and made anew.
    Recreate,
}

/// What the operator knows about a Subaccount. Users cannot write it.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SubaccountStatus {
    /// The metadata.generation that the conditions speak of; -1 until the operator has read the object.
    #[serde(default = "not_observed")]
    pub observed_generation: i64,
    /// State in terms of conditions: Ready, Synced, `CredentialsPublished`, `CallsAllowed`; Reconciling and Stalled
    /// only while true.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// The subaccount's `auth_id` at Vobiz.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth_id: Option<String>,
    /// The Secret that holds the pair.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_name: Option<String>,
    /// The `auth_id` of the parent account that owns the subaccount.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_auth_id: Option<String>,
    /// The generation of the API through which the subaccount is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_generation: Option<ApiGeneration>,
    /// What a deletion of the object does at Vobiz: the policy of its spec, else of its Account's defaults, else `Delete`. While the
    /// Account cannot be read, as it was last known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletion_policy: Option<DeletionPolicy>,
    /// Identity check as Vobiz reports it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kyc: Option<KycStatus>,
    /// The value of the annotation `vobiz.ai/reconcile-requested-at` that was handled last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_handled_reconcile_at: Option<String>,
}

impl Default for SubaccountStatus {
    fn default() -> Self {
        Self {
            observed_generation: not_observed(),
            conditions: Vec::new(),
            auth_id: None,
            secret_name: None,
            parent_auth_id: None,
            api_generation: None,
            deletion_policy: None,
            kyc: None,
            last_handled_reconcile_at: None,
        }
    }
}

/// Identity check (KYC) as Vobiz reports it.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KycStatus {
    /// Whose identity check applies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<KycMode>,
    /// True while calls are blocked until the check is complete.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calls_blocked: Option<bool>,
}

fn enabled() -> bool {
    true
}
