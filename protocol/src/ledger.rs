//! The part of a Record that decides: whose attempt it is, which attempts are void, and what becomes of the account. PURE.
//!
//! Generic over the names: the operator's are texts and secrets, a model's are small numbers.

use super::facts;

/// How far the life of the account has come.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Phase {
    /// No pair yet.
    Open,
    /// The pair is present.
    Bound,
    /// The account is to be deleted.
    Closed,
    /// The object is gone or going; account and pair stay by policy.
    Kept,
}

/// What the deletion policy of an object comes to, decided once.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Decision {
    /// The account is deleted; with `cascade` its applications, endpoints and numbers too.
    Delete {
        /// Delete what belongs to the account instead of handing it back to the parent.
        cascade: bool,
    },
    /// The account is disabled and stays.
    Disable,
    /// The account stays as it is.
    Retain,
}

/// Attempts, fences and phase of one account.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Ledger<Series, Id, Token, Generation> {
    /// Belongs to one Record and is never used again.
    pub series: Series,
    /// The newest generation of the API under which an attempt may have been posted. Its list shows the marker of every attempt, and so
    /// does the list of a newer one.
    pub generation: Generation,
    /// Number of the current attempt, from 1.
    pub epoch: u32,
    /// Every epoch up to this one is void: its account, should it ever appear, is ours to delete.
    pub fenced_through: u32,
    /// See [`Phase`].
    pub phase: Phase,
    /// The account, once one is bound or known.
    pub auth_id: Option<Id>,
    /// Its token; absent in a Record that was closed for an account whose token was lost.
    pub auth_token: Option<Token>,
    /// In phase Kept: the account must be shown to be disabled.
    pub disable: bool,
    /// In phase Closed: what belongs to the account is deleted with it.
    pub cascade: bool,
    /// In phase Open: the account that is there already and that this Record is about to hold. Whoever looks for Records of that
    /// account finds this one.
    pub adopts: Option<Id>,
    /// The account was there before its object; never forgotten.
    pub adopted: bool,
}

impl<Series: Copy + PartialEq, Id, Token, Generation: Copy + Ord> Ledger<Series, Id, Token, Generation> {
    /// The intent to create under this generation of the API: written before the first POST.
    #[must_use]
    pub fn open(series: Series, generation: Generation) -> Self {
        Self {
            series,
            generation,
            epoch: 1,
            fenced_through: 0,
            phase: Phase::Open,
            auth_id: None,
            auth_token: None,
            disable: false,
            cascade: false,
            adopts: None,
            adopted: false,
        }
    }

    /// The intent to hold an account that is there already: written before the look at who else holds it. Nothing is ever posted
    /// under it, so that it has no epoch.
    #[must_use]
    pub fn adopting(series: Series, generation: Generation, auth_id: Id) -> Self {
        Self {
            epoch: 0,
            adopted: true,
            ..Self::rebuilding(series, generation, auth_id)
        }
    }

    /// The same, for an account that was made for its object, and whose Record was lost.
    #[must_use]
    pub fn rebuilding(series: Series, generation: Generation, auth_id: Id) -> Self {
        Self {
            adopts: Some(auth_id),
            ..Self::open(series, generation)
        }
    }

    /// Claims the next epoch, to be posted under this generation of the API, and fences the ones before it. What was posted under a
    /// newer one is still looked for there.
    #[must_use]
    pub fn taken_over(self, generation: Generation) -> Self {
        Self {
            generation: self.generation.max(generation),
            epoch: self.epoch + 1,
            fenced_through: self.epoch,
            ..self
        }
    }

    /// Stores the pair that the current epoch's POST was answered.
    #[must_use]
    pub fn bound(self, auth_id: Id, auth_token: Token) -> Self {
        Self {
            phase: Phase::Bound,
            auth_id: Some(auth_id),
            auth_token: Some(auth_token),
            adopts: None,
            ..self
        }
    }

    /// Stores an account that was there before its object, with its token if that is known. `marker`: the account's own, if a Record
    /// that is gone made it.
    #[must_use]
    pub fn adopted(self, auth_id: Id, auth_token: Option<Token>, marker: Option<(Series, u32)>) -> Self {
        let open = match marker {
            Some((series, epoch)) => Self {
                series,
                epoch,
                fenced_through: epoch.saturating_sub(1),
                ..self
            },
            None => self,
        };
        Self {
            phase: Phase::Bound,
            auth_id: Some(auth_id),
            auth_token,
            adopts: None,
            adopted: true,
            ..open
        }
    }

    /// Stores the token of an account that is bound without one.
    #[must_use]
    pub fn completed(self, auth_token: Token) -> Self {
        Self {
            auth_token: Some(auth_token),
            ..self
        }
    }

    /// Stores a pair that was proved by other means. The account's own marker, where it has one, tells the series whose
    /// earlier attempts may have left something; under the open one nothing was posted, or it is void.
    #[must_use]
    pub fn restored(self, auth_id: Id, auth_token: Token, marker: Option<(Series, u32)>) -> Self {
        let open = match marker {
            Some((series, epoch)) if series != self.series => Self {
                series,
                epoch,
                fenced_through: epoch - 1,
                ..self
            },
            Some((_, epoch)) if epoch == self.epoch => self,
            _ => self.fenced(),
        };
        open.bound(auth_id, auth_token)
    }

    /// Decides what becomes of the account. `known` is the account that the object's status names, for a Record
    /// without a pair; an open epoch is void from here on.
    #[must_use]
    pub fn closed(self, decision: Decision, known: Option<Id>) -> Self {
        let ledger = if self.phase == Phase::Open {
            self.fenced()
        } else {
            self
        };
        let auth_id = ledger.auth_id.or(known);
        let (phase, disable, cascade) = match (decision, &auth_id) {
            (Decision::Delete { cascade }, _) => (Phase::Closed, false, cascade),
            (_, None) => (Phase::Closed, false, false),
            (Decision::Disable, Some(_)) => (Phase::Kept, true, false),
            (Decision::Retain, Some(_)) => (Phase::Kept, false, false),
        };
        Self {
            phase,
            auth_id,
            disable,
            cascade,
            adopts: None,
            ..ledger
        }
    }

    /// Opens a closed Record again, whose account is gone: a new attempt, and the ones before it are void.
    #[must_use]
    pub fn reopened(self, generation: Generation) -> Self {
        Self {
            phase: Phase::Open,
            auth_id: None,
            auth_token: None,
            disable: false,
            cascade: false,
            ..self.taken_over(generation)
        }
    }

    /// Serves another object from here on; none if there is no pair to serve it with, unless the account never came with one.
    /// `proven`: the token that was proved to be the account's, for a Record that lost it.
    #[must_use]
    pub fn reclaimed(self, proven: Option<Token>) -> Option<Self> {
        let auth_token = self.auth_token.or(proven);
        let whole = self.auth_id.is_some() && (auth_token.is_some() || self.adopted);
        (whole && matches!(self.phase, Phase::Bound | Phase::Kept)).then(|| Self {
            phase: Phase::Bound,
            disable: false,
            auth_token,
            ..self
        })
    }

    /// Whether the Record holds this account, or is about to.
    #[must_use]
    pub fn names(&self, auth_id: &Id) -> bool
    where
        Id: PartialEq,
    {
        self.auth_id.as_ref().or(self.adopts.as_ref()) == Some(auth_id)
    }

    /// Whether it is no more than an intent to have an account that is there already: nothing is bound, and nothing was posted.
    #[must_use]
    pub fn is_intent_to_adopt(&self) -> bool {
        self.phase == Phase::Open && self.adopted && self.adopts.is_some()
    }

    /// Whether an account with this series and epoch in its marker is void and ours to delete.
    #[must_use]
    pub fn fences(&self, series: Series, epoch: u32) -> bool {
        series == self.series && epoch <= self.fenced_through
    }

    /// Whether an attempt may be posted under this generation of the API: its marker must be found where the Record says.
    #[must_use]
    pub fn may_post(&self, generation: Generation) -> bool {
        generation <= self.generation
    }

    /// Whether a list of this generation of the API shows the marker of every attempt.
    #[must_use]
    pub fn is_shown_by(&self, generation: Generation) -> bool {
        generation >= self.generation
    }

    /// Whether any epoch is void.
    #[must_use]
    pub fn is_fenced(&self) -> bool {
        self.fenced_through > 0
    }

    /// Whether a pass over a living object may go by this Record as a cache shows it. `named`: the account in its status.
    /// Nothing but Bound is ever concluded from a cache, and nothing where the status names another account: one of the two is
    /// out of date.
    #[must_use]
    pub fn is_trusted_from_cache(&self, named: Option<&Id>) -> bool
    where
        Id: PartialEq,
    {
        self.phase == Phase::Bound && named.is_none_or(|named| self.auth_id.as_ref() == Some(named))
    }

    /// What `plan` is told about the Record. `unspent`: this process knows that nothing was posted under the epoch.
    #[must_use]
    pub fn fact(&self, unspent: bool, quorum: bool) -> facts::Record {
        facts::Record::Present {
            phase: match self.phase {
                Phase::Open => facts::Phase::Open { unspent },
                Phase::Bound => facts::Phase::Bound {
                    token: self.auth_token.is_some(),
                },
                Phase::Closed => facts::Phase::Closed {
                    account: self.auth_id.is_some(),
                },
                Phase::Kept => facts::Phase::Kept {
                    disable: self.disable,
                },
            },
            fenced: self.is_fenced(),
            quorum,
        }
    }

    /// What the Record of an earlier object of this name means to a new one.
    #[must_use]
    pub fn as_predecessor(&self) -> facts::Predecessor {
        match self.phase {
            Phase::Open => facts::Predecessor::Open,
            Phase::Closed => facts::Predecessor::Nothing,
            Phase::Bound | Phase::Kept if self.auth_token.is_none() && !self.adopted => {
                facts::Predecessor::Tokenless
            }
            Phase::Bound | Phase::Kept => facts::Predecessor::Orphaned,
        }
    }

    fn fenced(self) -> Self {
        Self {
            fenced_through: self.epoch,
            ..self
        }
    }
}

#[cfg(test)]
mod tests;
