//! Values that many objects have alike, each kept once for all of them. PURE.

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use serde::Serialize;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, Write};
use std::sync::Arc;

/// So many are kept before it is looked for the first time which of them nobody has any more.
const FIRST_LOOK: usize = 64;

/// The values that are kept, by what they say.
pub struct Alike<T> {
    values: HashTable<Arc<T>>,
    hasher: RandomState,
    /// How many there may be before the next look.
    look_at: usize,
}

impl<T> Default for Alike<T> {
    fn default() -> Self {
        Self {
            values: HashTable::new(),
            hasher: RandomState::default(),
            look_at: FIRST_LOOK,
        }
    }
}

impl<T: Serialize + PartialEq> Alike<T> {
    /// The value, as the others have it that are like it.
    pub fn of(&mut self, value: T) -> Arc<T> {
        if self.values.len() >= self.look_at {
            self.values.retain(|value| Arc::strong_count(value) > 1);
            self.look_at = FIRST_LOOK.max(self.values.len() * 2);
        }
        let Self { values, hasher, .. } = self;
        let hash = hash(hasher, &value);
        match values.entry(
            hash,
            |known| **known == value,
            |known| self::hash(hasher, &**known),
        ) {
            Entry::Occupied(known) => Arc::clone(known.get()),
            Entry::Vacant(place) => Arc::clone(place.insert(Arc::new(value)).get()),
        }
    }
}

/// Of all that the value says. What cannot be written out hashes as far as it can: equality decides.
fn hash<T: Serialize>(hasher: &RandomState, value: &T) -> u64 {
    let mut written = Written(hasher.build_hasher());
    let _ = serde_json::to_writer(&mut written, value);
    written.0.finish()
}

/// Hashes what is written to it.
struct Written<H>(H);

impl<H: Hasher> Write for Written<H> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_alike_is_kept_once_and_for_no_longer_than_somebody_has_it() {
        let mut alike = Alike::default();
        let (one, same, other) = (
            alike.of("one".to_owned()),
            alike.of("one".to_owned()),
            alike.of("two".to_owned()),
        );
        assert!(Arc::ptr_eq(&one, &same) && !Arc::ptr_eq(&one, &other));
        for number in 0..10_000 {
            alike.of(number.to_string());
            assert!(alike.values.len() <= FIRST_LOOK + 1);
        }
        assert!(Arc::ptr_eq(&one, &alike.of("one".to_owned())));
        let held: Vec<_> = (0..1000).map(|number| alike.of(number.to_string())).collect();
        assert!(
            held.iter()
                .zip(0..)
                .all(|(text, number)| **text == number.to_string())
        );
        assert!(alike.values.len() >= held.len());
    }
}
