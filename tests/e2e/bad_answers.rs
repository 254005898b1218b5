//! Answers that say nothing, too much or the wrong thing: what becomes of objects, and that nothing of them is repeated.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use futures::future::try_join_all;
use serde_json::{Value, json};
use vobiz_harness::objects::Kind;
use vobiz_harness::simulator::Api;
use vobiz_harness::simulator_control::Fault;
use vobiz_harness::simulator_journal::{JournalQuery, Operation};
use vobiz_harness::subaccounts::finalizers;
use vobiz_harness::suite::Suite;
use vobiz_harness::test_bed::{ACCOUNT, Environment, EnvironmentOptions, TestBed};

use crate::at_rest::{await_leftovers_deleted, ensure_consistent};
use crate::edit::resync_twice;
use crate::generation::in_each;

const DEADLINE: Duration = Duration::from_mins(1);
/// What an answer echoes: no output may repeat it.
const NEEDLE: &str = "echoed-value-7b3e9d";
/// More than the operator may take for all that is thrown at it, in MiB: its bodies are 1 MiB, its pages 8 MiB.
const MOST_MEBIBYTES: usize = 96;

pub fn add_to(suite: &mut Suite) {
    in_each(
        suite,
        "a create whose odd answer holds a whole pair takes one request",
        tolerated,
    );
    in_each(
        suite,
        "reads that answer nothing usable change nothing and are repeated",
        unusable_reads,
    );
    in_each(
        suite,
        "a list that hides accounts, repeats them or lies about their number proves nobody absent",
        lying_lists,
    );
    in_each(
        suite,
        "a list without end is told on the Account, is given up after four pages, and harms nothing",
        endless_list,
    );
    in_each(
        suite,
        "an account that the list shows late is found before its attempt is forgotten",
        late_list,
    );
    in_each(
        suite,
        "no value that an answer echoes is in any status, event, log, metric or audit line",
        echoes,
    );
    in_each(
        suite,
        "the operator's memory is bounded whatever Vobiz sends",
        memory,
    );
}

fn options(name: &str, api: Api) -> EnvironmentOptions {
    EnvironmentOptions {
        api,
        account: json!({"resyncIntervalSeconds": 10, "rateLimit": {"requestsPerSecond": 500, "burst": 500}}),
        operator_flags: vec![
            "--request-timeout-seconds=2".to_owned(),
            "--settle-seconds=3".to_owned(),
        ],
        ..EnvironmentOptions::new(name)
    }
}

async fn tolerated(bed: Arc<TestBed>, api: Api) -> Result<()> {
    let environment = bed.environment(options("answers-odd", api)).await?;
    let pair = r#""auth_id": "{auth_id}", "auth_token": "{auth_token}""#;
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    let mut names = Vec::new();
    for (name, more, content_type) in [
        ("out-of-range", r#""rate_limit": 1e400"#, "application/json"),
        (
            "unknown-twice",
            r#""new": 1, "new": [{"a": null}]"#,
            "application/json",
        ),
        ("id-number", r#""id": 4711"#, "application/json"),
        ("id-text", r#""id": "4711""#, "application/json"),
        ("as-text", r#""id": 4711"#, "text/plain"),
        ("as-html", r#""id": 4711"#, "text/html; charset=iso-8859-1"),
        ("deep", &format!("\"new\": {deep}"), "application/json"),
    ] {
        // The first bytes are a byte order mark.
        let object = format!("{{{pair}, {more}}}");
        let body = match api {
            Api::Gen1 => format!("\u{feff}{object}"),
            _ => format!("\u{feff}{{\"sub_account\": {object}, \"auth_credentials\": {{{pair}}}}}"),
        };
        let action =
            json!({"type": "body", "body": body, "content_type": content_type, "after_commit": true});
        let fault = Fault::new(action).operation(Operation::Create).times(1);
        environment.simulator.add_fault(&fault).await?;
        environment.create_subaccount(name, json!({})).await?;
        environment.await_ready(name).await?;
        names.push(name.to_owned());
        let creates = environment
            .simulator
            .journal_count(&JournalQuery::new().operation(Operation::Create))
            .await?;
        ensure!(
            creates == names.len(),
            "{name}: the pair of the answer was thrown away"
        );
    }
    ensure_consistent(&environment, &names).await
}

/// Bodies of a 200 that say nothing, and answers that are none.
fn unusable() -> Vec<(&'static str, Value)> {
    let deep = format!("{{\"auth_id\": {}", "[".repeat(10_000));
    vec![
        ("html", json!({"type": "html"})),
        ("empty", json!({"type": "empty"})),
        ("truncated", json!({"type": "truncated"})),
        ("no JSON", json!({"type": "body", "body": "{\"auth_id\": NaN}"})),
        ("a list", json!({"type": "body", "body": [1, 2]})),
        ("null", json!({"type": "body", "body": "null"})),
        ("not UTF-8", json!({"type": "body", "bytes": [123, 34, 255, 34]})),
        ("depth 10,000", json!({"type": "body", "body": deep})),
        (
            "a known field twice",
            json!({"type": "body", "body":
                "{\"auth_id\": \"SA_A\", \"auth_id\": \"SA_B\", \"objects\": [], \"objects\": [], \
                 \"sub_accounts\": [], \"sub_accounts\": []}"}),
        ),
        ("too large", json!({"type": "huge", "bytes": 9_000_000})),
        ("endless", json!({"type": "huge", "endless": true})),
        ("10,000 headers", json!({"type": "many_headers", "count": 10_000})),
        ("reset", json!({"type": "lose_before"})),
        (
            "redirected",
            json!({"type": "redirect", "status": 302, "location": "http://169.254.169.254/"}),
        ),
    ]
}

/// These reads are answered so from now on, until the returned fault is removed; each kind is repeated meanwhile.
async fn spoil(environment: &Environment, operation: Operation, what: &str, action: Value) -> Result<u64> {
    let fault = Fault::new(action).operation(operation);
    let number = environment.simulator.add_fault(&fault).await?;
    let mark = environment.simulator.journal_mark().await?;
    let reads = JournalQuery::new().since(mark).operation(operation);
    environment
        .explain(environment.simulator.await_journal(&reads, 1, DEADLINE).await)
        .with_context(|| format!("{what}: the read {operation:?} was not repeated"))?;
    Ok(number)
}

async fn unusable_reads(bed: Arc<TestBed>, api: Api) -> Result<()> {
    let environment = bed.environment(options("answers-reads", api)).await?;
    let stays = environment.create_ready("stays", json!({})).await?;
    let goes = environment.create_ready("goes", json!({})).await?;
    let before = environment.simulator.journal_mark().await?;
    // A deletion that Vobiz says is done needs a read to be believed.
    let said = json!({"type": "body", "status": 204, "body": ""});
    environment
        .simulator
        .add_fault(&Fault::new(said).operation(Operation::Delete))
        .await?;
    environment.objects.delete(Kind::Subaccount, "goes").await?;
    // One fault goes when the next is there: no answer is good meanwhile.
    let mut former = None;
    for (what, action) in unusable() {
        let number = spoil(&environment, Operation::Get, what, action).await?;
        if let Some(former) = former.replace(number) {
            environment.simulator.remove_fault(former).await?;
        }
        let object = environment.objects.get(Kind::Subaccount, "goes").await?;
        ensure!(
            finalizers(&object).contains(&"vobiz.ai/subaccount"),
            "{what}: the finalizer is gone"
        );
    }
    for (what, action) in unusable() {
        if ["html", "empty", "too large", "10,000 headers"].contains(&what) {
            let number = spoil(&environment, Operation::List, what, action).await?;
            if what != "10,000 headers" {
                environment.simulator.remove_fault(number).await?;
            }
        }
    }
    environment
        .await_condition(Kind::Account, ACCOUNT, "Ready", "False")
        .await?;
    environment.await_ready("stays").await?;
    environment.simulator.clear_faults().await?;
    environment.await_gone(Kind::Subaccount, "goes").await?;
    environment
        .await_condition(Kind::Account, ACCOUNT, "Ready", "True")
        .await?;
    ensure!(
        environment.simulator.find_account(&goes.auth_id).await?.is_none(),
        "the account is left"
    );
    environment.simulator.account(&stays.auth_id).await?;
    let created = JournalQuery::new().since(before).operation(Operation::Create);
    ensure!(
        environment.simulator.journal_count(&created).await? == 0,
        "something was created"
    );
    ensure_accounts(&environment, &["stays".to_owned()]).await
}

/// So many accounts are left as there are names.
async fn ensure_accounts(environment: &Environment, names: &[String]) -> Result<()> {
    let accounts = environment.simulator.accounts().await?;
    ensure!(
        accounts.len() == names.len(),
        "{} accounts are left",
        accounts.len()
    );
    Ok(())
}

async fn lying_lists(bed: Arc<TestBed>, api: Api) -> Result<()> {
    let environment = bed.environment(options("answers-lists", api)).await?;
    let names: Vec<String> = (0..3).map(|number| format!("tenant-{number}")).collect();
    for name in &names {
        environment.create_ready(name, json!({})).await?;
    }
    let before = environment.simulator.journal_mark().await?;
    let page = |entries: Value, total: u64| match api {
        Api::Gen1 => {
            json!({"api_id": "x", "objects": entries, "meta": {"limit": 20, "offset": 0, "total_count": total}})
        }
        _ => json!({"sub_accounts": entries, "total": total, "page": 1, "size": 100}),
    };
    let one = environment.simulator.accounts().await?[0]["auth_id"].clone();
    let entry = json!({"auth_id": one, "name": "tenant-0", "enabled": true});
    for (what, answer) in [
        ("an empty list", page(json!([]), 0)),
        ("an empty list of many", page(json!([]), 3)),
        ("one account of three", page(json!([entry]), 1)),
        ("an account three times", page(json!([entry, entry, entry]), 3)),
        (
            "a list without end",
            page(json!([entry]), 9_223_372_036_854_775_807),
        ),
        (
            "entries without an id",
            page(json!([{"name": "x"}, null, {"auth_id": "../x"}]), 3),
        ),
    ] {
        let fault = Fault::new(json!({"type": "body", "body": answer})).operation(Operation::List);
        let number = environment.simulator.add_fault(&fault).await?;
        resync_twice(&environment).await?;
        for name in &names {
            let object = environment.objects.get(Kind::Subaccount, name).await?;
            let ready = vobiz_harness::objects::condition_of(&object, "Ready");
            ensure!(
                ready.is_some_and(|ready| ready["status"] == "True"),
                "{what}: {name} is {ready:?}"
            );
        }
        environment.simulator.remove_fault(number).await?;
    }
    environment
        .simulator
        .change_settings(&json!({"list_page_size": 1, "list_order": "oldest_first"}))
        .await?;
    resync_twice(&environment).await?;
    for operation in [Operation::Create, Operation::Update, Operation::Delete] {
        let sent = JournalQuery::new().since(before).operation(operation);
        let sent = environment.simulator.journal_count(&sent).await?;
        ensure!(sent == 0, "the lists led to {sent} requests {operation:?}");
    }
    ensure_consistent(&environment, &names).await
}

async fn endless_list(bed: Arc<TestBed>, api: Api) -> Result<()> {
    let environment = bed.environment(options("answers-endless", api)).await?;
    let made = environment.create_ready("stays", json!({})).await?;
    let many = json!({"parent": environment.parent.auth_id, "name": "other", "count": 300});
    environment.simulator.create_account(&many).await?;
    let mark = environment.simulator.journal_mark().await?;
    let endless = json!({"list_ignores_page": true});
    environment.simulator.change_settings(&endless).await?;
    let told = environment
        .await_reason(Kind::Account, ACCOUNT, "Ready", "VobizUnavailable")
        .await?;
    let ready = vobiz_harness::objects::condition_of(&told, "Ready").context("no condition")?;
    let message = ready["message"].as_str().unwrap_or_default();
    ensure!(
        message.contains("page after page shows the same accounts"),
        "it says {message}"
    );
    let lists = JournalQuery::new().since(mark).operation(Operation::List);
    let asked: Vec<String> = environment
        .simulator
        .journal(&lists)
        .await?
        .into_iter()
        .filter_map(|entry| entry.query)
        .collect();
    let beyond = ["offset=80", "page=5"];
    ensure!(
        !asked
            .iter()
            .any(|query| beyond.iter().any(|page| query.contains(page))),
        "it asked for {asked:?}"
    );
    // It is tried again, and nothing is done to the account meanwhile.
    resync_twice(&environment).await?;
    environment.await_ready("stays").await?;
    environment.simulator.account(&made.auth_id).await?;
    let ends = json!({"list_ignores_page": null});
    environment.simulator.change_settings(&ends).await?;
    environment
        .await_condition(Kind::Account, ACCOUNT, "Ready", "True")
        .await
        .map(drop)
}

async fn late_list(bed: Arc<TestBed>, api: Api) -> Result<()> {
    let environment = bed.environment(options("answers-late", api)).await?;
    environment
        .simulator
        .change_settings(&json!({"list_lag_ms": 2500}))
        .await?;
    let lost = Fault::new(json!({"type": "lose_after"})).operation(Operation::Create);
    environment.simulator.add_fault(&lost.times(1)).await?;
    environment.create_subaccount("acme", json!({})).await?;
    environment.await_ready("acme").await?;
    await_leftovers_deleted(&environment, 1).await?;
    ensure_consistent(&environment, &["acme".to_owned()]).await?;

    // The object goes before its lost account is listed.
    let lost = Fault::new(json!({"type": "lose_after"})).operation(Operation::Create);
    environment.simulator.add_fault(&lost).await?;
    environment.create_subaccount("brief", json!({})).await?;
    let creates = JournalQuery::new()
        .operation(Operation::Create)
        .committed(true)
        .answered(false);
    environment.explain(environment.simulator.await_journal(&creates, 2, DEADLINE).await)?;
    environment.objects.delete(Kind::Subaccount, "brief").await?;
    environment.await_gone(Kind::Subaccount, "brief").await?;
    environment.simulator.clear_faults().await?;
    ensure_accounts(&environment, &["acme".to_owned()]).await
}

/// The refusal of a request in one envelope, which echoes the needle wherever it can.
fn echo(status: u16, envelope: &str) -> Value {
    json!({
        "type": "status", "status": status, "envelope": envelope, "code": format!("{NEEDLE} was refused"),
        "message": format!("the value {NEEDLE} is not accepted"), "retry_after": NEEDLE, "rate_limit_reset": NEEDLE,
        "details": {"errors": [
            {"field": "phone", "code": NEEDLE, "message": NEEDLE, "value": NEEDLE},
            {"field": format!("{NEEDLE} of the user"), "value": {"password": NEEDLE}},
        ]},
    })
}

async fn echoes(bed: Arc<TestBed>, api: Api) -> Result<()> {
    let mut environment = bed.environment(options("answers-echo", api)).await?;
    environment.create_ready("acme", json!({})).await?;
    environment.create_ready("goes", json!({})).await?;
    let envelopes = [
        "documented",
        "status_number",
        "text",
        "code_message",
        "api_id",
        "detail",
        "html",
    ];
    for (number, (envelope, status)) in envelopes
        .into_iter()
        .zip([400, 422, 403, 409, 500, 422, 400])
        .enumerate()
    {
        let fault = Fault::new(echo(status, envelope)).operation(Operation::Create);
        environment.simulator.add_fault(&fault.times(1)).await?;
        let name = format!("refused-{number}");
        environment.create_subaccount(&name, json!({})).await?;
        let mark = JournalQuery::new()
            .operation(Operation::Create)
            .status(status)
            .answered(true);
        environment.explain(environment.simulator.await_journal(&mark, 1, DEADLINE).await)?;
    }
    for operation in [Operation::Update, Operation::Delete] {
        environment
            .simulator
            .add_fault(&Fault::new(echo(422, "documented")).operation(operation))
            .await?;
    }
    environment
        .objects
        .merge(Kind::Subaccount, "acme", &json!({"spec": {"enabled": false}}))
        .await?;
    environment.objects.delete(Kind::Subaccount, "goes").await?;
    environment
        .await_reason(Kind::Subaccount, "acme", "Stalled", "InvalidSpec")
        .await?;
    for operation in [Operation::Update, Operation::Delete] {
        let refused = JournalQuery::new().operation(operation).status(422);
        environment.explain(environment.simulator.await_journal(&refused, 1, DEADLINE).await)?;
    }
    let listed = JournalQuery::new().operation(Operation::List).status(400);
    environment
        .simulator
        .add_fault(&Fault::new(echo(400, "documented")).operation(Operation::List))
        .await?;
    environment.explain(environment.simulator.await_journal(&listed, 1, DEADLINE).await)?;
    environment
        .await_condition(Kind::Account, ACCOUNT, "Ready", "False")
        .await?;

    let metrics = environment.operator()?.metrics().await?;
    ensure!(!metrics.contains(NEEDLE), "the metrics repeat it");
    for kind in [Kind::Subaccount, Kind::Account, Kind::Event] {
        for object in environment.objects.list(kind).await? {
            ensure!(!object.to_string().contains(NEEDLE), "{object:#} repeats it");
        }
    }
    for object in environment.operator_objects.list(Kind::Event).await? {
        ensure!(!object.to_string().contains(NEEDLE), "{object:#} repeats it");
    }
    let log = std::fs::read_to_string(environment.operator()?.log())?;
    ensure!(log.contains("\"TRACE\""), "the log does not say all that it can");
    let line = log.lines().find(|line| line.contains(NEEDLE));
    ensure!(line.is_none(), "the log repeats it: {line:?}");
    let audit = std::fs::read(environment.audit()?.path())?;
    ensure!(
        !audit
            .windows(NEEDLE.len())
            .any(|window| window == NEEDLE.as_bytes()),
        "the audit log repeats it"
    );
    environment.simulator.clear_faults().await?;
    environment.restart_operator()?;
    environment.await_gone(Kind::Subaccount, "goes").await
}

/// One line of `/proc/<pid>/status`, in KiB.
fn kibibytes(pid: u32, key: &str) -> Result<usize> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(key));
    let value = line.with_context(|| format!("there is no {key}"))?;
    Ok(value.trim().trim_end_matches(" kB").parse()?)
}

async fn memory(bed: Arc<TestBed>, api: Api) -> Result<()> {
    let environment = bed.environment(options("answers-memory", api)).await?;
    environment.create_ready("calm", json!({})).await?;
    let pid = environment.operator()?.pid().await?;
    // From here on the peak counts anew.
    std::fs::write(format!("/proc/{pid}/clear_refs"), "5")?;
    let before = kibibytes(pid, "VmRSS:")?;
    let names: Vec<String> = (0..5).map(|number| format!("flooded-{number}")).collect();
    for (what, action) in [
        ("endless", json!({"type": "huge", "endless": true})),
        ("too large", json!({"type": "huge", "bytes": 9_000_000})),
        ("10,000 headers", json!({"type": "many_headers", "count": 10_000})),
        ("slow", json!({"type": "slow", "interval_ms": 1000})),
    ] {
        environment.simulator.clear_faults().await?;
        let mark = environment.simulator.journal_mark().await?;
        // Read whole by the list alone.
        let page = Fault::new(json!({"type": "huge", "bytes": 8_300_000})).operation(Operation::List);
        environment.simulator.add_fault(&page).await?;
        for operation in [Operation::Create, Operation::Get] {
            environment
                .simulator
                .add_fault(&Fault::new(action.clone()).operation(operation).times(5))
                .await?;
        }
        let lists = JournalQuery::new().since(mark).operation(Operation::List);
        if what == "endless" {
            try_join_all(
                names
                    .iter()
                    .map(|name| environment.create_subaccount(name, json!({}))),
            )
            .await?;
        }
        environment.explain(environment.simulator.await_journal(&lists, 1, DEADLINE).await)?;
    }
    environment.simulator.clear_faults().await?;
    for name in &names {
        environment.await_ready(name).await?;
    }
    environment.operator()?.ensure_running()?;
    ensure!(
        environment.operator()?.pid().await? == pid,
        "the operator was started again"
    );
    let grown = kibibytes(pid, "VmHWM:")?.saturating_sub(before) / 1024;
    println!("{api:?}: at rest {} MiB, at most {grown} MiB more", before / 1024);
    ensure!(grown < MOST_MEBIBYTES, "it took {grown} MiB more");
    await_leftovers_deleted(&environment, names.len() + 1)
        .await
        .map(drop)
}
