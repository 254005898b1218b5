//! What `plan` is told: a function of what a pass knows and of what surrounds it. Nobody else makes facts. PURE.

use super::known::{FormerSecret, Known, KnownRecord, MadePair};
use std::time::{Duration, Instant};
use vobiz_protocol::facts::{Account, Claim, Facts, Fence, Made, Object, Policy, Record};

/// What surrounds a pass at one moment, read from caches, clocks and what this process remembers.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "independent findings")]
pub struct Surroundings {
    /// The monotonic clock.
    pub now: Instant,
    /// The time within which a POST must follow its Record.
    pub guard: Duration,
    /// What the referenced Account allows.
    pub account: Account,
    /// The spec can be applied to the API generation in use.
    pub valid: bool,
    /// A person asked for a look at everything, and it was not taken yet.
    pub requested: bool,
    /// Vobiz answered the last creates with something that is no pair.
    pub unusable: bool,
    /// Pairs of others are in memory only.
    pub pairs_held: bool,
    /// The API shows the parent its accounts' tokens.
    pub shows_tokens: bool,
    /// A cache shows that somebody else keeps the account that the status names.
    pub claimed_by_another: bool,
    /// The Account says that the object may have the account that its spec names.
    pub granted: bool,
    /// The deletion policy.
    pub policy: Policy,
    /// One walk is to prove many deletions, this one among them.
    pub shared: bool,
    /// The Record's fenced epochs.
    pub fence: Fence,
    /// The Record's retention is over.
    pub retention_over: bool,
    /// No Account of the recorded parent is left in the cluster.
    pub parent_abandoned: bool,
}

/// The facts of this moment.
#[must_use]
pub fn facts(known: &Known, around: &Surroundings) -> Facts {
    Facts {
        object: known.life,
        finalizer: known.has_finalizer(),
        identity: known.is_named(),
        applied: known.applied,
        claim: claim(known, around),
        adoption: known.adoption(around.granted),
        observes: known.observes(),
        directive: known.directive(),
        requested: around.requested,
        reclaim: known.reclaims(),
        recreate: known.recreates(),
        valid: around.valid,
        unusable: around.unusable,
        pairs_held: around.pairs_held,
        account: around.account,
        permit: known.permit.is_some(),
        record: record(known),
        predecessor: known.predecessor.fact(),
        confirmation: known.confirmation,
        overtaken: known.overtaken.is_some(),
        looked_again: known.looked_again,
        guard_expired: known
            .read_record()
            .is_some_and(|read| around.now.duration_since(read.at) > around.guard),
        secret: known.secret.fact(),
        evidence: known.evidence.fact(),
        token_shown: around.shows_tokens && !known.asked.token,
        former_secret: known.may_have_former_secret(),
        write_refused: known.former_secret == FormerSecret::Refused,
        remote: known.remote,
        shared: around.shared,
        made: match known.made {
            MadePair::Nothing => Made::Nothing,
            MadePair::Pair(_) => Made::Pair,
            MadePair::Fenced(_) => Made::Fenced,
        },
        fence: around.fence,
        policy: around.policy,
        retention_over: around.retention_over,
        parent_abandoned: around.parent_abandoned,
    }
}

/// A cache is enough to see that somebody else keeps the account, and never to see that nobody does.
fn claim(known: &Known, around: &Surroundings) -> Claim {
    match &known.claim {
        None if around.claimed_by_another => Claim::Foreign,
        None => Claim::Unread,
        Some(judgement) if judgement.conflict.is_some() => Claim::Foreign,
        Some(judgement) if judgement.is_missing => Claim::Missing,
        Some(judgement) if judgement.is_contested => Claim::Contested,
        Some(_) => Claim::Own,
    }
}

fn record(known: &Known) -> Record {
    match &known.record {
        KnownRecord::Unread => Record::Unread,
        KnownRecord::Absent => Record::Absent,
        // Without its object a Record is looked after by quorum alone.
        KnownRecord::Cached(_) if known.life == Object::Unseen => Record::Unread,
        KnownRecord::Cached(record) => record.ledger.fact(false, false),
        KnownRecord::Read(read) => read.record.ledger.fact(read.unspent, true),
    }
}

#[cfg(test)]
mod tests;
