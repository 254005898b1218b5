//! PURE. The switches of the stand-in where the API is undocumented, contradictory or changing.

use serde::{Deserialize, Serialize};

use crate::account::Permissions;

/// Which generations of the resource are served.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Api {
    /// Only `/api/v1/Account/{auth_id}/Subaccount/`.
    Gen1,
    /// Only `/api/v1/accounts/{auth_id}/sub-accounts/`.
    Gen2,
    /// Both, over one state.
    #[default]
    Both,
}

/// A generation of the resource, as the journal prints it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Generation {
    /// `Subaccount`.
    Gen1,
    /// `sub-accounts`.
    Gen2,
}

impl Api {
    /// Whether this choice includes `generation`.
    #[must_use]
    pub fn serves(self, generation: Generation) -> bool {
        match self {
            Api::Both => true,
            Api::Gen1 => generation == Generation::Gen1,
            Api::Gen2 => generation == Generation::Gen2,
        }
    }
}

/// The order of a list's items.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ListOrder {
    /// As documented.
    #[default]
    NewestFirst,
    /// The other way round.
    OldestFirst,
}

/// What ids of new accounts look like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ids {
    /// `auth_id` is `SA_` and 18 characters, `id` a number.
    #[default]
    Underscore,
    /// `auth_id` is `SA` and 18 characters, `id` a number.
    Plain,
    /// `auth_id` is 32 letters and digits, `id` is `SA_` and 18 characters.
    Opaque,
}

/// By which of its ids the path of an item names an account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ItemPath {
    /// By its `auth_id`.
    #[default]
    AuthId,
    /// By its `id`; every other is unknown.
    Id,
}

/// Where a delete of generation 1 looks for `cascade`: the documentation and the clients differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cascade {
    /// In both; either will do.
    #[default]
    Either,
    /// In the query alone; a body means nothing.
    Query,
    /// In the JSON body alone; the query means nothing.
    Body,
}

/// The shapes in which the API has been seen to report an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Envelope {
    /// `{"status": "error", "error": {"code", "message", "details"}, "timestamp", "requestId"}`.
    Documented,
    /// As `documented`, with `status` as a number.
    StatusNumber,
    /// `{"error": "text"}`.
    Text,
    /// `{"error": "code", "message": "..."}`.
    CodeMessage,
    /// `{"api_id": "...", "error": "..."}`.
    ApiId,
    /// `{"detail": "..."}`.
    Detail,
    /// An HTML page of a gateway.
    Html,
    /// No body.
    Empty,
}

/// Everything that can be changed while the simulator runs (`PATCH /settings`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of its own, by its name in JSON"
)]
pub struct Settings {
    /// Generations served.
    pub api: Api,
    /// Status for the wrong path case or a generation that is not served: 401 or 404.
    pub wrong_path_status: u16,
    /// Status for a missing or superfluous trailing slash: 404, 307/308 with the right `Location`, or 200: it is served all the same.
    pub wrong_slash_status: u16,
    /// Status for a subaccount of another main account: 404 or 403.
    pub foreign_status: u16,
    /// Status of a create in generation 2: 200 or 201.
    pub gen2_create_status: u16,
    /// Status of a delete in generation 2: 200 with a message, or 204.
    pub gen2_delete_status: u16,
    /// Where a delete of generation 1 looks for `cascade`.
    pub gen1_cascade: Cascade,
    /// What ids of new accounts look like.
    pub ids: Ids,
    /// By which of its ids the path of an item names an account.
    pub item_path: ItemPath,
    /// Milliseconds that every request waits before it is handled.
    pub latency_ms: u64,
    /// Milliseconds after which a new account appears in lists (a GET finds it at once).
    pub list_lag_ms: u64,
    /// Order of lists.
    pub list_order: ListOrder,
    /// What a generation 2 list does when `active_only` is absent.
    pub active_only_default: bool,
    /// When set, lists ignore the size that was asked for and use this one.
    pub list_page_size: Option<usize>,
    /// Every page of a list is the first one, whatever page was asked for.
    pub list_ignores_page: bool,
    /// When set, more requests than this per second and parent are answered 429.
    pub requests_per_second: Option<u32>,
    /// The envelope of ordinary errors; unset: `api_id` in generation 1, `documented` elsewhere.
    pub envelope: Option<Envelope>,
    /// Text fields are stored trimmed.
    pub trim_text: bool,
    /// `email` is stored in lower case.
    pub lowercase_email: bool,
    /// A larger `rate_limit` is stored as this one.
    pub rate_limit_max: Option<u64>,
    /// `calls` or `cdr`: no answer shows this one of an account's permissions.
    pub hidden_permission: Option<String>,
    /// Fields of an update that are accepted and not stored.
    pub ignored_fields: Vec<String>,
    /// When set, these are the parent's permissions: an account that is given the same stores none of its own.
    pub parent_permissions: Option<Permissions>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            api: Api::Both,
            wrong_path_status: 401,
            wrong_slash_status: 404,
            foreign_status: 404,
            gen2_create_status: 201,
            gen2_delete_status: 200,
            gen1_cascade: Cascade::Either,
            ids: Ids::Underscore,
            item_path: ItemPath::AuthId,
            latency_ms: 0,
            list_lag_ms: 0,
            list_order: ListOrder::NewestFirst,
            active_only_default: false,
            list_page_size: None,
            list_ignores_page: false,
            requests_per_second: None,
            envelope: None,
            trim_text: false,
            lowercase_email: false,
            rate_limit_max: None,
            hidden_permission: None,
            ignored_fields: Vec::new(),
            parent_permissions: None,
        }
    }
}
