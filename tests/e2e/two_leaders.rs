//! Two operators that both work on the same objects, which leader election normally avoids: every promise still holds.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};
use futures::future::try_join_all;
use serde_json::{Value, json};
use vobiz_harness::objects::Kind;
use vobiz_harness::operator::OperatorProcess;
use vobiz_harness::simulator::Api;
use vobiz_harness::simulator_control::Fault;
use vobiz_harness::simulator_journal::{JournalQuery, Operation};
use vobiz_harness::suite::Suite;
use vobiz_harness::test_bed::{ACCOUNT, Environment, EnvironmentOptions, TestBed};

use crate::at_rest::{auth_id_of, await_counted, marker_of, record, secret_values, text, uid_of};
use crate::generation::in_each;

const ROUNDS: usize = 3;
const KEPT: usize = 6;
const DELETED: usize = 4;
const PATIENCE: Duration = Duration::from_mins(2);

pub fn add_to(suite: &mut Suite) {
    in_each(
        suite,
        "two active leaders, killed in turn, leave one account and its pair per object, and delete none of them",
        both_work,
    );
}

fn options(api: Api) -> EnvironmentOptions {
    EnvironmentOptions {
        api,
        account: json!({"resyncIntervalSeconds": 10, "rateLimit": {"requestsPerSecond": 500, "burst": 500}}),
        start_operator: false,
        operator_flags: vec![
            "--request-timeout-seconds=3".to_owned(),
            "--settle-seconds=3".to_owned(),
        ],
        deadline: PATIENCE,
        ..EnvironmentOptions::new("two-leaders")
    }
}

async fn both_work(bed: Arc<TestBed>, api: Api) -> Result<()> {
    let environment = bed.environment(options(api)).await?;
    let mut operators = [
        environment.start_replica("first", &[]).await?,
        environment.start_replica("second", &[]).await?,
    ];
    environment
        .objects
        .await_condition(Kind::Account, ACCOUNT, "Ready", "True")
        .await?;
    let (mut kept, mut deleted) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let fault = Fault::hold_after_commit()
            .operation(Operation::Create)
            .from(2)
            .times(1);
        environment.simulator.add_fault(&fault).await?;
        let mark = environment.simulator.journal_mark().await?;
        let stay = fresh(&environment, &format!("kept-{round}"), KEPT).await?;
        let go = fresh(&environment, &format!("gone-{round}"), DELETED).await?;
        // One of the two is in the middle of a create that was carried out; the other goes on.
        let held = JournalQuery::new()
            .since(mark)
            .operation(Operation::Create)
            .held(true);
        environment.simulator.await_journal(&held, 1, PATIENCE).await?;
        operators[round % 2].kill_hard().await?;
        let edit = json!({"spec": {"enabled": false, "name": format!("Edited {round}")}});
        try_join_all(
            stay.iter()
                .map(|name| environment.objects.merge(Kind::Subaccount, name, &edit)),
        )
        .await?;
        try_join_all(
            go.iter()
                .map(|name| environment.objects.delete(Kind::Subaccount, name)),
        )
        .await?;
        operators[round % 2].restart()?;
        kept.extend(stay.into_iter().map(|name| (name, round)));
        deleted.extend(go);
    }
    for name in &deleted {
        explained(
            &operators,
            environment.objects.await_gone(Kind::Subaccount, name).await,
        )?;
    }
    let mut uids = BTreeSet::new();
    for (name, _) in &kept {
        let ready = environment
            .objects
            .await_condition(Kind::Subaccount, name, "Ready", "True")
            .await;
        uids.insert(uid_of(&explained(&operators, ready)?)?);
    }
    await_leftovers(&environment, kept.len()).await?;
    await_only_records_of(&environment, &uids).await?;
    ensure_right(&environment, &kept).await?;
    explained(&operators, await_counted(&environment, kept.len()).await)?;
    ensure_rest(&environment).await?;
    for operator in &operators {
        operator.ensure_running()?;
    }
    Ok(())
}

async fn fresh(environment: &Environment, prefix: &str, count: usize) -> Result<Vec<String>> {
    let names: Vec<String> = (0..count).map(|number| format!("{prefix}-{number}")).collect();
    try_join_all(
        names
            .iter()
            .map(|name| environment.create_subaccount(name, json!({}))),
    )
    .await?;
    Ok(names)
}

fn explained<T>(operators: &[OperatorProcess; 2], result: Result<T>) -> Result<T> {
    result.map_err(|error| {
        let [first, second] = operators.each_ref().map(|operator| operator.log_tail(15));
        error.context(format!("the first said:\n{first}\nthe second said:\n{second}"))
    })
}

/// Waits until there are as many accounts as objects.
async fn await_leftovers(environment: &Environment, objects: usize) -> Result<()> {
    let waited = tokio::time::timeout(PATIENCE, async {
        while environment.simulator.accounts().await?.len() != objects {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        anyhow::Ok(())
    });
    if let Ok(found) = waited.await {
        return found;
    }
    let left = environment.simulator.accounts().await?;
    anyhow::bail!("{} accounts exist for {objects} objects: {left:#?}", left.len())
}

/// Waits until the Records of gone objects have served their time: nothing is stuck.
async fn await_only_records_of(environment: &Environment, uids: &BTreeSet<String>) -> Result<()> {
    let waited = tokio::time::timeout(PATIENCE, async {
        loop {
            let records = environment.operator_objects.list(Kind::Secret).await?;
            let found: BTreeSet<String> = records
                .iter()
                .filter_map(|record| record["metadata"]["name"].as_str()?.strip_prefix("subaccount-"))
                .map(str::to_owned)
                .collect();
            if found == *uids {
                return anyhow::Ok(());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
    waited
        .await
        .unwrap_or_else(|_| anyhow::bail!("Records of objects that are gone stay"))
}

/// Each object has one account of its own, which exists, and its pair; what was deleted was nobody's.
async fn ensure_right(environment: &Environment, kept: &[(String, usize)]) -> Result<()> {
    let (mut taken, mut series) = (BTreeSet::new(), std::collections::BTreeMap::new());
    for (name, round) in kept {
        let object = environment.objects.get(Kind::Subaccount, name).await?;
        let auth_id = auth_id_of(&object)?;
        ensure!(taken.insert(auth_id.clone()), "two objects name {auth_id}");
        let account = environment.simulator.account(&auth_id).await?;
        ensure!(
            account["name"] == format!("Edited {round}") && account["enabled"] == false,
            "{name} was not edited: {}",
            account["name"]
        );
        let pair = secret_values(&environment.objects, &format!("{name}-vobiz")).await?;
        ensure!(
            pair["auth_id"] == auth_id && account["auth_token"] == *pair["auth_token"],
            "the Secret of {name} holds another pair"
        );
        let record = record(environment, &uid_of(&object)?).await?;
        ensure!(
            record["phase"] == "Bound" && record["auth_id"] == auth_id,
            "the Record of {name} is {} with {}",
            record["phase"],
            record["auth_id"]
        );
        series.insert(record["series"].clone(), record["fencedThrough"].parse::<u32>()?);
    }
    for gone in environment.simulator.deleted_accounts().await? {
        let account: &Value = gone.get("account").unwrap_or(&gone);
        let auth_id = text(&account["auth_id"])?;
        // Generation 1 has no marker any more once an account has its name.
        if let Some((of, epoch)) = marker_of(account)
            && let Some(fenced) = series.get(&of)
        {
            ensure!(
                epoch <= *fenced,
                "{auth_id} of a living object's epoch {epoch} went, fenced are those through {fenced}"
            );
        }
    }
    Ok(())
}

/// Both have looked at the list again, and neither had anything to do.
async fn ensure_rest(environment: &Environment) -> Result<()> {
    let (mark, audited) = (
        environment.simulator.journal_mark().await?,
        environment.audit()?.mark().await?,
    );
    let lists = JournalQuery::new().since(mark).operation(Operation::List);
    environment.simulator.await_journal(&lists, 6, PATIENCE).await?;
    for operation in [Operation::Create, Operation::Update, Operation::Delete] {
        let query = JournalQuery::new().since(mark).operation(operation);
        let sent = environment.simulator.journal(&query).await?;
        ensure!(sent.is_empty(), "at rest Vobiz was sent {sent:#?}");
    }
    let writes = environment
        .audit()?
        .writes(&environment.operator_requests(audited))
        .await?;
    let writes: Vec<String> = writes.iter().map(|line| line.summary()).collect();
    ensure!(writes.is_empty(), "at rest was written {writes:#?}");
    Ok(())
}
