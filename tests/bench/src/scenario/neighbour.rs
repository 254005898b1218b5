//! I/O. Vobiz answers every update of one object with an error: do its neighbours, edited all at once, wait for that?

use std::time::Duration;

use anyhow::Result;
use vobiz_harness::simulator_control::Fault;
use vobiz_harness::simulator_journal::Operation;

use crate::edits::{Edits, Found};
use crate::percentile::share;
use crate::population::{Population, names};
use crate::requests::About;
use crate::row::{Bound, Row};
use crate::scale::{BACKLOG_BURST, BACKLOG_RATE, Scale};
use crate::site::{LIFTED, Site};
use crate::waiting::{progress, until};

const REFUSED: u16 = 500;
/// Its pauses double from 1 s on and are shortened by a half at most: no more attempts within half a minute.
const MOST_ATTEMPTS: f64 = 6.0;
/// So that they wait for their turns at the gate.
const AT_ONCE: Duration = Duration::ZERO;

const REFILL: Duration = Duration::from_secs((BACKLOG_BURST / BACKLOG_RATE) as u64 + 1);

/// What edits came to, and what was written in Kubernetes meanwhile.
struct Edited {
    found: Found,
    status_writes: usize,
}

/// One row.
pub async fn run(site: &Site, scale: &Scale, objects: usize, scenario: &str) -> Result<Row> {
    let population = Population::new(site.stage.control_plane.client(), site.objects.namespace());
    site.change_account(BACKLOG_RATE, BACKLOG_BURST, scale.interval_seconds)
        .await?;
    let all = names("acme", 0..objects);
    let (bad, others) = (&all[0], &all[1..=scale.neighbours]);
    progress(&format!("  {} edits without it", others.len()));
    let alone = edit(site, &population, others, "Edited alone").await?;
    site.stage
        .simulator
        .add_fault(&Fault::status(REFUSED).operation(Operation::Update).name(bad))
        .await?;
    let begun = site.begin().await?;
    population.describe(bad, "Refused for a while").await?;
    let refusals = site.calls(&begun).operation(Operation::Update).status(REFUSED);
    let refused = async || site.stage.simulator.journal_count(&refusals).await;
    until("refusals", 1, || site.check(), refused).await?;
    progress(&format!("  {} edits beside it", others.len()));
    let beside = edit(site, &population, others, "Edited beside it").await?;
    let refused = refused().await?;
    site.stage.simulator.clear_faults().await?;
    let carried_out = site.calls(&begun).operation(Operation::Update).committed(true);
    let updated = async || site.stage.simulator.journal_count(&carried_out).await;
    until("updates carried out", others.len() + 1, || site.check(), updated).await?;
    site.change_account(LIFTED, LIFTED, scale.interval_seconds)
        .await?;

    let (quiet, busy) = (alone.found.within(99.0), beside.found.within(99.0));
    let mut row = Row::new(scenario, scale.counts_only);
    row.timing(
        "p99 from an edit to its update at Vobiz, beside it over without it",
        busy / quiet,
        "",
        Bound::AtMost(2.0),
    )
    .tell("p99 without it", quiet, "s")
    .tell("p99 beside it", busy, "s")
    .count(
        "edits that never came",
        share(alone.found.missing + beside.found.missing, 1),
        Bound::Exactly(0.0),
    )
    .count(
        "updates per edit",
        share(alone.found.updates + beside.found.updates, 2 * others.len()),
        Bound::Exactly(1.0),
    )
    .count(
        "requests for the bad object, each refused",
        share(refused, 1),
        Bound::AtMost(MOST_ATTEMPTS),
    )
    .tell(
        "status writes more than without it",
        share(beside.status_writes.saturating_sub(alone.status_writes), 1),
        "",
    )
    .tell("edits", share(others.len(), 1), "");
    Ok(row)
}

async fn edit(site: &Site, population: &Population, names: &[String], description: &str) -> Result<Edited> {
    // Both times from a full bucket.
    tokio::time::sleep(REFILL).await;
    let begun = site.begin().await?;
    let edits = Edits::make(population, names, description, AT_ONCE).await?;
    edits.await_updates(site, &begun).await;
    let evidence = site.since(&begun).await?;
    Ok(Edited {
        found: edits.found(&evidence.calls),
        status_writes: evidence.requests.writes(About::Status),
    })
}
