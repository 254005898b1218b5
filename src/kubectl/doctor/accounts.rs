//! How an Account stands, and whether its pair works. PURE.

use super::check::{Check, Part};
use crate::account::object::AccountObject;
use crate::account::parent::listing::SweepError;
use crate::account::tell::trouble::AccountTrouble;
use crate::crd::condition::{ConditionStatus, ConditionType, Reason, find};
use crate::kubectl::runbook;
use crate::kubectl::sight::Seen;
use crate::vobiz::{Error, ParentAuthId};

/// What came of the pair in the credentials Secret of an Account.
pub enum Pair {
    /// There is none, and why.
    Missing(AccountTrouble),
    /// Vobiz was not asked.
    Untried(ParentAuthId),
    /// Vobiz was asked whose it is.
    Tried(ParentAuthId, Result<(), Error>),
}

/// Whether the pair of an Account works.
#[must_use]
pub fn judge_pair(account: &str, pair: &Seen<Pair>) -> Check {
    match pair {
        Seen::Hidden(why) => Check::unseen(Part::Account, account, why),
        Seen::Shown(Pair::Missing(trouble)) => troubled(account, trouble),
        Seen::Shown(Pair::Untried(id)) => Check::warning(
            Part::Account,
            account,
            format!("whether the pair of {id} works was not asked"),
            "leave --offline out",
        ),
        Seen::Shown(Pair::Tried(id, Ok(()))) => {
            Check::ok(Part::Account, account, format!("its pair works: {id}"))
        }
        Seen::Shown(Pair::Tried(_, Err(error))) => {
            troubled(account, &AccountTrouble::of_pair(SweepError::List(error.clone())))
        }
    }
}

/// A trouble, with what the operator says of it and what the runbook says is to be done.
fn troubled(account: &str, trouble: &AccountTrouble) -> Check {
    let row = trouble.row();
    let remedy = runbook::of_account(row.reason.as_str()).unwrap_or_default();
    let message = format!("{}: {}", row.reason, row.message);
    match row.reason {
        // Vobiz asks to wait, and nothing is wrong with the pair.
        Reason::RateLimited => Check::warning(Part::Account, account, message, remedy),
        _ => Check::fault(Part::Account, account, message, remedy),
    }
}

/// What the operator says of an Account; none if it says that all is well.
#[must_use]
pub fn judge_standing(account: &str, object: &AccountObject) -> Option<Check> {
    let conditions = object.status.as_ref().map(|status| status.conditions.as_slice());
    let conditions = conditions.unwrap_or_default();
    let Some(ready) = find(conditions, ConditionType::Ready) else {
        return Some(Check::warning(
            Part::Account,
            account,
            "no operator has looked at it",
            "see whether one runs and watches its namespace",
        ));
    };
    if ready.status == ConditionStatus::True.as_str() {
        return None;
    }
    let message = format!("the operator says {}: {}", ready.reason, ready.message);
    let remedy = runbook::of_account(&ready.reason)
        .unwrap_or_else(|| "see the section about Accounts in the runbook".to_owned());
    let stalled = find(conditions, ConditionType::Stalled);
    Some(
        if stalled.is_some_and(|stalled| stalled.status == ConditionStatus::True.as_str()) {
            Check::fault(Part::Account, account, message, remedy)
        } else {
            Check::warning(Part::Account, account, message, remedy)
        },
    )
}

/// An Account that cannot be read.
#[must_use]
pub fn unreadable(account: &str) -> Check {
    let remedy = runbook::of_account(Reason::Unsupported.as_str()).unwrap_or_default();
    Check::fault(Part::Account, account, "it cannot be read", remedy)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubectl::doctor::check::Verdict;
    use serde_json::{Value, json};
    use std::time::Duration;

    fn id() -> ParentAuthId {
        ParentAuthId::parse("MA_PARENT").unwrap()
    }

    #[test]
    fn a_pair_that_does_not_work_is_told_in_the_words_of_the_operator_and_the_runbook() {
        let tried = |error: Error| Seen::Shown(Pair::Tried(id(), Err(error)));
        let missing = AccountTrouble::SecretMissing("pair".to_owned());
        let wait = Duration::from_secs(7);
        for (pair, verdict, words) in [
            (Seen::Shown(Pair::Tried(id(), Ok(()))), Verdict::Ok, "MA_PARENT"),
            (tried(Error::Unauthorized), Verdict::Fault, "Unauthorized"),
            (
                tried(Error::Forbidden { code: None }),
                Verdict::Fault,
                "Forbidden",
            ),
            (
                tried(Error::Server { status: 503 }),
                Verdict::Fault,
                "VobizUnavailable",
            ),
            (
                tried(Error::RateLimited { retry_after: wait }),
                Verdict::Warning,
                "RateLimited",
            ),
            (
                Seen::Shown(Pair::Missing(missing)),
                Verdict::Fault,
                "create the Secret pair",
            ),
            (Seen::Shown(Pair::Untried(id())), Verdict::Warning, "not asked"),
            (
                Seen::Hidden("Secret: you may not read it".to_owned()),
                Verdict::Warning,
                "not seen",
            ),
        ] {
            let check = judge_pair("Account team/vobiz", &pair);
            assert_eq!(check.verdict, verdict, "{}", check.message);
            assert!(check.message.contains(words), "{}", check.message);
            let has_remedy = check.remedy.is_some_and(|remedy| remedy.len() > 15);
            assert_eq!(has_remedy, verdict != Verdict::Ok, "{}", check.message);
        }
    }

    fn standing(conditions: &Value) -> Option<Verdict> {
        let object = json!({"metadata": {"name": "vobiz", "namespace": "team"}, "spec": {"credentialsSecretRef": {"name": "pair"}},
            "status": {"observedGeneration": 1, "conditions": conditions}});
        let check = judge_standing("Account team/vobiz", &serde_json::from_value(object).unwrap())?;
        assert!(
            check.remedy.is_some_and(|remedy| remedy.len() > 15),
            "{}",
            check.message
        );
        Some(check.verdict)
    }

    #[test]
    fn an_account_is_a_fault_where_a_person_must_act_and_no_word_where_all_is_well() {
        let condition = |kind: &str, status: &str, reason: &str| json!({"type": kind, "status": status, "reason": reason, "message": "so it is", "lastTransitionTime": "2026-01-01T00:00:00Z"});
        let suspected = "MassDeletionSuspected";
        assert_eq!(standing(&json!([condition("Ready", "True", "Available")])), None);
        assert_eq!(
            standing(&json!([
                condition("Ready", "False", suspected),
                condition("Stalled", "True", suspected)
            ])),
            Some(Verdict::Fault)
        );
        assert_eq!(
            standing(&json!([
                condition("Ready", "Unknown", "Progressing"),
                condition("Reconciling", "True", "Progressing")
            ])),
            Some(Verdict::Warning)
        );
        assert_eq!(standing(&json!([])), Some(Verdict::Warning));
        assert_eq!(unreadable("Account team/vobiz").verdict, Verdict::Fault);
    }
}
