//! What a pass may do through which Account, and what the deletion policy comes to. I/O (none of its own: reads caches).

use super::Pass;
use crate::account::access::Access;
use crate::account::generation::recorded;
use crate::account::key::AccountKey;
use crate::crd::{DeletionPolicy, DeletionSettings};
use crate::subaccount::store::record::{Decision, Ledger, Phase};
use crate::subaccount::wish::accepts;
use crate::vobiz::{Generation, ParentAuthId};
use vobiz_protocol::facts::{self, Object};

impl Pass<'_> {
    pub(super) fn account_fact(&self) -> facts::Account {
        if self.is_held_by_breaker() {
            return facts::Account::Unavailable;
        }
        let own = self.account_key();
        let is_readable = own
            .as_ref()
            .is_some_and(|own| self.context.account_is_readable(own));
        if self.known.life == Object::Live {
            let allowed = own.map(|own| self.context.is_allowed(&own, &self.key.namespace));
            match allowed.flatten() {
                // A right that was taken away locks nobody in: deletions go on.
                Some(false) => return facts::Account::NotAllowed,
                None => return facts::Account::Preparing,
                Some(true) => {}
            }
            let Some(snapshot) = &self.account else {
                return if is_readable {
                    facts::Account::Preparing
                } else {
                    facts::Account::Unavailable
                };
            };
            let Some(access) = &snapshot.access else {
                return facts::Account::Unavailable;
            };
            let served = match self.known.record() {
                Some(record) => access.serves(&record.parent),
                None => self.parent().is_none_or(|parent| access.serves(&parent)),
            };
            return match &snapshot.trouble {
                _ if !snapshot.is_usable() || !served => facts::Account::Unavailable,
                Some(_) => facts::Account::Closing,
                None if snapshot.closing => facts::Account::Closing,
                None if !snapshot.in_use => facts::Account::Preparing,
                None => facts::Account::Ready,
            };
        }
        match (self.access(), &self.account) {
            (Some(_), _) => facts::Account::Ready,
            (None, None) if is_readable => facts::Account::Preparing,
            (None, _) => facts::Account::Unavailable,
        }
    }

    /// The Account that the object names.
    #[must_use]
    pub fn account_key(&self) -> Option<AccountKey> {
        let object = self.known.going()?;
        Some(AccountKey::referred(
            &self.key.namespace,
            &object.spec.account_ref,
        ))
    }

    /// While a mass deletion is suspected nothing is created or deleted; an account that is still listed is kept as its
    /// object says.
    fn is_held_by_breaker(&self) -> bool {
        let Some(parent) = self.access().map(|access| access.parent) else {
            return false;
        };
        if !parent.breaker().is_open() {
            return false;
        }
        let listed = self
            .auth_id()
            .is_some_and(|id| parent.roster().get(&id).is_some());
        !(self.known.life == Object::Live && self.known.is_bound() && listed)
    }

    /// The way to the parent that the account lives under: through the object's Account, else through any of that
    /// parent. Before there is a Record, through the object's Account.
    #[must_use]
    pub fn access(&self) -> Option<Access> {
        let own = self
            .account
            .as_ref()
            .filter(|snapshot| snapshot.is_usable())
            .and_then(|snapshot| snapshot.access.clone());
        let access = match self.parent() {
            Some(parent) => own
                .filter(|access| access.serves(&parent))
                .or_else(|| self.context.registry.any_access(&parent)),
            None => own,
        };
        access.map(|access| access.on_behalf_of(self.caller()))
    }

    /// The way to a list that shows the marker of every attempt of the Record: where one was posted under a newer generation of the API
    /// than the Account uses now, the list of that one.
    #[must_use]
    pub fn marks(&self) -> Option<Access> {
        let (access, record) = (self.access()?, self.known.record()?);
        if record.ledger.is_shown_by(access.generation) {
            return Some(access);
        }
        let registry = &self.context.registry;
        Some(registry.under(&access, record.ledger.generation))
    }

    /// The API generation that requests for the account are made under: as its Account uses it now, else as it was made or last told.
    #[must_use]
    pub fn generation(&self) -> Option<Generation> {
        let own = || {
            let account = self.account.as_ref()?;
            account.access.as_ref().map(|access| access.generation)
        };
        let reached = self.access().map(|access| access.generation);
        reached.or_else(own).or_else(|| self.recorded_generation())
    }

    /// The API generation that an attempt was made under, or that the object's status tells.
    #[must_use]
    pub fn recorded_generation(&self) -> Option<Generation> {
        let own = self.known.record().map(|record| record.ledger.generation);
        own.or_else(|| self.object()?.status.as_ref()?.api_generation.map(recorded))
    }

    /// The parent that the account lives under, as the Record or the object's status tells.
    #[must_use]
    pub fn parent(&self) -> Option<ParentAuthId> {
        let recorded = self.known.record().map(|record| record.parent.clone());
        recorded.or_else(|| {
            let status = self.object()?.status.as_ref()?;
            ParentAuthId::parse(status.parent_auth_id.as_deref()?).ok()
        })
    }

    /// Whether the Account allows that what was left in this earlier namespace is taken over.
    #[must_use]
    pub fn account_accepts(&self, namespace_uid: &str) -> bool {
        let stored = self.account_key().and_then(|own| self.context.account(&own));
        stored.is_some_and(|stored| {
            stored
                .0
                .as_ref()
                .is_ok_and(|account| accepts(account, namespace_uid))
        })
    }

    /// Whether the Account says that the object may have the account that its spec names.
    #[must_use]
    pub fn is_granted(&self) -> bool {
        let (Some(key), Some(id)) = (self.account_key(), self.known.adopts()) else {
            return false;
        };
        let stored = self.context.account(&key);
        let namespace = &self.key.namespace;
        stored.is_some_and(|stored| {
            let account = stored.0.as_ref();
            account.is_ok_and(|account| account.adoptable.allow(namespace, id.as_str()))
        })
    }

    /// What becomes of the account when the object goes; none while nothing may be guessed.
    #[must_use]
    pub fn decision(&self) -> Option<Decision> {
        self.known.decision(|| self.deletion_defaults())
    }

    /// The policy that a deletion of the object follows, or is following; none while nothing may be guessed.
    #[must_use]
    pub fn policy(&self) -> Option<DeletionPolicy> {
        self.object()?;
        let is_deleting = self.known.life == Object::Deleting;
        let decided = self.known.record().filter(|_| is_deleting);
        if let Some(decided) = decided.and_then(|record| decided_by(&record.ledger)) {
            return Some(decided);
        }
        let own = self.known.own_deletion();
        own.policy
            .or_else(|| Some(own.in_force(self.deletion_defaults()?).0))
    }

    /// What the Account says of deletions, if it can be read and is the one that the account was made under.
    fn deletion_defaults(&self) -> Option<DeletionSettings> {
        let account = self.account.as_ref()?;
        let parent = &account.access.as_ref()?.parent.id;
        if self.parent().is_some_and(|recorded| recorded != *parent) {
            return None;
        }
        // As the Account says now, not as its last finished pass found it.
        let stored = self.context.account(&self.account_key()?)?;
        Some(stored.0.as_ref().ok()?.spec.defaults.deletion)
    }
}

/// Later edits of the policy change nothing of what a Record has decided.
fn decided_by(ledger: &Ledger) -> Option<DeletionPolicy> {
    match ledger.phase {
        Phase::Open | Phase::Bound => None,
        Phase::Closed => Some(DeletionPolicy::Delete),
        Phase::Kept if ledger.disable => Some(DeletionPolicy::Disable),
        Phase::Kept => Some(DeletionPolicy::Retain),
    }
}
