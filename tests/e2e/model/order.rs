//! The steps that the shipped operator takes, from its log, against those of the model from the same start. I/O.
//!
//! Left out on both sides: waiting and the permit, which are no requests; the removal of a former Secret, since the model's object
//! has one name for its Secret; passes that only read, since how often somebody looks is a matter of time; and passes that
//! the next one repeats and goes beyond, which waited for something.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};
use vobiz_harness::objects::Kind;
use vobiz_harness::test_bed::{Environment, EnvironmentOptions, TestBed};
use vobiz_model::action::{self, Action, Caches, Work};
use vobiz_model::budgets::EXHAUSTED;
use vobiz_model::rules::Rules;
use vobiz_model::state::{Budget, State, Task};
use vobiz_model::step::{self, Fault};
use vobiz_model::world::{Policy, UIDS};

use crate::at_rest::{record_name, uid_of};

const DEADLINE: Duration = Duration::from_mins(1);
const POLL_INTERVAL: Duration = Duration::from_millis(50);
/// Rounds of everybody's work after which a model that still finds something to do is broken.
const ROUNDS: usize = 12;
const LEFT_OUT: [&str; 2] = ["TakePermit", "RemoveFormerSecret"];
const READS: [&str; 7] = [
    "ReadRecord",
    "Confirm",
    "ReadSecret",
    "ReadAccount",
    "JudgeClaim",
    "ProvePair",
    "RecoverPair",
];
/// After these a pass over an object ends at once; the line that says so may come after the next pass has begun.
const LAST: [&str; 3] = ["ReleaseFinalizer", "AdoptIdentity", "DeleteMade"];

/// Steps of each pass that writes, in order.
type Passes = Vec<Vec<String>>;

/// What a person does to one object, one after the other.
#[derive(Clone, Copy, Debug)]
enum Deed {
    Edit,
    Delete,
    /// While the operator is down, so that its watch does not see the loss by itself.
    DeleteWithoutRecord,
    CreateAgain,
}

const WORKLOADS: [(&str, [Policy; 2], &[Deed]); 6] = [
    (
        "edited",
        [Policy::Delete, Policy::Retain],
        &[Deed::Edit, Deed::Delete],
    ),
    ("deleted", [Policy::Delete, Policy::Delete], &[Deed::Delete]),
    ("disabled", [Policy::Disable, Policy::Disable], &[Deed::Delete]),
    ("retained", [Policy::Retain, Policy::Retain], &[Deed::Delete]),
    (
        "lost",
        [Policy::Delete, Policy::Delete],
        &[Deed::DeleteWithoutRecord],
    ),
    (
        "reclaimed",
        [Policy::Disable, Policy::Disable],
        &[Deed::Delete, Deed::CreateAgain],
    ),
];

/// Every workload without faults: the operator's passes are the model's.
pub async fn same_steps(bed: Arc<TestBed>) -> Result<()> {
    let options = EnvironmentOptions {
        operator_flags: vec!["--secret-check-interval-seconds=3600".to_owned()],
        account: json!({"resyncIntervalSeconds": 10}),
        ..EnvironmentOptions::new("model-order")
    };
    let mut environment = bed.environment(options).await?;
    let mut differences = Vec::new();
    for (name, policies, deeds) in WORKLOADS {
        let rules = rules(policies);
        let expected = of_model(&rules, deeds)?;
        let shown = of_operator(&mut environment, name, policies, deeds, &expected).await;
        let shown = shown.with_context(|| format!("{name}: {deeds:?}"))?;
        if shown != expected {
            differences.push(format!(
                "{name}, {deeds:?}: by uid, the model takes\n{expected:?}\nthe operator\n{shown:?}"
            ));
        }
    }
    ensure!(differences.is_empty(), "{}", differences.join("\n"));
    Ok(())
}

fn rules(policies: [Policy; 2]) -> Rules {
    Rules {
        policies,
        objects: 2,
        reclaim: true,
        budget: Budget {
            edits: 1,
            deletes: 1,
            lost_records: 1,
            crashes: 1,
            ..Budget::default()
        },
        ..EXHAUSTED[0]
    }
}

/// The model's passes, by uid.
fn of_model(rules: &Rules, deeds: &[Deed]) -> Result<BTreeMap<usize, Passes>> {
    let mut passes = BTreeMap::new();
    let mut state = State::initial(rules.policies[0], rules.budget);
    to_rest(rules, &mut state, &mut passes)?;
    for deed in deeds {
        let actions: &[Action] = match deed {
            Deed::Edit => &[Action::Edit],
            Deed::Delete => &[Action::Delete],
            Deed::DeleteWithoutRecord => &[Action::Crash(0), Action::LoseRecord(0), Action::Delete],
            Deed::CreateAgain => &[Action::Create],
        };
        for action in actions {
            state = action::after(rules, &state, *action).unwrap_or(state);
        }
        to_rest(rules, &mut state, &mut passes)?;
    }
    Ok(passes)
}

/// Everybody works until nobody writes any more.
fn to_rest(rules: &Rules, state: &mut State, passes: &mut BTreeMap<usize, Passes>) -> Result<()> {
    let slots = || (0..UIDS).filter_map(|slot| u8::try_from(slot).ok());
    for _ in 0..ROUNDS {
        let before = *state;
        for work in [Work::Object].into_iter().chain(slots().map(Work::Record)) {
            let begun = action::after(rules, state, Action::Begin(0, work, Caches::Fresh));
            if let Some(begun) = begun {
                *state = begun;
                let (uid, steps) = whole_pass(rules, state)?;
                note(passes.entry(uid).or_default(), steps);
            }
        }
        for action in slots().map(|uid| Action::Settle(0, uid)).chain([Action::Walk(0)]) {
            *state = action::after(rules, state, action).unwrap_or(*state);
        }
        let rests = (before.cluster, before.vobiz, before.processes[0].memory)
            == (state.cluster, state.vobiz, state.processes[0].memory);
        if rests {
            return Ok(());
        }
    }
    bail!("the model does not come to rest")
}

fn whole_pass(rules: &Rules, state: &mut State) -> Result<(usize, Vec<String>)> {
    let (mut steps, mut uid) = (Vec::new(), 0);
    while let Some(pass) = state.processes[0].pass {
        uid = usize::from(pass.uid);
        if pass.task == Task::Plan {
            steps.push(format!("{:?}", step::next(rules, state, 0, &pass)));
        }
        *state = action::after(rules, state, Action::Step(0, Fault::None)).context("a pass is stuck")?;
    }
    Ok((uid, steps))
}

fn note(passes: &mut Passes, steps: Vec<String>) {
    if steps.iter().all(|step| READS.contains(&step.as_str())) {
        return;
    }
    if passes.last().is_some_and(|waited| steps.starts_with(waited)) {
        passes.pop();
    }
    passes.push(steps);
}

/// The operator's passes, by the order of the objects of this name, once they are what is expected, or at last.
async fn of_operator(
    environment: &mut Environment,
    name: &str,
    policies: [Policy; 2],
    deeds: &[Deed],
    expected: &BTreeMap<usize, Passes>,
) -> Result<BTreeMap<usize, Passes>> {
    let spec = |policy: Policy| json!({"deletion": {"policy": format!("{policy:?}")}});
    let created = environment.create_subaccount(name, spec(policies[0])).await?;
    let mut uids = vec![uid_of(&created)?];
    environment.await_ready(name).await?;
    for deed in deeds {
        match deed {
            Deed::Edit => {
                let patch = json!({"spec": spec(policies[1])});
                environment.objects.merge(Kind::Subaccount, name, &patch).await?;
                environment.await_ready(name).await?;
            }
            Deed::Delete => {
                environment.objects.delete(Kind::Subaccount, name).await?;
                environment.await_gone(Kind::Subaccount, name).await?;
            }
            Deed::DeleteWithoutRecord => {
                environment.operator()?.kill_hard().await?;
                let record = record_name(&uids[0]);
                environment.operator_objects.delete(Kind::Secret, &record).await?;
                environment.objects.delete(Kind::Subaccount, name).await?;
                environment.restart_operator()?;
                environment.await_gone(Kind::Subaccount, name).await?;
            }
            Deed::CreateAgain => {
                let patch = json!({
                    "metadata": {"annotations": {"vobiz.ai/reclaim": "true"}},
                    "spec": {"accountRef": {"name": "vobiz"}, "deletion": spec(policies[0])["deletion"]},
                });
                let created = environment.objects.create(Kind::Subaccount, name, patch).await?;
                uids.push(uid_of(&created)?);
                environment.await_ready(name).await?;
            }
        }
    }
    let begun = Instant::now();
    loop {
        let log = std::fs::read_to_string(environment.operator()?.log())?;
        let shown: BTreeMap<usize, Passes> = uids.iter().map(|uid| logged(&log, uid)).enumerate().collect();
        if shown == *expected || begun.elapsed() > DEADLINE {
            return Ok(shown);
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

/// The passes about one uid that the log shows.
fn logged(log: &str, uid: &str) -> Passes {
    let (mut passes, mut steps, mut ended) = (Passes::new(), Vec::new(), false);
    for line in log
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
    {
        if line["uid"] != *uid {
            continue;
        }
        match (line["message"].as_str(), line["step"].as_str()) {
            (Some("next step"), Some(step)) if LEFT_OUT.contains(&step) => {}
            (Some("next step"), Some(step)) if step.starts_with("Rest") => {
                note(&mut passes, std::mem::take(&mut steps));
            }
            (Some("next step"), Some(step)) => {
                steps.push(step.to_owned());
                let last = LAST.contains(&step);
                ended |= last;
                if last || step == "DropRecord" {
                    note(&mut passes, std::mem::take(&mut steps));
                }
            }
            (Some("pass over a subaccount ended"), _) if !std::mem::take(&mut ended) => {
                note(&mut passes, std::mem::take(&mut steps));
            }
            _ => {}
        }
    }
    note(&mut passes, steps);
    passes
}
