//! I/O. Somebody changes one account in a hundred behind our back, just after a sweep: the longest wait there is.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result};
use serde_json::json;
use vobiz_harness::simulator_journal::Operation;

use crate::calls::{arrivals, count, per_account, seconds, sweeps};
use crate::percentile::share;
use crate::requests::About;
use crate::row::{Bound, Row};
use crate::scale::Scale;
use crate::scenario::rest::{await_sweeps, settle};
use crate::site::Site;
use crate::waiting::{progress, until};

/// One account of so many is changed.
const EVERY: usize = 100;
/// From the end of the list that shows a difference to its first repair.
const REACTION_SECONDS: f64 = 1.0;

/// One row.
pub async fn run(site: &Site, scale: &Scale, scenario: &str) -> Result<Row> {
    let mut accounts = site.stage.simulator.accounts().await?;
    accounts.retain(|account| account["parent_auth_id"] == site.parent.auth_id.as_str());
    let text = |value: &serde_json::Value| value.as_str().map(str::to_owned);
    let drifted: Option<BTreeMap<String, String>> = accounts
        .iter()
        .step_by(EVERY)
        .map(|account| text(&account["auth_id"]).zip(text(&account["name"])))
        .collect();
    let drifted = drifted.context("an account has no auth_id or no name")?;
    settle(site, accounts.len()).await?;
    progress(&format!(
        "  {} accounts are changed behind our back",
        drifted.len()
    ));
    let begun = site.begin().await?;
    for id in drifted.keys() {
        site.stage
            .simulator
            .change_account(id, &json!({"enabled": false}))
            .await?;
    }
    let at = seconds(site.stage.simulator.journal_now().await?.monotonic_ms);
    let query = site.calls(&begun).operation(Operation::Update).committed(true);
    let updated = async || site.stage.simulator.journal_count(&query).await;
    let waited = until("drifts repaired", drifted.len(), || site.check(), updated).await;
    site.explain(waited)?;
    // What else may be touched is touched by the end of another interval.
    await_sweeps(site, &begun, 2).await?;
    let evidence = site.since(&begun).await?;

    let changed = per_account(&evidence.calls, Operation::Update);
    let others = changed.keys().filter(|id| !drifted.contains_key(**id)).count();
    let once = changed
        .iter()
        .filter(|(id, count)| drifted.contains_key(**id) && **count == 1);
    let names: BTreeSet<&String> = drifted.values().collect();
    let foreign = evidence
        .requests
        .touched
        .iter()
        .filter(|name| !names.contains(name));
    let calls = evidence.calls.iter();
    let repairs = arrivals(calls.filter(|call| call.operation == Operation::Update));
    let since = |moment: Option<&f64>| moment.map_or(f64::INFINITY, |moment| moment - at);
    let sweep = sweeps(&evidence.calls)
        .first()
        .map_or(0.0, |sweep| sweep.ended - sweep.begun);
    let interval = scale.interval().as_secs_f64();
    let mut row = Row::new(scenario, scale.counts_only);
    row.timing(
        "first repair after",
        since(repairs.first()),
        "s",
        Bound::AtMost(interval + sweep + REACTION_SECONDS),
    )
    .tell("last repair after", since(repairs.last()), "s")
    .tell("interval", interval, "s")
    .tell("a sweep takes", sweep, "s")
    .count(
        "accounts repaired by one update each, of those changed",
        share(once.count(), drifted.len()),
        Bound::Exactly(1.0),
    )
    .count("other accounts updated", share(others, 1), Bound::Exactly(0.0))
    .count(
        "creates and deletes",
        share(
            count(&evidence.calls, Operation::Create) + count(&evidence.calls, Operation::Delete),
            1,
        ),
        Bound::Exactly(0.0),
    )
    .count(
        "other objects written in Kubernetes",
        share(foreign.count(), 1),
        Bound::Exactly(0.0),
    )
    .tell(
        "object writes per drift",
        share(evidence.requests.object_writes(), drifted.len()),
        "",
    )
    .count(
        "events per drift",
        share(evidence.requests.writes(About::Event), drifted.len()),
        Bound::Exactly(1.0),
    )
    .tell("changed accounts", share(drifted.len(), 1), "");
    Ok(row)
}
