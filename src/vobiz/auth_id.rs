//! Decides which texts are account ids: whatever passes can stand in a path or a header. PURE.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The longest id accepted, in bytes. Known ids have fewer than 40.
const MAX_BYTES: usize = 128;

/// The longest value of a Kubernetes label (apimachinery, `LabelValueMaxLength`).
const LABEL_MAX_BYTES: usize = 63;

/// What programs print where they have no value.
const WORDS_FOR_NOTHING: [&str; 8] = [
    "false",
    "nan",
    "nil",
    "none",
    "null",
    "redacted",
    "true",
    "undefined",
];

/// Characters after the letters of an id that documents of generation 1 show: `SA` or `MA` with or without an underscore.
const PLAIN_CHARACTERS: usize = 18;

/// A subaccount's id: 1 to 128 ASCII letters, digits, `_` and `-`, of which the first is a letter or digit.
///
/// That is all that is known of every id: some begin with `SA_`, some with `SA`, some are opaque. An empty id would turn the
/// item's DELETE into the collection's, and one with `/`, `.`, `%` or `?` would address something else; so there is no way to hold
/// such a one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AuthId(String);

/// A parent account's id, of the same characters.
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
    /// A character that no id has, or has not at its start.
    #[error("has characters that no id has")]
    WrongCharacters,
    /// A word such as `null`.
    #[error("is a word that stands for no value")]
    Nothing,
}

fn check(text: &str) -> Result<(), InvalidAuthId> {
    if text.is_empty() {
        return Err(InvalidAuthId::Empty);
    }
    if text.len() > MAX_BYTES {
        return Err(InvalidAuthId::TooLong);
    }
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    if !text.starts_with(|first: char| first.is_ascii_alphanumeric()) || !text.bytes().all(allowed) {
        return Err(InvalidAuthId::WrongCharacters);
    }
    if WORDS_FOR_NOTHING
        .iter()
        .any(|word| text.eq_ignore_ascii_case(word))
    {
        return Err(InvalidAuthId::Nothing);
    }
    Ok(())
}

/// Whether the text is an id in one of the forms that name the kind of the account: `MA_X`, or `MA` and 18 capitals and digits.
fn says(text: &str, kind: &str) -> bool {
    let Some(rest) = text.strip_prefix(kind) else {
        return false;
    };
    let plain = rest.len() == PLAIN_CHARACTERS
        && rest
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    rest.starts_with('_') || plain
}

impl AuthId {
    /// Accepts `[A-Za-z0-9][A-Za-z0-9_-]{0,127}`, but no word that stands for no value.
    pub fn parse(text: &str) -> Result<Self, InvalidAuthId> {
        check(text)?;
        Ok(Self(text.to_owned()))
    }

    /// The id as it stands in headers and Secrets, and in paths where the server takes no other.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is of a form that main accounts have, never subaccounts.
    #[must_use]
    pub fn says_main_account(&self) -> bool {
        says(&self.0, "MA")
    }

    /// Whether it is of a form that subaccounts have. Opaque ids are not, and neither are tokens that stand in the wrong place.
    #[must_use]
    pub fn says_subaccount(&self) -> bool {
        says(&self.0, "SA")
    }

    /// The id as the value of a Kubernetes label, by which objects that hold it are found: cut to what a label can be, so that a
    /// few ids may share one.
    #[must_use]
    pub fn as_label(&self) -> &str {
        let cut = &self.0[..self.0.len().min(LABEL_MAX_BYTES)];
        cut.trim_end_matches(['_', '-'])
    }
}

impl ParentAuthId {
    /// Accepts what [`AuthId::parse`] accepts.
    pub fn parse(text: &str) -> Result<Self, InvalidAuthId> {
        check(text)?;
        Ok(Self(text.to_owned()))
    }

    /// The id as it stands in paths, headers and Secrets.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is of a form that main accounts have: only then may it be shown before its pair has worked. Else it may be a
    /// token that stands in the wrong place.
    #[must_use]
    pub fn says_main_account(&self) -> bool {
        says(&self.0, "MA")
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
            ("..", InvalidAuthId::WrongCharacters),
            ("/", InvalidAuthId::WrongCharacters),
            ("_SA", InvalidAuthId::WrongCharacters),
            ("-SA", InvalidAuthId::WrongCharacters),
            ("SA_A/B", InvalidAuthId::WrongCharacters),
            ("SA_..", InvalidAuthId::WrongCharacters),
            ("SA.A", InvalidAuthId::WrongCharacters),
            ("SA_A%2fB", InvalidAuthId::WrongCharacters),
            ("SA_A?x=1", InvalidAuthId::WrongCharacters),
            ("SA_A#x", InvalidAuthId::WrongCharacters),
            ("SA_A B", InvalidAuthId::WrongCharacters),
            ("SA_A\n", InvalidAuthId::WrongCharacters),
            ("SA_A\0", InvalidAuthId::WrongCharacters),
            ("SA_Ä", InvalidAuthId::WrongCharacters),
            ("<redacted>", InvalidAuthId::WrongCharacters),
            ("null", InvalidAuthId::Nothing),
            ("None", InvalidAuthId::Nothing),
            ("undefined", InvalidAuthId::Nothing),
            ("NaN", InvalidAuthId::Nothing),
        ];
        for (text, reason) in table {
            assert_eq!(AuthId::parse(text), Err(reason), "{text:?}");
            assert_eq!(ParentAuthId::parse(text), Err(reason), "{text:?}");
            let json = serde_json::to_string(text).unwrap();
            assert!(
                serde_json::from_str::<AuthId>(&json).is_err(),
                "{text:?} through serde"
            );
        }
    }

    #[test]
    fn every_form_of_an_id_that_documents_show_is_accepted_and_tells_what_it_says() {
        let longest = "x".repeat(128);
        // The id, whether it says that it is a main account's, and a subaccount's.
        for (text, main, sub) in [
            ("SA_4RTN8WZC", false, true),
            ("MA_7QX2M4KD", true, false),
            ("MA_demo-1_x", true, false),
            ("SAXXXXXXXXXXXXXXXXX8", false, true),
            ("MAXXXXXXXXXXXXXXXXX8", true, false),
            ("a3f1c0d29b8e4f7086d5c4b3a2918070", false, false),
            ("MA3F1C0D29B8E4F7086D5C4B3A291807", false, false),
            ("SAMPLE", false, false),
            ("7", false, false),
            (longest.as_str(), false, false),
        ] {
            let id = AuthId::parse(text).unwrap();
            assert_eq!(
                (id.says_main_account(), id.says_subaccount()),
                (main, sub),
                "{text}"
            );
            assert_eq!(
                ParentAuthId::parse(text).unwrap().says_main_account(),
                main,
                "{text}"
            );
        }
    }

    proptest! {
        #[test]
        fn whatever_is_accepted_is_one_plain_path_segment_and_makes_a_label(
            text in "\\PC{0,140}|(SA|MA)_[A-Za-z0-9/.%?#_-]{0,130}|[A-Za-z0-9][A-Za-z0-9_-]{0,130}",
        ) {
            for accepted in [
                AuthId::parse(&text).map(String::from).ok(),
                ParentAuthId::parse(&text).map(String::from).ok(),
            ].into_iter().flatten() {
                prop_assert_eq!(&accepted, &text);
                let url = url::Url::parse(&format!("https://host/a/{accepted}/b")).unwrap();
                prop_assert_eq!(url.path(), format!("/a/{text}/b"));
                prop_assert!(url.query().is_none() && url.fragment().is_none());
            }
            if let Ok(id) = AuthId::parse(&text) {
                let label = id.as_label();
                prop_assert!((1..=63).contains(&label.len()) && text.starts_with(label));
                prop_assert!(label.ends_with(|last: char| last.is_ascii_alphanumeric()));
            }
        }
    }
}
