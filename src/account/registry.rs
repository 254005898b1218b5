//! What this process knows about every Account, and about every parent account behind them. I/O (shared state).
//!
//! Two Accounts with the same parent share its gate and its list.

use crate::account::access::Access;
use crate::account::bucket::Limit;
use crate::account::doubts::Doubts;
use crate::account::gate::Gate;
use crate::account::parent::Parent;
use crate::controller::instrument::Metrics;
use crate::controller::wake::{Guarded, ObjectKey, Waker};
use crate::crd::Account;
use crate::crd::condition::Reason;
use crate::vobiz::{Generation, ParentAuthId, ParentCredentials, Transport};
use std::collections::{HashMap, HashSet};
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// An Account as its last pass left it.
#[derive(Clone)]
pub struct Snapshot {
    /// It is being deleted: no more creates.
    pub closing: bool,
    /// It and its credentials Secret are marked as in use, so that neither goes before its Subaccounts.
    pub in_use: bool,
    /// Put before the name of a Subaccount that gives none.
    pub name_prefix: String,
    /// How to reach its parent; absent until credentials were read and found good.
    pub access: Option<Access>,
    /// Why no call should be made now.
    pub trouble: Option<Trouble>,
    /// Which list its Subaccounts were last compared with: when that list was begun.
    pub compared: Option<Instant>,
}

impl Snapshot {
    /// Whether calls may be made. A low balance holds creates back and nothing else, and so does what Kubernetes keeps
    /// from us; what a suspected mass deletion holds back depends on the account.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        self.trouble.as_ref().is_none_or(|trouble| {
            matches!(
                trouble.reason,
                Reason::InsufficientBalance
                    | Reason::MassDeletionSuspected
                    | Reason::WriteRefused
                    | Reason::ProgressingWithRetry
            )
        })
    }

    /// Whether the last pass found that the pair works and the list answers.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.trouble.as_ref().is_none_or(|trouble| {
            matches!(
                trouble.reason,
                Reason::MassDeletionSuspected | Reason::WriteRefused | Reason::ProgressingWithRetry
            )
        })
    }
}

/// A trouble of the parent account, of the way there, or of what Kubernetes keeps for it. It is told on the Account, once for all its Subaccounts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Trouble {
    /// Reason of the Account's condition.
    pub reason: Reason,
    /// What it is and what to do.
    pub message: String,
}

/// Every Account and every parent.
pub struct Registry {
    transport: Transport,
    metrics: Metrics,
    accounts: Waker<Guarded<Account>>,
    pub(super) doubts: Arc<Doubts>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    accounts: HashMap<ObjectKey, Arc<Snapshot>>,
    /// uids of Accounts that are gone: a pass that was still under way must not bring one back.
    gone: HashSet<String>,
    /// Each generation of the API shows other fields, and the marker in another place: a list of its own for each.
    parents: HashMap<(ParentAuthId, Generation), Arc<Parent>>,
    /// The rate is the parent's, whatever the generation.
    gates: HashMap<ParentAuthId, Arc<Gate>>,
    /// What each Account asks of its parent: the lowest of them holds.
    limits: HashMap<ObjectKey, (ParentAuthId, Limit)>,
}

impl Registry {
    /// An empty registry; `accounts` wakes an Account's own pass.
    #[must_use]
    pub fn new(transport: Transport, metrics: Metrics, accounts: Waker<Guarded<Account>>) -> Self {
        Self {
            transport,
            metrics,
            accounts,
            doubts: Arc::default(),
            state: Mutex::default(),
        }
    }

    /// The Account as its last pass left it; none if there was no pass yet.
    #[must_use]
    pub fn account(&self, key: &ObjectKey) -> Option<Arc<Snapshot>> {
        self.lock().accounts.get(key).cloned()
    }

    /// Any usable way to a parent, whichever Account it belongs to.
    #[must_use]
    pub fn any_access(&self, parent: &ParentAuthId, generation: Generation) -> Option<Access> {
        let state = self.lock();
        let usable = state.accounts.values().filter(|account| account.is_usable());
        usable
            .filter_map(|account| account.access.clone())
            .find(|access| access.serves(parent, generation))
    }

    /// Whether any Account of this cluster names the parent, usable or not.
    #[must_use]
    pub fn knows(&self, parent: &ParentAuthId) -> bool {
        let state = self.lock();
        state.accounts.values().any(|account| {
            account
                .access
                .as_ref()
                .is_none_or(|access| access.parent.id == *parent)
        })
    }

    /// Asks for a pass over an Account.
    pub fn wake(&self, account: &ObjectKey) {
        self.accounts.wake(account);
    }

    /// Asks for a pass over every Account of a parent.
    pub fn wake_accounts_of(&self, parent: &ParentAuthId) {
        for (key, account) in &self.lock().accounts {
            if account
                .access
                .as_ref()
                .is_some_and(|access| access.parent.id == *parent)
            {
                self.accounts.wake(key);
            }
        }
    }

    /// An access for credentials that are to be tried or were found good.
    #[must_use]
    pub fn access(
        &self,
        account: &ObjectKey,
        credentials: ParentCredentials,
        generation: Generation,
        limit: Limit,
    ) -> Access {
        let parent = {
            let id = &credentials.auth_id;
            let State {
                parents,
                gates,
                limits,
                ..
            } = &mut *self.lock();
            limits.insert(account.clone(), (id.clone(), limit));
            let gate = gates
                .entry(id.clone())
                .or_insert_with(|| Arc::new(Gate::new(limit)));
            gate.set_limit(lowest(limits.values(), id, limit));
            let parent = parents
                .entry((id.clone(), generation))
                .or_insert_with(|| Arc::new(Parent::new(id.clone(), generation, Arc::clone(gate))));
            Arc::clone(parent)
        };
        Access {
            account: account.clone(),
            parent,
            generation,
            client: self.transport.client(credentials),
            caller: None,
            metrics: self.metrics.clone(),
            accounts: self.accounts.clone(),
            doubts: Arc::clone(&self.doubts),
        }
    }

    /// Applies the limit of a spec that was just edited. The Account's pass may be reading a long list at the old one, and
    /// comes to the new spec only afterwards. Of an Account that had no pass yet nothing is known.
    pub fn set_limit(&self, account: &ObjectKey, limit: Limit) {
        let State { gates, limits, .. } = &mut *self.lock();
        let Some((id, known)) = limits.get_mut(account) else {
            return;
        };
        *known = limit;
        let id = id.clone();
        if let Some(gate) = gates.get(&id) {
            gate.set_limit(lowest(limits.values(), &id, limit));
        }
    }

    /// Takes over what a pass found. True if it differs in what a Subaccount may be waiting for.
    pub fn set(&self, key: &ObjectKey, uid: &str, snapshot: Snapshot) -> bool {
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
        let mut state = self.lock();
        if state.gone.contains(uid) {
            return false;
        }
        let changed = state.accounts.get(key).is_none_or(|before| news(before));
        state.accounts.insert(key.clone(), Arc::new(snapshot));
        changed
    }

    /// The Account is gone; its parent's rate and list go with the last Account.
    pub fn remove(&self, key: &ObjectKey, uid: &str) {
        let mut state = self.lock();
        state.gone.insert(uid.to_owned());
        state.accounts.remove(key);
        state.limits.remove(key);
        let State {
            accounts,
            parents,
            gates,
            ..
        } = &mut *state;
        let used = |id: &ParentAuthId| {
            let mut accesses = accounts.values().filter_map(|account| account.access.as_ref());
            accesses.any(|access| access.parent.id == *id)
        };
        parents.retain(|(id, _), _| used(id));
        gates.retain(|id, gate| {
            let used = used(id);
            if !used {
                gate.dissolve();
            }
            used
        });
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn lowest<'a>(
    limits: impl Iterator<Item = &'a (ParentAuthId, Limit)>,
    parent: &ParentAuthId,
    own: Limit,
) -> Limit {
    let of_parent = limits.filter(|(of, _)| of == parent).map(|(_, limit)| *limit);
    of_parent.fold(own, |lowest, limit| Limit {
        requests_per_second: lowest.requests_per_second.min(limit.requests_per_second),
        burst: lowest.burst.min(limit.burst),
    })
}

/// The limit of an Account's spec; the schema admits no zero, and a stored zero means the slowest.
#[must_use]
pub fn limit(requests_per_second: i32, burst: i32) -> Limit {
    let positive = |value: i32| {
        u32::try_from(value)
            .ok()
            .and_then(NonZeroU32::new)
            .unwrap_or(NonZeroU32::MIN)
    };
    Limit {
        requests_per_second: positive(requests_per_second),
        burst: positive(burst),
    }
}
