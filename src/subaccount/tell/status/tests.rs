//! What people and their tools see of each end of a pass. PURE.

use super::*;
use crate::crd::DeletionPolicy;
use crate::crd::condition::find;
use crate::subaccount::plan::Block;
use crate::subaccount::tell::rows::RESTS;
use crate::vobiz;
use serde_json::json;
use vobiz_protocol::facts::{Account, Facts, Fence, Phase, Policy, Record, Remote};

const BLOCKS: [(Block, Reason); 10] = [
    (Block::InvalidSpec, Reason::InvalidSpec),
    (Block::Unsupported, Reason::Unsupported),
    (Block::Forbidden, Reason::Forbidden),
    (Block::OrphanFound, Reason::OrphanFound),
    (Block::ExternalResourceMissing, Reason::ExternalResourceMissing),
    (Block::SecretConflict, Reason::SecretConflict),
    (Block::AuthIdConflict, Reason::AuthIdConflict),
    (Block::AdoptionNotAllowed, Reason::AdoptionNotAllowed),
    (Block::CredentialsLost, Reason::CredentialsLost),
    (Block::UnusableAnswer, Reason::UnusableAnswer),
];

/// What a pass over an object that is not paused may end with.
fn rests() -> impl Iterator<Item = Rest> {
    RESTS
        .iter()
        .copied()
        .filter(|rest| *rest != Rest::Waiting(Wait::Paused))
}

fn facts(object: Object, applied: bool, secret: UserSecret) -> Facts {
    Facts {
        finalizer: true,
        applied,
        account: Account::Ready,
        record: Record::Present {
            phase: Phase::Bound { token: true },
            fenced: false,
            quorum: true,
        },
        secret,
        remote: Remote::Matches,
        fence: Fence::Clean,
        policy: Policy::Decided,
        ..Facts::unknown(object)
    }
}

fn object(status: Option<SubaccountStatus>) -> Subaccount {
    let mut object: Subaccount = serde_json::from_value(json!({
        "apiVersion": "vobiz.ai/v1alpha1", "kind": "Subaccount",
        "metadata": {"name": "acme", "namespace": "team", "uid": "u-1", "generation": 3},
        "spec": {"accountRef": {"name": "main"}},
    }))
    .unwrap();
    object.status = status;
    object
}

fn account() -> vobiz::Subaccount {
    let fields = vobiz::Fields {
        name: Some("acme".to_owned()),
        ..vobiz::Fields::default()
    };
    vobiz::Subaccount {
        kyc_calls_blocked: Some(false),
        ..vobiz::Subaccount::new(id(), fields)
    }
}

fn id() -> vobiz::AuthId {
    vobiz::AuthId::parse("SA_ONE").unwrap()
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn outcome(rest: Rest, failed_request: bool) -> Outcome {
    Outcome {
        failed_request,
        ..Outcome::new(rest, "what to do")
    }
}

fn written(
    object: &Subaccount,
    facts: &Facts,
    account: Option<&vobiz::Subaccount>,
    outcome: &Outcome,
) -> Option<SubaccountStatus> {
    let identity = object
        .status
        .as_ref()
        .is_some_and(|status| status.auth_id.is_some());
    let facts = &Facts { identity, ..*facts };
    let id = account.map(|account| &account.auth_id);
    let view = View {
        facts,
        auth_id: id,
        parent: None,
        generation: None,
        policy: Some(DeletionPolicy::Delete),
        secret_name: "acme-vobiz",
        remote: account,
        drift: "",
        refused: "what is refused, and what to do",
        contested: (facts.secret == UserSecret::Contested).then_some("who it is, and what to do"),
    };
    of(object, &view, outcome, at(100))
}

/// The status of an object at rest, `observed` generations old.
fn converged(observed: i64) -> SubaccountStatus {
    let facts = facts(Object::Live, false, UserSecret::Good);
    let mut status = written(
        &object(None),
        &facts,
        Some(&account()),
        &outcome(Rest::Settled, false),
    )
    .unwrap();
    status.observed_generation = observed;
    for condition in &mut status.conditions {
        condition.observed_generation = Some(observed);
    }
    status
}

#[test]
fn the_name_of_a_former_secret_is_told_until_that_one_is_removed() {
    for (former_secret, write_refused, told) in [
        (false, false, "acme-vobiz"),
        (true, false, "former"),
        (false, true, "former"),
    ] {
        let previous = SubaccountStatus {
            secret_name: Some("former".to_owned()),
            ..SubaccountStatus::default()
        };
        let facts = Facts {
            former_secret,
            write_refused,
            ..facts(Object::Live, false, UserSecret::Good)
        };
        let failed = outcome(Rest::Waiting(Wait::Cluster), false);
        let status = written(&object(Some(previous)), &facts, Some(&account()), &failed).unwrap();
        assert_eq!(status.secret_name.as_deref(), Some(told));
    }
}

#[test]
fn the_policy_in_force_is_told_and_stays_told_while_nobody_can_tell() {
    let facts = Facts {
        identity: true,
        ..facts(Object::Live, true, UserSecret::NotDue)
    };
    let of_before = |deletion_policy| {
        object(Some(SubaccountStatus {
            deletion_policy,
            ..converged(3)
        }))
    };
    let (object, untold) = (of_before(Some(DeletionPolicy::Retain)), of_before(None));
    let told_of = |object: &Subaccount, policy| {
        let view = View {
            facts: &facts,
            auth_id: None,
            parent: None,
            generation: None,
            policy,
            secret_name: "acme-vobiz",
            remote: None,
            drift: "",
            refused: "what is refused, and what to do",
            contested: None,
        };
        of(object, &view, &outcome(Rest::Settled, false), at(100)).map(|status| status.deletion_policy)
    };
    let told = |policy| told_of(&object, policy);
    let delete = Some(DeletionPolicy::Delete);
    assert_eq!(
        told_of(&untold, delete),
        None,
        "a new version starts without a write"
    );
    assert_eq!(
        told(Some(DeletionPolicy::Retain)),
        None,
        "at rest nothing is written"
    );
    assert_eq!(told(None), None, "its Account cannot be read");
    assert_eq!(
        told(Some(DeletionPolicy::Delete)),
        Some(Some(DeletionPolicy::Delete))
    );
}

fn shown(status: &SubaccountStatus, kind: ConditionType) -> Option<(&str, &str)> {
    find(&status.conditions, kind).map(|condition| (condition.status.as_str(), condition.reason.as_str()))
}

#[test]
fn every_status_says_ready_and_never_contradicts_itself() {
    let mut seen = 0;
    let secrets = [
        UserSecret::NotDue,
        UserSecret::Unread,
        UserSecret::Absent,
        UserSecret::Good,
        UserSecret::Foreign,
        UserSecret::Refused,
    ];
    for before in [None, Some(converged(3)), Some(converged(2))] {
        let object = object(before);
        for (rest, secret) in rests().flat_map(|rest| secrets.map(|secret| (rest, secret))) {
            for (state, failed) in [
                (Object::Live, false),
                (Object::Live, true),
                (Object::Deleting, false),
                (Object::Deleting, true),
            ] {
                for account in [None, Some(account())] {
                    let facts = facts(state, object.is_applied(), secret);
                    let Some(status) = written(&object, &facts, account.as_ref(), &outcome(rest, failed))
                    else {
                        continue;
                    };
                    seen += 1;
                    let case = format!("{rest:?} {secret:?} {state:?}: {status:#?}");
                    let ready = find(&status.conditions, ConditionType::Ready).expect(&case);
                    let reconciling = find(&status.conditions, ConditionType::Reconciling);
                    let stalled = find(&status.conditions, ConditionType::Stalled);
                    assert!(reconciling.is_none() || stalled.is_none(), "{case}");
                    for why in reconciling.iter().chain(&stalled) {
                        assert_eq!(
                            (why.status.as_str(), &why.reason),
                            ("True", &ready.reason),
                            "{case}"
                        );
                        assert_ne!(ready.status, "True", "{case}");
                    }
                    assert!(ready.status != "Unknown" || reconciling.is_some(), "{case}");
                    assert_eq!(status.observed_generation, 3, "{case}");
                    let kinds: std::collections::HashSet<_> = status
                        .conditions
                        .iter()
                        .map(|condition| &condition.type_)
                        .collect();
                    assert_eq!(kinds.len(), status.conditions.len(), "{case}");
                    assert!(
                        status
                            .conditions
                            .iter()
                            .all(|one| one.observed_generation == Some(3)),
                        "{case}"
                    );
                }
            }
        }
    }
    assert!(seen > 300, "only {seen} statuses were written");
}

#[test]
fn what_needs_a_person_is_stalled_under_its_reason() {
    for (block, reason) in BLOCKS {
        let facts = facts(Object::Live, false, UserSecret::Absent);
        let status = written(&object(None), &facts, None, &outcome(Rest::Blocked(block), false)).unwrap();
        assert_eq!(
            shown(&status, ConditionType::Ready),
            Some(("False", reason.as_str()))
        );
        assert_eq!(
            shown(&status, ConditionType::Stalled),
            Some(("True", reason.as_str()))
        );
    }
}

#[test]
fn a_first_create_that_waits_says_why_or_nothing_at_all() {
    let table = [
        (Wait::AccountPreparing, None),
        (Wait::Gate, None),
        (Wait::Guard, None),
        (Wait::Settle, None),
        (Wait::CleanWalk, None),
        (Wait::List, Some("ProgressingWithRetry")),
        (Wait::SharedProof, None),
        (Wait::Rival, None),
        (Wait::Cluster, Some("ProgressingWithRetry")),
        (Wait::WriteRefused, Some("WriteRefused")),
        (Wait::PairsHeld, Some("WriteRefused")),
        (Wait::Account, Some("DependencyNotReady")),
        (Wait::RateLimited, Some("ProgressingWithRetry")),
        (Wait::Unavailable, Some("ProgressingWithRetry")),
        (Wait::OutcomeUnknown, Some("ProgressingWithRetry")),
        (Wait::CoolOff, Some("ProgressingWithRetry")),
        (Wait::SecretForbidden, Some("WriteRefused")),
        (Wait::SecretContested, Some("ProgressingWithRetry")),
    ];
    for (wait, reason) in table {
        let facts = facts(Object::Live, false, UserSecret::Unread);
        let status = written(&object(None), &facts, None, &outcome(Rest::Waiting(wait), false));
        let reconciling = status
            .as_ref()
            .and_then(|status| shown(status, ConditionType::Reconciling));
        assert_eq!(reconciling, reason.map(|reason| ("True", reason)), "{wait:?}");
    }
}

#[test]
fn a_write_that_kubernetes_refuses_is_never_called_available() {
    let ready = {
        let facts = facts(Object::Live, false, UserSecret::Good);
        let status = written(&object(None), &facts, None, &outcome(Rest::Settled, false)).unwrap();
        SubaccountStatus {
            auth_id: Some("SA_ONE".to_owned()),
            ..status
        }
    };
    for (object_fact, wait) in [
        (Object::Live, Wait::WriteRefused),
        (Object::Live, Wait::SecretForbidden),
        (Object::Deleting, Wait::WriteRefused),
    ] {
        let facts = facts(object_fact, true, UserSecret::Refused);
        let status = written(
            &object(Some(ready.clone())),
            &facts,
            None,
            &outcome(Rest::Waiting(wait), false),
        );
        assert_eq!(
            shown(&status.unwrap(), ConditionType::Ready),
            Some(("False", "WriteRefused")),
            "{wait:?}"
        );
    }
}

#[test]
fn an_applied_object_whose_secret_does_not_hold_the_pair_is_not_called_ready_whatever_else_it_waits_for() {
    let at_rest = object(Some(converged(3)));
    let waits = [
        Wait::Account,
        Wait::Unavailable,
        Wait::RateLimited,
        Wait::CoolOff,
        Wait::Cluster,
    ];
    for (secret, published) in [
        (UserSecret::Refused, "SecretForbidden"),
        (UserSecret::Foreign, "SecretConflict"),
        (UserSecret::Contested, "SecretContested"),
    ] {
        for wait in waits {
            let facts = facts(Object::Live, true, secret);
            let status = written(
                &at_rest,
                &facts,
                Some(&account()),
                &outcome(Rest::Waiting(wait), false),
            );
            let status = status.unwrap_or_else(|| panic!("{secret:?} {wait:?}: nothing is said"));
            let ready = find(&status.conditions, ConditionType::Ready).unwrap();
            assert_eq!(ready.status, "False", "{secret:?} {wait:?}");
            let told = shown(&status, ConditionType::CredentialsPublished);
            assert_eq!(told, Some(("False", published)), "{secret:?} {wait:?}");
        }
    }
}

#[test]
fn synced_is_false_only_after_a_request_for_this_object_failed() {
    let table = [
        (Wait::RateLimited, true, Some(("False", "RateLimited"))),
        (Wait::Unavailable, true, Some(("False", "VobizUnavailable"))),
        (Wait::OutcomeUnknown, true, Some(("False", "VobizUnavailable"))),
        (Wait::CoolOff, true, Some(("False", "ReconcileError"))),
        (Wait::Unavailable, false, None),
    ];
    for (wait, failed, synced) in table {
        let facts = facts(Object::Live, false, UserSecret::Unread);
        let status = written(&object(None), &facts, None, &outcome(Rest::Waiting(wait), failed)).unwrap();
        assert_eq!(shown(&status, ConditionType::Synced), synced, "{wait:?}");
    }
}

#[test]
fn an_object_at_rest_is_never_written_again_whatever_time_it_is() {
    let at_rest = object(Some(converged(3)));
    assert!(at_rest.is_applied());
    for account in [None, Some(account())] {
        for secret in [UserSecret::Good, UserSecret::NotDue] {
            let facts = facts(Object::Live, true, secret);
            assert_eq!(
                written(&at_rest, &facts, account.as_ref(), &outcome(Rest::Settled, false)),
                None
            );
        }
    }
    let facts = facts(Object::Live, true, UserSecret::NotDue);
    assert_eq!(
        written(
            &at_rest,
            &facts,
            None,
            &outcome(Rest::Waiting(Wait::Account), false)
        ),
        None
    );
}

#[test]
fn an_edit_that_is_not_applied_yet_is_not_ready_while_its_account_is_in_trouble() {
    let edited = object(Some(converged(2)));
    assert!(!edited.is_applied());
    let facts = facts(Object::Live, false, UserSecret::Good);
    let status = written(
        &edited,
        &facts,
        Some(&account()),
        &outcome(Rest::Waiting(Wait::Account), false),
    )
    .unwrap();
    assert_eq!(
        shown(&status, ConditionType::Ready),
        Some(("False", "DependencyNotReady"))
    );
    assert_eq!(
        shown(&status, ConditionType::Synced),
        Some(("True", "ReconcileSuccess")),
        "kept from before"
    );
    assert_eq!(status.auth_id.as_deref(), Some("SA_ONE"));
}

#[test]
fn whether_calls_are_allowed_is_told_as_vobiz_reports_it() {
    let customer = account().updated(&vobiz::Fields {
        kyc_mode: Some("customer_use".to_owned()),
        ..vobiz::Fields::default()
    });
    let table = [
        (
            account().updated(&vobiz::Fields {
                enabled: Some(false),
                ..vobiz::Fields::default()
            }),
            ("False", "AccountDisabled"),
            "Disabled",
        ),
        (
            vobiz::Subaccount {
                kyc_calls_blocked: Some(true),
                ..customer.clone()
            },
            ("False", "KycPending"),
            "Available",
        ),
        (customer, ("True", "KycComplete"), "Available"),
        (account(), ("True", "KycNotRequired"), "Available"),
        (
            vobiz::Subaccount {
                kyc_calls_blocked: None,
                ..account()
            },
            ("Unknown", "NotReported"),
            "Available",
        ),
    ];
    for (account, calls, ready) in table {
        let facts = facts(Object::Live, false, UserSecret::Good);
        let status = written(
            &object(None),
            &facts,
            Some(&account),
            &outcome(Rest::Settled, false),
        )
        .unwrap();
        assert_eq!(shown(&status, ConditionType::CallsAllowed), Some(calls));
        assert_eq!(shown(&status, ConditionType::Ready), Some(("True", ready)));
        assert_eq!(
            shown(&status, ConditionType::CredentialsPublished),
            Some(("True", "SecretWritten"))
        );
        assert_eq!(status.secret_name.as_deref(), Some("acme-vobiz"));
        let mut stored = object(None);
        stored.status = Some(status);
        assert!(!kyc_differs(&stored, &account));
    }
}

#[test]
fn a_change_of_the_identity_check_is_noticed() {
    let blocked = vobiz::Subaccount {
        kyc_calls_blocked: Some(true),
        ..account()
    };
    assert!(kyc_differs(&object(Some(converged(3))), &blocked));
}

#[test]
fn a_deletion_that_waits_says_so() {
    let facts = facts(Object::Deleting, true, UserSecret::NotDue);
    let status = written(
        &object(Some(converged(3))),
        &facts,
        None,
        &outcome(Rest::Waiting(Wait::StillThere), false),
    )
    .unwrap();
    assert_eq!(shown(&status, ConditionType::Ready), Some(("False", "Deleting")));
    assert_eq!(
        shown(&status, ConditionType::Reconciling),
        Some(("True", "Deleting"))
    );
}

#[test]
fn a_published_pair_is_not_said_to_be_missing_while_its_record_cannot_be_seen() {
    let edited = object(Some(converged(2)));
    let facts = facts(Object::Live, false, UserSecret::Unread);
    let status = written(
        &edited,
        &facts,
        None,
        &outcome(Rest::Waiting(Wait::Account), false),
    )
    .unwrap();
    assert_eq!(
        shown(&status, ConditionType::CredentialsPublished),
        Some(("True", "SecretWritten"))
    );
}

#[test]
fn a_status_of_a_version_that_told_less_is_written_when_there_is_something_to_look_at_and_not_before() {
    let mut object = object(Some(converged(3)));
    object.spec.phone = Some("+911140001234".to_owned());
    for (secret, is_written) in [(UserSecret::NotDue, false), (UserSecret::Good, true)] {
        let facts = facts(Object::Live, true, secret);
        for account in [None, Some(account())] {
            let outcome = outcome(Rest::Settled, false);
            let written = written(&object, &facts, account.as_ref(), &outcome);
            assert_eq!(written.is_some(), is_written, "{secret:?}");
        }
    }
}

#[test]
fn an_account_that_is_only_looked_at_is_observed_and_its_drift_names_fields() {
    let facts = Facts {
        observes: true,
        remote: Remote::Differs,
        ..facts(Object::Live, false, UserSecret::Good)
    };
    let account = account();
    for (drift, synced) in [
        ("", (ConditionStatus::True, Reason::ReconcileSuccess)),
        ("name, enabled", (ConditionStatus::False, Reason::DriftDetected)),
    ] {
        let view = View {
            facts: &facts,
            auth_id: Some(&account.auth_id),
            parent: None,
            generation: None,
            policy: Some(DeletionPolicy::Retain),
            secret_name: "acme-vobiz",
            remote: Some(&account),
            drift,
            refused: "",
            contested: None,
        };
        let status = of(&object(None), &view, &outcome(Rest::Settled, false), at(100)).unwrap();
        let told = |kind: ConditionType| {
            let found = status
                .conditions
                .iter()
                .find(|condition| condition.type_ == kind.as_str());
            found.map(|condition| {
                (
                    condition.status.clone(),
                    condition.reason.clone(),
                    condition.message.clone(),
                )
            })
        };
        let ready = told(ConditionType::Ready).unwrap();
        assert_eq!((ready.0.as_str(), ready.1.as_str()), ("True", "Observed"));
        let (status, reason, message) = told(ConditionType::Synced).unwrap();
        assert_eq!(
            (status.as_str(), reason.as_str()),
            (synced.0.as_str(), synced.1.as_str())
        );
        assert!(message.contains(drift), "{message}");
    }
}
