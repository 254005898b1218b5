//! All that a plan says, and what it comes to. PURE.

use std::collections::BTreeMap;

use super::deed::Requests;
use super::prospect::{Action, Prospect};
use crate::crd::AccountRateLimit;
use serde::Serialize;

/// What would become of all objects.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// Object by object: what is lost first.
    pub objects: Vec<Prospect>,
    /// What it comes to.
    pub summary: Summary,
}

/// What a plan comes to.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// How many objects it is about, by what would be done.
    pub actions: BTreeMap<Action, usize>,
    /// What it takes at Vobiz.
    pub requests: Requests,
    /// The same by Account.
    pub accounts: Vec<Load>,
}

/// What a plan takes of one Account.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Load {
    /// Kind and name of the Account, with its namespace.
    pub account: String,
    /// Requests to Vobiz.
    pub requests: Requests,
    /// Requests per second that the Account asks for.
    pub per_second: i32,
    /// Seconds that they take at least.
    pub seconds: u32,
}

impl Plan {
    /// Of these objects. `rates`: what each Account asks for, by the name that [`account_of`] gives it.
    #[must_use]
    pub fn new(mut objects: Vec<Prospect>, rates: &BTreeMap<String, AccountRateLimit>) -> Self {
        objects.sort_by(|one, other| {
            let key =
                |prospect: &Prospect| (prospect.action, prospect.namespace.clone(), prospect.name.clone());
            key(one).cmp(&key(other))
        });
        let mut summary = Summary::default();
        let mut loads: BTreeMap<String, Requests> = BTreeMap::new();
        for prospect in &objects {
            *summary.actions.entry(prospect.action).or_default() += 1;
            summary.requests = summary.requests.plus(prospect.requests);
            if prospect.requests.total() > 0 {
                let load = loads.entry(account_of(prospect)).or_default();
                *load = load.plus(prospect.requests);
            }
        }
        summary.accounts = loads
            .into_iter()
            .map(|(account, requests)| {
                let rate = rates.get(&account).copied().unwrap_or_default();
                Load {
                    requests,
                    per_second: rate.requests_per_second,
                    seconds: requests.seconds_at(rate.requests_per_second, rate.burst),
                    account,
                }
            })
            .collect();
        Self { objects, summary }
    }
}

/// Kind and name of the Account of an object, with its namespace where it has one.
#[must_use]
pub fn account_of(prospect: &Prospect) -> String {
    match prospect.account.split_once(' ') {
        Some(("Account", name)) => format!("Account {}/{name}", prospect.namespace),
        Some(_) => prospect.account.clone(),
        None => format!("{} {}", prospect.kind, prospect.place()),
    }
}
