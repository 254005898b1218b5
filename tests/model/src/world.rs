//! Kubernetes and Vobiz as far as the protocol depends on them: uids, versions, finalizers, compare-and-swap; commits,
//! show-once pairs, accounts that appear late. PURE.
//!
//! Everything is a small number that can be copied: an account's id is its place in the list, and its token is
//! the same number, so that a pair that was mixed up shows.

use vobiz_protocol::ledger::{Ledger as GenericLedger, Phase};

/// The Record's deciding part, with small names.
pub type Ledger = GenericLedger<u8, u8, u8, u8>;

/// An object and its successors of the same name.
pub const UIDS: usize = 2;
/// Accounts that ever were.
pub const ACCOUNTS: usize = 6;
/// Series that ever were.
pub const SERIES: usize = 5;
/// The series of an account that was there before: it carries no marker.
pub const UNMARKED: u8 = u8::MAX;
/// The first of the series under which nothing is posted, by uid.
pub const UNPOSTED: u8 = 100;
/// Create requests under way whose answer nobody waits for any more.
pub const FLIGHTS: usize = 2;

/// What `spec.deletion.policy` comes to.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Policy {
    /// The account is deleted.
    Delete,
    /// It is disabled and stays.
    Disable,
    /// It stays.
    Retain,
    /// The spec says nothing: the Account's default, which is to delete, but not an account that was there before.
    Unsaid,
}

/// The Subaccount that has the name now.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent facts; each pair of values can occur"
)]
pub struct Object {
    /// Its uid, from 0.
    pub uid: u8,
    /// Its resourceVersion.
    pub version: u8,
    /// It has a deletion timestamp.
    pub deleting: bool,
    /// Our finalizer is on it.
    pub finalizer: bool,
    /// `status.authId`.
    pub identity: Option<u8>,
    /// The status says Ready for this generation.
    pub ready: bool,
    /// The annotation that allows a re-claim.
    pub reclaim: bool,
    /// `spec.deletion.policy`.
    pub policy: Policy,
    /// uid of its namespace: a namespace that is made again has the same name and another uid.
    pub namespace: u8,
    /// `spec.authId`: the account that is there already, and that it is to have.
    pub adopts: Option<u8>,
    /// `spec.managementPolicy` is `ObserveOnly`.
    pub observes: bool,
}

/// A Record in its Secret. The slot it lies in is the uid that it first served.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Record {
    /// The object that it serves.
    pub uid: u8,
    /// Its resourceVersion.
    pub version: u8,
    /// uid of the namespace of the object that it serves.
    pub namespace: u8,
    /// The parent that its account lives under.
    pub parent: u8,
    /// What decides.
    pub ledger: Ledger,
}

/// The user's Secret.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct UserSecret {
    /// uid of the object that controls it; none: a person or a backup tool took the owner off.
    pub owner: Option<u8>,
    /// The account whose pair it holds.
    pub id: u8,
    /// The annotation that allows to take it over.
    pub allows: bool,
    /// Its token is not that account's.
    pub forged: bool,
}

/// What the API server stores.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Cluster {
    /// The object.
    pub object: Option<Object>,
    /// Records by slot.
    pub records: [Option<Record>; UIDS],
    /// The user's Secret.
    pub secret: Option<UserSecret>,
    /// Object and Secret of the other name, where there are two at the same time.
    pub other: (Option<Object>, Option<UserSecret>),
}

/// An account at Vobiz.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Account {
    /// Series of its marker.
    pub series: u8,
    /// Epoch of its marker.
    pub epoch: u8,
    /// Generation of the API under which it was posted: older lists do not show its marker.
    pub generation: u8,
    /// The parent that it lives under.
    pub parent: u8,
    /// It was not deleted.
    pub alive: bool,
    /// It may be used.
    pub enabled: bool,
    /// It existed, or its request was under way, when its epoch was fenced: settle and walk must have seen it.
    pub due: bool,
}

/// A create request that was sent and may still be carried out.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Flight {
    /// Series of its marker.
    pub series: u8,
    /// Epoch of its marker.
    pub epoch: u8,
    /// See [`Account::generation`].
    pub generation: u8,
    /// See [`Account::parent`].
    pub parent: u8,
    /// See [`Account::due`].
    pub due: bool,
}

/// What Vobiz stores.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Vobiz {
    /// Accounts in the order of their creation.
    pub accounts: [Option<Account>; ACCOUNTS],
    /// Requests under way.
    pub flights: [Option<Flight>; FLIGHTS],
    /// Epochs that were posted, one bit each, by series.
    pub posted: [u16; SERIES],
}

/// The answer of the API server to a write.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Written {
    /// Carried out.
    Done,
    /// Refused: it changed since, is gone, or is there already.
    Refused,
}

impl Object {
    /// As it is created.
    #[must_use]
    pub fn new(uid: u8, policy: Policy, reclaim: bool) -> Self {
        Self {
            uid,
            version: 1,
            deleting: false,
            finalizer: false,
            identity: None,
            ready: false,
            reclaim,
            policy,
            namespace: 0,
            adopts: None,
            observes: false,
        }
    }

    /// The account that its spec names, or else its status.
    #[must_use]
    pub fn named(&self) -> Option<u8> {
        self.adopts.or(self.identity)
    }

    /// `metadata.generation` is the same: it counts edits of the spec, and the request for deletion too.
    #[must_use]
    pub fn is_of_generation(&self, other: &Self) -> bool {
        (self.policy, self.deleting, self.observes) == (other.policy, other.deleting, other.observes)
    }
}

impl Cluster {
    /// Object and Secret of the two names change places: who acts for the other name finds its own where those of the first one are.
    pub fn turn(&mut self) {
        std::mem::swap(&mut self.object, &mut self.other.0);
        std::mem::swap(&mut self.secret, &mut self.other.1);
    }

    /// The object with this uid, whichever name it has.
    #[must_use]
    pub fn object_of(&self, uid: u8) -> Option<Object> {
        let objects = [self.object, self.other.0];
        objects.into_iter().flatten().find(|object| object.uid == uid)
    }

    /// The Record that serves an object, wherever it lies; one that was taken over before an open one of its own.
    #[must_use]
    pub fn record_of(&self, uid: u8) -> Option<(u8, Record)> {
        let serving = (0_u8..).zip(self.records).filter_map(|(slot, record)| {
            let record = record?;
            (record.uid == uid).then_some((slot, record))
        });
        serving.min_by_key(|(_, record)| record.ledger.phase == Phase::Open)
    }

    /// Creates a Record; refused if there is one of this name. `version`: one that no earlier Record of the name had.
    pub fn create_record(
        &mut self,
        slot: u8,
        version: u8,
        namespace: u8,
        parent: u8,
        ledger: Ledger,
    ) -> Written {
        let place = &mut self.records[usize::from(slot)];
        if place.is_some() {
            return Written::Refused;
        }
        *place = Some(Record {
            uid: slot,
            version,
            namespace,
            parent,
            ledger,
        });
        Written::Done
    }

    /// Replaces a Record if it is still the one that was read.
    pub fn swap_record(&mut self, slot: u8, read: &Record, uid: u8, ledger: Ledger) -> Written {
        match &mut self.records[usize::from(slot)] {
            Some(stored) if stored == read => {
                *stored = Record {
                    uid,
                    version: stored.version + 1,
                    ledger,
                    ..*stored
                };
                Written::Done
            }
            _ => Written::Refused,
        }
    }

    /// Makes a Record another object's, if it is still the one that was read.
    pub fn hand_over(&mut self, slot: u8, read: &Record, object: &Object, ledger: Ledger) -> Written {
        let written = self.swap_record(slot, read, object.uid, ledger);
        if let (Written::Done, Some(stored)) = (written, &mut self.records[usize::from(slot)]) {
            stored.namespace = object.namespace;
        }
        written
    }

    /// Deletes a Record if it is still the one that was read.
    pub fn drop_record(&mut self, slot: u8, read: &Record) -> Written {
        let place = &mut self.records[usize::from(slot)];
        if *place == Some(*read) {
            *place = None;
            Written::Done
        } else {
            Written::Refused
        }
    }

    /// Patches the object with this uid; `version`: a test of the resourceVersion beside it.
    pub fn patch(&mut self, uid: u8, version: Option<u8>, change: impl FnOnce(&mut Object)) -> Written {
        match &mut self.object {
            Some(object) if object.uid == uid && version.is_none_or(|version| version == object.version) => {
                let before = *object;
                change(object);
                if *object != before {
                    object.version += 1;
                }
                self.collect();
                Written::Done
            }
            _ => Written::Refused,
        }
    }

    /// An object that is being deleted and has no finalizer is gone, and with it the Secret that it owns. One without an owner stays.
    pub fn collect(&mut self) {
        if self
            .object
            .is_some_and(|object| object.deleting && !object.finalizer)
        {
            self.object = None;
        }
        let owner = self.object.map(|object| object.uid);
        if self
            .secret
            .is_some_and(|secret| secret.owner.is_some() && secret.owner != owner)
        {
            self.secret = None;
        }
    }
}

impl Vobiz {
    /// The account of this id, if it lives.
    #[must_use]
    pub fn alive(&self, id: u8) -> Option<&Account> {
        self.accounts[usize::from(id)]
            .as_ref()
            .filter(|account| account.alive)
    }

    /// Every account that lives.
    pub fn living(&self) -> impl Iterator<Item = (u8, &Account)> {
        (0_u8..)
            .zip(&self.accounts)
            .filter_map(|(id, account)| Some((id, account.as_ref().filter(|account| account.alive)?)))
    }

    /// Carries a create request out; none: more accounts than this model has room for.
    pub fn commit(&mut self, flight: Flight) -> Option<u8> {
        let place = self.accounts.iter().position(Option::is_none)?;
        self.accounts[place] = Some(Account {
            series: flight.series,
            epoch: flight.epoch,
            generation: flight.generation,
            parent: flight.parent,
            alive: true,
            enabled: true,
            due: flight.due,
        });
        u8::try_from(place).ok()
    }

    /// Deletes an account; false if it was gone already.
    pub fn delete(&mut self, id: u8) -> bool {
        match &mut self.accounts[usize::from(id)] {
            Some(account) if account.alive => {
                *account = Account {
                    alive: false,
                    due: false,
                    ..*account
                };
                true
            }
            _ => false,
        }
    }

    /// The fence of a Record moved: from here on a proof that nothing is left must have seen what it covers now.
    pub fn fenced(&mut self, before: &Ledger, after: &Ledger) {
        let covers = |series: u8, epoch: u8| {
            after.fences(series, u32::from(epoch)) && !before.fences(series, u32::from(epoch))
        };
        for account in self.accounts.iter_mut().flatten() {
            account.due |= account.alive && covers(account.series, account.epoch);
        }
        for flight in self.flights.iter_mut().flatten() {
            flight.due |= covers(flight.series, flight.epoch);
        }
    }
}
