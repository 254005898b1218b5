//! The paths that passes take, step by step, with what each step finds folded back into the facts. PURE.

use super::*;
use crate::plan::{Block, Rest, Wait};

/// What the cluster and Vobiz answer a pass.
#[derive(Clone, Copy)]
struct World {
    /// The Record that a read finds.
    record: Record,
    /// The user's Secret that a read finds, while no Record holds a pair.
    evidence: Evidence,
    /// Whose the account is that the status names.
    claim: Claim,
    /// The same, once a Record says that the object is about to hold it.
    meanwhile: Claim,
    /// What asking Vobiz about that pair proves.
    proof: Evidence,
    /// The account that a read finds.
    remote: Remote,
    /// What closing the Record decides.
    closed: Phase,
    /// What the re-read of the object says.
    confirmation: Confirmation,
}

const WORLD: World = World {
    record: Record::Absent,
    evidence: Evidence::Nothing,
    claim: Claim::Own,
    meanwhile: Claim::Own,
    proof: Evidence::Proven,
    remote: Remote::Gone,
    closed: Phase::Closed { account: true },
    confirmation: Confirmation::Confirmed,
};

/// Most steps of one pass in these tests; more of them is a circle.
const MOST: usize = 20;

/// What a step changes; none where it ends the pass.
fn fold(facts: &mut Facts, step: Step, world: &mut World) -> Option<()> {
    let fenced = matches!(facts.record, Record::Present { fenced: true, .. });
    match step {
        Step::Rest(_)
        | Step::AdoptIdentity
        | Step::ReleaseFinalizer
        | Step::DropRecord
        | Step::DeleteMade => return None,
        Step::TakePermit => facts.permit = true,
        Step::AddFinalizer => facts.finalizer = true,
        Step::ReadRecord => {
            facts.record = world.record;
            facts.looked_again = facts.confirmation == Confirmation::Confirmed;
        }
        Step::OpenRecord => {
            let unspent = facts.object == Object::Live;
            world.record = record(Phase::Open { unspent }, false);
            facts.record = world.record;
            if !unspent {
                facts.confirmation = Confirmation::Unasked;
                facts.looked_again = false;
            }
        }
        Step::RebuildRecord | Step::OpenAdoption => {
            facts.record = record(Phase::Open { unspent: false }, false);
            facts.claim = Claim::Unread;
            // Who came meanwhile is seen by the second look.
            world.claim = world.meanwhile;
        }
        Step::WithdrawAdoption => facts.record = Record::Absent,
        Step::TakeOver => {
            facts.record = record(Phase::Open { unspent: true }, true);
            facts.fence = Fence::Settling;
        }
        Step::Reopen => {
            facts.record = record(Phase::Open { unspent: true }, true);
            facts.confirmation = Confirmation::Unasked;
            facts.remote = Remote::Unknown;
        }
        Step::ForgetIdentity => facts.identity = false,
        Step::ClosePredecessor => facts.predecessor = Predecessor::Orphaned,
        Step::Reclaim => {
            facts.record = record(Phase::Bound { token: true }, false);
            facts.remote = Remote::Matches;
            facts.secret = UserSecret::Absent;
        }
        Step::RecoverPair => {
            facts.token_shown = false;
            facts.evidence = world.proof;
        }
        Step::Confirm => facts.confirmation = world.confirmation,
        Step::Create => facts.made = Made::Pair,
        Step::Bind | Step::RestorePair | Step::Adopt => {
            let token = step != Step::Adopt || facts.evidence == Evidence::Proven;
            facts.made = Made::Nothing;
            facts.record = record(Phase::Bound { token }, fenced);
            facts.remote = Remote::Matches;
            if facts.secret == UserSecret::Absent || facts.evidence == Evidence::Proven {
                facts.secret = UserSecret::Different;
            }
        }
        Step::ReadSecret => {
            facts.evidence = world.evidence;
            facts.secret = match world.evidence {
                Evidence::Claimed => UserSecret::Different,
                _ => UserSecret::Absent,
            };
        }
        Step::JudgeClaim => facts.claim = world.claim,
        Step::ProvePair => facts.evidence = world.proof,
        Step::PublishSecret => facts.secret = UserSecret::Good,
        Step::RemoveFormerSecret => facts.former_secret = false,
        Step::ReadAccount => {
            facts.requested = false;
            facts.remote = world.remote;
        }
        Step::Update => facts.remote = Remote::Matches,
        Step::Close => {
            let open = matches!(
                facts.record,
                Record::Present {
                    phase: Phase::Open { .. },
                    ..
                }
            );
            facts.record = record(world.closed, fenced || open);
        }
        Step::Delete => facts.remote = Remote::Deleted,
        Step::DeleteLeftover => facts.fence = Fence::Unwalked,
    }
    Some(())
}

fn drive(mut facts: Facts, mut world: World) -> Vec<Step> {
    let mut taken = Vec::new();
    while taken.len() < MOST {
        let step = plan(&facts);
        taken.push(step);
        if fold(&mut facts, step, &mut world).is_none() {
            return taken;
        }
    }
    panic!("the pass goes in circles: {taken:?}");
}

fn deleting(found: Record) -> (Facts, World) {
    let facts = Facts {
        object: Object::Deleting,
        finalizer: true,
        identity: true,
        ..new_object()
    };
    (
        facts,
        World {
            record: found,
            ..WORLD
        },
    )
}

fn waits(wait: Wait) -> Step {
    Step::Rest(Rest::Waiting(wait))
}

#[test]
fn a_new_object_gets_its_account_with_one_post_and_no_read_too_many() {
    let path = [
        Step::TakePermit,
        Step::AddFinalizer,
        Step::ReadRecord,
        Step::OpenRecord,
        Step::ReadSecret,
        Step::Confirm,
        Step::Create,
        Step::Bind,
        Step::PublishSecret,
        Step::Rest(Rest::Settled),
    ];
    assert_eq!(drive(new_object(), WORLD), path);
}

#[test]
fn a_secret_that_differs_is_not_overwritten_with_the_pair_of_a_cached_record() {
    let bound = |quorum| Record::Present {
        phase: Phase::Bound { token: true },
        fenced: false,
        quorum,
    };
    let facts = Facts {
        finalizer: true,
        record: bound(false),
        secret: UserSecret::Different,
        remote: Remote::Matches,
        ..new_object()
    };
    assert_eq!(plan(&facts), Step::ReadRecord);
    let read = Facts {
        record: bound(true),
        ..facts
    };
    assert_eq!(plan(&read), Step::PublishSecret);
    let absent = Facts {
        secret: UserSecret::Absent,
        ..facts
    };
    assert_eq!(plan(&absent), Step::PublishSecret, "nothing can be overwritten");
}

#[test]
fn an_object_at_rest_needs_no_request_at_all() {
    let facts = Facts {
        finalizer: true,
        identity: true,
        applied: true,
        record: Record::Present {
            phase: Phase::Bound { token: true },
            fenced: false,
            quorum: false,
        },
        secret: UserSecret::NotDue,
        remote: Remote::Matches,
        ..new_object()
    };
    assert_eq!(drive(facts, WORLD), [Step::Rest(Rest::Settled)]);
    let outage = Facts {
        account: Account::Unavailable,
        remote: Remote::Unknown,
        ..facts
    };
    assert_eq!(drive(outage, WORLD), [Step::Rest(Rest::Settled)]);
}

#[test]
fn an_edit_is_sent_only_after_the_record_was_read_by_quorum() {
    let bound = record(Phase::Bound { token: true }, false);
    let facts = Facts {
        finalizer: true,
        identity: true,
        record: Record::Present {
            phase: Phase::Bound { token: true },
            fenced: false,
            quorum: false,
        },
        secret: UserSecret::NotDue,
        remote: Remote::Differs,
        ..new_object()
    };
    let path = [
        Step::ReadRecord,
        Step::Confirm,
        Step::Update,
        Step::Rest(Rest::Settled),
    ];
    assert_eq!(
        drive(
            facts,
            World {
                record: bound,
                ..WORLD
            }
        ),
        path
    );
    let kept = record(Phase::Kept { disable: false }, false);
    let path = [Step::ReadRecord, Step::Rest(Rest::Outdated)];
    assert_eq!(
        drive(
            facts,
            World {
                record: kept,
                ..WORLD
            }
        ),
        path
    );
}

#[test]
fn an_interrupted_create_is_taken_over_under_a_new_epoch() {
    let world = World {
        record: record(Phase::Open { unspent: false }, false),
        ..WORLD
    };
    let path = drive(
        Facts {
            finalizer: true,
            ..new_object()
        },
        world,
    );
    let head = [
        Step::TakePermit,
        Step::ReadRecord,
        Step::TakeOver,
        Step::ReadSecret,
        Step::Confirm,
        Step::Create,
    ];
    assert_eq!(path[..6], head);
}

#[test]
fn a_second_takeover_waits_until_the_first_epoch_is_proved_absent() {
    let world = World {
        record: record(Phase::Open { unspent: false }, true),
        ..WORLD
    };
    let at = |fence| {
        drive(
            Facts {
                finalizer: true,
                permit: true,
                fence,
                ..new_object()
            },
            world,
        )
    };
    assert_eq!(at(Fence::Settling), [Step::ReadRecord, waits(Wait::Settle)]);
    assert_eq!(at(Fence::Unwalked), [Step::ReadRecord, waits(Wait::CleanWalk)]);
    assert_eq!(
        at(Fence::Leftovers),
        [Step::ReadRecord, Step::DeleteLeftover, waits(Wait::CleanWalk)]
    );
    assert_eq!(at(Fence::Clean)[..2], [Step::ReadRecord, Step::TakeOver]);
}

#[test]
fn a_lost_record_is_rebuilt_from_a_proven_pair_and_never_posted_for() {
    let facts = Facts {
        finalizer: true,
        identity: true,
        ..new_object()
    };
    let claimed = World {
        evidence: Evidence::Claimed,
        ..WORLD
    };
    let path = [
        Step::ReadRecord,
        Step::ReadSecret,
        Step::JudgeClaim,
        Step::ProvePair,
        Step::RebuildRecord,
        Step::JudgeClaim,
        Step::Confirm,
        Step::RestorePair,
        Step::PublishSecret,
        Step::Rest(Rest::Settled),
    ];
    assert_eq!(drive(facts, claimed), path);
    let lost = Step::Rest(Rest::Blocked(Block::CredentialsLost));
    assert_eq!(
        drive(facts, WORLD),
        [Step::ReadRecord, Step::ReadSecret, Step::JudgeClaim, lost]
    );
    let stolen = World {
        proof: Evidence::Nothing,
        ..claimed
    };
    assert_eq!(
        drive(facts, stolen),
        [
            Step::ReadRecord,
            Step::ReadSecret,
            Step::JudgeClaim,
            Step::ProvePair,
            lost
        ]
    );
    let held = World {
        claim: Claim::Foreign,
        ..claimed
    };
    let conflict = Step::Rest(Rest::Blocked(Block::AuthIdConflict));
    assert_eq!(
        drive(facts, held),
        [Step::ReadRecord, Step::ReadSecret, Step::JudgeClaim, conflict]
    );
}

#[test]
fn a_pair_found_before_the_post_names_its_account_instead() {
    let claimed = World {
        evidence: Evidence::Claimed,
        ..WORLD
    };
    let path = drive(
        Facts {
            finalizer: true,
            permit: true,
            ..new_object()
        },
        claimed,
    );
    let expected = [
        Step::ReadRecord,
        Step::OpenRecord,
        Step::ReadSecret,
        Step::ProvePair,
        Step::AdoptIdentity,
    ];
    assert_eq!(path, expected);
}

#[test]
fn an_object_that_turns_out_to_be_going_is_not_posted_for() {
    let world = World {
        confirmation: Confirmation::Refuted,
        ..WORLD
    };
    let path = drive(new_object(), world);
    assert_eq!(path.last(), Some(&Step::Rest(Rest::Outdated)));
    assert!(!path.contains(&Step::Create), "{path:?}");
}

#[test]
fn a_gone_object_of_the_same_name_with_an_account_stops_the_create() {
    let path = drive(
        Facts {
            predecessor: Predecessor::Orphaned,
            ..new_object()
        },
        WORLD,
    );
    assert_eq!(path.last(), Some(&Step::Rest(Rest::Blocked(Block::OrphanFound))));
    assert!(!path.contains(&Step::OpenRecord), "{path:?}");
}

#[test]
fn what_an_earlier_object_left_is_taken_over_when_the_user_asks_for_it() {
    let facts = Facts {
        predecessor: Predecessor::Open,
        reclaim: true,
        ..new_object()
    };
    let path = [
        Step::TakePermit,
        Step::AddFinalizer,
        Step::ReadRecord,
        Step::Confirm,
        Step::ClosePredecessor,
        Step::Reclaim,
        Step::PublishSecret,
        Step::Rest(Rest::Settled),
    ];
    assert_eq!(drive(facts, WORLD), path);
    let tokenless = Facts {
        predecessor: Predecessor::Tokenless,
        ..facts
    };
    let lost = Step::Rest(Rest::Blocked(Block::CredentialsLost));
    assert_eq!(drive(tokenless, WORLD).last(), Some(&lost));
}

#[test]
fn a_lost_pair_is_read_from_the_account_where_the_api_shows_it() {
    let facts = Facts {
        finalizer: true,
        identity: true,
        token_shown: true,
        ..new_object()
    };
    let path = [
        Step::ReadRecord,
        Step::ReadSecret,
        Step::JudgeClaim,
        Step::RecoverPair,
        Step::RebuildRecord,
        Step::JudgeClaim,
        Step::Confirm,
        Step::RestorePair,
    ];
    assert_eq!(drive(facts, WORLD)[..8], path);
}

#[test]
fn an_account_whose_pair_is_lost_is_deleted_and_made_anew_where_the_user_asked_for_it() {
    let facts = Facts {
        finalizer: true,
        identity: true,
        recreate: true,
        ..new_object()
    };
    let path = [
        Step::ReadRecord,
        Step::ReadSecret,
        Step::JudgeClaim,
        Step::RebuildRecord,
        Step::JudgeClaim,
        Step::Confirm,
        Step::Close,
        Step::ReadAccount,
        Step::ForgetIdentity,
        Step::TakePermit,
        Step::Reopen,
        Step::Confirm,
        Step::Create,
        Step::Bind,
        Step::PublishSecret,
        Step::Rest(Rest::Settled),
    ];
    assert_eq!(drive(facts, WORLD), path);
    let missing = World {
        record: record(Phase::Bound { token: true }, false),
        ..WORLD
    };
    let path = drive(
        Facts {
            remote: Remote::Gone,
            secret: UserSecret::Good,
            ..facts
        },
        missing,
    );
    let head = [Step::ReadRecord, Step::Confirm, Step::Close, Step::ForgetIdentity];
    assert_eq!(path[..4], head);
    let kept_by_default = drive(
        Facts {
            recreate: false,
            ..facts
        },
        WORLD,
    );
    assert_eq!(
        kept_by_default.last(),
        Some(&Step::Rest(Rest::Blocked(Block::CredentialsLost)))
    );
}

#[test]
fn an_object_that_a_person_forces_goes_without_proof_and_only_while_it_is_being_deleted() {
    let (facts, world) = deleting(record(Phase::Bound { token: true }, false));
    let forced = Facts {
        directive: Directive::ForceDelete,
        account: Account::Unavailable,
        ..facts
    };
    assert_eq!(drive(forced, world), [Step::Confirm, Step::ReleaseFinalizer]);
    let living = Facts {
        directive: Directive::ForceDelete,
        ..new_object()
    };
    assert_eq!(drive(living, WORLD), drive(new_object(), WORLD));
}

#[test]
fn a_request_of_a_person_looks_at_the_account_once() {
    let facts = Facts {
        finalizer: true,
        identity: true,
        applied: true,
        requested: true,
        record: record(Phase::Bound { token: true }, false),
        secret: UserSecret::Good,
        remote: Remote::Matches,
        ..new_object()
    };
    let world = World {
        remote: Remote::Matches,
        ..WORLD
    };
    assert_eq!(
        drive(facts, world),
        [Step::ReadAccount, Step::Rest(Rest::Settled)]
    );
}

#[test]
fn deletion_follows_the_policy_that_the_record_was_closed_with() {
    let table: [(Phase, Remote, &[Step]); 3] = [
        (
            Phase::Closed { account: true },
            Remote::Gone,
            &[Step::Delete, Step::ReadAccount],
        ),
        (Phase::Kept { disable: false }, Remote::Matches, &[]),
        (
            Phase::Kept { disable: true },
            Remote::Differs,
            &[Step::ReadAccount, Step::Update],
        ),
    ];
    for (closed, remote, middle) in table {
        let (facts, world) = deleting(record(Phase::Bound { token: true }, false));
        let mut path = vec![Step::ReadRecord, Step::Close];
        path.extend(middle);
        path.push(Step::ReleaseFinalizer);
        assert_eq!(
            drive(
                facts,
                World {
                    remote,
                    closed,
                    ..world
                }
            ),
            path,
            "{closed:?}"
        );
    }
}

#[test]
fn many_deletions_wait_for_the_walk_that_proves_them_and_go_with_it() {
    let (facts, world) = deleting(record(Phase::Closed { account: true }, false));
    let facts = Facts {
        shared: true,
        ..facts
    };
    let shared = waits(Wait::SharedProof);
    assert_eq!(drive(facts, world), [Step::ReadRecord, Step::Delete, shared]);
    let proved = |remote| drive(Facts { remote, ..facts }, world);
    assert_eq!(proved(Remote::Deleted), [Step::ReadRecord, shared]);
    assert_eq!(proved(Remote::Gone), [Step::ReadRecord, Step::ReleaseFinalizer]);
    assert_eq!(
        proved(Remote::StillThere),
        [Step::ReadRecord, waits(Wait::StillThere)]
    );
}

#[test]
fn an_account_that_survives_its_deletion_keeps_the_finalizer() {
    let (facts, world) = deleting(record(Phase::Closed { account: true }, false));
    let path = drive(
        facts,
        World {
            remote: Remote::StillThere,
            ..world
        },
    );
    assert_eq!(
        path,
        [
            Step::ReadRecord,
            Step::Delete,
            Step::ReadAccount,
            waits(Wait::StillThere)
        ]
    );
}

#[test]
fn an_object_that_never_had_a_record_goes_after_a_second_look() {
    let (facts, world) = deleting(Record::Absent);
    let path = drive(
        Facts {
            identity: false,
            ..facts
        },
        world,
    );
    let expected = [
        Step::ReadRecord,
        Step::Confirm,
        Step::ReadRecord,
        Step::ReadSecret,
        Step::ReleaseFinalizer,
    ];
    assert_eq!(path, expected);
}

#[test]
fn a_deleted_object_whose_record_was_lost_gets_a_tombstone_before_its_account_is_deleted() {
    let (facts, world) = deleting(Record::Absent);
    let path = [
        Step::ReadRecord,
        Step::Confirm,
        Step::ReadRecord,
        Step::JudgeClaim,
        Step::OpenRecord,
        Step::Confirm,
        Step::ReadRecord,
        Step::Close,
        Step::Delete,
        Step::ReadAccount,
        Step::ReleaseFinalizer,
    ];
    assert_eq!(drive(facts, world), path);
    let without_account = drive(
        Facts {
            account: Account::Unavailable,
            ..facts
        },
        world,
    );
    assert_eq!(
        without_account.last(),
        Some(&waits(Wait::Account)),
        "{without_account:?}"
    );
}

#[test]
fn a_deleted_object_goes_alone_where_its_status_names_an_account_of_somebody_else() {
    for found in [Record::Absent, record(Phase::Open { unspent: false }, false)] {
        let (facts, world) = deleting(found);
        let held = World {
            claim: Claim::Foreign,
            closed: Phase::Closed { account: false },
            ..world
        };
        let path = drive(
            Facts {
                fence: Fence::Clean,
                ..facts
            },
            held,
        );
        assert_eq!(path.last(), Some(&Step::ReleaseFinalizer), "{path:?}");
        assert!(
            !path.contains(&Step::Delete) && !path.contains(&Step::OpenRecord),
            "{path:?}"
        );
    }
}

#[test]
fn a_restored_object_takes_over_what_its_status_names_and_calls_nothing_lost() {
    for (predecessor, world) in [
        (Predecessor::Orphaned, WORLD),
        (
            Predecessor::Tokenless,
            World {
                evidence: Evidence::Claimed,
                ..WORLD
            },
        ),
    ] {
        let restored = Facts {
            finalizer: true,
            identity: true,
            recreate: true,
            predecessor,
            ..new_object()
        };
        let orphan = Step::Rest(Rest::Blocked(Block::OrphanFound));
        assert_eq!(
            drive(restored, world),
            [Step::ReadRecord, orphan],
            "{predecessor:?}"
        );
        let path = drive(
            Facts {
                reclaim: true,
                ..restored
            },
            world,
        );
        assert!(path.contains(&Step::Reclaim), "{path:?}");
        assert_eq!(path.last(), Some(&Step::Rest(Rest::Settled)), "{path:?}");
    }
}

#[test]
fn a_status_that_is_older_than_what_the_name_has_makes_nothing_anew_beside_it() {
    let older = Facts {
        finalizer: true,
        identity: true,
        recreate: true,
        predecessor: Predecessor::Another,
        ..new_object()
    };
    let orphan = Step::Rest(Rest::Blocked(Block::OrphanFound));
    for reclaim in [false, true] {
        assert_eq!(
            drive(Facts { reclaim, ..older }, WORLD),
            [Step::ReadRecord, Step::ReadSecret, Step::JudgeClaim, orphan]
        );
    }
    let proven = World {
        evidence: Evidence::Claimed,
        ..WORLD
    };
    assert!(
        drive(older, proven).contains(&Step::RestorePair),
        "its own pair is no harm"
    );
}

#[test]
fn a_write_that_kubernetes_refuses_holds_nothing_but_itself() {
    let bound = Facts {
        finalizer: true,
        identity: true,
        record: record(Phase::Bound { token: true }, false),
        remote: Remote::Differs,
        ..new_object()
    };
    let refused = Facts {
        secret: UserSecret::Refused,
        ..bound
    };
    assert_eq!(
        drive(refused, WORLD),
        [Step::Confirm, Step::Update, waits(Wait::SecretForbidden)]
    );
    let contested = Facts {
        secret: UserSecret::Contested,
        ..bound
    };
    assert_eq!(
        drive(contested, WORLD),
        [Step::Confirm, Step::Update, waits(Wait::SecretContested)]
    );
    let former = Facts {
        secret: UserSecret::Good,
        write_refused: true,
        ..bound
    };
    assert_eq!(
        drive(former, WORLD),
        [Step::Confirm, Step::Update, waits(Wait::WriteRefused)]
    );
    let held = Facts {
        pairs_held: true,
        ..new_object()
    };
    assert_eq!(drive(held, WORLD), [waits(Wait::PairsHeld)]);
}

#[test]
fn the_janitor_treats_each_phase_as_the_protocol_says() {
    let settled = Step::Rest(Rest::Settled);
    let closed = Phase::Closed { account: true };
    let table: [(Phase, bool, Confirmation, &[Step]); 8] = [
        (
            Phase::Bound { token: true },
            false,
            Confirmation::Confirmed,
            &[settled],
        ),
        (
            Phase::Open { unspent: false },
            false,
            Confirmation::Confirmed,
            &[settled],
        ),
        (
            Phase::Bound { token: true },
            false,
            Confirmation::Refuted,
            &[settled],
        ),
        (
            Phase::Open { unspent: false },
            false,
            Confirmation::Refuted,
            &[Step::Close, waits(Wait::Retention)],
        ),
        (
            closed,
            false,
            Confirmation::Refuted,
            &[Step::ReadAccount, Step::DropRecord],
        ),
        (
            closed,
            true,
            Confirmation::Refuted,
            &[Step::ReadAccount, waits(Wait::Retention)],
        ),
        (
            Phase::Kept { disable: false },
            false,
            Confirmation::Refuted,
            &[settled],
        ),
        (
            Phase::Kept { disable: true },
            false,
            Confirmation::Refuted,
            &[Step::ReadAccount, waits(Wait::StillThere)],
        ),
    ];
    for (phase, fenced, confirmation, rest) in table {
        let disable = phase == Phase::Kept { disable: true };
        let world = World {
            record: record(phase, fenced),
            closed: Phase::Closed { account: false },
            confirmation,
            remote: if disable { Remote::Stubborn } else { Remote::Gone },
            ..WORLD
        };
        let mut path = vec![Step::ReadRecord, Step::Confirm];
        path.extend(rest);
        assert_eq!(
            drive(
                Facts {
                    object: Object::Unseen,
                    ..new_object()
                },
                world
            ),
            path,
            "{phase:?} {fenced}"
        );
    }
}

#[test]
fn the_record_of_an_account_that_nobody_can_delete_any_more_waits_unless_only_its_retention_kept_it() {
    let at = |fenced| {
        let facts = Facts {
            object: Object::Unseen,
            account: Account::Unavailable,
            retention_over: true,
            parent_abandoned: true,
            ..new_object()
        };
        let found = record(Phase::Closed { account: true }, fenced);
        let world = World {
            record: found,
            confirmation: Confirmation::Refuted,
            ..WORLD
        };
        drive(facts, world).last().copied()
    };
    assert_eq!(at(false), Some(waits(Wait::Account)));
    assert_eq!(at(true), Some(Step::DropRecord));
}

fn adopting(adoption: Adoption) -> Facts {
    Facts {
        adoption,
        ..new_object()
    }
}

const POSSESSION: [Step; 8] = [
    Step::ReadRecord,
    Step::ReadSecret,
    Step::ProvePair,
    Step::JudgeClaim,
    Step::AddFinalizer,
    Step::OpenAdoption,
    Step::JudgeClaim,
    Step::Confirm,
];

#[test]
fn an_account_that_is_there_is_taken_by_its_pair_and_never_posted_for() {
    let claimed = World {
        evidence: Evidence::Claimed,
        ..WORLD
    };
    let facts = adopting(Adoption::Asked);
    let end = [Step::Adopt, Step::PublishSecret, Step::Rest(Rest::Settled)];
    assert_eq!(drive(facts, claimed), [&POSSESSION[..], &end].concat());
    let going = World {
        confirmation: Confirmation::Refuted,
        ..claimed
    };
    let end = [Step::Rest(Rest::Outdated)];
    assert_eq!(drive(facts, going), [&POSSESSION[..], &end].concat());
    let refused = |world| drive(facts, world).last().copied();
    let without_right = Some(Step::Rest(Rest::Blocked(Block::AdoptionNotAllowed)));
    assert_eq!(refused(WORLD), without_right, "no pair");
    let forged = World {
        proof: Evidence::Nothing,
        ..claimed
    };
    assert_eq!(refused(forged), without_right, "a pair that does not work");
}

#[test]
fn an_account_that_is_granted_is_taken_with_its_token_or_waits_for_it() {
    let facts = adopting(Adoption::Granted);
    let head = [Step::ReadRecord, Step::ReadSecret, Step::JudgeClaim];
    let tail = [Step::AddFinalizer, Step::OpenAdoption, Step::JudgeClaim];
    let lost = [
        Step::Confirm,
        Step::Adopt,
        Step::Rest(Rest::Blocked(Block::CredentialsLost)),
    ];
    assert_eq!(drive(facts, WORLD), [&head[..], &tail, &lost].concat());
    let shown = Facts {
        token_shown: true,
        ..facts
    };
    let shown = drive(shown, WORLD);
    assert_eq!(shown[3], Step::RecoverPair);
    assert_eq!(shown.last(), Some(&Step::Rest(Rest::Settled)), "{shown:?}");
    let put_back = Facts {
        finalizer: true,
        record: record(Phase::Bound { token: false }, false),
        remote: Remote::Matches,
        ..facts
    };
    let claimed = World {
        evidence: Evidence::Claimed,
        ..WORLD
    };
    let path = [
        Step::ReadSecret,
        Step::ProvePair,
        Step::RestorePair,
        Step::PublishSecret,
        Step::Rest(Rest::Settled),
    ];
    assert_eq!(drive(put_back, claimed), path);
}

#[test]
fn an_account_that_somebody_else_keeps_is_not_taken_and_nothing_is_left_of_the_try() {
    let facts = adopting(Adoption::Granted);
    for (claim, block) in [
        (Claim::Foreign, Block::AuthIdConflict),
        (Claim::Missing, Block::ExternalResourceMissing),
    ] {
        let end = Step::Rest(Rest::Blocked(block));
        let before = drive(facts, World { claim, ..WORLD });
        assert_eq!(before.last(), Some(&end));
        assert!(!before.contains(&Step::OpenAdoption), "{before:?}");
        let meanwhile = drive(
            facts,
            World {
                meanwhile: claim,
                ..WORLD
            },
        );
        assert_eq!(meanwhile.last(), Some(&end));
        assert!(meanwhile.contains(&Step::WithdrawAdoption), "{meanwhile:?}");
    }
}

#[test]
fn of_two_intents_to_have_one_account_the_first_stays_until_the_other_is_taken_back() {
    let world = World {
        meanwhile: Claim::Contested,
        ..WORLD
    };
    let steps = drive(adopting(Adoption::Granted), world);
    assert_eq!(steps.last(), Some(&Step::Rest(Rest::Waiting(Wait::Rival))));
    assert!(
        steps.contains(&Step::OpenAdoption) && !steps.contains(&Step::WithdrawAdoption),
        "{steps:?}"
    );
    // Whoever gives way is no reason not to try.
    let second = World {
        claim: Claim::Contested,
        ..WORLD
    };
    assert!(drive(adopting(Adoption::Granted), second).contains(&Step::Adopt));
}

#[test]
fn what_a_gone_object_of_the_name_left_is_had_by_naming_it() {
    let facts = Facts {
        predecessor: Predecessor::Orphaned,
        ..adopting(Adoption::Asked)
    };
    let path = [
        Step::ReadRecord,
        Step::AddFinalizer,
        Step::Confirm,
        Step::Reclaim,
        Step::PublishSecret,
        Step::Rest(Rest::Settled),
    ];
    assert_eq!(drive(facts, WORLD), path);
}

#[test]
fn an_object_that_was_never_given_its_account_goes_with_its_intent_alone() {
    for (found, end) in [
        (Record::Absent, vec![Step::ReleaseFinalizer]),
        (
            record(Phase::Open { unspent: false }, false),
            vec![Step::WithdrawAdoption, Step::ReleaseFinalizer],
        ),
    ] {
        let (facts, world) = deleting(found);
        let facts = Facts {
            identity: false,
            adoption: Adoption::Asked,
            ..facts
        };
        let head = [Step::ReadRecord, Step::Confirm, Step::ReadRecord];
        assert_eq!(drive(facts, world), [&head[..], &end].concat());
    }
}

#[test]
fn nothing_is_written_to_vobiz_for_an_account_that_is_only_looked_at() {
    let bound = Facts {
        finalizer: true,
        identity: true,
        observes: true,
        record: record(Phase::Bound { token: true }, false),
        secret: UserSecret::Good,
        remote: Remote::Differs,
        ..new_object()
    };
    assert_eq!(drive(bound, WORLD), [Step::Rest(Rest::Settled)]);
    let edited = World {
        confirmation: Confirmation::Refuted,
        ..WORLD
    };
    let kept = Facts {
        observes: false,
        ..bound
    };
    assert_eq!(
        drive(kept, edited),
        [Step::Confirm, Step::Rest(Rest::Outdated)],
        "the quorum read shows that it is only looked at by now"
    );
    let (going, world) = deleting(record(Phase::Bound { token: true }, true));
    let released = World {
        closed: Phase::Kept { disable: false },
        ..world
    };
    let going = Facts {
        observes: true,
        fence: Fence::Leftovers,
        ..going
    };
    let path = [
        Step::ReadRecord,
        Step::Confirm,
        Step::Close,
        Step::ReleaseFinalizer,
    ];
    assert_eq!(drive(going, released), path);
}
