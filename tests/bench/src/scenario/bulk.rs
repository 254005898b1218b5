//! I/O. All objects of a parent are deleted under a limit of requests per second: one walk proves many deletions.

use anyhow::Result;

use crate::calls::arrivals;
use crate::percentile::share;
use crate::row::{Bound, Row};
use crate::scale::{LIMITED_BURST, LIMITED_RATE, SHORTEST_INTERVAL_SECONDS, Scale};
use crate::scenario::limit::tell_excess;
use crate::scenario::{delete, growth, rest};
use crate::site::{LIFTED, Site};
use crate::stage::Stage;

const INTERVAL_SECONDS: u32 = 300;

/// One row, at a site that goes afterwards.
pub async fn run(stage: &Stage, scale: &Scale, scenario: &str) -> Result<Row> {
    let objects = scale.bulk_objects;
    let mut site = Site::new(stage, "bulk").await?;
    site.create_account(LIFTED, LIFTED, SHORTEST_INTERVAL_SECONDS)
        .await?;
    site.start_operator().await?;
    site.operator()?.await_ready().await?;
    growth::populate(&site, 0..objects).await?;
    // Each account is in a list before it goes, as one is that is older than an interval.
    rest::settle(&site, objects).await?;
    site.change_account(LIMITED_RATE, LIMITED_BURST, INTERVAL_SECONDS)
        .await?;
    let evidence = delete::delete_all(&site, objects).await?;
    let mut row = Row::new(scenario, scale.counts_only);
    delete::describe(&mut row, &site, &evidence, objects).await?;
    // How soon the line forms, and so how many are proved one by one before, depends on the machine.
    row.timing(
        "requests to Vobiz per object",
        share(evidence.calls.len(), objects),
        "",
        Bound::AtMost(1.1),
    );
    tell_excess(&mut row, &arrivals(&evidence.calls), scale.counts_only);
    Ok(row)
}
