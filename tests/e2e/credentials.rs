//! What people put into a credentials Secret, and what becomes of a create under way when they change it.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use vobiz_harness::objects::{Kind, condition_of};
use vobiz_harness::simulator::Api;
use vobiz_harness::simulator_journal::{JournalQuery, Operation};
use vobiz_harness::suite::Suite;
use vobiz_harness::test_bed::{ACCOUNT, CREDENTIALS, Environment, EnvironmentOptions, TestBed};

use crate::at_rest::{ensure_consistent, ensure_one_create, held_create, record, uid_of};
use crate::generation::{environment, in_each};
use crate::parent_pair::{await_parent_changed, set_pair};

const DEADLINE: Duration = Duration::from_secs(40);
/// As much as the values of a Secret may have together.
const LARGEST_SECRET: usize = 1 << 20;
/// More than the operator may take for one such Secret, in MiB: it is read, decoded and refused.
const MOST_MEBIBYTES: usize = 16;
/// In every bad value: no output may repeat it.
const NEEDLE: &str = "needle-4c1f";

pub fn add_to(suite: &mut Suite) {
    suite.test(
        "credentials that no header can carry, or as large as a Secret can be, are refused by their key, and nothing is sent",
        refused,
    );
    in_each(
        suite,
        "a create under way while its parent's pair is rotated ends with its account, bound, and no other one",
        rotated_midway,
    );
    in_each(
        suite,
        "a create under way while the credentials become another parent's is bound where it was posted, and both are named",
        switched_midway,
    );
}

/// A figure of a process, in KiB.
fn kibibytes(pid: u32, name: &str) -> Result<usize> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    Ok(line
        .context("no such figure")?
        .trim()
        .trim_end_matches(" kB")
        .parse()?)
}

async fn refused(bed: Arc<TestBed>) -> Result<()> {
    let mut options = environment("credentials-refused", Api::Gen2);
    options.account_ready = false;
    let environment = bed.environment(options).await?;
    let (id, token) = (
        environment.parent.auth_id.clone(),
        environment.parent.auth_token.clone(),
    );
    environment.create_account(json!({})).await?;
    environment
        .await_condition(Kind::Account, ACCOUNT, "Ready", "True")
        .await?;
    let pid = environment.operator()?.pid().await?;
    // From here on the peak counts anew.
    std::fs::write(format!("/proc/{pid}/clear_refs"), "5")?;
    let before = kibibytes(pid, "VmRSS:")?;
    let mark = environment.simulator.journal_mark().await?;

    let text = |before: &str, after: &str| format!("{before}{NEEDLE}{after}").into_bytes();
    let long = |length: usize| text("", &"x".repeat(length - NEEDLE.len()));
    let (long_token, long_id) = (
        long(LARGEST_SECRET - id.len()),
        long(LARGEST_SECRET - token.len()),
    );
    let header = "has characters that a header cannot carry";
    let bad_id = "has characters that no id has";
    // What is bad alternates, so that each message is another one than the last.
    let table: [(&str, Vec<u8>, &str); 11] = [
        ("auth_token", long_token, "is longer than 4096 bytes"),
        ("auth_id", long_id, "is longer than 128 bytes"),
        ("auth_token", text("two\r\n", ""), header),
        ("auth_id", text("MA_", "\r\nX-Auth-ID: MA_OTHER"), bad_id),
        ("auth_token", text(" ", ""), header),
        ("auth_id", text(" MA_", ""), bad_id),
        ("auth_token", text("pässword-", ""), header),
        ("auth_id", text("MA_Ä", ""), bad_id),
        (
            "auth_token",
            [&[0xff, 0xfe][..], NEEDLE.as_bytes()].concat(),
            "is not text",
        ),
        ("auth_id", text("MA_\0", ""), bad_id),
        ("auth_token", b"<redacted>".to_vec(), "placeholder"),
    ];
    for (number, (key, value, problem)) in table.iter().enumerate() {
        if *key == "auth_id" {
            set_pair(&environment, value, token.as_bytes()).await?;
        } else {
            set_pair(&environment, id.as_bytes(), value).await?;
        }
        ask_account(&environment, 30 + number).await?;
        let told = environment
            .await_message(Kind::Account, ACCOUNT, "Ready", &[CREDENTIALS, key, problem])
            .await?;
        let ready = condition_of(&told, "Ready").context("no Ready condition")?;
        ensure!(
            ready["status"] == "False" && ready["reason"] == "CredentialsMissing",
            "{ready}"
        );
        ensure!(!told["status"].to_string().contains(NEEDLE), "the value is shown");
    }
    let sent = JournalQuery::new().since(mark);
    let sent = environment.simulator.journal(&sent).await?;
    ensure!(sent.is_empty(), "Vobiz was asked without a pair: {sent:#?}");
    let grown = kibibytes(pid, "VmHWM:")?.saturating_sub(before) / 1024;
    println!("at rest {} MiB, at most {grown} MiB more", before / 1024);
    ensure!(grown < MOST_MEBIBYTES, "it took {grown} MiB more");
    let told = std::fs::read_to_string(environment.operator()?.log())?;
    ensure!(!told.contains(NEEDLE), "the log repeats a value");

    // What files and editors leave behind a value does no harm.
    set_pair(
        &environment,
        format!("{id} \t\r\n").as_bytes(),
        format!("{token}\n\n").as_bytes(),
    )
    .await?;
    environment
        .await_condition(Kind::Account, ACCOUNT, "Ready", "True")
        .await?;
    environment.create_ready("acme", json!({})).await.map(drop)
}

/// Has the Account's pass come at once, by an edit that changes nothing else: its Secret is not watched.
async fn ask_account(environment: &Environment, burst: usize) -> Result<()> {
    let ask = json!({"spec": {"rateLimit": {"burst": burst}}});
    environment.objects.merge(Kind::Account, ACCOUNT, &ask).await?;
    Ok(())
}

fn patient(name: &str, api: Api) -> EnvironmentOptions {
    EnvironmentOptions {
        account: json!({"resyncIntervalSeconds": 10}),
        // The answer is held until a person has changed the Secret.
        operator_flags: vec![
            "--request-timeout-seconds=40".to_owned(),
            "--settle-seconds=40".to_owned(),
        ],
        ..environment(name, api)
    }
}

async fn rotated_midway(bed: Arc<TestBed>, api: Api) -> Result<()> {
    let environment = bed.environment(patient("credentials-rotated", api)).await?;
    held_create(&environment, "acme", DEADLINE).await?;
    let parent = environment.parent.auth_id.clone();
    let mark = environment.simulator.journal_mark().await?;
    environment.simulator.put_parent(&parent, "rotated-token").await?;
    set_pair(&environment, parent.as_bytes(), b"rotated-token").await?;
    ask_account(&environment, 30).await?;
    // The new pair alone is answered: it is in use before the answer comes.
    let tried = JournalQuery::new()
        .since(mark)
        .operation(Operation::Me)
        .status(200);
    environment.explain(environment.simulator.await_journal(&tried, 1, DEADLINE).await)?;
    environment.simulator.release_holds().await?;
    environment.await_ready("acme").await?;
    ensure_one_create(&environment).await?;
    environment
        .await_condition(Kind::Account, ACCOUNT, "Ready", "True")
        .await?;
    ensure_consistent(&environment, &["acme".to_owned()]).await
}

async fn switched_midway(bed: Arc<TestBed>, api: Api) -> Result<()> {
    let environment = bed.environment(patient("credentials-switched", api)).await?;
    let created = held_create(&environment, "acme", DEADLINE).await?;
    let first = environment.parent.clone();
    let other = format!("{}B", first.auth_id);
    environment.simulator.put_parent(&other, "other-token").await?;
    set_pair(&environment, other.as_bytes(), b"other-token").await?;
    ask_account(&environment, 30).await?;
    // Nothing names an account yet but the Record of the attempt.
    await_parent_changed(&environment, &first.auth_id, &other).await?;
    environment.simulator.release_holds().await?;
    let uid = uid_of(&created)?;
    environment.await_record_phase(&uid, "Bound").await?;
    let bound = record(&environment, &uid).await?;
    ensure!(
        bound["parentAuthId"] == first.auth_id,
        "bound under {}",
        bound["parentAuthId"]
    );
    // The pass that made the account ends with what it began with.
    environment
        .await_object(Kind::Subaccount, "acme", "naming its account", |object| {
            object["status"]["authId"] == *bound["auth_id"]
        })
        .await?;
    let told = environment.events("Account", ACCOUNT, "ParentChanged").await?;
    ensure!(told.len() == 1, "it was told {} times", told.len());
    ensure_one_create(&environment).await?;
    let under_other = JournalQuery::new().parent(&other);
    let under_other = environment.simulator.journal(&under_other).await?;
    ensure!(
        under_other
            .iter()
            .all(|entry| matches!(entry.operation, Operation::Me | Operation::List)),
        "the other parent was asked for {under_other:#?}"
    );

    set_pair(
        &environment,
        first.auth_id.as_bytes(),
        first.auth_token.as_bytes(),
    )
    .await?;
    ask_account(&environment, 31).await?;
    environment
        .await_condition(Kind::Account, ACCOUNT, "Ready", "True")
        .await?;
    environment.await_ready("acme").await?;
    ensure_one_create(&environment).await?;
    ensure_consistent(&environment, &["acme".to_owned()]).await
}
