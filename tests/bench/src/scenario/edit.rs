//! I/O. A person edits objects while as many creates as there are objects wait for their turn at ten requests a second.

use std::collections::HashMap;

use anyhow::Result;
use jiff::Timestamp;
use vobiz_harness::simulator_journal::Operation;

use crate::calls::count;
use crate::percentile::{percentile, share};
use crate::population::{Population, names};
use crate::requests::About;
use crate::row::{Bound, Row};
use crate::scale::{BACKLOG_BURST, BACKLOG_RATE, EDIT_INTERVAL, Scale};
use crate::site::{LIFTED, Site};
use crate::waiting::{progress, until};

/// How long the last edits may take after all were sent.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(30);

/// One row. The backlog is gone afterwards.
pub async fn run(site: &Site, scale: &Scale, objects: usize, scenario: &str) -> Result<Row> {
    let population = Population::new(site.stage.control_plane.client(), site.objects.namespace());
    site.change_account(BACKLOG_RATE, BACKLOG_BURST, scale.interval_seconds)
        .await?;
    let begun = site.begin().await?;
    let backlog = names("backlog", 0..objects);
    population.create(&backlog).await?;
    progress(&format!("  {} edits under a backlog of {objects}", scale.edits));
    let stride = (objects / scale.edits).max(1);
    let mut returned = HashMap::new();
    for name in names("acme", 0..objects).iter().step_by(stride).take(scale.edits) {
        let next = tokio::time::Instant::now() + EDIT_INTERVAL;
        population.describe(name, &format!("Edited {name}")).await?;
        returned.insert(name.clone(), Timestamp::now());
        // The pace of the edits is part of the scenario.
        tokio::time::sleep_until(next).await;
    }
    let query = site.calls(&begun).operation(Operation::Update).committed(true);
    let updated = async || site.stage.simulator.journal_count(&query).await;
    // One that does not come is a figure, not an error.
    let all = until("edits sent", returned.len(), || site.check(), updated);
    let _ = tokio::time::timeout(PATIENCE, all).await;
    let evidence = site.since(&begun).await?;
    let waiting = objects.saturating_sub(count(&evidence.calls, Operation::Create));
    let mut latencies = Vec::new();
    let mut sent: HashMap<&str, usize> = HashMap::new();
    for call in evidence
        .calls
        .iter()
        .filter(|call| call.operation == Operation::Update)
    {
        let name = call.name.as_deref().unwrap_or_default();
        *sent.entry(name).or_default() += 1;
        if let (Some(returned), Some(1)) = (returned.get(name), sent.get(name)) {
            // It may arrive before the person's own answer does.
            latencies.push(call.time.duration_since(*returned).as_secs_f64().max(0.0));
        }
    }
    let missing = returned.len() - latencies.len();
    latencies.extend(std::iter::repeat_n(f64::INFINITY, missing));
    let at = |percent| percentile(&latencies, percent).unwrap_or(f64::INFINITY);
    let mut row = Row::new(scenario, scale.counts_only);
    row.timing(
        "p99 from the edit to its update at Vobiz",
        at(99.0),
        "s",
        Bound::AtMost(1.0),
    )
    .tell("p50", at(50.0), "s")
    .tell("longest", at(100.0), "s")
    .count("edits that never came", share(missing, 1), Bound::Exactly(0.0))
    .count(
        "updates per edit",
        share(sent.values().sum(), returned.len()),
        Bound::Exactly(1.0),
    )
    .count(
        "creates still waiting at the end",
        share(waiting, 1),
        Bound::AtLeast(1.0),
    )
    .tell("edits", share(returned.len(), 1), "")
    .tell("backlog", share(objects, 1), "")
    .count(
        "writes to objects of the backlog per create",
        share(
            evidence
                .requests
                .object_writes()
                .saturating_sub(2 * returned.len()),
            count(&evidence.calls, Operation::Create).max(1),
        ),
        Bound::AtMost(5.0),
    )
    .tell(
        "status writes per edit and create",
        share(
            evidence.requests.writes(About::Status),
            returned.len() + count(&evidence.calls, Operation::Create),
        ),
        "",
    )
    .tell(
        "share of one core",
        evidence.cpu.as_secs_f64() / evidence.took.as_secs_f64(),
        "",
    );
    progress("  the backlog is taken away");
    site.change_account(LIFTED, LIFTED, scale.interval_seconds)
        .await?;
    population.delete(&backlog).await?;
    let total = 2 * objects;
    let gone = async || Ok(total.saturating_sub(population.count().await?));
    let waited = until("objects of the backlog gone", objects, || site.check(), gone).await;
    site.explain(waited)?;
    Ok(row)
}
