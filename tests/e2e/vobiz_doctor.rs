//! What `kubectl vobiz doctor` finds: nothing where all is well, and each fault that is brought about, with its remedy.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use vobiz_harness::directory::TemporaryDirectory;
use vobiz_harness::objects::Kind;
use vobiz_harness::simulator::Api;
use vobiz_harness::simulator_control::Fault;
use vobiz_harness::simulator_journal::{JournalQuery, Operation};
use vobiz_harness::suite::Suite;
use vobiz_harness::test_bed::{Environment, TestBed};

use crate::at_rest::record_name;
use crate::generation::environment;
use crate::vobiz_command::{run, run_as, run_everywhere};
use crate::vobiz_views::{asked, fits, person};

const LEASE: &str = "vobiz-operator-leader-election";
const DEADLINE: Duration = Duration::from_mins(1);
const PAUSE: Duration = Duration::from_millis(500);
/// What is asked of the API server beside reads: questions that have the form of a create.
const QUESTIONS: [&str; 2] = ["create subjectaccessreviews", "create selfsubjectaccessreviews"];

pub fn add_to(suite: &mut Suite) {
    suite.test(
        "kubectl vobiz doctor finds each fault and names its remedy, finds none where all is well, and writes nothing",
        faults,
    );
    suite.test(
        "kubectl vobiz doctor tells somebody with few rights what was not seen, and takes nothing of it for a fault",
        few_rights,
    );
}

async fn examined(environment: &Environment, arguments: &[&str]) -> Result<Value> {
    let all = [&["doctor", "-o", "json"], arguments].concat();
    let run = run(environment, &all, "").await?;
    let report = run.json()?;
    let has_fault = report["summary"]["fault"] != 0;
    ensure!(run.code == i32::from(has_fault), "{run:?}");
    Ok(report)
}

/// The checks of this verdict, as `part object: message`.
fn checks(report: &Value, verdict: &str) -> Vec<String> {
    let checks = report["checks"].as_array().into_iter().flatten();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    checks
        .filter(|check| check["verdict"] == verdict)
        .map(|check| {
            format!(
                "{} {}: {}",
                text(&check["part"]),
                text(&check["object"]),
                text(&check["message"])
            )
        })
        .collect()
}

/// The operator's Deployment, as its controller would keep it: nothing runs Pods here.
async fn deploy(environment: &Environment, ready: u32) -> Result<()> {
    let namespace = &environment.installation.namespace;
    let labels = json!({"app.kubernetes.io/name": "vobiz-operator"});
    let watched = json!({"name": "VOBIZ_WATCH_NAMESPACES", "value": environment.objects.namespace()});
    let container = json!({"name": "operator", "image": "vobiz-operator:0.1.0", "env": [watched],
        "args": ["run", "--leader-elect", "--cluster-accounts=false"]});
    let deployment = json!({"apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "vobiz-operator", "namespace": namespace, "labels": labels},
        "spec": {"replicas": 1, "selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels},
            "spec": {"serviceAccountName": environment.installation.service_account, "containers": [container]}}}});
    let kubectl = environment.control_plane().kubectl();
    kubectl.apply(&deployment.to_string()).await?;
    let status = json!({"status": {"replicas": 1, "readyReplicas": ready}}).to_string();
    let patch = ["patch", "deployments", "vobiz-operator", "--namespace", namespace];
    let how = ["--subresource=status", "--type=merge", "--patch", &status];
    kubectl.run(&[patch.as_slice(), &how].concat()).await?;
    Ok(())
}

async fn healthy(environment: &Environment) -> Result<()> {
    let (mark, sequence) = (
        environment.audit()?.mark().await?,
        environment.simulator.journal_mark().await?,
    );
    let report = examined(environment, &[]).await?;
    ensure!(
        report["summary"]["fault"] == 0 && report["summary"]["warning"] == 0,
        "{report:#}"
    );
    let requests = asked(environment, mark).await?;
    let is_read = |request: &String| request.starts_with("get ") || request.starts_with("list ");
    let others: Vec<&String> = requests
        .iter()
        .filter(|request| !is_read(request) && !QUESTIONS.contains(&request.as_str()))
        .collect();
    ensure!(others.is_empty(), "it asked for {others:?}");
    let journal = environment
        .simulator
        .journal(&JournalQuery::new().since(sequence))
        .await?;
    let operations: Vec<Operation> = journal.iter().map(|entry| entry.operation).collect();
    let lists = |operation: &&Operation| **operation == Operation::List;
    // The operator reads its list too.
    let asked: Vec<&Operation> = operations.iter().filter(|operation| !lists(operation)).collect();
    ensure!(asked == [&Operation::Me], "Vobiz was asked for {operations:?}");
    println!(
        "doctor: {} requests to Kubernetes, {} of them questions about rights, and 1 to Vobiz",
        requests.len(),
        requests.len() - requests.iter().filter(|request| is_read(request)).count()
    );
    Ok(())
}

#[expect(
    clippy::too_many_lines,
    reason = "one story: every part is broken, told, and mended"
)]
async fn faults(bed: Arc<TestBed>) -> Result<()> {
    // The definitions are changed here, and the operator's rights taken away.
    let bed = bed.apart().await?;
    let mut options = environment("vobiz-doctor", Api::Gen2);
    options.operator_flags = vec!["--leader-elect=true".to_owned()];
    let mut environment = bed.environment(options).await?;
    deploy(&environment, 1).await?;
    let acme = environment.create_ready("acme", json!({})).await?;
    let beta = environment.create_ready("beta", json!({})).await?;
    environment.create_ready("gone", json!({})).await?;
    healthy(&environment).await?;
    let table = run(&environment, &["doctor"], "").await?;
    println!("$ kubectl vobiz doctor\n{}{}", table.stdout, table.stderr);
    fits(&table)?;
    ensure!(table.code == 0 && table.stderr.contains(" 0 faults"), "{table:?}");
    let everywhere = run_everywhere(&environment, &["doctor", "-A", "-o", "json"]).await?;
    ensure!(everywhere.code == 0, "{everywhere:?}");

    another_token(&environment, &acme.auth_id).await?;

    environment.operator()?.kill_hard().await?;
    let kubectl = environment.control_plane().kubectl().clone();
    let without = json!([{"op": "remove", "path": "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/phone"}]);
    let without = without.to_string();
    let definition = [
        "patch",
        "customresourcedefinitions",
        "subaccounts.vobiz.ai",
        "--type=json",
        "--patch",
        &without,
    ];
    kubectl.run(&definition).await?;
    deploy(&environment, 0).await?;
    let stale = json!({"spec": {"renewTime": "2020-01-01T00:00:00.000000Z"}});
    environment
        .operator_objects
        .merge(Kind::Lease, LEASE, &stale)
        .await?;
    let binding = format!("vobiz-operator-{}", environment.installation.namespace);
    let granted = kubectl.get_json(&["clusterrolebindings", &binding]).await?;
    kubectl.run(&["delete", "clusterrolebindings", &binding]).await?;
    let wrong =
        json!({"stringData": {"auth_id": "MA_SOMEBODYELSE00", "auth_token": "a-token-of-nobody-at-all"}});
    environment.objects.create(Kind::Secret, "wrong", wrong).await?;
    for (name, secret) in [("refused", "wrong"), ("missing", "nowhere")] {
        let manifest = json!({"spec": {"credentialsSecretRef": {"name": secret}}});
        environment.objects.create(Kind::Account, name, manifest).await?;
    }
    let token = json!({"stringData": {"auth_token": "a-token-that-somebody-wrote"}});
    environment
        .objects
        .merge(Kind::Secret, "acme-vobiz", &token)
        .await?;
    environment.objects.delete(Kind::Secret, "gone-vobiz").await?;
    let record = record_name(&beta.uid);
    let damage = json!({"stringData": {"phase": "Void"}});
    environment
        .operator_objects
        .merge(Kind::Secret, &record, &damage)
        .await?;
    let date = json!({"type": "body", "body": {"auth_id": environment.parent.auth_id},
        "headers": {"date": "Wed, 01 Jan 2020 00:00:00 GMT"}});
    let dated = Fault::new(date)
        .operation(Operation::Me)
        .parent(&environment.parent.auth_id);
    environment.simulator.add_fault(&dated).await?;

    let report = examined(&environment, &[]).await?;
    println!("{report:#}");
    let found = checks(&report, "fault");
    let namespace = environment.objects.namespace();
    for expected in [
        "definition subaccounts.vobiz.ai: it differs",
        "operator Deployment vobiz-operator: none of its Pods is ready",
        &format!("leader Lease {LEASE}: "),
        "operator-rights system:serviceaccount:",
        &format!("account Account {namespace}/refused: Unauthorized"),
        &format!("account Account {namespace}/missing: CredentialsMissing"),
        "clock Vobiz: its clock is",
        "record Records of the namespace",
        &format!(
            "secret Secret {namespace}/acme-vobiz: it holds another pair than its Record, and Vobiz refuses that"
        ),
        &format!("secret Secret {namespace}/gone-vobiz: it is not there"),
    ] {
        ensure!(
            found.iter().any(|found| found.starts_with(expected)),
            "no {expected}: {found:#?}"
        );
    }
    ensure!(
        report.to_string().contains("it lacks v1alpha1.spec.phone"),
        "{found:#?}"
    );
    for check in report["checks"].as_array().into_iter().flatten() {
        let has_remedy = check["remedy"].as_str().is_some_and(|remedy| remedy.len() > 8);
        ensure!(has_remedy == (check["verdict"] != "ok"), "{check:#}");
    }
    let table = run(&environment, &["doctor"], "").await?;
    println!("$ kubectl vobiz doctor\n{}{}", table.stdout, table.stderr);
    fits(&table)?;
    ensure!(table.code == 1, "{table:?}");

    environment.simulator.clear_faults().await?;
    let mend = json!({"stringData": {"phase": "Bound"}});
    environment
        .operator_objects
        .merge(Kind::Secret, &record, &mend)
        .await?;
    for name in ["refused", "missing"] {
        environment.objects.delete(Kind::Account, name).await?;
    }
    kubectl
        .apply_kustomization(&bed.repository().join("crds"))
        .await?;
    let mut granted = granted;
    for field in ["resourceVersion", "uid", "creationTimestamp"] {
        granted["metadata"]
            .as_object_mut()
            .context("it has metadata")?
            .remove(field);
    }
    kubectl.apply(&granted.to_string()).await?;
    deploy(&environment, 1).await?;
    let nobodys = json!({"spec": {"holderIdentity": ""}});
    environment
        .operator_objects
        .merge(Kind::Lease, LEASE, &nobodys)
        .await?;
    environment.start_operator().await?;
    let begun = Instant::now();
    loop {
        let report = examined(&environment, &[]).await?;
        if report["summary"]["fault"] == 0 {
            break;
        }
        ensure!(begun.elapsed() < DEADLINE, "{:#?}", checks(&report, "fault"));
        tokio::time::sleep(PAUSE).await;
    }
    Ok(())
}

/// A token that is another at Vobiz than in the Record, and so in the Secret: only Vobiz can tell.
async fn another_token(environment: &Environment, auth_id: &str) -> Result<()> {
    let before = environment.simulator.account(auth_id).await?["auth_token"].clone();
    let regenerated = json!({"auth_token": "a-token-that-was-regenerated"});
    environment
        .simulator
        .change_account(auth_id, &regenerated)
        .await?;
    ensure!(
        checks(&examined(environment, &[]).await?, "fault").is_empty(),
        "it was not to be asked"
    );
    let sequence = environment.simulator.journal_mark().await?;
    let found = checks(&examined(environment, &["--check-secrets"]).await?, "fault");
    ensure!(
        found.len() == 1 && found[0].ends_with("acme-vobiz: Vobiz refuses its pair"),
        "{found:#?}"
    );
    let tried = JournalQuery::new().since(sequence).operation(Operation::Me);
    let tried = environment.simulator.journal_count(&tried).await?;
    ensure!(
        tried == 4,
        "the pairs of the parent account and of three subaccounts were tried {tried} times"
    );
    environment
        .simulator
        .change_account(auth_id, &json!({"auth_token": before}))
        .await?;
    Ok(())
}

async fn few_rights(bed: Arc<TestBed>) -> Result<()> {
    let bed = bed.apart().await?;
    let environment = bed
        .environment(environment("vobiz-doctor-unseen", Api::Gen2))
        .await?;
    environment.create_ready("acme", json!({})).await?;
    let directory = TemporaryDirectory::new("vobiz-doctor")?;
    let rules = json!([{"apiGroups": ["vobiz.ai"], "resources": ["subaccounts", "accounts"], "verbs": ["get", "list"]}]);
    let kubeconfig = person(&environment, &directory, rules).await?;
    let run = run_as(&environment, kubeconfig.as_ref(), &["doctor", "-o", "json"], "").await?;
    let report = run.json()?;
    ensure!(run.code == 0 && checks(&report, "fault").is_empty(), "{report:#}");
    let warnings = checks(&report, "warning");
    println!("{warnings:#?}");
    for part in [
        "definition",
        "operator",
        "leader",
        "operator-rights",
        "own-rights",
        "account",
        "clock",
        "record",
        "secret",
    ] {
        let is_told = warnings
            .iter()
            .any(|warning| warning.starts_with(&format!("{part} ")));
        ensure!(is_told, "nothing is said of the {part}: {warnings:#?}");
    }
    ensure!(
        warnings
            .iter()
            .any(|warning| warning.contains("you may not list secrets in the namespace")),
        "{warnings:#?}"
    );
    Ok(())
}
