//! The subaccount as both generations tell it, and the fields that a request may set. PURE.

use super::auth_id::AuthId;
use super::generation::Generation;
use super::token::AuthToken;

/// One subaccount as the API shows it. What a generation does not have, or an answer left out, is `None`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subaccount {
    /// Its id: the one in its pair.
    pub auth_id: AuthId,
    /// What the answer calls `id`, where that is another text that could stand in a path (some documents show `SA_...` there beside an
    /// opaque `auth_id`). A number is not: elsewhere it counts accounts and addresses none.
    pub other_id: Option<AuthId>,
    /// Its token, where the answer shows it: always in generation 1, only in the create's answer in generation 2.
    pub auth_token: Option<AuthToken>,
    /// Its name, as the API stores it; empty when the answer has none. Not unique.
    pub name: String,
    /// Whether API calls and trunk use are allowed. Taken from `enabled`, else from `is_active`, else true.
    pub enabled: bool,
    /// Free text, with a marker at its end where the operator made the account.
    pub description: Option<String>,
    /// The contact's e-mail address.
    pub email: Option<String>,
    /// The contact's telephone number.
    pub phone: Option<String>,
    /// Requests per period.
    pub rate_limit: Option<i64>,
    /// What it may use; `None`: not reported, or inherited from the parent.
    pub permissions: Option<ShownPermissions>,
    /// `personal_use` or `customer_use`.
    pub kyc_mode: Option<String>,
    /// One of the ten kinds of business of the API documentation.
    pub business_type: Option<String>,
    /// Whether calls are blocked until verification is complete.
    pub kyc_calls_blocked: Option<bool>,
}

/// What a subaccount may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Permissions {
    /// Make and take calls.
    pub calls: bool,
    /// Read call detail records.
    pub cdr: bool,
}

/// What an answer shows of that: one of the two may be missing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ShownPermissions {
    /// Make and take calls.
    pub calls: Option<bool>,
    /// Read call detail records.
    pub cdr: Option<bool>,
}

impl ShownPermissions {
    /// Whether nothing that is shown is otherwise. What is not shown is neither equal nor different.
    #[must_use]
    pub fn agree_with(self, wanted: Permissions) -> bool {
        let agrees = |shown: Option<bool>, wanted| shown.is_none_or(|shown| shown == wanted);
        agrees(self.calls, wanted.calls) && agrees(self.cdr, wanted.cdr)
    }
}

impl From<Permissions> for ShownPermissions {
    fn from(permissions: Permissions) -> Self {
        Self {
            calls: Some(permissions.calls),
            cdr: Some(permissions.cdr),
        }
    }
}

/// What a create or an update asks for. Only what is `Some` is sent; the API leaves the rest as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields {
    /// The name.
    pub name: Option<String>,
    /// Whether API calls and trunk use are allowed.
    pub enabled: Option<bool>,
    /// Free text (generation 2).
    pub description: Option<String>,
    /// The contact's e-mail address (generation 2).
    pub email: Option<String>,
    /// The contact's telephone number (generation 2).
    pub phone: Option<String>,
    /// Requests per period (generation 2).
    pub rate_limit: Option<i64>,
    /// What it may use (generation 2).
    pub permissions: Option<Permissions>,
    /// `personal_use` or `customer_use` (generation 2).
    pub kyc_mode: Option<String>,
    /// The kind of business (generation 2).
    pub business_type: Option<String>,
}

impl Fields {
    /// Nothing is set: there is nothing to send.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.names().is_empty()
    }

    /// The API's names of the fields that are set, in a fixed order.
    #[must_use]
    pub fn names(&self) -> Vec<&'static str> {
        // Without `..`, so that a new field cannot be forgotten here.
        let Self {
            name,
            enabled,
            description,
            email,
            phone,
            rate_limit,
            permissions,
            kyc_mode,
            business_type,
        } = self;
        [
            ("name", name.is_some()),
            ("enabled", enabled.is_some()),
            ("description", description.is_some()),
            ("email", email.is_some()),
            ("phone", phone.is_some()),
            ("rate_limit", rate_limit.is_some()),
            ("permissions", permissions.is_some()),
            ("kyc_mode", kyc_mode.is_some()),
            ("business_type", business_type.is_some()),
        ]
        .into_iter()
        .filter_map(|(name, is_set)| is_set.then_some(name))
        .collect()
    }

    /// The names of the fields that are set and that this generation does not have.
    #[must_use]
    pub fn unsupported_by(&self, generation: Generation) -> Vec<&'static str> {
        match generation {
            Generation::Gen1 => self
                .names()
                .into_iter()
                .filter(|name| !matches!(*name, "name" | "enabled"))
                .collect(),
            Generation::Gen2 => Vec::new(),
        }
    }
}

/// One page of the list, newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The entries that could be used.
    pub subaccounts: Vec<Subaccount>,
    /// How many entries could not: no valid id, or no object. Such a list proves nobody's absence.
    pub invalid: usize,
    /// How many subaccounts the API says there are in all.
    pub total: Option<u64>,
    /// No page follows: this one is empty, or it ends exactly at the total. A list is complete only if the
    /// entries of all its pages (invalid ones included) are at least `total`: a server that ignores the
    /// page size can make pages that do not join.
    pub last: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_permission_that_is_not_shown_is_not_compared() {
        let wanted = Permissions {
            calls: true,
            cdr: false,
        };
        for (calls, cdr, agrees) in [
            (Some(true), Some(false), true),
            (Some(true), None, true),
            (None, Some(false), true),
            (None, None, true),
            (Some(false), None, false),
            (None, Some(true), false),
            (Some(true), Some(true), false),
        ] {
            let shown = ShownPermissions { calls, cdr };
            assert_eq!(shown.agree_with(wanted), agrees, "{shown:?}");
        }
        assert_eq!(ShownPermissions::from(wanted).cdr, Some(false));
    }

    #[test]
    fn generation_1_has_only_name_and_enabled() {
        let fields = Fields {
            name: Some("acme".into()),
            enabled: Some(true),
            description: Some(String::new()),
            rate_limit: Some(5),
            ..Fields::default()
        };
        assert_eq!(
            fields.unsupported_by(Generation::Gen1),
            ["description", "rate_limit"]
        );
        assert!(fields.unsupported_by(Generation::Gen2).is_empty());
        assert!(!fields.is_empty() && Fields::default().is_empty());
    }
}
