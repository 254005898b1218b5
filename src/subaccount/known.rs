//! What a pass knows, each thing once: values, never a value beside a fact that must agree with it. PURE.
//!
//! Acts store what they were answered here; `facts` reads it.

mod adoption;
mod deletion;
mod evidence;
mod findings;
mod judgement;
mod predecessor;
mod secret;

pub use judgement::Judgement;
pub use secret::{FormerSecret, KnownPair, KnownSecret, ReadSecret};

use super::secret::name_of;
use super::store::record::{Phase, ReadRecord, Record};
use super::wish;
use crate::account::access::Permit;
use crate::controller::versioned::Versioned;
use crate::crd::{CredentialRecovery, FINALIZER, Subaccount};
use crate::vobiz::{AuthId, Credentials};
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt;
use std::sync::Arc;
use vobiz_protocol::facts::{Confirmation, Directive, Object, Predecessor, Remote};
use vobiz_protocol::judge::Seen;

/// What one pass knows.
#[derive(Debug)]
pub struct Known {
    /// What the pass took its object for when it began.
    pub life: Object,
    /// The object, in its newest known version; none in the janitor's pass.
    pub object: Option<Arc<Subaccount>>,
    /// The object as it went past our finalizer, in the janitor's pass over its Record.
    pub overtaken: Option<Arc<Subaccount>>,
    /// Its status said, when the pass began, that this generation of the spec is applied.
    pub applied: bool,
    /// What the annotations of the living object ask for that the janitor's pass met.
    pub met: Option<Directive>,
    /// The living object that the janitor's pass met is only to look at its account.
    pub met_observing: bool,
    /// The quorum re-read of the object.
    pub confirmation: Confirmation,
    /// The Record was looked up again after the object was confirmed.
    pub looked_again: bool,
    /// The Record.
    pub record: KnownRecord,
    /// What a gone object of the same name left.
    pub predecessor: KnownPredecessor,
    /// Whose the account is that the status names; none: not looked at.
    pub claim: Option<Judgement>,
    /// The user's Secret.
    pub secret: KnownSecret,
    /// The Secret of an earlier `secretRef`.
    pub former_secret: FormerSecret,
    /// A pair that is not the Record's, and what it proves.
    pub evidence: KnownPair,
    /// The gate's permit for a POST.
    pub permit: Option<Permit>,
    /// A pair that a POST answered and that is in no Record yet.
    pub made: MadePair,
    /// The account of the Record, as it was last shown. The parent's roster holds what it showed.
    pub remote: Remote,
    /// What is asked once in a pass and was.
    pub asked: Asked,
    /// Updates sent in this pass.
    pub updates: u32,
}

/// The Record that serves the object.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "one for each pass")]
pub enum KnownRecord {
    /// Not read; the cache shows none that may be trusted.
    Unread,
    /// A quorum read says there is none.
    Absent,
    /// As a cache shows it: good for nothing but looking after a bound account.
    Cached(Record),
    /// As read by quorum, or written.
    Read(ReadRecord),
}

/// What an earlier object of the same name left in a Record.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "one for each pass")]
pub enum KnownPredecessor {
    /// Nothing, as far as is known.
    Nothing,
    /// Another account than the one that the status names.
    Another,
    /// This Record.
    Found(Record, Versioned<Secret>),
}

/// A pair that a POST answered and that is in no Record yet.
#[derive(Clone, Debug)]
pub enum MadePair {
    /// None.
    Nothing,
    /// To be bound.
    Pair(Credentials),
    /// Its epoch was fenced meanwhile, proved by the Record: to be deleted.
    Fenced(Credentials),
}

/// Questions that a pass asks Vobiz at most once.
#[derive(Clone, Copy, Debug, Default)]
pub struct Asked {
    /// The token of an account whose pair is lost.
    pub token: bool,
    /// The account itself, because a person had asked for a look at it.
    pub account: bool,
}

impl Known {
    /// What a pass knows before it has looked at anything.
    #[must_use]
    pub fn nothing(life: Object) -> Self {
        Self {
            life,
            object: None,
            overtaken: None,
            applied: false,
            met: None,
            met_observing: false,
            confirmation: Confirmation::Unasked,
            looked_again: false,
            record: KnownRecord::Unread,
            predecessor: KnownPredecessor::Nothing,
            claim: None,
            secret: KnownSecret::Unread,
            former_secret: FormerSecret::Unseen,
            evidence: KnownPair::Unread,
            permit: None,
            made: MadePair::Nothing,
            remote: Remote::Unknown,
            asked: Asked::default(),
            updates: 0,
        }
    }

    /// The object as just read or written. What was found out about the account that its status named says nothing about another one.
    pub fn take_object(&mut self, object: Arc<Subaccount>) {
        let named = self.named_id();
        self.object = Some(object);
        if self.named_id() != named {
            self.claim = None;
        }
    }

    /// The Record as just read or written. If it names another account than the one that was known before, what was found out about
    /// that one says nothing about this one.
    pub fn take_record(&mut self, read: ReadRecord) {
        let same_account = self
            .auth_id()
            .is_none_or(|known| read.record.auth_id() == Some(known));
        self.record = KnownRecord::Read(read);
        if !same_account {
            self.forget_account();
        }
    }

    /// From here on something may be posted under the Record's epoch.
    pub fn spend_epoch(&mut self) {
        if let KnownRecord::Read(read) = &mut self.record {
            read.unspent = false;
        }
    }

    /// A quorum read showed no Record. The user's Secret was compared with the pair of the one that was believed, and may now be all
    /// that names the account.
    pub fn take_no_record(&mut self) {
        if !matches!(self.record, KnownRecord::Absent) {
            self.forget_account();
        }
        self.record = KnownRecord::Absent;
    }

    fn forget_account(&mut self) {
        self.remote = Remote::Unknown;
        self.secret = KnownSecret::Unread;
        self.evidence = KnownPair::Unread;
    }

    /// The Record, however it is known.
    #[must_use]
    pub fn record(&self) -> Option<&Record> {
        match &self.record {
            KnownRecord::Unread | KnownRecord::Absent => None,
            KnownRecord::Cached(record) | KnownRecord::Read(ReadRecord { record, .. }) => Some(record),
        }
    }

    /// The Record, if it was read by quorum or written.
    #[must_use]
    pub fn read_record(&self) -> Option<&ReadRecord> {
        match &self.record {
            KnownRecord::Read(read) => Some(read),
            KnownRecord::Unread | KnownRecord::Absent | KnownRecord::Cached(_) => None,
        }
    }

    /// The account that the Record names.
    #[must_use]
    pub fn auth_id(&self) -> Option<&AuthId> {
        self.record().and_then(Record::auth_id)
    }

    /// The Record holds a pair, and the object that it serves has not begun to go.
    #[must_use]
    pub fn is_bound(&self) -> bool {
        self.record()
            .is_some_and(|record| record.ledger.phase == Phase::Bound)
    }

    /// The account that the object's spec names, or else its status.
    #[must_use]
    pub fn named_id(&self) -> Option<AuthId> {
        self.adopts().or_else(|| self.told_id())
    }

    /// The account that the object's status names.
    fn told_id(&self) -> Option<AuthId> {
        AuthId::parse(self.status_id()?).ok()
    }

    fn status_id(&self) -> Option<&str> {
        self.object.as_ref()?.status.as_ref()?.auth_id.as_deref()
    }

    /// The object's status names something, whether it can be an account or not.
    #[must_use]
    pub fn is_named(&self) -> bool {
        self.status_id().is_some()
    }

    /// The account that the Record of an earlier object names.
    #[must_use]
    pub fn left_id(&self) -> Option<&AuthId> {
        match &self.predecessor {
            KnownPredecessor::Found(record, _) => record.auth_id(),
            KnownPredecessor::Nothing | KnownPredecessor::Another => None,
        }
    }

    /// The account whose pair is looked for in the user's Secret: the one that the status names, or that an earlier object left.
    #[must_use]
    pub fn expected_id(&self) -> Option<AuthId> {
        let left = || self.left_id().filter(|_| self.reclaims()).cloned();
        self.named_id().or_else(left)
    }

    /// Our finalizer is on the object.
    #[must_use]
    pub fn has_finalizer(&self) -> bool {
        let object = self.object.as_ref();
        object.is_some_and(|object| object.finalizers().iter().any(|finalizer| finalizer == FINALIZER))
    }

    /// What the object's annotations ask for.
    #[must_use]
    pub fn directive(&self) -> Directive {
        match &self.object {
            Some(object) => wish::directive(&**object),
            None => self.met.unwrap_or(Directive::Manage),
        }
    }

    /// It may take over what an earlier object of its name left.
    #[must_use]
    pub fn reclaims(&self) -> bool {
        self.object.as_ref().is_some_and(|object| wish::reclaim(object))
    }

    /// An account whose pair is lost, or that was deleted outside, is made anew: never in place of one that is not proved ours.
    #[must_use]
    pub fn recreates(&self) -> bool {
        let asked =
            |object: &Arc<Subaccount>| object.spec.credential_recovery == CredentialRecovery::Recreate;
        self.object.as_ref().is_some_and(asked) && !self.is_unmarked()
    }

    /// The account that the status names was looked at, and does not carry this installation's mark.
    #[must_use]
    pub fn is_unmarked(&self) -> bool {
        self.claim.as_ref().is_some_and(|judgement| judgement.is_unmarked)
    }

    /// A Secret of an earlier `secretRef` may still be there.
    #[must_use]
    pub fn may_have_former_secret(&self) -> bool {
        let published = |object: &Arc<Subaccount>| {
            let name = object.status.as_ref()?.secret_name.clone()?;
            Some(name != name_of(object))
        };
        self.former_secret == FormerSecret::Unseen
            && self.object.as_ref().and_then(published).unwrap_or(false)
    }

    /// What the pass believes of its object.
    #[must_use]
    pub fn seen(&self) -> Seen<AuthId> {
        Seen {
            deleting: self.life == Object::Deleting,
            finalizer: self.has_finalizer(),
            identity: self.told_id(),
            reclaim: self.reclaims(),
            observes: self.observes(),
        }
    }
}

impl KnownPredecessor {
    /// What `plan` is told of it.
    #[must_use]
    pub fn fact(&self) -> Predecessor {
        match self {
            Self::Nothing => Predecessor::Nothing,
            Self::Another => Predecessor::Another,
            Self::Found(record, _) => record.ledger.as_predecessor(),
        }
    }
}
