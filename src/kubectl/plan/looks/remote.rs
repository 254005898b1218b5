//! The account at Vobiz: whose it is, and what it shows. I/O.

use crate::account::parent::roster::marker_of;
use crate::kubectl::plan::rehearsal::{Rehearsal, Stop};
use crate::kubectl::sight::Seen;
use crate::subaccount::known::{Judgement, KnownPair};
use crate::subaccount::secret;
use crate::subaccount::store::memory::{Mark, Proof};
use crate::subaccount::store::record::Decision;
use crate::subaccount::tell::Conflict;
use crate::vobiz::{self, AuthId, Credentials};
use vobiz_protocol::facts::{Object, Remote};

impl Rehearsal<'_, '_> {
    /// Whose the account is that the status or the spec names.
    pub(in super::super) async fn judge_claim(&mut self) -> Result<(), Stop> {
        let Some(id) = self.pass.known.named_id() else {
            self.pass.known.claim = Some(Judgement::without_look(Some(Conflict::NoId)));
            return Ok(());
        };
        let is_held = self.is_held_by_another(&id).await?;
        let is_kept =
            self.pass.known.life == Object::Deleting && self.pass.decision() == Some(Decision::Retain);
        if is_held || is_kept {
            self.pass.known.claim = Some(Judgement::without_look(is_held.then_some(Conflict::Record)));
            return Ok(());
        }
        let account = self.account_named(&id).await?;
        let generation = self.pass.setting.generation;
        let marker = account
            .as_ref()
            .zip(generation)
            .and_then(|(account, generation)| marker_of(account, generation));
        let mark = Mark::of(marker, self.pass.setting.installation);
        let adopts = self.pass.known.is_adopting();
        let is_marked = mark == Mark::Ours || account.is_none();
        if adopts
            && let Some(marker) = marker.filter(|_| mark == Mark::Ours)
            && let Seen::Shown(all) = self.sights.records.all().await?
            && all.made_by_another(marker.series, &self.pass.uid)
        {
            self.pass.known.claim = Some(Judgement::without_look(Some(Conflict::Record)));
            return Ok(());
        }
        let is_own = match self.pass.known.owns(mark) {
            _ if is_marked => true,
            Some(is_own) => is_own,
            None => self.secret_opens(&id).await?,
        };
        self.pass.known.claim = Some(Judgement {
            conflict: (!is_own).then_some(Conflict::Installation),
            is_contested: false,
            is_missing: adopts && account.is_none(),
            is_unmarked: !is_marked,
            account,
        });
        Ok(())
    }

    async fn is_held_by_another(&mut self, id: &AuthId) -> Result<bool, Stop> {
        match self.sights.records.all().await? {
            Seen::Shown(all) => Ok(all.held_by_another(id, &self.pass.uid)),
            Seen::Hidden(why) => {
                let why = why.clone();
                self.note_unseen(why);
                Ok(false)
            }
        }
    }

    /// Whether the user's Secret holds the working pair of the account.
    async fn secret_opens(&mut self, id: &AuthId) -> Result<bool, Stop> {
        let Some(object) = self.pass.known.object.clone() else {
            return Ok(false);
        };
        let name = secret::name_of(&object);
        let pair = match self.sights.user_secret(&self.pass.key.namespace, &name).await? {
            Seen::Shown(read) => {
                read.and_then(|read| secret::pair_in(read.object(), &object.spec.secret_ref.keys))
            }
            Seen::Hidden(why) => return Err(Stop::Unseen(why)),
        };
        match pair.filter(|pair| pair.auth_id == *id) {
            Some(pair) => Ok(self.whose(&pair).await? == Some(pair.auth_id)),
            None => Ok(false),
        }
    }

    /// The account of this id at Vobiz. What is to be decided on it cannot be told unseen.
    async fn account_named(&mut self, id: &AuthId) -> Result<Option<vobiz::Subaccount>, Stop> {
        self.pass.requests.reads += 1;
        match &mut self.sights.account(&self.account).await?.parent {
            Seen::Shown(parent) => Ok(parent.account(id).await?),
            Seen::Hidden(why) => Err(Stop::Unseen(why.clone())),
        }
    }

    async fn whose(&mut self, pair: &Credentials) -> Result<Option<AuthId>, Stop> {
        self.pass.requests.reads += 1;
        match &mut self.sights.account(&self.account).await?.parent {
            Seen::Shown(parent) => Ok(parent.whose(pair).await?),
            Seen::Hidden(why) => Err(Stop::Unseen(why.clone())),
        }
    }

    /// What the pair in the user's Secret proves.
    pub(in super::super) async fn prove_pair(&mut self) -> Result<(), Stop> {
        let KnownPair::Claimed(pair) = self.pass.known.evidence.clone() else {
            return Ok(());
        };
        let is_held = self.is_held_by_another(&pair.auth_id).await?;
        if !self.pass.known.may_speak(&pair, is_held) {
            self.pass.known.leave_secret_to_others();
            return Ok(());
        }
        let works = self.whose(&pair).await?.as_ref() == Some(&pair.auth_id);
        if !works
            && !self
                .pass
                .known
                .may_learn_of(&pair.auth_id, self.pass.setting.granted)
        {
            let proof = self.pass.known.take_proof(pair, Proof::Nothing, false);
            return proof.map_err(|error| Stop::Outcome(error.into()));
        }
        let account = self.account_named(&pair.auth_id).await?;
        let generation = self.pass.setting.generation;
        let marker = account
            .as_ref()
            .zip(generation)
            .and_then(|(account, generation)| marker_of(account, generation));
        let is_marked = marker.is_some_and(|marker| marker.installation == self.pass.setting.installation);
        let proof = Proof::of(works, account);
        self.pass
            .known
            .take_proof(pair, proof, is_marked)
            .map_err(|error| Stop::Outcome(error.into()))
    }

    /// The account of the Record.
    pub(in super::super) async fn read_account(&mut self) -> Result<(), Stop> {
        self.pass.requests.reads += 1;
        self.pass.known.asked.account = true;
        if self.pass.known.remote == Remote::Deleted {
            self.pass.shown = None;
            self.pass.known.remote = Remote::Gone;
            return Ok(());
        }
        if !self.pass.is_looked_at
            && let Some(id) = self.pass.known.auth_id().cloned()
        {
            self.observe(&id).await?;
        }
        self.pass.known.remote = match &self.pass.shown {
            Some(account) => self.pass.compare(account),
            None => Remote::Gone,
        };
        Ok(())
    }
}
