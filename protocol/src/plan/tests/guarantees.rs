//! The guarantees of the protocol, held against all facts. PURE.

use super::*;
use crate::plan::{Block, Rest, Wait};

const BOOLS: [bool; 2] = [false, true];
const OBJECTS: [Object; 3] = [Object::Live, Object::Deleting, Object::Unseen];
const DIRECTIVES: [Directive; 3] = [Directive::Manage, Directive::Pause, Directive::ForceDelete];
const PREDECESSORS: [Predecessor; 5] = [
    Predecessor::Nothing,
    Predecessor::Open,
    Predecessor::Orphaned,
    Predecessor::Tokenless,
    Predecessor::Another,
];
const ACCOUNTS: [Account; 4] = [
    Account::Preparing,
    Account::Unavailable,
    Account::Closing,
    Account::Ready,
];
const CONFIRMATIONS: [Confirmation; 3] = [
    Confirmation::Unasked,
    Confirmation::Confirmed,
    Confirmation::Refuted,
];
const CLAIMS: [Claim; 5] = [
    Claim::Unread,
    Claim::Own,
    Claim::Contested,
    Claim::Foreign,
    Claim::Missing,
];
const ADOPTIONS: [Adoption; 3] = [Adoption::Unasked, Adoption::Asked, Adoption::Granted];
const SECRETS: [UserSecret; 8] = [
    UserSecret::NotDue,
    UserSecret::Unread,
    UserSecret::Absent,
    UserSecret::Good,
    UserSecret::Different,
    UserSecret::Foreign,
    UserSecret::Refused,
    UserSecret::Contested,
];
const EVIDENCE: [Evidence; 4] = [
    Evidence::Unread,
    Evidence::Claimed,
    Evidence::Proven,
    Evidence::Nothing,
];
const REMOTES: [Remote; 9] = [
    Remote::Unknown,
    Remote::Unlisted,
    Remote::Matches,
    Remote::Differs,
    Remote::Stubborn,
    Remote::Deleted,
    Remote::StillThere,
    Remote::Missing,
    Remote::Gone,
];
const MADE: [Made; 3] = [Made::Nothing, Made::Pair, Made::Fenced];
const FENCES: [Fence; 4] = [Fence::Settling, Fence::Unwalked, Fence::Leftovers, Fence::Clean];
const POLICIES: [Policy; 2] = [Policy::Undecided, Policy::Decided];
const PHASES: [Phase; 8] = [
    Phase::Open { unspent: false },
    Phase::Open { unspent: true },
    Phase::Bound { token: false },
    Phase::Bound { token: true },
    Phase::Closed { account: false },
    Phase::Closed { account: true },
    Phase::Kept { disable: false },
    Phase::Kept { disable: true },
];

fn records() -> Vec<Record> {
    let mut records = vec![Record::Unread, Record::Absent];
    for phase in PHASES {
        for fenced in BOOLS {
            for quorum in BOOLS {
                records.push(Record::Present {
                    phase,
                    fenced,
                    quorum,
                });
            }
        }
    }
    records
}

/// Every combination of `of` in the fields named; the others stay.
macro_rules! every {
    ($facts:ident, [$($field:ident in $values:expr),+ $(,)?], $check:expr) => {
        every!(@ $facts, $check, $($field in $values),+)
    };
    (@ $facts:ident, $check:expr, $field:ident in $values:expr $(, $rest:ident in $more:expr)*) => {
        for value in $values {
            $facts.$field = value;
            every!(@ $facts, $check $(, $rest in $more)*);
        }
    };
    (@ $facts:ident, $check:expr) => { $check(&$facts) };
}

/// The facts with everything that this kind of pass does not look at set to one value.
#[expect(clippy::too_many_lines, reason = "one arm for each fact")]
fn looked_at(facts: &Facts) -> Facts {
    let base = new_object();
    if facts.made != Made::Nothing {
        return Facts {
            made: facts.made,
            observes: facts.observes && facts.made == Made::Fenced,
            ..base
        };
    }
    let paused = facts.directive == Directive::Pause;
    match (facts.object, facts.record) {
        (Object::Live, _) if paused => Facts {
            directive: Directive::Pause,
            ..base
        },
        (Object::Live, record) if is_bound(record) => Facts {
            finalizer: facts.finalizer,
            applied: facts.applied,
            adoption: if facts.adoption.is_asked() {
                Adoption::Asked
            } else {
                Adoption::Unasked
            },
            observes: facts.observes,
            requested: facts.requested,
            recreate: facts.recreate,
            valid: facts.valid,
            account: facts.account,
            record: facts.record,
            confirmation: facts.confirmation,
            secret: facts.secret,
            evidence: facts.evidence,
            former_secret: facts.former_secret,
            write_refused: facts.write_refused,
            remote: facts.remote,
            ..base
        },
        (Object::Live, record) if is_ended(record) => Facts {
            adoption: facts.adoption,
            observes: facts.observes,
            finalizer: facts.finalizer,
            identity: facts.identity,
            valid: facts.valid,
            unusable: facts.unusable,
            pairs_held: facts.pairs_held,
            account: facts.account,
            permit: facts.permit,
            record: facts.record,
            confirmation: facts.confirmation,
            remote: facts.remote,
            shared: is_deleted(facts) && facts.shared,
            ..base
        },
        (Object::Live, record) => Facts {
            applied: false,
            directive: Directive::Manage,
            requested: false,
            claim: if facts.identity || facts.adoption.is_asked() {
                facts.claim
            } else {
                Claim::Unread
            },
            predecessor: if record == Record::Absent || facts.identity || facts.adoption.is_asked() {
                facts.predecessor
            } else {
                Predecessor::Nothing
            },
            reclaim: facts.reclaim && (record == Record::Absent || facts.identity),
            write_refused: false,
            guard_expired: facts.guard_expired && record != Record::Absent,
            fence: if record == Record::Absent {
                base.fence
            } else {
                facts.fence
            },
            looked_again: false,
            former_secret: false,
            remote: Remote::Unknown,
            shared: false,
            policy: Policy::Decided,
            overtaken: false,
            retention_over: false,
            parent_abandoned: false,
            ..*facts
        },
        (Object::Deleting, _) => Facts {
            overtaken: false,
            applied: false,
            requested: false,
            reclaim: false,
            recreate: false,
            token_shown: false,
            valid: true,
            unusable: false,
            pairs_held: false,
            write_refused: false,
            permit: false,
            predecessor: Predecessor::Nothing,
            guard_expired: false,
            former_secret: false,
            shared: is_deleted(facts) && facts.shared,
            retention_over: false,
            parent_abandoned: false,
            ..*facts
        },
        (Object::Unseen, record) => Facts {
            object: Object::Unseen,
            overtaken: facts.overtaken && is_bound(record),
            policy: if facts.overtaken && is_bound(record) {
                facts.policy
            } else {
                base.policy
            },
            observes: facts.observes,
            directive: facts.directive,
            account: facts.account,
            record: facts.record,
            confirmation: facts.confirmation,
            remote: facts.remote,
            shared: is_deleted(facts) && facts.shared,
            fence: facts.fence,
            retention_over: facts.retention_over,
            parent_abandoned: facts.parent_abandoned,
            ..base
        },
    }
}

/// Its deletion was accepted, and is to be proved.
fn is_deleted(facts: &Facts) -> bool {
    facts.remote == Remote::Deleted && phase_of(facts.record) == Some(Phase::Closed { account: true })
}

fn phase_of(record: Record) -> Option<Phase> {
    match record {
        Record::Present { phase, .. } => Some(phase),
        Record::Unread | Record::Absent => None,
    }
}

fn is_bound(record: Record) -> bool {
    matches!(phase_of(record), Some(Phase::Bound { .. }))
}

fn is_ended(record: Record) -> bool {
    matches!(phase_of(record), Some(Phase::Closed { .. } | Phase::Kept { .. }))
}

/// Runs over all facts that a pass can look at: [`looked_at`] tells which those are.
fn over_all_facts(mut check: impl FnMut(&Facts)) {
    for (made, observes) in [(Made::Pair, false), (Made::Fenced, false), (Made::Fenced, true)] {
        check(&Facts {
            observes,
            made,
            ..new_object()
        });
    }
    let (bound, others): (Vec<_>, Vec<_>) = records().into_iter().partition(|record| is_bound(*record));
    let (ended, others): (Vec<_>, Vec<_>) = others.into_iter().partition(|record| is_ended(*record));
    let mut facts = new_object();
    every!(facts, [finalizer in BOOLS, applied in BOOLS, adoption in [Adoption::Unasked, Adoption::Asked], observes in BOOLS,
        requested in BOOLS, recreate in BOOLS, valid in BOOLS, account in ACCOUNTS, record in bound.iter().copied(),
        confirmation in CONFIRMATIONS, secret in SECRETS, evidence in EVIDENCE[1..].iter().copied(), former_secret in BOOLS,
        write_refused in BOOLS, remote in REMOTES], check);
    let mut facts = new_object();
    every!(facts, [finalizer in BOOLS, identity in BOOLS, valid in BOOLS, unusable in BOOLS, pairs_held in BOOLS, account in ACCOUNTS,
        adoption in [Adoption::Unasked, Adoption::Asked], observes in BOOLS, permit in BOOLS, record in ended.iter().copied(), confirmation in CONFIRMATIONS, remote in REMOTES,
        shared in BOOLS], check);
    let mut facts = Facts {
        record: Record::Absent,
        ..new_object()
    };
    every!(facts, [finalizer in BOOLS, reclaim in BOOLS, recreate in BOOLS, valid in BOOLS,
        unusable in BOOLS, pairs_held in BOOLS, account in ACCOUNTS, permit in BOOLS, predecessor in PREDECESSORS,
        confirmation in CONFIRMATIONS, secret in SECRETS, evidence in EVIDENCE, token_shown in BOOLS], check);
    let mut facts = Facts {
        identity: true,
        ..new_object()
    };
    let unbound = records()
        .into_iter()
        .filter(|record| !is_ended(*record) && !is_bound(*record));
    every!(facts, [finalizer in BOOLS, claim in CLAIMS, reclaim in BOOLS, recreate in BOOLS, valid in BOOLS, account in ACCOUNTS,
        record in unbound.clone(), predecessor in PREDECESSORS, confirmation in CONFIRMATIONS, secret in SECRETS,
        evidence in EVIDENCE, token_shown in BOOLS, observes in BOOLS], check);
    let mut facts = new_object();
    every!(facts, [finalizer in BOOLS, identity in BOOLS, claim in CLAIMS, adoption in ADOPTIONS[1..].iter().copied(), recreate in BOOLS,
        valid in BOOLS, account in ACCOUNTS, record in unbound.clone(), predecessor in PREDECESSORS, confirmation in CONFIRMATIONS,
        secret in SECRETS, evidence in EVIDENCE, token_shown in BOOLS, observes in BOOLS], check);
    let mut facts = Facts {
        observes: true,
        ..new_object()
    };
    every!(facts, [finalizer in BOOLS, reclaim in BOOLS, permit in BOOLS, account in ACCOUNTS, record in unbound.clone(),
        predecessor in PREDECESSORS, confirmation in CONFIRMATIONS, secret in SECRETS], check);
    let mut facts = new_object();
    every!(facts, [finalizer in BOOLS, recreate in BOOLS, valid in BOOLS, unusable in BOOLS, pairs_held in BOOLS,
        account in ACCOUNTS, permit in BOOLS, record in others.iter().copied(), confirmation in CONFIRMATIONS,
        guard_expired in BOOLS, secret in SECRETS, evidence in EVIDENCE, token_shown in BOOLS, fence in FENCES], check);
    let mut facts = Facts {
        object: Object::Deleting,
        ..new_object()
    };
    every!(facts, [finalizer in BOOLS, identity in BOOLS, claim in CLAIMS, directive in DIRECTIVES, account in ACCOUNTS,
        record in records(), confirmation in CONFIRMATIONS, looked_again in BOOLS, secret in SECRETS,
        evidence in EVIDENCE, remote in REMOTES, fence in FENCES, policy in POLICIES], check);
    let mut facts = Facts {
        object: Object::Deleting,
        remote: Remote::Deleted,
        shared: true,
        ..new_object()
    };
    every!(facts, [finalizer in BOOLS, identity in BOOLS, observes in BOOLS, directive in DIRECTIVES, account in ACCOUNTS,
        record in ended.iter().copied(), confirmation in CONFIRMATIONS, fence in FENCES, policy in POLICIES], check);
    let mut facts = Facts {
        object: Object::Deleting,
        finalizer: true,
        ..new_object()
    };
    every!(facts, [identity in BOOLS, claim in CLAIMS, adoption in [Adoption::Unasked, Adoption::Asked], observes in BOOLS, account in ACCOUNTS,
        record in records(), confirmation in CONFIRMATIONS, looked_again in BOOLS, secret in [UserSecret::Unread, UserSecret::Good],
        evidence in EVIDENCE, remote in REMOTES, fence in FENCES, policy in POLICIES], check);
    let mut facts = Facts {
        object: Object::Unseen,
        ..new_object()
    };
    every!(facts, [observes in BOOLS, directive in DIRECTIVES, account in ACCOUNTS, record in records(), confirmation in CONFIRMATIONS,
        remote in REMOTES, shared in BOOLS, fence in FENCES, retention_over in BOOLS, parent_abandoned in BOOLS], check);
    let mut facts = Facts {
        object: Object::Unseen,
        overtaken: true,
        ..new_object()
    };
    every!(facts, [observes in BOOLS, directive in DIRECTIVES, account in ACCOUNTS, record in bound.iter().copied(),
        confirmation in CONFIRMATIONS, remote in REMOTES, fence in FENCES, policy in POLICIES], check);
}

/// The phase, if the Record was read by quorum, and whether it is fenced.
fn by_quorum(facts: &Facts) -> Option<(Phase, bool)> {
    match facts.record {
        Record::Present {
            phase,
            fenced,
            quorum: true,
        } => Some((phase, fenced)),
        _ => None,
    }
}

/// A gone object of the name left a Record that holds the account, or may.
fn left_with_account(facts: &Facts) -> bool {
    matches!(facts.predecessor, Predecessor::Orphaned | Predecessor::Tokenless)
}

fn nothing_claimed(facts: &Facts) -> bool {
    !matches!(facts.evidence, Evidence::Claimed | Evidence::Proven)
        && !matches!(facts.secret, UserSecret::Unread | UserSecret::NotDue)
}

/// Nothing proves the pair of the account that the status names, and the user wants it made anew then.
fn lost(facts: &Facts) -> bool {
    matches!(facts.claim, Claim::Own | Claim::Missing)
        && facts.recreate
        && !facts.token_shown
        && facts.predecessor != Predecessor::Another
        && nothing_claimed(facts)
}

/// Whether the facts allow the step.
#[expect(clippy::too_many_lines, reason = "one arm for each step")]
fn is_allowed(facts: &Facts, step: Step) -> bool {
    let Facts {
        object,
        finalizer,
        identity,
        confirmation,
        ..
    } = *facts;
    let confirmed = confirmation == Confirmation::Confirmed;
    let leaving = object == Object::Deleting && finalizer;
    let gone = object == Object::Unseen && confirmation == Confirmation::Refuted;
    let managed = facts.directive != Directive::Pause;
    let asked = facts.adoption.is_asked();
    // Nothing is posted for it; and while it is only looked at, nothing is written to Vobiz.
    let may_post = !asked && !facts.observes;
    let may_take_over = object == Object::Live
        && managed
        && finalizer
        && facts.valid
        && !facts.unusable
        && (identity || asked || (facts.permit && !facts.pairs_held))
        && facts.account == Account::Ready;
    let may_create = may_take_over && !identity && may_post;
    let has_right =
        facts.evidence == Evidence::Proven || (facts.adoption == Adoption::Granted && nothing_claimed(facts));
    let may_intend = may_take_over
        && asked
        && has_right
        && matches!(facts.claim, Claim::Own | Claim::Contested)
        && !left_with_account(facts);
    let reachable = matches!(facts.account, Account::Ready | Account::Closing);
    let clean = |fenced: bool| !fenced || facts.fence == Fence::Clean;
    if facts.made != Made::Nothing {
        return step
            == match facts.made {
                Made::Pair => Step::Bind,
                _ if facts.observes => Step::Rest(Rest::Outdated),
                _ => Step::DeleteMade,
            };
    }
    if !managed && object != Object::Unseen {
        return step == Step::Rest(Rest::Waiting(Wait::Paused)) || (object == Object::Deleting && !finalizer);
    }
    match step {
        Step::Rest(_) => true,
        Step::Bind | Step::DeleteMade => false,
        Step::TakePermit => {
            object == Object::Live
                && !identity
                && !facts.permit
                && facts.account == Account::Ready
                && may_post
        }
        Step::AddFinalizer => object == Object::Live && !finalizer,
        Step::ReadRecord => {
            let unread = facts.record == Record::Unread
                || matches!(facts.record, Record::Present { quorum: false, .. });
            unread || (leaving && confirmed && !facts.looked_again)
        }
        Step::OpenRecord => {
            let free = match facts.predecessor {
                Predecessor::Nothing => true,
                Predecessor::Open => !facts.reclaim,
                Predecessor::Orphaned | Predecessor::Tokenless | Predecessor::Another => false,
            };
            let intent = may_create && free;
            let tombstone = leaving
                && identity
                && matches!(facts.claim, Claim::Own | Claim::Missing)
                && confirmed
                && facts.looked_again
                && facts.policy == Policy::Decided;
            facts.record == Record::Absent && (intent || tombstone)
        }
        Step::RebuildRecord => {
            object == Object::Live
                && finalizer
                && identity
                && !asked
                && facts.record == Record::Absent
                && matches!(facts.claim, Claim::Own | Claim::Missing)
                && !left_with_account(facts)
                && (facts.evidence == Evidence::Proven || lost(facts))
                && facts.account == Account::Ready
        }
        Step::OpenAdoption => may_intend && facts.record == Record::Absent,
        Step::Adopt => {
            may_intend
                && facts.claim == Claim::Own
                && confirmed
                && matches!(by_quorum(facts), Some((Phase::Open { .. }, _)))
        }
        Step::WithdrawAdoption => {
            let live = object == Object::Live;
            let going = leaving && confirmed && facts.looked_again && !identity;
            asked && (live || going) && matches!(by_quorum(facts), Some((Phase::Open { .. }, _)))
        }
        Step::RestorePair => {
            let rebuilds = identity
                && !asked
                && confirmed
                && matches!(facts.claim, Claim::Own | Claim::Missing)
                && !left_with_account(facts)
                && matches!(by_quorum(facts), Some((Phase::Open { .. }, _)));
            let completes = matches!(by_quorum(facts), Some((Phase::Bound { token: false }, _)));
            object == Object::Live && facts.evidence == Evidence::Proven && (rebuilds || completes)
        }
        Step::TakeOver => {
            may_create
                && matches!(by_quorum(facts), Some((Phase::Open { unspent: false }, fenced)) if clean(fenced))
        }
        Step::Reopen => {
            may_create
                && confirmed
                && matches!(by_quorum(facts), Some((Phase::Closed { account }, _))
                    if !account || facts.remote == Remote::Gone)
        }
        Step::ForgetIdentity => {
            object == Object::Live
                && identity
                && confirmed
                && matches!(by_quorum(facts), Some((Phase::Closed { account }, _))
                    if !account || facts.remote == Remote::Gone)
        }
        Step::ClosePredecessor => {
            may_create
                && confirmed
                && facts.reclaim
                && facts.record == Record::Absent
                && facts.predecessor == Predecessor::Open
        }
        Step::Reclaim => {
            let unbound = facts.record == Record::Absent
                || (identity && !asked && matches!(by_quorum(facts), Some((Phase::Open { .. }, _))));
            let whole = facts.predecessor == Predecessor::Orphaned
                || (facts.predecessor == Predecessor::Tokenless && facts.evidence == Evidence::Proven);
            may_take_over && confirmed && (facts.reclaim || asked) && unbound && whole
        }
        Step::JudgeClaim => {
            let may_learn = object == Object::Deleting || !asked || has_right;
            (identity || asked) && facts.claim == Claim::Unread && may_learn
        }
        Step::RecoverPair => {
            object == Object::Live
                && (identity || asked)
                && (matches!(facts.claim, Claim::Own | Claim::Missing)
                    || (asked && facts.claim == Claim::Contested))
                && facts.token_shown
                && facts.account == Account::Ready
                && nothing_claimed(facts)
        }
        Step::Create => {
            may_create
                && confirmed
                && !facts.guard_expired
                && nothing_claimed(facts)
                && facts.secret != UserSecret::Foreign
                && matches!(by_quorum(facts), Some((Phase::Open { unspent: true }, _)))
        }
        Step::Confirm => confirmation == Confirmation::Unasked,
        Step::ReadSecret => {
            object != Object::Unseen && matches!(facts.secret, UserSecret::Unread | UserSecret::NotDue)
        }
        Step::ProvePair => facts.evidence == Evidence::Claimed && reachable,
        Step::AdoptIdentity => facts.evidence == Evidence::Proven && !identity && !asked,
        Step::PublishSecret => {
            let bound = matches!(
                facts.record,
                Record::Present {
                    phase: Phase::Bound { token: true },
                    ..
                }
            );
            object == Object::Live
                && bound
                && (facts.secret == UserSecret::Absent
                    || (facts.secret == UserSecret::Different && facts.evidence != Evidence::Claimed))
        }
        Step::RemoveFormerSecret => {
            object == Object::Live && facts.former_secret && facts.secret == UserSecret::Good
        }
        Step::ReadAccount => reachable && matches!(facts.record, Record::Present { .. }),
        Step::Update => {
            let ours = match by_quorum(facts) {
                Some((Phase::Bound { .. }, _)) => {
                    object == Object::Live && facts.valid && finalizer && confirmed && !facts.observes
                }
                Some((Phase::Kept { disable: true }, _)) => leaving || gone,
                _ => false,
            };
            reachable && ours
        }
        Step::Close => match by_quorum(facts) {
            Some((Phase::Bound { .. }, _)) if object == Object::Live => {
                confirmed && facts.recreate && facts.remote == Remote::Gone && may_post
            }
            Some((Phase::Bound { .. }, _)) if facts.overtaken => gone && facts.policy == Policy::Decided,
            Some((Phase::Bound { .. }, _)) => {
                leaving && facts.policy == Policy::Decided && (confirmed || may_post)
            }
            Some((Phase::Open { .. }, _)) => {
                let proved =
                    (identity && facts.claim != Claim::Unread) || (!identity && nothing_claimed(facts));
                let lost =
                    object == Object::Live && finalizer && identity && confirmed && lost(facts) && may_post;
                lost || gone
                    || (leaving
                        && confirmed
                        && facts.looked_again
                        && proved
                        && facts.policy == Policy::Decided)
            }
            _ => false,
        },
        Step::Delete => {
            let anew = object == Object::Live && confirmed && may_post;
            reachable
                && (leaving || gone || anew)
                && matches!(by_quorum(facts), Some((Phase::Closed { account: true }, _)))
        }
        Step::DeleteLeftover => {
            let looks_only = facts.observes && !gone;
            reachable
                && !looks_only
                && facts.fence == Fence::Leftovers
                && matches!(by_quorum(facts), Some((_, true)))
        }
        Step::ReleaseFinalizer => {
            let proved = match (facts.record, by_quorum(facts)) {
                (Record::Absent, _) => {
                    let nobodys = if identity {
                        facts.claim.is_anothers()
                    } else {
                        asked || nothing_claimed(facts)
                    };
                    confirmed && facts.looked_again && nobodys
                }
                (_, Some((Phase::Closed { account }, fenced))) => {
                    (!account || facts.remote == Remote::Gone) && (clean(fenced) || facts.observes)
                }
                (_, Some((Phase::Kept { disable }, fenced))) => {
                    (!disable || matches!(facts.remote, Remote::Matches | Remote::Gone))
                        && (clean(fenced) || facts.observes)
                }
                _ => false,
            };
            leaving && (proved || (facts.directive == Directive::ForceDelete && confirmed))
        }
        Step::DropRecord => match by_quorum(facts) {
            Some((Phase::Closed { account }, fenced)) => {
                let deleted = !account || facts.remote == Remote::Gone;
                let walked = !fenced || (facts.fence == Fence::Clean && facts.retention_over);
                let hopeless = fenced && facts.parent_abandoned && facts.retention_over;
                gone && (deleted && walked || hopeless)
            }
            _ => false,
        },
    }
}

#[test]
fn no_combination_of_facts_leads_to_a_step_that_the_protocol_forbids() {
    let (mut seen, mut steps) = (0_u64, std::collections::HashSet::new());
    over_all_facts(|facts| {
        let step = plan(facts);
        seen += 1;
        steps.insert(step);
        assert!(is_allowed(facts, step), "{step:?} with {facts:#?}");
    });
    assert!(seen > 8_000_000, "only {seen} combinations were tried");
    for step in [
        Step::OpenAdoption,
        Step::WithdrawAdoption,
        Step::Adopt,
        Step::TakePermit,
        Step::AddFinalizer,
        Step::ReadRecord,
        Step::OpenRecord,
        Step::RebuildRecord,
        Step::TakeOver,
        Step::Confirm,
        Step::Create,
        Step::Bind,
        Step::ReadSecret,
        Step::ProvePair,
        Step::AdoptIdentity,
        Step::RestorePair,
        Step::PublishSecret,
        Step::RemoveFormerSecret,
        Step::ReadAccount,
        Step::Update,
        Step::Close,
        Step::Delete,
        Step::DeleteMade,
        Step::DeleteLeftover,
        Step::ReleaseFinalizer,
        Step::DropRecord,
        Step::Reopen,
        Step::ForgetIdentity,
        Step::ClosePredecessor,
        Step::Reclaim,
        Step::RecoverPair,
        Step::JudgeClaim,
    ] {
        assert!(steps.contains(&step), "{step:?} is never taken");
    }
}

#[test]
fn a_living_object_whose_record_is_kept_is_only_waited_for() {
    over_all_facts(|facts| {
        let kept = matches!(phase_of(facts.record), Some(Phase::Kept { .. }));
        if facts.object == Object::Live && kept && facts.made == Made::Nothing {
            assert_eq!(plan(facts), Step::Rest(Rest::Outdated), "{facts:#?}");
        }
    });
}

#[test]
fn nothing_is_done_for_a_paused_object_but_what_protects_a_pair_that_was_just_made() {
    over_all_facts(|facts| {
        let paused = Facts {
            directive: Directive::Pause,
            ..*facts
        };
        if paused.object == Object::Live || (paused.object == Object::Deleting && paused.finalizer) {
            let expected = match paused.made {
                Made::Nothing => Step::Rest(Rest::Waiting(Wait::Paused)),
                Made::Fenced if paused.observes => Step::Rest(Rest::Outdated),
                Made::Pair => Step::Bind,
                Made::Fenced => Step::DeleteMade,
            };
            assert_eq!(plan(&paused), expected, "{paused:#?}");
        }
    });
}

#[test]
fn a_lost_pair_costs_no_account_unless_the_user_asked_for_it() {
    over_all_facts(|facts| {
        let manual = Facts {
            recreate: false,
            ..*facts
        };
        if manual.object == Object::Live && manual.made == Made::Nothing && manual.identity {
            let step = plan(&manual);
            assert!(step != Step::Close, "{manual:#?}");
            let closed = matches!(phase_of(manual.record), Some(Phase::Closed { .. }));
            assert!(closed || step != Step::Delete, "{manual:#?}");
        }
        if manual.reclaim || manual.adoption.is_asked() {
            return;
        }
        let step = plan(&manual);
        assert!(
            !matches!(step, Step::Reclaim | Step::ClosePredecessor),
            "{manual:#?}"
        );
        let orphan = left_with_account(&manual);
        if manual.object == Object::Live && manual.record == Record::Absent && !manual.identity && orphan {
            assert!(
                step != Step::OpenRecord || manual.made != Made::Nothing,
                "{:?} {manual:#?}",
                Block::OrphanFound
            );
        }
    });
}

#[test]
fn an_open_record_of_a_gone_object_is_closed_and_a_bound_one_only_if_it_went_past_our_finalizer() {
    over_all_facts(|facts| {
        if facts.object != Object::Unseen || facts.confirmation != Confirmation::Refuted {
            return;
        }
        let step = plan(facts);
        match by_quorum(facts) {
            Some((Phase::Open { .. }, _)) => assert_eq!(step, Step::Close, "{facts:#?}"),
            Some((Phase::Bound { .. }, _)) if facts.overtaken && facts.policy == Policy::Decided => {
                assert_eq!(step, Step::Close, "{facts:#?}");
            }
            Some((Phase::Bound { .. }, _)) => {
                assert!(
                    matches!(step, Step::Rest(_) | Step::DeleteLeftover),
                    "{step:?} {facts:#?}"
                );
            }
            _ => {}
        }
    });
}

#[test]
fn a_deletion_that_was_accepted_is_proved_by_a_look_of_its_own_or_by_one_that_many_share_and_by_nothing_else()
{
    let deleted = record(Phase::Closed { account: true }, false);
    let mut facts = Facts {
        remote: Remote::Deleted,
        record: deleted,
        finalizer: true,
        ..new_object()
    };
    let check = |facts: &Facts| {
        let confirmation = match facts.object {
            Object::Unseen => Confirmation::Refuted,
            Object::Live | Object::Deleting => Confirmation::Unasked,
        };
        let facts = Facts {
            confirmation,
            ..*facts
        };
        let shared = Step::Rest(Rest::Waiting(Wait::SharedProof));
        let expected = if facts.shared { shared } else { Step::ReadAccount };
        assert_eq!(plan(&facts), expected, "{facts:#?}");
    };
    every!(facts, [object in [Object::Deleting, Object::Unseen], account in [Account::Closing, Account::Ready], fence in FENCES,
        retention_over in BOOLS, shared in BOOLS], check);
}

#[test]
fn nothing_is_asked_of_vobiz_before_requests_of_a_fenced_epoch_have_settled() {
    over_all_facts(|facts| {
        // What was to be looked at only is let go, and swept without its object.
        let forced = facts.directive == Directive::ForceDelete || facts.observes;
        if facts.fence == Fence::Settling && !forced && by_quorum(facts).is_some_and(|(_, fenced)| fenced) {
            let step = plan(facts);
            let too_early = matches!(
                step,
                Step::TakeOver | Step::DeleteLeftover | Step::ReleaseFinalizer
            ) || step == Step::Rest(Rest::Waiting(Wait::CleanWalk))
                || (step == Step::DropRecord && !facts.parent_abandoned);
            assert!(!too_early, "{step:?} {facts:#?}");
        }
    });
}

/// Numbers that look random and are the same in every run.
struct Dice(u64);

impl Dice {
    fn one_of<T: Copy>(&mut self, values: &[T]) -> T {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let index = usize::try_from(self.0 >> 33).unwrap() % values.len();
        values[index]
    }
}

#[test]
fn what_a_pass_does_not_look_at_changes_nothing() {
    let (records, mut dice) = (records(), Dice(1));
    for _ in 0..1_000_000 {
        let facts = Facts {
            object: dice.one_of(&OBJECTS),
            finalizer: dice.one_of(&BOOLS),
            identity: dice.one_of(&BOOLS),
            claim: dice.one_of(&CLAIMS),
            applied: dice.one_of(&BOOLS),
            adoption: dice.one_of(&ADOPTIONS),
            observes: dice.one_of(&BOOLS),
            directive: dice.one_of(&DIRECTIVES),
            requested: dice.one_of(&BOOLS),
            reclaim: dice.one_of(&BOOLS),
            recreate: dice.one_of(&BOOLS),
            valid: dice.one_of(&BOOLS),
            unusable: dice.one_of(&BOOLS),
            pairs_held: dice.one_of(&BOOLS),
            account: dice.one_of(&ACCOUNTS),
            permit: dice.one_of(&BOOLS),
            record: dice.one_of(&records),
            predecessor: dice.one_of(&PREDECESSORS),
            confirmation: dice.one_of(&CONFIRMATIONS),
            overtaken: dice.one_of(&BOOLS),
            looked_again: dice.one_of(&BOOLS),
            guard_expired: dice.one_of(&BOOLS),
            secret: dice.one_of(&SECRETS),
            evidence: dice.one_of(&EVIDENCE),
            token_shown: dice.one_of(&BOOLS),
            former_secret: dice.one_of(&BOOLS),
            write_refused: dice.one_of(&BOOLS),
            remote: dice.one_of(&REMOTES),
            shared: dice.one_of(&BOOLS),
            made: dice.one_of(&MADE),
            fence: dice.one_of(&FENCES),
            policy: dice.one_of(&POLICIES),
            retention_over: dice.one_of(&BOOLS),
            parent_abandoned: dice.one_of(&BOOLS),
        };
        assert_eq!(plan(&facts), plan(&looked_at(&facts)), "{facts:#?}");
    }
}

#[test]
fn an_account_that_another_record_or_object_holds_is_neither_deleted_nor_made_anew_on_the_word_of_a_status() {
    over_all_facts(|facts| {
        if facts.identity && facts.claim == Claim::Foreign && facts.made == Made::Nothing {
            let step = plan(facts);
            let takes = matches!(step, Step::RebuildRecord | Step::RestorePair | Step::RecoverPair);
            assert!(!takes, "{step:?} {facts:#?}");
        }
    });
}

#[test]
fn a_refused_secret_holds_no_update_of_the_account() {
    over_all_facts(|facts| {
        let refused = Facts {
            secret: UserSecret::Refused,
            ..*facts
        };
        let good = Facts {
            secret: UserSecret::Good,
            former_secret: false,
            ..*facts
        };
        if is_bound(facts.record) && facts.object == Object::Live && plan(&good) == Step::Update {
            assert_eq!(plan(&refused), Step::Update, "{facts:#?}");
        }
    });
}
