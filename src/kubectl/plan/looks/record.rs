//! The Record, and what earlier objects of the name left. I/O.

use crate::account::parent::roster::marker_of;
use crate::kubectl::plan::rehearsal::{Rehearsal, Stop};
use crate::kubectl::plan::stand_in::secret_named;
use crate::kubectl::sight::Seen;
use crate::kubectl::sight::records::Found;
use crate::subaccount::known::{KnownPair, KnownPredecessor, KnownRecord};
use crate::subaccount::secret;
use crate::subaccount::store::record::{Phase, Record};
use crate::subaccount::tell::StepError;
use crate::subaccount::wish::accepts;
use crate::vobiz::{self, AuthId};
use vobiz_protocol::facts::{Confirmation, Object};

impl Rehearsal<'_, '_> {
    /// The Record that serves the object, and what earlier objects of its name left.
    pub(in super::super) async fn read_record(&mut self) -> Result<(), Stop> {
        if self.pass.known.confirmation == Confirmation::Confirmed {
            self.pass.known.looked_again = true;
        }
        let found = match &self.pass.known.record {
            // As it will be by now.
            KnownRecord::Cached(record) => Some(Found {
                record: Ok(record.clone()),
                secret: self
                    .record
                    .as_ref()
                    .map_or_else(String::new, |found| found.secret.clone()),
            }),
            KnownRecord::Read(_) => return Ok(()),
            KnownRecord::Unread | KnownRecord::Absent => self.record.clone(),
        };
        self.pass.known.predecessor = KnownPredecessor::Nothing;
        let is_settled = found.as_ref().is_some_and(|found| {
            found
                .record
                .as_ref()
                .is_ok_and(|record| record.ledger.phase != Phase::Open)
        });
        if !is_settled {
            self.note_predecessors().await?;
        }
        let Some(Found { record, secret }) = found else {
            self.pass.known.take_no_record();
            return Ok(());
        };
        let record = record.map_err(|damaged| {
            let name = secret.clone();
            Stop::Outcome(StepError::DamagedRecord { damaged, name }.into())
        })?;
        if let (Some(named), Some(held)) = (self.pass.known.named_id(), record.auth_id())
            && self.pass.known.life == Object::Live
            && named != *held
        {
            let held = held.clone();
            return Err(Stop::Outcome(
                StepError::TurnedBack {
                    named,
                    held,
                    record: secret,
                }
                .into(),
            ));
        }
        self.note_leftovers(&record).await?;
        Ok(self.pass.take_record(record, &secret)?)
    }

    async fn note_predecessors(&mut self) -> Result<(), Stop> {
        let key = self.pass.key.clone();
        let uid = self.pass.uid.clone();
        let left = match self.sights.records.all().await? {
            Seen::Shown(all) => all.predecessors(&key.namespace, &key.name, &uid),
            Seen::Hidden(why) => {
                let why = why.clone();
                self.note_unseen(why);
                return Ok(());
            }
        };
        for stored in left {
            if let Some(secret) = secret_named(&stored.secret) {
                self.pass.known.note_predecessor(stored.record.clone(), secret);
            }
        }
        Ok(())
    }

    /// What interrupted creates left, where the Record has declared them void.
    async fn note_leftovers(&mut self, record: &Record) -> Result<(), Stop> {
        if !record.ledger.is_fenced() {
            return Ok(());
        }
        let account = self.sights.account(&self.account).await?;
        let Seen::Shown(parent) = &mut account.parent else {
            return Ok(());
        };
        let generation = parent.generation;
        let void = |account: &&vobiz::Subaccount| {
            marker_of(account, generation).is_some_and(|marker| record.fences(&marker))
                && record.auth_id() != Some(&account.auth_id)
        };
        let mut leftovers: Vec<AuthId> = parent
            .all()
            .await?
            .values()
            .filter(void)
            .map(|account| account.auth_id.clone())
            .collect();
        if let Seen::Shown(all) = self.sights.records.all().await? {
            leftovers.retain(|id| !all.holds(id));
        }
        leftovers.sort();
        self.pass.leftovers = leftovers;
        Ok(())
    }

    /// A name alone gives no right across namespaces of that name.
    pub(in super::super) async fn may_reclaim(&mut self) -> Result<(), Stop> {
        let KnownPredecessor::Found(found, secret) = &self.pass.known.predecessor else {
            return Ok(());
        };
        let (found, secret) = (
            found.clone(),
            secret.object().metadata.name.clone().unwrap_or_default(),
        );
        let earlier = found.subject.namespace_uid.clone();
        let uid = match self.sights.namespace(&self.pass.key.namespace).await? {
            Seen::Shown(namespace) => namespace
                .as_ref()
                .and_then(|namespace| namespace.metadata.uid.clone()),
            Seen::Hidden(why) => {
                let why = why.clone();
                self.note_unseen(why);
                return Ok(());
            }
        };
        self.pass.namespace_uid = uid.unwrap_or_default();
        let is_proven = matches!(&self.pass.known.evidence, KnownPair::Proven(pair, _) if found.auth_id() == Some(&pair.auth_id));
        if self.pass.namespace_uid == earlier || is_proven {
            return Ok(());
        }
        let record = self.sights.records.secret(&secret).await?;
        let account = self.sights.account(&self.account).await?;
        if record.is_some_and(|record| accepts(record.object(), &earlier))
            || account.stored().is_some_and(|account| accepts(account, &earlier))
        {
            return Ok(());
        }
        let name = self
            .pass
            .known
            .object
            .as_deref()
            .map(secret::name_of)
            .unwrap_or_default();
        let read = self.sights.user_secret(&self.pass.key.namespace, &name).await?;
        let keys = self
            .pass
            .known
            .object
            .as_ref()
            .map(|object| object.spec.secret_ref.keys.clone());
        let published = read
            .shown()
            .and_then(Option::as_ref)
            .zip(keys)
            .and_then(|(read, keys)| secret::pair_in(read.object(), &keys));
        if published.is_some() && published == found.pair() {
            return Ok(());
        }
        Err(Stop::Outcome(
            StepError::EarlierNamespace {
                earlier,
                account: self.account.kind().as_str().to_owned() + " " + self.account.name(),
                record: secret,
            }
            .into(),
        ))
    }
}
