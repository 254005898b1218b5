//! What each write of a pass would make of what the pass knows. PURE.

mod object;
mod record;
mod remote;
mod secret;

use super::deed::Deed;
use super::rehearsed::Rehearsed;
use crate::subaccount::known::{KnownPredecessor, MadePair};
use crate::subaccount::store::record::Ledger;
use crate::subaccount::tell::Outcome;
use vobiz_protocol::facts::{Confirmation, Object};
use vobiz_protocol::plan::{Rest, Step};

impl Rehearsed {
    /// What a write would make of what is known. `Err` ends the pass.
    pub fn foresee(&mut self, step: Step) -> Result<(), Outcome> {
        match step {
            Step::TakePermit => self.is_permitted = true,
            Step::AddFinalizer => self.add_finalizer(),
            Step::OpenRecord => {
                self.open(Ledger::open)?;
                let is_live = self.known.life == Object::Live;
                self.claim(is_live);
                self.known.looked_again = false;
            }
            Step::RebuildRecord => {
                let id = self.named()?;
                self.open(|series, generation| Ledger::rebuilding(series, generation, id))?;
                self.known.claim = None;
            }
            Step::OpenAdoption => {
                let id = self.named()?;
                self.open(|series, generation| Ledger::adopting(series, generation, id))?;
                self.known.claim = None;
                self.known.confirmation = Confirmation::Unasked;
            }
            Step::WithdrawAdoption => self.known.take_no_record(),
            Step::Adopt => self.adopt()?,
            Step::TakeOver | Step::Reopen => self.begin_epoch(step)?,
            Step::ClosePredecessor => self.known.predecessor = KnownPredecessor::Nothing,
            Step::Reclaim => self.reclaim()?,
            Step::Confirm => self.known.confirmation = Confirmation::Confirmed,
            Step::Create => self.create()?,
            Step::Bind => {
                let MadePair::Pair(pair) = std::mem::replace(&mut self.known.made, MadePair::Nothing) else {
                    return Err(Outcome::outdated());
                };
                self.turn(|ledger| ledger.bound(pair.auth_id, pair.auth_token))?;
            }
            Step::RecoverPair => self.known.recover_pair(),
            Step::AdoptIdentity => self.name_proven(),
            Step::ForgetIdentity => self.forget_identity(),
            Step::RestorePair => self.restore_pair()?,
            Step::PublishSecret => self.publish(),
            Step::RemoveFormerSecret => self.remove_former(),
            Step::Update => self.update()?,
            Step::Close => self.close()?,
            Step::Delete => self.delete()?,
            Step::DeleteLeftover => {
                self.requests.deletes += 1;
                if let Some(auth_id) = self.leftovers.pop() {
                    self.deeds.push(Deed::DeleteLeftover { auth_id });
                }
            }
            Step::ReleaseFinalizer => return Err(Outcome::new(Rest::Settled, "")),
            Step::Rest(rest) => return Err(Outcome::new(rest, "")),
            // What is read is looked at, and the rest is for passes of another kind.
            Step::ReadRecord
            | Step::ReadSecret
            | Step::JudgeClaim
            | Step::ProvePair
            | Step::ReadAccount
            | Step::DeleteMade
            | Step::DropRecord => return Err(Outcome::outdated()),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
