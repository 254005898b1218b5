//! Accounts whose objects went without their finalizer: told once, by who watches them, and as it is.

use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use vobiz_harness::objects::Kind;
use vobiz_harness::operator::OperatorProcess;
use vobiz_harness::suite::Suite;
use vobiz_harness::test_bed::{Environment, EnvironmentOptions, TestBed};

use crate::at_rest::{auth_id_of, await_event, events, record_name, uid_of};

const TOLD: &str = "vobiz.ai/orphan-told";

pub fn add_to(suite: &mut Suite) {
    suite.test(
        "an orphan is told once, however often the operator starts and whatever other one sees its Record, and as it is at Vobiz",
        told_once,
    );
}

/// Waits until this process's janitor has ended a pass over so many Records.
async fn await_janitor(operator: &OperatorProcess, passes: u32) -> Result<()> {
    let sum = |text: &str| -> f64 {
        let counted = text
            .lines()
            .filter(|line| line.starts_with("controller_runtime_reconcile_total{controller=\"record\""));
        counted
            .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
            .sum()
    };
    let come = operator.await_metrics(|text| sum(text) >= f64::from(passes));
    come.await.map(drop).context("the janitor did not come")
}

async fn note_of(environment: &Environment, name: &str) -> Result<String> {
    let told = await_event(environment, name, "SubaccountOrphaned").await?;
    Ok(told["note"].as_str().unwrap_or_default().to_owned())
}

async fn told_once(bed: Arc<TestBed>) -> Result<()> {
    let mut environment = bed.environment(EnvironmentOptions::new("orphans")).await?;
    let names = ["kept", "gone"];
    for name in names {
        environment.create_ready(name, json!({})).await?;
    }
    environment.operator()?.kill_hard().await?;
    let mut records = Vec::new();
    for name in names {
        let strip = json!({"metadata": {"finalizers": null}});
        let object = environment.objects.merge(Kind::Subaccount, name, &strip).await?;
        environment.objects.delete(Kind::Subaccount, name).await?;
        environment.objects.await_gone(Kind::Subaccount, name).await?;
        if name == "gone" {
            let id = auth_id_of(&object)?;
            environment.simulator.remove_account(&id).await?;
        }
        records.push((uid_of(&object)?, record_name(&uid_of(&object)?)));
    }

    // It sees the Records, and not the namespace that their objects were in.
    let elsewhere = environment
        .start_replica("elsewhere", &["--watch-namespaces=default"])
        .await?;
    await_janitor(&elsewhere, 2).await?;
    for name in names {
        let told = events(&environment, name, "SubaccountOrphaned").await?;
        ensure!(told.is_empty(), "another namespace's operator told of {name}");
    }
    elsewhere.kill_hard().await?;

    environment.restart_operator()?;
    let kept = note_of(&environment, "kept").await?;
    ensure!(kept.contains("is kept at Vobiz"), "of one that is kept: {kept}");
    let gone = note_of(&environment, "gone").await?;
    ensure!(
        gone.contains("is gone at Vobiz") && !gone.contains("is kept"),
        "of one that is gone: {gone}"
    );
    for (uid, record) in &records {
        let marked = |secret: &serde_json::Value| secret["metadata"]["annotations"][TOLD] == uid.as_str();
        environment
            .operator_objects
            .await_object(Kind::Secret, record, "marked as told", marked)
            .await?;
    }
    for _ in 0..2 {
        environment.operator()?.kill_hard().await?;
        environment.restart_operator()?;
        await_janitor(environment.operator()?, 2).await?;
    }
    for name in names {
        let told = events(&environment, name, "SubaccountOrphaned").await?;
        ensure!(told.len() == 1, "{name} was told {} times", told.len());
    }
    Ok(())
}
