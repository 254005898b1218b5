//! One pass: what it observed, as facts for `plan` and as the values behind them. I/O (reads the clock; no request).

use super::context::{Context, Times};
use super::desired::{Desired, InvalidSpec};
use super::facts::{self, Confirmation, Evidence, Facts, Fence, Made, Object, Remote, UserSecret};
use super::news::Deeds;
use super::record::{Decision, Phase, Record};
use super::{secret, status};
use crate::account::access::{Access, Permit};
use crate::account::registry::Snapshot;
use crate::account::roster::marker_of;
use crate::controller::versioned::Versioned;
use crate::controller::wake::ObjectKey;
use crate::crd::condition::Reason;
use crate::crd::{ApiGeneration, DeletionPolicy, FINALIZER, Subaccount};
use crate::vobiz::{self, AuthId, Credentials, Fields, Generation, ParentAuthId};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret;
use kube::api::Api;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Longest time between a read or write of the Record and its POST.
const GUARD: Duration = Duration::from_secs(30);

/// Updates of one account in one pass: more of them, and it is not the value that is missing.
const UPDATES_PER_PASS: u32 = 3;

/// One pass over an object, or over the Record of one.
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
    /// The Record, as last read or written.
    pub record: Option<(Record, Option<Versioned<Secret>>)>,
    /// When the Record was last read by quorum or written.
    pub record_at: Option<Instant>,
    /// The gate's permit for a POST.
    pub permit: Option<Permit>,
    /// A pair that is in no Record yet.
    pub made: Option<Credentials>,
    /// The user's Secret as read.
    pub secret: Option<Versioned<Secret>>,
    /// The pair in the user's Secret, and the account that it proved.
    pub evidence: Option<(Credentials, Option<vobiz::Subaccount>)>,
    /// What the pass did.
    pub deeds: Deeds,
    /// Updates sent in this pass.
    pub updates: u32,
    /// The finalizer was taken off.
    pub released: bool,
}

impl<'a> Pass<'a> {
    /// A pass over an object as the cache shows it.
    #[must_use]
    pub fn of_object(context: &'a Context, cached: Arc<Subaccount>) -> Self {
        let uid = cached.metadata.uid.clone().unwrap_or_default();
        let object = context.newest.of(cached);
        let key = ObjectKey::of(&*object);
        let account_key =
            ObjectKey { namespace: key.namespace.clone(), name: object.spec.account_ref.name.clone() };
        let account = context.registry.account(&account_key);
        let state = match object.metadata.deletion_timestamp {
            Some(_) => Object::Deleting,
            None => Object::Live,
        };
        let mut pass = Self::empty(context, key, uid, state);
        pass.account = account;
        pass.facts.predecessor = context.records.predecessor(&pass.key.namespace, &pass.key.name, &pass.uid).is_some();
        pass.take(object);
        pass.facts.applied = pass.object.as_deref().is_some_and(status::is_applied);
        let cached = context.records.get(&pass.uid).filter(|record| record.phase == Phase::Bound);
        if let (Some(record), Object::Live) = (cached, state) {
            pass.facts.record = facts::Record::Present { phase: facts::Phase::Bound, fenced: record.is_fenced(), quorum: false };
            pass.record = Some(((*record).clone(), None));
        }
        if pass.facts.applied && !pass.secret_is_due() {
            pass.facts.secret = UserSecret::NotDue;
        }
        pass
    }

    /// A pass over a Record without its object: the janitor's.
    #[must_use]
    pub fn of_record(context: &'a Context, record: &Record) -> Self {
        let key = ObjectKey { namespace: record.subject.namespace.clone(), name: record.subject.name.clone() };
        let mut pass = Self::empty(context, key, record.subject.uid.clone(), Object::Unseen);
        pass.record = Some((record.clone(), None));
        if context.memory.with(&pass.uid, |remembered| remembered.proved_gone) {
            pass.facts.remote = Remote::Gone;
        }
        pass
    }

    fn empty(context: &'a Context, key: ObjectKey, uid: String, object: Object) -> Self {
        Self {
            context,
            key,
            uid,
            facts: Facts {
                object,
                finalizer: false,
                identity: false,
                applied: false,
                valid: true,
                unusable: false,
                account: facts::Account::Unavailable,
                permit: false,
                record: facts::Record::Unread,
                predecessor: false,
                confirmation: Confirmation::Unasked,
                looked_again: false,
                guard_expired: false,
                secret: UserSecret::Unread,
                evidence: Evidence::Unread,
                former_secret: false,
                remote: Remote::Unknown,
                made: Made::Nothing,
                fence: Fence::Settling,
                policy: facts::Policy::Undecided,
                retention_over: false,
                parent_abandoned: false,
            },
            object: None,
            account: None,
            desired: None,
            record: None,
            record_at: None,
            permit: None,
            made: None,
            secret: None,
            evidence: None,
            deeds: Deeds::default(),
            updates: 0,
            released: false,
        }
    }

    /// The object as just read or written.
    pub fn take(&mut self, object: Arc<Subaccount>) {
        self.facts.finalizer = object.metadata.finalizers.iter().flatten().any(|finalizer| finalizer == FINALIZER);
        self.facts.identity = object.status.as_ref().is_some_and(|status| status.auth_id.is_some());
        let published = object.status.as_ref().and_then(|status| status.secret_name.clone());
        self.facts.former_secret = published.is_some_and(|name| name != secret::name_of(&object));
        self.object = Some(object);
    }

    /// Brings up to date what depends on clocks, on the Account and on the list: before every decision.
    pub fn refresh(&mut self) {
        let now = now();
        self.facts.account = self.account_fact();
        self.facts.permit = self.permit.is_some();
        self.facts.guard_expired = self.record_at.is_some_and(|at| now.duration_since(at) > GUARD);
        self.facts.made = if self.made.is_none() { Made::Nothing } else { self.facts.made };
        self.refresh_desired();
        self.facts.unusable = self.is_unusable(now);
        self.facts.policy = match self.decision() {
            Some(_) => facts::Policy::Decided,
            None => facts::Policy::Undecided,
        };
        if let Some((record, _)) = &self.record {
            self.facts.retention_over = is_over(record, self.context.times, wall_clock());
            self.facts.parent_abandoned = !self.context.registry.knows(&record.parent);
            self.facts.fence = self.fence(record, now);
        }
        self.refresh_remote();
    }

    fn refresh_desired(&mut self) {
        let Some(object) = &self.object else { return };
        let Some(generation) = self.generation() else { return };
        let prefix = self.account.as_ref().map_or("", |account| account.name_prefix.as_str());
        let desired = Desired::from_spec(&object.spec, &self.key.name, prefix, generation);
        self.facts.valid = desired.is_ok();
        self.desired = Some(desired);
    }

    /// The API generation that the account lives, or would be made, under.
    #[must_use]
    pub fn generation(&self) -> Option<Generation> {
        let recorded = self.record.as_ref().map(|(record, _)| record.generation);
        recorded.or_else(|| self.account.as_ref()?.access.as_ref().map(|access| access.generation))
    }

    /// What an account that the Record names should show: as the spec says, or disabled for good.
    #[must_use]
    pub fn target(&self) -> Option<Desired> {
        match &self.record {
            Some((Record { phase: Phase::Kept, generation, .. }, _)) => Some(Desired::disabled(*generation)),
            _ => self.desired.clone().and_then(Result::ok),
        }
    }

    fn account_fact(&self) -> facts::Account {
        if self.facts.object == Object::Live {
            let Some(snapshot) = &self.account else {
                let name = self.object.as_ref().map_or("", |object| object.spec.account_ref.name.as_str());
                let exists = self.context.account_exists(&self.key.namespace, name);
                return if exists { facts::Account::Preparing } else { facts::Account::Unavailable };
            };
            let Some(access) = &snapshot.access else { return facts::Account::Unavailable };
            let recorded = self.record.as_ref().map(|(record, _)| &record.parent);
            return match &snapshot.trouble {
                Some(trouble) if trouble.reason != Reason::InsufficientBalance => facts::Account::Unavailable,
                _ if recorded.is_some_and(|parent| *parent != access.parent.id) => facts::Account::Unavailable,
                Some(_) => facts::Account::Closing,
                None if snapshot.closing => facts::Account::Closing,
                None if !snapshot.in_use => facts::Account::Preparing,
                None => facts::Account::Ready,
            };
        }
        match self.access() {
            Some(_) => facts::Account::Ready,
            None => facts::Account::Unavailable,
        }
    }

    /// The way to the parent that the account lives under: through the object's Account, else through any of that
    /// parent. Before there is a Record, through the object's Account.
    #[must_use]
    pub fn access(&self) -> Option<Access> {
        let usable = |snapshot: &&Arc<Snapshot>| {
            snapshot.trouble.as_ref().is_none_or(|trouble| trouble.reason == Reason::InsufficientBalance)
        };
        let own = self.account.as_ref().filter(usable).and_then(|snapshot| snapshot.access.clone());
        match self.parent() {
            Some(parent) => own
                .filter(|access| access.parent.id == parent)
                .or_else(|| self.context.registry.any_access(&parent)),
            None => own,
        }
    }

    /// The parent that the account lives under, as the Record or the object's status tells.
    #[must_use]
    pub fn parent(&self) -> Option<ParentAuthId> {
        let recorded = self.record.as_ref().map(|(record, _)| record.parent.clone());
        recorded.or_else(|| {
            let status = self.object.as_ref()?.status.as_ref()?;
            ParentAuthId::parse(status.parent_auth_id.as_deref()?).ok()
        })
    }

    /// The account that the object's status names.
    #[must_use]
    pub fn known_id(&self) -> Option<AuthId> {
        let status = self.object.as_ref()?.status.as_ref()?;
        AuthId::parse(status.auth_id.as_deref()?).ok()
    }

    /// The account that this pass is about.
    #[must_use]
    pub fn auth_id(&self) -> Option<AuthId> {
        self.record.as_ref().and_then(|(record, _)| record.auth_id.clone())
    }

    /// What becomes of the account when the object goes; none while nothing may be guessed.
    #[must_use]
    pub fn decision(&self) -> Option<Decision> {
        let Some(object) = &self.object else { return Some(Decision::Delete { cascade: false }) };
        let own = object.spec.deletion;
        let fenced = self.record.as_ref().is_some_and(|(record, _)| record.is_fenced());
        if own.policy == Some(DeletionPolicy::Retain) && !fenced {
            return Some(Decision::Retain);
        }
        let account = self.account.as_ref()?;
        let parent = &account.access.as_ref()?.parent.id;
        if self.parent().is_some_and(|recorded| recorded != *parent) {
            return None;
        }
        let policy = own.policy.or(account.deletion.policy).unwrap_or(DeletionPolicy::Delete);
        let cascade = own.cascade.or(account.deletion.cascade).unwrap_or(false);
        Some(match policy {
            DeletionPolicy::Delete => Decision::Delete { cascade },
            DeletionPolicy::Disable => Decision::Disable,
            DeletionPolicy::Retain => Decision::Retain,
        })
    }

    fn is_unusable(&self, now: Instant) -> bool {
        self.context.memory.with(&self.uid, |remembered| {
            if !self.facts.applied && self.object.as_ref().is_some_and(|object| seen_another_generation(object)) {
                remembered.forget_unusable();
            }
            remembered.is_unusable(now, super::outcome::STALLED_PROBE)
        })
    }

    /// How far the fenced epochs are from being proved absent.
    fn fence(&self, record: &Record, now: Instant) -> Fence {
        if !record.is_fenced() {
            return Fence::Clean;
        }
        let access = self.access();
        if access.as_ref().is_some_and(|access| !self.leftovers(access).is_empty()) {
            return Fence::Leftovers;
        }
        self.context.memory.with(&self.uid, |remembered| {
            remembered.note_fence(record.fenced_through, now);
            if remembered.swept_through >= record.fenced_through {
                return Fence::Clean;
            }
            let settled = self.settled_at(remembered.fence.map_or(now, |(_, seen)| seen));
            if now < settled {
                return Fence::Settling;
            }
            match access.and_then(|access| access.parent.walk_since(settled)) {
                Some(_) => {
                    remembered.swept_through = record.fenced_through;
                    Fence::Clean
                }
                None => Fence::Unwalked,
            }
        })
    }

    /// When a request that was sent before the fence was seen can no longer commit.
    #[must_use]
    pub fn settled_at(&self, seen: Instant) -> Instant {
        seen + self.context.times.settle
    }

    /// The moment from which a walk proves this Record's fenced epochs absent.
    #[must_use]
    pub fn walk_not_before(&self) -> Instant {
        let seen = self.context.memory.with(&self.uid, |remembered| remembered.fence.map(|(_, seen)| seen));
        self.settled_at(seen.unwrap_or_else(now))
    }

    /// How long a closed Record is still kept, at least a moment.
    #[must_use]
    pub fn retention_left(&self) -> Duration {
        let fenced_at = self.record.as_ref().and_then(|(record, _)| record.last_fenced_at);
        let kept = fenced_at.map_or(Duration::ZERO, |at| wall_clock().duration_since(at).unsigned_abs());
        self.context.times.retention.saturating_sub(kept).max(Duration::from_millis(100))
    }

    /// Accounts with fenced markers of this Record. An id that any Record holds as its pair is never one.
    #[must_use]
    pub fn leftovers(&self, access: &Access) -> HashSet<AuthId> {
        let Some((record, _)) = &self.record else { return HashSet::new() };
        let generation = record.generation;
        let mut found = access.parent.leftovers(
            |account| marker_of(account, generation),
            |marker| marker.installation == self.context.installation && record.fences(marker),
        );
        found.retain(|id| record.auth_id.as_ref() != Some(id) && !self.context.records.holds(id));
        found
    }

    fn refresh_remote(&mut self) {
        let undecided = matches!(self.facts.remote, Remote::Unknown | Remote::Unlisted | Remote::Matches | Remote::Differs);
        if !undecided || self.facts.object != Object::Live {
            return;
        }
        let (Some(id), Some(access)) = (self.auth_id(), self.access()) else { return };
        let roster = access.parent.roster();
        let account = roster.get(&id).cloned();
        let known = roster.is_known();
        drop(roster);
        self.facts.remote = match account {
            Some(account) => self.compare(&account),
            None if known => Remote::Unlisted,
            None => Remote::Unknown,
        };
    }

    /// What the account shows, against what it should.
    #[must_use]
    pub fn compare(&self, account: &vobiz::Subaccount) -> Remote {
        let Some(target) = self.target() else { return Remote::Matches };
        let changes = target.changes(account, None);
        if changes.is_empty() {
            return Remote::Matches;
        }
        let fought = self.context.memory.with(&self.uid, |remembered| remembered.is_stubborn(&changes));
        if fought || self.updates >= UPDATES_PER_PASS { Remote::Stubborn } else { Remote::Differs }
    }

    /// The account as last seen, by any pass.
    #[must_use]
    pub fn remote_account(&self) -> Option<vobiz::Subaccount> {
        self.access()?.parent.roster().get(&self.auth_id()?).cloned()
    }

    /// What is sent to make the account as it should be.
    #[must_use]
    pub fn changes(&self, account: &vobiz::Subaccount) -> Fields {
        let marker = self.record.as_ref().map(|(record, _)| record.marker(self.context.installation));
        self.target().map(|target| target.changes(account, marker.as_ref())).unwrap_or_default()
    }

    fn secret_is_due(&self) -> bool {
        let suspect = self.context.memory.with(&self.uid, |remembered| std::mem::take(&mut remembered.secret_suspect));
        suspect || self.secret_due_at() <= now()
    }

    /// When the user's Secret is to be looked at next.
    #[must_use]
    pub fn secret_due_in(&self) -> Duration {
        self.secret_due_at().saturating_duration_since(now()).max(Duration::from_millis(100))
    }

    fn secret_due_at(&self) -> Instant {
        let interval = self.context.times.secret_check_interval;
        let checked = self.context.memory.with(&self.uid, |remembered| remembered.secret_checked);
        match checked {
            Some(checked) => checked + interval,
            None => self.context.started + interval.mul_f64(spread(&self.uid)),
        }
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

/// The API generation as the CRD spells it.
#[must_use]
pub fn generation_of(stored: ApiGeneration) -> Generation {
    match stored {
        ApiGeneration::Gen1 => Generation::Gen1,
        ApiGeneration::Gen2 => Generation::Gen2,
    }
}

fn seen_another_generation(object: &Subaccount) -> bool {
    object.status.as_ref().is_some_and(|status| {
        status.observed_generation >= 0 && Some(status.observed_generation) != object.metadata.generation
    })
}

/// A fixed fraction for each uid, so that what comes due after a restart is spread over the interval.
fn spread(uid: &str) -> f64 {
    let hash = uid.bytes().fold(0u32, |hash, byte| hash.wrapping_mul(31).wrapping_add(u32::from(byte)));
    f64::from(hash % 1000) / 1000.0
}

fn is_over(record: &Record, times: Times, now: Timestamp) -> bool {
    record.last_fenced_at.is_none_or(|at| now.duration_since(at).unsigned_abs() >= times.retention && now > at)
}

/// The monotonic clock.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "settle, guard and intervals are monotonic time")]
pub fn now() -> Instant {
    Instant::now()
}

/// Wall time, for what outlives the process.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "retention and transition times are wall time")]
pub fn wall_clock() -> Timestamp {
    Timestamp::now()
}
