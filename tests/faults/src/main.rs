//! I/O. The campaign's command line. `cargo xtask faults` builds and runs this.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use clap::Parser;
use vobiz_faults::campaign::{Report, record, run};
use vobiz_faults::found;
use vobiz_faults::plan::{Plan, Scene, choose, enumerate, missing_refusals};
use vobiz_faults::recording::Recording;
use vobiz_faults::tally::Tally;

/// Breaks every write of the operator in every way and judges what is left.
#[derive(Debug, Parser)]
#[command(name = "vobiz-faults")]
struct Arguments {
    /// Decides the order of the plans, and with --count which ones run
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Run these plans only, by number or name
    #[arg(long, value_name = "PLAN")]
    plan: Vec<String>,
    /// Run the plans whose name contains this
    #[arg(long, value_name = "TEXT", default_value = "")]
    only: String,
    /// Run so many plans, and every one that ever found something
    #[arg(long, value_name = "NUMBER")]
    count: Option<usize>,
    /// As --count=720, and each write refused by each at least once
    #[arg(long)]
    ci: bool,
    /// Show the plans and run none
    #[arg(long)]
    list: bool,
    /// Keep the logs of every run in this folder
    #[arg(long, value_name = "FOLDER")]
    logs: Option<PathBuf>,
    /// Record the clean run anew, with --only that of some scenes: the plans get other numbers
    #[arg(long)]
    record: bool,
}

/// What runs in CI.
const CI: usize = 720;
/// How often each scene is run for a recording, and before a campaign.
const RECORDINGS: usize = 8;
const CHECKS: usize = 2;
/// How often as many runs more are asked, where those before came to something else than the recorded ones.
const DOUBTS: usize = 3;
/// The recorded clean run.
const RECORDED: &str = concat!(env!("REPOSITORY"), "/tests/faults/recorded.txt");

#[tokio::main]
async fn main() -> ExitCode {
    match campaign(&Arguments::parse()).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn campaign(arguments: &Arguments) -> Result<bool> {
    let begun = Instant::now();
    if arguments.record {
        let mut scenes = Scene::all();
        scenes.retain(|scene| scene.to_string().contains(&arguments.only));
        let clean = record(&scenes, RECORDINGS).await?;
        let mut recording = if arguments.only.is_empty() {
            Recording::default()
        } else {
            recorded()?
        };
        recording.replace(Recording::of(&clean.runs));
        std::fs::write(RECORDED, recording.text()).context("failed to write the recording")?;
        return Ok(true);
    }
    let recording = recorded()?;
    let plans = enumerate(&recording.always);
    let numbers = chosen(arguments, &plans)?;
    if arguments.list {
        for number in numbers {
            println!("{number} {}", plans[number - 1]);
        }
        return Ok(true);
    }
    let scenes: BTreeSet<Scene> = numbers.iter().map(|number| plans[number - 1].scene).collect();
    let scenes: Vec<Scene> = scenes.into_iter().collect();
    let mut clean = record(&scenes, CHECKS).await?;
    let mut differences = recording.differences(&clean.runs);
    for _ in 0..DOUBTS {
        if differences.is_empty() {
            break;
        }
        // What follows from a list comes before the beginning where the machine was slow. More runs tell.
        clean.add(record(&scenes, CHECKS).await?)?;
        differences = recording.differences(&clean.runs);
    }
    ensure!(
        differences.is_empty(),
        "the clean run is not the recorded one; record it anew with --record:\n{}",
        differences.join("\n")
    );
    eprintln!(
        "the clean run took {} s; {} of {} plans follow",
        begun.elapsed().as_secs(),
        numbers.len(),
        plans.len()
    );
    let mut tally = Tally::default();
    let reports = run(&plans, &numbers, &clean, arguments.logs.as_deref(), |report| {
        tell(report, &mut tally, numbers.len());
    })
    .await?;
    println!("{}", tally.details(&reports, begun.elapsed()));
    println!("{}", tally.last_line(numbers.len()));
    Ok(tally.is_clean(numbers.len()))
}

fn recorded() -> Result<Recording> {
    let text = std::fs::read_to_string(RECORDED).context("failed to read the recording")?;
    Recording::parse(&text)
}

/// The numbers of the plans to run, in their order.
fn chosen(arguments: &Arguments, plans: &[Plan]) -> Result<Vec<usize>> {
    let number_of = |wanted: &str| {
        let by_name = || plans.iter().position(|plan| plan.to_string() == wanted);
        wanted
            .parse::<usize>()
            .ok()
            .filter(|number| (1..=plans.len()).contains(number))
            .or_else(|| by_name().map(|index| index + 1))
    };
    if !arguments.plan.is_empty() {
        let numbers = arguments.plan.iter();
        return numbers
            .map(|wanted| number_of(wanted).with_context(|| format!("there is no plan {wanted}")))
            .collect();
    }
    let count = arguments
        .count
        .or(arguments.ci.then_some(CI))
        .unwrap_or(plans.len());
    let order: Vec<usize> = choose(plans.len(), plans.len(), arguments.seed)
        .into_iter()
        .map(|index| index + 1)
        .filter(|number| plans[number - 1].to_string().contains(&arguments.only))
        .collect();
    let mut numbers: Vec<usize> = order.iter().copied().take(count).collect();
    if arguments.ci {
        // A write that is refused for good is a case of its own for each write and whoever refuses it.
        let missing = missing_refusals(plans, &order, &numbers);
        numbers.extend(missing);
    }
    if arguments.only.is_empty() {
        for name in found::names()? {
            let number = number_of(&name);
            let number = number.with_context(|| format!("a found plan is not there any more: {name}"))?;
            if !numbers.contains(&number) {
                numbers.push(number);
            }
        }
    }
    ensure!(!numbers.is_empty(), "no plan is chosen");
    Ok(numbers)
}

fn tell(report: &Report, tally: &mut Tally, total: usize) {
    tally.add(report);
    let Report { number, name, .. } = report;
    for finding in report.findings() {
        println!("plan {number} {name}: {finding:?}");
    }
    match &report.ended {
        Err(error) => println!("plan {number} {name}: did not run: {error:#}"),
        Ok(ended) if !ended.reached => println!("plan {number} {name}: its write never came"),
        Ok(_) => {}
    }
    if tally.count().is_multiple_of(50) {
        eprintln!("{} of {total}", tally.count());
    }
}
