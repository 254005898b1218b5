//! The judge finds what it is for: each case is a good run with one thing wrong.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::*;
use crate::evidence::{Deed, Remains};

pub(super) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_000 + seconds).unwrap()
}

fn marker(epoch: u32) -> Marker {
    Marker {
        series: "00ff".to_owned(),
        epoch,
    }
}

pub(super) fn call(seconds: i64, operation: Operation, id: &str, status: u16) -> Call {
    Call {
        at: at(seconds),
        operation,
        id: Some(id.to_owned()),
        marker: None,
        committed: status < 300 && !matches!(operation, Operation::Get | Operation::List),
        status: Some(status),
    }
}

pub(super) fn create(seconds: i64, id: &str, epoch: u32) -> Call {
    Call {
        marker: Some(marker(epoch)),
        ..call(seconds, Operation::Create, id, 201)
    }
}

pub(super) fn deed(seconds: i64, act: Act) -> Deed {
    Deed {
        at: at(seconds),
        by_operator: act != Act::DeletionAsked,
        act,
    }
}

pub(super) fn values(pairs: &[(&str, &str)]) -> Values {
    let owned = pairs
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    owned.collect()
}

pub(super) fn account(id: &str, token: &str) -> Value {
    json!({"auth_id": id, "auth_token": token, "name": "acme", "enabled": true, "description": null})
}

pub(super) fn record(phase: &str, id: &str, token: &str, fenced: &str) -> Values {
    values(&[
        ("phase", phase),
        ("series", "00ff"),
        ("fencedThrough", fenced),
        ("auth_id", id),
        ("auth_token", token),
    ])
}

/// A create whose first attempt was fenced and deleted, at rest.
pub(super) fn created() -> Evidence {
    let object = json!({
        "metadata": {"generation": 1},
        "status": {"observedGeneration": 1, "authId": "SA_2",
            "conditions": [{"type": "Ready", "status": "True", "reason": "Available"}]},
    });
    Evidence {
        policy: Policy::Delete,
        claim: Claim::Made,
        by_hand: None,
        untouched: None,
        lives: true,
        calls: vec![
            create(1, "SA_1", 1),
            create(4, "SA_2", 2),
            call(8, Operation::Delete, "SA_1", 204),
        ],
        deeds: vec![
            deed(0, Act::RecordWritten),
            deed(3, Act::RecordWritten),
            deed(5, Act::RecordWritten),
            deed(6, Act::Changed),
        ],
        faults: vec![at(1)],
        starved: Vec::new(),
        fences: [("00ff".to_owned(), 1)].into(),
        refusal: None,
        scene: Remains {
            namespace: true,
            object: Some(object),
            secret: Some(values(&[("auth_id", "SA_2"), ("auth_token", "two")])),
            records: vec![Some(record("Bound", "SA_2", "two", "1"))],
            accounts: vec![account("SA_2", "two")],
            credentials_in_use: Some(true),
            companions: Vec::new(),
        },
        companions: Vec::new(),
    }
}

/// A deletion under the policy Delete, at rest.
fn deleted() -> Evidence {
    Evidence {
        lives: false,
        calls: vec![
            create(1, "SA_1", 1),
            call(6, Operation::Delete, "SA_1", 204),
            call(7, Operation::Get, "SA_1", 404),
        ],
        deeds: vec![
            deed(0, Act::RecordWritten),
            deed(2, Act::RecordWritten),
            deed(5, Act::DeletionAsked),
            deed(8, Act::FinalizerRemoved),
        ],
        scene: Remains {
            namespace: true,
            object: None,
            secret: None,
            records: vec![None],
            accounts: Vec::new(),
            credentials_in_use: Some(false),
            companions: Vec::new(),
        },
        fences: HashMap::new(),
        ..created()
    }
}

/// A deletion under the policy Retain, at rest.
pub(super) fn retained() -> Evidence {
    Evidence {
        policy: Policy::Retain,
        calls: vec![create(1, "SA_1", 1)],
        scene: Remains {
            records: vec![Some(record("Kept", "SA_1", "one", "0"))],
            accounts: vec![account("SA_1", "one")],
            ..deleted().scene
        },
        ..deleted()
    }
}

/// The findings when this is changed in a good run, compared with that run's own end.
pub(super) fn found(good: Evidence, spoil: impl FnOnce(&mut Evidence)) -> Vec<Finding> {
    let clean = good.scene.end_state();
    assert_eq!(judge(&good, &clean).findings, [], "the good run is not good");
    let mut spoilt = good;
    spoil(&mut spoilt);
    judge(&spoilt, &clean).findings
}

#[test]
fn an_account_that_nobody_holds_is_a_stray() {
    for good in [created(), deleted(), retained()] {
        let findings = found(good, |run| run.scene.accounts.push(account("SA_9", "nine")));
        assert!(findings.contains(&Finding::Strays(1)), "{findings:?}");
    }
    // One that a Record holds although its object was to be deleted with it.
    let findings = found(deleted(), |run| {
        run.scene.accounts.push(account("SA_1", "one"));
        run.scene.records = vec![Some(record("Bound", "SA_1", "one", "0"))];
    });
    assert!(findings.contains(&Finding::Strays(1)), "{findings:?}");
}

#[test]
fn a_pair_is_lost_when_secret_record_or_account_is_gone() {
    let lost = |findings: &[Finding]| {
        findings
            .iter()
            .any(|finding| matches!(finding, Finding::LostPair(_)))
    };
    assert!(lost(&found(created(), |run| run.scene.secret = None)));
    assert!(lost(&found(created(), |run| run.scene.accounts.clear())));
    assert!(lost(&found(created(), |run| run.scene.records = vec![None])));
    assert!(lost(&found(retained(), |run| {
        run.scene.records = vec![Some(record("Kept", "SA_1", "", "0"))]
            .into_iter()
            .map(|record| {
                record.map(|mut values| {
                    values.remove("auth_token");
                    values
                })
            })
            .collect();
    })));
}

#[test]
fn a_secret_with_the_token_of_another_account_is_mixed() {
    let mixed = |findings: &[Finding]| {
        findings
            .iter()
            .any(|finding| matches!(finding, Finding::MixedPair(_)))
    };
    assert!(mixed(&found(created(), |run| {
        run.scene.secret = Some(values(&[("auth_id", "SA_2"), ("auth_token", "nine")]));
    })));
    assert!(mixed(&found(created(), |run| {
        run.scene.accounts.push(account("SA_9", "nine"));
        run.scene.secret = Some(values(&[("auth_id", "SA_9"), ("auth_token", "nine")]));
    })));
}

#[test]
fn a_delete_of_a_bound_account_is_wrong_and_one_of_a_fenced_account_is_not() {
    let wrong = |findings: &[Finding], id: &str| findings.contains(&Finding::WrongDelete(id.to_owned()));
    assert!(wrong(
        &found(created(), |run| run.calls.push(call(
            9,
            Operation::Delete,
            "SA_2",
            204
        ))),
        "SA_2"
    ));
    // Not fenced, and nobody had asked for a deletion.
    assert!(wrong(&found(created(), |run| run.fences.clear()), "SA_1"));
    // Fenced, and the Record that said so is gone by now.
    let gone = found(deleted(), |run| {
        run.calls[0].at = at(0);
        run.calls[1].at = at(4);
        run.fences.insert("00ff".to_owned(), 1);
    });
    assert!(!wrong(&gone, "SA_1"), "{gone:?}");
    assert!(wrong(
        &found(retained(), |run| run.calls.push(call(
            9,
            Operation::Delete,
            "SA_1",
            204
        ))),
        "SA_1"
    ));
    // Before the deletion was asked for.
    assert!(wrong(&found(deleted(), |run| run.calls[1].at = at(4)), "SA_1"));
}

#[test]
fn a_finalizer_goes_too_early_while_an_account_lives_or_before_anybody_looked() {
    let early = |findings: &[Finding]| {
        findings
            .iter()
            .any(|finding| matches!(finding, Finding::EarlyFinalizer(_)))
    };
    assert!(early(&found(deleted(), |run| run.calls[1].at = at(9))));
    assert!(early(&found(deleted(), |run| drop(run.calls.pop()))));
    assert!(early(&found(deleted(), |run| run
        .calls
        .push(create(10, "SA_2", 2)))));
    // Two lists after the last create prove it as well.
    let walked = found(deleted(), |run| {
        run.calls.pop();
        run.calls.push(call(7, Operation::List, "", 200));
        run.calls.push(call(7, Operation::List, "", 200));
    });
    assert!(!early(&walked), "{walked:?}");
}

#[test]
fn an_attempt_sent_twice_is_found_unless_the_first_had_no_effect() {
    let twice = Finding::PostedTwice(marker(2));
    let again = |run: &mut Evidence| run.calls.insert(2, create(5, "SA_3", 2));
    assert!(found(created(), again).contains(&twice));
    let refused = |run: &mut Evidence| {
        let refused = Call {
            committed: false,
            status: Some(401),
            ..create(3, "", 2)
        };
        run.calls.insert(1, refused);
    };
    assert!(!found(created(), refused).contains(&twice));
}

#[test]
fn a_create_without_a_record_before_it_is_one_too_many() {
    let findings = found(created(), |run| {
        run.deeds.remove(0);
    });
    let expected = Finding::TooManyCreates {
        creates: 2,
        attempts: 1,
    };
    assert!(findings.contains(&expected), "{findings:?}");
}

#[test]
fn what_befalls_another_object_of_the_namespace_is_found() {
    let beside = Evidence {
        calls: vec![create(0, "SA_7", 1)],
        fences: HashMap::new(),
        scene: Remains {
            records: vec![Some(record("Bound", "SA_7", "seven", "0"))],
            accounts: vec![account("SA_7", "seven")],
            secret: Some(values(&[("auth_id", "SA_7"), ("auth_token", "seven")])),
            object: Some(json!({"status": {"authId": "SA_7"}})),
            ..created().scene
        },
        ..created()
    };
    let good = || Evidence {
        companions: vec![beside.clone()],
        ..deleted()
    };
    let gone = found(good(), |run| {
        let beside = &mut run.companions[0];
        beside.calls.push(call(9, Operation::Delete, "SA_7", 204));
        beside.scene.accounts.clear();
    });
    assert!(
        gone.contains(&Finding::WrongDelete("SA_7".to_owned())),
        "{gone:?}"
    );
    let lost = found(good(), |run| run.companions[0].scene.secret = None);
    assert!(matches!(lost[0], Finding::LostPair(_)), "{lost:?}");
    // The credentials Secret that others need is let go.
    let released = found(good(), |run| run.scene.credentials_in_use = Some(true));
    assert!(
        matches!(released.as_slice(), [Finding::OtherEnd(_)]),
        "{released:?}"
    );
}

#[test]
fn another_end_a_slow_one_and_a_hot_loop_are_found() {
    let renamed = found(created(), |run| run.scene.accounts[0]["name"] = json!("else"));
    assert!(
        matches!(renamed.as_slice(), [Finding::OtherEnd(_)]),
        "{renamed:?}"
    );
    let slow = found(created(), |run| run.deeds.push(deed(40, Act::Changed)));
    assert_eq!(slow, [Finding::Slow(SignedDuration::from_secs(39))]);
    let starved = found(created(), |run| {
        run.deeds.push(deed(40, Act::Changed));
        run.starved = vec![(at(2), at(12))];
    });
    assert_eq!(starved, [], "29 s in which the machine was not starved");
    let hot = found(created(), |run| {
        run.calls
            .extend((0..200).map(|_| call(9, Operation::Get, "SA_2", 200)));
    });
    assert_eq!(hot, [Finding::TooManyCalls(203)]);
}
