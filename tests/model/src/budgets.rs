//! Which runs prove the protocol, and which shows each weakness. PURE.

use crate::rules::Rules;
use crate::state::Budget;
use crate::world::Policy;

/// No faults.
const NONE: Budget = Budget {
    crashes: 0,
    unknowns: 0,
    failures: 0,
    refusals: 0,
    stale: 0,
    edits: 0,
    deletes: 0,
    strips: 0,
    lost_secrets: 0,
    lost_records: 0,
    thefts: 0,
    outside: 0,
    missed: 0,
};

const BASE: Rules = Rules {
    name: "",
    processes: 1,
    policies: [Policy::Delete, Policy::Delete],
    reclaim: false,
    objects: 1,
    recreate: false,
    shows_tokens: false,
    budget: NONE,
    weakness: None,
};

/// The runs that are exhausted each time.
#[must_use]
pub fn exhausted() -> Vec<Rules> {
    vec![
        Rules {
            name: "smoke",
            budget: Budget {
                crashes: 1,
                unknowns: 1,
                deletes: 1,
                ..NONE
            },
            objects: 2,
            ..BASE
        },
        Rules {
            name: "one process",
            policies: [Policy::Delete, Policy::Retain],
            objects: 2,
            budget: Budget {
                crashes: 2,
                unknowns: 2,
                stale: 1,
                edits: 1,
                deletes: 1,
                ..NONE
            },
            ..BASE
        },
        Rules {
            name: "two A",
            processes: 2,
            budget: Budget {
                unknowns: 1,
                deletes: 1,
                ..NONE
            },
            ..BASE
        },
        Rules {
            name: "two B",
            processes: 2,
            objects: 2,
            budget: Budget {
                deletes: 1,
                stale: 1,
                ..NONE
            },
            ..BASE
        },
        Rules {
            name: "two C",
            processes: 2,
            policies: [Policy::Delete, Policy::Retain],
            budget: Budget {
                deletes: 1,
                edits: 1,
                crashes: 1,
                ..NONE
            },
            ..BASE
        },
        Rules {
            name: "two D",
            processes: 2,
            budget: Budget {
                lost_records: 1,
                deletes: 1,
                ..NONE
            },
            ..BASE
        },
        Rules {
            name: "two E",
            processes: 2,
            recreate: true,
            budget: Budget {
                outside: 1,
                deletes: 1,
                ..NONE
            },
            ..BASE
        },
        Rules {
            name: "two F",
            processes: 2,
            objects: 2,
            reclaim: true,
            policies: [Policy::Retain, Policy::Delete],
            budget: Budget { deletes: 1, ..NONE },
            ..BASE
        },
        Rules {
            name: "one lost",
            objects: 2,
            recreate: true,
            budget: Budget {
                lost_records: 1,
                lost_secrets: 1,
                deletes: 1,
                unknowns: 1,
                crashes: 1,
                ..NONE
            },
            ..BASE
        },
        Rules {
            name: "one reclaim",
            objects: 2,
            reclaim: true,
            policies: [Policy::Disable, Policy::Delete],
            budget: Budget {
                strips: 1,
                deletes: 2,
                unknowns: 1,
                crashes: 1,
                edits: 1,
                ..NONE
            },
            ..BASE
        },
        Rules {
            name: "one refuse",
            budget: Budget {
                refusals: 2,
                failures: 2,
                deletes: 1,
                unknowns: 1,
                lost_records: 1,
                ..NONE
            },
            ..BASE
        },
    ]
}
