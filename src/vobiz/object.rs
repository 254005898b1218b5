//! The subaccount and the list of subaccounts as both generations write them. PURE.

use std::fmt;

use serde::de::{Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::auth_id::AuthId;
use super::error::Unusable;
use super::subaccount::{Fields, Page, Subaccount};
use super::token::AuthToken;
use super::wire::Scalar;

/// More entries than any page size of the API has; a list with more would only fill memory.
const MAX_ENTRIES: usize = 1000;

/// A subaccount as either generation writes it: generation 1 has a part of generation 2's fields.
pub(super) struct RemoteObject {
    pub read_only: ReadOnly,
    fields: Fields,
}

/// What no request sets.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct ReadOnly {
    pub auth_id: Scalar,
    pub auth_token: Scalar,
    id: Scalar,
    is_active: Scalar,
    kyc_calls_blocked: Scalar,
}

impl<'de> Deserialize<'de> for RemoteObject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // The reason may quote the answer, so it is dropped.
        let raw = <&RawValue>::deserialize(deserializer)?;
        Self::read(raw).map_err(|_| D::Error::custom("wrong shape"))
    }
}

impl RemoteObject {
    /// Read once for each part: serde's `flatten` would keep what neither knows, and stumble over a number out of range.
    fn read(raw: &RawValue) -> serde_json::Result<Self> {
        let raw = raw.get();
        if !raw.starts_with('{') {
            // A list would be taken for the fields in their order.
            return Err(serde_json::Error::custom("no object"));
        }
        Ok(Self {
            read_only: serde_json::from_str(raw)?,
            fields: serde_json::from_str(raw)?,
        })
    }

    pub fn into_subaccount(self) -> Result<Subaccount, Unusable> {
        let ReadOnly {
            auth_id, auth_token, ..
        } = &self.read_only;
        let auth_id = match auth_id {
            Scalar::Null => return Err(Unusable::NoAuthId),
            Scalar::Text(text) => AuthId::parse(text).map_err(|_| Unusable::InvalidAuthId)?,
            _ => return Err(Unusable::InvalidAuthId),
        };
        let auth_token = auth_token.text().and_then(|text| AuthToken::parse(text).ok());
        Ok(self.known_as(auth_id, auth_token))
    }

    pub fn known_as(self, auth_id: AuthId, auth_token: Option<AuthToken>) -> Subaccount {
        let Self { read_only, fields } = self;
        let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let other_id = read_only
            .id
            .text()
            .filter(|text| !is_number(text))
            .and_then(|text| AuthId::parse(text).ok())
            .filter(|id| *id != auth_id);
        let fields = Fields {
            enabled: fields.enabled.or_else(|| read_only.is_active.flag()),
            ..fields
        };
        Subaccount {
            other_id,
            auth_token,
            kyc_calls_blocked: read_only.kyc_calls_blocked.flag(),
            ..Subaccount::new(auth_id, fields)
        }
    }
}

/// One place of an answer that may show the pair or a part of it.
pub(super) struct ShownPair {
    pub auth_id: Scalar,
    pub auth_token: Scalar,
}

/// The entries of a list. One that cannot be used is counted and harms no other.
pub(super) struct Entries {
    pub subaccounts: Vec<Subaccount>,
    pub invalid: usize,
}

impl Entries {
    /// `before`: how many entries the pages before this one have.
    pub fn into_page(self, before: u64, total: Option<u64>) -> Page {
        let count = self.subaccounts.len() + self.invalid;
        let seen = u64::try_from(count)
            .ok()
            .and_then(|count| before.checked_add(count));
        // Exactly at the total, not beyond: a server that ignores the page size sends fewer than asked for,
        // and `seen` then says too much. In doubt one more page is asked for, and an empty one ends it.
        let last = count == 0 || (seen.is_some() && seen == total);
        Page {
            subaccounts: self.subaccounts,
            invalid: self.invalid,
            total,
            last,
        }
    }
}

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(EntriesVisitor)
    }
}

struct EntriesVisitor;

impl<'de> Visitor<'de> for EntriesVisitor {
    type Value = Entries;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list of subaccounts")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Entries, A::Error> {
        let mut entries = Entries {
            subaccounts: Vec::new(),
            invalid: 0,
        };
        while let Some(raw) = list.next_element::<&RawValue>()? {
            let subaccount = RemoteObject::read(raw).ok().map(RemoteObject::into_subaccount);
            match subaccount {
                Some(Ok(subaccount)) => entries.subaccounts.push(subaccount),
                Some(Err(_)) | None => entries.invalid += 1,
            }
            if entries.subaccounts.len() + entries.invalid > MAX_ENTRIES {
                return Err(A::Error::custom("too many entries"));
            }
        }
        Ok(entries)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(json: &str) -> Result<Entries, serde_json::Error> {
        serde_json::from_str(json)
    }

    #[test]
    fn an_entry_that_cannot_be_used_is_counted_and_harms_no_other() {
        let entries = entries(
            r#"[
                {"auth_id": "SA_A", "name": "a"},
                {"auth_id": "", "name": "no id"},
                {"auth_id": "../x"}, {"auth_id": null}, {"auth_id": 5}, {},
                null, 7, "text", ["SA_LIST"],
                {"auth_id": "SA_TWICE", "auth_id": "SA_OTHER"},
                {"auth_id": "SA_B", "name": "\ud800", "rate_limit": 1e400, "permissions": [], "auth_token": ""}
            ]"#,
        )
        .unwrap();
        let ids: Vec<&str> = entries
            .subaccounts
            .iter()
            .map(|one| one.auth_id.as_str())
            .collect();
        assert_eq!(ids, ["SA_A", "SA_B"]);
        assert_eq!(entries.invalid, 10);
        let spoiled = &entries.subaccounts[1];
        assert_eq!(
            (
                spoiled.name(),
                spoiled.fields.rate_limit,
                spoiled.fields.permissions
            ),
            ("", None, None)
        );
        assert_eq!(spoiled.auth_token, None);
    }

    #[test]
    fn an_id_beside_the_auth_id_is_kept_where_it_could_address_the_account() {
        for (id, kept) in [
            (r#""SA_1""#, Some("SA_1")),
            (r#""900042""#, None),
            ("900042", None),
            (r#""a3f1""#, None),
            (r#""../x""#, None),
            ("null", None),
        ] {
            let list = entries(&format!(r#"[{{"auth_id": "a3f1", "id": {id}}}]"#)).unwrap();
            let other = list.subaccounts[0].other_id.as_ref();
            assert_eq!(other.map(AuthId::as_str), kept, "{id}");
        }
    }

    #[test]
    fn a_list_that_would_only_fill_memory_is_refused() {
        let many = |count: usize| format!("[{}]", vec!["0"; count].join(","));
        assert_eq!(entries(&many(MAX_ENTRIES)).unwrap().invalid, MAX_ENTRIES);
        assert!(entries(&many(MAX_ENTRIES + 1)).is_err());
    }

    #[test]
    fn a_page_is_the_last_only_when_it_is_empty_or_ends_at_the_total() {
        let page = |count: usize, before, total| {
            let list = format!("[{}]", vec![r#"{"auth_id": "SA_A"}"#; count].join(","));
            entries(&list).unwrap().into_page(before, total).last
        };
        assert!(page(0, 0, Some(0)) && page(0, 500, Some(3)) && page(0, 0, None));
        assert!(page(20, 100, Some(120)));
        assert!(!page(20, 0, Some(45)), "the size was ignored: more follow");
        assert!(!page(20, 0, None), "nobody said how many there are");
        assert!(!page(20, 100, Some(119)), "the total shrank meanwhile");
        assert!(!page(1, u64::MAX, Some(0)));
    }

    #[test]
    fn enabled_is_taken_from_is_active_where_it_is_missing() {
        let enabled = |json: &str| {
            crate::vobiz::wire::parse::<RemoteObject>(json.as_bytes())
                .unwrap()
                .into_subaccount()
                .unwrap()
                .is_enabled()
        };
        assert!(!enabled(r#"{"auth_id": "SA_A", "is_active": false}"#));
        assert!(!enabled(
            r#"{"auth_id": "SA_A", "enabled": false, "is_active": true}"#
        ));
        assert!(enabled(r#"{"auth_id": "SA_A"}"#));
    }
}
