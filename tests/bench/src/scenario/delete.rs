//! I/O. All objects are deleted.

use anyhow::Result;
use vobiz_harness::simulator_journal::Operation;

use crate::calls::{count, per_account};
use crate::percentile::share;
use crate::population::{Population, names};
use crate::requests::About;
use crate::row::{Bound, Row};
use crate::scale::Scale;
use crate::site::{Evidence, Site};
use crate::waiting::{progress, until};

/// One row.
pub async fn run(site: &Site, scale: &Scale, objects: usize, scenario: &str) -> Result<Row> {
    let evidence = delete_all(site, objects).await?;
    let mut row = Row::new(scenario, scale.counts_only);
    describe(&mut row, site, &evidence, objects).await?;
    Ok(row)
}

/// Deletes all objects and waits until they are gone.
pub async fn delete_all(site: &Site, objects: usize) -> Result<Evidence> {
    let population = Population::new(site.stage.control_plane.client(), site.objects.namespace());
    progress(&format!("  all {objects} are deleted"));
    let begun = site.begin().await?;
    population.delete(&names("acme", 0..objects)).await?;
    let gone = async || Ok(objects.saturating_sub(population.count().await?));
    let waited = until("objects gone", objects, || site.check(), gone).await;
    site.explain(waited)?;
    site.since(&begun).await
}

/// What that cost, and what is left.
pub async fn describe(row: &mut Row, site: &Site, evidence: &Evidence, objects: usize) -> Result<()> {
    let (requests, calls) = (&evidence.requests, &evidence.calls);
    let deletes = per_account(calls, Operation::Delete);
    let left = site.accounts().await?;
    row.count(
        "DELETE per object",
        share(count(calls, Operation::Delete), objects),
        Bound::Exactly(1.0),
    )
    .count(
        "accounts deleted per object",
        share(deletes.len(), objects),
        Bound::Exactly(1.0),
    )
    .count("accounts left", share(left.len(), 1), Bound::Exactly(0.0))
    .count(
        "proofs (GET) per object",
        share(count(calls, Operation::Get), objects),
        Bound::AtMost(1.0),
    )
    .count(
        "creates and updates",
        share(
            count(calls, Operation::Create) + count(calls, Operation::Update),
            1,
        ),
        Bound::Exactly(0.0),
    )
    .tell(
        "object writes per object",
        share(requests.object_writes(), objects),
        "",
    )
    .tell(
        "events per object",
        share(requests.writes(About::Event), objects),
        "",
    )
    .tell("reads per object", requests.reads_per(objects), "")
    .tell("refused writes per object", share(requests.refused, objects), "")
    .tell(
        "other requests to Vobiz",
        share(
            calls.len() - count(calls, Operation::Delete) - count(calls, Operation::Get),
            1,
        ),
        "",
    )
    .tell("seconds", evidence.took.as_secs_f64(), "s")
    .tell(
        "objects per second",
        share(objects, 1) / evidence.took.as_secs_f64(),
        "/s",
    )
    .tell(
        "CPU per object",
        evidence.cpu.as_secs_f64() * 1000.0 / share(objects, 1),
        "ms",
    );
    Ok(())
}
