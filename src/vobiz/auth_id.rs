//! Decides which texts are account ids: whatever passes can stand in a path or a header. PURE.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The longest id accepted, in bytes. Known ids have fewer than 40.
const MAX_BYTES: usize = 128;

/// A subaccount's id, `SA_` and ASCII letters and digits.
///
/// An empty id would turn the item's DELETE into the collection's, and one with `/`, `..`, `%` or `?`
/// would address something else; so there is no way to hold such a one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AuthId(String);

/// A parent account's id, `MA_` and ASCII letters, digits, `_` and `-`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ParentAuthId(String);

/// Why a text is no account id. Never holds the text: a token pasted in the wrong place must not be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAuthId {
    /// No character at all.
    #[error("is empty")]
    Empty,
    /// More than 128 bytes.
    #[error("is longer than {MAX_BYTES} bytes")]
    TooLong,
    /// Another kind of id, or none.
    #[error("does not start with {0}")]
    WrongPrefix(&'static str),
    /// Nothing after the prefix, or a character that no id has.
    #[error("has characters that no id has, or none after its prefix")]
    WrongCharacters,
}

fn check(text: &str, prefix: &'static str, allowed: fn(u8) -> bool) -> Result<(), InvalidAuthId> {
    if text.is_empty() {
        return Err(InvalidAuthId::Empty);
    }
    if text.len() > MAX_BYTES {
        return Err(InvalidAuthId::TooLong);
    }
    let rest = text
        .strip_prefix(prefix)
        .ok_or(InvalidAuthId::WrongPrefix(prefix))?;
    if rest.is_empty() || !rest.bytes().all(allowed) {
        return Err(InvalidAuthId::WrongCharacters);
    }
    Ok(())
}

impl AuthId {
    /// Accepts `SA_[A-Za-z0-9]+` of at most 128 bytes.
    pub fn parse(text: &str) -> Result<Self, InvalidAuthId> {
        check(text, "SA_", |byte| byte.is_ascii_alphanumeric())?;
        Ok(Self(text.to_owned()))
    }

    /// The id as it stands in paths, headers and Secrets.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id as the value of a Kubernetes label: at most 63 characters (apimachinery, `LabelValueMaxLength`).
    #[must_use]
    pub fn as_label(&self) -> Option<&str> {
        Some(self.as_str()).filter(|id| id.len() <= 63)
    }
}

impl ParentAuthId {
    /// Accepts `MA_[A-Za-z0-9_-]+` of at most 128 bytes.
    pub fn parse(text: &str) -> Result<Self, InvalidAuthId> {
        check(text, "MA_", |byte| {
            byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'
        })?;
        Ok(Self(text.to_owned()))
    }

    /// The id as it stands in paths, headers and Secrets.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

macro_rules! text_conversions {
    ($($id:ident),*) => {$(
        impl fmt::Display for $id {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&self.0)
            }
        }
        impl FromStr for $id {
            type Err = InvalidAuthId;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::parse(text)
            }
        }
        impl TryFrom<String> for $id {
            type Error = InvalidAuthId;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                Self::parse(&text)
            }
        }
        impl From<$id> for String {
            fn from(id: $id) -> Self {
                id.0
            }
        }
    )*};
}

text_conversions!(AuthId, ParentAuthId);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_id_from_which_no_url_may_be_built_is_refused() {
        let long = format!("SA_{}", "A".repeat(126));
        let table = [
            ("", InvalidAuthId::Empty),
            (long.as_str(), InvalidAuthId::TooLong),
            ("MA_PARENT", InvalidAuthId::WrongPrefix("SA_")),
            ("sa_lower", InvalidAuthId::WrongPrefix("SA_")),
            ("..", InvalidAuthId::WrongPrefix("SA_")),
            ("/", InvalidAuthId::WrongPrefix("SA_")),
            ("SA_", InvalidAuthId::WrongCharacters),
            ("SA_A/B", InvalidAuthId::WrongCharacters),
            ("SA_..", InvalidAuthId::WrongCharacters),
            ("SA_A%2fB", InvalidAuthId::WrongCharacters),
            ("SA_A?x=1", InvalidAuthId::WrongCharacters),
            ("SA_A#x", InvalidAuthId::WrongCharacters),
            ("SA_A\n", InvalidAuthId::WrongCharacters),
            ("SA_A\0", InvalidAuthId::WrongCharacters),
            ("SA_Ä", InvalidAuthId::WrongCharacters),
            ("SA_A_B", InvalidAuthId::WrongCharacters),
        ];
        for (text, reason) in table {
            assert_eq!(AuthId::parse(text), Err(reason), "{text:?}");
            let json = serde_json::to_string(text).unwrap();
            assert!(
                serde_json::from_str::<AuthId>(&json).is_err(),
                "{text:?} through serde"
            );
        }
        assert_eq!(
            ParentAuthId::parse("SA_X"),
            Err(InvalidAuthId::WrongPrefix("MA_"))
        );
        assert_eq!(
            ParentAuthId::parse("MA_X/.."),
            Err(InvalidAuthId::WrongCharacters)
        );
        assert!(ParentAuthId::parse("MA_demo-1_x").is_ok());
    }

    #[test]
    fn an_id_of_exactly_128_bytes_is_accepted() {
        assert!(AuthId::parse(&format!("SA_{}", "A".repeat(125))).is_ok());
    }

    proptest! {
        #[test]
        fn whatever_is_accepted_is_one_plain_path_segment(text in "\\PC{0,140}|(SA|MA)_[A-Za-z0-9/.%?#_-]{0,130}") {
            for accepted in [
                AuthId::parse(&text).map(String::from).ok(),
                ParentAuthId::parse(&text).map(String::from).ok(),
            ].into_iter().flatten() {
                prop_assert_eq!(&accepted, &text);
                let url = url::Url::parse(&format!("https://host/a/{accepted}/b")).unwrap();
                prop_assert_eq!(url.path(), format!("/a/{text}/b"));
                prop_assert!(url.query().is_none() && url.fragment().is_none());
            }
        }
    }
}
