//! PURE. Whether what was at Vobiz before its object was had by one alone, made for nobody, and left alone where it is only looked at.

use std::collections::BTreeSet;

use vobiz_harness::simulator_journal::Operation;

use super::{Finding, held, id_of, phase_of};
use crate::evidence::{Evidence, Values};
use crate::workload::Claim;

/// What must hold for one object.
pub(super) fn adoption(evidence: &Evidence) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut creates = evidence
        .calls
        .iter()
        .filter(|call| call.operation == Operation::Create);
    if evidence.claim != Claim::Made && creates.next().is_some() {
        findings.push(Finding::Posted);
    }
    if evidence.claim == Claim::Refused {
        let taken = held(evidence).into_iter();
        findings.extend(taken.map(|id| Finding::TookAnothers(id.to_owned())));
    }
    findings.extend(touched(evidence));
    findings
}

/// Whatever became of the request: it is not to be sent.
fn touched(evidence: &Evidence) -> Option<Finding> {
    let (from, until) = evidence.untouched?;
    let mut calls = evidence
        .calls
        .iter()
        .filter(|call| (from..until).contains(&call.at));
    let writes = [Operation::Create, Operation::Update, Operation::Delete];
    let touched = calls.find(|call| writes.contains(&call.operation))?;
    Some(Finding::Touched(touched.operation))
}

/// Accounts that more than one Record of the plan holds, or is about to hold.
pub(super) fn held_twice(evidence: &Evidence) -> Vec<Finding> {
    let beside = evidence.companions.iter().map(|companion| &companion.scene);
    let records = [&evidence.scene]
        .into_iter()
        .chain(beside)
        .flat_map(|scene| scene.records.iter().flatten());
    let mut known = BTreeSet::new();
    let twice = records.filter_map(claimed).filter(|id| !known.insert(*id));
    let twice: BTreeSet<&str> = twice.collect();
    twice
        .into_iter()
        .map(|id| Finding::HeldTwice(id.to_owned()))
        .collect()
}

/// The account that a Record holds, or means to hold.
fn claimed(record: &Values) -> Option<&str> {
    let intended = || record.get("adopts").map(String::as_str);
    (phase_of(record) != "Closed").then(|| id_of(record).or_else(intended))?
}

#[cfg(test)]
mod tests {
    use super::super::tests::{account, at, call, create, created, deed, found, record, retained, values};
    use super::*;
    use crate::evidence::Act;
    use crate::workload::Policy;

    const BY_HAND: &str = "SA_0";

    /// An account that was made by hand and adopted, at rest.
    fn adopted() -> Evidence {
        let good = created();
        let mut scene = good.scene.clone();
        if let Some(object) = &mut scene.object {
            object["status"]["authId"] = BY_HAND.into();
        }
        scene.secret = Some(values(&[("auth_id", BY_HAND), ("auth_token", "nought")]));
        scene.records = vec![Some(record("Bound", BY_HAND, "nought", "0"))];
        scene.accounts = vec![account(BY_HAND, "nought")];
        Evidence {
            policy: Policy::Retain,
            claim: Claim::Adopted,
            by_hand: Some(BY_HAND.to_owned()),
            calls: vec![
                call(2, Operation::Get, BY_HAND, 200),
                call(6, Operation::Update, BY_HAND, 200),
            ],
            fences: std::collections::HashMap::new(),
            scene,
            ..good
        }
    }

    /// The same, and then its object was deleted without a word on what is to become of the account.
    fn let_go() -> Evidence {
        let mut good = adopted();
        good.lives = false;
        good.deeds.push(deed(7, Act::DeletionAsked));
        good.deeds.push(deed(8, Act::FinalizerRemoved));
        good.scene.object = None;
        good.scene.secret = None;
        good.scene.records = vec![Some(record("Kept", BY_HAND, "nought", "0"))];
        good
    }

    /// Beside the object that `created` is about, one that named its account and was refused.
    fn coveted() -> Evidence {
        let mut scene = retained().scene;
        scene.accounts.clear();
        scene.records = vec![None];
        let envious = Evidence {
            claim: Claim::Refused,
            calls: Vec::new(),
            deeds: Vec::new(),
            scene,
            ..retained()
        };
        let mut good = created();
        good.scene.companions = vec![envious.scene.clone()];
        good.companions = vec![envious];
        good
    }

    #[test]
    fn an_adopted_account_that_stays_is_no_stray_and_one_that_was_made_beside_it_is() {
        let findings = found(let_go(), |run| {
            run.scene.accounts.push(account("SA_9", "nine"));
        });
        assert!(findings.contains(&Finding::Strays(1)), "{findings:?}");
        // Nobody had it: it is as it was before.
        let never = found(let_go(), |run| run.scene.records = vec![None]);
        assert!(
            !never.iter().any(|finding| matches!(finding, Finding::Strays(_))),
            "{never:?}"
        );
    }

    #[test]
    fn an_adopted_account_is_deleted_wrongly_unless_the_spec_says_delete() {
        let delete = |run: &mut Evidence| {
            run.calls.push(call(8, Operation::Delete, BY_HAND, 204));
            run.scene.accounts.clear();
            run.scene.records = vec![None];
        };
        let wrong = Finding::WrongDelete(BY_HAND.to_owned());
        let findings = found(let_go(), delete);
        assert!(findings.contains(&wrong), "{findings:?}");
        let asked = found(let_go(), |run| {
            delete(run);
            run.policy = Policy::Delete;
        });
        assert!(!asked.contains(&wrong), "{asked:?}");
    }

    #[test]
    fn whatever_becomes_of_it_nothing_is_asked_for_an_object_that_names_an_account() {
        for good in [adopted(), let_go()] {
            let findings = found(good, |run| {
                let mut refused = create(3, "SA_9", 1);
                (refused.committed, refused.status) = (false, Some(503));
                run.calls.push(refused);
            });
            assert!(findings.contains(&Finding::Posted), "{findings:?}");
        }
        let beside = found(coveted(), |run| {
            run.companions[0].calls.push(create(3, "SA_9", 1));
        });
        assert!(beside.contains(&Finding::Posted), "{beside:?}");
    }

    #[test]
    fn nothing_may_be_written_while_an_account_is_only_looked_at() {
        let observed = || Evidence {
            untouched: Some((at(1), at(5))),
            ..adopted()
        };
        for operation in [Operation::Create, Operation::Update, Operation::Delete] {
            let findings = found(observed(), |run| {
                // A refused one as well.
                run.calls.push(call(3, operation, BY_HAND, 409));
            });
            assert!(findings.contains(&Finding::Touched(operation)), "{findings:?}");
        }
        let read = found(observed(), |run| {
            run.calls.push(call(3, Operation::Get, BY_HAND, 200));
        });
        assert_eq!(read, []);
        let later = found(observed(), |run| {
            run.calls.push(call(5, Operation::Update, BY_HAND, 200));
        });
        assert_eq!(later, []);
    }

    #[test]
    fn an_account_that_two_records_hold_or_mean_to_hold_is_found() {
        let twice = Finding::HeldTwice(BY_HAND.to_owned());
        let both = found(let_go(), |run| {
            run.scene
                .records
                .push(Some(record("Bound", BY_HAND, "nought", "0")));
        });
        assert!(both.contains(&twice), "{both:?}");
        let intended = found(let_go(), |run| {
            let intent = values(&[("phase", "Open"), ("adopts", BY_HAND)]);
            run.scene.records.push(Some(intent));
        });
        assert!(intended.contains(&twice), "{intended:?}");
        let done = found(let_go(), |run| {
            run.scene
                .records
                .push(Some(record("Closed", BY_HAND, "nought", "0")));
        });
        assert!(!done.contains(&twice), "{done:?}");
    }

    #[test]
    fn an_object_that_is_refused_an_account_must_not_have_it() {
        let findings = found(coveted(), |run| {
            run.companions[0].scene.records = vec![Some(record("Kept", "SA_2", "two", "0"))];
        });
        let taken = Finding::TookAnothers("SA_2".to_owned());
        assert!(findings.contains(&taken), "{findings:?}");
        assert!(
            findings.contains(&Finding::HeldTwice("SA_2".to_owned())),
            "{findings:?}"
        );
    }
}
