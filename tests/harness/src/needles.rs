//! PURE. Looks for thousands of secrets in megabytes of text at once.

use std::collections::HashMap;

/// Every secret is known by so many of its first bytes; shorter ones cannot be told from ordinary words.
pub const SHORTEST: usize = 8;
const FILTER_BITS: u32 = 16;

/// Secrets to look for.
#[derive(Default)]
pub struct Needles {
    by_start: HashMap<u64, Vec<Vec<u8>>>,
    /// Whether any secret begins so, by a hash of its start: almost every place of a text is passed over by this.
    filter: Vec<bool>,
}

impl Needles {
    /// Those of the `secrets` that are long enough.
    pub fn new(secrets: impl IntoIterator<Item = String>) -> Self {
        let mut needles = Self {
            by_start: HashMap::new(),
            filter: vec![false; 1 << FILTER_BITS],
        };
        for secret in secrets {
            let bytes = secret.into_bytes();
            if bytes.len() < SHORTEST {
                continue;
            }
            let start = bytes[..SHORTEST].iter().fold(0, |start, byte| roll(start, *byte));
            needles.filter[bucket(start)] = true;
            needles.by_start.entry(start).or_default().push(bytes);
        }
        needles
    }

    /// How many are looked for.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_start.values().map(Vec::len).sum()
    }

    /// Whether none is looked for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_start.is_empty()
    }

    /// Where in the text the first of them begins.
    #[must_use]
    pub fn find_in(&self, text: &[u8]) -> Option<usize> {
        let mut start = 0;
        for (index, byte) in text.iter().enumerate() {
            start = roll(start, *byte);
            if index + 1 < SHORTEST || !self.filter[bucket(start)] {
                continue;
            }
            let begin = index + 1 - SHORTEST;
            let candidates = self.by_start.get(&start).into_iter().flatten();
            if candidates
                .into_iter()
                .any(|secret| text[begin..].starts_with(secret))
            {
                return Some(begin);
            }
        }
        None
    }
}

fn roll(start: u64, byte: u8) -> u64 {
    (start << 8) | u64::from(byte)
}

fn bucket(start: u64) -> usize {
    let hash = start.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (64 - FILTER_BITS);
    usize::try_from(hash).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_found_wherever_it_stands_and_its_beginning_alone_is_none() {
        let needles = Needles::new([
            "0123456789".to_owned(),
            "01234567zz".to_owned(),
            "short".to_owned(),
        ]);
        assert_eq!(needles.len(), 2);
        assert_eq!(needles.find_in(b"0123456789"), Some(0));
        assert_eq!(needles.find_in(b"token=\"01234567zz\""), Some(7));
        assert_eq!(needles.find_in(b"x0123456780 short"), None);
        assert_eq!(needles.find_in(b"0123456"), None);
    }
}
