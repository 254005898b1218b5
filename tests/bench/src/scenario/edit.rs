//! I/O. A person edits objects while as many creates as there are objects wait for their turn at ten requests a second.

use anyhow::Result;
use vobiz_harness::simulator_journal::Operation;

use crate::calls::count;
use crate::edits::Edits;
use crate::percentile::share;
use crate::population::{Population, names};
use crate::requests::About;
use crate::row::{Bound, Row};
use crate::scale::{BACKLOG_BURST, BACKLOG_RATE, EDIT_INTERVAL, Scale};
use crate::series::Series;
use crate::site::{LIFTED, Site};
use crate::waiting::{progress, until};

const BACKLOG: &str = "backlog";

/// One row. The backlog is gone afterwards.
pub async fn run(site: &Site, scale: &Scale, objects: usize, scenario: &str) -> Result<Row> {
    let population = Population::new(site.stage.control_plane.client(), site.objects.namespace());
    site.change_account(BACKLOG_RATE, BACKLOG_BURST, scale.interval_seconds)
        .await?;
    let begun = site.begin().await?;
    let backlog = names(BACKLOG, 0..objects);
    population.create(&backlog).await?;
    progress(&format!("  {} edits under a backlog of {objects}", scale.edits));
    let stride = (objects / scale.edits).max(1);
    let edited: Vec<_> = names("acme", 0..objects)
        .into_iter()
        .step_by(stride)
        .take(scale.edits)
        .collect();
    let edits = Edits::make(&population, &edited, "Edited", EDIT_INTERVAL).await?;
    edits.await_updates(site, &begun).await;
    let evidence = site.since(&begun).await?;
    let waiting = objects.saturating_sub(count(&evidence.calls, Operation::Create));
    let found = edits.found(&evidence.calls);
    let mut row = Row::new(scenario, scale.counts_only);
    row.timing(
        "p99 from the edit to its update at Vobiz",
        found.within(99.0),
        "s",
        Bound::AtMost(1.0),
    )
    .tell("p50", found.within(50.0), "s")
    .tell("longest", found.within(100.0), "s")
    .count(
        "edits that never came",
        share(found.missing, 1),
        Bound::Exactly(0.0),
    )
    .count(
        "updates per edit",
        share(found.updates, edits.len()),
        Bound::Exactly(1.0),
    )
    .count(
        "creates still waiting at the end",
        share(waiting, 1),
        Bound::AtLeast(1.0),
    )
    .tell("edits", share(edits.len(), 1), "")
    .tell("backlog", share(objects, 1), "")
    .count(
        "writes to objects of the backlog per create",
        share(
            evidence.requests.object_writes().saturating_sub(2 * edits.len()),
            count(&evidence.calls, Operation::Create).max(1),
        ),
        Bound::AtMost(5.0),
    )
    .tell(
        "status writes per edit and create",
        share(
            evidence.requests.writes(About::Status),
            edits.len() + count(&evidence.calls, Operation::Create),
        ),
        "",
    )
    .tell(
        "share of one core",
        evidence.cpu.as_secs_f64() / evidence.took.as_secs_f64(),
        "",
    );
    row.draw(Series::distribution(
        "edits carried out under a backlog",
        &found.latencies,
    ));
    progress("  the backlog is taken away");
    site.change_account(LIFTED, LIFTED, scale.interval_seconds)
        .await?;
    population.delete(&backlog).await?;
    let total = 2 * objects;
    let gone = async || Ok(total.saturating_sub(population.count().await?));
    let waited = until("objects of the backlog gone", objects, || site.check(), gone).await;
    site.explain(waited)?;
    row.count(
        "accounts left of the backlog",
        share(accounts_left(site).await?, 1),
        Bound::Exactly(0.0),
    );
    Ok(row)
}

/// Of objects that are gone no account stays.
async fn accounts_left(site: &Site) -> Result<usize> {
    let accounts = site.accounts().await?;
    let names = accounts.iter().filter_map(|account| account["name"].as_str());
    Ok(names.filter(|name| name.starts_with(BACKLOG)).count())
}
