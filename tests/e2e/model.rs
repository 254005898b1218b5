//! The model of Kubernetes and Vobiz, on which every order of faults is explored, behaves as the real ones do: ways through
//! it are replayed, request by request, against the API server and the simulator.

mod order;
mod real;
mod replay;
mod view;

use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use vobiz_harness::suite::Suite;
use vobiz_harness::test_bed::{Environment, EnvironmentOptions, TestBed};
use vobiz_model::budgets::{EXHAUSTED, LARGER};
use vobiz_model::state::State;
use vobiz_model::trace::Trace;
use vobiz_model::world::{Object, Policy};

use replay::{Counts, replay};
use view::View;

/// Ways of each run of the model, and actions of each.
const SEEDS: u64 = 8;
const LENGTH: usize = 50;
const AT_A_TIME: usize = 8;

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
    let runs = EXHAUSTED.into_iter().chain(LARGER).enumerate();
    let ways = runs.flat_map(|(run, rules)| (0..SEEDS).map(move |seed| (run, rules, seed)));
    let environment = &environment;
    let replays = stream::iter(ways).map(|(run, rules, seed)| async move {
        let trace = Trace::random(rules, seed, LENGTH);
        let name = format!("way-{run}-{seed}");
        replay(environment, &name, &trace)
            .await
            .with_context(|| format!("run '{}', seed {seed}", rules.name))
    });
    let all: Vec<Counts> = replays.buffer_unordered(AT_A_TIME).try_collect().await?;
    let sum = |count: fn(&Counts) -> usize| all.iter().map(count).sum::<usize>();
    eprintln!(
        "{} ways, {} actions, {} requests, {} of them refused",
        all.len(),
        sum(|counts| counts.actions),
        sum(|counts| counts.requests),
        sum(|counts| counts.refused)
    );
    ensure!(all.len() >= 100, "only {} ways were replayed", all.len());
    ensure!(
        sum(|counts| counts.refused) >= 20,
        "hardly any request was refused: the ways do not meet each other's writes"
    );
    Ok(())
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
            "a dead account",
            told(|state| {
                state.vobiz.delete(0);
            }),
        ),
        (
            "a disabled account",
            told(|state| {
                state
                    .vobiz
                    .accounts
                    .iter_mut()
                    .flatten()
                    .for_each(|account| account.enabled = false);
            }),
        ),
        (
            "an account of another attempt",
            told(|state| {
                state
                    .vobiz
                    .accounts
                    .iter_mut()
                    .flatten()
                    .for_each(|account| account.epoch += 1);
            }),
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
