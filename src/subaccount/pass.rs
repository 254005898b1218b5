//! One pass: what it observed, as facts for `plan` and as the values behind them. I/O (reads the clock; no request).

mod account;
mod claim;
mod fence;
mod missing;
mod recall;
mod remote;
mod secret_check;
mod turn;

pub use claim::Conflict;
pub(super) use claim::names;
pub use missing::Listed;

use super::context::Context;
use super::desired::{Desired, InvalidSpec};
use super::facts::{self, Claim, Facts, Made, Object, UserSecret};
use super::news::Deeds;
use super::store::record::{Record, secret_name};
use super::{secret, status, wish};
use crate::account::access::{Caller, Permit};
use crate::account::registry::Snapshot;
use crate::controller::field_managers::FieldManager;
use crate::controller::refusal::Refusal;
use crate::controller::versioned::Versioned;
use crate::controller::wake::ObjectKey;
use crate::crd::{CredentialRecovery, FINALIZER, Subaccount};
use crate::vobiz::{self, AuthId, Credentials, Generation};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret;
use kube::api::Api;
use std::sync::Arc;
use std::time::Instant;
use vobiz_protocol::judge::Seen;

/// One pass over an object, or over the Record of one.
#[expect(clippy::struct_excessive_bools, reason = "independent findings of one pass")]
pub struct Pass<'a> {
    /// Shared by all passes.
    pub context: &'a Context,
    /// Namespace and name of the object.
    pub key: ObjectKey,
    /// uid of the object.
    pub uid: String,
    /// What `plan` decides on.
    pub facts: Facts,
    /// The object, in its newest known version; none in the janitor's pass.
    pub object: Option<Arc<Subaccount>>,
    /// The referenced Account as its last pass left it.
    pub account: Option<Arc<Snapshot>>,
    /// What the spec asks for.
    pub desired: Option<Result<Desired, InvalidSpec>>,
    /// Name of the Secret that holds the Record.
    pub record_name: String,
    /// The Record, as last read or written.
    pub record: Option<(Record, Option<Versioned<Secret>>)>,
    /// When the Record was last read by quorum or written.
    pub record_at: Option<Instant>,
    /// Its place in the queue of whoever waits for the gate.
    caller: Caller,
    /// The gate's permit for a POST.
    pub permit: Option<Permit>,
    /// A pair that is in no Record yet.
    pub made: Option<Credentials>,
    /// The user's Secret as read.
    pub secret: Option<Versioned<Secret>>,
    /// Who wrote it, where that was asked.
    pub secret_managers: Vec<FieldManager>,
    /// The pair in the user's Secret, and the account that it proved.
    pub evidence: Option<(Credentials, Option<vobiz::Subaccount>)>,
    /// The account in that Secret is gone: it may be written over.
    pub secret_is_dead: bool,
    /// The account that the status names, if Vobiz was asked for it, and whose it is otherwise.
    pub claimed: Option<vobiz::Subaccount>,
    /// Who keeps the account that the status names.
    pub conflict: Option<Conflict>,
    /// The account that the status names does not carry this installation's mark: only its pair takes it over.
    pub is_unmarked: bool,
    /// The Record of an earlier object of this name, as read.
    pub predecessor: Option<(Record, Versioned<Secret>)>,
    /// Writes that Kubernetes refused and that held nothing up, and what to tell of them.
    pub refused: Vec<(Option<Refusal>, String)>,
    /// What is asked once in a pass and was.
    pub asked: Asked,
    /// What the pass did.
    pub deeds: Deeds,
    /// Updates sent in this pass.
    pub updates: u32,
    /// The finalizer was taken off.
    pub released: bool,
    /// The status could not be written: another pass must do it soon.
    pub status_failed: bool,
}

/// Questions that a pass asks Vobiz at most once.
#[derive(Clone, Copy, Debug, Default)]
pub struct Asked {
    /// The token of an account whose pair is lost.
    pub token: bool,
    /// The account itself, because a person had asked for a look at it.
    pub account: bool,
}

impl<'a> Pass<'a> {
    /// A pass over an object as the cache shows it.
    #[must_use]
    pub fn of_object(context: &'a Context, cached: Arc<Subaccount>) -> Self {
        let uid = cached.metadata.uid.clone().unwrap_or_default();
        let object = context.newest.of(cached);
        let key = ObjectKey::of(&*object);
        let account_key = ObjectKey {
            namespace: key.namespace.clone(),
            name: object.spec.account_ref.name.clone(),
        };
        // A pass over the Account may still have been under way when the Account went: then the cache is right.
        let account = context
            .registry
            .account(&account_key)
            .filter(|_| context.account_exists(&account_key.namespace, &account_key.name));
        let state = match object.metadata.deletion_timestamp {
            Some(_) => Object::Deleting,
            None => Object::Live,
        };
        let caller = turn::of_object(context, &key);
        let mut pass = Self::empty(context, key, uid, state, caller);
        pass.account = account;
        pass.take(object);
        pass.facts.applied = pass.object.as_deref().is_some_and(status::is_applied);
        if pass.take_held() {
            return pass;
        }
        if let Some(stored) = context.records.get(&pass.uid) {
            pass.record_name.clone_from(&stored.secret);
            let ledger = &stored.record.ledger;
            if state == Object::Live && ledger.is_trusted_from_cache(pass.known_id().as_ref()) {
                pass.facts.record = ledger.fact(false, false);
                pass.record = Some((stored.record.clone(), None));
            }
        }
        if pass.facts.applied && !pass.facts.requested && !pass.secret_is_due() {
            pass.facts.secret = UserSecret::NotDue;
        }
        pass
    }

    /// A pass over a Record without its object: the janitor's.
    #[must_use]
    pub fn of_record(context: &'a Context, name: String, record: &Record) -> Self {
        let key = ObjectKey {
            namespace: record.subject.namespace.clone(),
            name: record.subject.name.clone(),
        };
        let caller = turn::of_record(context, &name);
        let mut pass = Self::empty(context, key, record.subject.uid.clone(), Object::Unseen, caller);
        pass.record_name = name;
        pass.record = Some((record.clone(), None));
        pass.take_held();
        pass
    }

    fn empty(context: &'a Context, key: ObjectKey, uid: String, object: Object, caller: Caller) -> Self {
        Self {
            context,
            key,
            record_name: secret_name(&uid),
            uid,
            facts: Facts::unknown(object),
            object: None,
            account: None,
            desired: None,
            record: None,
            record_at: None,
            caller,
            permit: None,
            made: None,
            secret: None,
            secret_managers: Vec::new(),
            evidence: None,
            secret_is_dead: false,
            claimed: None,
            conflict: None,
            is_unmarked: false,
            predecessor: None,
            refused: Vec::new(),
            asked: Asked::default(),
            deeds: Deeds::default(),
            updates: 0,
            released: false,
            status_failed: false,
        }
    }

    /// The object as just read or written.
    pub fn take(&mut self, object: Arc<Subaccount>) {
        let named = self.known_id();
        self.facts.finalizer = object
            .metadata
            .finalizers
            .iter()
            .flatten()
            .any(|finalizer| finalizer == FINALIZER);
        self.facts.identity = object
            .status
            .as_ref()
            .is_some_and(|status| status.auth_id.is_some());
        self.facts.directive = wish::directive(&*object);
        self.facts.reclaim = wish::reclaim(&object);
        self.facts.recreate =
            object.spec.credential_recovery == CredentialRecovery::Recreate && !self.is_unmarked;
        self.facts.requested = !self.asked.account && self.is_requested(&object);
        let published = object
            .status
            .as_ref()
            .and_then(|status| status.secret_name.clone());
        self.facts.former_secret = published.is_some_and(|name| name != secret::name_of(&object));
        self.object = Some(object);
        if self.known_id() != named {
            self.facts.claim = Claim::Unread;
        }
    }

    /// What the pass believes of its object.
    #[must_use]
    pub fn seen(&self) -> Seen<AuthId> {
        Seen {
            deleting: self.facts.object == Object::Deleting,
            finalizer: self.facts.finalizer,
            identity: self.known_id(),
            reclaim: self.facts.reclaim,
        }
    }

    /// Brings up to date what depends on clocks, on the Account and on the list: before every decision.
    pub fn refresh(&mut self) {
        let now = now();
        self.facts.account = self.account_fact();
        self.facts.permit = self.permit.is_some();
        let guard = self.context.times.guard();
        self.facts.guard_expired = self.record_at.is_some_and(|at| now.duration_since(at) > guard);
        self.facts.made = if self.made.is_none() {
            Made::Nothing
        } else {
            self.facts.made
        };
        self.refresh_desired();
        self.facts.token_shown = !self.asked.token && self.generation().is_some_and(Generation::shows_tokens);
        self.facts.unusable = self.is_unusable(now);
        self.facts.pairs_held = self.context.creates_wait(&self.uid, now);
        self.refresh_claim();
        self.facts.policy = match self.decision() {
            Some(_) => facts::Policy::Decided,
            None => facts::Policy::Undecided,
        };
        if let Some((record, _)) = &self.record {
            self.facts.retention_over = self.retention_left().is_none();
            self.facts.parent_abandoned = self.context.is_abandoned(&record.parent);
            self.facts.fence = self.fence(record, now);
        }
        self.recall_proofs();
        self.refresh_missing();
        self.refresh_remote();
    }

    /// What the spec asks for, as far as it can be compared now.
    pub fn refresh_desired(&mut self) {
        let Some(object) = &self.object else { return };
        let Some(generation) = self.generation() else {
            return;
        };
        let prefix = self
            .account
            .as_ref()
            .map_or("", |account| account.name_prefix.as_str());
        let desired = Desired::from_spec(&object.spec, &self.key.name, prefix, generation)
            .map(|desired| self.inheriting(desired));
        self.facts.valid = desired.is_ok();
        self.desired = Some(desired);
    }

    /// The account that the object's status names.
    #[must_use]
    pub fn known_id(&self) -> Option<AuthId> {
        let status = self.object.as_ref()?.status.as_ref()?;
        AuthId::parse(status.auth_id.as_deref()?).ok()
    }

    /// The account whose pair is looked for in the user's Secret: the one that the status names, or that an earlier object left.
    #[must_use]
    pub fn expected_id(&self) -> Option<AuthId> {
        let left = || {
            self.predecessor
                .as_ref()
                .and_then(|(record, _)| record.auth_id().cloned())
        };
        self.known_id().or_else(|| left().filter(|_| self.facts.reclaim))
    }

    /// The account that this pass is about.
    #[must_use]
    pub fn auth_id(&self) -> Option<AuthId> {
        self.record
            .as_ref()
            .and_then(|(record, _)| record.auth_id().cloned())
    }

    /// The API of Subaccounts in the object's namespace.
    #[must_use]
    pub fn objects(&self) -> Api<Subaccount> {
        Api::namespaced(self.context.cluster.clone(), &self.key.namespace)
    }

    /// The API of Secrets in the object's namespace.
    #[must_use]
    pub fn secrets(&self) -> Api<Secret> {
        Api::namespaced(self.context.cluster.clone(), &self.key.namespace)
    }
}

/// The monotonic clock.
#[must_use]
#[expect(
    clippy::disallowed_methods,
    reason = "settle, guard and intervals are monotonic time"
)]
pub fn now() -> Instant {
    Instant::now()
}

/// Wall time, for what outlives the process.
#[must_use]
#[expect(
    clippy::disallowed_methods,
    reason = "retention and transition times are wall time"
)]
pub fn wall_clock() -> Timestamp {
    Timestamp::now()
}
