//! Decides what may be used as an account's token, and keeps it out of every output. PURE.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;

use super::auth_id::{AuthId, InvalidAuthId, ParentAuthId};

/// The longest token accepted, in bytes. Known tokens have fewer than 100.
const MAX_BYTES: usize = 4096;

/// What generation 2 prints in the place of a token after the create (Vobiz API documentation).
const REDACTED: &str = "<redacted>";

/// An account's token. It is wiped from memory when dropped, `Debug` hides it, and comparing takes the
/// same time wherever two tokens of one length differ.
#[derive(Clone)]
pub struct AuthToken(SecretString);

/// Why a text is no token. Never holds the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAuthToken {
    /// No character at all.
    #[error("is empty")]
    Empty,
    /// The API's placeholder for a token that it no longer shows.
    #[error("is the API's placeholder for a hidden token")]
    Redacted,
    /// More than 4096 bytes.
    #[error("is longer than {MAX_BYTES} bytes")]
    TooLong,
    /// White space, control or non-ASCII characters: it cannot be a header.
    #[error("has characters that a header cannot carry")]
    NotVisibleAscii,
}

impl AuthToken {
    /// Accepts 1 to 4096 visible ASCII characters that are not the API's placeholder.
    pub fn parse(text: &str) -> Result<Self, InvalidAuthToken> {
        if text.is_empty() {
            return Err(InvalidAuthToken::Empty);
        }
        if text.len() > MAX_BYTES {
            return Err(InvalidAuthToken::TooLong);
        }
        if text.eq_ignore_ascii_case(REDACTED) {
            return Err(InvalidAuthToken::Redacted);
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(InvalidAuthToken::NotVisibleAscii);
        }
        Ok(Self(SecretString::from(text)))
    }

    /// The token in clear: for a header or a Secret, never for an output.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Debug for AuthToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("AuthToken(hidden)")
    }
}

impl PartialEq for AuthToken {
    fn eq(&self, other: &Self) -> bool {
        self.expose().as_bytes().ct_eq(other.expose().as_bytes()).into()
    }
}

impl Eq for AuthToken {}

/// A subaccount's pair: what its applications use at run time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// The subaccount's id.
    pub auth_id: AuthId,
    /// The subaccount's token.
    pub auth_token: AuthToken,
}

/// A parent account's pair: what administers its subaccounts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParentCredentials {
    /// The parent account's id.
    pub auth_id: ParentAuthId,
    /// The parent account's token.
    pub auth_token: AuthToken,
}

/// A credentials Secret that cannot be used, and which of its keys is to blame.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("key {key:?} {problem}")]
pub struct InvalidCredentials {
    /// The key of the Secret, as the Account names it.
    pub key: String,
    /// What is wrong with its value.
    pub problem: InvalidValue,
}

/// What is wrong with one value of a credentials Secret. Never holds the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidValue {
    /// The Secret has no such key.
    #[error("is missing")]
    Missing,
    /// The value is not UTF-8.
    #[error("is not text")]
    NotText,
    /// The value is no parent account's id.
    #[error("{0}")]
    AuthId(InvalidAuthId),
    /// The value is no token.
    #[error("{0}")]
    AuthToken(InvalidAuthToken),
}

impl ParentCredentials {
    /// Reads a pair from a Secret's data. White space at the end of a value is dropped: files that people
    /// make Secrets from end in a line break. Everything else that cannot be a header is refused.
    ///
    /// # Errors
    /// The first key that is bad, by name.
    pub fn parse<'data>(
        auth_id_key: &str,
        auth_token_key: &str,
        value_of: impl Fn(&str) -> Option<&'data [u8]>,
    ) -> Result<Self, InvalidCredentials> {
        let text = |key: &str| {
            let value = value_of(key).ok_or(InvalidValue::Missing)?;
            let text = str::from_utf8(value).map_err(|_| InvalidValue::NotText)?;
            Ok(text.trim_end_matches(|character: char| character.is_ascii_whitespace()))
        };
        let named = |key: &str, problem| InvalidCredentials {
            key: key.to_owned(),
            problem,
        };
        let auth_id = text(auth_id_key)
            .and_then(|text| ParentAuthId::parse(text).map_err(InvalidValue::AuthId))
            .map_err(|problem| named(auth_id_key, problem))?;
        let auth_token = text(auth_token_key)
            .and_then(|text| AuthToken::parse(text).map_err(InvalidValue::AuthToken))
            .map_err(|problem| named(auth_token_key, problem))?;
        Ok(Self { auth_id, auth_token })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parent(id: Option<&[u8]>, token: Option<&[u8]>) -> Result<ParentCredentials, InvalidCredentials> {
        ParentCredentials::parse("id", "token", |key| match key {
            "id" => id,
            "token" => token,
            _ => None,
        })
    }

    #[test]
    fn what_the_api_prints_instead_of_a_token_is_none() {
        let long = "t".repeat(4097);
        let table = [
            ("", InvalidAuthToken::Empty),
            ("<redacted>", InvalidAuthToken::Redacted),
            ("<REDACTED>", InvalidAuthToken::Redacted),
            (long.as_str(), InvalidAuthToken::TooLong),
            ("two words", InvalidAuthToken::NotVisibleAscii),
            ("line\r\nX-Other: 1", InvalidAuthToken::NotVisibleAscii),
            ("tökén", InvalidAuthToken::NotVisibleAscii),
            ("tab\t", InvalidAuthToken::NotVisibleAscii),
        ];
        for (text, reason) in table {
            assert_eq!(AuthToken::parse(text).unwrap_err(), reason, "{text:?}");
        }
        assert_eq!(AuthToken::parse(&"t".repeat(4096)).unwrap().expose().len(), 4096);
    }

    #[test]
    fn a_token_is_in_no_debug_output() {
        let pair = Credentials {
            auth_id: AuthId::parse("SA_X").unwrap(),
            auth_token: AuthToken::parse("very-secret").unwrap(),
        };
        let printed = format!("{pair:?} {pair:#?}");
        assert!(
            printed.contains("SA_X") && !printed.contains("very-secret"),
            "{printed}"
        );
    }

    #[test]
    fn tokens_are_equal_only_when_every_byte_is() {
        let token = |text| AuthToken::parse(text).unwrap();
        assert_eq!(token("abc"), token("abc"));
        assert_ne!(token("abc"), token("abd"));
        assert_ne!(token("abc"), token("abcd"));
    }

    #[test]
    fn white_space_after_a_value_of_the_secret_is_dropped() {
        let clean = parent(Some(b"MA_X"), Some(b"token")).unwrap();
        for end in ["\n", "\r\n", "   ", "\t\n \n"] {
            let id = format!("MA_X{end}");
            let token = format!("token{end}");
            assert_eq!(
                parent(Some(id.as_bytes()), Some(token.as_bytes())).unwrap(),
                clean,
                "{end:?}"
            );
        }
    }

    #[test]
    fn a_bad_credentials_secret_is_refused_with_the_key_and_without_the_value() {
        type Value<'data> = Option<&'data [u8]>;
        let huge = vec![b's'; 1 << 20];
        let table: [(Value<'_>, Value<'_>, &str); 10] = [
            (None, Some(b"s3cret"), "key \"id\" is missing"),
            (Some(b"MA_X"), None, "key \"token\" is missing"),
            (Some(b""), Some(b"s3cret"), "key \"id\" is empty"),
            (
                Some(b"MA_X/../Y"),
                Some(b"s3cret"),
                "key \"id\" has characters that no id has",
            ),
            (
                Some(b"null"),
                Some(b"s3cret"),
                "key \"id\" is a word that stands for no value",
            ),
            (Some(b"MA_X"), Some(b" \n"), "key \"token\" is empty"),
            (
                Some(b"MA_X"),
                Some(b" s3cret"),
                "key \"token\" has characters that a header cannot carry",
            ),
            (
                Some(b"MA_X"),
                Some("s3crét".as_bytes()),
                "key \"token\" has characters that a header cannot carry",
            ),
            (Some(b"MA_X"), Some(b"s3cret\xff"), "key \"token\" is not text"),
            (
                Some(b"MA_X"),
                Some(&huge),
                "key \"token\" is longer than 4096 bytes",
            ),
        ];
        for (id, token, message) in table {
            assert_eq!(parent(id, token).unwrap_err().to_string(), message);
        }
    }

    proptest! {
        #[test]
        fn a_token_that_is_accepted_fits_a_header(text in "\\PC{0,40}|[ -~]{0,40}") {
            if let Ok(token) = AuthToken::parse(&text) {
                prop_assert!(token.expose().bytes().all(|byte| (0x21..=0x7e).contains(&byte)));
                prop_assert_eq!(token.expose(), &text);
            }
        }
    }
}
