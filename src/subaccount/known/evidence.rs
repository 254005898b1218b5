//! What speaks for an account's being this object's: the mark that it carries, and the pair in the user's Secret once Vobiz was asked
//! about it. PURE.

use super::{Known, KnownPair, KnownSecret};
use crate::controller::field_managers::FieldManager;
use crate::crd::Subaccount;
use crate::subaccount::secret;
use crate::subaccount::store::memory::{Mark, Proof};
use crate::subaccount::store::record::Record;
use crate::subaccount::tell::StepError;
use crate::vobiz::{AuthId, Credentials};
use k8s_openapi::api::core::v1::Secret;
use vobiz_protocol::facts::{Object, UserSecret};

impl Known {
    /// Whether an account that carries such a mark is this object's; none: its pair alone tells. No annotation that was left on does,
    /// and neither does the status, where the account is to be deleted or made anew.
    #[must_use]
    pub fn owns(&self, mark: Mark) -> Option<bool> {
        match (mark, self.life) {
            (Mark::Ours, _) | (Mark::None, Object::Live) => Some(true),
            (Mark::Anothers, Object::Live) if self.reclaims() => Some(true),
            (Mark::None, _) => None,
            (Mark::Anothers, _) => Some(false),
        }
    }

    /// What a Secret of the user's comes to that was read, and the pair in it of which Vobiz is to be asked. `recorded` is the pair of the
    /// Record; `managers`: who wrote the Secret, where that was asked. Without an owner, what the pair proves decides whether it may be
    /// written.
    #[must_use]
    pub fn weigh_secret(
        &self,
        secret: &Secret,
        object: &Subaccount,
        recorded: Option<&Credentials>,
        managers: &[FieldManager],
    ) -> (UserSecret, Option<Credentials>) {
        let verdict = secret::judge(secret, object, recorded, managers);
        let claimed = secret::pair_in(secret, &object.spec.secret_ref.keys)
            .filter(|found| self.may_prove(secret, object, recorded, found));
        match verdict {
            UserSecret::Good | UserSecret::Foreign if claimed.is_none() => (verdict, None),
            _ => (UserSecret::Different, claimed),
        }
    }

    /// Whether it is worth asking Vobiz about the pair that was found in the Secret.
    fn may_prove(
        &self,
        secret: &Secret,
        object: &Subaccount,
        recorded: Option<&Credentials>,
        found: &Credentials,
    ) -> bool {
        let may_have_been_ours =
            secret::was_written_for(secret, object) || secret::allows_adoption(secret, object);
        match (recorded, self.expected_id()) {
            // It may be the pair of an account that is gone: then there is room for the pair of the Record.
            (Some(recorded), _) => found != recorded && may_have_been_ours,
            // Without the word of its user a pair gives no right to what was there before.
            (None, Some(expected)) if self.adopts().is_some() => {
                secret::may_be_written(secret, object) && found.auth_id == expected
            }
            (None, Some(expected)) => {
                secret::is_ours(secret, object) || (secret::is_unowned(secret) && found.auth_id == expected)
            }
            (None, None) => secret::is_ours(secret, object) || may_have_been_ours,
        }
    }

    /// Whether Vobiz is worth asking about this pair: it may be evidence. `is_kept_by_another`: somebody else keeps its account.
    #[must_use]
    pub fn may_speak(&self, pair: &Credentials, is_kept_by_another: bool) -> bool {
        let left_over = self.left_id() == Some(&pair.auth_id);
        // Whose an account is that its spec names is judged after this, and told as what it is.
        let judged_later = self.adopts().is_some() && !self.is_recorded();
        // Beside a Record's pair another one can only be a dead one that is in the way.
        let another = self
            .expected_id()
            .is_some_and(|expected| !self.is_recorded() && expected != pair.auth_id);
        !another && (left_over || judged_later || !is_kept_by_another)
    }

    /// Whether a pair that does not work is looked into: where the spec names an account, a wrong pair gives no right to learn that it is
    /// there, or how it is. `granted`: its Account gives that right.
    #[must_use]
    pub fn may_learn_of(&self, id: &AuthId, granted: bool) -> bool {
        self.adopts().is_none() || self.auth_id().is_some() || self.left_id() == Some(id) || granted
    }

    /// What the pair in the user's Secret proves. It works, the parent knows the account, and it is nobody else's: then it is evidence,
    /// if the status names it, or an earlier object left it, or our own marker is on it (`is_marked`).
    pub fn take_proof(&mut self, pair: Credentials, proof: Proof, is_marked: bool) -> Result<(), StepError> {
        match proof {
            Proof::Works(account) if !self.is_recorded() && (self.expected_id().is_some() || is_marked) => {
                self.evidence = KnownPair::Proven(pair, Some(account));
            }
            // A working pair of somebody else's account is never written over.
            Proof::Works(_) | Proof::WorksElsewhere => {
                self.evidence = KnownPair::Disproved;
                self.secret = KnownSecret::Foreign;
            }
            // A disabled account's own pair is refused: that disproves nothing, and neither does it prove.
            Proof::Refused(account) if !account.is_enabled() => return Err(StepError::DisabledRemote),
            Proof::Refused(_) | Proof::Nothing => self.leave_secret_to_others(),
            Proof::Dead => {
                self.evidence = KnownPair::Disproved;
                if let KnownSecret::Different(read) = &mut self.secret {
                    read.is_dead = true;
                }
            }
        }
        Ok(())
    }

    /// The pair is nowhere, but this API shows the parent its accounts' tokens: it did when the claim was judged.
    pub fn recover_pair(&mut self) {
        self.asked.token = true;
        let Some(account) = self.claim.as_ref().and_then(|judged| judged.account.clone()) else {
            return;
        };
        if let Some(auth_token) = account.auth_token.clone() {
            let auth_id = account.auth_id.clone();
            self.evidence = KnownPair::Proven(Credentials { auth_id, auth_token }, Some(Box::new(account)));
        }
    }

    /// A Secret that is not ours by its owner, and that its pair does not prove to be ours, is somebody else's.
    pub fn leave_secret_to_others(&mut self) {
        let object = self.object.as_deref();
        let may_be_written =
            |secret: &Secret| object.is_some_and(|object| secret::may_be_written(secret, object));
        let read = self.secret.read();
        if !read.is_some_and(|read| may_be_written(read.secret.object())) {
            self.secret = KnownSecret::Foreign;
        }
        self.evidence = KnownPair::Disproved;
    }

    /// A Record can be bound without its token.
    fn is_recorded(&self) -> bool {
        self.record().and_then(Record::pair).is_some()
    }
}
