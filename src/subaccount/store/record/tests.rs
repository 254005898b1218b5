//! What a Record says after each transition, and after having been stored. PURE.

use super::*;
use crate::account::marker::Installation;
use proptest::prelude::*;

type Damage = fn(&mut Record);

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

/// By an attempt under the same generation.
fn taken_over(ledger: Ledger) -> Ledger {
    let generation = ledger.generation;
    ledger.taken_over(generation)
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

fn with_pair(record: Record) -> Record {
    let pair = pair();
    record.with(|ledger| ledger.bound(pair.auth_id, pair.auth_token), at(0))
}

#[test]
fn a_fence_is_dated_when_it_moves_and_only_then() {
    let taken = open().with(taken_over, at(10));
    assert_eq!(
        (taken.ledger.fenced_through, taken.last_fenced_at),
        (1, Some(at(10)))
    );
    let bound = with_pair(taken);
    assert_eq!(bound.last_fenced_at, Some(at(10)));
    let decision = Decision::Delete { cascade: false };
    let closed = bound.with(|ledger| ledger.closed(decision, None), at(30));
    assert_eq!(closed.last_fenced_at, Some(at(10)), "its own epoch is not void");
    let unposted = open().with(|ledger| ledger.closed(decision, None), at(30));
    assert_eq!(unposted.last_fenced_at, Some(at(30)));
}

#[test]
fn a_record_knows_its_marker_and_the_ones_that_it_fences() {
    let record = open().with(taken_over, at(10));
    assert_eq!(record.marker(Installation(1)), marker(7, 2));
    let fenced = [marker(7, 1), marker(7, 2), marker(8, 1)].map(|marker| record.fences(&marker));
    assert_eq!(fenced, [true, false, false]);
    assert_eq!((open().pair(), with_pair(open()).pair()), (None, Some(pair())));
}

#[test]
fn an_account_that_was_there_before_carries_no_mark_of_its_record() {
    let adopting = open().with(
        |ledger| Ledger::adopting(ledger.series, ledger.generation, pair().auth_id),
        at(10),
    );
    let adopted = adopting.with(|ledger| ledger.adopted(pair().auth_id, None, None), at(10));
    assert_eq!(adopted.mark(Installation(1)), None, "nobody could read it back");
    assert_eq!(with_pair(open()).mark(Installation(1)), Some(marker(7, 1)));
}

/// Every key of a Record that says all it can.
fn full() -> BTreeMap<String, ByteString> {
    let kept = with_pair(open().with(taken_over, at(10)))
        .with(|ledger| ledger.closed(Decision::Disable, None), at(20));
    let mut data = encode(&kept);
    for (key, value) in [("cascade", "true"), ("adopts", "SA_ONE"), ("adopted", "true")] {
        data.insert(key.to_owned(), ByteString(value.into()));
    }
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
        "adopts",
        "adopted",
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
    let table: [(&str, Damage); 9] = [
        ("epoch", |record| record.ledger.epoch = 0),
        ("fencedThrough", |record| record.ledger.fenced_through = 9),
        ("lastFencedAt", |record| record.last_fenced_at = None),
        ("auth_token", |record| record.ledger.auth_token = None),
        ("auth_id", |record| record.ledger.auth_id = None),
        ("phase", |record| record.ledger.phase = Phase::Open),
        ("auth_id", |record| {
            (record.ledger.phase, record.ledger.auth_id) = (Phase::Kept, None);
        }),
        ("adopts", |record| record.ledger.adopts = Some(pair().auth_id)),
        ("epoch", |record| {
            (record.ledger.epoch, record.ledger.fenced_through) = (0, 0);
        }),
    ];
    for (key, damage) in table {
        let mut record = with_pair(open().with(taken_over, at(10)));
        damage(&mut record);
        assert_eq!(decode(&encode(&record)).unwrap_err().key, key, "{record:?}");
    }
}

#[test]
fn neither_an_error_nor_debug_output_shows_the_token() {
    let bound = with_pair(open());
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
        epochs in 0_u32..5, second in 0_i64..4_000_000_000, series: u128, gen1: bool, ends in 0_u8..8,
        name in "[a-z0-9-]{1,63}", token in "[!-~]{1,80}",
    ) {
        let mut record = open();
        record.ledger.series = Series(series);
        record.subject.name = name;
        record.ledger.generation = if gen1 { Generation::Gen1 } else { Generation::Gen2 };
        for _ in 0..epochs {
            record = record.with(taken_over, at(second));
        }
        let end = |ledger: Ledger| match ends {
            0 => ledger,
            1 => ledger.bound(pair().auth_id, AuthToken::parse(&token).unwrap()),
            2 => ledger.bound(pair().auth_id, pair().auth_token).closed(Decision::Delete { cascade: true }, None),
            3 => ledger.bound(pair().auth_id, pair().auth_token).closed(Decision::Disable, None),
            4 => ledger.closed(Decision::Retain, None),
            5 => Ledger::adopting(Series(series), ledger.generation, pair().auth_id),
            6 => Ledger::adopting(Series(series), ledger.generation, pair().auth_id).adopted(pair().auth_id, None, None),
            _ => Ledger::rebuilding(Series(series), ledger.generation, pair().auth_id),
        };
        let record = record.with(end, at(second));
        prop_assert_eq!(decode(&encode(&record)), Ok(record));
    }
}
