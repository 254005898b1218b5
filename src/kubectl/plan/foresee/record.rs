//! Writes to the Record. PURE.

use super::Rehearsed;
use crate::account::marker::Series;
use crate::kubectl::plan::deed::Deed;
use crate::kubectl::plan::stand_in::secret_named;
use crate::subaccount::known::{KnownPair, KnownPredecessor, KnownRecord};
use crate::subaccount::store::record::{Decision, Ledger, Phase, ReadRecord, Record, Subject, secret_name};
use crate::subaccount::tell::{Outcome, StepError};
use crate::vobiz::Generation;
use vobiz_protocol::facts::{Confirmation, Remote};
use vobiz_protocol::plan::Step;

impl Rehearsed {
    pub(super) fn open(&mut self, ledger: impl FnOnce(Series, Generation) -> Ledger) -> Result<(), Outcome> {
        let (Some(parent), Some(generation)) = (self.setting.parent.clone(), self.setting.generation) else {
            return Err(Outcome::outdated());
        };
        let record = Record {
            subject: self.subject(),
            parent,
            ledger: ledger(Series(0), generation),
            last_fenced_at: None,
        };
        self.take_record(record, &secret_name(&self.uid))
    }

    pub(super) fn subject(&self) -> Subject {
        Subject {
            namespace: self.key.namespace.clone(),
            namespace_uid: self.namespace_uid.clone(),
            name: self.key.name.clone(),
            uid: self.uid.clone(),
        }
    }

    /// A Record as read, or as it will be.
    pub fn take_record(&mut self, record: Record, secret: &str) -> Result<(), Outcome> {
        let secret = secret_named(secret).ok_or_else(Outcome::outdated)?;
        self.known.take_record(ReadRecord {
            record,
            secret,
            at: self.setting.now,
            unspent: false,
        });
        Ok(())
    }

    pub(super) fn claim(&mut self, is_unspent: bool) {
        if let KnownRecord::Read(read) = &mut self.known.record {
            read.unspent = is_unspent;
        }
        self.known.confirmation = Confirmation::Unasked;
    }

    /// The Record after a transition.
    pub(super) fn turn(&mut self, transition: impl FnOnce(Ledger) -> Ledger) -> Result<(), Outcome> {
        let read = self.known.read_record().cloned().ok_or_else(Outcome::outdated)?;
        let record = read.record.with(transition, self.setting.today);
        self.known.take_record(ReadRecord { record, ..read });
        Ok(())
    }

    pub(super) fn begin_epoch(&mut self, step: Step) -> Result<(), Outcome> {
        let generation = self.setting.generation.ok_or_else(Outcome::outdated)?;
        self.turn(|ledger| match step {
            Step::Reopen => ledger.reopened(generation),
            _ => ledger.taken_over(generation),
        })?;
        self.shown = None;
        self.is_looked_at = false;
        self.known.remote = Remote::Unknown;
        self.claim(true);
        Ok(())
    }

    pub(super) fn adopt(&mut self) -> Result<(), Outcome> {
        let id = self.named()?;
        let token = match &self.known.evidence {
            KnownPair::Proven(pair, _) => Some(pair.auth_token.clone()),
            _ => None,
        };
        self.shown = self.known.claim.as_ref().and_then(|claim| claim.account.clone());
        self.is_looked_at = true;
        self.deeds.push(Deed::Adopt { auth_id: id.clone() });
        self.turn(|ledger| ledger.adopted(id, token, None))
    }

    pub(super) fn reclaim(&mut self) -> Result<(), Outcome> {
        let left = std::mem::replace(&mut self.known.predecessor, KnownPredecessor::Nothing);
        let KnownPredecessor::Found(found, secret) = left else {
            return Err(Outcome::outdated());
        };
        if Some(&found.parent) != self.setting.parent.as_ref() {
            return Err(StepError::OtherParent.into());
        }
        let proven = match &self.known.evidence {
            KnownPair::Proven(pair, _) if found.auth_id() == Some(&pair.auth_id) => {
                Some(pair.auth_token.clone())
            }
            _ => None,
        };
        let ledger = found
            .ledger
            .clone()
            .reclaimed(proven)
            .ok_or_else(Outcome::outdated)?;
        if let Some(auth_id) = ledger.auth_id.clone() {
            self.deeds.push(Deed::TakeOver { auth_id });
        }
        let record = Record {
            subject: self.subject(),
            ledger,
            ..found
        };
        let name = secret.object().metadata.name.as_deref();
        self.take_record(record, name.unwrap_or_default())
    }

    pub(super) fn restore_pair(&mut self) -> Result<(), Outcome> {
        let KnownPair::Proven(pair, account) = self.known.evidence.clone() else {
            return Err(Outcome::outdated());
        };
        self.shown = self.shown.take().or(account.map(|account| *account));
        self.is_looked_at = self.shown.is_some();
        self.turn(|ledger| match ledger.phase {
            Phase::Bound => ledger.completed(pair.auth_token),
            Phase::Open | Phase::Closed | Phase::Kept => ledger.restored(pair.auth_id, pair.auth_token, None),
        })
    }

    pub(super) fn close(&mut self) -> Result<(), Outcome> {
        let decision = self.decision().ok_or_else(Outcome::outdated)?;
        let is_own = self
            .known
            .claim
            .as_ref()
            .is_none_or(|judged| judged.conflict.is_none());
        let known = self.known.named_id().filter(|_| is_own);
        self.turn(|ledger| ledger.closed(decision, known))?;
        let is_kept = matches!(decision, Decision::Retain | Decision::Disable);
        let kept = self.known.auth_id().cloned().filter(|_| is_kept);
        self.deeds.extend(kept.map(|auth_id| Deed::Keep { auth_id }));
        Ok(())
    }
}
