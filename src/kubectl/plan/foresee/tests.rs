//! Passes of objects of every kind, rehearsed with what they read given. I/O (reads the clock).

use super::*;
use crate::account::marker::{Installation, Series};
use crate::clock::{now, wall_clock};
use crate::controller::wake::ObjectKey;
use crate::crd::{DeletionPolicy, DeletionSettings, FINALIZER};
use crate::kubectl::plan::rehearsed::Setting;
use crate::subaccount::known::{Known, KnownPair, KnownSecret};
use crate::subaccount::store::record::{Record, Subject};
use crate::vobiz::{AuthId, AuthToken, Fields, Generation, ParentAuthId, Subaccount};
use serde_json::{Value, json};
use std::sync::Arc;
use vobiz_protocol::facts::{Account, Remote};
use vobiz_protocol::plan::plan;

/// More steps, and it would go in circles.
const MOST_STEPS: usize = 60;

fn parent() -> ParentAuthId {
    ParentAuthId::parse("MA_PARENT").unwrap()
}

fn id() -> AuthId {
    AuthId::parse("SA_ONE").unwrap()
}

fn setting(generation: Generation) -> Setting {
    Setting {
        account: Account::Ready,
        parent: Some(parent()),
        generation: Some(generation),
        name_prefix: "dev-".to_owned(),
        defaults: DeletionSettings {
            policy: Some(DeletionPolicy::Disable),
            cascade: None,
        },
        granted: false,
        installation: Installation(1),
        now: now(),
        today: wall_clock(),
    }
}

/// A pass over an object with this spec. `shown`: its account, for one that has it.
fn pass(
    spec: &Value,
    shown: Option<Fields>,
    life: Object,
    generation: Generation,
) -> (Rehearsed, Option<Record>) {
    let mut object = json!({
        "apiVersion": "vobiz.ai/v1alpha1", "kind": "Subaccount",
        "metadata": {"name": "acme", "namespace": "team", "uid": "u-1", "generation": 2},
        "spec": {"accountRef": {"name": "vobiz"}},
    });
    for (field, value) in spec.as_object().unwrap() {
        object["spec"][field] = value.clone();
    }
    if shown.is_some() {
        object["metadata"]["finalizers"] = json!([FINALIZER]);
        object["status"] = json!({"observedGeneration": 1, "authId": id(), "secretName": "acme-vobiz"});
    }
    let mut known = Known::nothing(life);
    known.take_object(Arc::new(serde_json::from_value(object).unwrap()));
    let key = ObjectKey {
        namespace: "team".to_owned(),
        name: "acme".to_owned(),
    };
    let mut pass = Rehearsed::new(key, "u-1".to_owned(), known, setting(generation));
    let record = shown.as_ref().map(|_| Record {
        subject: Subject {
            namespace: "team".to_owned(),
            namespace_uid: "n".to_owned(),
            name: "acme".to_owned(),
            uid: "u-1".to_owned(),
        },
        parent: parent(),
        ledger: Ledger::open(Series(7), generation).bound(id(), AuthToken::parse("token").unwrap()),
        last_fenced_at: None,
    });
    pass.is_looked_at = shown.is_some();
    pass.shown = shown.map(|fields| Subaccount::new(id(), fields));
    (pass, record)
}

/// Runs it. There is no Secret but where the account is known.
fn run(spec: &Value, shown: Option<Fields>, life: Object, generation: Generation) -> (Vec<Deed>, Rest) {
    let (mut pass, record) = pass(spec, shown, life, generation);
    for _ in 0..MOST_STEPS {
        pass.look_around();
        match plan(&pass.facts()) {
            Step::ReadRecord => {
                if pass.known.confirmation == Confirmation::Confirmed {
                    pass.known.looked_again = true;
                }
                match &record {
                    Some(record) => pass.take_record(record.clone(), "record").unwrap(),
                    None => pass.known.take_no_record(),
                }
            }
            Step::ReadSecret => {
                pass.known.secret = if record.is_some() {
                    KnownSecret::Good
                } else {
                    KnownSecret::Absent
                };
                pass.known.evidence = KnownPair::Nothing;
            }
            Step::ReadAccount => {
                pass.known.remote = match &pass.shown {
                    Some(account) if pass.known.remote != Remote::Deleted => pass.compare(account),
                    _ => Remote::Gone,
                };
            }
            step => {
                if let Err(outcome) = pass.foresee(step) {
                    return (pass.deeds, outcome.rest);
                }
            }
        }
    }
    panic!("it goes in circles: {:?}", pass.deeds);
}

fn shown() -> Fields {
    Fields {
        name: Some("dev-acme".to_owned()),
        enabled: Some(true),
        rate_limit: Some(5),
        ..Fields::default()
    }
}

#[test]
fn a_new_object_has_an_account_made_as_its_spec_says_and_a_secret() {
    for generation in [Generation::Gen1, Generation::Gen2] {
        let (deeds, rest) = run(&json!({"enabled": false}), None, Object::Live, generation);
        assert_eq!(rest, Rest::Settled);
        let [Deed::Create { fields }, Deed::Secret(secret)] = deeds.as_slice() else {
            panic!("{deeds:?}");
        };
        assert_eq!(
            (fields.name.as_deref(), fields.enabled),
            (Some("dev-acme"), Some(false))
        );
        assert_eq!(secret.name, "acme-vobiz");
    }
}

#[test]
fn an_edit_is_sent_field_by_field_and_a_new_secret_takes_the_place_of_the_old_one() {
    let (deeds, rest) = run(
        &json!({"rateLimit": 7}),
        Some(shown()),
        Object::Live,
        Generation::Gen2,
    );
    assert_eq!(rest, Rest::Settled);
    let [Deed::Update { changes, .. }] = deeds.as_slice() else {
        panic!("{deeds:?}");
    };
    assert_eq!(
        (changes.len(), changes[0].field, &changes[0].to),
        (1, "rateLimit", &json!(7))
    );
    let (deeds, _) = run(
        &json!({"rateLimit": 5}),
        Some(shown()),
        Object::Live,
        Generation::Gen2,
    );
    assert_eq!(deeds, []);
}

#[test]
fn a_deletion_does_what_the_policy_in_force_says() {
    let deletion = |deletion: Value| json!({"deletion": deletion});
    let auth_id = id();
    let table = [
        (
            json!({}),
            vec![Deed::Keep { auth_id: id() }, Deed::Disable { auth_id: id() }],
        ),
        (
            deletion(json!({"policy": "Delete", "cascade": true})),
            vec![Deed::Delete {
                auth_id: id(),
                cascade: true,
            }],
        ),
        (
            deletion(json!({"policy": "Retain"})),
            vec![Deed::Keep { auth_id }],
        ),
    ];
    for (spec, expected) in table {
        for generation in [Generation::Gen1, Generation::Gen2] {
            let found = run(&spec, Some(shown()), Object::Deleting, generation);
            assert_eq!(found, (expected.clone(), Rest::Settled), "{spec}");
        }
    }
    let (deeds, _) = run(&json!({}), None, Object::Deleting, Generation::Gen2);
    assert_eq!(deeds, [], "nothing was made for it");
}

#[test]
fn an_account_that_is_gone_is_made_anew_only_where_the_spec_asks_for_it() {
    let run = |spec: Value| {
        let (mut gone, record) = pass(&spec, Some(shown()), Object::Live, Generation::Gen2);
        gone.shown = None;
        gone.take_record(record.unwrap(), "record").unwrap();
        gone.known.secret = KnownSecret::Good;
        gone
    };
    let mut kept = run(json!({}));
    kept.look_around();
    assert_eq!(
        plan(&kept.facts()),
        Step::Rest(Rest::Blocked(
            vobiz_protocol::plan::Block::ExternalResourceMissing
        ))
    );
    let mut anew = run(json!({"credentialRecovery": "Recreate"}));
    for _ in 0..MOST_STEPS {
        anew.look_around();
        let step = plan(&anew.facts());
        if step == Step::ReadSecret {
            anew.known.secret = KnownSecret::Absent;
            anew.known.evidence = KnownPair::Nothing;
        } else if anew.foresee(step).is_err() {
            break;
        }
    }
    assert!(
        matches!(anew.deeds.first(), Some(Deed::Create { .. })),
        "{:?}",
        anew.deeds
    );
}
