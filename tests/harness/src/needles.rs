//! PURE. Looks for thousands of secrets in megabytes of text at once.

use aho_corasick::{AhoCorasick, BuildError};

/// A shorter secret cannot be told from ordinary words.
pub const SHORTEST: usize = 8;

/// Secrets to look for.
pub struct Needles(AhoCorasick);

impl Needles {
    /// Those of the `secrets` that are long enough. Fails when they are too many for one automaton.
    pub fn new(secrets: impl IntoIterator<Item = String>) -> Result<Self, BuildError> {
        let long_enough = secrets.into_iter().filter(|secret| secret.len() >= SHORTEST);
        AhoCorasick::new(long_enough).map(Self)
    }

    /// How many are looked for.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.patterns_len()
    }

    /// Whether none is looked for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Where in the text the first of them that ends begins.
    #[must_use]
    pub fn find_in(&self, text: &[u8]) -> Option<usize> {
        self.0.find(text).map(|found| found.start())
    }
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
        ])
        .unwrap();
        assert_eq!(needles.len(), 2);
        assert_eq!(needles.find_in(b"0123456789"), Some(0));
        assert_eq!(needles.find_in(b"token=\"01234567zz\""), Some(7));
        assert_eq!(needles.find_in(b"x0123456780 short"), None);
        assert_eq!(needles.find_in(b"0123456"), None);
    }
}
