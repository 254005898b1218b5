//! The guarantees of the protocol, held against all facts. PURE.

use super::*;
use crate::subaccount::plan::{Rest, Wait};

const BOOLS: [bool; 2] = [false, true];
const OBJECTS: [Object; 3] = [Object::Live, Object::Deleting, Object::Unseen];
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
const SECRETS: [UserSecret; 6] = [
    UserSecret::NotDue,
    UserSecret::Unread,
    UserSecret::Absent,
    UserSecret::Good,
    UserSecret::Different,
    UserSecret::Foreign,
];
const EVIDENCE: [Evidence; 4] = [
    Evidence::Unread,
    Evidence::Claimed,
    Evidence::Proven,
    Evidence::Nothing,
];
const REMOTES: [Remote; 8] = [
    Remote::Unknown,
    Remote::Unlisted,
    Remote::Matches,
    Remote::Differs,
    Remote::Stubborn,
    Remote::Deleted,
    Remote::StillThere,
    Remote::Gone,
];
const MADE: [Made; 3] = [Made::Nothing, Made::Pair, Made::Fenced];
const FENCES: [Fence; 4] = [Fence::Settling, Fence::Unwalked, Fence::Leftovers, Fence::Clean];
const POLICIES: [Policy; 2] = [Policy::Undecided, Policy::Decided];
const PHASES: [Phase; 7] = [
    Phase::Open { unspent: false },
    Phase::Open { unspent: true },
    Phase::Bound,
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
fn looked_at(facts: &Facts) -> Facts {
    let base = new_object();
    if facts.made != Made::Nothing {
        return Facts {
            made: facts.made,
            ..base
        };
    }
    match (facts.object, facts.record) {
        (
            Object::Live,
            Record::Present {
                phase: Phase::Bound, ..
            },
        ) => Facts {
            finalizer: facts.finalizer,
            identity: facts.identity,
            applied: facts.applied,
            valid: facts.valid,
            account: facts.account,
            record: facts.record,
            secret: facts.secret,
            former_secret: facts.former_secret,
            remote: facts.remote,
            ..base
        },
        (Object::Live, _) => Facts {
            applied: false,
            former_secret: false,
            looked_again: false,
            remote: Remote::Unknown,
            policy: Policy::Decided,
            retention_over: false,
            parent_abandoned: false,
            ..*facts
        },
        (Object::Deleting, _) => Facts {
            applied: false,
            valid: true,
            unusable: false,
            permit: false,
            predecessor: false,
            guard_expired: false,
            former_secret: false,
            retention_over: false,
            parent_abandoned: false,
            ..*facts
        },
        (Object::Unseen, _) => Facts {
            object: Object::Unseen,
            account: facts.account,
            record: facts.record,
            confirmation: facts.confirmation,
            remote: facts.remote,
            fence: facts.fence,
            retention_over: facts.retention_over,
            parent_abandoned: facts.parent_abandoned,
            ..base
        },
    }
}

/// Runs over all facts that a pass can look at: [`looked_at`] tells which those are.
fn over_all_facts(mut check: impl FnMut(&Facts)) {
    for made in [Made::Pair, Made::Fenced] {
        check(&Facts { made, ..new_object() });
    }
    let is_bound = |record: &Record| {
        matches!(
            record,
            Record::Present {
                phase: Phase::Bound,
                ..
            }
        )
    };
    let (bound, others): (Vec<_>, Vec<_>) = records().into_iter().partition(is_bound);
    let mut facts = new_object();
    every!(facts, [finalizer in BOOLS, identity in BOOLS, applied in BOOLS, valid in BOOLS, account in ACCOUNTS,
        record in bound.iter().copied(), secret in SECRETS, former_secret in BOOLS, remote in REMOTES], check);
    let mut facts = new_object();
    every!(facts, [finalizer in BOOLS, identity in BOOLS, valid in BOOLS, unusable in BOOLS, account in ACCOUNTS,
        permit in BOOLS, record in others.iter().copied(), predecessor in BOOLS, confirmation in CONFIRMATIONS,
        guard_expired in BOOLS, secret in SECRETS, evidence in EVIDENCE, fence in FENCES], check);
    let mut facts = Facts {
        object: Object::Deleting,
        ..new_object()
    };
    every!(facts, [finalizer in BOOLS, identity in BOOLS, account in ACCOUNTS, record in records(),
        confirmation in CONFIRMATIONS, looked_again in BOOLS, secret in SECRETS, evidence in EVIDENCE,
        remote in REMOTES, fence in FENCES, policy in POLICIES], check);
    let mut facts = Facts {
        object: Object::Unseen,
        ..new_object()
    };
    every!(facts, [account in ACCOUNTS, record in records(), confirmation in CONFIRMATIONS, remote in REMOTES,
        fence in FENCES, retention_over in BOOLS, parent_abandoned in BOOLS], check);
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

fn nothing_claimed(facts: &Facts) -> bool {
    !matches!(facts.evidence, Evidence::Claimed | Evidence::Proven)
        && !matches!(facts.secret, UserSecret::Unread | UserSecret::NotDue)
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
    let may_create = object == Object::Live
        && finalizer
        && facts.permit
        && facts.valid
        && !facts.unusable
        && !identity
        && facts.account == Account::Ready;
    let reachable = matches!(facts.account, Account::Ready | Account::Closing);
    let clean = |fenced: bool| !fenced || facts.fence == Fence::Clean;
    if facts.made != Made::Nothing {
        return step
            == if facts.made == Made::Pair {
                Step::Bind
            } else {
                Step::DeleteMade
            };
    }
    match step {
        Step::Rest(_) => true,
        Step::Bind | Step::DeleteMade => false,
        Step::TakePermit => {
            object == Object::Live && !identity && !facts.permit && facts.account == Account::Ready
        }
        Step::AddFinalizer => object == Object::Live && !finalizer,
        Step::ReadRecord => {
            let unread = facts.record == Record::Unread
                || matches!(facts.record, Record::Present { quorum: false, .. });
            unread || (leaving && confirmed && !facts.looked_again)
        }
        Step::OpenRecord => {
            let intent = may_create && !facts.predecessor;
            let tombstone = leaving
                && identity
                && confirmed
                && facts.looked_again
                && facts.policy == Policy::Decided
                && reachable;
            facts.record == Record::Absent && (intent || tombstone)
        }
        Step::RebuildRecord => {
            object == Object::Live
                && finalizer
                && identity
                && facts.record == Record::Absent
                && facts.evidence == Evidence::Proven
                && facts.account == Account::Ready
        }
        Step::RestorePair => {
            object == Object::Live
                && identity
                && confirmed
                && facts.evidence == Evidence::Proven
                && matches!(by_quorum(facts), Some((Phase::Open { .. }, _)))
        }
        Step::TakeOver => {
            may_create
                && matches!(by_quorum(facts), Some((Phase::Open { unspent: false }, fenced)) if clean(fenced))
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
        Step::AdoptIdentity => facts.evidence == Evidence::Proven && !identity,
        Step::PublishSecret => {
            let bound = matches!(
                facts.record,
                Record::Present {
                    phase: Phase::Bound,
                    ..
                }
            );
            object == Object::Live
                && bound
                && matches!(facts.secret, UserSecret::Absent | UserSecret::Different)
        }
        Step::RemoveFormerSecret => {
            object == Object::Live && facts.former_secret && facts.secret == UserSecret::Good
        }
        Step::ReadAccount => reachable && matches!(facts.record, Record::Present { .. }),
        Step::Update => {
            let ours = match by_quorum(facts) {
                Some((Phase::Bound, _)) => object == Object::Live && facts.valid && finalizer,
                Some((Phase::Kept { disable: true }, _)) => leaving || gone,
                _ => false,
            };
            reachable && ours
        }
        Step::Close => match by_quorum(facts) {
            Some((Phase::Bound, _)) => leaving && facts.policy == Policy::Decided,
            Some((Phase::Open { .. }, _)) => {
                let proved = identity || nothing_claimed(facts);
                gone || (leaving
                    && confirmed
                    && facts.looked_again
                    && proved
                    && facts.policy == Policy::Decided)
            }
            _ => false,
        },
        Step::Delete => {
            reachable
                && (leaving || gone)
                && matches!(by_quorum(facts), Some((Phase::Closed { account: true }, _)))
        }
        Step::DeleteLeftover => {
            reachable && facts.fence == Fence::Leftovers && matches!(by_quorum(facts), Some((_, true)))
        }
        Step::ReleaseFinalizer => {
            let proved = match (facts.record, by_quorum(facts)) {
                (Record::Absent, _) => confirmed && facts.looked_again && !identity && nothing_claimed(facts),
                (_, Some((Phase::Closed { account }, fenced))) => {
                    (!account || facts.remote == Remote::Gone) && clean(fenced)
                }
                (_, Some((Phase::Kept { disable }, fenced))) => {
                    (!disable || matches!(facts.remote, Remote::Matches | Remote::Gone)) && clean(fenced)
                }
                _ => false,
            };
            leaving && proved
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
    ] {
        assert!(steps.contains(&step), "{step:?} is never taken");
    }
}

#[test]
fn a_living_object_whose_record_says_closed_or_kept_is_only_waited_for() {
    over_all_facts(|facts| {
        let ended = matches!(
            facts.record,
            Record::Present {
                phase: Phase::Closed { .. } | Phase::Kept { .. },
                ..
            }
        );
        if facts.object == Object::Live && ended && facts.made == Made::Nothing {
            assert!(
                matches!(plan(facts), Step::Rest(Rest::Outdated) | Step::ReadRecord),
                "{facts:#?}"
            );
        }
    });
}

#[test]
fn an_open_record_of_a_gone_object_is_closed_and_a_bound_one_is_never_touched() {
    over_all_facts(|facts| {
        if facts.object != Object::Unseen || facts.confirmation != Confirmation::Refuted {
            return;
        }
        let step = plan(facts);
        match by_quorum(facts) {
            Some((Phase::Open { .. }, _)) => assert_eq!(step, Step::Close, "{facts:#?}"),
            Some((Phase::Bound, _)) => {
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
fn nothing_is_asked_of_vobiz_before_requests_of_a_fenced_epoch_have_settled() {
    over_all_facts(|facts| {
        if facts.fence == Fence::Settling && by_quorum(facts).is_some_and(|(_, fenced)| fenced) {
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
            applied: dice.one_of(&BOOLS),
            valid: dice.one_of(&BOOLS),
            unusable: dice.one_of(&BOOLS),
            account: dice.one_of(&ACCOUNTS),
            permit: dice.one_of(&BOOLS),
            record: dice.one_of(&records),
            predecessor: dice.one_of(&BOOLS),
            confirmation: dice.one_of(&CONFIRMATIONS),
            looked_again: dice.one_of(&BOOLS),
            guard_expired: dice.one_of(&BOOLS),
            secret: dice.one_of(&SECRETS),
            evidence: dice.one_of(&EVIDENCE),
            former_secret: dice.one_of(&BOOLS),
            remote: dice.one_of(&REMOTES),
            made: dice.one_of(&MADE),
            fence: dice.one_of(&FENCES),
            policy: dice.one_of(&POLICIES),
            retention_over: dice.one_of(&BOOLS),
            parent_abandoned: dice.one_of(&BOOLS),
        };
        assert_eq!(plan(&facts), plan(&looked_at(&facts)), "{facts:#?}");
    }
}
