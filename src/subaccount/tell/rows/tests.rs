//! What the rows of the table say, and that the runbook has the same reasons. I/O (reads the runbook).

use super::*;
use crate::crd::condition::ConditionType;
use crate::crd::vocabulary::OF_SUBACCOUNT;
use crate::vobiz::ParentAuthId;
use std::collections::BTreeSet;

fn words(rest: Rest, found: &Findings<'_>) -> String {
    (row(rest).message)(found)
}

/// The first word of each row of the first table under this heading of the runbook.
fn runbook(heading: &str) -> BTreeSet<String> {
    let text = std::fs::read_to_string(concat!(env!("REPOSITORY"), "/docs/runbook.md")).unwrap();
    let (_, section) = text.split_once(&format!("## {heading}\n")).expect(heading);
    let table = section
        .lines()
        .skip_while(|line| !line.starts_with("|--"))
        .skip(1);
    let rows = table.map_while(|line| line.strip_prefix("| `"));
    let reasons = rows.filter_map(|row| Some(row.split_once('`')?.0.to_owned()));
    reasons.collect()
}

fn given(reason: impl Fn(Ready) -> Option<Reason>) -> BTreeSet<String> {
    let rows = RESTS.iter().map(|rest| row(*rest).ready);
    rows.filter_map(reason).map(|reason| reason.to_string()).collect()
}

#[test]
fn the_runbook_has_each_reason_to_be_stalled_and_none_that_is_never_given() {
    let stalled = given(|ready| match ready {
        Ready::Stalled(reason) => Some(reason),
        _ => None,
    });
    assert_eq!(runbook("A Subaccount is `Stalled`"), stalled);
}

#[test]
fn the_runbook_has_each_reason_to_wait_beside_first_work_and_deletion() {
    let mut waits = given(|ready| match ready {
        Ready::Waiting(reason) if reason != Reason::Progressing => Some(reason),
        _ => None,
    });
    waits.insert(Reason::Deleting.to_string());
    assert_eq!(runbook("A Subaccount waits"), waits);
}

fn said(kind: ConditionType) -> BTreeSet<String> {
    let said = OF_SUBACCOUNT.iter().filter(|said| said.kind == kind);
    said.flat_map(|said| said.reasons.iter().map(ToString::to_string))
        .collect()
}

#[test]
fn the_table_of_conditions_has_every_reason_of_a_row_and_no_other() {
    let stalled = given(|ready| match ready {
        Ready::Stalled(reason) => Some(reason),
        _ => None,
    });
    assert_eq!(said(ConditionType::Stalled), stalled);
    let mut waits = given(|ready| match ready {
        Ready::Waiting(reason) => Some(reason),
        _ => None,
    });
    waits.insert(Reason::Deleting.to_string());
    assert_eq!(said(ConditionType::Reconciling), waits);
    let other = [Reason::ReconcileSuccess, Reason::DriftDetected, Reason::Paused];
    let failed = RESTS.iter().map(|rest| row(*rest).synced);
    let synced: BTreeSet<String> = failed.chain(other).map(|reason| reason.to_string()).collect();
    assert_eq!(said(ConditionType::Synced), synced);
}

#[test]
fn what_a_row_tells_by_an_event_needs_a_look() {
    let told = RESTS
        .iter()
        .map(|rest| row(*rest))
        .filter(|row| row.event.is_some());
    for row in told {
        assert!(row.event.is_some_and(EventReason::is_warning), "{row:?}");
    }
}

#[test]
fn whoever_must_act_is_told_what_to_do_unless_vobiz_has_refused_a_request() {
    let told = |rest: &&Rest| matches!(row(**rest).ready, Ready::Stalled(_));
    for rest in RESTS.iter().filter(told) {
        let is_told = words(*rest, &Findings::default()).contains(": ");
        assert_eq!(is_told, *rest != Rest::Blocked(Block::Forbidden), "{rest:?}");
    }
}

#[test]
fn what_a_person_mends_in_a_secret_is_looked_at_soon_and_told_by_an_event() {
    for rest in RESTS.iter().copied() {
        let row = row(rest);
        let is_mended = row.next == Some(Next::After(SECRET_PROBE));
        let reason = match row.ready {
            Ready::Stalled(reason) => EventReason::of(reason),
            _ => None,
        };
        assert_eq!(is_mended, reason.is_some() && reason == row.event, "{rest:?}");
    }
}

#[test]
fn an_object_that_waits_for_its_account_says_what_keeps_that() {
    let parent = |id| ParentAuthId::parse(id).unwrap();
    let moved = AccountState::Moved {
        to: parent("MA_TWO"),
        recorded: parent("MA_ONE"),
    };
    for (account_state, expected) in [
        (AccountState::Missing, "the Account main does not exist"),
        (
            AccountState::Unwatched,
            "the Account main is not looked at: this operator runs with --cluster-accounts=false, or may not list ClusterAccounts and \
             namespaces; ask whoever runs it, or use an Account",
        ),
        (AccountState::NotReady(None), "the Account main is not ready"),
        (
            AccountState::NotReady(Some(Reason::Unauthorized)),
            "the Account main is not ready: Unauthorized",
        ),
        (AccountState::Closing, "the Account main is being deleted"),
        (
            moved,
            "the Account main now belongs to MA_TWO, and this subaccount lives under MA_ONE",
        ),
    ] {
        let found = Findings {
            account: "Account main".to_owned(),
            account_state,
            ..Findings::default()
        };
        assert_eq!(words(Rest::Waiting(Wait::Account), &found), expected);
    }
}

#[test]
fn a_lost_pair_names_the_way_that_is_open() {
    let lost = |is_unmarked, may_be_recreated| {
        let found = Findings {
            secret_name: "acme-vobiz".to_owned(),
            is_unmarked,
            may_be_recreated,
            ..Findings::default()
        };
        words(Rest::Blocked(Block::CredentialsLost), &found)
    };
    assert!(lost(true, true).ends_with("or delete this object, which leaves the subaccount as it is"));
    assert!(lost(false, true).contains("set spec.credentialRecovery to Recreate"));
    assert!(lost(false, false).ends_with("or choose another name"));
    assert!(lost(false, false).contains("put it back into the Secret acme-vobiz"));
}

#[test]
fn nothing_is_told_of_another_namespace_but_that_there_is_something() {
    for (conflict, expected) in [
        (Some(Conflict::Record), "which another Subaccount keeps"),
        (Some(Conflict::Status), "so does the status of another Subaccount"),
        (
            Some(Conflict::Installation),
            "which another installation of the operator made",
        ),
        (None, "which another Subaccount keeps"),
    ] {
        let found = Findings {
            named: "SA_ONE".to_owned(),
            conflict,
            ..Findings::default()
        };
        let told = words(Rest::Blocked(Block::AuthIdConflict), &found);
        assert!(
            told.starts_with("status.authId names SA_ONE, ") && told.contains(expected),
            "{told}"
        );
    }
}

#[test]
fn a_conflict_names_the_field_that_a_person_wrote() {
    for conflict in [
        None,
        Some(Conflict::Record),
        Some(Conflict::Status),
        Some(Conflict::Installation),
    ] {
        let found = Findings {
            named: "SA_ONE".to_owned(),
            is_adoption: true,
            conflict,
            ..Findings::default()
        };
        let told = words(Rest::Blocked(Block::AuthIdConflict), &found);
        assert!(
            told.starts_with("spec.authId ") && !told.contains("status.authId"),
            "{told}"
        );
    }
}

#[test]
fn what_a_person_puts_right_is_seen_within_seconds_and_thousands_who_wait_are_no_burden() {
    let pauses = [0, 1, 30, 300, 10_000, usize::MAX].map(|waiting| secret_probe(waiting).as_secs());
    assert_eq!(pauses, [3, 3, 3, 30, 60, 60]);
}
