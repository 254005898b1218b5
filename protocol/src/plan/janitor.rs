//! The next step for a Record that is looked after without its object: leftovers, orphans and tombstones. PURE.

use super::deleting::{close, delete, keep_disabled};
use super::{Rest, Step, Wait, sweep, waiting, with_account};
use crate::facts::{Confirmation, Directive, Facts, Fence, Phase, Record, Remote};

/// The janitor's pass: a Record is looked after whether its object lives or not.
pub(super) fn janitor(facts: &Facts) -> Step {
    let Record::Present {
        phase,
        fenced,
        quorum: true,
    } = facts.record
    else {
        return match facts.record {
            // Nothing to look after. Promise 4.
            Record::Absent => Step::Rest(Rest::Settled),
            // Promise 2: what is void, and whose, is told by the Record itself and by no cache.
            Record::Unread | Record::Present { .. } => Step::ReadRecord,
        };
    };
    match facts.confirmation {
        // Rule 9.
        Confirmation::Unasked => return Step::Confirm,
        // Refuted: no object of this uid exists any more, proved by quorum. Rule 9.
        Confirmation::Refuted => {}
        // Hands off, as a person asked.
        Confirmation::Confirmed if facts.directive == Directive::Pause => return Step::Rest(Rest::Settled),
        // Rule 49.
        Confirmation::Confirmed if facts.observes => return Step::Rest(Rest::Settled),
        // Promise 1: none is left over, whether the object looks or not.
        Confirmation::Confirmed if fenced => return sweep_or(facts, Step::Rest(Rest::Settled)),
        // Rule 9: the rest is its object's.
        Confirmation::Confirmed => return Step::Rest(Rest::Settled),
    }
    match phase {
        // Its epoch is void from here on. Rules 6, 9.
        Phase::Open { .. } => Step::Close,
        // Its user deleted it, and no finalizer held it. Rule 55.
        Phase::Bound { .. } if facts.overtaken => close(facts),
        // A restore brings objects back with new uids: the account is reported, never deleted. Promise 2, rule 5.
        Phase::Bound { .. } if fenced => sweep_or(facts, Step::Rest(Rest::Settled)),
        // Promise 2.
        Phase::Bound { .. } => Step::Rest(Rest::Settled),
        // Rule 12.
        Phase::Kept { disable } => match disable.then(|| keep_disabled(facts)).flatten() {
            Some(step) => step,
            None if fenced => sweep_or(facts, Step::Rest(Rest::Settled)),
            None => Step::Rest(Rest::Settled),
        },
        // Without a fence there is no retention to be over: an account that was not proved gone is waited for. Rule 7.
        Phase::Closed { .. } if fenced && facts.parent_abandoned && facts.retention_over => Step::DropRecord,
        Phase::Closed { account } => match account.then(|| prove_deleted(facts)).flatten() {
            // Rules 37, 41.
            Some(step) => step,
            // Nothing of it can come late.
            None if !fenced => Step::DropRecord,
            // Rules 6, 39, 42.
            None if facts.fence != Fence::Clean => sweep(facts.fence, facts),
            // Rule 7.
            None if facts.retention_over => Step::DropRecord,
            None => waiting(Wait::Retention),
        },
    }
}

fn sweep_or(facts: &Facts, clean: Step) -> Step {
    if facts.fence == Fence::Clean {
        clean
    } else {
        sweep(facts.fence, facts)
    }
}

/// As [`delete`], but looking first: the pass that closed the Record has most likely deleted the account already.
pub(super) fn prove_deleted(facts: &Facts) -> Option<Step> {
    match facts.remote {
        // Promise 3: a GET tells.
        Remote::Unknown | Remote::Unlisted => Some(with_account(facts, Step::ReadAccount)),
        _ => delete(facts),
    }
}
