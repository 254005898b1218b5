//! Facts of values, held against what the model of the protocol reads of its own states: both must tell `plan` the same. I/O (reads the clock).

use super::{Surroundings, facts};
use crate::account::marker::Series;
use crate::clock::now;
use crate::controller::versioned::Versioned;
use crate::crd::{FINALIZER, FORCE_DELETE_ANNOTATION, PAUSED_ANNOTATION, RECLAIM_ANNOTATION, Subaccount};
use crate::subaccount::known::{
    Asked, FormerSecret, Judgement, Known, KnownPair, KnownPredecessor, KnownRecord, KnownSecret, MadePair,
    ReadSecret,
};
use crate::subaccount::plan::plan;
use crate::subaccount::store::record::{self, ReadRecord, Subject};
use crate::subaccount::tell::Conflict;
use crate::vobiz::{AuthId, AuthToken, Credentials, Generation, ParentAuthId};
use k8s_openapi::api::core::v1::Secret;
use serde_json::json;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use vobiz_model::action;
use vobiz_model::adoptions;
use vobiz_model::budgets::EXHAUSTED;
use vobiz_model::state::{Pass, Task};
use vobiz_model::trace::Trace;
use vobiz_model::world;
use vobiz_protocol::facts::{
    Adoption, Claim, Directive, Evidence, Facts, Made, Object, Phase, Predecessor, Record, UserSecret,
};

/// Ways through each run of the model, and their length.
const WAYS: u64 = 40;
const LENGTH: usize = 120;

#[test]
fn values_tell_plan_what_the_model_reads_of_its_states() {
    let mut seen = BTreeSet::new();
    for rules in EXHAUSTED.into_iter().chain(adoptions::EXHAUSTED) {
        for seed in 0..WAYS {
            let mut state = rules.initial();
            for action in Trace::random(rules, seed, LENGTH).actions {
                state = action::after(&rules, &state, action).unwrap();
                let passes = state.processes.iter().filter_map(|process| process.pass);
                for pass in passes.filter(|pass| pass.task == Task::Plan) {
                    let expected = comparable(&pass);
                    let (known, around) = (known(&pass), surroundings(&pass.facts));
                    let found = facts(&known, &around);
                    assert_eq!(found, expected, "{}, seed {seed}: {pass:?}", rules.name);
                    // What the model keeps of values that were used up makes no difference to what is done next.
                    let permitted = Facts {
                        permit: pass.facts.permit,
                        ..found
                    };
                    assert_eq!(
                        plan(&permitted),
                        plan(&pass.facts),
                        "{}, seed {seed}: {pass:?}",
                        rules.name
                    );
                    seen.insert(format!(
                        "{:?} {:?} {:?}",
                        expected.object, expected.record, expected.predecessor
                    ));
                }
            }
        }
    }
    // Not many ways that all look alike.
    assert!(seen.len() > 20, "{seen:#?}");
}

/// A permit is the gate's to give; what is recovered is decided by a spec, which a pass over a Record does not see; and a Record that was
/// taken over is no predecessor any more.
fn comparable(pass: &Pass) -> Facts {
    let facts = pass.facts;
    let is_used_up = pass.predecessor.is_none() && facts.predecessor != Predecessor::Another;
    Facts {
        permit: false,
        recreate: facts.recreate && facts.object != Object::Unseen,
        predecessor: if is_used_up {
            Predecessor::Nothing
        } else {
            facts.predecessor
        },
        ..facts
    }
}

fn known(pass: &Pass) -> Known {
    let facts = &pass.facts;
    let mut known = Known::nothing(facts.object);
    known.applied = facts.applied;
    if facts.object == Object::Unseen {
        known.met = Some(facts.directive);
        known.met_observing = facts.observes;
    } else {
        known.object = pass.object.map(|seen| Arc::new(object(&seen, facts)));
    }
    known.confirmation = facts.confirmation;
    known.looked_again = facts.looked_again;
    known.record = match (facts.record, pass.record) {
        (Record::Unread, None) => KnownRecord::Unread,
        (Record::Absent, _) => KnownRecord::Absent,
        (
            Record::Present {
                phase, quorum: true, ..
            },
            Some(stored),
        ) => KnownRecord::Read(ReadRecord {
            record: record_of(&stored),
            secret: secret(),
            at: now(),
            unspent: phase == Phase::Open { unspent: true },
        }),
        (_, Some(stored)) => KnownRecord::Cached(record_of(&stored)),
        (Record::Present { .. }, None) => panic!("a Record without a value: {pass:?}"),
    };
    known.predecessor = match (facts.predecessor, pass.predecessor) {
        (Predecessor::Nothing, _) => KnownPredecessor::Nothing,
        (Predecessor::Another, _) => KnownPredecessor::Another,
        (_, Some((_, stored))) => KnownPredecessor::Found(record_of(&stored), secret()),
        (_, None) => KnownPredecessor::Nothing,
    };
    known.claim = match facts.claim {
        Claim::Unread => None,
        Claim::Own => Some(Judgement::without_look(None)),
        Claim::Missing => Some(Judgement {
            is_missing: true,
            ..Judgement::without_look(None)
        }),
        Claim::Contested => Some(Judgement {
            is_contested: true,
            ..Judgement::without_look(None)
        }),
        Claim::Foreign => Some(Judgement::without_look(Some(Conflict::Record))),
    };
    known.secret = match facts.secret {
        UserSecret::NotDue => KnownSecret::NotDue,
        UserSecret::Unread => KnownSecret::Unread,
        UserSecret::Absent => KnownSecret::Absent,
        UserSecret::Good => KnownSecret::Good,
        UserSecret::Different => KnownSecret::Different(Box::new(ReadSecret {
            secret: secret(),
            managers: Vec::new(),
            is_dead: false,
        })),
        UserSecret::Foreign => KnownSecret::Foreign,
        UserSecret::Refused => KnownSecret::Refused,
        UserSecret::Contested => KnownSecret::Contested,
    };
    if facts.write_refused {
        known.former_secret = FormerSecret::Refused;
    }
    known.evidence = match facts.evidence {
        Evidence::Unread => KnownPair::Unread,
        Evidence::Nothing => KnownPair::Nothing,
        Evidence::Claimed => KnownPair::Claimed(pair(pass.evidence.unwrap_or_default())),
        Evidence::Proven => KnownPair::Proven(pair(pass.evidence.unwrap_or_default()), None),
    };
    known.made = match (facts.made, pass.made) {
        (Made::Nothing, _) => MadePair::Nothing,
        (Made::Pair, Some(id)) => MadePair::Pair(pair(id)),
        (Made::Fenced, Some(id)) => MadePair::Fenced(pair(id)),
        (_, None) => panic!("a pair without a value: {pass:?}"),
    };
    known.remote = facts.remote;
    known.asked = Asked {
        token: pass.token_asked,
        account: false,
    };
    known
}

fn surroundings(facts: &Facts) -> Surroundings {
    Surroundings {
        now: now(),
        guard: Duration::from_hours(1),
        account: facts.account,
        valid: facts.valid,
        requested: facts.requested,
        unusable: facts.unusable,
        pairs_held: facts.pairs_held,
        shows_tokens: facts.token_shown,
        claimed_by_another: false,
        granted: facts.adoption == Adoption::Granted,
        policy: facts.policy,
        shared: facts.shared,
        fence: facts.fence,
        retention_over: facts.retention_over,
        parent_abandoned: facts.parent_abandoned,
    }
}

fn object(seen: &world::Object, facts: &Facts) -> Subaccount {
    let mut annotations = serde_json::Map::new();
    if seen.reclaim {
        annotations.insert(RECLAIM_ANNOTATION.to_owned(), json!("true"));
    }
    match facts.directive {
        Directive::Manage => None,
        Directive::Pause => annotations.insert(PAUSED_ANNOTATION.to_owned(), json!("true")),
        Directive::ForceDelete => annotations.insert(FORCE_DELETE_ANNOTATION.to_owned(), json!("true")),
    };
    let management = if seen.observes { "ObserveOnly" } else { "Full" };
    let recovery = if facts.recreate { "Recreate" } else { "Manual" };
    let mut object = json!({
        "apiVersion": "vobiz.ai/v1alpha1",
        "kind": "Subaccount",
        "metadata": {"name": "acme", "uid": format!("u-{}", seen.uid), "annotations": annotations},
        "spec": {"accountRef": {"name": "vobiz"}, "credentialRecovery": recovery, "managementPolicy": management},
    });
    if let Some(id) = seen.adopts {
        object["spec"]["authId"] = json!(format!("SA_{id}"));
    }
    if seen.finalizer {
        object["metadata"]["finalizers"] = json!([FINALIZER]);
    }
    if seen.deleting {
        object["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
    }
    if let Some(id) = seen.identity {
        object["status"] = json!({"authId": format!("SA_{id}")});
    }
    serde_json::from_value(object).unwrap()
}

fn record_of(stored: &world::Record) -> record::Record {
    let ledger = &stored.ledger;
    let subject = Subject {
        namespace: "team".to_owned(),
        namespace_uid: format!("n-{}", stored.namespace),
        name: "acme".to_owned(),
        uid: format!("u-{}", stored.uid),
    };
    record::Record {
        subject,
        parent: ParentAuthId::parse("MA_PARENT").unwrap(),
        ledger: record::Ledger {
            series: Series(ledger.series.into()),
            generation: Generation::Gen2,
            epoch: ledger.epoch,
            fenced_through: ledger.fenced_through,
            phase: ledger.phase,
            auth_id: ledger.auth_id.map(|id| pair(id).auth_id),
            auth_token: ledger.auth_token.map(|id| pair(id).auth_token),
            disable: ledger.disable,
            cascade: ledger.cascade,
            adopts: ledger.adopts.map(|id| pair(id).auth_id),
            adopted: ledger.adopted,
        },
        last_fenced_at: None,
    }
}

fn pair(id: u8) -> Credentials {
    Credentials {
        auth_id: AuthId::parse(&format!("SA_{id}")).unwrap(),
        auth_token: AuthToken::parse(&format!("token-{id}")).unwrap(),
    }
}

fn secret() -> Versioned<Secret> {
    let mut secret = Secret::default();
    secret.metadata.name = Some("a-secret".to_owned());
    secret.metadata.resource_version = Some("1".to_owned());
    Versioned::read(secret).unwrap()
}
