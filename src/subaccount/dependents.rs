//! What Accounts ask of their Subaccounts, and tell them: who uses an Account, what a new list means. I/O (caches).

use super::context::Context;
use super::desired::Desired;
use super::store::record::{Phase, Record};
use super::store::records::Stray;
use super::tell::status::kyc_differs;
use super::traces::ListWaiter;
use crate::account::access::Access;
use crate::account::context::Dependents;
use crate::account::key::AccountKey;
use crate::account::parent::breaker::Absence;
use crate::account::parent::roster::marker_of;
use crate::account::store::named_secrets::named_secrets;
use crate::account::users::{Users, account_named_by, names};
use crate::clock::now;
use crate::controller::guarded_patch::is_on;
use crate::controller::wake::{Guarded, ObjectKey, Those};
use crate::crd::condition::{ConditionType, Reason, find};
use crate::crd::{FINALIZER, IN_USE_FINALIZER, Subaccount, SubaccountCounts};
use crate::vobiz::ParentAuthId;
use kube::{Resource, ResourceExt};
use std::cell::LazyCell;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

impl Context {
    fn objects_of(&self, account: &AccountKey) -> impl Iterator<Item = Arc<Guarded<Subaccount>>> {
        let near = self.objects_near(account);
        near.filter(|object| names(object, account) == Some(true))
    }

    /// Those that may name an Account.
    fn objects_near(&self, account: &AccountKey) -> Those<Guarded<Subaccount>> {
        self.subaccounts.those(|kept| account.reaches(kept.namespace()))
    }

    /// The key of the Secret of a Record.
    pub(super) fn record_key(&self, secret: String) -> ObjectKey {
        ObjectKey {
            namespace: self.operator_namespace.clone(),
            name: secret,
        }
    }

    /// As the Account's spec gives it: its first pass has not told the registry yet when it compares its first list.
    fn name_prefix(&self, account: &AccountKey) -> String {
        self.account(account)
            .and_then(|guarded| Some(guarded.0.as_ref().ok()?.spec.name_prefix.clone()))
            .unwrap_or_default()
    }

    /// Whether the object of a bound Record lives, and does not say already that its account is gone.
    fn should_exist(&self, record: &Record) -> bool {
        let subject = &record.subject;
        let Some(object) = self.cached(&subject.namespace, &subject.name) else {
            return false;
        };
        let told = object.0.as_ref().is_ok_and(|object| {
            let status = object.status.as_ref();
            let stalled = status.and_then(|status| find(&status.conditions, ConditionType::Stalled));
            stalled.is_some_and(|stalled| stalled.reason == Reason::ExternalResourceMissing.as_str())
        });
        object.uid().as_ref() == Some(&record.subject.uid)
            && object.meta().deletion_timestamp.is_none()
            && !told
    }

    /// Whether the object should have a pass after this list: it differs, or the list does not show it.
    fn differs(&self, access: &Access, object: &Subaccount) -> bool {
        let uid = object.uid().unwrap_or_default();
        let Some(record) = self
            .records
            .get(&uid)
            .map(|stored| stored.record.clone())
            .filter(|record| access.serves(&record.parent))
        else {
            return false;
        };
        let (Phase::Bound, Some(id)) = (record.ledger.phase, record.auth_id()) else {
            return false;
        };
        let roster = access.parent.roster();
        let Some(account) = roster.get(id) else {
            return !access.parent.breaker().is_open();
        };
        let prefix = self.name_prefix(&access.account);
        let desired = Desired::from_spec(&object.spec, &ObjectKey::of(object), &prefix, access.generation);
        let differs = desired.is_ok_and(|desired| {
            let inherited = roster.inherited(id, desired.permissions(), object.is_applied());
            !desired.inheriting(inherited).matches(account)
        });
        differs || kyc_differs(object, account)
    }

    /// Objects that went past our finalizer and whose accounts are still to be done with: their names, and the Accounts that they hold as if
    /// the finalizer had held them.
    fn overtaken(&self) -> impl Iterator<Item = (String, AccountKey)> {
        let all = self.traces.overtaken.all(now()).into_iter();
        all.filter_map(|gone| {
            self.records.get(gone.metadata.uid.as_deref()?)?;
            Some((gone.name_any(), AccountKey::of_user(&gone)?))
        })
    }
}

impl Dependents for Context {
    fn users(&self, account: &AccountKey) -> Users {
        let near = self.objects_near(account);
        let mut users = Users::of(account, near.filter(|object| self.can_hold(account, object)));
        let overtaken = self.overtaken().filter(|(_, named)| named == account);
        users.named.extend(overtaken.map(|(name, _)| name));
        users
    }

    fn can_hold(&self, account: &AccountKey, object: &Guarded<Subaccount>) -> bool {
        let namespace = object.namespace().unwrap_or_default();
        // Whoever may not use it must not be able to keep it from being deleted.
        is_on(object, FINALIZER) || self.is_allowed(account, &namespace) != Some(false)
    }

    fn sharers(&self, account: &AccountKey, secret: &str) -> Vec<AccountKey> {
        let place = |account: &AccountKey| account.credentials_namespace(&self.operator_namespace).to_owned();
        let own = place(account);
        let mut others: Vec<_> = self.accounts.all().collect();
        others.retain(|other| {
            let key = AccountKey::of(&**other);
            key != *account && place(&key) == own && named_secrets(other).contains(secret)
        });
        if others.is_empty() {
            return Vec::new();
        }
        let mut named: HashMap<AccountKey, Users> = HashMap::new();
        let mut unreadable: Vec<ObjectKey> = Vec::new();
        for object in self.subaccounts.all() {
            match account_named_by(&object) {
                Some(account) if !self.can_hold(&account, &object) => {}
                Some(account) => named.entry(account).or_default().named.push(object.name_any()),
                None => unreadable.push(ObjectKey::of(&*object)),
            }
        }
        for (name, account) in self.overtaken() {
            named.entry(account).or_default().named.push(name);
        }
        others
            .iter()
            .map(|other| (AccountKey::of(&**other), is_on(&**other, IN_USE_FINALIZER)))
            .filter(|(other, is_marked)| {
                let mut users = named.remove(other).unwrap_or_default();
                let near = unreadable
                    .iter()
                    .filter(|object| other.reaches(&object.namespace));
                users.unreadable.extend(near.map(|object| object.name.clone()));
                users.hold(*is_marked)
            })
            .map(|(other, _)| other)
            .collect()
    }

    fn any_under(&self, account: &AccountKey, parent: &ParentAuthId) -> bool {
        let mut objects = self.objects_of(account);
        // Of an attempt under way the Record alone tells where it is made.
        let recorded: HashSet<String> = self
            .records
            .under(parent)
            .map(|stored| stored.record.subject.uid.clone())
            .collect();
        objects.any(|guarded| {
            let parent_told = match &guarded.0 {
                Ok(object) => object
                    .status
                    .as_ref()
                    .and_then(|status| status.parent_auth_id.as_deref()),
                Err(unreadable) => unreadable.text("/status/parentAuthId"),
            };
            parent_told == Some(parent.as_str()) || guarded.uid().is_some_and(|uid| recorded.contains(&uid))
        })
    }

    fn absence(&self, access: &Access) -> Absence {
        let mut absence = Absence::default();
        let roster = access.parent.roster();
        for stored in self.records.under(&access.parent.id) {
            let record = &stored.record;
            let (Phase::Bound, Some(id)) = (record.ledger.phase, record.auth_id()) else {
                continue;
            };
            if !self.should_exist(record) {
                continue;
            }
            absence.bound += 1;
            if roster.get(id).is_none() {
                absence.absent.insert(id.clone());
            }
        }
        absence
    }

    fn swept(&self, access: &Access) -> SubaccountCounts {
        for guarded in self.objects_of(&access.account) {
            let Ok(object) = &guarded.0 else { continue };
            if self.differs(access, object) {
                self.wake_object.wake(&ObjectKey::of(object));
            }
        }
        let (mut orphaned, mut leftovers) = (0, 0);
        // While a lost Record is made again, the status alone tells whose the account is. Seldom looked at: at rest every marked
        // account has its Record.
        let named = LazyCell::new(|| self.named());
        let roster = access.parent.roster();
        for account in roster.iter() {
            let Some(marker) = marker_of(account, access.generation) else {
                continue;
            };
            let is_known =
                || self.records.holds(&account.auth_id) || named.contains(account.auth_id.as_str());
            if marker.installation != self.installation || is_known() {
                continue;
            }
            match self.records.stray(marker) {
                Stray::Leftover(stored) => {
                    leftovers += 1;
                    self.wake_record.wake(&self.record_key(stored.secret.clone()));
                }
                Stray::UnderWay => {}
                Stray::Orphan => orphaned += 1,
            }
        }
        let found = i64::try_from(roster.len()).unwrap_or(i64::MAX);
        drop(roster);
        let name = access.account.to_string();
        self.metrics.set_orphans(&name, orphaned);
        self.metrics.set_leftovers_pending(&name, leftovers);
        SubaccountCounts {
            managed: self.tally.managed(&access.account),
            found,
            orphaned: i64::try_from(orphaned).unwrap_or(i64::MAX),
        }
    }

    fn listed(&self, parent: &ParentAuthId) {
        for waiter in self.traces.take_list_waiters(parent) {
            match waiter {
                ListWaiter::Object(key) => self.wake_object.wake(&key),
                ListWaiter::Record(name) => self.wake_record.wake(&self.record_key(name)),
            }
        }
    }

    fn changed(&self, account: &AccountKey) {
        for object in self.objects_of(account) {
            self.wake_object.wake(&ObjectKey::of(&*object));
        }
        // The janitor serves Records of gone objects through any Account of their parent.
        let Some(access) = self
            .registry
            .account(account)
            .and_then(|account| account.access.clone())
        else {
            return;
        };
        for stored in self.records.under(&access.parent.id) {
            let record = &stored.record;
            if matches!(record.ledger.phase, Phase::Closed | Phase::Kept) {
                // Its object may be waiting for any way to this parent, if its own Account is gone.
                self.wake_object.wake(&ObjectKey {
                    namespace: record.subject.namespace.clone(),
                    name: record.subject.name.clone(),
                });
            }
            let is_overtaken = || self.traces.overtaken.of(&record.subject.uid, now()).is_some();
            if record.ledger.phase != Phase::Bound || record.ledger.is_fenced() || is_overtaken() {
                self.wake_record.wake(&self.record_key(stored.secret.clone()));
            }
        }
    }
}
