//! Reads JSON of answers as leniently as is safe: unknown fields are skipped without being kept, absent and
//! null ones tolerated, a value that cannot be read spoils only itself. A known field that occurs twice is
//! refused: nobody can say which one counts. PURE.

use secrecy::zeroize::Zeroizing;
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::error::Unusable;

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
    /// An object, a list, a fraction, a number out of range, a text that is no Unicode.
    Other,
}

impl Scalar {
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    pub fn flag(&self) -> Option<bool> {
        match self {
            Self::Flag(flag) => Some(*flag),
            _ => None,
        }
    }

    /// A number, or a string of one.
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
        let raw = <&RawValue>::deserialize(deserializer)?.get();
        Ok(match raw.as_bytes().first() {
            Some(b'n') => Self::Null,
            Some(b't') => Self::Flag(true),
            Some(b'f') => Self::Flag(false),
            Some(b'"') => {
                serde_json::from_str(raw).map_or(Self::Other, |text| Self::Text(Zeroizing::new(text)))
            }
            _ => raw.parse().map_or(Self::Other, Self::Integer),
        })
    }
}

/// An object, or `None` for every other value. (A derived reader would take a list for an object.)
pub(super) struct Keyed<T>(pub Option<T>);

impl<T> Default for Keyed<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Keyed<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&RawValue>::deserialize(deserializer)?.get();
        if !raw.starts_with('{') {
            return Ok(Self(None));
        }
        // The reason may quote the answer, so it is dropped.
        serde_json::from_str(raw)
            .map(|object| Self(Some(object)))
            .map_err(|_| D::Error::custom("wrong shape"))
    }
}

/// What a [`Scalar`] may be read as.
pub(super) trait FromScalar: Sized {
    fn from_scalar(scalar: Scalar) -> Option<Self>;
}

impl FromScalar for String {
    fn from_scalar(scalar: Scalar) -> Option<Self> {
        match scalar {
            Scalar::Text(mut text) => Some(std::mem::take(&mut *text)),
            _ => None,
        }
    }
}

impl FromScalar for bool {
    fn from_scalar(scalar: Scalar) -> Option<Self> {
        scalar.flag()
    }
}

impl FromScalar for i64 {
    fn from_scalar(scalar: Scalar) -> Option<Self> {
        scalar.integer()
    }
}

/// For `deserialize_with`: one value, `None` where it is another.
pub(super) fn lenient<'de, D: Deserializer<'de>, T: FromScalar>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    Scalar::deserialize(deserializer).map(T::from_scalar)
}

/// For `deserialize_with`: an object, `None` where it is another value.
pub(super) fn keyed<'de, D: Deserializer<'de>, T: DeserializeOwned>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    Keyed::deserialize(deserializer).map(|Keyed(object)| object)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Deserialize)]
    #[serde(default)]
    #[derive(Default)]
    struct Sample {
        a: Scalar,
    }

    fn a(json: &str) -> Scalar {
        parse::<Sample>(json.as_bytes()).unwrap().a
    }

    #[test]
    fn a_body_that_is_no_json_object_says_what_it_is_instead() {
        let deep = "[".repeat(10_000);
        let table: [(&[u8], Unusable); 14] = [
            (b"", Unusable::Empty),
            (b" \r\n\t", Unusable::Empty),
            ("\u{feff}".as_bytes(), Unusable::Empty),
            (b"<html></html>", Unusable::Html),
            (b"\n <!DOCTYPE html>", Unusable::Html),
            (b"OK", Unusable::NotJson),
            (b"{\"a\": NaN}", Unusable::NotJson),
            (b"{\"a\": 1} {}", Unusable::NotJson),
            (b"{\"a\": \"\xff\"}", Unusable::NotJson),
            (b"{\"a\": \"half", Unusable::Truncated),
            (deep.as_bytes(), Unusable::Truncated),
            (b"[1, 2]", Unusable::WrongShape),
            (b"null", Unusable::WrongShape),
            (b"{\"a\": 1, \"a\": 2}", Unusable::WrongShape),
        ];
        for (body, expected) in table {
            assert_eq!(
                parse::<Sample>(body).err(),
                Some(expected),
                "{}",
                String::from_utf8_lossy(body)
            );
        }
    }

    #[test]
    fn a_value_that_cannot_be_read_spoils_only_itself() {
        for json in [
            "1e400",
            "-1e400",
            "1.5",
            "\"\\ud800\"",
            "[1]",
            "{\"b\": 1}",
            "99999999999999999999",
        ] {
            assert!(
                matches!(a(&format!("{{\"a\": {json}, \"b\": 1}}")), Scalar::Other),
                "{json}"
            );
        }
        let deep = format!(
            "{{\"deep\": {}{}, \"a\": 7}}",
            "[".repeat(10_000),
            "]".repeat(10_000)
        );
        assert_eq!(a(&deep).integer(), Some(7));
        let twice = "{\"unknown\": 1, \"unknown\": 2, \"a\": 7}";
        assert_eq!(a(twice).integer(), Some(7));
    }

    #[test]
    fn a_number_may_be_a_string_and_a_byte_order_mark_is_skipped() {
        assert_eq!(a("{\"a\": \"1000\"}").integer(), Some(1000));
        assert_eq!(a("\u{feff}{\"a\": 1000}").integer(), Some(1000));
        assert_eq!(a("{\"a\": \"-1\"}").count(), None);
        assert!(matches!(a("{}"), Scalar::Null) && matches!(a("{\"a\": null}"), Scalar::Null));
    }

    proptest! {
        #[test]
        fn no_body_makes_the_reader_panic(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse::<Sample>(&body);
        }
    }
}
