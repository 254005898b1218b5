//! I/O. The operator is killed and started again over objects that are all as they should be.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use vobiz_harness::simulator_journal::Operation;

use crate::calls::count;
use crate::percentile::share;
use crate::process::{Usage, usage};
use crate::requests::Requests;
use crate::row::{Bound, Row};
use crate::scale::Scale;
use crate::scenario::rest::{await_whole_sweep, mebibytes, settle};
use crate::site::Site;
use crate::waiting::progress;

/// As often as the operator is looked at.
const LOOK: Duration = Duration::from_millis(100);
/// It is quiet when it has used less than this share of a core for so long, and for each object about twice what rest takes of one.
const QUIET_SHARE: f64 = 0.1;
const QUIET_SHARE_PER_OBJECT: f64 = 2e-6;
const QUIET: Duration = Duration::from_secs(2);
const DEADLINE: Duration = Duration::from_mins(5);
/// The parent's pair is checked once, and whether it may list.
const CONSTANT_CALLS: usize = 1;
const CONSTANT_LISTS: usize = 1;

/// What a restart took.
pub struct Restart {
    /// Seconds to `/readyz`.
    pub ready: f64,
    /// Seconds until the first list is complete and no more work is done.
    pub quiet: f64,
    /// Processor time until then, in seconds.
    pub cpu: f64,
    /// What it had used by then.
    pub usage: Usage,
    /// Lists until then.
    pub lists: usize,
    /// Other requests to Vobiz until then.
    pub others: usize,
    /// Its requests to the API server until then.
    pub requests: Requests,
}

/// Restarts the operator and waits until it is quiet.
pub async fn restart(site: &mut Site, objects: usize) -> Result<Restart> {
    let begun = site.begin().await?;
    let started = Instant::now();
    site.restart_operator()?;
    site.operator()?.await_ready().await?;
    let ready = started.elapsed().as_secs_f64();
    await_whole_sweep(site, &begun, objects).await?;
    let listed = started.elapsed().as_secs_f64();
    let busy = last_busy(site, started, objects).await?;
    let evidence = site.since(&begun).await?;
    let lists = count(&evidence.calls, Operation::List);
    let usage = site.usage().await?;
    Ok(Restart {
        ready,
        quiet: busy.max(listed),
        // The process is new: all that it has used was used for this.
        cpu: usage.cpu.as_secs_f64(),
        usage,
        lists,
        others: evidence.calls.len() - lists,
        requests: evidence.requests,
    })
}

/// Seconds after the start at which the operator was last seen at work.
async fn last_busy(site: &Site, started: Instant, objects: usize) -> Result<f64> {
    let quiet = QUIET_SHARE + QUIET_SHARE_PER_OBJECT * share(objects, 1);
    let pid = site.operator()?.pid().await?;
    let (mut cpu, mut at) = (usage(pid)?.cpu, Instant::now());
    let mut busy = at;
    while at.duration_since(busy) < QUIET {
        tokio::time::sleep(LOOK).await;
        let (used, now) = (usage(pid)?.cpu, Instant::now());
        let taken = used.saturating_sub(cpu).as_secs_f64() / now.duration_since(at).as_secs_f64();
        if taken > quiet {
            busy = now;
        }
        (cpu, at) = (used, now);
        let late = started.elapsed() > DEADLINE;
        (!late)
            .then_some(())
            .context("the operator does not come to rest after a restart")?;
    }
    Ok(busy.duration_since(started).as_secs_f64())
}

/// One row.
pub async fn run(site: &mut Site, scale: &Scale, objects: usize, scenario: &str) -> Result<Row> {
    settle(site, objects).await?;
    progress("  the operator is killed and started again");
    let found = restart(site, objects).await?;
    let mut row = Row::new(scenario, scale.counts_only);
    row.count(
        "writes to Kubernetes",
        share(found.requests.all_writes(), 1),
        Bound::Exactly(0.0),
    )
    .count(
        "lists",
        share(found.lists, 1),
        Bound::AtMost(share(Scale::pages(objects) + CONSTANT_LISTS, 1)),
    )
    .count(
        "other requests to Vobiz",
        share(found.others, 1),
        Bound::AtMost(share(CONSTANT_CALLS, 1)),
    )
    .tell(
        "reads from Kubernetes per object",
        found.requests.reads_per(objects),
        "",
    )
    .tell("ready after", found.ready, "s")
    .tell("quiet after", found.quiet, "s")
    .tell("CPU per object", found.cpu * 1000.0 / share(objects, 1), "ms")
    .tell("resident memory", mebibytes(found.usage.resident), "MiB");
    Ok(row)
}
