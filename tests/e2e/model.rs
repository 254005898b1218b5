//! The model of Kubernetes and Vobiz, on which every order of faults is explored, behaves as the real ones do: ways through
//! it are replayed, request by request, against the API server and the simulator.

mod order;
mod real;
mod replay;
mod view;

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use vobiz_harness::suite::Suite;
use vobiz_harness::test_bed::{Environment, EnvironmentOptions, TestBed};
use vobiz_model::budgets::{EXHAUSTED, LARGER};
use vobiz_model::state::{Budget, State};
use vobiz_model::trace::Trace;
use vobiz_model::world::{Account, Object, Policy};

use replay::{Counts, refuses, replay};
use view::View;

/// Ways of each run of the model, and actions of each.
const SEEDS: u64 = 8;
const LENGTH: usize = 50;
const AT_A_TIME: usize = 8;
/// Seeds that are looked through for a way on which a request is refused, and how many such ways are replayed.
const SEARCHED: u64 = 2000;
const OF_EACH_REFUSAL: usize = 3;

/// What every run must have sent without a refusal of its own kind,
const SENT: [&str; 3] = ["ReadSecret", "Post", "UpdateAccount"];
/// both carried out and refused,
const REFUSED: [&str; 9] = [
    "AddFinalizer",
    "RemoveFinalizer",
    "WriteStatus",
    "CreateRecord",
    "ReplaceRecord",
    "DropRecord",
    "PublishSecret",
    "ReadAccount",
    "DeleteAccount",
];
/// and met.
const FAULTS: [&str; 14] = [
    "Before",
    "After",
    "Refused",
    "NeverSent",
    "Late",
    "Commit",
    "Crash",
    "Edit",
    "Delete",
    "Create",
    "Strip",
    "LoseSecret",
    "LoseRecord",
    "DeleteOutside",
];

pub fn add_to(suite: &mut Suite) {
    suite.test(
        "what the model says of Kubernetes and Vobiz is what the real ones do",
        random_ways,
    );
    suite.test(
        "the operator takes the steps that the model takes",
        order::same_steps,
    );
    suite.test("a model that is wrong about the servers is found out", tampered);
}

async fn environment(bed: &TestBed, name: &str) -> Result<Environment> {
    bed.environment(EnvironmentOptions {
        start_operator: false,
        account_ready: false,
        ..EnvironmentOptions::new(name)
    })
    .await
}

async fn random_ways(bed: Arc<TestBed>) -> Result<()> {
    let environment = environment(&bed, "model-ways").await?;
    let environment = &environment;
    let replays = stream::iter(ways()?).map(|(name, trace)| async move {
        let run = trace.rules.name;
        replay(environment, &name, &trace)
            .await
            .with_context(|| format!("run '{run}'"))
    });
    let all: Vec<Counts> = replays.buffer_unordered(AT_A_TIME).try_collect().await?;
    let (mut requests, mut faults, mut actions) = (BTreeMap::new(), BTreeMap::new(), 0);
    for counts in &all {
        actions += counts.actions;
        for (name, [done, refused]) in &counts.requests {
            let sum: &mut [usize; 2] = requests.entry(name.as_str()).or_default();
            *sum = [sum[0] + done, sum[1] + refused];
        }
        for (name, count) in &counts.faults {
            *faults.entry(name.as_str()).or_insert(0) += count;
        }
    }
    let ways = all.len();
    eprintln!("{ways} ways, {actions} actions {faults:?}\nrequests done and refused {requests:?}");
    ensure!(ways >= 100, "only {ways} ways were replayed");
    for name in SENT {
        ensure!(requests.contains_key(name), "{name} was never sent");
    }
    for name in REFUSED {
        let refused = requests.get(name).map(|[_, refused]| *refused);
        ensure!(refused > Some(0), "{name} was never refused");
    }
    for name in FAULTS {
        ensure!(faults.contains_key(name), "{name} never happened");
    }
    Ok(())
}

/// Some ways of every run; and for each request that can be refused a few on which it is.
fn ways() -> Result<Vec<(String, Trace)>> {
    let runs = || {
        let all = EXHAUSTED.into_iter().chain(LARGER);
        all.filter(|rules| is_replayed(&rules.budget)).enumerate()
    };
    let of_each = |seeds: std::ops::Range<u64>| {
        seeds.flat_map(move |seed| {
            runs().map(move |(run, rules)| (format!("way-{run}-{seed}"), Trace::random(rules, seed, LENGTH)))
        })
    };
    let mut ways: Vec<_> = of_each(0..SEEDS).collect();
    for name in REFUSED {
        let wanted = of_each(SEEDS..SEEDS + SEARCHED).filter(|(_, trace)| refuses(trace, name));
        let found: Vec<_> = wanted.take(OF_EACH_REFUSAL).collect();
        ensure!(!found.is_empty(), "no way was found on which {name} is refused");
        ways.extend(found);
    }
    ways.sort_by(|(one, _), (other, _)| one.cmp(other));
    ways.dedup_by(|(one, _), (other, _)| one == other);
    Ok(ways)
}

/// What a backup tool brings back, an API server that refuses, and a gateway that loses its way or does not do what it says are played in
/// the model alone.
fn is_replayed(budget: &Budget) -> bool {
    budget.restores
        + budget.orphans
        + budget.rollbacks
        + budget.denials
        + budget.lost_routes
        + budget.deafness
        + budget.moves
        + budget.accounts
        + budget.overtakes
        == 0
}

/// A state that is told otherwise in one thing, and what.
fn lies(truth: &State) -> Vec<(&'static str, State)> {
    let told = |change: fn(&mut State)| {
        let mut state = *truth;
        change(&mut state);
        state
    };
    vec![
        ("no object", told(|state| state.cluster.object = None)),
        ("another uid", told(|state| each(state, |object| object.uid = 1))),
        (
            "being deleted",
            told(|state| each(state, |object| object.deleting = true)),
        ),
        (
            "no finalizer",
            told(|state| each(state, |object| object.finalizer = false)),
        ),
        (
            "another id in the status",
            told(|state| each(state, |object| object.identity = Some(3))),
        ),
        (
            "not ready",
            told(|state| each(state, |object| object.ready = false)),
        ),
        (
            "another policy",
            told(|state| each(state, |object| object.policy = Policy::Retain)),
        ),
        ("no Record", told(|state| state.cluster.records = [None; 2])),
        (
            "a Record of another epoch",
            told(|state| ledger(state, |ledger| ledger.epoch += 1)),
        ),
        (
            "a Record that fences",
            told(|state| ledger(state, |ledger| ledger.fenced_through = 1)),
        ),
        (
            "a Record without a token",
            told(|state| ledger(state, |ledger| ledger.auth_token = None)),
        ),
        ("no Secret", told(|state| state.cluster.secret = None)),
        (
            "a Secret without an owner",
            told(|state| {
                let secret = state.cluster.secret.iter_mut();
                secret.for_each(|secret| secret.owner = None);
            }),
        ),
        (
            "a dead account",
            told(|state| {
                state.vobiz.delete(0);
            }),
        ),
        (
            "a disabled account",
            told(|state| each_account(state, |account| account.enabled = false)),
        ),
        (
            "an account of another attempt",
            told(|state| each_account(state, |account| account.epoch += 1)),
        ),
    ]
}

fn each(state: &mut State, change: fn(&mut Object)) {
    state.cluster.object.iter_mut().for_each(change);
}

fn ledger(state: &mut State, change: fn(&mut vobiz_model::world::Ledger)) {
    let records = state.cluster.records.iter_mut().flatten();
    records.for_each(|record| change(&mut record.ledger));
}

/// Every single thing that is compared is really compared, and a compare-and-swap that takes an old version is noticed.
fn each_account(state: &mut State, change: fn(&mut Account)) {
    state.vobiz.accounts.iter_mut().flatten().for_each(change);
}

async fn tampered(bed: Arc<TestBed>) -> Result<()> {
    let environment = environment(&bed, "model-lies").await?;
    let served = vobiz_model::rules::Rules {
        start: vobiz_model::rules::Start::Served,
        ..EXHAUSTED[0]
    };
    let truth = served.initial();
    let real = real::Real::build(&environment, "served", &truth)
        .await?
        .view()
        .await?;
    let difference = View::of(&truth).difference(&real);
    ensure!(difference.is_none(), "the truth is not believed: {difference:?}");
    for (what, lie) in lies(&truth) {
        ensure!(
            View::of(&lie).difference(&real).is_some(),
            "'{what}' is told, and nobody notices"
        );
    }
    replay::stale_swap_is_noticed(&environment, &served).await
}
