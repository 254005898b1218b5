//! Which run shows what happens without each rule of the protocol. PURE.

use crate::adoptions::{
    ONE_ADOPTION, ONE_ADOPTION_OF_MADE, ONE_BARRED, ONE_OBSERVED, TWO_ADOPTION, TWO_ADOPTIONS,
};
use crate::budgets::{
    NONE, ONE, ONE_CREATE, ONE_CROWD, ONE_DEAF, ONE_DENIED, ONE_LOSS, ONE_MOVE, ONE_MOVE_UP, ONE_OVERTAKEN,
    ONE_PARENT, ONE_RECLAIM, ONE_REFUSAL, ONE_RESTORE_OLDER, ONE_RESTORE_RECLAIM, ONE_ROUTE, TWO,
};
use crate::rules::{Rules, Start};
use crate::state::Budget;
use crate::weakness::Weakness;
use crate::world::Policy::{Delete, Disable, Retain};

/// The run that shows what happens without a rule.
#[must_use]
#[expect(clippy::too_many_lines, reason = "one arm for each weakness")]
pub fn showing(weakness: Weakness) -> Rules {
    let rules = match weakness {
        Weakness::TakeoverKeepsEpoch
        | Weakness::DeleteBeforeClose
        | Weakness::CompensateUnread
        | Weakness::NoSettle
        | Weakness::ImpatientTakeover
        | Weakness::UnspentAfterUnknown => ONE_CREATE,
        Weakness::IdentityIgnored | Weakness::NoEvidence | Weakness::RefutedCloses => ONE_REFUSAL,
        Weakness::RebuildWithoutLook | Weakness::ReopenBeforeGone => ONE_LOSS,
        Weakness::ItemAlone => ONE_ROUTE,
        Weakness::AcceptedAlone => ONE_DEAF,
        Weakness::EarlierWalk => ONE_CROWD,
        Weakness::EarlierGenerationForgotten | Weakness::AnyWalk => ONE_MOVE,
        Weakness::UnspentElsewhere => ONE_MOVE_UP,
        Weakness::AnyParent => ONE_PARENT,
        Weakness::PolicyDecidedTwice | Weakness::PredecessorIgnored => ONE_RECLAIM,
        Weakness::CachedAbsence => Rules {
            budget: Budget {
                stale: 1,
                failures: 1,
                deletes: 1,
                ..NONE
            },
            ..ONE
        },
        Weakness::CachedIdentity => Rules {
            budget: Budget {
                stale: 1,
                failures: 1,
                deletes: 1,
                lost_records: 1,
                lost_secrets: 1,
                ..NONE
            },
            ..ONE
        },
        Weakness::NoTombstone => Rules {
            start: Start::Served,
            policies: [Retain, Retain],
            budget: Budget {
                deletes: 1,
                lost_records: 1,
                ..NONE
            },
            ..ONE
        },
        Weakness::NoConfirmation
        | Weakness::DeleteAnyEpoch
        | Weakness::NoRetention
        | Weakness::SwapWithoutVersion => Rules {
            budget: Budget { deletes: 1, ..NONE },
            ..TWO
        },
        Weakness::CachedGone => Rules {
            budget: Budget { stale: 1, ..NONE },
            ..TWO
        },
        Weakness::FinalizerWithoutUid => Rules {
            start: Start::Served,
            objects: 2,
            budget: Budget { deletes: 1, ..NONE },
            ..TWO
        },
        Weakness::RebuildUnderOwnEpoch => Rules {
            budget: Budget {
                stale: 1,
                lost_records: 1,
                ..NONE
            },
            ..TWO
        },
        Weakness::LostIsFenced => Rules {
            budget: Budget {
                unknowns: 1,
                lost_records: 1,
                ..NONE
            },
            ..TWO
        },
        Weakness::UnspentOutlivesRecord => Rules {
            budget: Budget { refusals: 1, ..NONE },
            ..TWO
        },
        Weakness::StatusTrusted => Rules {
            start: Start::Served,
            policies: [Retain, Delete],
            objects: 2,
            budget: Budget {
                restores: 1,
                edits: 1,
                deletes: 2,
                ..NONE
            },
            ..ONE
        },
        Weakness::NamedPredecessorIgnored | Weakness::NamespaceByName => Rules {
            start: Start::Served,
            policies: [Retain, Retain],
            reclaim: true,
            objects: 2,
            budget: Budget {
                restores: 1,
                deletes: 1,
                ..NONE
            },
            ..ONE
        },
        Weakness::AnewBesideAnother => ONE_RESTORE_OLDER,
        Weakness::NamedLeftover | Weakness::CachedClaim | Weakness::FenceOfObject => ONE_RESTORE_RECLAIM,
        Weakness::SecretOfLostRecord => Rules {
            start: Start::Served,
            reclaim: true,
            policies: [Disable, Disable],
            objects: 2,
            budget: Budget {
                deletes: 1,
                crashes: 1,
                lost_records: 1,
                ..NONE
            },
            ..ONE
        },
        Weakness::HeldForgotten => ONE_DENIED,
        Weakness::ReclaimOfAnother => Rules {
            start: Start::Served,
            policies: [Retain, Retain],
            recreate: true,
            reclaim: true,
            objects: 2,
            budget: Budget {
                restores: 1,
                deletes: 1,
                outside: 1,
                crashes: 1,
                ..NONE
            },
            ..ONE
        },
        Weakness::AdoptionPosted | Weakness::PairUntried | Weakness::AdoptedByDefault => ONE_ADOPTION,
        Weakness::LookBeforeIntent | Weakness::AdoptedByCache | Weakness::NobodyFirst => TWO_ADOPTIONS,
        Weakness::MarkerIgnored => ONE_ADOPTION_OF_MADE,
        Weakness::AdoptedUnconfirmed => TWO_ADOPTION,
        Weakness::ObservedByCache => ONE_OBSERVED,
        Weakness::BarIgnored => ONE_BARRED,
        Weakness::OvertakenKept => ONE_OVERTAKEN,
        Weakness::NoSecondLook => Rules {
            start: Start::Left,
            reclaim: true,
            objects: 2,
            budget: Budget {
                stale: 1,
                deletes: 1,
                ..NONE
            },
            ..TWO
        },
    };
    Rules {
        weakness: Some(weakness),
        ..rules
    }
}
