//! What an Account's status says about a pass. PURE.

use super::holders::{doubt, held_by, shared};
use super::news::News;
use super::trouble::{AccountTrouble, TroubleRow};
use crate::account::key::AccountKey;
use crate::account::object::AccountObject;
use crate::account::store::members::SharedTerm;
use crate::account::users::Users;
use crate::crd::condition::{
    ConditionStatus, ConditionType, NewCondition, Reason, find, merge, not_ready, same,
};
use crate::crd::event::EventReason;
use crate::crd::{AccountStatus, ApiGeneration, RECONCILE_REQUESTED_ANNOTATION, SubaccountCounts};
use jiff::Timestamp;

/// What a pass found.
#[derive(Clone, Debug, Default)]
pub struct AccountFindings {
    /// The parent's id.
    pub auth_id: Option<String>,
    /// The API generation in use.
    pub generation: Option<ApiGeneration>,
    /// The only Secret that may carry the in-use finalizer.
    pub credentials_secret_name: Option<String>,
    /// The last comparison with the list; none if this pass made none.
    pub counts: Option<SubaccountCounts>,
    /// How many Subaccounts there are, if that is to be told without a list.
    pub managed: Option<i64>,
    /// Why the Account cannot be used now.
    pub trouble: Option<AccountTrouble>,
    /// Subaccounts that name it.
    pub users: Users,
    /// What another Account of the parent asks for and holds for this one too.
    pub shared_terms: Vec<SharedTerm>,
    /// Its credentials Secret is being deleted, and held.
    pub secret_deleting: bool,
}

/// The status to write, if it differs from the one that is there by more than transition times.
#[must_use]
pub fn of(account: &AccountObject, findings: &AccountFindings, now: Timestamp) -> Option<AccountStatus> {
    let previous = account.status.clone().unwrap_or_default();
    let generation = account.metadata.generation.unwrap_or_default();
    let status = AccountStatus {
        observed_generation: generation,
        conditions: merge(
            &previous.conditions,
            conditions(account, findings),
            generation,
            now,
        ),
        auth_id: findings.auth_id.clone().or_else(|| previous.auth_id.clone()),
        api_generation: findings.generation.or(previous.api_generation),
        credentials_secret_name: findings.credentials_secret_name.clone(),
        subaccounts: findings
            .counts
            .or(previous.subaccounts)
            .map(|counts| SubaccountCounts {
                managed: findings.managed.unwrap_or(counts.managed),
                ..counts
            }),
        last_handled_reconcile_at: requested(account)
            .map(str::to_owned)
            .or_else(|| previous.last_handled_reconcile_at.clone()),
    };
    let unchanged = AccountStatus {
        conditions: previous.conditions.clone(),
        ..status.clone()
    } == previous
        && same(&status.conditions, &previous.conditions);
    (!unchanged).then_some(status)
}

fn requested(account: &AccountObject) -> Option<&str> {
    let annotations = account.metadata.annotations.as_ref()?;
    annotations
        .get(RECONCILE_REQUESTED_ANNOTATION)
        .map(String::as_str)
}

/// Whether a person asks for a look, by a value of the annotation that was not handled yet.
#[must_use]
pub fn is_look_requested(account: &AccountObject) -> bool {
    let handled = account
        .status
        .as_ref()
        .and_then(|status| status.last_handled_reconcile_at.as_deref());
    requested(account).is_some_and(|requested| handled != Some(requested))
}

/// The status as it is, naming the Secret that is about to be marked.
#[must_use]
pub fn naming(account: &AccountObject, secret: &str) -> AccountStatus {
    AccountStatus {
        credentials_secret_name: Some(secret.to_owned()),
        ..account.status.clone().unwrap_or_default()
    }
}

/// What there is to tell of a pass by events.
#[must_use]
pub fn news(account: &AccountObject, findings: &AccountFindings) -> Vec<News> {
    let trouble = new_trouble(account, findings)
        .and_then(|row| Some(News::new(EventReason::of(row.reason)?, row.message)));
    let orphans = |counts: Option<SubaccountCounts>| counts.map_or(0, |counts| counts.orphaned);
    let known = orphans(account.status.as_ref().and_then(|status| status.subaccounts));
    let more = orphans(findings.counts) > known;
    let orphans = more.then(|| {
        let note = "the list shows subaccounts that this installation made and of which no record knows: they are counted in \
                    status.subaccounts.orphaned and never deleted";
        News::new(EventReason::OrphanFound, note)
    });
    trouble.into_iter().chain(orphans).collect()
}

/// A trouble that is shown for the first time.
fn new_trouble(account: &AccountObject, findings: &AccountFindings) -> Option<TroubleRow> {
    let status = account.status.as_ref();
    let ready = status.and_then(|status| find(&status.conditions, ConditionType::Ready));
    let row = findings.trouble.as_ref().map(AccountTrouble::row);
    row.filter(|row| row.is_news && ready.is_none_or(|ready| ready.reason != row.reason.as_str()))
}

fn conditions(account: &AccountObject, findings: &AccountFindings) -> Vec<NewCondition> {
    let deleting = account.metadata.deletion_timestamp.is_some();
    let held = match deleting {
        // Nothing else holds it any more.
        true if findings.trouble.is_some() && findings.users == Users::default() => None,
        true => Some(held_by(&findings.users)),
        false if findings.secret_deleting => Some(format!(
            "the Secret {} is being deleted: it works until it goes, and can still be edited; to keep a pair here, name another \
                 Secret in spec.credentialsSecretRef; {}",
            account.spec.credentials_secret_ref.name,
            held_by(&findings.users)
        )),
        false => doubt(&findings.users),
    };
    let with_holders = |message: &str| match &held {
        Some(held) => format!("{message}; {held}"),
        None => message.to_owned(),
    };
    match findings.trouble.as_ref().map(AccountTrouble::row) {
        Some(row) => in_trouble(&row, &with_holders(&row.message)),
        None if deleting => not_ready(
            ConditionStatus::False,
            ConditionType::Reconciling,
            Reason::Deleting,
            &held.unwrap_or_default(),
        ),
        None => vec![NewCondition::new(
            ConditionType::Ready,
            ConditionStatus::True,
            Reason::Available,
            &with_holders(&available(&findings.shared_terms, &AccountKey::of(account))),
        )],
    }
}

fn available(shared_terms: &[SharedTerm], teller: &AccountKey) -> String {
    let works = "the credentials work and the subaccounts can be listed";
    shared(shared_terms, teller).map_or_else(|| works.to_owned(), |shared| format!("{works}. {shared}"))
}

fn in_trouble(row: &TroubleRow, message: &str) -> Vec<NewCondition> {
    match row.second {
        Some(second) => not_ready(ConditionStatus::False, second, row.reason, message),
        None => vec![NewCondition::new(
            ConditionType::Ready,
            ConditionStatus::False,
            row.reason,
            message,
        )],
    }
}
