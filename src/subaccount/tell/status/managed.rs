//! Which fields of the spec are kept at Vobiz, and which were once and are no more: the message of `Synced` tells, and so it is known
//! after a restart too, at the price of no write. PURE.

use crate::crd::condition::{ConditionType, NewCondition, find};
use crate::crd::{Subaccount, SubaccountStatus};
use crate::subaccount::desired::optional_fields;
use crate::subaccount::tell::View;

const MANAGED: &str = "; managed: ";
const NO_LONGER: &str = "; no longer managed: ";
/// What becomes of the latter.
const LEFT: &str = " (stays as it is at Vobiz)";

/// The conditions with that told. `was_compared`: the pass compared what the spec names with what Vobiz shows, or tried to.
pub(super) fn told(
    mut conditions: Vec<NewCondition>,
    object: &Subaccount,
    previous: &SubaccountStatus,
    view: &View<'_>,
    was_compared: bool,
) -> Vec<NewCondition> {
    let Some(synced) = conditions
        .iter_mut()
        .find(|condition| condition.kind == ConditionType::Synced)
    else {
        return conditions;
    };
    // Another account was never told anything.
    let same_account = match (view.auth_id, &previous.auth_id) {
        (Some(now), Some(before)) => now.as_str() == before,
        (None, before) => before.is_some(),
        (Some(_), None) => false,
    };
    let before = find(&previous.conditions, ConditionType::Synced).filter(|_| same_account);
    let (_, managed, no_longer) = before.map(|before| parts(&before.message)).unwrap_or_default();
    let named = optional_fields(&object.spec);
    let is_named = |field: &&str| named.contains(field);
    let gone: Vec<&str> = managed
        .iter()
        .chain(&no_longer)
        .filter(|field| !is_named(field))
        .copied()
        .collect();
    let kept: Vec<&str> = if was_compared {
        named.clone()
    } else {
        managed.iter().filter(|field| is_named(field)).copied().collect()
    };
    let mut message = parts(&synced.message).0.to_owned();
    if !kept.is_empty() {
        message = format!("{message}{MANAGED}{}", kept.join(", "));
    }
    if !gone.is_empty() {
        message = format!("{message}{NO_LONGER}{}{LEFT}", gone.join(", "));
    }
    synced.message = message;
    conditions
}

/// A message without what is told here, the fields that are managed, and those that are no longer.
fn parts(message: &str) -> (&str, Vec<&str>, Vec<&str>) {
    let (rest, no_longer) = match message
        .strip_suffix(LEFT)
        .and_then(|text| text.rsplit_once(NO_LONGER))
    {
        Some((rest, fields)) => (rest, fields.split(", ").collect()),
        None => (message, Vec::new()),
    };
    match rest.rsplit_once(MANAGED) {
        Some((rest, fields)) => (rest, fields.split(", ").collect(), no_longer),
        None => (rest, Vec::new(), no_longer),
    }
}

#[cfg(test)]
mod tests;
