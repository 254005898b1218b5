//! I/O. The population grows from size to size: does an object cost the same where there are many?

use std::ops::Range;
use std::time::Duration;

use anyhow::Result;
use vobiz_harness::simulator_journal::Operation;

use crate::calls::count;
use crate::loader::Loader;
use crate::percentile::{percentile, share};
use crate::population::{Population, names};
use crate::row::{Bound, Row};
use crate::scale::{SHORTEST_INTERVAL_SECONDS, Scale};
use crate::scenario::create::created;
use crate::scenario::rest::{self, mebibytes};
use crate::scenario::restart::{Restart, restart};
use crate::site::{Begun, LIFTED, Site};
use crate::slope::{Point, later_over_earlier, marginal, rise, spread};
use crate::waiting::progress;

/// The largest ratio that still counts as flat.
const FLAT: f64 = 1.2;

/// Seconds between two sweeps while objects are made: the cost of a sweep is measured apart.
const MAKING_INTERVAL_SECONDS: u32 = 300;

/// What one size cost.
struct Size {
    objects: f64,
    made: Made,
    made_resident: u64,
    rest_calls: f64,
    /// Processor time of an interval, in seconds.
    rest_cpu: f64,
    /// The same, in so many of the loader's objects.
    rest_cpu_in_objects: f64,
    restarts: Restarts,
}

/// What the creates up to a size cost.
#[derive(Default)]
struct Made {
    objects: usize,
    posts: usize,
    writes: usize,
    reads: usize,
    cpu: Duration,
    /// Per round: processor time of a create over what the loader spent on one just before and just after.
    cpu_over_loader: Vec<f64>,
}

impl Made {
    fn per_create(&self, count: usize) -> f64 {
        share(count, self.objects)
    }

    fn cpu_over_loader(&self) -> f64 {
        median(&self.cpu_over_loader)
    }
}

/// What restarts at a size cost.
#[derive(Default)]
struct Restarts {
    all: Vec<Restart>,
    /// Per restart: processor time, in so many of the objects that the loader made just before and just after.
    cpu_in_objects: Vec<f64>,
}

impl Restarts {
    fn median(&self, of: impl Fn(&Restart) -> f64) -> f64 {
        median(&self.all.iter().map(of).collect::<Vec<_>>())
    }

    fn resident_mebibytes(&self) -> f64 {
        self.median(|restart| mebibytes(restart.usage.resident))
    }
}

/// A busy neighbour spoils a round or two.
fn median(values: &[f64]) -> f64 {
    percentile(values, 50.0).unwrap_or(f64::INFINITY)
}

/// One row. The site has the largest population afterwards.
pub async fn run(site: &mut Site, scale: &Scale, scenario: &str) -> Result<Row> {
    let mut loader = Loader::start(&site.stage).await?;
    let mut sizes = Vec::new();
    let mut before = 0;
    for size in &scale.sizes {
        sizes.push(grow(site, &mut loader, scale, before..*size).await?);
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

/// Makes the objects with these numbers, without measuring.
pub async fn populate(site: &Site, numbers: Range<usize>) -> Result<()> {
    let begun = site.begin().await?;
    populate_since(site, &begun, numbers).await
}

async fn grow(site: &mut Site, loader: &mut Loader, scale: &Scale, numbers: Range<usize>) -> Result<Size> {
    let objects = numbers.end;
    progress(&format!("  from {} to {objects} objects", numbers.start));
    site.change_account(LIFTED, LIFTED, MAKING_INTERVAL_SECONDS)
        .await?;
    let made = make(site, loader, scale, numbers).await?;
    let made_resident = site.usage().await?.resident;
    let restarts = restarts(site, loader, scale, objects).await?;
    site.change_account(LIFTED, LIFTED, SHORTEST_INTERVAL_SECONDS)
        .await?;
    let before = loader.load(scale.loaded_objects).await?.cpu_per_object();
    let rest = rest::watch(site, scale.growth_intervals).await?;
    let after = loader.load(scale.loaded_objects).await?.cpu_per_object();
    let rest_cpu = rest.cpu / share(rest.intervals, 1);
    Ok(Size {
        objects: share(objects, 1),
        made,
        made_resident,
        rest_calls: share(rest.calls, rest.intervals),
        rest_cpu,
        rest_cpu_in_objects: rest_cpu / f64::midpoint(before, after),
        restarts,
    })
}

/// In rounds, between which the loader shows how fast the machine is just then: on a shared one the same work takes half
/// as much time again from one minute to the next.
async fn make(site: &Site, loader: &mut Loader, scale: &Scale, numbers: Range<usize>) -> Result<Made> {
    let mut made = Made::default();
    let mut before = loader.load(scale.loaded_objects).await?.cpu_per_object();
    for numbers in rounds(numbers, scale.growth_rounds) {
        let objects = numbers.len();
        let begun = site.begin().await?;
        populate_since(site, &begun, numbers).await?;
        let evidence = site.since(&begun).await?;
        let after = loader.load(scale.loaded_objects).await?.cpu_per_object();
        made.objects += objects;
        made.posts += count(&evidence.calls, Operation::Create);
        made.writes += evidence.requests.object_writes();
        made.reads += evidence.requests.all_reads();
        made.cpu += evidence.cpu;
        let cpu = evidence.cpu.as_secs_f64() / share(objects, 1);
        made.cpu_over_loader.push(cpu / f64::midpoint(before, after));
        before = after;
    }
    Ok(made)
}

async fn restarts(site: &mut Site, loader: &mut Loader, scale: &Scale, objects: usize) -> Result<Restarts> {
    let mut restarts = Restarts::default();
    let mut before = loader.load(scale.loaded_objects).await?.cpu_per_object();
    for _ in 0..scale.growth_restarts {
        let found = restart(site, objects).await?;
        let after = loader.load(scale.loaded_objects).await?.cpu_per_object();
        let in_objects = found.cpu / f64::midpoint(before, after);
        restarts.cpu_in_objects.push(in_objects);
        restarts.all.push(found);
        before = after;
    }
    Ok(restarts)
}

/// Splits numbers into so many parts of about the same length, none of them empty.
fn rounds(numbers: Range<usize>, count: usize) -> impl Iterator<Item = Range<usize>> {
    let at = move |part: usize| numbers.start + numbers.len() * part / count;
    (0..count)
        .map(move |part| at(part)..at(part + 1))
        .filter(|part| !part.is_empty())
}

async fn populate_since(site: &Site, begun: &Begun, numbers: Range<usize>) -> Result<()> {
    let population = Population::new(site.stage.control_plane.client(), site.objects.namespace());
    let objects = numbers.len();
    population.create(&names("acme", numbers)).await?;
    let done = created(site, begun, objects).await;
    site.explain(done)
}

fn tell(row: &mut Row, size: &Size) {
    let at = |what: &str| format!("{what} at {}", size.objects);
    let made = &size.made;
    let posts = made.per_create(made.posts);
    row.count(&at("POST per create"), posts, Bound::Exactly(1.0))
        .tell(
            &at("CPU per create"),
            made.cpu.as_secs_f64() / share(made.objects, 1) * 1000.0,
            "ms",
        )
        .tell(
            &at("CPU per create over the loader's"),
            made.cpu_over_loader(),
            "",
        )
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
            size.restarts.resident_mebibytes(),
            "MiB",
        )
        .tell(
            &at("ready after a restart"),
            size.restarts.median(|restart| restart.ready),
            "s",
        )
        .tell(
            &at("quiet after a restart"),
            size.restarts.median(|restart| restart.quiet),
            "s",
        )
        .tell(
            &at("CPU of a restart per object"),
            size.restarts.median(|restart| restart.cpu) / size.objects * 1e6,
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
    let memory = of(&|size| size.restarts.resident_mebibytes() * 1024.0);
    row.count(
        "writes per create, highest over lowest",
        flat(&|size| size.made.per_create(size.made.writes)),
        Bound::AtMost(FLAT),
    )
    .count(
        "reads per create, highest over lowest",
        flat(&|size| size.made.per_create(size.made.reads)),
        Bound::AtMost(FLAT),
    )
    .count(
        "requests of an interval per page, highest over lowest",
        flat(&|size| size.rest_calls / (size.objects / 100.0).ceil()),
        Bound::AtMost(FLAT),
    )
    .timing(
        "CPU per create over the loader's, highest over lowest",
        flat(&|size| size.made.cpu_over_loader()),
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
    let costs = [
        (
            "CPU of an interval per object over the loader's",
            of(&|size| size.rest_cpu_in_objects),
        ),
        (
            "CPU of a restart per object over the loader's",
            of(&|size| median(&size.restarts.cpu_in_objects)),
        ),
        // Half of it is the answer time of the simulator, page after page: the loader's rate is no measure for that.
        (
            "time to quiet per object",
            of(&|size| size.restarts.median(|restart| restart.quiet)),
        ),
    ];
    for (what, points) in costs {
        if let Some(found) = rise(&points) {
            let name = format!("{what}, at a size over the lowest at a smaller one");
            row.timing(&name, found, "", Bound::AtMost(FLAT));
        }
    }
    if let Some(found) = later_over_earlier(&memory) {
        let name = "resident memory: slope among large sizes over that among small ones";
        row.timing(name, found, "", Bound::AtMost(FLAT));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_cover_all_numbers_once_and_none_is_empty() {
        let parts: Vec<_> = rounds(100..303, 5).collect();
        assert_eq!(parts, [100..140, 140..181, 181..221, 221..262, 262..303]);
        assert_eq!(rounds(7..9, 5).collect::<Vec<_>>(), [7..8, 8..9]);
    }
}
