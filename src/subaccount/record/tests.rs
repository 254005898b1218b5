//! What a Record says after each transition, and after having been stored. PURE.

use super::*;
use crate::account::marker::Installation;
use proptest::prelude::*;

type Damage = fn(&mut Record);

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn pair() -> Credentials {
    Credentials {
        auth_id: AuthId::parse("SA_ONE").unwrap(),
        auth_token: AuthToken::parse("token-one").unwrap(),
    }
}

fn open() -> Record {
    let subject = Subject {
        namespace: "team".to_owned(),
        namespace_uid: "n-1".to_owned(),
        name: "acme".to_owned(),
        uid: "u-1".to_owned(),
    };
    let parent = ParentAuthId::parse("MA_PARENT").unwrap();
    Record::open(subject, parent, Generation::Gen2, Series(7))
}

fn marker(series: u128, epoch: u32) -> Marker {
    Marker {
        installation: Installation(1),
        series: Series(series),
        epoch,
    }
}

#[test]
fn a_takeover_fences_exactly_the_epochs_before_it() {
    let record = open().taken_over(at(10)).taken_over(at(20));
    assert_eq!(
        (record.epoch, record.fenced_through, record.last_fenced_at),
        (3, 2, Some(at(20)))
    );
    let fenced: Vec<bool> = (1..=4).map(|epoch| record.fences(&marker(7, epoch))).collect();
    assert_eq!(fenced, [true, true, false, false]);
    assert!(
        !record.fences(&marker(8, 1)),
        "another series is never ours to delete"
    );
    assert_eq!(record.marker(Installation(1)), marker(7, 3));
    assert_eq!(record.series, open().series);
}

#[test]
fn a_new_record_fences_nothing_and_a_bound_one_keeps_its_epoch() {
    assert!(!open().is_fenced() && open().pair().is_none());
    let bound = open().taken_over(at(10)).bound(pair());
    assert_eq!(
        (bound.phase, bound.epoch, bound.fenced_through),
        (Phase::Bound, 2, 1)
    );
    assert_eq!(bound.pair(), Some(pair()));
}

#[test]
fn what_becomes_of_the_account_follows_the_decision_and_whether_there_is_one() {
    let known = AuthId::parse("SA_KNOWN").unwrap();
    let delete = Decision::Delete { cascade: true };
    let table = [
        (
            open().bound(pair()),
            delete,
            None,
            Phase::Closed,
            false,
            true,
            Some("SA_ONE"),
            0,
        ),
        (
            open().bound(pair()),
            Decision::Disable,
            None,
            Phase::Kept,
            true,
            false,
            Some("SA_ONE"),
            0,
        ),
        (
            open().bound(pair()),
            Decision::Retain,
            None,
            Phase::Kept,
            false,
            false,
            Some("SA_ONE"),
            0,
        ),
        (
            open(),
            delete,
            Some(known.clone()),
            Phase::Closed,
            false,
            true,
            Some("SA_KNOWN"),
            1,
        ),
        (
            open(),
            Decision::Disable,
            Some(known.clone()),
            Phase::Kept,
            true,
            false,
            Some("SA_KNOWN"),
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
        (
            open().bound(pair()),
            Decision::Retain,
            Some(known),
            Phase::Kept,
            false,
            false,
            Some("SA_ONE"),
            0,
        ),
    ];
    for (record, decision, known, phase, disable, cascade, id, fenced_through) in table {
        let closed = record.clone().closed(decision, known, at(30));
        let shown = (
            closed.phase,
            closed.disable,
            closed.cascade,
            closed.fenced_through,
        );
        assert_eq!(
            shown,
            (phase, disable, cascade, fenced_through),
            "{record:?} {decision:?}"
        );
        assert_eq!(closed.auth_id.as_ref().map(AuthId::as_str), id);
        assert_eq!(closed.last_fenced_at, (fenced_through > 0).then(|| at(30)));
        assert_eq!(
            decode(&encode(&closed)),
            Ok(closed),
            "what is written can be read"
        );
    }
}

#[test]
fn a_rebuilt_record_takes_series_and_epoch_from_the_accounts_own_marker() {
    let rebuilt = open().rebuilt(Some(marker(9, 4)), at(40));
    assert_eq!(
        (rebuilt.series, rebuilt.epoch, rebuilt.fenced_through),
        (Series(9), 4, 3)
    );
    assert_eq!(rebuilt.last_fenced_at, Some(at(40)));
    let restored = rebuilt.clone().restored(pair(), Some(marker(9, 4)), at(50));
    assert!(
        !restored.fences(&marker(9, 4)),
        "the account's own epoch is not void"
    );
    assert_eq!(open().rebuilt(None, at(40)), open());
    let first = open().rebuilt(Some(marker(9, 1)), at(40));
    assert_eq!((first.fenced_through, first.last_fenced_at), (0, None));
}

#[test]
fn a_pair_proved_by_other_means_voids_an_epoch_that_is_not_its_own() {
    for foreign in [None, Some(marker(7, 2)), Some(marker(8, 1))] {
        let restored = open().restored(pair(), foreign, at(50));
        assert!(restored.fences(&marker(7, 1)), "{foreign:?}");
        assert_eq!((restored.phase, restored.pair()), (Phase::Bound, Some(pair())));
    }
}

/// Every key of a Record that says all it can.
fn full() -> BTreeMap<String, ByteString> {
    let kept = open()
        .taken_over(at(10))
        .bound(pair())
        .closed(Decision::Disable, None, at(20));
    let mut data = encode(&kept);
    data.insert("cascade".to_owned(), ByteString(b"true".to_vec()));
    data
}

#[test]
fn a_damaged_key_is_an_error_that_names_it() {
    for key in full().keys() {
        let mut data = full();
        data.insert(key.clone(), ByteString(vec![0xff, 0xfe]));
        assert_eq!(decode(&data).unwrap_err().key, key);
    }
    for key in [
        "parentAuthId",
        "apiGeneration",
        "series",
        "epoch",
        "fencedThrough",
        "lastFencedAt",
        "phase",
        "auth_id",
        "auth_token",
        "disable",
        "cascade",
    ] {
        let mut data = full();
        data.insert(key.to_owned(), ByteString(b"no such thing\n".to_vec()));
        assert_eq!(decode(&data).unwrap_err().key, key);
    }
    for key in [
        "namespace",
        "namespaceUid",
        "name",
        "uid",
        "parentAuthId",
        "apiGeneration",
        "series",
        "epoch",
        "fencedThrough",
        "phase",
    ] {
        let mut data = full();
        data.remove(key);
        assert_eq!(decode(&data).unwrap_err().key, key);
    }
}

#[test]
fn a_record_that_contradicts_itself_is_never_guessed() {
    let table: [(&str, Damage); 8] = [
        ("epoch", |record| record.epoch = 0),
        ("fencedThrough", |record| record.fenced_through = 9),
        ("lastFencedAt", |record| record.last_fenced_at = None),
        ("auth_token", |record| record.auth_token = None),
        ("auth_id", |record| record.auth_id = None),
        ("phase", |record| record.phase = Phase::Open),
        ("auth_id", |record| {
            (record.phase, record.auth_id) = (Phase::Kept, None);
        }),
        ("epoch", |record| (record.epoch, record.fenced_through) = (0, 0)),
    ];
    for (key, damage) in table {
        let mut record = open().taken_over(at(10)).bound(pair());
        damage(&mut record);
        assert_eq!(decode(&encode(&record)).unwrap_err().key, key, "{record:?}");
    }
}

#[test]
fn neither_an_error_nor_debug_output_shows_the_token() {
    let bound = open().bound(pair());
    assert!(!format!("{bound:?}").contains("token-one"));
    let mut data = encode(&bound);
    data.insert("auth_token".to_owned(), ByteString(b"two words".to_vec()));
    let message = decode(&data).unwrap_err().to_string();
    assert_eq!(
        message,
        "failed to read the record: `auth_token` is missing or malformed"
    );
}

proptest! {
    #[test]
    fn a_record_is_read_as_it_was_written(
        epochs in 0_u32..5, second in 0_i64..4_000_000_000, series: u128, gen1: bool, ends in 0_u8..5,
        name in "[a-z0-9-]{1,63}", token in "[!-~]{1,80}",
    ) {
        let mut record = open();
        record.series = Series(series);
        record.subject.name = name;
        record.generation = if gen1 { Generation::Gen1 } else { Generation::Gen2 };
        for _ in 0..epochs {
            record = record.taken_over(at(second));
        }
        let pair = Credentials { auth_token: AuthToken::parse(&token).unwrap(), ..pair() };
        let record = match ends {
            0 => record,
            1 => record.bound(pair),
            2 => record.bound(pair).closed(Decision::Delete { cascade: true }, None, at(second)),
            3 => record.bound(pair).closed(Decision::Disable, None, at(second)),
            _ => record.closed(Decision::Retain, None, at(second)),
        };
        prop_assert_eq!(decode(&encode(&record)), Ok(record));
    }
}
