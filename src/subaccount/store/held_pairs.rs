//! Pairs that are in this process's memory only: their accounts are made, and their Records could not be written yet. PURE.
//!
//! Each is written by the next pass over its object or its Record; until then nothing more is created, for a crash would lose
//! one more.

use super::record::ReadRecord;
use crate::vobiz::Credentials;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A write that merely failed is tried again this long before others are held up for it.
const PATIENCE: Duration = Duration::from_secs(5);

/// A pair and the Record that is to hold it.
#[derive(Clone, Debug)]
pub struct HeldPair {
    /// The pair.
    pub pair: Credentials,
    /// The Record as its attempt was claimed, or as it was last read.
    pub read: ReadRecord,
    /// Name of that Secret.
    pub record_name: String,
    /// Since when.
    pub since: Instant,
    /// Kubernetes refuses the write: it will not go well by itself.
    pub refused: bool,
}

/// By uid of the object.
#[derive(Debug, Default)]
pub struct HeldPairs {
    pairs: Mutex<HashMap<String, HeldPair>>,
}

impl HeldPairs {
    /// The pair of this object, if there is one.
    #[must_use]
    pub fn get(&self, uid: &str) -> Option<HeldPair> {
        self.lock().get(uid).cloned()
    }

    /// Every pair, with the uid of its object.
    #[must_use]
    pub fn all(&self) -> Vec<(String, HeldPair)> {
        let pairs = self.lock();
        pairs
            .iter()
            .map(|(uid, held)| (uid.clone(), held.clone()))
            .collect()
    }

    /// Keeps a pair; one that is kept already stays as old as it is.
    pub fn hold(&self, uid: &str, held: HeldPair) {
        let mut pairs = self.lock();
        let since = pairs.get(uid).map_or(held.since, |known| known.since);
        pairs.insert(uid.to_owned(), HeldPair { since, ..held });
    }

    /// The pair is in its Record, or nobody's any more.
    pub fn release(&self, uid: &str) {
        self.lock().remove(uid);
    }

    /// Whether the pair of another object is held, and not just for a moment.
    #[must_use]
    pub fn hold_creates_of(&self, uid: &str, now: Instant) -> bool {
        let pairs = self.lock();
        let lasting = |held: &HeldPair| held.refused || now.duration_since(held.since) > PATIENCE;
        pairs.iter().any(|(of, held)| of != uid && lasting(held))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, HeldPair>> {
        self.pairs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::marker::Series;
    use crate::clock::now;
    use crate::controller::versioned::Versioned;
    use crate::subaccount::store::record::{Record, Subject};
    use crate::vobiz::{AuthId, AuthToken, Generation, ParentAuthId};
    use k8s_openapi::api::core::v1::Secret;

    fn held(since: Instant, refused: bool) -> HeldPair {
        let subject = Subject {
            namespace: "team".to_owned(),
            namespace_uid: "n-1".to_owned(),
            name: "acme".to_owned(),
            uid: "u-1".to_owned(),
        };
        let parent = ParentAuthId::parse("MA_PARENT").unwrap();
        let mut secret = Secret::default();
        secret.metadata.name = Some("subaccount-u-1".to_owned());
        secret.metadata.resource_version = Some("1".to_owned());
        HeldPair {
            pair: Credentials {
                auth_id: AuthId::parse("SA_ONE").unwrap(),
                auth_token: AuthToken::parse("token").unwrap(),
            },
            read: ReadRecord {
                record: Record::open(subject, parent, Generation::Gen2, Series(1)),
                secret: Versioned::read(secret).unwrap(),
                at: since,
                unspent: false,
            },
            record_name: "subaccount-u-1".to_owned(),
            since,
            refused,
        }
    }

    #[test]
    fn others_wait_for_a_pair_that_is_refused_or_was_held_for_long_and_its_own_object_never_does() {
        let (now, pairs) = (now(), HeldPairs::default());
        pairs.hold("u-1", held(now, false));
        assert!(!pairs.hold_creates_of("u-2", now), "it may go well the next time");
        pairs.hold("u-1", held(now + PATIENCE, false));
        assert!(
            pairs.hold_creates_of("u-2", now + PATIENCE * 2),
            "held since the first time"
        );
        pairs.release("u-1");
        pairs.hold("u-1", held(now, true));
        assert!(pairs.hold_creates_of("u-2", now) && !pairs.hold_creates_of("u-1", now));
        pairs.release("u-1");
        assert!(!pairs.hold_creates_of("u-2", now) && pairs.get("u-1").is_none());
    }
}
