//! One pass: what it observed, what surrounds it, and what it did. I/O (reads the clock; no request).

mod account;
mod claim;
mod deletion;
mod fence;
mod remote;
mod secret_check;

pub(super) use claim::names;
pub use remote::Listed;

use super::context::Context;
use super::desired::{Desired, InvalidSpec};
use super::facts::{self, Surroundings};
use super::known::{Known, KnownRecord, KnownSecret, MadePair};
use super::store::memory::Remembered;
use super::store::record::{Record, secret_name};
use super::wish;
use crate::account::access::Caller;
use crate::account::key::AccountKey;
use crate::account::parent::queue::{Class, Turn, Who};
use crate::account::store::registry::Snapshot;
use crate::clock::now;
use crate::controller::refusal::Refusal;
use crate::controller::wake::{ObjectKey, Waker};
use crate::crd::Subaccount;
use crate::subaccount::plan::{Rest, Wait};
use crate::subaccount::tell::news::Deeds;
use crate::subaccount::tell::{Conflict, Outcome};
use crate::vobiz::{AuthId, Generation};
use k8s_openapi::api::core::v1::Secret;
use kube::Resource;
use kube::api::Api;
use std::sync::Arc;
use vobiz_protocol::facts::{Facts, Fence, Object, Policy};

/// One pass over an object, or over the Record of one.
pub struct Pass<'a> {
    /// Shared by all passes.
    pub context: &'a Context,
    /// Namespace and name of the object.
    pub key: ObjectKey,
    /// uid of the object.
    pub uid: String,
    /// What it knows of its object and all that belongs to it.
    pub known: Known,
    /// The referenced Account as its last pass left it.
    pub account: Option<Arc<Snapshot>>,
    /// What the spec asks for.
    pub desired: Option<Result<Desired, InvalidSpec>>,
    /// Name of the Secret that holds the Record.
    pub record_name: String,
    /// Its place in the queue of whoever waits for the gate.
    caller: Caller,
    /// The account that the status names, and who else keeps it, as the caches show it.
    cached_conflict: Option<(AuthId, Conflict)>,
    /// Writes that Kubernetes refused and that held nothing up, and what to tell of them.
    pub refused: Vec<(Option<Refusal>, String)>,
    /// What the pass did.
    pub deeds: Deeds,
    /// The finalizer was taken off.
    pub released: bool,
    /// The status could not be written: another pass must do it soon.
    pub status_failed: bool,
}

impl<'a> Pass<'a> {
    /// A pass over an object as the cache shows it.
    #[must_use]
    pub fn of_object(context: &'a Context, cached: Arc<Subaccount>) -> Self {
        let uid = cached.metadata.uid.clone().unwrap_or_default();
        let object = context.traces.newest.of(cached);
        let key = ObjectKey::of(&*object);
        let account_key = AccountKey::referred(&key.namespace, &object.spec.account_ref);
        // A pass over the Account may still have been under way when the Account went: then the cache is right.
        let account = context
            .registry
            .account(&account_key)
            .filter(|_| context.account(&account_key).is_some());
        let life = match object.metadata.deletion_timestamp {
            Some(_) => Object::Deleting,
            None => Object::Live,
        };
        let caller = caller(Who::Subaccount(key.clone()), &context.wake_object, key.clone());
        let mut pass = Self::new(context, key, uid, life, caller);
        pass.account = account;
        pass.known.applied = object.is_applied();
        pass.known.take_object(object);
        if pass.take_held() {
            return pass;
        }
        if let Some(stored) = context.records.get(&pass.uid) {
            pass.record_name.clone_from(&stored.secret);
            let ledger = &stored.record.ledger;
            if life == Object::Live && ledger.is_trusted_from_cache(pass.known.named_id().as_ref()) {
                pass.known.record = KnownRecord::Cached(stored.record.clone());
            }
        }
        if pass.known.applied && !pass.is_requested() && !pass.secret_is_due() {
            pass.known.secret = KnownSecret::NotDue;
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
        let woken = context.record_key(name.clone());
        let caller = caller(Who::Record(woken.clone()), &context.wake_record, woken);
        let mut pass = Self::new(context, key, record.subject.uid.clone(), Object::Unseen, caller);
        pass.record_name = name;
        pass.known.record = KnownRecord::Cached(record.clone());
        if let Some((gone, account)) = overtaken(context, &pass.uid) {
            // What its Account says of deletions counts as if the finalizer had held it.
            pass.account = context.registry.account(&account);
            pass.known.overtaken = Some(gone);
        }
        pass.take_held();
        pass
    }

    fn new(context: &'a Context, key: ObjectKey, uid: String, life: Object, caller: Caller) -> Self {
        Self {
            context,
            key,
            record_name: secret_name(&uid),
            uid,
            known: Known::nothing(life),
            account: None,
            desired: None,
            caller,
            cached_conflict: None,
            refused: Vec::new(),
            deeds: Deeds::default(),
            released: false,
            status_failed: false,
        }
    }

    /// Takes in what lists, other passes and clocks have brought since the last step.
    pub fn look_around(&mut self) {
        self.refresh_desired();
        self.refresh_unusable();
        self.refresh_conflict();
        self.recall_proofs();
        self.recall_deletion();
        self.refresh_missing();
        self.refresh_remote();
    }

    /// What `plan` is told.
    #[must_use]
    pub fn facts(&self) -> Facts {
        facts::facts(&self.known, &self.surroundings())
    }

    /// Caches, clocks and what this process remembers, as they are now.
    fn surroundings(&self) -> Surroundings {
        let now = now();
        let record = self.known.record();
        let retention_over = record.is_some() && self.retention_left().is_none();
        Surroundings {
            now,
            guard: self.context.times.guard(),
            account: self.account_fact(),
            valid: self.desired.as_ref().is_none_or(Result::is_ok),
            requested: self.is_requested(),
            unusable: self.is_unusable(now),
            pairs_held: self.context.creates_wait(&self.uid, now),
            shows_tokens: self.generation().is_some_and(Generation::shows_tokens),
            claimed_by_another: self.known.claim.is_none() && self.conflict().is_some(),
            granted: self.is_granted(),
            policy: self.decision().map_or(Policy::Undecided, |_| Policy::Decided),
            shared: self.shares_proof(),
            fence: record.map_or(Fence::Settling, |record| self.fence(record, retention_over, now)),
            retention_over,
            parent_abandoned: record.is_some_and(|record| self.context.is_abandoned(&record.parent)),
        }
    }

    /// What the spec asks for, as far as it can be compared now.
    pub fn refresh_desired(&mut self) {
        let Some(object) = &self.known.object else { return };
        let Some(generation) = self.generation() else {
            return;
        };
        let account = self.account.as_ref();
        let prefix = account.map_or("", |account| account.name_prefix.as_str());
        let desired = Desired::from_spec(&object.spec, &self.key, prefix, generation);
        self.desired = Some(desired.map(|desired| self.inheriting(desired)));
    }

    /// Looks at, or changes, what this process remembers of the object between passes.
    pub fn remembered<T>(&self, act: impl FnOnce(&mut Remembered) -> T) -> T {
        self.context.traces.memory.with(&self.uid, act)
    }

    /// A pair that this process made and could not store: it comes before everything else.
    fn take_held(&mut self) -> bool {
        let Some(held) = self.context.held_pairs.get(&self.uid) else {
            return false;
        };
        self.record_name = held.record_name;
        self.known.record = KnownRecord::Read(held.read);
        self.known.made = MadePair::Pair(held.pair);
        true
    }

    /// Whether a person asked for a look that was not taken yet. The status may not say so because it cannot be written.
    #[must_use]
    pub fn is_requested(&self) -> bool {
        let asked = self.object().filter(|_| !self.known.asked.account);
        let Some(request) = asked.and_then(wish::pending_request) else {
            return false;
        };
        self.remembered(|remembered| remembered.request_handled.as_deref() != Some(request))
    }

    /// The object, in its newest known version.
    #[must_use]
    pub fn object(&self) -> Option<&Subaccount> {
        self.known.object.as_deref()
    }

    /// Kind and name of the Account that the object refers to; empty in the janitor's pass.
    #[must_use]
    pub fn account_reference(&self) -> String {
        let object = self.object();
        object.map_or_else(String::new, |object| object.spec.account_ref.to_string())
    }

    /// The account that this pass is about.
    #[must_use]
    pub fn auth_id(&self) -> Option<AuthId> {
        self.known.auth_id().cloned()
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

impl Pass<'_> {
    /// Its place in the queue. What a person has just asked for passes ahead of what may be needed thousands of times.
    fn caller(&self) -> Caller {
        let edited = self.known.is_named() && !self.known.applied;
        self.caller.with_class(match self.known.life {
            Object::Deleting => Class::Deletion,
            Object::Live if edited || self.is_requested() => Class::Person,
            Object::Live | Object::Unseen => Class::Bulk,
        })
    }

    /// Who waits for something else, or for nothing, takes no place from those who wait for the gate.
    pub fn leave_queue(&self, outcome: &Outcome) {
        if outcome.rest != Rest::Waiting(Wait::Gate)
            && let Some(access) = self.access()
        {
            access.parent.gate.leave(&self.caller.turn.who);
            if let Some(id) = self.auth_id() {
                access.parent.deletions().expect_no_more(&id);
            }
        }
    }
}

/// The object of this uid, if it went past our finalizer and was not told to be an orphan, and its Account, without which nothing can be
/// decided.
fn overtaken(context: &Context, uid: &str) -> Option<(Arc<Subaccount>, AccountKey)> {
    let gone = context.traces.overtaken.of(uid, now())?;
    let account = AccountKey::of_user(&gone)?;
    let is_told = context
        .traces
        .memory
        .with(uid, |remembered| remembered.orphan_reported);
    (context.account(&account).is_some() && !is_told).then_some((gone, account))
}

/// In whose name a pass asks the gate for permits, and what is woken when one is there.
fn caller<K>(who: Who, waker: &Waker<K>, woken: ObjectKey) -> Caller
where
    K: Resource<DynamicType = ()> + 'static,
    Waker<K>: Send + Sync,
{
    let waker = waker.clone();
    Caller::new(Turn {
        class: Class::Bulk,
        who: Arc::new(who),
        // Whoever waits with a permit in hand keeps it from others.
        wake: Arc::new(move || waker.wake_first(&woken)),
    })
}
