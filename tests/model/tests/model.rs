//! The protocol, proved: every reachable state keeps the promises, and without any one of the rules one breaks.
//!
//! `--ignored` explores larger runs, each up to a time limit.

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use libtest_mimic::{Arguments, Failed, Trial};
use vobiz_model::adoptions;
use vobiz_model::budgets::{EXHAUSTED, LARGER, showing};
use vobiz_model::check::{Order, check};
use vobiz_model::rules::Rules;
use vobiz_model::story::tell;
use vobiz_model::walk::{self, Rule, Walk};
use vobiz_model::weakness::Weakness;

/// Longer than any run that must be exhausted takes, also where it has no more than the time that other tests leave.
const EXHAUSTED_WITHIN: Duration = Duration::from_mins(45);
/// How long each of the larger ones is explored.
const LARGER_FOR: Duration = Duration::from_mins(10);

/// A list of two pages and more, while accounts come and go.
const LIST: Walk = Walk {
    rule: Rule::Product,
    accounts: 4,
    coming: 2,
    going: 3,
};

#[derive(Default)]
struct Totals {
    states: AtomicUsize,
    weaknesses: AtomicUsize,
    caught: AtomicUsize,
    violations: AtomicUsize,
}

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    // Each exploration uses every core, and memory should be that of one.
    arguments.test_threads = Some(1);
    let totals = Arc::new(Totals::default());
    let mut trials = Vec::new();
    for rules in EXHAUSTED.into_iter().chain(adoptions::EXHAUSTED) {
        let totals = Arc::clone(&totals);
        trials.push(Trial::test(
            format!("every promise holds in every state: {}", rules.name),
            move || exhaust(&totals, rules),
        ));
    }
    for rules in LARGER {
        let totals = Arc::clone(&totals);
        let name = format!("no promise is broken as far as was looked: {}", rules.name);
        trials.push(Trial::test(name, move || look(&totals, rules)).with_ignored_flag(true));
    }
    for weakness in Weakness::ALL {
        let totals = Arc::clone(&totals);
        trials.push(Trial::test(
            format!("a promise breaks without its rule: {weakness:?}"),
            move || miss(&totals, weakness),
        ));
    }
    let counted = Arc::clone(&totals);
    trials.push(Trial::test(
        "two lists that are called complete miss no account that was there all the time",
        move || walk_lists(&counted),
    ));
    for rule in [Rule::OneList, Rule::GoneCountsAsShown] {
        let totals = Arc::clone(&totals);
        trials.push(Trial::test(
            format!("an account is missed without the rule of two lists: {rule:?}"),
            move || miss_account(&totals, rule),
        ));
    }
    let conclusion = libtest_mimic::run(&arguments, trials);
    let read = |count: &AtomicUsize| count.load(Ordering::Relaxed);
    if conclusion.num_passed + conclusion.num_failed > 0 && !arguments.list {
        println!(
            "model: {} states, {}/{} weaknesses caught, {} violations",
            read(&totals.states),
            read(&totals.caught),
            read(&totals.weaknesses),
            read(&totals.violations),
        );
    }
    if conclusion.has_failed() {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}

fn exhaust(totals: &Totals, rules: Rules) -> Result<(), Failed> {
    if explore(totals, rules, EXHAUSTED_WITHIN)? {
        Ok(())
    } else {
        Err("not exhausted within the time limit".into())
    }
}

fn look(totals: &Totals, rules: Rules) -> Result<(), Failed> {
    if !explore(totals, rules, LARGER_FOR)? {
        println!("  NOT exhausted");
    }
    Ok(())
}

/// Whether everything was seen.
fn explore(totals: &Totals, rules: Rules, limit: Duration) -> Result<bool, Failed> {
    let found = check(rules, Order::DepthFirst, limit);
    totals.states.fetch_add(found.states, Ordering::Relaxed);
    if let Some((broken, path)) = found.violation {
        totals.violations.fetch_add(1, Ordering::Relaxed);
        return Err(tell(&rules, broken, &path).into());
    }
    println!("  {} states in {:.1} s", found.states, found.took.as_secs_f32());
    Ok(found.exhausted)
}

fn miss(totals: &Totals, weakness: Weakness) -> Result<(), Failed> {
    totals.weaknesses.fetch_add(1, Ordering::Relaxed);
    let found = check(showing(weakness), Order::BreadthFirst, EXHAUSTED_WITHIN);
    let (broken, path) = found
        .violation
        .ok_or("nothing breaks: the model is blind to it")?;
    totals.caught.fetch_add(1, Ordering::Relaxed);
    println!("  {broken:?} after {} steps", path.len());
    Ok(())
}

fn walk_lists(totals: &Totals) -> Result<(), Failed> {
    let (states, missed) = walk::explore(LIST);
    totals.states.fetch_add(states, Ordering::Relaxed);
    match missed {
        None => Ok(()),
        Some(path) => {
            totals.violations.fetch_add(1, Ordering::Relaxed);
            Err(format!("an account is missed: {path:?}").into())
        }
    }
}

fn miss_account(totals: &Totals, rule: Rule) -> Result<(), Failed> {
    totals.weaknesses.fetch_add(1, Ordering::Relaxed);
    let (_, missed) = walk::explore(Walk { rule, ..LIST });
    let path = missed.ok_or("no account is missed: the model is blind to it")?;
    totals.caught.fetch_add(1, Ordering::Relaxed);
    println!("  an account is missed after {} steps: {path:?}", path.len());
    Ok(())
}
