//! I/O. Nothing is to be done: what does watching over so many objects cost?

use std::ops::Range;
use std::time::Duration;

use anyhow::{Context as _, Result};
use vobiz_harness::simulator_journal::{JournalEntry, Operation};

use crate::calls::{Sweep, arrivals, sweeps};
use crate::percentile::share;
use crate::process::Usage;
use crate::requests::Requests;
use crate::row::{Bound, Row};
use crate::scale::Scale;
use crate::series::Series;
use crate::site::{Begun, Site};
use crate::storage::bytes_per_object;
use crate::waiting::{progress, until};

/// Requests of an interval that are no page of the list.
const CONSTANT_CALLS: f64 = 1.0;

/// The while for which lists and watches are counted, in seconds, and how many may begin in it.
const STREAMS_WITHIN: f64 = 150.0;
const MOST_STREAMS: f64 = 4.0;

/// Without a write for so long, what a list led to is done.
const SILENCE: Duration = Duration::from_secs(1);

/// What some whole intervals cost.
pub struct Rest {
    /// How many they were.
    pub intervals: usize,
    /// Their length together, in seconds.
    pub seconds: f64,
    /// Requests to Vobiz, all of them: when each arrived, in seconds on the simulator's clock.
    pub calls: Vec<f64>,
    /// When the first of them arrived, and the page that ended the last interval, on the same clock.
    pub clock: Range<f64>,
    /// Those that change something there.
    pub changes: usize,
    /// The sweeps, without the one that ended the measurement.
    pub sweeps: Vec<Sweep>,
    /// Processor time of the operator, in seconds.
    pub cpu: f64,
    /// What the operator had used at the end.
    pub usage: Usage,
    /// Its requests to the API server.
    pub requests: Requests,
}

/// Watches so many intervals, from the first page of one sweep to the first page of another.
pub async fn watch(site: &Site, intervals: usize) -> Result<Rest> {
    let first = next_sweep(site).await?;
    let begun = site.begin().await?.from(&first);
    await_sweeps(site, &begun, intervals + 1).await?;
    let evidence = site.since(&begun).await?;
    // The last sweep seen has only begun: it ends the last interval.
    let mut all = sweeps(&evidence.calls);
    let end = all.pop().context("a sweep was lost from the journal")?;
    let changing = |call: &&JournalEntry| {
        let operation = call.operation;
        operation == Operation::Create || operation == Operation::Update || operation == Operation::Delete
    };
    Ok(Rest {
        intervals,
        seconds: evidence.took.as_secs_f64(),
        calls: arrivals(evidence.calls.iter().filter(|call| call.sequence < end.first)),
        clock: first.begun..end.begun,
        changes: evidence.calls.iter().filter(changing).count(),
        sweeps: all,
        cpu: evidence.cpu.as_secs_f64(),
        usage: site.usage().await?,
        requests: evidence.requests,
    })
}

/// Waits until a sweep begins.
pub async fn next_sweep(site: &Site) -> Result<Sweep> {
    let begun = site.begin().await?;
    let found = await_sweeps(site, &begun, 1).await?;
    found
        .first()
        .copied()
        .context("a sweep was lost from the journal")
}

/// Waits until a whole sweep over the parent's accounts has come and gone, and what it led to is done.
pub async fn settle(site: &Site, accounts: usize) -> Result<()> {
    let sweep = next_sweep(site).await?;
    let begun = site.begin().await?.from(&sweep);
    await_whole_sweep(site, &begun, accounts).await?;
    let mut written = 0;
    loop {
        tokio::time::sleep(SILENCE).await;
        let found = site.since(&begun).await?.requests.all_writes();
        if found == written {
            return Ok(());
        }
        written = found;
    }
}

/// Waits until a sweep begun since then has read every page of so many accounts.
pub async fn await_whole_sweep(site: &Site, begun: &Begun, accounts: usize) -> Result<()> {
    let lists = site.calls(begun).operation(Operation::List).answered(true);
    let longest = async || {
        let sweeps = sweeps(&site.stage.simulator.journal(&lists).await?);
        Ok(sweeps.iter().map(|sweep| sweep.pages).max().unwrap_or_default())
    };
    let pages = Scale::pages(accounts);
    site.explain(until("pages listed", pages, || site.check(), longest).await)
}

/// Waits until so many sweeps have begun since a beginning.
pub async fn await_sweeps(site: &Site, begun: &Begun, count: usize) -> Result<Vec<Sweep>> {
    let lists = site.calls(begun).operation(Operation::List);
    let seen = async || Ok(sweeps(&site.stage.simulator.journal(&lists).await?));
    let waited = until("sweeps", count, || site.check(), async || Ok(seen().await?.len())).await;
    site.explain(waited)?;
    seen().await
}

/// One row.
pub async fn run(site: &Site, scale: &Scale, objects: usize, scenario: &str) -> Result<Row> {
    progress(&format!(
        "  {} intervals of {} s are watched",
        scale.intervals, scale.interval_seconds
    ));
    let rest = watch(site, scale.intervals).await?;
    let mut row = Row::new(scenario, scale.counts_only);
    let intervals = share(rest.intervals, 1);
    row.count(
        "requests to Vobiz per interval",
        share(rest.calls.len(), rest.intervals),
        Bound::AtMost(share(Scale::pages(objects), 1) + CONSTANT_CALLS),
    )
    .count(
        "changes sent to Vobiz",
        share(rest.changes, 1),
        Bound::Exactly(0.0),
    )
    .count(
        "writes to Kubernetes",
        share(rest.requests.all_writes(), 1),
        Bound::Exactly(0.0),
    )
    .tell(
        "reads from Kubernetes per object and hour",
        rest.requests.reads_per(objects) / rest.seconds * 3600.0,
        "",
    )
    .tell("interval", rest.seconds / intervals, "s")
    .tell(
        "CPU per object and minute",
        rest.cpu / share(objects, 1) / rest.seconds * 60.0 * 1e6,
        "us",
    )
    .tell("share of one core", rest.cpu / rest.seconds, "")
    .tell("resident memory", mebibytes(rest.usage.resident), "MiB")
    .tell("resident memory at its peak", mebibytes(rest.usage.peak), "MiB");
    let streams = share(rest.requests.streams, 1) / rest.seconds * STREAMS_WITHIN;
    if scale.counts_only {
        // All watches begin at the same time: too short a while sees all of them begun anew, or none.
        row.tell("lists and watches in 150 s", streams, "");
    } else {
        row.count("lists and watches in 150 s", streams, Bound::AtMost(MOST_STREAMS));
    }
    let stored = bytes_per_object(&site.stage).await?;
    row.tell("stored by the API server per object", stored, "bytes");
    if let Some(sweep) = rest.sweeps.last() {
        row.tell("a sweep takes", sweep.ended - sweep.begun, "s");
    }
    row.draw(Series::arrivals(
        "requests to Vobiz at rest",
        &rest.calls,
        rest.clock,
    ));
    Ok(row)
}

/// Bytes as MiB.
#[expect(
    clippy::cast_precision_loss,
    reason = "a process has far less than 2^52 bytes"
)]
pub fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}
