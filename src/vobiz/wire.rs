//! Reads JSON of answers as leniently as is safe: unknown fields are ignored without being kept, absent and
//! null ones tolerated, a number may be a string. A field that occurs twice is refused. PURE.

use std::fmt;
use std::marker::PhantomData;

use secrecy::zeroize::Zeroizing;
use serde::de::{DeserializeOwned, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor, value};
use serde::{Deserialize, Deserializer};

use super::auth_id::AuthId;
use super::error::Unusable;
use super::subaccount::{Page, Permissions, Subaccount};
use super::token::AuthToken;

/// More entries than any page size of the API has; a list with more would only fill memory.
const MAX_ENTRIES: usize = 1000;

/// Reads a body that must be one JSON object.
pub(super) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Unusable> {
    let body = body
        .strip_prefix("\u{feff}".as_bytes())
        .unwrap_or(body)
        .trim_ascii();
    match body.first() {
        None => return Err(Unusable::Empty),
        Some(b'<') => return Err(Unusable::Html),
        Some(_) => {}
    }
    match serde_json::from_slice::<Keyed<T>>(body) {
        Ok(Keyed(Some(object))) => Ok(object),
        Ok(Keyed(None)) => Err(Unusable::WrongShape),
        Err(error) if error.is_eof() => Err(Unusable::Truncated),
        Err(error) if error.is_data() => Err(Unusable::WrongShape),
        Err(_) => Err(Unusable::NotJson),
    }
}

/// One value that is no object and no list. A text is wiped when dropped: it may be a token.
#[derive(Default)]
pub(super) enum Scalar {
    #[default]
    Null,
    Flag(bool),
    Integer(i64),
    Text(Zeroizing<String>),
    /// An object, a list, a fraction or a number out of range: nothing that any field of the API is.
    Other,
}

impl Scalar {
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    fn owned_text(&self) -> Option<String> {
        self.text().map(str::to_owned)
    }

    pub fn flag(&self) -> Option<bool> {
        match self {
            Self::Flag(flag) => Some(*flag),
            _ => None,
        }
    }

    pub fn integer(&self) -> Option<i64> {
        match self {
            Self::Integer(integer) => Some(*integer),
            Self::Text(text) => text.parse().ok(),
            _ => None,
        }
    }

    pub fn count(&self) -> Option<u64> {
        self.integer().and_then(|integer| u64::try_from(integer).ok())
    }
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ScalarVisitor)
    }
}

struct ScalarVisitor;

impl<'de> Visitor<'de> for ScalarVisitor {
    type Value = Scalar;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("any value")
    }

    fn visit_unit<E>(self) -> Result<Scalar, E> {
        Ok(Scalar::Null)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Scalar, E> {
        Ok(Scalar::Flag(flag))
    }

    fn visit_i64<E>(self, integer: i64) -> Result<Scalar, E> {
        Ok(Scalar::Integer(integer))
    }

    fn visit_u64<E>(self, integer: u64) -> Result<Scalar, E> {
        Ok(i64::try_from(integer).map_or(Scalar::Other, Scalar::Integer))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Scalar, E> {
        Ok(Scalar::Other)
    }

    fn visit_str<E>(self, text: &str) -> Result<Scalar, E> {
        Ok(Scalar::Text(Zeroizing::new(text.to_owned())))
    }

    fn visit_string<E>(self, text: String) -> Result<Scalar, E> {
        Ok(Scalar::Text(Zeroizing::new(text)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Scalar, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Scalar::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Scalar, A::Error> {
        while object.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Scalar::Other)
    }
}

/// An object, or `None` for every other value. (A derived reader would take a list for an object.)
pub(super) struct Keyed<T>(pub Option<T>);

impl<T> Default for Keyed<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Keyed<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(KeyedVisitor(PhantomData))
    }
}

struct KeyedVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for KeyedVisitor<T> {
    type Value = Keyed<T>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("any value")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Keyed(None))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Keyed(None))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(Keyed(None))
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(Keyed(None))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Keyed(None))
    }

    fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
        Ok(Keyed(None))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Keyed(None))
    }

    fn visit_map<A: MapAccess<'de>>(self, object: A) -> Result<Self::Value, A::Error> {
        T::deserialize(value::MapAccessDeserializer::new(object)).map(|object| Keyed(Some(object)))
    }
}

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
