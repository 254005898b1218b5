//! Which runs prove that accounts which are there already come to whom they may, and are left alone where they are only looked at, or where
//! their namespace may not use the Account. PURE.

use crate::budgets::{NONE, ONE, TWO};
use crate::rules::{Rules, Start};
use crate::state::Budget;
use crate::world::Policy::{Delete, Retain, Unsaid};

pub(crate) const ONE_ADOPTION: Rules = Rules {
    name: "one process: adopted by its pair or by a grant, which comes and goes, the Secret forged, a crash, an unknown outcome, delete, re-create",
    start: Start::There { possessed: true },
    policies: [Unsaid, Retain],
    objects: 2,
    budget: Budget {
        grants: 1,
        forgeries: 1,
        edits: 1,
        deletes: 1,
        crashes: 1,
        unknowns: 1,
        ..NONE
    },
    ..ONE
};

const ONE_ADOPTION_LOST: Rules = Rules {
    name: "one process: adopted by a grant, Record and Secret lost, a stale cache, account deleted outside, Recreate asked for, delete, re-create",
    start: Start::There { possessed: false },
    granted: true,
    recreate: true,
    policies: [Unsaid, Delete],
    objects: 2,
    budget: Budget {
        lost_records: 1,
        lost_secrets: 1,
        grants: 1,
        outside: 1,
        stale: 1,
        edits: 1,
        deletes: 1,
        failures: 1,
        ..NONE
    },
    ..ONE
};

const ONE_ADOPTION_SHOWN: Rules = Rules {
    name: "one process: adopted by a grant where the API shows tokens, the Record lost, a crash, delete, re-create",
    shows_tokens: true,
    budget: Budget {
        lost_records: 1,
        grants: 1,
        crashes: 1,
        deletes: 1,
        unknowns: 1,
        ..NONE
    },
    ..ONE_ADOPTION_LOST
};

pub(crate) const TWO_ADOPTION: Rules = Rules {
    name: "two processes: adopted by its pair, the Secret forged, an edit of the policy, an unknown outcome, a crash, delete",
    start: Start::There { possessed: true },
    policies: [Unsaid, Delete],
    budget: Budget {
        forgeries: 1,
        edits: 1,
        deletes: 1,
        crashes: 1,
        unknowns: 1,
        ..NONE
    },
    ..TWO
};

const ONE_ADOPTIONS: Rules = Rules {
    name: "one process: two objects adopt one account, one by its pair, a grant that comes and goes, a crash, an unknown outcome, a stale cache, deletes",
    start: Start::Beside { possessed: true },
    policies: [Unsaid, Unsaid],
    granted: true,
    budget: Budget {
        grants: 1,
        stale: 1,
        crashes: 1,
        unknowns: 1,
        deletes: 2,
        ..NONE
    },
    ..ONE
};

pub(crate) const TWO_ADOPTIONS: Rules = Rules {
    name: "two processes: two objects adopt one account, one of them by its pair, a grant that comes and goes, a crash, deletes",
    start: Start::Beside { possessed: true },
    policies: [Unsaid, Unsaid],
    granted: true,
    budget: Budget {
        grants: 1,
        crashes: 1,
        deletes: 2,
        ..NONE
    },
    ..TWO
};

const TWO_ADOPTIONS_LOST: Rules = Rules {
    name: "two processes: two objects adopt one account, a Record lost, a Secret lost",
    start: Start::Beside { possessed: true },
    policies: [Unsaid, Unsaid],
    granted: true,
    budget: Budget {
        lost_records: 1,
        lost_secrets: 1,
        ..NONE
    },
    ..TWO
};

pub(crate) const ONE_ADOPTION_OF_MADE: Rules = Rules {
    name: "one process: an adopter beside the creator of that very account, unknown outcomes, a crash, deletes",
    start: Start::BesideCreator,
    policies: [Delete, Delete],
    granted: true,
    budget: Budget {
        unknowns: 2,
        crashes: 1,
        deletes: 2,
        ..NONE
    },
    ..ONE
};

const TWO_ADOPTION_OF_MADE: Rules = Rules {
    name: "two processes: an adopter beside the creator of that very account, an unknown outcome",
    start: Start::BesideCreator,
    policies: [Delete, Delete],
    granted: true,
    budget: Budget { unknowns: 1, ..NONE },
    ..TWO
};

pub(crate) const ONE_OBSERVED: Rules = Rules {
    name: "one process: only looked at, then kept, and back, a stale cache, an edit of the policy, a crash, delete, re-create",
    start: Start::There { possessed: true },
    observes: true,
    policies: [Unsaid, Delete],
    objects: 2,
    budget: Budget {
        observes: 2,
        stale: 1,
        edits: 1,
        crashes: 1,
        deletes: 1,
        ..NONE
    },
    ..ONE
};

const ONE_OBSERVED_MADE: Rules = Rules {
    name: "one process: made, and to be only looked at at any moment, unknown outcomes, account deleted outside and made anew, delete",
    recreate: true,
    budget: Budget {
        observes: 2,
        unknowns: 2,
        outside: 1,
        crashes: 1,
        deletes: 1,
        ..NONE
    },
    ..ONE
};

const TWO_OBSERVED: Rules = Rules {
    name: "two processes: kept, and to be only looked at at any moment, a stale cache, delete",
    start: Start::There { possessed: true },
    policies: [Delete, Delete],
    budget: Budget {
        observes: 1,
        stale: 1,
        deletes: 1,
        ..NONE
    },
    ..TWO
};

pub(crate) const ONE_BARRED: Rules = Rules {
    name: "one process: made, and its namespace allowed or not at any moment, unknown outcomes, account deleted outside and made anew, \
           a crash, delete, re-create",
    recreate: true,
    objects: 2,
    budget: Budget {
        bars: 2,
        unknowns: 1,
        outside: 1,
        crashes: 1,
        deletes: 1,
        ..NONE
    },
    ..ONE
};

const ONE_BARRED_ADOPTION: Rules = Rules {
    name: "one process: adopted by its pair or by a grant, its namespace allowed or not at any moment, a lost Record, delete, re-create",
    start: Start::There { possessed: true },
    policies: [Unsaid, Delete],
    objects: 2,
    budget: Budget {
        bars: 2,
        grants: 1,
        lost_records: 1,
        edits: 1,
        crashes: 1,
        deletes: 1,
        ..NONE
    },
    ..ONE
};

const TWO_BARRED: Rules = Rules {
    name: "two processes: its namespace allowed or not at any moment, delete",
    budget: Budget {
        bars: 1,
        deletes: 1,
        ..NONE
    },
    ..TWO
};

/// The runs that are exhausted each time.
pub const EXHAUSTED: [Rules; 15] = [
    ONE_ADOPTION,
    ONE_ADOPTION_LOST,
    ONE_ADOPTION_SHOWN,
    TWO_ADOPTION,
    ONE_ADOPTIONS,
    TWO_ADOPTIONS,
    TWO_ADOPTIONS_LOST,
    ONE_ADOPTION_OF_MADE,
    TWO_ADOPTION_OF_MADE,
    ONE_OBSERVED,
    ONE_OBSERVED_MADE,
    TWO_OBSERVED,
    ONE_BARRED,
    ONE_BARRED_ADOPTION,
    TWO_BARRED,
];
