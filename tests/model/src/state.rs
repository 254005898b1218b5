//! One state of the model: the cluster, Vobiz, what each process holds, and the faults that may still happen. PURE.

use crate::world::{Account, Cluster, FLIGHTS, Object, Policy, Record, SERIES, UIDS, UserSecret, Vobiz};
use vobiz_protocol::facts::Facts;

/// Processes that act as if each were the leader.
pub const PROCESSES: usize = 2;

/// How often each fault may still happen.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Budget {
    /// A process is killed.
    pub crashes: u8,
    /// A write is carried out and its answer lost; or nobody knows what became of a create request.
    pub unknowns: u8,
    /// A request fails before it has any effect, and the pass ends.
    pub failures: u8,
    /// A create request is refused for certain.
    pub refusals: u8,
    /// A pass begins with a cache as it was at the beginning of the pass before.
    pub stale: u8,
    /// The deletion policy is edited.
    pub edits: u8,
    /// The object is deleted.
    pub deletes: u8,
    /// A deletion begins before our finalizer is on the object, and is carried out whatever is on it then.
    pub overtakes: u8,
    /// Our finalizer is taken off by somebody else.
    pub strips: u8,
    /// The user's Secret is deleted.
    pub lost_secrets: u8,
    /// The Record is deleted, while the status or the user's Secret names the account.
    pub lost_records: u8,
    /// The bound account is deleted by somebody else.
    pub outside: u8,
    /// An object that is gone is restored under a new uid.
    pub restores: u8,
    /// The owner is taken off the user's Secret, so that it outlives its object.
    pub orphans: u8,
    /// A bound Record is restored as it was before its bind.
    pub rollbacks: u8,
    /// From some moment the API server refuses every write of one kind, until it allows them again.
    pub denials: u8,
    /// From some moment Vobiz answers 404 for every single account, while its list is well, until it does so no more.
    pub lost_routes: u8,
    /// From some moment Vobiz accepts deletions and carries out none, until it does again.
    pub deafness: u8,
    /// The Account is edited to the other generation of the API.
    pub moves: u8,
    /// `spec.managementPolicy` is edited.
    pub observes: u8,
    /// The Account lists the account as one that may be had, or lists it no more.
    pub grants: u8,
    /// Somebody writes another token into the user's Secret.
    pub forgeries: u8,
    /// The Account, which serves many namespaces, allows this one no more; it may be allowed again.
    pub bars: u8,
    /// The Account is deleted; it may be made again, for this parent or for another one.
    pub accounts: u8,
}

/// What the API server refuses to write.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Denied {
    /// The object.
    Object,
    /// Its status.
    Status,
    /// Records.
    Records,
    /// The user's Secret.
    Secret,
}

/// What a process remembers about one object between passes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Memory {
    /// Epoch and version of a Record whose epoch may still be posted.
    pub unspent: Option<(u8, u8)>,
    /// The newest fence seen; whether requests sent before it have settled; whether a walk was made since.
    pub fence: u8,
    /// See `fence`.
    pub settled: bool,
    /// See `fence`; the generation of the API whose list that was, 0: none.
    pub walked: u8,
    /// The account of a closed Record that was proved gone.
    pub proved_gone: Option<u8>,
    /// The account of a kept Record that was shown to be disabled.
    pub shown_disabled: Option<u8>,
    /// Retention was seen to be over: the last look is taken.
    pub last_look: bool,
    /// An account for which Vobiz answered 404, and whether a list that was begun since does not show it either.
    pub missing: Option<(u8, bool)>,
    /// An account whose deletion was accepted, and that no walk has proved gone yet.
    pub accepted: Option<u8>,
    /// This process has added our finalizer.
    pub held: bool,
    /// The object as it was seen to go past our finalizer.
    pub overtaken: Option<Object>,
}

/// What an Account gives: a parent, and the generation of the API under which it is spoken to.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Parent {
    /// Which.
    pub id: u8,
    /// 1 or 2.
    pub generation: u8,
}

/// What a pass does next.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Task {
    /// What `plan` says.
    Plan,
    /// Read the Record after a bind that failed.
    LookAgain,
    /// Write the status, and end.
    Report {
        /// It says Ready.
        ready: bool,
    },
}

/// A pass under way.
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent of each other; each pair of values can occur"
)]
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Pass {
    /// The object that it is about.
    pub uid: u8,
    /// The Account as it was when the pass began.
    pub account: Option<Parent>,
    /// Where the Record lies.
    pub slot: u8,
    /// What comes next.
    pub task: Task,
    /// What `plan` decides on.
    pub facts: Facts,
    /// The object as cached or read.
    pub object: Option<Object>,
    /// The Record as cached or read.
    pub record: Option<Record>,
    /// The Record that an earlier object left, and where.
    pub predecessor: Option<(u8, Record)>,
    /// The user's Secret as read.
    pub secret: Option<UserSecret>,
    /// The account whose pair that Secret holds.
    pub evidence: Option<u8>,
    /// The marker of that account, once it is proved.
    pub marker: Option<(u8, u32)>,
    /// An account that is in no Record yet.
    pub made: Option<u8>,
    /// The API was asked for a token.
    pub token_asked: bool,
    /// After a bind that failed the Record was read once.
    pub looked: bool,
    /// The object was to be only looked at when the pass began.
    pub observed: bool,
    /// The Account said, when the pass began, that the account may be had.
    pub granted: bool,
}

/// A pair in memory only: its Record could not be written.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Held {
    /// The object that it was made for.
    pub uid: u8,
    /// Where the Record lies.
    pub slot: u8,
    /// The account.
    pub made: u8,
    /// The Record as its attempt was claimed.
    pub record: Record,
}

/// What one process holds.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Process {
    /// The cluster as its caches showed it when a pass began last.
    pub cache: Cluster,
    /// By uid; of fences by the place of the Record.
    pub memory: [Memory; UIDS],
    /// Accounts that its last list showed, one bit each.
    pub roster: u8,
    /// What its last walk showed, for who believes it of what was deleted only later.
    pub walked: Option<u8>,
    /// The pass under way.
    pub pass: Option<Pass>,
    /// A pair that no Record holds yet.
    pub held: Option<Held>,
}

/// A promise that was broken.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Broken {
    /// A marker was posted twice.
    PostedTwice,
    /// A bound account was deleted.
    DeletedBound,
    /// An account that a policy keeps was deleted.
    DeletedKept,
    /// An account that the living object's status or Secret names was deleted.
    DeletedNamed,
    /// Two Records hold one account.
    HeldTwice,
    /// An account was handed to an object that did not ask for it, or of a tenant that cannot prove a claim to it.
    Inherited,
    /// A create was posted beside the account that the restored object, or what it follows, names.
    PostedBeside,
    /// A pair that was answered is nowhere any more, though its Record could still take it.
    LostPair,
    /// The Record of an object that exists was closed by somebody who did not look.
    ClosedLiving,
    /// Something was posted for an object that names an account which is there already.
    PostedForAdoption,
    /// Something was written to Vobiz for an object that was to be only looked at.
    WrittenWhileObserved,
    /// Something was made or changed at Vobiz for an object whose namespace may not use its Account.
    WrittenWhileBarred,
    /// An account that was there before was deleted, and no spec ever said so.
    DeletedAdopted,
    /// The finalizer went while something was left.
    ReleasedEarly,
    /// More accounts lived at a time than two attempts explain.
    Multiplied,
    /// At rest there is an account that nothing explains.
    Stray,
    /// At rest the object has no account, or its pair is not where it should be.
    Unserved,
    /// At rest the finalizer is still on an object that is being deleted.
    Stuck,
    /// It never comes to rest.
    Restless,
}

/// One state.
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent of each other; each pair of values can occur"
)]
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct State {
    /// Kubernetes.
    pub cluster: Cluster,
    /// Vobiz.
    pub vobiz: Vobiz,
    /// The operator's processes.
    pub processes: [Process; PROCESSES],
    /// Faults to come.
    pub left: Budget,
    /// The next random series.
    pub next_series: u8,
    /// The uid of the next object of the name.
    pub next_uid: u8,
    /// The object whose deletion has begun and is still to be carried out: its finalizers were looked at.
    pub overtaking: Option<u8>,
    /// An object went past our finalizer, and nobody is left who could tell that from a finalizer that was taken off.
    pub unseen: bool,
    /// The account that a status named last, while an object may still be restored with it.
    pub backup: Option<u8>,
    /// The object was restored.
    pub restored: bool,
    /// The Account that the object names, while there is one.
    pub account: Option<Parent>,
    /// What the API server refuses now.
    pub denied: Option<Denied>,
    /// Vobiz answers 404 for every single account now.
    pub lost_route: bool,
    /// Vobiz accepts deletions and carries out none now.
    pub deaf: bool,
    /// The Account lists the account that is there already as one that may be had.
    pub granted: bool,
    /// The Account does not allow the namespace.
    pub barred: bool,
    /// A promise that was broken on the way here.
    pub broken: Option<Broken>,
}

impl Process {
    /// As it starts: nothing remembered, caches filled.
    #[must_use]
    pub fn fresh(cluster: &Cluster) -> Self {
        Self {
            cache: *cluster,
            memory: [Memory::default(); UIDS],
            roster: 0,
            walked: None,
            pass: None,
            held: None,
        }
    }
}

impl State {
    /// One new object, and nothing else.
    #[must_use]
    pub fn initial(policy: Policy, left: Budget) -> Self {
        let cluster = Cluster {
            object: Some(Object::new(0, policy, false)),
            ..Cluster::default()
        };
        Self {
            cluster,
            vobiz: Vobiz {
                accounts: [None::<Account>; crate::world::ACCOUNTS],
                flights: [None; FLIGHTS],
                posted: [0; SERIES],
            },
            processes: [Process::fresh(&Cluster::default()); PROCESSES],
            left,
            next_series: 0,
            next_uid: 1,
            overtaking: None,
            unseen: false,
            backup: None,
            restored: false,
            account: Some(Parent { id: 0, generation: 2 }),
            denied: None,
            lost_route: false,
            deaf: false,
            granted: false,
            barred: false,
            broken: None,
        }
    }

    /// See [`Cluster::turn`].
    pub fn turn(&mut self) {
        self.cluster.turn();
        for process in &mut self.processes {
            process.cache.turn();
        }
    }

    /// Notes the first promise that is broken.
    pub fn breaks(&mut self, broken: Broken) {
        self.broken = self.broken.or(Some(broken));
    }
}
