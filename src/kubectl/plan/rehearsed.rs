//! One pass as it would go: what it knows, and what each of its writes would make of that. Nothing is written. PURE.
//!
//! What to do next is `plan`'s to say, of facts that are made as a pass of the operator makes them. What only takes time (a permit,
//! *settle*, a walk) is taken for over: what is asked is what comes of it.

use super::deed::{Deed, Requests};
use crate::account::marker::Installation;
use crate::controller::wake::ObjectKey;
use crate::crd::DeletionSettings;
use crate::subaccount::desired::{Desired, InvalidSpec};
use crate::subaccount::facts::{Surroundings, facts};
use crate::subaccount::known::{Known, KnownSecret};
use crate::subaccount::store::record::{Decision, Phase};
use crate::subaccount::wish::pending_request;
use crate::vobiz::{AuthId, Generation, ParentAuthId, Subaccount};
use jiff::Timestamp;
use std::time::{Duration, Instant};
use vobiz_protocol::facts::{Account, Facts, Fence, Object, Policy, Remote};

/// What surrounds the object, as the caller sees it.
#[derive(Clone, Debug)]
pub struct Setting {
    /// What its Account allows.
    pub account: Account,
    /// The parent account that the Account belongs to.
    pub parent: Option<ParentAuthId>,
    /// The generation of the API that the Account uses.
    pub generation: Option<Generation>,
    /// Put before the name of an object that gives none.
    pub name_prefix: String,
    /// What the Account says of deletions.
    pub defaults: DeletionSettings,
    /// It says that the object may have the account that its spec names.
    pub granted: bool,
    /// Whose marks are ours.
    pub installation: Installation,
    /// The monotonic clock, and the other one.
    pub now: Instant,
    /// Wall time.
    pub today: Timestamp,
}

/// One pass as it would go.
pub struct Rehearsed {
    /// Namespace and name of the object.
    pub key: ObjectKey,
    /// uid of the object; empty of one that is not stored yet.
    pub uid: String,
    /// uid of its namespace, once that was looked for.
    pub namespace_uid: String,
    /// What the pass knows.
    pub known: Known,
    /// What surrounds it.
    pub setting: Setting,
    /// The account of the Record, as Vobiz shows it or will.
    pub shown: Option<Subaccount>,
    /// Vobiz was asked for it, or the list for all.
    pub is_looked_at: bool,
    /// What interrupted creates left.
    pub leftovers: Vec<AuthId>,
    /// What would be done.
    pub deeds: Vec<Deed>,
    /// What that would take.
    pub requests: Requests,
    /// The gate has let it through.
    pub is_permitted: bool,
}

impl Rehearsed {
    /// Before anything was looked at.
    #[must_use]
    pub fn new(key: ObjectKey, uid: String, known: Known, setting: Setting) -> Self {
        Self {
            key,
            uid,
            namespace_uid: String::new(),
            known,
            setting,
            shown: None,
            is_looked_at: false,
            leftovers: Vec::new(),
            deeds: Vec::new(),
            requests: Requests::default(),
            is_permitted: false,
        }
    }

    /// What the spec asks for, as far as it can be compared.
    #[must_use]
    pub fn desired(&self) -> Option<Result<Desired, InvalidSpec>> {
        let object = self.known.object.as_ref()?;
        let desired = Desired::from_spec(
            &object.spec,
            &self.key,
            &self.setting.name_prefix,
            self.setting.generation?,
        );
        // An account that shows no permissions has those that it was given.
        Some(desired.map(|desired| {
            let asked = desired.permissions().filter(|_| self.known.applied);
            desired.inheriting(asked)
        }))
    }

    /// What `plan` is told.
    #[must_use]
    pub fn facts(&self) -> Facts {
        let record = self.known.record();
        let fence = match record {
            Some(record) if record.ledger.is_fenced() && !self.leftovers.is_empty() => Fence::Leftovers,
            _ => Fence::Clean,
        };
        let object = self.known.object.as_deref();
        let surroundings = Surroundings {
            now: self.setting.now,
            guard: Duration::MAX,
            account: self.account(),
            valid: self.desired().is_none_or(|desired| desired.is_ok()),
            requested: !self.known.asked.account && object.and_then(pending_request).is_some(),
            unusable: false,
            pairs_held: false,
            shows_tokens: self.setting.generation.is_some_and(Generation::shows_tokens),
            claimed_by_another: false,
            granted: self.setting.granted,
            policy: self.decision().map_or(Policy::Undecided, |_| Policy::Decided),
            shared: false,
            fence,
            retention_over: false,
            parent_abandoned: false,
        };
        Facts {
            permit: self.is_permitted,
            ..facts(&self.known, &surroundings)
        }
    }

    fn account(&self) -> Account {
        let recorded = self.known.record().map(|record| &record.parent);
        let is_served = recorded.is_none_or(|recorded| Some(recorded) == self.setting.parent.as_ref());
        match (self.known.life, self.setting.account) {
            _ if !is_served => Account::Unavailable,
            // A right that was taken away locks nobody in.
            (Object::Deleting, Account::NotAllowed | Account::Closing) => Account::Ready,
            (_, account) => account,
        }
    }

    /// What becomes of the account; none while nothing may be guessed.
    #[must_use]
    pub fn decision(&self) -> Option<Decision> {
        self.known.decision(|| {
            let recorded = self.known.record().map(|record| &record.parent);
            let is_own = recorded.is_none_or(|recorded| Some(recorded) == self.setting.parent.as_ref());
            is_own.then_some(self.setting.defaults)
        })
    }

    /// Takes in what is known of the account by now.
    pub fn look_around(&mut self) {
        let is_undecided = matches!(
            self.known.remote,
            Remote::Unknown | Remote::Unlisted | Remote::Matches | Remote::Differs
        );
        if !is_undecided || self.known.life != Object::Live || self.known.auth_id().is_none() {
            return;
        }
        self.known.remote = match &self.shown {
            Some(account) => self.compare(account),
            None if self.is_looked_at => Remote::Gone,
            None => Remote::Unknown,
        };
        if self.known.remote == Remote::Differs && matches!(self.known.secret, KnownSecret::NotDue) {
            self.known.secret = KnownSecret::Unread;
        }
    }

    /// What the account shows, against what it should.
    #[must_use]
    pub fn compare(&self, account: &Subaccount) -> Remote {
        match self.target() {
            Some(target) if !target.matches(account) => Remote::Differs,
            _ => Remote::Matches,
        }
    }

    /// What an account that the Record names should show: as the spec says, or disabled for good.
    #[must_use]
    pub fn target(&self) -> Option<Desired> {
        match (self.phase(), self.setting.generation) {
            (Some(Phase::Kept), Some(generation)) => Some(Desired::disabled(generation)),
            _ => self.desired().and_then(Result::ok),
        }
    }

    /// The phase of the Record.
    #[must_use]
    pub fn phase(&self) -> Option<Phase> {
        self.known.record().map(|record| record.ledger.phase)
    }
}
