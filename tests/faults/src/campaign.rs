//! I/O. Records the clean run, then runs plans, many of them beside each other.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use futures::StreamExt as _;
use futures::future::join_all;
use jiff::SignedDuration;

use crate::evidence::EndState;
use crate::judge::Finding;
use crate::mode::{Kind, Mode};
use crate::plan::{Occurrence, Plan, Scene};
use crate::refusal::{Counts, raise};
use crate::run::{Ended, Prepared, prepare};
use crate::secrecy::ensure_nothing_told;
use crate::stage::{Staff, Stage};
use crate::withstand::{Measure, Witnesses};

/// Plans that share one operator one after another.
const REQUESTS_PER_RUN: usize = 300;
/// Of them so many at a time.
const REQUESTS_AT_A_TIME: usize = 60;
/// Plans with a refusal that share one operator, and of them so many at a time: each lasts long and is looked at often.
const REFUSALS_PER_RUN: usize = 180;
const REFUSALS_AT_A_TIME: usize = 30;
/// Of those that keep the operator from creating, which run one after another.
const REFUSED_BINDS_PER_RUN: usize = 8;
/// Plans that are hit together, at first and when they run again.
const TOGETHER: [usize; 3] = [48, 8, 1];
/// Runs beside each other.
const RUNS_AT_A_TIME: usize = 3;

/// What happens without faults.
#[derive(Default)]
pub struct Clean {
    /// The writes of each run of each scene.
    pub runs: BTreeMap<Scene, Vec<Vec<Occurrence>>>,
    /// How each ends.
    pub ends: BTreeMap<Scene, EndState>,
    /// The most requests of each kind to the API.
    pub calls: BTreeMap<Scene, Counts>,
}

impl Clean {
    /// Takes over further runs, which must end as these do.
    pub fn add(&mut self, more: Self) -> Result<()> {
        for (scene, end) in &more.ends {
            let known = self.ends.entry(*scene).or_insert_with(|| end.clone());
            if known != end {
                bail!("{scene} ends in two ways without any fault: {known:?}, {end:?}");
            }
        }
        for (scene, calls) in &more.calls {
            raise(self.calls.entry(*scene).or_default(), calls);
        }
        for (scene, runs) in more.runs {
            self.runs.entry(scene).or_default().extend(runs);
        }
        Ok(())
    }
}

/// What became of one plan.
pub struct Report {
    /// Its place in the list, from 1.
    pub number: usize,
    /// Its name.
    pub name: String,
    /// How it ended, or why it did not run.
    pub ended: Result<Ended>,
}

impl Report {
    /// Whether it ran.
    #[must_use]
    pub fn ran(&self) -> bool {
        self.ended.as_ref().is_ok_and(|ended| ended.reached)
    }

    /// What did not hold.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        self.ended
            .as_ref()
            .map(|ended| ended.verdict.findings.as_slice())
            .unwrap_or_default()
    }

    /// From the last fault to the last change.
    #[must_use]
    pub fn convergence(&self) -> Option<SignedDuration> {
        let ended = self.ended.as_ref().ok()?;
        ended.reached.then_some(ended.verdict.convergence)
    }
}

/// Runs every one of these scenes so many times without faults.
pub async fn record(scenes: &[Scene], times: usize) -> Result<Clean> {
    let stage = Stage::start(Staff::One).await?;
    let runs = scenes
        .iter()
        .enumerate()
        .flat_map(|(index, scene)| (0..times).map(move |time| (*scene, format!("clean-{index}-{time}"))));
    let ended = join_all(runs.map(|(scene, unique)| {
        let stage = &stage;
        async move {
            let prepared = prepare(stage, scene, None, &unique).await?;
            let ended = Box::pin(prepared.run(None, None)).await;
            anyhow::Ok((
                scene,
                ended.with_context(|| format!("a clean run of {scene} failed"))?,
            ))
        }
    }))
    .await;
    let mut clean = Clean::default();
    for run in ended {
        let (scene, ended) = run?;
        if !ended.verdict.findings.is_empty() {
            bail!("{scene} fails without any fault: {:?}", ended.verdict.findings);
        }
        if !ended.is_as_meant {
            bail!(
                "{scene} ends as it should not, without any fault: {:?}\n{}",
                ended.end,
                ended.timeline
            );
        }
        clean.runs.entry(scene).or_default().push(ended.seen);
        raise(clean.calls.entry(scene).or_default(), &ended.calls);
        let known = clean.ends.entry(scene).or_insert_with(|| ended.end.clone());
        if *known != ended.end {
            bail!(
                "{scene} ends in two ways without any fault: {known:?}, {:?}",
                ended.end
            );
        }
    }
    stage.end().await;
    ensure_nothing_told(&stage).await?;
    Ok(clean)
}

/// Runs the plans of these numbers and hands each report on as it comes. What one plan does to a process or its watches
/// can keep another from its write; that one runs again among fewer others, at last alone.
pub async fn run(
    plans: &[Plan],
    numbers: &[usize],
    clean: &Clean,
    logs: Option<&Path>,
    mut told: impl FnMut(&Report),
) -> Result<Vec<Report>> {
    let mut reports = Vec::new();
    let mut wanted = numbers.to_vec();
    for together in TOGETHER {
        let mut running = futures::stream::iter(batches(plans, &wanted, together))
            .map(|batch| async move { run_batch(plans, &batch, clean, logs).await })
            .buffer_unordered(RUNS_AT_A_TIME);
        let mut again = Vec::new();
        while let Some(batch) = running.next().await {
            for report in batch? {
                let was_alone = Some(&together) == TOGETHER.last();
                // Nothing of its own was broken, so that being slow says nothing of it yet; all else does.
                let is_slow = |finding: &Finding| matches!(finding, Finding::Slow(_));
                let missed = report.ended.is_ok() && !report.ran() && report.findings().iter().all(is_slow);
                if missed && !was_alone {
                    again.push(report.number);
                } else {
                    told(&report);
                    reports.push(report);
                }
            }
        }
        wanted = again;
    }
    reports.sort_by_key(|report| report.number);
    Ok(reports)
}

/// Plans that may share a run. Those that take longest come first.
fn batches(plans: &[Plan], numbers: &[usize], together: usize) -> Vec<Vec<usize>> {
    let mut by_kind: BTreeMap<(Kind, Option<Mode>), Vec<usize>> = BTreeMap::new();
    for number in numbers {
        let (kind, mode) = (plans[number - 1].kind(), plans[number - 1].mode);
        // What is done to all watches differs from mode to mode.
        let alone = (kind == Kind::Watch).then_some(mode);
        by_kind.entry((kind, alone)).or_default().push(*number);
    }
    let chunks = by_kind.iter().rev().flat_map(|((kind, _), numbers)| {
        let size = match kind {
            Kind::Request => REQUESTS_PER_RUN,
            Kind::Refused => REFUSALS_PER_RUN,
            Kind::RefusedBind => REFUSED_BINDS_PER_RUN,
            Kind::Kill | Kind::Watch | Kind::Stop | Kind::Lease => together,
        };
        numbers.chunks(size).map(<[usize]>::to_vec)
    });
    chunks.collect()
}

/// How many plans of a kind run at a time; none: all of them, each ready before the first fault.
fn at_a_time(kind: Kind) -> Option<usize> {
    match kind {
        Kind::Request => Some(REQUESTS_AT_A_TIME),
        Kind::Refused => Some(REFUSALS_AT_A_TIME),
        Kind::RefusedBind => Some(1),
        Kind::Kill | Kind::Watch | Kind::Stop | Kind::Lease => None,
    }
}

async fn run_batch(
    plans: &[Plan],
    numbers: &[usize],
    clean: &Clean,
    logs: Option<&Path>,
) -> Result<Vec<Report>> {
    let kind = plans[numbers[0] - 1].kind();
    let staff = match kind {
        Kind::Stop => Staff::Two,
        Kind::Lease => Staff::Elected,
        Kind::Request | Kind::Kill | Kind::Watch | Kind::Refused | Kind::RefusedBind => Staff::One,
    };
    let stage = Stage::start(staff).await?;
    let witnesses = match kind {
        Kind::Refused | Kind::RefusedBind => Some(Witnesses::gather(&stage).await?),
        _ => None,
    };
    let nothing = Counts::new();
    let run = async |number: usize, prepared: Prepared<'_>| {
        let scene = &plans[number - 1].scene;
        let measure = witnesses.as_ref().map(|witnesses| Measure {
            witnesses,
            clean: clean.calls.get(scene).unwrap_or(&nothing),
        });
        Box::pin(prepared.run(clean.ends.get(scene), measure)).await
    };
    let prepared = |number: usize| {
        let (stage, plan) = (&stage, &plans[number - 1]);
        let target = (plan.at.clone(), plan.mode);
        async move { prepare(stage, plan.scene, Some(target), &number.to_string()).await }
    };
    let reports = if let Some(at_a_time) = at_a_time(kind) {
        let each = numbers.iter().map(|number| {
            let (prepared, run) = (prepared(*number), &run);
            async move {
                let ended = async { run(*number, prepared.await?).await };
                report(plans, *number, Box::pin(ended).await)
            }
        });
        futures::stream::iter(each)
            .buffer_unordered(at_a_time)
            .collect::<Vec<_>>()
            .await
    } else {
        // All are ready before the first fault, which hits everybody.
        let ready = join_all(numbers.iter().map(|number| prepared(*number))).await;
        let run = &run;
        let each = numbers.iter().zip(ready).map(|(number, ready)| async move {
            let ended = async { run(*number, ready?).await };
            report(plans, *number, ended.await)
        });
        join_all(each).await
    };
    eprintln!(
        "{} plans, faults of one {}: {} that hit everybody, {} writes by a second leader",
        numbers.len(),
        format!("{kind:?}").to_lowercase(),
        stage.warden.faults().unwrap_or_default().len(),
        stage.registry.writes_by_second_leaders()
    );
    stage.end().await;
    if let Some(folder) = logs {
        let folder = folder.join(format!("run-of-{}", numbers[0]));
        stage.keep_logs(&folder)?;
        keep_timelines(&reports, &folder)?;
    }
    ensure_nothing_told(&stage).await?;
    Ok(reports)
}

/// Writes down what happened in the plans in which something did not hold.
fn keep_timelines(reports: &[Report], folder: &Path) -> Result<()> {
    for report in reports.iter().filter(|report| !report.findings().is_empty()) {
        let timeline = report.ended.as_ref().map(|ended| ended.timeline.as_str());
        let text = format!("{}\n{}", report.name, timeline.unwrap_or_default());
        std::fs::write(folder.join(format!("plan-{}.txt", report.number)), text)
            .context("failed to keep a timeline")?;
    }
    Ok(())
}

fn report(plans: &[Plan], number: usize, ended: Result<Ended>) -> Report {
    Report {
        number,
        name: plans[number - 1].to_string(),
        ended,
    }
}
