//! I/O. Creates under a limit of requests per second: is it used, and is it kept?

use anyhow::Result;

use crate::bucket::Bucket;
use crate::calls::arrivals;
use crate::percentile::share;
use crate::population::{Population, names};
use crate::row::{Bound, Row};
use crate::scale::{LIMITED_BURST, LIMITED_RATE, Scale};
use crate::scenario::create::created;
use crate::site::Site;
use crate::stage::Stage;
use crate::waiting::progress;

const INTERVAL_SECONDS: u32 = 300;
/// Two requests that left in order may arrive a little closer to each other than they left.
const JITTER: f64 = 1.0;

/// One row, at a site that goes afterwards.
pub async fn run(stage: &Stage, scale: &Scale, scenario: &str) -> Result<Row> {
    let objects = scale.limited_objects;
    let mut site = Site::new(stage, "limit").await?;
    let population = Population::new(stage.control_plane.client(), site.objects.namespace());
    population.create(&names("acme", 0..objects)).await?;
    site.create_account(LIMITED_RATE, LIMITED_BURST, INTERVAL_SECONDS)
        .await?;
    progress(&format!(
        "  the operator creates {objects} at {LIMITED_RATE} a second"
    ));
    let begun = site.begin().await?;
    site.start_operator().await?;
    let done = created(&site, &begun, objects).await;
    site.explain(done)?;
    let evidence = site.since(&begun).await?;
    let arrivals = arrivals(&evidence.calls);
    let mut row = Row::new(scenario, scale.counts_only);
    row.timing(
        "share of the limit that was used",
        bucket().used(&arrivals).unwrap_or_default(),
        "",
        Bound::AtLeast(0.95),
    );
    tell_excess(&mut row, &arrivals, scale.counts_only);
    row.tell("requests", share(arrivals.len(), 1), "")
        .tell("objects", share(objects, 1), "")
        .tell("seconds", evidence.took.as_secs_f64(), "s")
        .tell(
            "CPU per object",
            evidence.cpu.as_secs_f64() * 1000.0 / share(objects, 1),
            "ms",
        );
    Ok(row)
}

/// Adds by how much the limit was exceeded. How long after its permit a request is sent depends on the machine, for the object
/// is looked at once more in between: on a starved one several come late, and together. Where times are not judged, a whole
/// burst too much is the fault.
pub fn tell_excess(row: &mut Row, arrivals: &[f64], counts_only: bool) {
    let jitter = if counts_only {
        f64::from(LIMITED_BURST)
    } else {
        JITTER
    };
    row.count(
        "requests above burst + rate x window, at worst",
        bucket().excess(arrivals).max(0.0),
        Bound::AtMost(jitter),
    );
}

fn bucket() -> Bucket {
    Bucket {
        rate: f64::from(LIMITED_RATE),
        burst: f64::from(LIMITED_BURST),
    }
}
