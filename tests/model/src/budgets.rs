//! Which runs prove the protocol; `showing` is which run shows what happens without each of its rules. PURE.

pub use crate::showing::showing;

use crate::rules::{Rules, Start};
use crate::state::Budget;
use crate::world::Policy::{Delete, Disable, Retain};

/// No faults.
pub(crate) const NONE: Budget = Budget {
    crashes: 0,
    unknowns: 0,
    failures: 0,
    refusals: 0,
    stale: 0,
    edits: 0,
    deletes: 0,
    overtakes: 0,
    strips: 0,
    lost_secrets: 0,
    lost_records: 0,
    outside: 0,
    restores: 0,
    orphans: 0,
    rollbacks: 0,
    denials: 0,
    lost_routes: 0,
    deafness: 0,
    moves: 0,
    observes: 0,
    grants: 0,
    forgeries: 0,
    bars: 0,
    accounts: 0,
};

pub(crate) const ONE: Rules = Rules {
    name: "",
    start: Start::New,
    processes: 1,
    policies: [Delete, Delete],
    reclaim: false,
    accept: false,
    objects: 1,
    recreate: false,
    shows_tokens: false,
    granted: false,
    observes: false,
    generation: 2,
    crowded: false,
    attempts: u32::MAX,
    budget: NONE,
    weakness: None,
};

/// See [`Rules::attempts`].
pub(crate) const TWO: Rules = Rules {
    processes: 2,
    attempts: 3,
    ..ONE
};

/// One object after another, policies, and everything that a create can meet.
pub(crate) const ONE_CREATE: Rules = Rules {
    name: "one process: crashes, unknown outcomes, a stale cache, an edit of the policy, delete, re-create",
    policies: [Delete, Retain],
    objects: 2,
    budget: Budget {
        crashes: 2,
        unknowns: 2,
        stale: 1,
        edits: 1,
        deletes: 1,
        ..NONE
    },
    ..ONE
};

pub(crate) const ONE_OVERTAKEN: Rules = Rules {
    name: "one process: a deletion that began before the finalizer was there, unknown outcomes, a stale cache, an edit of the policy, \
           re-create",
    policies: [Disable, Retain],
    objects: 2,
    budget: Budget {
        overtakes: 1,
        unknowns: 1,
        failures: 1,
        stale: 1,
        edits: 1,
        ..NONE
    },
    ..ONE
};

const ONE_OVERTAKEN_CRASH: Rules = Rules {
    name: "one process: a deletion that began before the finalizer was there, a crash, the Account deleted, an unknown outcome, delete, \
           re-create",
    objects: 2,
    budget: Budget {
        overtakes: 1,
        crashes: 1,
        accounts: 1,
        unknowns: 1,
        deletes: 1,
        ..NONE
    },
    ..ONE
};

const TWO_OVERTAKEN: Rules = Rules {
    name: "two processes: a deletion that began before the finalizer was there",
    budget: Budget { overtakes: 1, ..NONE },
    ..TWO
};

pub(crate) const ONE_LOSS: Rules = Rules {
    name: "one process: Record and Secret deleted, credentials made anew, account deleted outside",
    objects: 2,
    recreate: true,
    budget: Budget {
        lost_records: 1,
        lost_secrets: 1,
        outside: 1,
        deletes: 1,
        crashes: 1,
        stale: 1,
        ..NONE
    },
    ..ONE
};

const ONE_MANUAL: Rules = Rules {
    name: "one process: Record and Secret deleted, a person decides",
    objects: 2,
    budget: Budget {
        lost_records: 2,
        lost_secrets: 1,
        deletes: 1,
        unknowns: 1,
        failures: 1,
        ..NONE
    },
    ..ONE
};

const ONE_SHOWN: Rules = Rules {
    name: "one process: the API shows tokens, Record and Secret deleted",
    shows_tokens: true,
    budget: Budget {
        lost_records: 1,
        lost_secrets: 1,
        deletes: 1,
        unknowns: 1,
        crashes: 1,
        ..NONE
    },
    ..ONE
};

pub(crate) const ONE_RECLAIM: Rules = Rules {
    name: "one process: re-claim of what was disabled, finalizer stripped, policy edited",
    policies: [Disable, Delete],
    reclaim: true,
    objects: 2,
    budget: Budget {
        strips: 1,
        deletes: 2,
        unknowns: 1,
        crashes: 1,
        edits: 1,
        ..NONE
    },
    ..ONE
};

pub(crate) const ONE_REFUSAL: Rules = Rules {
    name: "one process: creates refused, requests that fail, passes that wait at the gate",
    objects: 2,
    budget: Budget {
        refusals: 2,
        failures: 2,
        deletes: 1,
        unknowns: 1,
        lost_records: 1,
        ..NONE
    },
    ..ONE
};

const TWO_UNKNOWN: Rules = Rules {
    name: "two processes: an unknown outcome, delete",
    budget: Budget {
        unknowns: 1,
        deletes: 1,
        ..NONE
    },
    ..TWO
};

const TWO_EDIT: Rules = Rules {
    name: "two processes: a crash, an edit of the policy, delete",
    policies: [Delete, Retain],
    budget: Budget {
        deletes: 1,
        edits: 1,
        crashes: 1,
        ..NONE
    },
    ..TWO
};

const TWO_LOSS: Rules = Rules {
    name: "two processes: Record deleted, delete",
    budget: Budget {
        lost_records: 1,
        deletes: 1,
        ..NONE
    },
    ..TWO
};

const TWO_ANEW: Rules = Rules {
    name: "two processes: account deleted outside and made anew, delete",
    recreate: true,
    budget: Budget {
        outside: 1,
        deletes: 1,
        ..NONE
    },
    ..TWO
};

const TWO_RECLAIM: Rules = Rules {
    name: "two processes: re-claim, a crash, an unknown outcome, an edit of the policy, delete",
    start: Start::Left,
    policies: [Delete, Retain],
    reclaim: true,
    objects: 2,
    budget: Budget {
        crashes: 1,
        unknowns: 1,
        deletes: 1,
        edits: 1,
        ..NONE
    },
    ..TWO
};

const TWO_STALE: Rules = Rules {
    name: "two processes: a stale cache, Disable, delete",
    policies: [Disable, Disable],
    budget: Budget {
        stale: 1,
        deletes: 1,
        ..NONE
    },
    ..TWO
};

const TWO_REFUSAL: Rules = Rules {
    name: "two processes: a create refused, a request that fails, delete",
    budget: Budget {
        refusals: 1,
        failures: 1,
        deletes: 1,
        ..NONE
    },
    ..TWO
};

const TWO_AGAIN: Rules = Rules {
    name: "two processes: from a served object: delete, finalizer stripped, re-create",
    start: Start::Served,
    objects: 2,
    budget: Budget {
        deletes: 1,
        strips: 1,
        ..NONE
    },
    ..TWO
};

const ONE_RESTORE: Rules = Rules {
    name: "one process: restored under a new uid, a stale cache, an edit of the policy, delete",
    start: Start::Served,
    policies: [Retain, Delete],
    objects: 2,
    budget: Budget {
        restores: 1,
        stale: 1,
        edits: 1,
        deletes: 2,
        orphans: 1,
        failures: 1,
        strips: 1,
        lost_secrets: 1,
        ..NONE
    },
    ..ONE
};

const ONE_RESTORE_ANEW: Rules = Rules {
    name: "one process: restored, and lost credentials or accounts are made anew",
    start: Start::Served,
    recreate: true,
    policies: [Retain, Delete],
    objects: 2,
    budget: Budget {
        restores: 1,
        stale: 1,
        edits: 1,
        deletes: 2,
        lost_records: 1,
        outside: 1,
        crashes: 1,
        ..NONE
    },
    ..ONE
};

pub(crate) const ONE_RESTORE_OLDER: Rules = Rules {
    name: "one process: restored from before its account was made anew",
    recreate: true,
    policies: [Retain, Delete],
    objects: 2,
    budget: Budget {
        restores: 1,
        edits: 1,
        deletes: 2,
        outside: 1,
        orphans: 1,
        crashes: 1,
        ..NONE
    },
    start: Start::Served,
    ..ONE
};

pub(crate) const ONE_RESTORE_RECLAIM: Rules = Rules {
    name: "one process: restored and re-claimed, finalizer stripped, Record and Secret lost, a Record of before its bind",
    start: Start::Served,
    reclaim: true,
    policies: [Disable, Delete],
    objects: 2,
    budget: Budget {
        restores: 1,
        deletes: 2,
        strips: 1,
        orphans: 1,
        lost_records: 1,
        rollbacks: 1,
        stale: 1,
        crashes: 1,
        ..NONE
    },
    ..ONE
};

const ONE_RESTORE_ACCEPTED: Rules = Rules {
    name: "one process: restored in a namespace that was made again, a person vouches for it",
    accept: true,
    ..ONE_RESTORE_RECLAIM
};

pub(crate) const ONE_DENIED: Rules = Rules {
    name: "one process: the API server refuses a kind of write for long, a crash, delete, re-create",
    objects: 2,
    budget: Budget {
        denials: 1,
        failures: 1,
        deletes: 1,
        crashes: 1,
        strips: 1,
        ..NONE
    },
    ..ONE
};

pub(crate) const ONE_ROUTE: Rules = Rules {
    name: "one process: the way to single accounts is lost, account deleted outside and made anew, Disable, a crash, delete",
    start: Start::Served,
    recreate: true,
    policies: [Disable, Delete],
    objects: 2,
    budget: Budget {
        lost_routes: 2,
        outside: 1,
        edits: 1,
        deletes: 1,
        crashes: 1,
        unknowns: 1,
        ..NONE
    },
    ..ONE
};

const TWO_ROUTE: Rules = Rules {
    name: "two processes: the way to single accounts is lost, delete",
    start: Start::Served,
    budget: Budget {
        lost_routes: 1,
        deletes: 1,
        crashes: 1,
        ..NONE
    },
    ..TWO
};

pub(crate) const ONE_DEAF: Rules = Rules {
    name: "one process: Vobiz accepts deletions and carries out none, account made anew, a crash, an unknown outcome, delete, re-create",
    recreate: true,
    objects: 2,
    budget: Budget {
        deafness: 1,
        outside: 1,
        deletes: 1,
        crashes: 1,
        unknowns: 1,
        ..NONE
    },
    ..ONE
};

pub(crate) const ONE_CROWD: Rules = Rules {
    name: "one process: a walk proves the deletion, which Vobiz accepts and does not carry out, the way to single accounts lost, a crash, \
           an unknown outcome, delete, re-create",
    crowded: true,
    objects: 2,
    budget: Budget {
        deafness: 1,
        lost_routes: 1,
        deletes: 1,
        crashes: 1,
        unknowns: 1,
        ..NONE
    },
    ..ONE
};

const TWO_CROWD: Rules = Rules {
    name: "two processes: a walk proves the deletion, which Vobiz accepts and does not carry out, a crash, delete",
    start: Start::Served,
    crowded: true,
    budget: Budget {
        deafness: 1,
        deletes: 1,
        crashes: 1,
        ..NONE
    },
    ..TWO
};

pub(crate) const ONE_MOVE: Rules = Rules {
    name: "one process: the Account goes over to the other generation of the API and back, creates lost and refused, a crash, delete",
    budget: Budget {
        moves: 2,
        unknowns: 2,
        refusals: 1,
        crashes: 1,
        deletes: 1,
        ..NONE
    },
    ..ONE
};

pub(crate) const ONE_MOVE_UP: Rules = Rules {
    name: "one process: the Account goes over to the newer generation of the API and back, its account deleted outside and made anew, delete",
    generation: 1,
    recreate: true,
    budget: Budget {
        moves: 2,
        unknowns: 1,
        refusals: 1,
        outside: 1,
        deletes: 1,
        ..NONE
    },
    ..ONE
};

const TWO_MOVE: Rules = Rules {
    name: "two processes: the Account goes over to the other generation of the API, delete",
    budget: Budget {
        moves: 1,
        deletes: 1,
        ..NONE
    },
    ..TWO
};

pub(crate) const ONE_PARENT: Rules = Rules {
    name: "one process: the Account deleted and made again for any parent and generation, an unknown outcome, a crash, delete",
    policies: [Disable, Delete],
    budget: Budget {
        accounts: 2,
        moves: 1,
        unknowns: 1,
        edits: 1,
        crashes: 1,
        deletes: 1,
        ..NONE
    },
    ..ONE
};

const TWO_PARENT: Rules = Rules {
    name: "two processes, from a served object: the Account deleted and made again for any parent and generation, a crash, delete",
    start: Start::Served,
    budget: Budget {
        accounts: 1,
        moves: 1,
        crashes: 1,
        deletes: 1,
        ..NONE
    },
    ..TWO
};

const TWO_RESTORE: Rules = Rules {
    name: "two processes: restored and re-claimed, finalizer stripped, a crash, an edit of the policy, delete",
    start: Start::Served,
    reclaim: true,
    policies: [Retain, Disable],
    objects: 2,
    budget: Budget {
        restores: 1,
        deletes: 2,
        edits: 1,
        strips: 1,
        crashes: 1,
        ..NONE
    },
    ..TWO
};

const TWO_DENIED: Rules = Rules {
    name: "two processes: the API server refuses a kind of write for long, delete",
    budget: Budget {
        denials: 1,
        deletes: 1,
        ..NONE
    },
    ..TWO
};

/// The runs that are exhausted each time.
pub const EXHAUSTED: [Rules; 35] = [
    ONE_CREATE,
    ONE_OVERTAKEN,
    ONE_OVERTAKEN_CRASH,
    TWO_OVERTAKEN,
    ONE_LOSS,
    ONE_MANUAL,
    ONE_SHOWN,
    ONE_RECLAIM,
    ONE_REFUSAL,
    TWO_UNKNOWN,
    TWO_EDIT,
    TWO_LOSS,
    TWO_ANEW,
    TWO_RECLAIM,
    TWO_STALE,
    TWO_REFUSAL,
    TWO_AGAIN,
    ONE_RESTORE,
    ONE_RESTORE_ANEW,
    ONE_RESTORE_OLDER,
    ONE_RESTORE_RECLAIM,
    ONE_RESTORE_ACCEPTED,
    ONE_DENIED,
    ONE_ROUTE,
    TWO_ROUTE,
    ONE_DEAF,
    ONE_CROWD,
    TWO_CROWD,
    ONE_MOVE,
    ONE_MOVE_UP,
    TWO_MOVE,
    ONE_PARENT,
    TWO_PARENT,
    TWO_RESTORE,
    TWO_DENIED,
];

/// Larger ones, by command, up to a time limit.
pub const LARGER: [Rules; 3] = [
    Rules {
        name: "larger: two processes, all objects after another, a stale cache, a crash, an unknown outcome",
        objects: 2,
        attempts: 4,
        budget: Budget {
            crashes: 1,
            unknowns: 1,
            stale: 1,
            deletes: 1,
            edits: 1,
            ..NONE
        },
        policies: [Delete, Retain],
        ..TWO
    },
    Rules {
        name: "larger: one process, three crashes, three unknown outcomes, two stale caches, everything deleted once",
        objects: 2,
        recreate: true,
        budget: Budget {
            crashes: 3,
            unknowns: 3,
            stale: 2,
            edits: 1,
            deletes: 2,
            strips: 1,
            lost_records: 1,
            lost_secrets: 1,
            outside: 1,
            failures: 1,
            refusals: 1,
            ..NONE
        },
        policies: [Delete, Disable],
        ..ONE
    },
    Rules {
        name: "larger: two processes, re-claim, losses, a stripped finalizer",
        start: Start::Left,
        reclaim: true,
        objects: 2,
        attempts: 4,
        budget: Budget {
            unknowns: 1,
            deletes: 1,
            strips: 1,
            lost_records: 1,
            lost_secrets: 1,
            ..NONE
        },
        ..TWO
    },
];
