//! The subaccount and the list of subaccounts as both generations write them. PURE.

use std::fmt;

use serde::de::{Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::auth_id::AuthId;
use super::error::Unusable;
use super::subaccount::{Page, Permissions, Subaccount};
use super::token::AuthToken;
use super::wire::{Keyed, Scalar};

/// More entries than any page size of the API has; a list with more would only fill memory.
const MAX_ENTRIES: usize = 1000;

/// A subaccount as either generation writes it: generation 1 has a part of generation 2's fields.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Object {
    pub auth_id: Scalar,
    pub auth_token: Scalar,
    name: Scalar,
    enabled: Scalar,
    is_active: Scalar,
    description: Scalar,
    email: Scalar,
    phone: Scalar,
    rate_limit: Scalar,
    permissions: Keyed<PermissionsObject>,
    kyc_mode: Scalar,
    business_type: Scalar,
    kyc_calls_blocked: Scalar,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct PermissionsObject {
    calls: Scalar,
    cdr: Scalar,
}

impl Object {
    pub fn into_subaccount(self) -> Result<Subaccount, Unusable> {
        let auth_id = match &self.auth_id {
            Scalar::Null => return Err(Unusable::NoAuthId),
            Scalar::Text(text) => AuthId::parse(text).map_err(|_| Unusable::InvalidAuthId)?,
            _ => return Err(Unusable::InvalidAuthId),
        };
        let auth_token = self
            .auth_token
            .text()
            .and_then(|text| AuthToken::parse(text).ok());
        Ok(self.known_as(auth_id, auth_token))
    }

    pub fn known_as(&self, auth_id: AuthId, auth_token: Option<AuthToken>) -> Subaccount {
        let permissions = self.permissions.0.as_ref().and_then(|permissions| {
            Some(Permissions {
                calls: permissions.calls.flag()?,
                cdr: permissions.cdr.flag()?,
            })
        });
        Subaccount {
            auth_id,
            auth_token,
            name: self.name.owned_text().unwrap_or_default(),
            enabled: self
                .enabled
                .flag()
                .or_else(|| self.is_active.flag())
                .unwrap_or(true),
            description: self.description.owned_text(),
            email: self.email.owned_text(),
            phone: self.phone.owned_text(),
            rate_limit: self.rate_limit.integer(),
            permissions,
            kyc_mode: self.kyc_mode.owned_text(),
            business_type: self.business_type.owned_text(),
            kyc_calls_blocked: self.kyc_calls_blocked.flag(),
        }
    }
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
        while let Some(Keyed(object)) = list.next_element::<Keyed<Object>>()? {
            match object.map(Object::into_subaccount) {
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
