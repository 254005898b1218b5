//! The kinds `Account` and `ClusterAccount`: one parent account at Vobiz, its credentials and the defaults of its Subaccounts. PURE.

#![allow(clippy::duplicated_attributes, reason = "columns of one type repeat it")]

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, LabelSelector};
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::schema::{auth_id_key, auth_token_key, checked_selector, without_description};
use super::{Adoptable, AdoptableInNamespace, DeletionSettings, NAMESPACE_PLACEHOLDER, not_observed, rule};

/// How to reach one parent account at Vobiz, and what its Subaccounts have in common.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "vobiz.ai",
    version = "v1alpha1",
    kind = "Account",
    namespaced,
    status = "AccountStatus",
    derive = "PartialEq",
    shortname = "va",
    category = "vobiz",
    doc = "An Account is one parent account at Vobiz: whose credentials are used, how fast, and what its Subaccounts have in common.",
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].status"#
    ),
    printcolumn(
        name = "Status",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].reason"#
    ),
    printcolumn(name = "Auth-ID", type_ = "string", json_path = ".status.authId"),
    printcolumn(name = "API", type_ = "string", json_path = ".status.apiGeneration"),
    printcolumn(
        name = "Managed",
        type_ = "integer",
        json_path = ".status.subaccounts.managed"
    ),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
pub struct AccountSpec {
    /// What both kinds say.
    #[serde(flatten)]
    pub parent: ParentSpec,

    /// The subaccounts that are there already and that Subaccounts may name in authId without holding their pair.
    #[serde(default, skip_serializing_if = "Adoptable::is_unset")]
    pub adoptable: Adoptable,
}

/// What an Account and a `ClusterAccount` say.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ParentSpec {
    /// The Secret that holds the parent's pair: of an Account in its own namespace, of a `ClusterAccount` in the operator's.
    pub credentials_secret_ref: CredentialsSecretReference,

    /// Generation of the API to use. `Auto` finds out, records it in status, and goes over to generation 2 where generation 1 is retired.
    /// After an edit the Subaccounts follow: they are the same under both, with the same ids and pairs.
    #[serde(default)]
    pub api_generation: ApiGenerationChoice,

    /// Put before metadata.name to make the name at Vobiz of every Subaccount that gives none. `{namespace}` in it stands for the
    /// Subaccount's namespace, so that tenants' names stay apart.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    // 37 characters and `{namespace}`.
    #[schemars(length(max = 48))]
    // 63 characters of metadata.name fit behind it: names at Vobiz have at most 100. Not `size()`: offline judges count bytes with it.
    #[x_kube(validation = Rule::new(format!("self.replace('{NAMESPACE_PLACEHOLDER}', '').matches(r'(?s)^.{{0,37}}$')"))
        .message("namePrefix must have at most 37 characters beside {namespace}: shorten it"))]
    #[x_kube(validation = Rule::new(format!("!self.replace('{NAMESPACE_PLACEHOLDER}', '', 1).matches('[{{}}]')"))
        .message("namePrefix may hold {namespace} once and no other braces: take the others out"))]
    #[x_kube(validation = rule::no_control_characters())]
    #[x_kube(validation = rule::no_marker())]
    pub name_prefix: String,

    /// How fast requests are sent; shared by every object of the same parent account. Of several Accounts of one parent
    /// account the lowest values hold for all, once the credentials of each are known to work.
    #[serde(default)]
    pub rate_limit: AccountRateLimit,

    /// Seconds between two comparisons of all Subaccounts with the list of subaccounts at Vobiz. Of several Accounts of one
    /// parent account the shortest holds for all.
    #[serde(default = "resync_interval_seconds")]
    #[schemars(range(min = 10, max = 86400))]
    pub resync_interval_seconds: i32,

    /// What its Subaccounts do where they say nothing themselves.
    #[serde(default, skip_serializing_if = "AccountDefaults::is_unset")]
    pub defaults: AccountDefaults,
}

/// One parent account at Vobiz that serves Subaccounts of many namespaces and shows its credentials in none of them.
// Its columns are those of an Account: see `definition`.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "vobiz.ai",
    version = "v1alpha1",
    kind = "ClusterAccount",
    status = "AccountStatus",
    derive = "PartialEq",
    shortname = "vca",
    category = "vobiz",
    doc = "A ClusterAccount is one parent account at Vobiz for Subaccounts of the namespaces that it allows; its credentials stay in the operator's namespace."
)]
#[serde(rename_all = "camelCase")]
pub struct ClusterAccountSpec {
    /// What both kinds say.
    #[serde(flatten)]
    pub parent: ParentSpec,

    /// The namespaces whose Subaccounts may name it. Left out: none.
    #[serde(default, skip_serializing_if = "AllowedNamespaces::is_none")]
    pub allowed_namespaces: AllowedNamespaces,

    /// The subaccounts that are there already and that Subaccounts of a namespace may name in authId without holding their pair.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1000))]
    pub adoptable: Vec<AdoptableInNamespace>,
}

/// The namespaces whose Subaccounts may name a `ClusterAccount`: those that are named, and those that the selector matches.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AllowedNamespaces {
    /// Names of namespaces.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1000), inner(length(min = 1, max = 63)))]
    pub names: Vec<String>,

    /// Namespaces with such labels; `{}` is every namespace. Left out: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(transform = checked_selector)]
    pub selector: Option<LabelSelector>,
}

impl AllowedNamespaces {
    /// No namespace is allowed.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.names.is_empty() && self.selector.is_none()
    }
}

/// The Secret that holds a parent's pair.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("self.authIdKey != self.authTokenKey")
    .message("authIdKey and authTokenKey must differ: name the key of each"))]
pub struct CredentialsSecretReference {
    /// Name of the Secret.
    #[schemars(length(min = 1, max = 253))]
    #[x_kube(validation = rule::object_name())]
    pub name: String,
    /// Key of the parent's `auth_id`.
    #[serde(default = "auth_id_key")]
    #[schemars(length(min = 1, max = 253))]
    #[x_kube(validation = rule::secret_key())]
    pub auth_id_key: String,
    /// Key of the parent's `auth_token`.
    #[serde(default = "auth_token_key")]
    #[schemars(length(min = 1, max = 253))]
    #[x_kube(validation = rule::secret_key())]
    pub auth_token_key: String,
}

/// Which generation of the API an Account asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(transform = without_description)]
pub enum ApiGenerationChoice {
    /// Find out: generation 2 first, then 1.
    #[default]
    Auto,
    /// Generation 1, `Account/{auth_id}/Subaccount/`.
    Gen1,
    /// Generation 2, `accounts/{auth_id}/sub-accounts/`.
    Gen2,
}

/// A generation of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[schemars(transform = without_description)]
pub enum ApiGeneration {
    /// Generation 1, `Account/{auth_id}/Subaccount/`.
    Gen1,
    /// Generation 2, `accounts/{auth_id}/sub-accounts/`.
    Gen2,
}

/// How fast requests are sent to one parent account.
#[derive(KubeSchema, Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AccountRateLimit {
    /// Requests per second in the long run.
    #[serde(default = "requests_per_second")]
    #[schemars(range(min = 1, max = 1000))]
    pub requests_per_second: i32,
    /// Requests that may be sent at once after a rest.
    #[serde(default = "burst")]
    #[schemars(range(min = 1, max = 1000))]
    pub burst: i32,
}

impl Default for AccountRateLimit {
    fn default() -> Self {
        Self {
            requests_per_second: requests_per_second(),
            burst: burst(),
        }
    }
}

/// What an Account's Subaccounts do where they say nothing themselves.
#[derive(KubeSchema, Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AccountDefaults {
    /// Default of spec.deletion, part by part.
    #[serde(default, skip_serializing_if = "DeletionSettings::is_unset")]
    pub deletion: DeletionSettings,
}

impl AccountDefaults {
    /// No part is given.
    #[must_use]
    pub fn is_unset(&self) -> bool {
        self.deletion.is_unset()
    }
}

/// What the operator knows about an Account. Users cannot write it.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AccountStatus {
    /// The metadata.generation that the conditions speak of; -1 until the operator has read the object.
    #[serde(default = "not_observed")]
    pub observed_generation: i64,
    /// State in terms of conditions: Ready; Reconciling and Stalled only while true.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// The parent account's `auth_id` at Vobiz.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth_id: Option<String>,
    /// The generation of the API in use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_generation: Option<ApiGeneration>,
    /// The only Secret that may carry the finalizer `vobiz.ai/in-use` for this Account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials_secret_name: Option<String>,
    /// How many subaccounts there are, here and at Vobiz.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subaccounts: Option<SubaccountCounts>,
    /// The value of the annotation `vobiz.ai/reconcile-requested-at` that was handled last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_handled_reconcile_at: Option<String>,
}

impl Default for AccountStatus {
    fn default() -> Self {
        Self {
            observed_generation: not_observed(),
            conditions: Vec::new(),
            auth_id: None,
            api_generation: None,
            credentials_secret_name: None,
            subaccounts: None,
            last_handled_reconcile_at: None,
        }
    }
}

/// Numbers of subaccounts under one parent account.
#[derive(KubeSchema, Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SubaccountCounts {
    /// Kept by a Subaccount of this cluster. Told a few seconds after a change, and up to a minute while changes keep coming.
    #[serde(default)]
    pub managed: i64,
    /// Found in the list at Vobiz, when it was last read.
    #[serde(default)]
    pub found: i64,
    /// Marked by this cluster in that list, and known to no Subaccount.
    #[serde(default)]
    pub orphaned: i64,
}

fn resync_interval_seconds() -> i32 {
    300
}

fn requests_per_second() -> i32 {
    10
}

fn burst() -> i32 {
    20
}
