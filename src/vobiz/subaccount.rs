//! The subaccount as both generations tell it, and the fields that a request may set. PURE.

use serde::{Deserialize, Serialize};

use super::auth_id::AuthId;
use super::token::AuthToken;
use super::wire::{keyed, lenient};

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
    /// What a request may set. Name and enabled are always there.
    pub fields: Fields,
    /// Whether calls are blocked until verification is complete.
    pub kyc_calls_blocked: Option<bool>,
}

impl Subaccount {
    /// One of which nothing is known but its fields. Without a name it has an empty one, and it is enabled unless they say otherwise.
    #[must_use]
    pub fn new(auth_id: AuthId, mut fields: Fields) -> Self {
        fields.name.get_or_insert_default();
        fields.enabled.get_or_insert(true);
        Self {
            auth_id,
            other_id: None,
            auth_token: None,
            fields,
            kyc_calls_blocked: None,
        }
    }

    /// The same after an update that set these.
    #[must_use]
    pub fn updated(mut self, changes: &Fields) -> Self {
        self.fields.overlay(changes);
        self
    }

    /// Its name, as the API stores it; empty when the answer has none. Not unique.
    #[must_use]
    pub fn name(&self) -> &str {
        self.fields.name.as_deref().unwrap_or_default()
    }

    /// Whether API calls and trunk use are allowed.
    #[must_use]
    pub fn is_enabled(&self) -> bool {
        self.fields.enabled.unwrap_or(true)
    }
}

/// What a create or an update asks for, and what an answer shows of that: the body of generation 2, of which generation 1 has
/// a part. Only what is `Some` is sent; the API leaves the rest as it is. What an answer shows in no form that can be read is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Fields {
    /// The name.
    #[serde(deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The contact's e-mail address.
    #[serde(deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// The contact's telephone number.
    #[serde(deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// Free text, with a marker at its end where the operator made the account.
    #[serde(deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Requests per period.
    #[serde(deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub rate_limit: Option<i64>,
    /// What it may use; `None` in an answer: not reported, or inherited from the parent.
    #[serde(deserialize_with = "keyed", skip_serializing_if = "Option::is_none")]
    pub permissions: Option<Permissions>,
    /// Whether API calls and trunk use are allowed.
    #[serde(deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// `personal_use` or `customer_use`.
    #[serde(deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub kyc_mode: Option<String>,
    /// One of the ten kinds of business of the API documentation.
    #[serde(deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub business_type: Option<String>,
}

/// What a subaccount may use. A request gives both; an answer may leave out one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Permissions {
    /// Make and take calls.
    #[serde(deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub calls: Option<bool>,
    /// Read call detail records.
    #[serde(deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub cdr: Option<bool>,
}

impl Permissions {
    /// Whether nothing that both say is otherwise. What is not said is neither equal nor different.
    #[must_use]
    pub fn agree_with(self, other: Self) -> bool {
        let agrees = |one: Option<bool>, other| one.zip(other).is_none_or(|(one, other)| one == other);
        agrees(self.calls, other.calls) && agrees(self.cdr, other.cdr)
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

impl Page {
    /// How many pages the list has, as far as its first one, which is full, tells. At least one.
    #[must_use]
    pub fn pages(&self) -> u32 {
        let size = (self.subaccounts.len() + self.invalid) as u64;
        let pages = self.total.map_or(1, |total| total.div_ceil(size.max(1)));
        u32::try_from(pages).unwrap_or(u32::MAX).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_page_tells_how_many_there_are() {
        let pages = |size: usize, total| {
            let page = Page {
                subaccounts: Vec::new(),
                invalid: size,
                total,
                last: false,
            };
            page.pages()
        };
        assert_eq!(pages(100, Some(200)), 2);
        assert_eq!(pages(100, Some(201)), 3);
        assert_eq!(pages(20, None), 1, "what is not told is found out page by page");
        assert_eq!(pages(0, Some(0)), 1);
        assert_eq!(pages(1, Some(u64::MAX)), u32::MAX);
    }

    #[test]
    fn a_permission_that_is_not_shown_is_not_compared() {
        let wanted = Permissions {
            calls: Some(true),
            cdr: Some(false),
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
            let shown = Permissions { calls, cdr };
            assert_eq!(shown.agree_with(wanted), agrees, "{shown:?}");
        }
    }
}
