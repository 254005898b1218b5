//! What this process knows about every Account, and about every parent account behind them. I/O (shared state).
//!
//! Two Accounts with the same parent share its gate and its list, once the pair of each was proved.

use crate::account::access::Access;
use crate::account::key::AccountKey;
use crate::account::parent::Parent;
use crate::account::parent::gate::Gate;
use crate::account::parent::queue::Who;
use crate::account::store::doubts::Doubts;
use crate::account::store::members::{Members, SharedTerm, Terms};
pub use crate::account::store::snapshot::Snapshot;
use crate::account::store::snapshot::Snapshots;
use crate::account::store::trials::Trials;
use crate::account::waker::AccountWaker;
use crate::metrics::Metrics;
use crate::vobiz::{Client, Generation, ParentAuthId, ParentCredentials, Transport};
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Every Account and every parent.
pub struct Registry {
    transport: Transport,
    metrics: Metrics,
    wake_account: AccountWaker,
    pub(in crate::account) doubts: Arc<Doubts>,
    pub(in crate::account) trials: Trials,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    accounts: Snapshots,
    /// uids of the Accounts that are stored: a pass that was still under way must not bring one back.
    stored: HashMap<AccountKey, String>,
    /// Each generation of the API shows other fields, and the marker in another place: a list of its own for each.
    parents: HashMap<(ParentAuthId, Generation), Arc<Parent>>,
    /// The rate is the parent's, whatever the generation.
    gates: HashMap<ParentAuthId, Arc<Gate>>,
    /// The Accounts whose pair was proved.
    members: Members,
}

impl State {
    /// The parent under this generation of the API, known from here on.
    fn parent(&mut self, id: &ParentAuthId, generation: Generation, gate: &Arc<Gate>) -> Arc<Parent> {
        let parent = self
            .parents
            .entry((id.clone(), generation))
            .or_insert_with(|| Arc::new(Parent::new(id.clone(), generation, Arc::clone(gate))));
        Arc::clone(parent)
    }
}

impl Registry {
    /// An empty registry; `wake_account` wakes an Account's own pass.
    #[must_use]
    pub fn new(transport: Transport, metrics: Metrics, wake_account: AccountWaker) -> Self {
        Self {
            transport,
            metrics,
            wake_account,
            doubts: Arc::default(),
            trials: Trials::default(),
            state: Mutex::default(),
        }
    }

    /// An Account is stored: what its passes find out is kept from here on.
    pub fn admit(&self, key: &AccountKey, uid: &str) {
        let former = self
            .lock()
            .stored
            .get(key)
            .filter(|stored| *stored != uid)
            .cloned();
        if let Some(former) = former {
            // Nobody told that it went: what is known of it is not this one's.
            self.remove(key, &former);
        }
        self.lock().stored.insert(key.clone(), uid.to_owned());
        self.doubts.admit(key);
        self.metrics.admit_account(&key.to_string());
    }

    /// Whether this very Account is stored.
    #[must_use]
    pub fn is_stored(&self, key: &AccountKey, uid: &str) -> bool {
        self.lock().stored.get(key).is_some_and(|stored| stored == uid)
    }

    /// Whether an Account of this name is stored.
    #[must_use]
    pub(in crate::account) fn holds(&self, key: &AccountKey) -> bool {
        self.lock().stored.contains_key(key)
    }

    /// The Account as its last pass left it; none if there was no pass yet.
    #[must_use]
    pub fn account(&self, key: &AccountKey) -> Option<Arc<Snapshot>> {
        self.lock().accounts.get(key).cloned()
    }

    /// Any usable way to a parent, whichever Account it belongs to.
    #[must_use]
    pub fn any_access(&self, parent: &ParentAuthId) -> Option<Access> {
        let state = self.lock();
        let mut usable = state.accounts.of(parent).filter(|account| account.is_usable());
        usable.find_map(|account| account.access.clone())
    }

    /// Whether any Account of this cluster names the parent, usable or not.
    #[must_use]
    pub fn knows(&self, parent: &ParentAuthId) -> bool {
        let state = self.lock();
        state.accounts.has_unknown() || state.accounts.of(parent).next().is_some()
    }

    /// Whoever is gone waits for no parent's gate any more.
    pub fn leave(&self, who: &Who) {
        let state = self.lock();
        state.gates.values().for_each(|gate| gate.leave(who));
    }

    /// Asks for a pass over an Account.
    pub fn wake(&self, account: &AccountKey) {
        self.wake_account.wake(account);
    }

    /// Asks for a pass over every Account of a parent.
    pub fn wake_accounts_of(&self, parent: &ParentAuthId) {
        for account in self.lock().members.of(parent) {
            self.wake_account.wake(account);
        }
    }

    /// An access for a pair that was proved: from here on the Account's terms hold for its parent, and the parent's for it.
    #[must_use]
    pub fn access(
        &self,
        account: &AccountKey,
        credentials: ParentCredentials,
        generation: Generation,
        terms: Terms,
    ) -> Access {
        let parent = {
            let id = &credentials.auth_id;
            let state = &mut *self.lock();
            self.regroup(state, account, Some((id, terms)));
            let limit = state.members.limit(id).unwrap_or(terms.limit);
            let gate = state
                .gates
                .entry(id.clone())
                .or_insert_with(|| Arc::new(Gate::counted(limit, self.metrics.waiting())));
            let gate = Arc::clone(gate);
            state.parent(id, generation, &gate)
        };
        self.through(account, parent, credentials)
    }

    /// An access for a pair of which nobody knows whether it is this parent's: it shares nothing with anybody.
    #[must_use]
    pub(in crate::account) fn trial_access(
        &self,
        account: &AccountKey,
        credentials: ParentCredentials,
        generation: Generation,
        gate: Arc<Gate>,
    ) -> Access {
        let parent = Arc::new(Parent::new(credentials.auth_id.clone(), generation, gate));
        self.through(account, parent, credentials)
    }

    /// The same way under another generation of the API: with a list of its own, which is read only when it is wanted.
    #[must_use]
    pub fn under(&self, access: &Access, generation: Generation) -> Access {
        let own = &access.parent;
        Access {
            parent: self.lock().parent(&own.id, generation, &own.gate),
            generation,
            ..access.clone()
        }
    }

    fn through(&self, account: &AccountKey, parent: Arc<Parent>, credentials: ParentCredentials) -> Access {
        Access {
            account: account.clone(),
            generation: parent.generation,
            parent,
            client: Client::new(&self.transport, credentials),
            caller: None,
            metrics: self.metrics.clone(),
            wake_account: self.wake_account.clone(),
            doubts: Arc::clone(&self.doubts),
        }
    }

    /// Applies the terms of a spec that was just edited: its pass comes later.
    pub fn set_terms(&self, account: &AccountKey, terms: Terms) {
        self.trials.set_terms(account, terms);
        let state = &mut *self.lock();
        if let Some((parent, _)) = state.members.get(account).cloned() {
            self.regroup(state, account, Some((&parent, terms)));
        }
    }

    /// The Account has no pair of which it is known that it works: its terms count for nobody.
    pub(in crate::account) fn part(&self, account: &AccountKey) {
        self.regroup(&mut self.lock(), account, None);
    }

    /// Whether the Account's pair was proved.
    #[must_use]
    pub fn is_proved(&self, account: &AccountKey) -> bool {
        self.lock().members.get(account).is_some()
    }

    /// What other Accounts of the parent ask for and holds for all of them.
    #[must_use]
    pub fn shared_terms(&self, parent: &ParentAuthId) -> Vec<SharedTerm> {
        self.lock().members.shared(parent)
    }

    /// Changes whose the Account is. The others of a parent where other terms hold now say so.
    fn regroup(&self, state: &mut State, account: &AccountKey, joins: Option<(&ParentAuthId, Terms)>) {
        let State { members, gates, .. } = state;
        let before = members.get(account).cloned();
        if before.as_ref().map(|(parent, terms)| (parent, *terms)) == joins {
            return;
        }
        let parents: HashSet<ParentAuthId> = before
            .into_iter()
            .map(|(parent, _)| parent)
            .chain(joins.map(|(parent, _)| parent.clone()))
            .collect();
        let shared: Vec<_> = parents
            .iter()
            .map(|parent| (parent, members.shared(parent)))
            .collect();
        match joins {
            Some((parent, terms)) => members.join(account, parent, terms),
            None => members.part(account),
        }
        for (parent, before) in shared {
            if let (Some(gate), Some(limit)) = (gates.get(parent), members.limit(parent)) {
                gate.set_limit(limit);
            }
            if members.shared(parent) != before {
                let others = members.of(parent).filter(|other| *other != account);
                others.for_each(|other| self.wake_account.wake(other));
            }
        }
    }

    /// Takes over what a pass found. True if it differs in what a Subaccount may be waiting for.
    pub fn set(&self, key: &AccountKey, uid: &str, snapshot: Snapshot) -> bool {
        let pair = |snapshot: &Snapshot| {
            snapshot
                .access
                .as_ref()
                .map(|access| (access.client.credentials().clone(), access.generation))
        };
        let news = |before: &Snapshot| {
            before.closing != snapshot.closing
                || before.in_use != snapshot.in_use
                || before.name_prefix != snapshot.name_prefix
                || pair(before) != pair(&snapshot)
                || before.trouble != snapshot.trouble
        };
        let state = &mut *self.lock();
        if state.stored.get(key).is_none_or(|stored| stored != uid) {
            self.regroup(state, key, None);
            return false;
        }
        let changed = state.accounts.get(key).is_none_or(|before| news(before));
        state.accounts.insert(key, snapshot);
        changed
    }

    /// The Account is gone. What is known of its parent goes with the last Account, and is kept while anybody is at work on it:
    /// a pause that Vobiz asked for must not be forgotten under a first pass.
    pub fn remove(&self, key: &AccountKey, uid: &str) {
        let state = &mut *self.lock();
        if state.stored.get(key).is_some_and(|stored| stored != uid) {
            // Another one of its name has come since.
            return;
        }
        state.stored.remove(key);
        self.trials.forget(key);
        self.doubts.forget(key);
        self.metrics.forget_account(&key.to_string());
        state.accounts.remove(key);
        let former = state.members.get(key).map(|(parent, _)| parent.clone());
        self.regroup(state, key, None);
        let State {
            accounts,
            parents,
            gates,
            members,
            ..
        } = state;
        let is_used = |id: &ParentAuthId| members.has(id) || accounts.of(id).next().is_some();
        parents.retain(|(id, _), parent| is_used(id) || Arc::strong_count(parent) > 1);
        let kept: HashSet<&ParentAuthId> = parents.keys().map(|(id, _)| id).collect();
        gates.retain(|id, gate| {
            if !is_used(id) {
                gate.dissolve();
            }
            kept.contains(id)
        });
        // A list or a walk that it was asked for is for another one to make.
        let is_wanted = |parent: &ParentAuthId| {
            let mut of_id = parents.iter().filter(|((id, _), _)| id == parent);
            of_id.any(|(_, parent)| {
                let wanted = parent.wanted_walk().or_else(|| parent.wanted_list());
                wanted.is_some() || parent.is_proof_wanted()
            })
        };
        if let Some(parent) = former.filter(is_wanted) {
            members
                .of(&parent)
                .for_each(|other| self.wake_account.wake(other));
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::parent::bucket::Limit;
    use crate::controller::wake::{ObjectKey, Scope, queues};
    use crate::vobiz::{BaseUrl, TransportConfig};
    use futures::{FutureExt as _, Stream, StreamExt as _};
    use std::num::NonZeroU32;
    use std::time::Duration;

    fn key(name: &str) -> AccountKey {
        AccountKey::within("team", name)
    }

    fn pair() -> ParentCredentials {
        let value = |key: &str| {
            Some(if key == "id" {
                b"MA_PARENT".as_slice()
            } else {
                b"parents-token"
            })
        };
        ParentCredentials::parse("id", "token", value).unwrap()
    }

    fn terms(requests_per_second: u32) -> Terms {
        Terms {
            limit: Limit {
                requests_per_second: NonZeroU32::new(requests_per_second).unwrap(),
                burst: NonZeroU32::MIN,
            },
            interval: Duration::from_mins(5),
        }
    }

    fn registry() -> (Registry, impl Stream<Item = ObjectKey> + Unpin) {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let transport = Transport::new(TransportConfig {
            base_url: BaseUrl::parse("https://api.vobiz.example", false).unwrap(),
            ca_file: None,
            proxy: None,
            request_timeout: Duration::from_secs(1),
            user_agent: "tests".to_owned(),
        });
        let (waker, mut ends) = queues(&[Scope::Cluster]);
        let registry = Registry::new(
            transport.unwrap(),
            Metrics::new(false, "0", "0"),
            AccountWaker::new(waker),
        );
        (registry, ends.remove(0).map(|wake| wake.key).boxed())
    }

    #[test]
    fn a_parent_is_kept_while_an_account_uses_it_or_anybody_is_at_work_on_it_and_no_longer() {
        let (registry, _) = registry();
        let access = |name: &str| registry.access(&key(name), pair(), Generation::Gen2, terms(1));
        let first_pass = access("first");
        let parent = Arc::clone(&first_pass.parent);
        drop(first_pass);
        access("other");
        registry.remove(&key("other"), "uid-other");
        assert!(
            Arc::ptr_eq(&access("first").parent, &parent),
            "it is in its first pass"
        );
        registry.remove(&key("first"), "uid-first");
        assert!(
            Arc::ptr_eq(&access("third").parent, &parent),
            "somebody is at work on it"
        );
        let gate = Arc::downgrade(&parent.gate);
        drop(parent);
        registry.remove(&key("third"), "uid-third");
        assert!(gate.upgrade().is_none(), "nobody knows it any more");
    }

    #[test]
    fn who_shares_a_parent_is_woken_when_other_terms_hold_and_not_otherwise() {
        let (registry, mut woken) = registry();
        let mut names = || -> Vec<String> {
            let woken = std::iter::from_fn(|| woken.next().now_or_never().flatten());
            woken.map(|object| object.name).collect()
        };
        let join =
            |name: &str, rate| drop(registry.access(&key(name), pair(), Generation::Gen2, terms(rate)));
        join("a", 10);
        join("b", 10);
        assert!(names().is_empty(), "both ask for the same");
        join("b", 1);
        assert_eq!(names(), ["a"]);
        join("b", 1);
        registry.set_terms(&key("b"), terms(1));
        registry.set_terms(&key("stranger"), terms(1));
        assert!(names().is_empty(), "nothing is new");
        let parent = pair().auth_id;
        let [shared] = &registry.shared_terms(&parent)[..] else {
            panic!("one value differs");
        };
        assert_eq!((shared.field, shared.value), ("rateLimit.requestsPerSecond", 1));
        assert_eq!(shared.account, key("b"));
        registry.part(&key("b"));
        assert_eq!(
            (names(), registry.shared_terms(&parent)),
            (vec!["a".to_owned()], Vec::new())
        );
    }

    /// A pass that found a parent of its own.
    fn pass(registry: &Registry, key: &AccountKey, uid: &str, parent: u32) -> bool {
        let id = format!("MA_{parent}");
        let credentials = ParentCredentials::parse("id", "token", |key| match key {
            "id" => Some(id.as_bytes()),
            _ => Some(b"parents-token"),
        });
        let access = registry.access(key, credentials.unwrap(), Generation::Gen2, terms(1));
        let snapshot = Snapshot {
            closing: false,
            in_use: true,
            name_prefix: String::new(),
            access: Some(access),
            trouble: None,
            compared: None,
            failed: None,
        };
        registry.set(key, uid, snapshot)
    }

    #[test]
    fn when_a_thousand_accounts_have_come_and_gone_nothing_of_them_is_left() {
        let (registry, _) = registry();
        for number in 0..1000 {
            let (key, uid) = (key(&format!("vobiz-{number}")), format!("u-{number}"));
            registry.admit(&key, &uid);
            assert!(pass(&registry, &key, &uid, number));
            registry.remove(&key, &uid);
            // One that was under way then ends later.
            assert!(!pass(&registry, &key, &uid, number));
            registry.remove(&key, &uid);
        }
        let state = registry.lock();
        let sizes = [state.stored.len(), state.parents.len(), state.gates.len()];
        assert_eq!((sizes, state.accounts.sizes()), ([0; 3], [0; 2]));
    }

    #[test]
    fn a_pass_over_an_account_that_has_gone_meanwhile_brings_it_not_back_nor_takes_its_successor_away() {
        let ((registry, _), key) = (registry(), key("vobiz"));
        registry.admit(&key, "u-1");
        registry.remove(&key, "u-1");
        assert!(!pass(&registry, &key, "u-1", 1));
        assert!(registry.account(&key).is_none());
        registry.admit(&key, "u-2");
        assert!(pass(&registry, &key, "u-2", 1));
        registry.remove(&key, "u-1");
        assert!(registry.account(&key).is_some());
    }
}
