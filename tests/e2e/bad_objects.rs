//! What a cluster and its people do to objects: writes that are refused, Records that are edited, names that were meant
//! for somebody else.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use vobiz_harness::objects::{Kind, condition_of};
use vobiz_harness::simulator::Api;
use vobiz_harness::simulator_control::Fault;
use vobiz_harness::simulator_journal::{JournalQuery, Operation};
use vobiz_harness::suite::Suite;
use vobiz_harness::test_bed::{EnvironmentOptions, TestBed};

use crate::at_rest::{
    auth_id_of, await_kept_out, ensure_consistent, ensure_one_create, ensure_safe, record_name,
    secret_values, uid_of,
};
use crate::generation::{environment, in_each};

const NAME: &str = "acme";
const SECRET: &str = "acme-vobiz";
const PATIENCE: Duration = Duration::from_mins(1);
/// Names of objects, and what their accounts are called and described as.
const TEXTS: [(&str, &str); 8] = [
    ("emoji", "Akme 📞👩‍🚀"),
    ("right-to-left", "שלום \u{202e}txet"),
    ("zero-width", "a\u{200b}b\u{feff}c"),
    ("interpolated", "${HOME} $(id) {{ .Values }} %s %n"),
    ("dash", "--name=-rf"),
    ("quoted", "\"';-- <b> & \\u0000 \\n"),
    ("bracketed", "[vobiz-operator"),
    ("dots", "../../secrets?x=1#y%2f"),
];

pub fn add_to(suite: &mut Suite) {
    in_each(
        suite,
        "a Secret over quota is told, its pair waits in the Record, and it is written once there is room",
        over_quota,
    );
    in_each(
        suite,
        "a Secret that a person made immutable with another pair is told and not fought over",
        immutable,
    );
    in_each(
        suite,
        "a Record that a person damaged is told by its key and never guessed",
        damaged_record,
    );
    in_each(
        suite,
        "an object of the same name that follows at once has an account and a Secret of its own",
        same_name,
    );
    suite.test(
        "odd names and texts reach Vobiz as they are and cannot forge a log line (generation 2)",
        odd_texts,
    );
}

async fn over_quota(bed: Arc<TestBed>, api: Api) -> Result<()> {
    let environment = bed.environment(environment("objects-quota", api)).await?;
    let kubectl = environment.control_plane().kubectl();
    let namespace = environment.objects.namespace();
    // The credentials are there already.
    let quota = json!({
        "apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "few", "namespace": namespace},
        "spec": {"hard": {"count/secrets": "1"}},
    });
    kubectl.apply(&quota.to_string()).await?;
    // As the cluster's controller counts, which this control plane does not run.
    let counted = json!({"status": {"hard": {"count/secrets": "1"}, "used": {"count/secrets": "1"}}});
    let counted = counted.to_string();
    let patch = ["patch", "resourcequota", "few", "--namespace", namespace];
    let status = ["--subresource=status", "--type=merge", "-p", &counted];
    kubectl.run(&[patch.as_slice(), &status].concat()).await?;

    let created = environment.create_subaccount(NAME, json!({})).await?;
    await_kept_out(&environment, NAME, &[SECRET, "the pair is safe"]).await?;
    ensure_safe(&environment, &uid_of(&created)?).await?;

    let delete = ["delete", "resourcequota", "few", "--namespace", namespace];
    kubectl.run(&delete).await?;
    environment.await_ready(NAME).await?;
    ensure_one_create(&environment).await?;
    ensure_consistent(&environment, &[NAME.to_owned()]).await
}

async fn immutable(bed: Arc<TestBed>, api: Api) -> Result<()> {
    let environment = bed.environment(environment("objects-immutable", api)).await?;
    environment.create_ready(NAME, json!({})).await?;
    let edit = json!({"immutable": true, "stringData": {"auth_token": "by-hand"}});
    environment.objects.merge(Kind::Secret, SECRET, &edit).await?;
    environment
        .await_reason(Kind::Subaccount, NAME, "CredentialsPublished", "SecretForbidden")
        .await?;
    let values = secret_values(&environment.objects, SECRET).await?;
    ensure!(values["auth_token"] == "by-hand", "it was replaced all the same");
    environment.objects.delete(Kind::Secret, SECRET).await?;
    environment.await_ready(NAME).await?;
    ensure_one_create(&environment).await?;
    ensure_consistent(&environment, &[NAME.to_owned()]).await
}

async fn damaged_record(bed: Arc<TestBed>, api: Api) -> Result<()> {
    let options = EnvironmentOptions {
        account: json!({"resyncIntervalSeconds": 10}),
        ..environment("objects-record", api)
    };
    let mut environment = bed.environment(options).await?;
    let made = environment.create_ready(NAME, json!({})).await?;
    let before = environment.simulator.journal_mark().await?;
    let name = record_name(&made.uid);
    let damage = json!({"stringData": {"phase": "Void"}});
    environment
        .operator_objects
        .merge(Kind::Secret, &name, &damage)
        .await?;
    environment.restart_operator()?;
    environment
        .objects
        .merge(Kind::Subaccount, NAME, &json!({"spec": {"enabled": false}}))
        .await?;
    environment
        .await_reason(Kind::Subaccount, NAME, "Stalled", "CredentialsLost")
        .await?;
    environment
        .await_message(Kind::Subaccount, NAME, "Stalled", &["`phase`", &name])
        .await?;
    let sent = environment
        .simulator
        .journal(&JournalQuery::new().since(before))
        .await?;
    let reads = [Operation::List, Operation::Me, Operation::Get];
    ensure!(
        sent.iter().all(|entry| reads.contains(&entry.operation)),
        "a damaged Record led to {sent:#?}"
    );

    // The message's advice works.
    environment.operator_objects.delete(Kind::Secret, &name).await?;
    environment
        .await_reason(Kind::Subaccount, NAME, "Ready", "Disabled")
        .await?;
    ensure_one_create(&environment).await?;
    ensure_consistent(&environment, &[NAME.to_owned()]).await
}

async fn same_name(bed: Arc<TestBed>, api: Api) -> Result<()> {
    let environment = bed.environment(environment("objects-same-name", api)).await?;
    let first = environment.create_ready(NAME, json!({})).await?;
    let hold = json!({"type": "delay", "milliseconds": 1500});
    environment
        .simulator
        .add_fault(&Fault::new(hold).operation(Operation::Delete).times(1))
        .await?;
    environment.objects.delete(Kind::Subaccount, NAME).await?;
    let asked = JournalQuery::new()
        .operation(Operation::Delete)
        .id(&first.auth_id);
    environment.explain(environment.simulator.await_journal(&asked, 1, PATIENCE).await)?;
    // Refused while the old one is there, taken the moment that it is gone.
    let second = tokio::time::timeout(PATIENCE, async {
        loop {
            if let Ok(created) = environment.create_subaccount(NAME, json!({})).await {
                return created;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    let second = second.await.context("the name stays taken")?;
    ensure!(uid_of(&second)? != first.uid, "it is the same object");
    let uid = uid_of(&second)?;
    let ready = environment
        .await_object(Kind::Subaccount, NAME, "the second one, Ready", |object| {
            object["metadata"]["uid"] == *uid
                && condition_of(object, "Ready").is_some_and(|ready| ready["status"] == "True")
        })
        .await?;
    ensure!(
        auth_id_of(&ready)? != first.auth_id,
        "it was given the account of the first"
    );
    let secret = environment.objects.get(Kind::Secret, SECRET).await?;
    ensure!(
        secret["metadata"]["ownerReferences"][0]["uid"] == *uid,
        "its Secret belongs to the first: {}",
        secret["metadata"]
    );
    let found = environment.simulator.find_account(&first.auth_id).await?;
    ensure!(found.is_none(), "the account of the first is left");
    environment.await_record_gone(&first.uid).await?;
    let left = environment.simulator.accounts().await?;
    ensure!(
        left.len() == 1 && left[0]["name"] == NAME,
        "the accounts are {left:#?}"
    );
    let pair = secret_values(&environment.objects, SECRET).await?;
    ensure!(left[0]["auth_token"] == *pair["auth_token"], "its pair is wrong");
    Ok(())
}

async fn odd_texts(bed: Arc<TestBed>) -> Result<()> {
    let environment = bed.environment(environment("objects-texts", Api::Gen2)).await?;
    let ten_kilobytes = "x".repeat(10_000);
    for (what, spec) in [
        ("10 kB", json!({"name": ten_kilobytes})),
        ("a new line", json!({"name": "a\n{\"level\":\"INFO\"}"})),
        ("an escape sequence", json!({"name": "a\u{1b}[31mred"})),
        (
            "another account's marker",
            json!({"description":
            "a [vobiz-operator 00c0ffee 0123456789abcdef0123456789abcdef.1]"}),
        ),
    ] {
        let created = environment.create_subaccount("refused", spec).await;
        ensure!(created.is_err(), "{what} is accepted");
    }
    for (name, text) in TEXTS {
        let spec = json!({"name": text, "description": text, "phone": text});
        environment.create_subaccount(name, spec).await?;
    }
    for (name, text) in TEXTS {
        let auth_id = auth_id_of(&environment.await_ready(name).await?)?;
        let account = environment.simulator.account(&auth_id).await?;
        ensure!(
            account["name"] == text && account["phone"] == text,
            "{name}: {account:#}"
        );
        let description = account["description"].as_str().unwrap_or_default();
        ensure!(description.starts_with(text), "{name}: {description}");
    }
    let log = std::fs::read(environment.operator()?.log())?;
    ensure!(
        !log.iter().any(|byte| matches!(*byte, 0..=8 | 11..=31 | 127)),
        "the log has a control character"
    );
    let log = String::from_utf8(log).context("the log is not UTF-8")?;
    for line in log.lines().filter(|line| !line.is_empty()) {
        serde_json::from_str::<Value>(line).with_context(|| format!("no line of the log: {line}"))?;
    }
    let sent = JournalQuery::new().operation(Operation::Create);
    let sent = environment.simulator.journal_count(&sent).await?;
    ensure!(sent == TEXTS.len(), "{sent} creates were sent");
    Ok(())
}
