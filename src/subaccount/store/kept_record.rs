//! A Record as the cache keeps it: what many have alike once for all of them, and its own texts in one piece. PURE.

use super::record::{Ledger, Record, Subject, secret_name};
use super::stored::Stored;
use crate::controller::alike::Alike;
use crate::controller::texts::Texts;
use crate::vobiz::{AuthId, ParentAuthId};
use jiff::Timestamp;
use serde::Serialize;
use std::sync::Arc;

/// Where an object is, and under which parent its account.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct Place {
    namespace: String,
    namespace_uid: String,
    pub(super) parent: ParentAuthId,
}

/// A Record, and which Secret it is in.
#[derive(Debug)]
pub(super) struct KeptRecord {
    pub(super) place: Arc<Place>,
    pub(super) ledger: Ledger,
    last_fenced_at: Option<Timestamp>,
    /// Name of the Secret, its uid, name of the object, and the object's uid where the name of the Secret is not made from it.
    texts: Texts,
}

impl KeptRecord {
    pub(super) fn of(stored: Stored, places: &mut Alike<Place>) -> Self {
        let Stored {
            secret,
            secret_uid,
            record,
        } = stored;
        let Record {
            subject:
                Subject {
                    namespace,
                    namespace_uid,
                    name,
                    uid,
                },
            parent,
            ledger,
            last_fenced_at,
        } = record;
        let uid = (secret_name(&uid) != secret).then_some(uid);
        Self {
            place: places.of(Place {
                namespace,
                namespace_uid,
                parent,
            }),
            ledger,
            last_fenced_at,
            texts: Texts::of(&[Some(&secret), Some(&secret_uid), Some(&name), uid.as_deref()]),
        }
    }

    pub(super) fn whole(&self) -> Arc<Stored> {
        let record = Record {
            subject: Subject {
                namespace: self.place.namespace.clone(),
                namespace_uid: self.place.namespace_uid.clone(),
                name: self.name().to_owned(),
                uid: self.uid().to_owned(),
            },
            parent: self.place.parent.clone(),
            ledger: self.ledger.clone(),
            last_fenced_at: self.last_fenced_at,
        };
        Arc::new(Stored {
            secret: self.secret().to_owned(),
            secret_uid: self.secret_uid().to_owned(),
            record,
        })
    }

    pub(super) fn secret(&self) -> &str {
        self.texts.at(0)
    }

    pub(super) fn secret_uid(&self) -> &str {
        self.texts.at(1)
    }

    pub(super) fn namespace(&self) -> &str {
        &self.place.namespace
    }

    pub(super) fn name(&self) -> &str {
        self.texts.at(2)
    }

    pub(super) fn uid(&self) -> &str {
        let own = self.texts.iter().nth(3).flatten();
        own.or_else(|| self.secret().strip_prefix(&secret_name("")))
            .unwrap_or_default()
    }

    /// As [`Record::held_id`].
    pub(super) fn held_id(&self) -> Option<&AuthId> {
        self.ledger.auth_id.as_ref().or(self.ledger.adopts.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::marker::Series;
    use crate::vobiz::{AuthToken, Generation};

    #[test]
    fn what_is_kept_comes_back_whatever_the_secret_is_called() {
        let mut places = Alike::default();
        for secret in [
            secret_name("u-1"),
            secret_name("u-0"),
            "other".to_owned(),
            String::new(),
        ] {
            let subject = Subject {
                namespace: "team".to_owned(),
                namespace_uid: "n-1".to_owned(),
                name: "acme".to_owned(),
                uid: "u-1".to_owned(),
            };
            let parent = ParentAuthId::parse("MA_PARENT").unwrap();
            let mut record = Record::open(subject, parent, Generation::Gen2, Series(7));
            let (id, token) = (
                AuthId::parse("SA_1").unwrap(),
                AuthToken::parse("told-nobody").unwrap(),
            );
            record.ledger = record.ledger.bound(id, token);
            record.last_fenced_at = Some(Timestamp::UNIX_EPOCH);
            let stored = Stored {
                secret: secret.clone(),
                secret_uid: "s-1".to_owned(),
                record,
            };
            let kept = KeptRecord::of(stored.clone(), &mut places);
            assert_eq!(*kept.whole(), stored);
            assert_eq!(
                (kept.secret(), kept.uid(), kept.name()),
                (&*secret, "u-1", "acme")
            );
            assert!(!format!("{kept:?}").contains("told-nobody"));
        }
    }
}
