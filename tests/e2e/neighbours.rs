//! What one Account does to others: nothing before its pair is proved, little afterwards, and never without a word.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use futures::future::try_join_all;
use serde_json::{Value, json};
use vobiz_harness::objects::{Kind, condition_of};
use vobiz_harness::simulator::Parent;
use vobiz_harness::simulator_control::Fault;
use vobiz_harness::simulator_journal::{JournalQuery, Operation};
use vobiz_harness::suite::Suite;
use vobiz_harness::test_bed::{ACCOUNT, CREDENTIALS, Environment, EnvironmentOptions, TestBed};

const DEADLINE: Duration = Duration::from_mins(2);

/// Requests that the default burst lets go at once, and a burst of one in as many seconds.
const BURST: usize = 20;

/// Accounts that a stranger makes.
const MANY: usize = 40;

/// Longer than any trial.
const LONG_PAUSE: &str = "600";

pub fn add_to(suite: &mut Suite) {
    suite.test(
        "an Account that names somebody's parent account with a wrong token neither slows nor pauses it",
        stranger,
    );
    suite.test(
        "a parent account that one of its Accounts slows says so on every Account of it, and no longer than that",
        slowed,
    );
    suite.test(
        "Accounts whose pairs Vobiz does not answer for hold up no Account of another parent, with a single worker",
        unanswered,
    );
    suite.test(
        "a list that is read page by page holds up no Account of another parent, with a single worker, and no shutdown",
        long_list,
    );
    suite.test(
        "a pause that Vobiz asks for at a first request is kept, whichever other Account goes meanwhile",
        first_pause,
    );
}

/// Another Account of the environment's namespace, with a Secret of its own.
async fn account(environment: &Environment, name: &str, pair: &Parent, spec: Value) -> Result<()> {
    let objects = &environment.objects;
    let data = json!({"stringData": {"auth_id": pair.auth_id, "auth_token": pair.auth_token}});
    objects.create(Kind::Secret, name, data).await?;
    account_of(environment, name, name, spec).await
}

/// Another Account that names this Secret.
async fn account_of(environment: &Environment, name: &str, secret: &str, mut spec: Value) -> Result<()> {
    spec["credentialsSecretRef"] = json!({"name": secret});
    let objects = &environment.objects;
    objects
        .create(Kind::Account, name, json!({"spec": spec}))
        .await
        .map(drop)
}

/// A further parent account at the simulator.
async fn another_parent(environment: &Environment) -> Result<Parent> {
    let unique = uuid::Uuid::new_v4().simple().to_string();
    let parent = Parent::new(
        &format!("MA_{}", unique[..12].to_uppercase()),
        &format!("token-{unique}"),
    );
    let simulator = &environment.simulator;
    simulator.put_parent(&parent.auth_id, &parent.auth_token).await?;
    Ok(parent)
}

/// The environment's own Account, made only now, and a Subaccount of it.
async fn await_neighbour(environment: &Environment) -> Result<()> {
    environment.create_account(json!({})).await?;
    environment
        .await_condition(Kind::Account, ACCOUNT, "Ready", "True")
        .await?;
    environment.create_ready("acme", json!({})).await.map(drop)
}

fn slowest() -> Value {
    json!({"rateLimit": {"requestsPerSecond": 1, "burst": 1}})
}

async fn stranger(bed: Arc<TestBed>) -> Result<()> {
    let environment = bed
        .environment(EnvironmentOptions {
            deadline: DEADLINE,
            ..EnvironmentOptions::new("neighbours-stranger")
        })
        .await?;
    environment.create_ready("settled", json!({})).await?;
    let stolen = Parent::new(&environment.parent.auth_id, "token-of-nobody-at-all");
    account(&environment, "stranger", &stolen, slowest()).await?;
    environment
        .await_reason(Kind::Account, "stranger", "Ready", "Unauthorized")
        .await?;
    let shown = environment
        .await_condition(Kind::Account, ACCOUNT, "Ready", "True")
        .await?;
    let ready = condition_of(&shown, "Ready").context("no condition")?;
    let message = ready["message"].as_str().unwrap_or_default();
    ensure!(!message.contains("stranger"), "it says {message:?}");

    let mark = environment.simulator.journal_mark().await?;
    let create = async |number| {
        let name = format!("burst-{number}");
        environment.create_subaccount(&name, json!({})).await
    };
    try_join_all((0..BURST).map(create)).await?;
    let creates = JournalQuery::new().since(mark).operation(Operation::Create);
    let simulator = &environment.simulator;
    let sent = environment.explain(simulator.await_journal(&creates, BURST, DEADLINE).await)?;
    let moments = sent.iter().map(|entry| entry.monotonic_ms);
    let took = moments.clone().max().unwrap_or_default() - moments.min().unwrap_or_default();
    ensure!(
        took < 1000 * BURST as u64 / 2,
        "{BURST} creates took {took} ms: they went at the stranger's pace"
    );

    let asked = simulator.journal_mark().await?;
    let action = json!({"type": "status", "status": 429, "retry_after": LONG_PAUSE});
    let fault = Fault::new(action).operation(Operation::Me).times(1);
    simulator.add_fault(&fault).await?;
    let told = JournalQuery::new().since(asked).status(429).answered(true);
    environment.explain(simulator.await_journal(&told, 1, DEADLINE).await)?;
    environment
        .await_reason(Kind::Account, "stranger", "Ready", "RateLimited")
        .await?;
    let edit = json!({"spec": {"enabled": false}});
    environment
        .objects
        .merge(Kind::Subaccount, "settled", &edit)
        .await?;
    environment
        .await_reason(Kind::Subaccount, "settled", "Ready", "Disabled")
        .await?;
    environment
        .await_condition(Kind::Account, ACCOUNT, "Ready", "True")
        .await
        .map(drop)
}

async fn slowed(bed: Arc<TestBed>) -> Result<()> {
    let environment = bed
        .environment(EnvironmentOptions {
            account: json!({"rateLimit": {"requestsPerSecond": 20, "burst": 5}, "resyncIntervalSeconds": 60}),
            ..EnvironmentOptions::new("neighbours-slowed")
        })
        .await?;
    let spec = json!({"rateLimit": {"requestsPerSecond": 1, "burst": 5}, "resyncIntervalSeconds": 600});
    account_of(&environment, "slow", CREDENTIALS, spec).await?;
    let namespace = environment.objects.namespace();
    let texts = [
        format!("rateLimit.requestsPerSecond 1 of Account {namespace}/slow"),
        format!("resyncIntervalSeconds 60 of Account {namespace}/{ACCOUNT}"),
    ];
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    for name in ["slow", ACCOUNT] {
        environment
            .await_message(Kind::Account, name, "Ready", &texts)
            .await?;
    }
    let shown = environment
        .await_condition(Kind::Account, ACCOUNT, "Ready", "True")
        .await?;
    let ready = condition_of(&shown, "Ready").context("no condition")?;
    let message = ready["message"].as_str().unwrap_or_default();
    ensure!(
        !message.contains("burst"),
        "both ask for the same burst: {message:?}"
    );
    let raise = json!({"spec": {"rateLimit": {"requestsPerSecond": 20}, "resyncIntervalSeconds": 60}});
    environment.objects.merge(Kind::Account, "slow", &raise).await?;
    for name in ["slow", ACCOUNT] {
        let says_no_more = |account: &Value| {
            condition_of(account, "Ready").is_some_and(|ready| {
                ready["message"] == "the credentials work and the subaccounts can be listed"
            })
        };
        environment
            .await_object(Kind::Account, name, "slowed by nobody", says_no_more)
            .await?;
    }
    Ok(())
}

async fn unanswered(bed: Arc<TestBed>) -> Result<()> {
    let environment = bed
        .environment(EnvironmentOptions {
            account_ready: false,
            operator_flags: vec![
                "--max-concurrent-reconciles=1".to_owned(),
                "--request-timeout-seconds=60".to_owned(),
                "--settle-seconds=120".to_owned(),
            ],
            ..EnvironmentOptions::new("neighbours-unanswered")
        })
        .await?;
    let parent = another_parent(&environment).await?;
    let wrong = Parent::new(&parent.auth_id, "token-of-nobody-at-all");
    let simulator = &environment.simulator;
    let hold = Fault::new(json!({"type": "hold_before"}))
        .operation(Operation::Me)
        .parent(&parent.auth_id);
    let hold = simulator.add_fault(&hold).await?;
    account(&environment, "many-0", &wrong, slowest()).await?;
    let more = (1..MANY).map(|number| format!("many-{number}"));
    for name in more {
        account_of(&environment, &name, "many-0", slowest()).await?;
    }
    let asked = JournalQuery::new()
        .operation(Operation::Me)
        .parent(&parent.auth_id);
    environment.explain(simulator.await_journal(&asked, 1, DEADLINE).await)?;
    await_neighbour(&environment).await?;
    let asked = simulator.journal_count(&asked).await?;
    ensure!(
        asked == 1,
        "{asked} requests were sent for one pair that nobody has proved"
    );
    // One that waits for long says so.
    environment
        .await_reason(Kind::Account, "many-1", "Ready", "Progressing")
        .await?;
    simulator.remove_fault(hold).await?;
    simulator.release_holds().await?;
    for name in (0..MANY).map(|number| format!("many-{number}")) {
        environment
            .await_reason(Kind::Account, &name, "Ready", "Unauthorized")
            .await?;
    }
    Ok(())
}

async fn long_list(bed: Arc<TestBed>) -> Result<()> {
    const PAGES: usize = 60;
    let environment = bed
        .environment(EnvironmentOptions {
            account_ready: false,
            operator_flags: vec!["--max-concurrent-reconciles=1".to_owned()],
            ..EnvironmentOptions::new("neighbours-list")
        })
        .await?;
    let parent = another_parent(&environment).await?;
    let simulator = &environment.simulator;
    let fields = json!({"parent": parent.auth_id, "name": "of somebody else", "count": PAGES * 100});
    simulator.create_account(&fields).await?;
    account(&environment, "shared-0", &parent, slowest()).await?;
    for number in 1..4 {
        account_of(&environment, &format!("shared-{number}"), "shared-0", slowest()).await?;
    }
    let lists = JournalQuery::new()
        .operation(Operation::List)
        .parent(&parent.auth_id);
    environment.explain(simulator.await_journal(&lists, 2, DEADLINE).await)?;
    await_neighbour(&environment).await?;
    for number in 0..4 {
        environment
            .await_reason(Kind::Account, &format!("shared-{number}"), "Ready", "Progressing")
            .await?;
    }
    let read = simulator.journal_count(&lists).await?;
    ensure!(
        read < PAGES,
        "{read} pages were read before the neighbour was served"
    );
    let status = environment.operator()?.terminate(DEADLINE).await?;
    ensure!(status == 0, "the operator ended with {status}");
    let read = simulator.journal_count(&lists).await?;
    ensure!(read < PAGES, "the operator read {read} pages before it ended");
    Ok(())
}

async fn first_pause(bed: Arc<TestBed>) -> Result<()> {
    let environment = bed
        .environment(EnvironmentOptions {
            account_ready: false,
            ..EnvironmentOptions::new("neighbours-pause")
        })
        .await?;
    let parent = another_parent(&environment).await?;
    let simulator = &environment.simulator;
    let action = json!({"type": "status", "status": 429, "retry_after": LONG_PAUSE});
    let fault = Fault::new(action)
        .operation(Operation::Me)
        .parent(&parent.auth_id);
    simulator.add_fault(&fault).await?;
    account(&environment, "paused", &parent, json!({})).await?;
    environment
        .await_reason(Kind::Account, "paused", "Ready", "RateLimited")
        .await?;
    environment.create_account(json!({})).await?;
    environment
        .await_condition(Kind::Account, ACCOUNT, "Ready", "True")
        .await?;
    environment.objects.delete(Kind::Account, ACCOUNT).await?;
    environment.await_gone(Kind::Account, ACCOUNT).await?;
    let edit = json!({"spec": {"namePrefix": "edited-"}});
    environment.objects.merge(Kind::Account, "paused", &edit).await?;
    environment
        .await_object(Kind::Account, "paused", "seen again", |account| {
            account["status"]["observedGeneration"] == account["metadata"]["generation"]
        })
        .await?;
    let asked = JournalQuery::new()
        .operation(Operation::Me)
        .parent(&parent.auth_id);
    let asked = simulator.journal_count(&asked).await?;
    ensure!(asked == 1, "it was asked {asked} times into the pause");
    Ok(())
}
