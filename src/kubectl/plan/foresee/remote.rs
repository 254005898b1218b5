//! Writes to Vobiz. PURE.

use super::Rehearsed;
use crate::kubectl::plan::deed::{Deed, changes};
use crate::kubectl::plan::stand_in::{is_to_come, pair_to_come};
use crate::subaccount::known::MadePair;
use crate::subaccount::store::record::{Phase, Record};
use crate::subaccount::tell::Outcome;
use crate::vobiz::{Generation, Subaccount};
use vobiz_protocol::facts::Remote;

impl Rehearsed {
    pub(super) fn create(&mut self) -> Result<(), Outcome> {
        let desired = self
            .desired()
            .and_then(Result::ok)
            .ok_or_else(Outcome::outdated)?;
        let pair = pair_to_come().ok_or_else(Outcome::outdated)?;
        let fields = desired.creation(&self.record()?.marker(self.setting.installation));
        self.requests.creates += 1;
        self.deeds.push(Deed::Create {
            fields: fields.clone(),
        });
        self.known.spend_epoch();
        self.shown = Some(Subaccount::new(pair.auth_id.clone(), fields));
        self.is_looked_at = true;
        self.known.made = MadePair::Pair(pair);
        Ok(())
    }

    fn record(&self) -> Result<&Record, Outcome> {
        self.known.record().ok_or_else(Outcome::outdated)
    }

    pub(super) fn update(&mut self) -> Result<(), Outcome> {
        let (Some(target), Some(shown)) = (self.target(), self.shown.clone()) else {
            return Err(Outcome::outdated());
        };
        let mark = self.record()?.mark(self.setting.installation);
        let sent = target.changes(&shown, mark.as_ref());
        self.requests.updates += 1;
        self.known.updates += 1;
        let auth_id = shown.auth_id.clone();
        let changes = changes(&shown.fields, &sent);
        if is_to_come(&auth_id) {
            // What is left to be said of an account that was just made.
            for deed in &mut self.deeds {
                if let Deed::Create { fields } = deed {
                    fields.overlay(&sent);
                }
            }
        } else if self.phase() == Some(Phase::Kept) {
            self.deeds.push(Deed::Disable { auth_id });
        } else {
            self.deeds.push(Deed::Update { auth_id, changes });
        }
        let account = shown.updated(&sent);
        self.known.remote = self.compare(&account);
        // Generation 1 does not show what it made of it, and an account that stays behind must be shown to be disabled.
        if self.phase() == Some(Phase::Kept) && self.setting.generation == Some(Generation::Gen1) {
            self.known.remote = Remote::Unknown;
        }
        self.shown = Some(account);
        Ok(())
    }

    pub(super) fn delete(&mut self) -> Result<(), Outcome> {
        let ledger = self.known.record().map(|record| &record.ledger);
        let cascade = ledger.is_some_and(|ledger| ledger.cascade);
        let auth_id = self.known.auth_id().cloned().ok_or_else(Outcome::outdated)?;
        self.requests.deletes += 1;
        if self.is_looked_at && self.shown.is_none() {
            // It is answered 404, and the list shows it no more either.
            self.known.remote = Remote::Gone;
        } else {
            self.deeds.push(Deed::Delete { auth_id, cascade });
            self.known.remote = Remote::Deleted;
        }
        Ok(())
    }
}
