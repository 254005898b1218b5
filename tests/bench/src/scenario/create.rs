//! I/O. So many objects wait, the operator starts, and nothing holds it back: what does a create cost, and how fast is it?

use anyhow::{Context as _, Result};
use vobiz_harness::simulator_journal::Operation;

use crate::calls::{arrivals, count, per_account};
use crate::loader::{Loaded, Loader, WORKERS};
use crate::percentile::share;
use crate::population::{Population, names};
use crate::requests::{About, span};
use crate::row::{Bound, Row};
use crate::scale::Scale;
use crate::scenario::rest::mebibytes;
use crate::series::Series;
use crate::site::{Begun, Evidence, LIFTED, Site};
use crate::stage::Stage;
use crate::view;
use crate::waiting::{progress, until};

/// The interval of an Account that says nothing.
const INTERVAL_SECONDS: u32 = 300;
/// Writes to the Account, its credentials and the installation's identity; the Account counts its Subaccounts five times in the
/// first minute of creates, and once in each that follows.
const CONSTANT_WRITES: f64 = 20.0;

/// All Subaccounts are listed for a person in so long.
const STATUS_SECONDS: f64 = 2.0;

/// One row, at a site that goes afterwards.
pub async fn run(stage: &Stage, scale: &Scale, objects: usize, scenario: &str) -> Result<Row> {
    let (loaded, loader_made) = load(stage, objects).await?;
    let mut site = Site::new(stage, "create").await?;
    let population = Population::new(stage.control_plane.client(), site.objects.namespace());
    population.create(&names("acme", 0..objects)).await?;
    site.create_account(LIFTED, LIFTED, INTERVAL_SECONDS).await?;
    progress(&format!("  the operator creates {objects}"));
    let begun = site.begin().await?;
    site.start_operator().await?;
    let done = created(&site, &begun, objects).await;
    site.explain(done)?;
    let evidence = site.since(&begun).await?;
    population.ensure_ready(objects).await?;
    let used = site.usage().await?;
    let view = view::status(&site, objects).await?;
    let mut row = Row::new(scenario, scale.counts_only);
    describe(&mut row, &site, &evidence, objects, loaded)?;
    let creates = evidence.calls.iter();
    let creates = creates.filter(|call| call.operation == Operation::Create && call.committed);
    let name = format!("accounts made, of {objects}");
    for (made, of) in [(arrivals(creates), None), (loader_made, Some("plain loader"))] {
        let clock = made.first().copied().unwrap_or_default()..made.last().copied().unwrap_or_default();
        // Its end is no longer in it.
        let series = Series::arrivals(&name, &made, clock.start..clock.end.next_up());
        row.draw(Series { of, ..series });
    }
    row.tell("resident memory at the end", mebibytes(used.resident), "MiB")
        .timing(
            "kubectl vobiz status",
            view.took.as_secs_f64(),
            "s",
            Bound::AtMost(STATUS_SECONDS),
        )
        .tell("its memory at its peak", mebibytes(view.peak), "MiB");
    Ok(row)
}

/// What the plain loader reaches, and when it made each account.
async fn load(stage: &Stage, objects: usize) -> Result<(Loaded, Vec<f64>)> {
    let mut loader = Loader::start(stage).await?;
    let reached = loader.load(objects).await?;
    Ok((reached, loader.made_at(&reached).await?))
}

/// Waits until so many accounts were made since a beginning and all that follows was written.
pub async fn created(site: &Site, begun: &Begun, objects: usize) -> Result<()> {
    let creates = site.calls(begun).operation(Operation::Create).committed(true);
    until(
        "accounts made",
        objects,
        || site.check(),
        async || site.stage.simulator.journal_count(&creates).await,
    )
    .await?;
    until(
        "creations told in events",
        objects,
        || site.check(),
        async || {
            let lines = site.lines(begun).await?;
            Ok(lines
                .iter()
                .filter(|line| line.object_ref.resource == "events")
                .count())
        },
    )
    .await
}

fn describe(row: &mut Row, site: &Site, evidence: &Evidence, objects: usize, loaded: Loaded) -> Result<()> {
    let (requests, calls) = (&evidence.requests, &evidence.calls);
    let per_object = |count: usize| share(count, objects);
    let creates = count(calls, Operation::Create);
    let lines = evidence.lines.iter().map(|line| &**line);
    let seconds = span(lines, &site.installation.namespace).context("the operator wrote nothing")?;
    let rate = share(objects, 1) / seconds;
    row.count("POST per object", per_object(creates), Bound::Exactly(1.0))
        .count(
            "accounts per object",
            per_object(per_account(calls, Operation::Create).len()),
            Bound::Exactly(1.0),
        )
        .count(
            "object writes per object",
            per_object(requests.object_writes()),
            Bound::AtMost(5.0),
        )
        .count(
            "events per object",
            per_object(requests.writes(About::Event)),
            Bound::Exactly(1.0),
        )
        .count(
            "writes that are no object's",
            share(requests.writes(About::Other), 1),
            Bound::AtMost(CONSTANT_WRITES),
        )
        .count(
            "refused writes per object",
            per_object(requests.refused),
            Bound::AtMost(0.01),
        )
        .tell("reads per object", requests.reads_per(objects), "")
        .tell(
            "of them neither of the object nor of its Secrets",
            per_object(requests.reads(About::Other)),
            "",
        )
        .tell("other requests to Vobiz", share(calls.len() - creates, 1), "")
        .timing(
            "throughput over the loader's",
            rate / loaded.rate(),
            "",
            Bound::AtLeast(0.7),
        )
        .tell("objects per second", rate, "/s")
        .tell("objects per second of the loader", loaded.rate(), "/s")
        .tell(
            "CPU per object",
            evidence.cpu.as_secs_f64() * 1000.0 / share(objects, 1),
            "ms",
        )
        .tell(
            "CPU per object of the loader",
            loaded.cpu_per_object() * 1000.0,
            "ms",
        )
        .tell(
            "CPU per object of API server and etcd",
            evidence.cluster_cpu.as_secs_f64() * 1000.0 / share(objects, 1),
            "ms",
        )
        .tell("workers of either", share(WORKERS, 1), "");
    Ok(())
}
