//! Several texts, each of which may be absent, in one piece of memory. PURE.

/// How many bytes say how long a text is.
const LENGTH: usize = size_of::<u32>();

/// Instead of its length, of a text that is absent.
const ABSENT: u32 = u32::MAX;

/// The texts, in order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Texts(Box<[u8]>);

impl Texts {
    /// Of these.
    #[must_use]
    pub fn of(texts: &[Option<&str>]) -> Self {
        let all = texts.iter().flatten().map(|text| text.len()).sum::<usize>();
        let mut bytes = Vec::with_capacity(all + texts.len() * LENGTH);
        for text in texts {
            // What an API server sends as one object is shorter by far than what cannot be counted here.
            let length = text.map_or(ABSENT, |text| u32::try_from(text.len()).unwrap_or(ABSENT));
            bytes.extend_from_slice(&length.to_le_bytes());
            if length != ABSENT {
                bytes.extend_from_slice(text.unwrap_or_default().as_bytes());
            }
        }
        Self(bytes.into_boxed_slice())
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = Option<&str>> {
        let mut rest = &*self.0;
        std::iter::from_fn(move || {
            let (length, after) = rest.split_first_chunk::<LENGTH>()?;
            let length = u32::from_le_bytes(*length);
            rest = after;
            if length == ABSENT {
                return Some(None);
            }
            let (text, after) = rest.split_at_checked(usize::try_from(length).ok()?)?;
            rest = after;
            Some(std::str::from_utf8(text).ok())
        })
    }

    /// The one at this place; empty where it is absent.
    #[must_use]
    pub fn at(&self, place: usize) -> &str {
        self.iter().nth(place).flatten().unwrap_or_default()
    }

    /// Whether one of them is this text.
    #[must_use]
    pub fn hold(&self, text: &str) -> bool {
        self.iter().flatten().any(|known| known == text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_come_back_as_they_were_and_what_is_absent_is_not_empty() {
        let long = "x".repeat(70_000);
        let all = [Some("uid"), None, Some(""), Some("Zoë\0"), Some(&*long), None];
        let texts = Texts::of(&all);
        assert_eq!(texts.iter().collect::<Vec<_>>(), all);
        assert_eq!((texts.at(0), texts.at(1), texts.at(9)), ("uid", "", ""));
        assert!(texts.hold("Zoë\0") && texts.hold("") && !texts.hold("Zo"));
        assert_eq!(Texts::of(&[]).iter().count(), 0);
    }
}
