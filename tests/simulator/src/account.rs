//! PURE. What the simulator keeps of one subaccount, and how each generation prints it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The texts that generation 2 stores as they come, and prints as they are stored.
pub const TEXTS: [&str; 2] = ["phone", "description"];

/// What reads print in the place of a token in generation 2.
pub const REDACTED: &str = "<redacted>";

/// `{calls, cdr}`; an account without it inherits its parent's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Permissions {
    /// May place and take calls.
    pub calls: bool,
    /// May read call records.
    pub cdr: bool,
}

/// The state of the checks that `kyc/status` reports.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kyc {
    /// `not_started`, `pending`, `verified` or `failed`.
    pub overall_status: String,
    /// Calls are blocked until the checks are done.
    pub calls_blocked: bool,
    /// State of each document.
    pub pan: String,
    /// State of each document.
    pub gst: String,
    /// State of each document.
    pub cin: String,
    /// State of each document.
    pub aadhaar: String,
}

impl Kyc {
    /// Nothing handed in yet; `blocked` as `customer_use` demands.
    #[must_use]
    pub fn not_started(blocked: bool) -> Self {
        let none = || "not_started".to_owned();
        Self {
            overall_status: none(),
            calls_blocked: blocked,
            pan: none(),
            gst: none(),
            cin: none(),
            aadhaar: none(),
        }
    }
}

/// One subaccount, with every field in clear.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// The id in its pair, and in paths unless a mode says otherwise.
    pub auth_id: String,
    /// The secret half of the pair.
    pub auth_token: String,
    /// Another id, which is not the `auth_id`: a number as a rule.
    pub id: String,
    /// `MA_...`.
    pub parent_auth_id: String,
    /// The parent's numeric id.
    pub parent_id: u64,
    /// Id of the API call that made it.
    pub api_id: String,
    /// Not unique.
    pub name: String,
    /// Optional text.
    pub email: Option<String>,
    /// Those of [`TEXTS`].
    #[serde(flatten)]
    pub texts: BTreeMap<String, Option<String>>,
    /// None: inherited.
    pub permissions: Option<Permissions>,
    /// Requests per period.
    pub rate_limit: u64,
    /// False blocks all API calls and trunk use.
    pub enabled: bool,
    /// `personal_use` or `customer_use`.
    pub kyc_mode: String,
    /// One of ten values.
    pub business_type: Option<String>,
    /// What `kyc/status` reports.
    pub kyc: Kyc,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
    /// When its own pair was used last.
    pub last_used: Option<Timestamp>,
    /// A delete is refused with 409 until then.
    pub cool_off_until: Option<Timestamp>,
    /// True when it came from the control API and not from a request.
    pub by_hand: bool,
}

/// RFC 3339 in UTC with exactly six digits of a second.
#[must_use]
pub fn microseconds(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()
}

fn date(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d").to_string()
}

impl Account {
    fn paths(&self) -> (String, String) {
        let account = format!("/v1/Account/{}/", self.parent_auth_id);
        let uri = format!("{account}Subaccount/{}/", self.auth_id);
        (account, uri)
    }

    /// The object of generation 1: few fields, the token in clear.
    #[must_use]
    pub fn gen1(&self) -> Value {
        let (account, resource_uri) = self.paths();
        let modified = (self.updated_at != self.created_at).then(|| date(self.updated_at));
        json!({
            "account": account,
            "api_id": self.api_id,
            "auth_id": self.auth_id,
            "auth_token": self.auth_token,
            "created": date(self.created_at),
            "modified": modified,
            "name": self.name,
            "enabled": self.enabled,
            "resource_uri": resource_uri,
        })
    }

    /// The object of generation 2, its token redacted.
    #[must_use]
    pub fn gen2(&self) -> Value {
        self.gen2_with_token(REDACTED)
    }

    /// The object of generation 2 as the answer to create prints it, once.
    #[must_use]
    pub fn gen2_in_clear(&self) -> Value {
        self.gen2_with_token(&self.auth_token)
    }

    fn gen2_with_token(&self, auth_token: &str) -> Value {
        // The paths are generation 1's also here; so prints the API.
        let (account, resource_uri) = self.paths();
        let created = microseconds(self.created_at);
        let updated = microseconds(self.updated_at);
        let mut object = json!({
            "name": self.name,
            "email": self.email,
            "permissions": self.permissions,
            "rate_limit": self.rate_limit,
            "id": self.id,
            "parent_account_id": self.parent_id.to_string(),
            "parent_auth_id": self.parent_auth_id,
            "auth_id": self.auth_id,
            "auth_token": auth_token,
            "api_id": self.api_id,
            "email_verified": false,
            "enabled": self.enabled,
            "is_active": self.enabled,
            "created": created,
            "modified": updated,
            "created_at": created,
            "updated_at": updated,
            "last_used": self.last_used.map(microseconds),
            "account": account,
            "resource_uri": resource_uri,
            "kyc_mode": self.kyc_mode,
            "business_type": self.business_type,
            "kyc_calls_blocked": self.kyc.calls_blocked,
        });
        for (name, text) in &self.texts {
            object[name] = json!(text);
        }
        object
    }

    /// The answer of `kyc/status`.
    #[must_use]
    pub fn kyc_status(&self) -> Value {
        json!({
            "sub_account_id": self.auth_id,
            "kyc_mode": self.kyc_mode,
            "business_type": self.business_type,
            "overall_status": self.kyc.overall_status,
            "kyc_calls_blocked": self.kyc.calls_blocked,
            "verifications": {
                "pan": self.kyc.pan,
                "gst": self.kyc.gst,
                "cin": self.kyc.cin,
                "aadhaar": self.kyc.aadhaar,
            },
        })
    }
}
