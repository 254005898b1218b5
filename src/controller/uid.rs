//! The uid of an object, in half the bytes of its text. PURE.

use std::fmt;
use uuid::Uuid;

/// An API server gives a UUID, but promises no more than a text.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Uid(Form);

#[derive(Clone, PartialEq, Eq, Hash)]
enum Form {
    Uuid([u8; 16]),
    Text(Box<str>),
}

impl Uid {
    /// Of this text.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let uuid = Uuid::try_parse(text).ok();
        // One and the same UUID may be written in several ways: those are several uids.
        let is_written_so = |uuid: &Uuid| {
            let mut place = Uuid::encode_buffer();
            *text == *uuid.hyphenated().encode_lower(&mut place)
        };
        Self(match uuid.filter(is_written_so) {
            Some(uuid) => Form::Uuid(uuid.into_bytes()),
            None => Form::Text(text.into()),
        })
    }
}

impl fmt::Display for Uid {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Form::Uuid(bytes) => Uuid::from_bytes(*bytes).hyphenated().fmt(formatter),
            Form::Text(text) => formatter.write_str(text),
        }
    }
}

impl fmt::Debug for Uid {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_is_a_uid_of_its_own() {
        let texts = [
            "0f0c1c5e-6d3a-4f0e-9a53-0a8f3d3a7f10",
            "0F0C1C5E-6D3A-4F0E-9A53-0A8F3D3A7F10",
            "0f0c1c5e6d3a4f0e9a530a8f3d3a7f10",
            "{0f0c1c5e-6d3a-4f0e-9a53-0a8f3d3a7f10}",
            "u-1",
            "",
        ];
        for (place, text) in texts.iter().enumerate() {
            assert_eq!(Uid::of(text).to_string(), *text);
            let same = texts.iter().position(|other| Uid::of(other) == Uid::of(text));
            assert_eq!(same, Some(place), "{text}");
        }
        assert!(size_of::<Uid>() <= size_of::<String>());
    }
}
