//! A list that never stands still proves nothing, and is not read again and again for that.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use vobiz_harness::objects::Kind;
use vobiz_harness::simulator::Api;
use vobiz_harness::simulator_journal::{JournalQuery, Operation};
use vobiz_harness::suite::Suite;
use vobiz_harness::test_bed::{Environment, TestBed};

use crate::at_rest::{await_leftovers_deleted, lose_one_create, text};
use crate::edit::{create, resyncing};

const NAME: &str = "acme";
const DEADLINE: Duration = Duration::from_mins(1);
/// Pairs of lists that are compared in one attempt need one list more; a sweep may come besides.
const LISTS_OF_AN_ATTEMPT: usize = 7;
/// Less than an attempt rests where the list is read every ten seconds.
const REST_MILLISECONDS: u64 = 8000;

pub fn add_to(suite: &mut Suite) {
    suite.test(
        "while accounts keep coming and going a deletion that needs proof waits, lists are few, and it ends when they stop",
        restless,
    );
}

/// Accounts of somebody else come and go, one always there, until told to stop.
async fn come_and_go(environment: &Environment, stop: &AtomicBool) -> Result<()> {
    let add = async |number: usize| {
        let fields = json!({"parent": environment.parent.auth_id, "name": format!("passer-by {number}")});
        let added = environment.simulator.create_account(&fields).await?;
        Ok::<_, anyhow::Error>(text(&added["auth_id"])?.to_owned())
    };
    let (mut number, mut present) = (0, add(0).await?);
    while !stop.load(Ordering::Relaxed) {
        number += 1;
        let next = add(number).await?;
        environment.simulator.remove_account(&present).await?;
        present = next;
    }
    Ok(())
}

/// Waits for two attempts at a proof, and that there was a rest between them.
async fn ensure_few_lists(environment: &Environment, mark: u64) -> Result<()> {
    let lists = JournalQuery::new().since(mark).operation(Operation::List);
    let waited = environment
        .simulator
        .await_journal(&lists, 2 * LISTS_OF_AN_ATTEMPT, DEADLINE)
        .await;
    let lists = environment.explain(waited)?;
    let read: Vec<u64> = lists.iter().map(|list| list.monotonic_ms).collect();
    for (index, begun) in read.iter().enumerate() {
        let within = |arrival: &&u64| **arrival < begun + REST_MILLISECONDS;
        let count = read[index..].iter().take_while(within).count();
        ensure!(
            count <= LISTS_OF_AN_ATTEMPT,
            "{count} lists were read in {REST_MILLISECONDS} ms: {read:?}"
        );
    }
    let object = environment.objects.get(Kind::Subaccount, NAME).await;
    object.context("it went without proof").map(drop)
}

async fn restless(bed: Arc<TestBed>) -> Result<()> {
    let environment = bed.environment(resyncing("restless", Api::Gen2)).await?;
    lose_one_create(&environment).await?;
    create(&environment, NAME, json!({})).await?;
    await_leftovers_deleted(&environment, 1).await?;
    // Far longer than an account takes to come and go.
    let slow = json!({"latency_ms": 100});
    environment.simulator.change_settings(&slow).await?;
    let mark = environment.simulator.journal_mark().await?;
    environment.objects.delete(Kind::Subaccount, NAME).await?;
    let stop = AtomicBool::new(false);
    let watched = async {
        let watched = ensure_few_lists(&environment, mark).await;
        stop.store(true, Ordering::Relaxed);
        watched
    };
    let (passed_by, watched) = tokio::join!(come_and_go(&environment, &stop), watched);
    passed_by?;
    watched?;
    environment.await_gone(Kind::Subaccount, NAME).await
}
