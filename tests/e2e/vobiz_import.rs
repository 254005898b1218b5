//! What `kubectl vobiz import` prints of accounts that are there already: applied, it changes nothing at Vobiz.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use vobiz_harness::objects::{Kind, condition_of};
use vobiz_harness::simulator::Api;
use vobiz_harness::suite::Suite;
use vobiz_harness::test_bed::{EnvironmentOptions, TestBed};

use crate::edit::resync_twice;
use crate::generation::{environment, in_each};
use crate::vobiz_command::{run, writes};

/// Names that people and programs give, and that manifests, shells and parsers stumble over.
const NAMES: [&str; 25] = [
    "Acme Ltd.",
    "acme ltd",
    " padded  ",
    "UPPER_lower-123",
    "日本支社",
    "Ünïcode & Söhne",
    "שלום",
    "a\u{200b}b",
    "🎉🎉",
    "null",
    "true",
    "1_000",
    "1e3",
    "~",
    "---",
    "- list: {x: y}",
    "# comment",
    "'single' \"double\"",
    "${HOME} $(id) `id`",
    "../../etc/passwd",
    "x",
    "",
    "   ",
    "two\nlines",
    "tab\tand \u{1b}[31mred",
];

pub fn add_to(suite: &mut Suite) {
    in_each(
        suite,
        "accounts with odd names are imported, and applying their manifests sends no POST, no PUT and no DELETE",
        odd_names,
    );
}

/// An account that somebody made at the console.
fn odd(number: usize, parent: &str) -> Value {
    let mut fields = json!({"parent": parent, "name": NAMES[number % NAMES.len()]});
    if number % 50 == 49 {
        fields["name"] = json!("long ".repeat(30));
    }
    let more = match number % 9 {
        0 => json!({"enabled": false}),
        1 => json!({"rate_limit": number, "description": "Voice, and more"}),
        2 => json!({"permissions": {"calls": true, "cdr": false}, "phone": "+91 11 4000"}),
        3 => json!({"kyc_mode": "customer_use", "email": "A@Acme.example"}),
        4 => json!({"business_type": "llp", "email": " b@acme.example "}),
        5 => json!({"business_type": "something new", "description": "two\nlines"}),
        6 => json!({"description": "x".repeat(600), "phone": ""}),
        7 => json!({"kyc_mode": "customer_use", "email": ""}),
        _ => json!({}),
    };
    for (key, value) in more.as_object().into_iter().flatten() {
        fields[key] = value.clone();
    }
    fields
}

/// The account is had; its token may be known to nobody.
fn is_had(object: &Value) -> bool {
    let is_ready = condition_of(object, "Ready").is_some_and(|ready| ready["status"] == "True");
    let is_tokenless =
        condition_of(object, "Stalled").is_some_and(|stalled| stalled["reason"] == "CredentialsLost");
    object["status"]["authId"] == object["spec"]["authId"] && (is_ready || is_tokenless)
}

async fn odd_names(bed: Arc<TestBed>, api: Api) -> Result<()> {
    let count = if api == Api::Gen2 { 500 } else { 100 };
    let mut options = EnvironmentOptions {
        account: json!({"resyncIntervalSeconds": 10, "rateLimit": {"requestsPerSecond": 1000, "burst": 1000}}),
        deadline: Duration::from_mins(10),
        ..environment("vobiz-import", api)
    };
    // Hundreds of Secrets that nobody touches need no look every few seconds.
    options
        .operator_flags
        .push("--secret-check-interval-seconds=900".to_owned());
    let environment = bed.environment(options).await?;
    let kept = environment.create_ready("kept", json!({})).await?;
    for number in 0..count {
        environment
            .simulator
            .create_account(&odd(number, &environment.parent.auth_id))
            .await?;
    }
    let before = environment.simulator.accounts().await?;
    let mark = environment.simulator.journal_mark().await?;
    let imported = run(&environment, &["import", "--all"], "").await?;
    ensure!(imported.code == 0, "{}", imported.stderr);
    ensure!(
        !imported.stderr.contains(['\r', '\u{1b}']),
        "there is a bar where no terminal is: {:?}",
        imported.stderr
    );
    ensure!(
        imported
            .stderr
            .contains(&format!("{} is kept already", kept.auth_id)),
        "{}",
        imported.stderr
    );
    let plan = run(&environment, &["plan", "-f", "-", "-o", "json"], &imported.stdout).await?;
    ensure!(plan.code == 1, "{}", plan.stderr);
    let told = plan.json()?;
    let requests = &told["summary"]["requests"];
    for written in ["creates", "updates", "deletes"] {
        ensure!(
            requests[written] == 0,
            "the plan of the import writes: {:#}",
            told["summary"]
        );
    }

    environment
        .control_plane()
        .kubectl()
        .apply(&imported.stdout)
        .await?;
    let objects = environment.objects.list(Kind::Subaccount).await?;
    let names: Vec<&str> = objects
        .iter()
        .filter_map(|object| object["metadata"]["name"].as_str())
        .filter(|name| *name != "kept")
        .collect();
    ensure!(
        names.len() == count,
        "{} of {count} accounts have an object",
        names.len()
    );
    for name in &names {
        environment
            .await_object(Kind::Subaccount, name, "had", is_had)
            .await?;
    }
    resync_twice(&environment).await?;
    let writes = writes(&environment, mark).await?;
    let observed = objects
        .iter()
        .filter(|object| object["spec"]["managementPolicy"] == "ObserveOnly")
        .count();
    println!(
        "{count} accounts imported, {observed} of them only looked at; POST, PUT and DELETE sent: {}",
        writes.len()
    );
    ensure!(writes.is_empty(), "{writes:#?}");
    ensure!(
        environment.simulator.accounts().await? == before,
        "an account was changed"
    );
    ensure!(
        observed > 0 && observed < count / 3,
        "{observed} are only looked at"
    );
    let again = run(&environment, &["import", "--all"], "").await?;
    ensure!(
        again.stdout.is_empty(),
        "what is kept is imported again: {}",
        again.stdout
    );
    let first = names.first().context("there are some")?;
    let status = run(&environment, &["status", first], "").await?;
    println!("{}", status.stdout);
    Ok(())
}
