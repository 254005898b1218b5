//! Creates under kills and lost answers: one account and one right pair per object in the end, whatever happened.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};
use futures::future::try_join_all;
use serde_json::{Value, json};
use vobiz_harness::objects::Kind;
use vobiz_harness::relay::Relay;
use vobiz_harness::simulator::Api;
use vobiz_harness::simulator_control::Fault;
use vobiz_harness::simulator_journal::{JournalQuery, Operation};
use vobiz_harness::suite::Suite;
use vobiz_harness::test_bed::{ACCOUNT, Environment, EnvironmentOptions, TestBed};

use crate::at_rest::{await_event, await_leftovers_deleted, ensure_consistent, events, record, uid_of};
use crate::generation::in_each;

const ROUNDS: u64 = 5;
const CREATES_PER_ROUND: u64 = 50;
const DEADLINE: Duration = Duration::from_secs(30);
/// Longer than the time between the arrival of a held request and the kill, on a busy machine too.
const REQUEST_TIMEOUT_SECONDS: u64 = 4;

pub fn add_to(suite: &mut Suite) {
    in_each(
        suite,
        "250 creates with five kills between commit and answer leave 250 accounts",
        five_rounds_of_fifty,
    );
    in_each(
        suite,
        "a create whose answer is lost or spoilt ends with one account and its pair",
        spoilt_answers,
    );
    in_each(
        suite,
        "a refused create is stalled, names the fields and can be corrected",
        refused,
    );
    in_each(
        suite,
        "a create that found nobody listening spends no epoch",
        nobody_listens,
    );
    in_each(
        suite,
        "three unusable answers in a row stop the creates until the spec changes",
        unusable_answers,
    );
}

fn options(name: &str, api: Api, request_timeout: u64, settle: u64) -> EnvironmentOptions {
    EnvironmentOptions {
        api,
        account: json!({"rateLimit": {"requestsPerSecond": 500, "burst": 500}, "resyncIntervalSeconds": 10}),
        operator_flags: vec![
            format!("--request-timeout-seconds={request_timeout}"),
            format!("--settle-seconds={settle}"),
        ],
        ..EnvironmentOptions::new(name)
    }
}

fn creates() -> JournalQuery {
    JournalQuery::new().operation(Operation::Create)
}

async fn five_rounds_of_fifty(bed: Arc<TestBed>, api: Api) -> Result<()> {
    let options = options(
        "crash-rounds",
        api,
        REQUEST_TIMEOUT_SECONDS,
        REQUEST_TIMEOUT_SECONDS,
    );
    let mut environment = bed.environment(options).await?;
    let mut names = Vec::new();
    for round in 0..ROUNDS {
        let chosen = 1 + round * (CREATES_PER_ROUND - 1) / (ROUNDS - 1);
        let hold = Fault::hold_after_commit().operation(Operation::Create);
        environment
            .simulator
            .add_fault(&hold.from(chosen).times(1))
            .await?;
        let mark = environment.simulator.journal_mark().await?;
        let fresh: Vec<String> = (0..CREATES_PER_ROUND)
            .map(|number| format!("round-{round}-{number:02}"))
            .collect();
        try_join_all(
            fresh
                .iter()
                .map(|name| environment.create_subaccount(name, json!({}))),
        )
        .await?;

        kill_while_held(&environment, mark).await?;
        environment.restart_operator()?;
        for name in &fresh {
            environment.await_ready(name).await?;
        }
        names.extend(fresh);
    }
    let leftovers = await_leftovers_deleted(&environment, names.len()).await?;
    ensure!(leftovers >= 5, "only {leftovers} creates were cut off");
    ensure_consistent(&environment, &names).await
}

/// Kills the operator while the simulator holds the answer of a POST that it has carried out.
pub async fn kill_while_held(environment: &Environment, mark: u64) -> Result<()> {
    let held = creates().since(mark).committed(true).held(true);
    let held = environment.simulator.await_journal(&held, 1, DEADLINE).await;
    let held = environment.explain(held)?;
    environment.operator()?.kill_hard().await?;
    let unanswered = creates()
        .since(held[0].sequence - 1)
        .committed(true)
        .answered(false);
    // The connection's end reaches the simulator a moment after the kill.
    let ended = environment
        .simulator
        .await_journal(&unanswered.held(false), 1, DEADLINE)
        .await?;
    let cut = ended.iter().find(|entry| entry.sequence == held[0].sequence);
    let lasted = cut.and_then(|entry| Some(entry.ended_ms? - entry.monotonic_ms));
    ensure!(
        lasted.is_some_and(|lasted| lasted < REQUEST_TIMEOUT_SECONDS * 1000),
        "the journal shows no commit that the kill left unanswered: {cut:?}"
    );
    Ok(())
}

/// What is done to the answer of a create, and whether nobody can know that nothing was made.
fn spoilt(api: Api) -> Vec<(&'static str, Value)> {
    let redacted = match api {
        Api::Gen1 => json!({"auth_token": "<redacted>"}),
        _ => {
            json!({"sub_account": {"auth_token": "<redacted>"}, "auth_credentials": {"auth_token": "<redacted>"}})
        }
    };
    let another_id = match api {
        Api::Gen1 => json!({"auth_id": "MA_SOMEBODY"}),
        _ => json!({"auth_credentials": {"auth_id": "SA_SOMEBODYELSE"}}),
    };
    // A literal answer, with these for `auth_id` and `auth_token`.
    let literal = |auth_id: &str, auth_token: &str| {
        let pair = format!("{{\"auth_id\": {auth_id}, \"auth_token\": {auth_token}}}");
        let body = match api {
            Api::Gen1 => pair,
            _ => format!("{{\"sub_account\": {pair}, \"auth_credentials\": {pair}}}"),
        };
        json!({"type": "body", "body": body, "after_commit": true})
    };
    let (id, token) = ("\"{auth_id}\"", "\"{auth_token}\"");
    let packed = json!({"type": "body", "bytes": [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff],
        "headers": {"content-encoding": "gzip"}, "after_commit": true});
    let nowhere = "http://127.0.0.1:9/";
    let mut cases = vec![
        ("token-empty", literal(id, "\"\"")),
        ("token-null", literal(id, "null")),
        ("token-redacted", literal(id, "\"<redacted>\"")),
        ("id-null", literal("null", token)),
        ("id-of-the-parent", literal("\"{parent}\"", token)),
        ("id-empty", literal("\"\"", token)),
        ("id-going-up", literal("\"SA_/../..\"", token)),
        ("id-escaped", literal("\"SA_A%2fB\"", token)),
        ("id-with-query", literal("\"SA_A?cascade=true\"", token)),
        ("packed", packed),
        (
            "nothing-of-a-pair",
            json!({"type": "body", "body": "{\"message\": \"created\"}", "after_commit": true}),
        ),
        (
            "timed-out",
            json!({"type": "delay", "milliseconds": 3000, "after_commit": true}),
        ),
        ("byte-by-byte", json!({"type": "slow", "interval_ms": 200})),
        ("headers", json!({"type": "many_headers", "count": 10_000})),
        ("lost-before", json!({"type": "lose_before"})),
        ("lost-after", json!({"type": "lose_after"})),
        ("commit-late", json!({"type": "commit_late", "after_ms": 700})),
        ("truncated", json!({"type": "truncated"})),
        ("html", json!({"type": "html", "after_commit": true})),
        ("html-only", json!({"type": "html"})),
        ("empty", json!({"type": "empty", "after_commit": true})),
        ("redacted", json!({"type": "patch", "patch": redacted})),
        ("another-id", json!({"type": "patch", "patch": another_id})),
        (
            "redirect-307",
            json!({"type": "redirect", "status": 307, "location": nowhere, "after_commit": true}),
        ),
        (
            "redirect-302",
            json!({"type": "redirect", "status": 302, "location": nowhere}),
        ),
        (
            "huge",
            json!({"type": "huge", "bytes": 3_000_000, "after_commit": true}),
        ),
        (
            "endless",
            json!({"type": "huge", "endless": true, "after_commit": true}),
        ),
    ];
    for (name, status, after_commit) in [
        ("status-500", 500, false),
        ("status-502", 502, false),
        ("status-503", 503, false),
        ("status-504", 504, false),
        ("status-500-after", 500, true),
        ("status-502-after", 502, true),
        ("status-503-after", 503, true),
        ("status-504-after", 504, true),
    ] {
        cases.push((
            name,
            json!({"type": "status", "status": status, "after_commit": after_commit}),
        ));
    }
    cases
}

async fn spoilt_answers(bed: Arc<TestBed>, api: Api) -> Result<()> {
    let environment = bed.environment(options("crash-spoilt", api, 2, 2)).await?;
    let mut names = Vec::new();
    for (name, action) in spoilt(api) {
        let mark = environment.simulator.journal_mark().await?;
        let fault = Fault::new(action).operation(Operation::Create).times(1);
        environment.simulator.add_fault(&fault).await?;
        let created = environment.create_subaccount(name, json!({})).await?;
        environment.await_ready(name).await?;

        let posts = environment.simulator.journal(&creates().since(mark)).await?;
        ensure!(
            posts.len() == 2,
            "{name}: {} creates were sent instead of two",
            posts.len()
        );
        let markers: Vec<_> = posts.iter().map(|post| marker_sent(post.body.as_ref())).collect();
        ensure!(
            markers[0].is_some() && markers[0] != markers[1],
            "{name}: a marker was posted twice"
        );
        let record = record(&environment, &uid_of(&created)?).await?;
        ensure!(
            record["epoch"] == "2" && record["fencedThrough"] == "1",
            "{name}: the Record is at epoch {}, fenced through {}",
            record["epoch"],
            record["fencedThrough"]
        );
        names.push(name.to_owned());
    }
    await_leftovers_deleted(&environment, names.len()).await?;
    ensure_consistent(&environment, &names).await?;
    let elsewhere = JournalQuery::new().operation(Operation::Other);
    let mut elsewhere = environment.simulator.journal(&elsewhere).await?;
    // The generation is found by trying one that this server may not have.
    elsewhere.retain(|entry| entry.method != "GET");
    ensure!(
        elsewhere.is_empty(),
        "an id led to a path that is none of the API's: {elsewhere:#?}"
    );
    for name in &names {
        let told = events(&environment, name, "CreateOutcomeUnknown").await?.len();
        let lines = lines_about(&environment, name)?;
        ensure!(
            told == 1,
            "{name}: {told} events CreateOutcomeUnknown; the operator said:\n{lines}"
        );
    }
    Ok(())
}

/// What the operator logged about one object.
fn lines_about(environment: &Environment, name: &str) -> Result<String> {
    let log = std::fs::read_to_string(environment.operator()?.log())?;
    let object = format!("/{name}\"");
    let lines: Vec<&str> = log.lines().filter(|line| line.contains(&object)).collect();
    Ok(lines.join("\n"))
}

fn marker_sent(body: Option<&Value>) -> Option<String> {
    let body = body?;
    let field = |name: &str| {
        body[name]
            .as_str()
            .filter(|text| text.contains("[vobiz-operator "))
    };
    field("description").or_else(|| field("name")).map(str::to_owned)
}

async fn refused(bed: Arc<TestBed>, api: Api) -> Result<()> {
    let environment = bed.environment(options("crash-refused", api, 2, 2)).await?;
    let mut names = Vec::new();
    for status in [400, 422] {
        let name = format!("refused-{status}");
        let action = json!({
            "type": "status", "status": status, "envelope": "documented",
            "message": "the value confidential-value is not accepted",
            "details": {"errors": [{
                "field": "phone", "code": "invalid", "message": "confidential-value is no phone number",
                "value": "confidential-value",
            }]},
        });
        let fault = Fault::new(action).operation(Operation::Create).times(1);
        environment.simulator.add_fault(&fault).await?;
        let mark = environment.simulator.journal_mark().await?;
        let created = environment.create_subaccount(&name, json!({})).await?;
        let stalled = environment
            .await_reason(Kind::Subaccount, &name, "Stalled", "InvalidSpec")
            .await?;
        let conditions = stalled["status"]["conditions"].to_string();
        ensure!(conditions.contains("phone"), "no field is named: {conditions}");
        ensure!(
            !conditions.contains("confidential-value"),
            "a value is shown: {conditions}"
        );
        // The status is written first.
        await_event(&environment, &name, "CreateFailed").await?;
        let told = events(&environment, &name, "CreateFailed").await?;
        ensure!(told.len() == 1, "{} events CreateFailed", told.len());
        ensure!(
            !json!(told).to_string().contains("confidential-value"),
            "an event shows a value"
        );

        let spec = json!({"spec": {"enabled": false}});
        environment.objects.merge(Kind::Subaccount, &name, &spec).await?;
        environment.await_ready(&name).await?;
        ensure!(
            environment
                .simulator
                .journal_count(&creates().since(mark))
                .await?
                == 2,
            "a refused create was sent again before the spec changed"
        );
        ensure_same_epoch(&environment, &uid_of(&created)?).await?;
        names.push(name);
    }
    ensure_consistent(&environment, &names).await
}

/// The API is behind a port that closes while objects are created and then opens again.
async fn nobody_listens(bed: Arc<TestBed>, api: Api) -> Result<()> {
    let free = std::net::TcpListener::bind(("127.0.0.1", 0))?;
    let port = free.local_addr()?.port();
    let mut options = options("crash-refused-connection", api, 2, 2);
    options
        .operator_flags
        .push(format!("--api-base-url=http://127.0.0.1:{port}"));
    options.account["resyncIntervalSeconds"] = json!(300);
    (options.start_operator, options.account_ready) = (false, false);
    let account = options.account.clone();
    let mut environment = bed.environment(options).await?;
    drop(free);
    let target = environment
        .simulator
        .url()
        .trim_start_matches("http://")
        .to_owned();
    let relay = Relay::start(port, &target).await?;
    environment.start_operator().await?;
    environment.create_account(account).await?;
    environment
        .await_condition(Kind::Account, ACCOUNT, "Ready", "True")
        .await?;

    relay.stop().await;
    let names: Vec<String> = (0..3).map(|number| format!("unheard-{number}")).collect();
    let mut uids = Vec::new();
    for name in &names {
        uids.push(uid_of(&environment.create_subaccount(name, json!({})).await?)?);
    }
    for name in &names {
        await_event(&environment, name, "CreateFailed").await?;
    }
    for uid in &uids {
        ensure!(
            record(&environment, uid).await?["phase"] == "Open",
            "nothing was written before the create"
        );
    }
    let _relay = Relay::start(port, &target).await?;
    for (name, uid) in names.iter().zip(&uids) {
        environment.await_ready(name).await?;
        ensure_same_epoch(&environment, uid).await?;
    }
    ensure!(
        environment.simulator.journal_count(&creates()).await? == names.len(),
        "an account was made twice"
    );
    ensure_consistent(&environment, &names).await
}

/// What certainly made no account spends no epoch and fences none.
async fn ensure_same_epoch(environment: &Environment, uid: &str) -> Result<()> {
    let record = record(environment, uid).await?;
    ensure!(
        record["epoch"] == "1" && record["fencedThrough"] == "0",
        "the Record is at epoch {}, fenced through {}",
        record["epoch"],
        record["fencedThrough"]
    );
    Ok(())
}

async fn unusable_answers(bed: Arc<TestBed>, api: Api) -> Result<()> {
    let environment = bed.environment(options("crash-unusable", api, 2, 2)).await?;
    let html = Fault::new(json!({"type": "html", "after_commit": true})).operation(Operation::Create);
    let number = environment.simulator.add_fault(&html).await?;
    let name = "unusable".to_owned();
    environment.create_subaccount(&name, json!({})).await?;
    environment
        .await_reason(Kind::Subaccount, &name, "Stalled", "UnusableAnswer")
        .await?;
    ensure!(
        environment.simulator.journal_count(&creates()).await? == 3,
        "it did not stop after three creates"
    );
    // Observed until two further lists were read: longer than any pause between retries.
    let mark = environment.simulator.journal_mark().await?;
    let lists = JournalQuery::new().operation(Operation::List).since(mark);
    let seen = environment.simulator.await_journal(&lists, 2, DEADLINE).await;
    environment.explain(seen)?;
    ensure!(
        environment.simulator.journal_count(&creates()).await? == 3,
        "a create was sent while the object is stalled"
    );

    // Whoever edits has it tried again, and no more often than before.
    let spec = json!({"spec": {"enabled": false}});
    environment.objects.merge(Kind::Subaccount, &name, &spec).await?;
    environment
        .await_reason(Kind::Subaccount, &name, "Stalled", "UnusableAnswer")
        .await?;
    ensure!(
        environment.simulator.journal_count(&creates()).await? == 6,
        "it did not stop after three more creates"
    );

    environment.simulator.remove_fault(number).await?;
    let spec = json!({"spec": {"enabled": true}});
    environment.objects.merge(Kind::Subaccount, &name, &spec).await?;
    environment.await_ready(&name).await?;
    await_leftovers_deleted(&environment, 1).await?;
    ensure_consistent(&environment, &[name]).await
}
