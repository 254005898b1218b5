//! I/O. The population grows from size to size: does an object cost the same where there are many?

use anyhow::Result;
use vobiz_harness::simulator_journal::Operation;

use crate::calls::count;
use crate::percentile::share;
use crate::population::{Population, names};
use crate::row::{Bound, Row};
use crate::scale::{SHORTEST_INTERVAL_SECONDS, Scale};
use crate::scenario::create::created;
use crate::scenario::rest::{self, mebibytes};
use crate::scenario::restart::{Restart, restart};
use crate::site::{LIFTED, Site};
use crate::slope::{Point, later_over_earlier, marginal, spread};
use crate::waiting::progress;

/// The largest ratio that still counts as flat.
const FLAT: f64 = 1.2;

/// What one size cost.
struct Size {
    objects: f64,
    posts_per_create: f64,
    writes_per_create: f64,
    reads_per_create: f64,
    cpu_per_create: f64,
    made_resident: u64,
    rest_calls: f64,
    rest_cpu: f64,
    restart: Restart,
}

/// One row. The site has the largest population afterwards.
pub async fn run(site: &mut Site, scale: &Scale, scenario: &str) -> Result<Row> {
    let mut sizes = Vec::new();
    let mut before = 0;
    for size in &scale.sizes {
        sizes.push(grow(site, scale, before, *size).await?);
        before = *size;
    }
    site.change_account(LIFTED, LIFTED, scale.interval_seconds)
        .await?;
    let mut row = Row::new(scenario, scale.counts_only);
    for size in &sizes {
        tell(&mut row, size);
    }
    judge(&mut row, &sizes);
    Ok(row)
}

/// Brings the population from one size to another, without measuring.
pub async fn populate(site: &Site, from: usize, to: usize) -> Result<()> {
    let begun = site.begin().await?;
    populate_since(site, &begun, from, to).await
}

async fn grow(site: &mut Site, scale: &Scale, from: usize, to: usize) -> Result<Size> {
    progress(&format!("  from {from} to {to} objects"));
    site.change_account(LIFTED, LIFTED, SHORTEST_INTERVAL_SECONDS)
        .await?;
    let begun = site.begin().await?;
    populate_since(site, &begun, from, to).await?;
    let made = site.since(&begun).await?;
    let made_resident = site.usage().await?.resident;
    let restart = restart(site, to).await?;
    let rest = rest::watch(site, scale.growth_intervals).await?;
    let per_create = |count: usize| share(count, to - from);
    Ok(Size {
        objects: share(to, 1),
        posts_per_create: per_create(count(&made.calls, Operation::Create)),
        writes_per_create: per_create(made.requests.object_writes()),
        reads_per_create: made.requests.reads_per(to - from),
        cpu_per_create: made.cpu.as_secs_f64() / share(to - from, 1),
        made_resident,
        rest_calls: share(rest.calls, rest.intervals),
        rest_cpu: rest.cpu / share(rest.intervals, 1),
        restart,
    })
}

async fn populate_since(site: &Site, begun: &crate::site::Begun, from: usize, to: usize) -> Result<()> {
    let population = Population::new(site.stage.control_plane.client(), site.objects.namespace());
    population.create(&names("acme", from..to)).await?;
    let done = created(site, begun, to - from).await;
    site.explain(done)
}

fn tell(row: &mut Row, size: &Size) {
    let at = |what: &str| format!("{what} at {}", size.objects);
    row.count(&at("POST per create"), size.posts_per_create, Bound::Exactly(1.0))
        .tell(&at("CPU per create"), size.cpu_per_create * 1000.0, "ms")
        .tell(&at("requests to Vobiz per interval"), size.rest_calls, "")
        .tell(
            &at("CPU of an interval per object"),
            size.rest_cpu / size.objects * 1e6,
            "us",
        )
        .tell(
            &at("resident memory after the creates"),
            mebibytes(size.made_resident),
            "MiB",
        )
        .tell(
            &at("resident memory after a restart"),
            mebibytes(size.restart.usage.resident),
            "MiB",
        )
        .tell(&at("ready after"), size.restart.ready, "s")
        .tell(&at("quiet after"), size.restart.quiet, "s")
        .tell(
            &at("CPU of a restart per object"),
            size.restart.cpu / size.objects * 1e6,
            "us",
        );
}

fn judge(row: &mut Row, sizes: &[Size]) {
    let of = |cost: &dyn Fn(&Size) -> f64| -> Vec<Point> {
        sizes.iter().map(|size| (size.objects, cost(size))).collect()
    };
    let flat = |cost: &dyn Fn(&Size) -> f64| {
        let costs: Vec<f64> = sizes.iter().map(cost).collect();
        spread(&costs).unwrap_or(f64::INFINITY)
    };
    let memory = of(&|size| mebibytes(size.restart.usage.resident) * 1024.0);
    row.count(
        "writes per create, highest over lowest",
        flat(&|size| size.writes_per_create),
        Bound::AtMost(FLAT),
    )
    .count(
        "reads per create, highest over lowest",
        flat(&|size| size.reads_per_create),
        Bound::AtMost(FLAT),
    )
    .count(
        "requests of an interval per page, highest over lowest",
        flat(&|size| size.rest_calls / (size.objects / 100.0).ceil()),
        Bound::AtMost(FLAT),
    )
    .timing(
        "CPU per create, highest over lowest",
        flat(&|size| size.cpu_per_create),
        "",
        Bound::AtMost(FLAT),
    );
    if let [first, .., last] = memory.as_slice() {
        row.tell(
            "resident memory of one object more",
            marginal(*first, *last),
            "KiB",
        );
    }
    let slopes = [
        ("CPU of an interval", of(&|size| size.rest_cpu)),
        ("CPU of a restart", of(&|size| size.restart.cpu)),
        ("time to quiet", of(&|size| size.restart.quiet)),
        ("resident memory", memory),
    ];
    for (what, points) in slopes {
        if let Some(found) = later_over_earlier(&points) {
            let name = format!("{what}: slope among large sizes over that among small ones");
            row.timing(&name, found, "", Bound::AtMost(FLAT));
        }
    }
}
