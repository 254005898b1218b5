//! I/O. For a while every answer is 429 with `Retry-After: 5`, and one object in a hundred was edited just then.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::Result;
use serde_json::json;
use vobiz_harness::simulator_control::Fault;
use vobiz_harness::simulator_journal::Operation;

use crate::calls::{after_refusal, arrivals, count, most_within, seconds};
use crate::percentile::share;
use crate::population::{Population, names};
use crate::row::{Bound, Row};
use crate::scale::Scale;
use crate::series::Series;
use crate::site::Site;
use crate::waiting::{progress, until};

const RETRY_AFTER_SECONDS: u32 = 5;
/// A little less: timers and arrivals are not exact.
const WINDOW_SECONDS: f64 = 4.9;
const REFUSED: u16 = 429;
const EVERY: usize = 100;

/// One row.
pub async fn run(site: &Site, scale: &Scale, objects: usize, scenario: &str) -> Result<Row> {
    let simulator = &site.stage.simulator;
    let population = Population::new(site.stage.control_plane.client(), site.objects.namespace());
    let edited: Vec<String> = names("acme", 0..objects).into_iter().step_by(EVERY).collect();
    progress(&format!(
        "  every answer is 429 for {} s, {} objects are edited",
        scale.outage_seconds,
        edited.len()
    ));
    let begun = site.begin().await?;
    let action = json!({"type": "status", "status": REFUSED, "retry_after": RETRY_AFTER_SECONDS.to_string()});
    simulator.add_fault(&Fault::new(action)).await?;
    let clock = seconds(simulator.journal_now().await?.monotonic_ms);
    let started = tokio::time::Instant::now();
    for name in &edited {
        population
            .describe(name, &format!("Edited in the outage {name}"))
            .await?;
    }
    // The length of the outage is part of the scenario.
    tokio::time::sleep_until(started + Duration::from_secs(u64::from(scale.outage_seconds))).await;
    let during = site.since(&begun).await?;
    simulator.clear_faults().await?;
    let cleared = Instant::now();
    let query = site.calls(&begun).operation(Operation::Update).committed(true);
    let updated = async || simulator.journal_count(&query).await;
    let waited = until("edits carried out", edited.len(), || site.check(), updated).await;
    site.explain(waited)?;
    let recovery = cleared.elapsed().as_secs_f64();
    let whole = site.since(&begun).await?;

    let told = after_refusal(&during.calls, REFUSED);
    let refused = arrivals(&during.calls);
    let arrivals = arrivals(told.iter().copied());
    let intervals = f64::from(scale.outage_seconds / RETRY_AFTER_SECONDS);
    let names: BTreeSet<&String> = edited.iter().collect();
    let foreign = during
        .requests
        .touched
        .iter()
        .filter(|name| !names.contains(name));
    let mut row = Row::new(scenario, scale.counts_only);
    row.count(
        "requests in the pause per parent and 5 s",
        share(arrivals.len(), 1) / intervals,
        Bound::AtMost(1.0),
    )
    .count(
        "most requests in any 5 s of it",
        share(most_within(&arrivals, WINDOW_SECONDS), 1),
        Bound::AtMost(1.0),
    )
    .tell(
        "requests that were under way when it began",
        share(during.calls.len() - told.len(), 1),
        "",
    )
    .count(
        "other objects written in Kubernetes",
        share(foreign.count(), 1),
        Bound::Exactly(0.0),
    )
    .tell(
        "status writes per edited object",
        share(during.requests.object_writes(), edited.len()),
        "",
    )
    .tell("edited objects", share(edited.len(), 1), "")
    .timing(
        "all edits carried out after its end",
        recovery,
        "s",
        Bound::AtMost(f64::from(4 * RETRY_AFTER_SECONDS)),
    )
    .count(
        "updates carried out per edit",
        share(
            whole
                .calls
                .iter()
                .filter(|call| call.operation == Operation::Update && call.committed)
                .count(),
            edited.len(),
        ),
        Bound::Exactly(1.0),
    )
    .count(
        "creates and deletes",
        share(
            count(&whole.calls, Operation::Create) + count(&whole.calls, Operation::Delete),
            1,
        ),
        Bound::Exactly(0.0),
    );
    row.draw(Series::arrivals(
        "requests to Vobiz while every answer is 429",
        &refused,
        clock..clock + f64::from(scale.outage_seconds),
    ));
    Ok(row)
}
