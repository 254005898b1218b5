//! What no object keeps is told, nothing else is, and what was not seen is not guessed. PURE.

use super::*;
use crate::account::marker::Series;
use crate::controller::lenient::Guarded;
use crate::crd::Subaccount as Object;
use crate::subaccount::store::record::{Decision, Ledger, Subject, encode, secret_name};
use crate::vobiz::{AuthToken, Fields};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret;
use serde_json::json;

const OURS: Installation = Installation(7);

fn id(name: &str) -> AuthId {
    AuthId::parse(name).unwrap()
}

fn parent() -> ParentAuthId {
    ParentAuthId::parse("MA_PARENT").unwrap()
}

fn open(namespace: &str, uid: &str, series: u128) -> Record {
    let subject = Subject {
        namespace: namespace.to_owned(),
        namespace_uid: "n".to_owned(),
        name: "acme".to_owned(),
        uid: uid.to_owned(),
    };
    Record::open(subject, parent(), Generation::Gen2, Series(series))
}

fn with(record: Record, transition: impl FnOnce(Ledger) -> Ledger) -> Record {
    record.with(transition, Timestamp::UNIX_EPOCH)
}

fn bound(namespace: &str, uid: &str, series: u128, account: &str) -> Record {
    let token = AuthToken::parse("s3cret-token").unwrap();
    with(open(namespace, uid, series), |ledger| {
        ledger.bound(id(account), token)
    })
}

fn records(all: &[Record]) -> All {
    let mut records = All::default();
    for record in all {
        let mut secret = Secret {
            data: Some(encode(record)),
            ..Secret::default()
        };
        secret.metadata.name = Some(secret_name(&record.subject.uid));
        records.add(secret);
    }
    records
}

fn object(uid: &str, status: &str, spec: &str) -> Guarded<Object> {
    let object = json!({
        "apiVersion": "vobiz.ai/v1alpha1", "kind": "Subaccount", "metadata": {"name": "acme", "namespace": "team", "uid": uid},
        "spec": {"accountRef": {"name": "vobiz"}, "authId": spec}, "status": {"authId": status},
    });
    serde_json::from_value(object).unwrap()
}

fn objects(namespace: Option<&str>, all: &[Guarded<Object>]) -> Objects {
    let mut objects = Objects::of(namespace);
    for object in all {
        objects.note(object);
    }
    objects
}

fn account(name: &str, marker: Option<(Installation, u128, u32)>) -> Subaccount {
    let marker = marker.map(|(installation, series, epoch)| Marker {
        installation,
        series: Series(series),
        epoch,
    });
    let fields = Fields {
        name: Some(format!("name of {name}")),
        description: marker.map(|marker| marker.append_to(None)),
        ..Fields::default()
    };
    Subaccount::new(id(name), fields)
}

fn listed(accounts: &[Subaccount]) -> Listed {
    Listed {
        id: parent(),
        account: "Account team/vobiz".to_owned(),
        generation: Generation::Gen2,
        accounts: accounts
            .iter()
            .map(|account| (account.auth_id.clone(), account.clone()))
            .collect(),
    }
}

fn found(report: &Report) -> Vec<(What, &str)> {
    let orphans = report.orphans.iter();
    orphans
        .map(|orphan| (orphan.what, orphan.auth_id.as_deref().unwrap_or("-")))
        .collect()
}

fn judged(before: &All, since: &All, objects: &Objects, parents: &[Listed]) -> Report {
    judge(&Facts {
        installation: &Seen::Shown(Some(OURS)),
        records: Seen::Shown(Twice { before, since }),
        objects,
        parents,
        scope: &Scope::Everything,
    })
}

#[test]
fn each_record_without_its_object_is_told_by_its_phase_and_one_with_its_object_is_not() {
    let delete = Decision::Delete { cascade: false };
    let all = records(&[
        bound("team", "u-live", 1, "SA_LIVE"),
        bound("team", "u-bound", 2, "SA_BOUND"),
        with(bound("team", "u-kept", 3, "SA_KEPT"), |ledger| {
            ledger.closed(Decision::Retain, None)
        }),
        with(bound("team", "u-closed", 4, "SA_CLOSED"), |ledger| {
            ledger.closed(delete, None)
        }),
        open("team", "u-open", 5),
    ]);
    let objects = objects(None, &[object("u-live", "SA_LIVE", "SA_LIVE")]);
    let shown = listed(&[account("SA_LIVE", None), account("SA_KEPT", None)]);
    let report = judged(&all, &all, &objects, &[shown]);
    assert_eq!(
        found(&report),
        [
            (What::OrphanedRecord, "SA_BOUND"),
            (What::PendingRecord, "-"),
            (What::PendingRecord, "SA_CLOSED"),
            (What::KeptRecord, "SA_KEPT"),
        ]
    );
    let at_vobiz: Vec<_> = report.orphans.iter().map(|orphan| orphan.at_vobiz).collect();
    assert_eq!(
        at_vobiz,
        [
            Some(AtVobiz::Absent),
            None,
            Some(AtVobiz::Absent),
            Some(AtVobiz::Shown)
        ]
    );
    assert_eq!(report.orphans[0].record.as_deref(), Some("subaccount-u-bound"));
    assert_eq!(report.unseen, Vec::<String>::new());
    let written = serde_json::to_string(&report).unwrap();
    assert!(!written.contains("s3cret"), "{written}");
}

#[test]
fn an_account_is_somebodys_by_a_record_an_object_or_an_attempt_under_way_and_else_nobodys() {
    let all = records(&[
        bound("team", "u-1", 1, "SA_HELD"),
        with(open("team", "u-2", 2), |ledger| {
            ledger.taken_over(Generation::Gen2)
        }),
    ]);
    let objects = objects(
        None,
        &[
            object("u-1", "SA_HELD", "SA_HELD"),
            object("u-2", "SA_TOLD", "SA_SPEC"),
        ],
    );
    let shown = listed(&[
        account("SA_HELD", Some((OURS, 1, 1))),
        account("SA_TOLD", Some((OURS, 9, 1))),
        account("SA_SPEC", None),
        account("SA_UNDERWAY", Some((OURS, 2, 2))),
        account("SA_LEFTOVER", Some((OURS, 2, 1))),
        account("SA_ORPHAN", Some((OURS, 9, 1))),
        account("SA_UNOWNED", None),
        account("SA_ANOTHERS", Some((Installation(8), 9, 1))),
    ]);
    let report = judged(&all, &all, &objects, &[shown]);
    assert_eq!(
        found(&report),
        [
            (What::OrphanedAccount, "SA_ORPHAN"),
            (What::Leftover, "SA_LEFTOVER"),
            (What::UnownedAccount, "SA_UNOWNED"),
        ]
    );
    assert_eq!(report.of_other_installations, 1);
    assert_eq!(report.orphans[1].record.as_deref(), Some("subaccount-u-2"));
    assert_eq!(report.orphans[0].account.as_deref(), Some("Account team/vobiz"));
}

#[test]
fn what_comes_or_goes_while_everything_is_read_is_no_orphan() {
    let nobody = objects(None, &[]);
    let (none, one) = (records(&[]), records(&[bound("team", "u-1", 1, "SA_ONE")]));
    let shown = [listed(&[account("SA_ONE", Some((OURS, 1, 1)))])];
    // Its object came after the objects were read.
    assert!(found(&judged(&none, &one, &nobody, &shown)).is_empty());
    // It was discarded after its account was listed.
    assert!(found(&judged(&one, &none, &nobody, &shown)).is_empty());
    let kept = with(bound("team", "u-1", 1, "SA_ONE"), |ledger| {
        ledger.closed(Decision::Retain, None)
    });
    let report = judged(&one, &records(&[kept]), &nobody, &shown);
    assert_eq!(
        found(&report),
        [(What::KeptRecord, "SA_ONE")],
        "by what was decided since"
    );
}

#[test]
fn what_may_not_be_seen_is_said_and_nothing_is_guessed_from_it() {
    let all = records(&[
        bound("elsewhere", "u-1", 1, "SA_ONE"),
        bound("team", "u-2", 2, "SA_TWO"),
    ]);
    let own = objects(Some("team"), &[]);
    let shown = [listed(&[
        account("SA_ONE", None),
        account("SA_ANY", None),
        account("SA_MARKED", Some((OURS, 9, 1))),
    ])];
    let report = judged(&all, &all, &own, &[]);
    assert_eq!(found(&report), [(What::OrphanedRecord, "SA_TWO")]);
    assert!(report.unseen[0].contains("1 Records"), "{:?}", report.unseen);

    let hidden = |installation: Seen<Option<Installation>>, records: Seen<Twice<'_>>| {
        judge(&Facts {
            installation: &installation,
            records,
            objects: &own,
            parents: &shown,
            scope: &Scope::Everything,
        })
    };
    let twice = || {
        Seen::Shown(Twice {
            before: &all,
            since: &all,
        })
    };
    let report = hidden(Seen::Hidden("ConfigMap".to_owned()), twice());
    assert_eq!(
        found(&report),
        [(What::OrphanedRecord, "SA_TWO"), (What::UnownedAccount, "SA_ANY")]
    );
    assert!(
        report
            .unseen
            .iter()
            .any(|unseen| unseen.contains("whether 1 accounts with a marker")),
        "{:?}",
        report.unseen
    );
    let report = hidden(Seen::Shown(Some(OURS)), Seen::Hidden("Records".to_owned()));
    assert!(found(&report).is_empty());
    assert!(
        report
            .unseen
            .iter()
            .any(|unseen| unseen.contains("whose 3 accounts")),
        "{:?}",
        report.unseen
    );
    let report = hidden(Seen::Shown(None), twice());
    assert_eq!(
        report.of_other_installations, 1,
        "where no operator has run yet no marker is its own"
    );
}

#[test]
fn only_the_records_of_the_parents_and_the_namespace_in_question_are_listed() {
    let all = records(&[
        bound("team", "u-1", 1, "SA_ONE"),
        bound("elsewhere", "u-2", 2, "SA_TWO"),
    ]);
    let nobody = objects(None, &[]);
    let count = |scope: Scope| {
        records_left(
            Twice {
                before: &all,
                since: &all,
            },
            &nobody,
            &scope,
        )
        .0
        .len()
    };
    assert_eq!(count(Scope::Everything), 2);
    assert_eq!(count(Scope::Of(HashSet::new(), Some("team".to_owned()))), 1);
    assert_eq!(count(Scope::Of([parent()].into(), None)), 2);
    assert_eq!(count(Scope::Of(HashSet::new(), None)), 0);
}

#[test]
fn a_record_that_cannot_be_read_is_named_with_the_key_that_is_to_blame() {
    let mut all = All::default();
    let mut secret = Secret {
        data: Some(encode(&bound("team", "u-1", 1, "SA_ONE"))),
        ..Secret::default()
    };
    secret.metadata.name = Some("subaccount-u-1".to_owned());
    secret.data.as_mut().unwrap().remove("phase");
    all.add(secret);
    let report = judged(&all, &all, &objects(None, &[]), &[]);
    assert_eq!(found(&report), [(What::DamagedRecord, "-")]);
    assert_eq!(report.orphans[0].name, "key phase");
    assert_eq!(report.orphans[0].record.as_deref(), Some("subaccount-u-1"));
}
