//! What a ledger says after each transition. PURE.

use super::*;

type Small = Ledger<u8, &'static str, u8, u8>;

fn open() -> Small {
    Ledger::open(7, 1)
}

fn bound() -> Small {
    open().bound("SA_ONE", 1)
}

#[test]
fn a_takeover_fences_exactly_the_epochs_before_it() {
    let ledger = open().taken_over(1).taken_over(1);
    assert_eq!((ledger.epoch, ledger.fenced_through), (3, 2));
    let fenced: Vec<bool> = (1..=4).map(|epoch| ledger.fences(7, epoch)).collect();
    assert_eq!(fenced, [true, true, false, false]);
    assert!(!ledger.fences(8, 1), "another series is never ours to delete");
}

#[test]
fn what_becomes_of_the_account_follows_the_decision_and_whether_there_is_one() {
    let delete = Decision::Delete { cascade: true };
    let known = Some("SA_KNOWN");
    let table = [
        (
            bound(),
            delete,
            None,
            Phase::Closed,
            false,
            true,
            Some("SA_ONE"),
            0,
        ),
        (
            bound(),
            Decision::Disable,
            None,
            Phase::Kept,
            true,
            false,
            Some("SA_ONE"),
            0,
        ),
        (
            bound(),
            Decision::Retain,
            known,
            Phase::Kept,
            false,
            false,
            Some("SA_ONE"),
            0,
        ),
        (open(), delete, known, Phase::Closed, false, true, known, 1),
        (
            open(),
            Decision::Disable,
            known,
            Phase::Kept,
            true,
            false,
            known,
            1,
        ),
        (
            open(),
            Decision::Retain,
            None,
            Phase::Closed,
            false,
            false,
            None,
            1,
        ),
    ];
    for (ledger, decision, known, phase, disable, cascade, id, fenced_through) in table {
        let closed = ledger.closed(decision, known);
        let shown = (
            closed.phase,
            closed.disable,
            closed.cascade,
            closed.auth_id,
            closed.fenced_through,
        );
        assert_eq!(
            shown,
            (phase, disable, cascade, id, fenced_through),
            "{ledger:?} {decision:?}"
        );
    }
}

#[test]
fn a_rebuilt_ledger_goes_on_where_the_marker_of_its_account_says() {
    let own = open().restored("SA_ONE", 1, Some((7, 1)));
    assert_eq!((own.phase, own.fenced_through), (Phase::Bound, 0));
    let other = open().restored("SA_ONE", 1, Some((9, 3)));
    assert_eq!(
        (other.series, other.epoch, other.fenced_through),
        (9, 3, 2),
        "its series may have left something"
    );
    let earlier = open().taken_over(1).restored("SA_ONE", 1, Some((7, 1)));
    assert_eq!(
        (earlier.epoch, earlier.fenced_through),
        (2, 2),
        "the open epoch is void"
    );
    let foreign = open().restored("SA_ONE", 1, None);
    assert_eq!(
        (foreign.phase, foreign.fenced_through),
        (Phase::Bound, 1),
        "the open epoch is void"
    );
}

#[test]
fn a_reopened_ledger_has_a_new_epoch_no_account_and_every_earlier_epoch_void() {
    let closed = bound().closed(Decision::Delete { cascade: true }, None);
    let expected = Ledger {
        epoch: 2,
        fenced_through: 1,
        ..open()
    };
    assert_eq!(closed.reopened(1), expected);
}

#[test]
fn only_a_pair_can_be_reclaimed() {
    let kept = bound().closed(Decision::Disable, None);
    assert_eq!(
        kept.reclaimed(None),
        Some(bound()),
        "and what was disabled is wanted again"
    );
    assert_eq!(bound().reclaimed(None), Some(bound()));
    assert_eq!(open().reclaimed(None), None);
    assert_eq!(
        bound()
            .closed(Decision::Delete { cascade: false }, None)
            .reclaimed(None),
        None
    );
    let tokenless = open().closed(Decision::Retain, Some("SA_ONE"));
    assert_eq!(tokenless.reclaimed(None), None);
    let proven = tokenless.reclaimed(Some(7)).unwrap();
    assert_eq!((proven.phase, proven.auth_token), (Phase::Bound, Some(7)));
    let seen = [
        open(),
        bound(),
        kept,
        tokenless,
        open().closed(Decision::Retain, None),
    ];
    assert_eq!(
        seen.map(|ledger| ledger.as_predecessor()),
        [
            facts::Predecessor::Open,
            facts::Predecessor::Orphaned,
            facts::Predecessor::Orphaned,
            facts::Predecessor::Tokenless,
            facts::Predecessor::Nothing
        ]
    );
}

#[test]
fn a_cached_record_is_trusted_only_when_it_is_bound_and_the_status_names_no_other_account() {
    let bound = open().bound("SA_ONE", 1);
    assert!(bound.is_trusted_from_cache(None) && bound.is_trusted_from_cache(Some(&"SA_ONE")));
    assert!(!bound.is_trusted_from_cache(Some(&"SA_TWO")));
    assert!(!open().is_trusted_from_cache(None));
    assert!(!bound.closed(Decision::Retain, None).is_trusted_from_cache(None));
}

#[test]
fn an_attempt_is_looked_for_where_the_list_shows_the_markers_of_all_before_it() {
    let (old, new) = (1, 2);
    let newer = Small::open(7, old).taken_over(new);
    assert!(newer.is_shown_by(new) && !newer.is_shown_by(old));
    let older = Small::open(7, new).taken_over(old);
    assert!(
        older.is_shown_by(new) && !older.is_shown_by(old),
        "the attempt before was marked where the older list does not show it"
    );
    assert!(older.may_post(old) && older.may_post(new));
    let open = Small::open(7, old);
    assert!(
        open.may_post(old) && !open.may_post(new),
        "nobody would look for its marker"
    );
    let closed = newer.closed(Decision::Delete { cascade: false }, None);
    assert!(
        !closed.reopened(old).is_shown_by(old),
        "nor is it forgotten later"
    );
}

#[test]
fn the_record_of_an_account_that_was_there_before_names_it_from_its_intent_on_and_never_forgets_that() {
    let intent = Small::adopting(7, 1, "SA_ONE");
    assert!(intent.names(&"SA_ONE") && !intent.names(&"SA_TWO"));
    assert_eq!(
        (intent.phase, intent.epoch, intent.is_fenced()),
        (Phase::Open, 0, false)
    );
    let given_up = intent.closed(Decision::Delete { cascade: false }, None);
    assert!(
        !given_up.names(&"SA_ONE") && !given_up.is_fenced(),
        "nothing was posted under it"
    );
    let tokenless = intent.adopted("SA_ONE", None, None);
    assert!(tokenless.names(&"SA_ONE") && tokenless.adopted && tokenless.auth_token.is_none());
    assert_eq!(tokenless.completed(3).auth_token, Some(3));
    let marked = intent.adopted("SA_ONE", Some(3), Some((9, 2)));
    assert!(
        marked.fences(9, 1) && !marked.fences(9, 2),
        "what an earlier Record of it fenced stays void"
    );
    let kept = tokenless.closed(Decision::Retain, None);
    assert!(kept.adopted && kept.reclaimed(None).is_some_and(|ledger| ledger.adopted));
    assert_eq!(kept.as_predecessor(), facts::Predecessor::Orphaned);
    assert!(Small::rebuilding(7, 1, "SA_ONE").names(&"SA_ONE") && !Small::rebuilding(7, 1, "SA_ONE").adopted);
}
