//! I/O. The population grows from size to size: does an object cost the same where there are many?

mod cost;
mod size;

use std::ops::Range;

use anyhow::Result;
use vobiz_harness::simulator_journal::Operation;

use crate::calls::count;
use crate::loader::Loader;
use crate::percentile::share;
use crate::population::{Population, names};
use crate::row::Row;
use crate::scale::{SHORTEST_INTERVAL_SECONDS, Scale};
use crate::scenario::create::created;
use crate::scenario::growth::size::{Made, Restarts, Size};
use crate::scenario::rest;
use crate::scenario::restart::restart;
use crate::site::{Begun, LIFTED, Site};
use crate::waiting::progress;

/// Seconds between two sweeps while objects are made: the cost of a sweep is measured apart.
const MAKING_INTERVAL_SECONDS: u32 = 300;

/// One row. The site has the largest population afterwards.
pub async fn run(site: &mut Site, scale: &Scale, scenario: &str) -> Result<Row> {
    let mut loader = Loader::start(&site.stage).await?;
    let mut sizes = Vec::new();
    let mut before = 0;
    let mut row = Row::new(scenario, scale.counts_only);
    for size in &scale.sizes {
        match grow(site, &mut loader, scale, before..*size).await {
            Ok(found) => sizes.push(found),
            // Hours may lie behind the sizes that were reached.
            Err(error) if !sizes.is_empty() => {
                row.end_early(format!("at {size} objects: {error:#}"));
                break;
            }
            Err(error) => return Err(error),
        }
        before = *size;
    }
    cost::tell(&mut row, &sizes);
    if row.trouble.is_none() {
        site.change_account(LIFTED, LIFTED, scale.interval_seconds)
            .await?;
    }
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
        rest_calls: share(rest.calls.len(), rest.intervals),
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
