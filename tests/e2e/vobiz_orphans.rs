//! What `kubectl vobiz orphans` lists: each sort of what no object keeps is brought about, told, and ended by what the runbook says.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use vobiz_harness::directory::TemporaryDirectory;
use vobiz_harness::objects::Kind;
use vobiz_harness::simulator::Api;
use vobiz_harness::suite::Suite;
use vobiz_harness::test_bed::{ACCOUNT, CREDENTIALS, Environment, EnvironmentOptions, TestBed};

use crate::at_rest::{held_create, lose_one_create, record_name, text, uid_of};
use crate::generation::environment;
use crate::vobiz_command::{Run, run, run_as, run_everywhere};
use crate::vobiz_views::{fits, person};

const DEADLINE: Duration = Duration::from_mins(1);
const PAUSE: Duration = Duration::from_millis(200);
/// A series that no Record has.
const UNKNOWN: &str = "0123456789abcdef0123456789abcdef";

pub fn add_to(suite: &mut Suite) {
    suite.test(
        "kubectl vobiz orphans lists each sort of what no object keeps, and none once it is done what the runbook says",
        every_sort,
    );
    suite.test(
        "kubectl vobiz orphans says what its caller may not see, takes nothing for an orphan that it cannot judge, and ends with 3",
        unseen,
    );
}

async fn listed(environment: &Environment, arguments: &[&str]) -> Result<Value> {
    let all = [&["orphans", "-o", "json"], arguments].concat();
    let run = run(environment, &all, "").await?;
    let report = run.json()?;
    let is_empty = report["orphans"] == json!([]);
    ensure!(run.code == i32::from(!is_empty), "{run:?}");
    Ok(report)
}

/// Sort and account of each, in order.
fn sorts(report: &Value) -> Vec<(&str, &str)> {
    let orphans = report["orphans"].as_array();
    let orphans = orphans.into_iter().flatten();
    orphans
        .map(|orphan| {
            let of = |key: &str| orphan[key].as_str().unwrap_or("-");
            (of("what"), of("authId"))
        })
        .collect()
}

/// The object goes without its finalizer, which only works while no operator puts it back.
async fn tear(environment: &Environment, name: &str) -> Result<()> {
    let strip = json!({"metadata": {"finalizers": null}});
    environment.objects.merge(Kind::Subaccount, name, &strip).await?;
    environment.objects.delete(Kind::Subaccount, name).await?;
    environment.objects.await_gone(Kind::Subaccount, name).await
}

/// Somebody makes an account at the console, with this marker or none.
async fn make(environment: &Environment, name: &str, marker: Option<String>) -> Result<String> {
    let fields = json!({"parent": environment.parent.auth_id, "name": name, "description": marker});
    let made = environment.simulator.create_account(&fields).await?;
    Ok(text(&made["auth_id"])?.to_owned())
}

#[expect(
    clippy::too_many_lines,
    reason = "one story: every sort is brought about, told, and dealt with"
)]
async fn every_sort(bed: Arc<TestBed>) -> Result<()> {
    let options = EnvironmentOptions {
        account: json!({"resyncIntervalSeconds": 10}),
        // Nothing that a lost create left is deleted while it is looked at.
        operator_flags: vec!["--settle-seconds=600".to_owned()],
        ..environment("vobiz-orphans", Api::Gen2)
    };
    // Its own control plane: of all namespaces there is nothing but this then.
    let bed = bed.apart().await?;
    let environment = bed.environment(options).await?;
    ensure!(sorts(&listed(&environment, &[]).await?).is_empty());

    let retain = json!({"deletion": {"policy": "Retain"}});
    let kept = environment.create_ready("kept", retain.clone()).await?;
    let rid = environment.create_ready("to-be-rid-of", retain).await?;
    for name in ["kept", "to-be-rid-of"] {
        environment.objects.delete(Kind::Subaccount, name).await?;
        environment.await_gone(Kind::Subaccount, name).await?;
    }
    let torn = environment.create_ready("torn", json!({})).await?;
    let damaged = environment.create_ready("damaged", json!({})).await?;
    lose_one_create(&environment).await?;
    environment.create_ready("repeated", json!({})).await?;
    let open = held_create(&environment, "open", DEADLINE).await?;
    environment.operator()?.kill_hard().await?;
    for name in ["torn", "open"] {
        tear(&environment, name).await?;
    }
    let record = record_name(&damaged.uid);
    let damage = json!({"stringData": {"phase": "Void"}});
    environment
        .operator_objects
        .merge(Kind::Secret, &record, &damage)
        .await?;
    let identity = environment
        .operator_objects
        .get(Kind::ConfigMap, "vobiz-operator-installation")
        .await?;
    let marker = |installation: &str| Some(format!("[vobiz-operator {installation} {UNKNOWN}.1]"));
    let orphan = make(&environment, "orphan", marker(text(&identity["data"]["id"])?)).await?;
    make(&environment, "another's", marker("00000000")).await?;
    let unowned = make(&environment, "by hand", None).await?;

    let report = listed(&environment, &[]).await?;
    println!("{report:#}");
    let leftover = report["orphans"][4]["authId"]
        .as_str()
        .context("there is no leftover")?;
    let expected = [
        ("OrphanedAccount", orphan.as_str()),
        ("OrphanedRecord", &torn.auth_id),
        ("DamagedRecord", "-"),
        ("PendingRecord", "-"),
        ("Leftover", leftover),
        ("KeptRecord", &kept.auth_id),
        ("KeptRecord", &rid.auth_id),
        ("UnownedAccount", &unowned),
    ];
    ensure!(sorts(&report) == expected, "{report:#}");
    ensure!(
        report["ofOtherInstallations"] == 1 && report["unseen"] == json!([]),
        "{report:#}"
    );
    let records: Vec<&Value> = (1..=5)
        .map(|number| &report["orphans"][number]["record"])
        .collect();
    let name_of = |uid: &str| json!(record_name(uid));
    ensure!(
        records[..3] == [&name_of(&torn.uid), &json!(record), &name_of(&uid_of(&open)?)]
            && records[4] == &name_of(&kept.uid),
        "{records:?}"
    );
    for orphan in report["orphans"].as_array().into_iter().flatten() {
        let words = orphan["whatToDo"].as_str().unwrap_or_default();
        ensure!(words.len() > 40, "it does not say what may be done: {orphan:#}");
    }
    ensure!(
        listed(&environment, &["--account", ACCOUNT]).await? == report,
        "of the Account alone"
    );
    let everywhere = run_everywhere(&environment, &["orphans", "-A", "-o", "json"]).await?;
    ensure!(everywhere.json()? == report, "{everywhere:?}");
    let table = run(&environment, &["orphans"], "").await?;
    println!("$ kubectl vobiz orphans\n{}{}", table.stdout, table.stderr);
    fits(&table)?;
    ensure!(table.code == 1 && table.stdout.lines().count() > 7, "{table:?}");
    for words in ["2 KeptRecord: ", "vobiz.ai/reclaim=true", "another installation"] {
        ensure!(
            table.stderr.contains(words),
            "it does not say {words}: {}",
            table.stderr
        );
    }
    let plain = run(&environment, &["orphans", "--no-headers"], "").await?;
    ensure!(
        !plain.stdout.contains("AUTH-ID") && plain.stdout.contains(&orphan),
        "{plain:?}"
    );
    let nobody = run(&environment, &["orphans", "--account", "nobody"], "").await?;
    ensure!(
        nobody.code == 3 && nobody.stderr.contains("there is none"),
        "{nobody:?}"
    );

    // What the runbook says of each.
    let flags = ["--settle-seconds=6", "--retention-seconds=6"];
    let operator = environment.start_replica("later", &flags).await?;
    for account in [&orphan, &unowned, &rid.auth_id] {
        environment.simulator.remove_account(account).await?;
    }
    environment
        .operator_objects
        .delete(Kind::Secret, &record_name(&rid.uid))
        .await?;
    let mend = json!({"stringData": {"phase": "Bound"}});
    environment
        .operator_objects
        .merge(Kind::Secret, &record, &mend)
        .await?;
    for (name, before) in [("kept", &kept), ("torn", &torn)] {
        environment.create_subaccount(name, json!({})).await?;
        environment
            .await_reason(Kind::Subaccount, name, "Stalled", "OrphanFound")
            .await?;
        let reclaim = json!({"metadata": {"annotations": {"vobiz.ai/reclaim": "true"}}});
        environment
            .objects
            .merge(Kind::Subaccount, name, &reclaim)
            .await?;
        let ready = environment.await_ready(name).await?;
        ensure!(ready["status"]["authId"] == before.auth_id, "{name}: {ready:#}");
    }
    let begun = Instant::now();
    let report = loop {
        let report = listed(&environment, &[]).await?;
        if sorts(&report).is_empty() {
            break report;
        }
        ensure!(
            begun.elapsed() < DEADLINE,
            "something is left: {report:#}\n{}",
            operator.log_tail(25)
        );
        tokio::time::sleep(PAUSE).await;
    };
    ensure!(report["ofOtherInstallations"] == 1, "{report:#}");
    operator.kill_hard().await
}

async fn unseen(bed: Arc<TestBed>) -> Result<()> {
    let bed = bed.apart().await?;
    let environment = bed
        .environment(environment("vobiz-orphans-unseen", Api::Gen2))
        .await?;
    environment.create_ready("acme", json!({})).await?;
    make(&environment, "by hand", None).await?;
    let objects = json!({"apiGroups": ["vobiz.ai"], "resources": ["subaccounts", "accounts"], "verbs": ["get", "list"]});
    let pair = json!({"apiGroups": [""], "resources": ["secrets"], "resourceNames": [CREDENTIALS], "verbs": ["get"]});
    let directory = TemporaryDirectory::new("vobiz-orphans")?;
    let asked = async |rules: Value| -> Result<Run> {
        let kubeconfig = person(&environment, &directory, rules).await?;
        run_as(&environment, kubeconfig.as_ref(), &["orphans", "-o", "json"], "").await
    };
    let blind = asked(json!([objects])).await?;
    ensure!(blind.code == 3 && blind.stdout.is_empty(), "{blind:?}");
    for words in ["Records", "credentials Secret", "you may not read it"] {
        ensure!(
            blind.stderr.contains(words),
            "it does not say {words}: {}",
            blind.stderr
        );
    }

    let half = asked(json!([objects, pair])).await?;
    ensure!(
        half.code == 3 && half.stderr.contains("not everything could be seen"),
        "{half:?}"
    );
    let report = half.json()?;
    ensure!(
        report["orphans"] == json!([]),
        "an account was taken for an orphan: {report:#}"
    );
    let unseen = report["unseen"].to_string();
    // Whether a Record holds the one that no Subaccount names cannot be told.
    for words in [
        "Records in the namespace",
        "whose 1 accounts",
        "Subaccounts of all namespaces",
    ] {
        ensure!(unseen.contains(words), "it does not say {words}: {unseen}");
    }
    Ok(())
}
