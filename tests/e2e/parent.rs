//! Troubles of the parent account and of the way there: told once on the Account, waited out by all, over by themselves.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use vobiz_harness::objects::Kind;
use vobiz_harness::simulator::Api;
use vobiz_harness::simulator_control::Fault;
use vobiz_harness::simulator_journal::{JournalQuery, Operation};
use vobiz_harness::suite::Suite;
use vobiz_harness::test_bed::{ACCOUNT, CREDENTIALS, EnvironmentOptions, TestBed};

use crate::at_rest::await_counted;
use crate::generation::{environment, in_each};

const DEADLINE: Duration = Duration::from_mins(1);

pub fn add_to(suite: &mut Suite) {
    in_each(
        suite,
        "a 429 with a pause in seconds silences every object of the parent until it is over",
        |bed, api| rate_limited(bed, api, false),
    );
    in_each(
        suite,
        "a 429 with a date silences every object of the parent until then",
        |bed, api| rate_limited(bed, api, true),
    );
    in_each(
        suite,
        "an outage of Vobiz under twenty objects at rest is written on the Account alone, and ends there",
        outage,
    );
    in_each(
        suite,
        "a balance that is too low is the Account's trouble, and the create follows once it is paid",
        balance,
    );
    for (name, api, recorded) in [
        ("1", Api::Gen1, "Gen1"),
        ("2", Api::Gen2, "Gen2"),
        ("1 and 2", Api::Both, "Gen2"),
    ] {
        suite.test(
            &format!("a server of generation {name} is recognised and recorded in the Account"),
            move |bed| recognised(bed, api, recorded),
        );
    }
    suite.test(
        "an Account that asks for a generation gets it, or says that the server has it not",
        asked_generation,
    );
}

/// The pause of a 429: in this many seconds of the future, if it is given as a date.
const PAUSE: i64 = 5;

#[expect(clippy::disallowed_methods, reason = "a test may read the clock")]
async fn rate_limited(bed: Arc<TestBed>, api: Api, as_date: bool) -> Result<()> {
    let environment = bed.environment(environment("parent-limited", api)).await?;
    let names = ["first", "second", "third"];
    for name in names {
        environment.create_ready(name, json!({})).await?;
    }
    let sequence = environment.simulator.journal_mark().await?;
    let now = Timestamp::now();
    let date = now.checked_add(SignedDuration::from_secs(PAUSE + 2))?;
    let retry_after = if as_date {
        date.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
    } else {
        PAUSE.to_string()
    };
    let action = json!({"type": "status", "status": 429, "retry_after": retry_after});
    environment
        .simulator
        .add_fault(&Fault::new(action).times(1))
        .await?;
    for name in names {
        let edit = json!({"spec": {"enabled": false}});
        environment.objects.merge(Kind::Subaccount, name, &edit).await?;
        let refused = JournalQuery::new().since(sequence).status(429).answered(true);
        environment.explain(environment.simulator.await_journal(&refused, 1, DEADLINE).await)?;
    }
    environment
        .await_reason(Kind::Account, ACCOUNT, "Ready", "RateLimited")
        .await?;
    // A create has to wait as well.
    environment.create_ready("fourth", json!({})).await?;
    for name in names {
        environment
            .await_reason(Kind::Subaccount, name, "Ready", "Disabled")
            .await?;
    }
    environment
        .await_condition(Kind::Account, ACCOUNT, "Ready", "True")
        .await?;
    let told = environment.events("Account", ACCOUNT, "RateLimited").await?;
    ensure!(told.len() == 1, "{} events tell of the pause", told.len());

    let journal = environment
        .simulator
        .journal(&JournalQuery::new().since(sequence))
        .await?;
    let refused = journal
        .iter()
        .position(|entry| entry.status == Some(429))
        .context("no 429")?;
    // What was on its way when the 429 left does not count as disobedience.
    let ended = journal[refused].ended_ms.context("the 429 did not end")?;
    let next = journal
        .iter()
        .find(|entry| entry.monotonic_ms > ended)
        .context("no request followed")?;
    if as_date {
        let until = Timestamp::from_second(date.as_second())?;
        ensure!(
            next.time >= until,
            "asked to wait until {until}, it asked again at {}",
            next.time
        );
    } else {
        let pause = next.monotonic_ms - ended;
        ensure!(pause >= 5000, "asked to wait {PAUSE} s, it waited {pause} ms");
    }
    Ok(())
}

async fn outage(bed: Arc<TestBed>, api: Api) -> Result<()> {
    let mut options = environment("parent-outage", api);
    options.account =
        json!({"resyncIntervalSeconds": 10, "rateLimit": {"requestsPerSecond": 100, "burst": 100}});
    options
        .operator_flags
        .push("--secret-check-interval-seconds=900".to_owned());
    let environment = bed.environment(options).await?;
    let names: Vec<String> = (0..20).map(|number| format!("tenant-{number}")).collect();
    for name in &names {
        environment.create_subaccount(name, json!({})).await?;
    }
    for name in &names {
        environment.await_ready(name).await?;
    }
    await_counted(&environment, names.len()).await?;

    let mark = environment.audit()?.mark().await?;
    let sequence = environment.simulator.journal_mark().await?;
    environment.simulator.add_fault(&Fault::status(503)).await?;
    environment
        .await_reason(Kind::Account, ACCOUNT, "Ready", "VobizUnavailable")
        .await?;
    let failed = JournalQuery::new().since(sequence).status(503);
    environment.explain(environment.simulator.await_journal(&failed, 5, DEADLINE).await)?;
    environment.simulator.clear_faults().await?;
    environment
        .await_condition(Kind::Account, ACCOUNT, "Ready", "True")
        .await?;
    let lists = JournalQuery::new()
        .since(sequence)
        .operation(Operation::List)
        .status(200);
    environment.explain(environment.simulator.await_journal(&lists, 3, DEADLINE).await)?;

    let writes = environment
        .audit()?
        .writes(&environment.operator_requests(mark))
        .await?;
    let writes: Vec<String> = writes.iter().map(|line| line.summary()).collect();
    let (status, others): (Vec<_>, Vec<_>) = writes.iter().partition(|line| line.contains("accounts/status"));
    ensure!(
        status.len() == 2
            && status
                .iter()
                .all(|line| line.starts_with("patch accounts/status")),
        "the outage was written {status:#?}"
    );
    ensure!(
        others.len() == 1 && others[0].contains(" events"),
        "besides the Account's status it wrote {others:#?}"
    );
    let changes = environment
        .simulator
        .journal(&JournalQuery::new().since(sequence))
        .await?;
    let changes: Vec<Operation> = changes
        .iter()
        .map(|entry| entry.operation)
        .filter(|operation| !matches!(operation, Operation::List | Operation::Me))
        .collect();
    ensure!(changes.is_empty(), "the objects at rest asked for {changes:?}");
    Ok(())
}

async fn balance(bed: Arc<TestBed>, api: Api) -> Result<()> {
    let mut options = environment("parent-balance", api);
    options.account = json!({"resyncIntervalSeconds": 10});
    let environment = bed.environment(options).await?;
    let paid = environment.create_ready("paid", json!({})).await?;
    environment
        .simulator
        .add_fault(&Fault::status(402).operation(Operation::Create))
        .await?;
    environment.create_subaccount("acme", json!({})).await?;
    environment
        .await_reason(Kind::Account, ACCOUNT, "Ready", "InsufficientBalance")
        .await?;
    environment
        .await_reason(Kind::Subaccount, "acme", "Reconciling", "DependencyNotReady")
        .await?;
    // What costs nothing goes on.
    let edit = json!({"spec": {"enabled": false}});
    environment.objects.merge(Kind::Subaccount, "paid", &edit).await?;
    environment
        .await_reason(Kind::Subaccount, "paid", "Ready", "Disabled")
        .await?;
    ensure!(
        environment.simulator.account(&paid.auth_id).await?["enabled"] == false,
        "the edit did not arrive"
    );
    environment.simulator.clear_faults().await?;
    environment.await_ready("acme").await?;
    environment
        .await_condition(Kind::Account, ACCOUNT, "Ready", "True")
        .await?;
    ensure!(
        environment.simulator.accounts().await?.len() == 2,
        "there are not two accounts"
    );
    Ok(())
}

async fn recognised(bed: Arc<TestBed>, api: Api, recorded: &str) -> Result<()> {
    let environment = bed.environment(environment("parent-recognised", api)).await?;
    environment.create_ready("acme", json!({})).await?;
    let account = environment.objects.get(Kind::Account, ACCOUNT).await?;
    ensure!(
        account["status"]["apiGeneration"] == recorded,
        "recorded is {}",
        account["status"]["apiGeneration"]
    );
    ensure_created_by(&environment.simulator.journal(&created()).await?, recorded)?;
    // Once it is recorded, a restart asks no other path.
    let mut environment = environment;
    let sequence = environment.simulator.journal_mark().await?;
    environment.restart_operator()?;
    let lists = JournalQuery::new().since(sequence).operation(Operation::List);
    environment.explain(environment.simulator.await_journal(&lists, 1, DEADLINE).await)?;
    let other = if recorded == "Gen1" { "gen2" } else { "gen1" };
    let asked = environment
        .simulator
        .journal(&JournalQuery::new().since(sequence))
        .await?;
    ensure!(
        asked
            .iter()
            .all(|entry| entry.generation.as_deref() != Some(other)),
        "the other generation was asked after a restart"
    );
    Ok(())
}

async fn asked_generation(bed: Arc<TestBed>) -> Result<()> {
    let both = bed
        .environment(EnvironmentOptions {
            account: json!({"apiGeneration": "Gen1"}),
            ..environment("parent-asked", Api::Both)
        })
        .await?;
    both.create_ready("acme", json!({})).await?;
    ensure_created_by(&both.simulator.journal(&created()).await?, "Gen1")?;

    let mut options = environment("parent-refused", Api::Gen1);
    options.account_ready = false;
    let first = bed.environment(options).await?;
    first.create_account(json!({"apiGeneration": "Gen2"})).await?;
    first
        .await_message(
            Kind::Account,
            ACCOUNT,
            "Ready",
            &["credentials work", "spec.apiGeneration"],
        )
        .await?;
    let edit = json!({"spec": {"apiGeneration": "Auto"}});
    first.objects.merge(Kind::Account, ACCOUNT, &edit).await?;
    first.create_ready("acme", json!({})).await?;
    first.objects.get(Kind::Secret, CREDENTIALS).await?;
    ensure_created_by(&first.simulator.journal(&created()).await?, "Gen1")
}

fn created() -> JournalQuery {
    JournalQuery::new().operation(Operation::Create).committed(true)
}

fn ensure_created_by(
    creates: &[vobiz_harness::simulator_journal::JournalEntry],
    recorded: &str,
) -> Result<()> {
    let generations: Vec<Value> = creates.iter().map(|entry| json!(entry.generation)).collect();
    ensure!(
        generations == [json!(recorded.to_lowercase())],
        "it was created by {generations:?}"
    );
    Ok(())
}
