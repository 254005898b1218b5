//! What `kubectl vobiz` shows and what it asks for: the worst first, no more requests than it takes, and no guess about what its caller
//! may not see.

use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use vobiz_harness::audit::{AuditQuery, Mark};
use vobiz_harness::directory::TemporaryDirectory;
use vobiz_harness::installation::token;
use vobiz_harness::objects::Kind;
use vobiz_harness::simulator::Api;
use vobiz_harness::simulator_journal::{JournalQuery, Operation};
use vobiz_harness::suite::Suite;
use vobiz_harness::test_bed::{ACCOUNT, Environment, TestBed};

use crate::generation::environment;
use crate::vobiz_command::{Run, plan, prospect, run, run_as};

pub fn add_to(suite: &mut Suite) {
    suite.test(
        "kubectl vobiz status lists the worst first, and shows of one what to do in the runbook's words",
        status,
    );
    suite.test(
        "a plan asks as often for one manifest whatever else there is, and of many one list per hundred",
        requests,
    );
    suite.test(
        "somebody who may see the objects alone is told what a plan took on trust, and what cannot be told",
        unseen,
    );
    suite.test(
        "somebody who lacks a right, or the parent's pair, does what they are told, and learns what they asked",
        mended,
    );
    suite.test(
        "what the rules of the definitions refuse is told by a plan in the API server's words, which is not asked",
        refused,
    );
}

pub fn fits(run: &Run) -> Result<()> {
    let longest = run
        .stdout
        .lines()
        .map(|line| line.chars().count())
        .max()
        .unwrap_or(0);
    ensure!(longest <= 80, "a line has {longest} characters:\n{}", run.stdout);
    ensure!(
        !run.stdout.contains('\u{1b}'),
        "there is colour in a pipe:\n{}",
        run.stdout
    );
    Ok(())
}

async fn status(bed: Arc<TestBed>) -> Result<()> {
    let environment = bed.environment(environment("vobiz-status", Api::Gen2)).await?;
    let none = run(&environment, &["status"], "").await?;
    ensure!(
        none.code == 0 && none.stderr.contains("there are no Subaccounts"),
        "{none:?}"
    );
    environment.create_ready("well", json!({})).await?;
    environment
        .create_ready("kept", json!({"deletion": {"policy": "Retain"}}))
        .await?;
    environment.objects.delete(Kind::Subaccount, "kept").await?;
    environment.await_gone(Kind::Subaccount, "kept").await?;
    environment.create_subaccount("kept", json!({})).await?;
    environment
        .await_reason(Kind::Subaccount, "kept", "Stalled", "OrphanFound")
        .await?;

    let listed = run(&environment, &["status"], "").await?;
    println!("{}{}", listed.stdout, listed.stderr);
    fits(&listed)?;
    ensure!(listed.code == 1, "an object is stalled: {listed:?}");
    let lines: Vec<&str> = listed.stdout.lines().collect();
    ensure!(
        lines[0].starts_with("NAME") && lines[1].starts_with("kept"),
        "{}",
        listed.stdout
    );
    ensure!(
        lines.iter().any(|line| line.starts_with("well")),
        "{}",
        listed.stdout
    );
    ensure!(
        listed.stderr.contains("1 ready, 1 need a person"),
        "{}",
        listed.stderr
    );
    let rows = run(&environment, &["status", "-o", "json"], "").await?.json()?;
    ensure!(
        rows[0]["standing"] == "Stalled" && rows[1]["name"] == "well",
        "{rows:#}"
    );

    let page = run(&environment, &["status", "kept"], "").await?;
    println!("{}", page.stdout);
    fits(&page)?;
    ensure!(page.code == 1, "{page:?}");
    for words in ["OrphanFound", "vobiz.ai/reclaim", "What to do", "refuse"] {
        ensure!(
            page.stdout.contains(words),
            "it does not say {words}:\n{}",
            page.stdout
        );
    }
    let page = run(&environment, &["status", "well"], "").await?;
    println!("{}", page.stdout);
    fits(&page)?;
    ensure!(page.code == 0, "{page:?}");
    for words in [
        "Bound",
        "keys auth_id, auth_token",
        "SubaccountCreated",
        "nothing: it is as its manifest says",
    ] {
        ensure!(
            page.stdout.contains(words),
            "it does not say {words}:\n{}",
            page.stdout
        );
    }
    let missing = run(&environment, &["status", "nobody"], "").await?;
    ensure!(
        missing.code == 3 && missing.stderr.contains("nobody: there is none"),
        "{missing:?}"
    );
    Ok(())
}

/// A person with a name of their own, and these rules in the environment's namespace.
pub async fn person(
    environment: &Environment,
    directory: &TemporaryDirectory,
    rules: Value,
) -> Result<String> {
    let namespace = environment.objects.namespace();
    let name = "person";
    let metadata = json!({"name": name, "namespace": namespace});
    let subject = json!({"kind": "ServiceAccount", "name": name, "namespace": namespace});
    let items = json!([
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata},
        {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": metadata, "rules": rules},
        {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": metadata,
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name}, "subjects": [subject]},
    ]);
    let list = json!({"apiVersion": "v1", "kind": "List", "items": items});
    environment
        .control_plane()
        .kubectl()
        .apply(&list.to_string())
        .await?;
    let token = token(&environment.control_plane().client(), namespace, name, 600).await?;
    let path = directory.path().join("person");
    environment
        .control_plane()
        .endpoint()
        .write_for_token(&path, namespace, &token)?;
    Ok(path.to_str().context("a path is text")?.to_owned())
}

fn manifest(environment: &Environment, name: &str, spec: &Value) -> Value {
    let mut spec = spec.clone();
    spec["accountRef"] = json!({"name": ACCOUNT});
    json!({"apiVersion": "vobiz.ai/v1alpha1", "kind": "Subaccount",
        "metadata": {"name": name, "namespace": environment.objects.namespace()}, "spec": spec})
}

/// Requests to Kubernetes by the administrator since then, as `verb resource`.
pub async fn asked(environment: &Environment, since: Mark) -> Result<Vec<String>> {
    let query = AuditQuery::new()
        .since(since)
        .user(vobiz_harness::control_plane::ADMIN_USER);
    let lines = environment.audit()?.lines(&query).await?;
    let ours = lines
        .iter()
        .filter(|line| line.user_agent.starts_with("kubectl-vobiz/"));
    Ok(ours
        .map(|line| format!("{} {}", line.verb, line.object_ref.resource))
        .collect())
}

async fn requests(bed: Arc<TestBed>) -> Result<()> {
    // Its own control plane: the audit log then shows this caller alone.
    let bed = bed.apart().await?;
    let mut options = environment("vobiz-requests", Api::Gen2);
    options.account = json!({"rateLimit": {"requestsPerSecond": 1000, "burst": 1000}});
    let environment = bed.environment(options).await?;
    let one = manifest(&environment, "acme", &json!({"rateLimit": 5}));
    let names: Vec<String> = (0..130).map(|number| format!("many-{number:03}")).collect();
    let many: Vec<Value> = names
        .iter()
        .map(|name| manifest(&environment, name, &json!({})))
        .collect();
    let list = |items: &[Value]| json!({"apiVersion": "v1", "kind": "List", "items": items});
    environment.create_ready("acme", json!({"rateLimit": 4})).await?;

    let mut of_one = Vec::new();
    for round in ["alone", "among many"] {
        let (mark, sequence) = (
            environment.audit()?.mark().await?,
            environment.simulator.journal_mark().await?,
        );
        let told = plan(&environment, &one, &[]).await?;
        ensure!(prospect(&told, "acme")?["action"] == "update", "{told:#}");
        let journal = environment
            .simulator
            .journal(&JournalQuery::new().since(sequence))
            .await?;
        let operations: Vec<Operation> = journal
            .iter()
            .filter(|entry| entry.operation != Operation::List)
            .map(|entry| entry.operation)
            .collect();
        ensure!(
            operations == [Operation::Get],
            "{round}: Vobiz was asked for {operations:?}"
        );
        let asked = asked(&environment, mark).await?;
        println!(
            "{round}: {} requests to Kubernetes ({}), 1 to Vobiz",
            asked.len(),
            asked.join(", ")
        );
        of_one.push(asked);
        if round == "alone" {
            environment
                .control_plane()
                .kubectl()
                .apply(&list(&many).to_string())
                .await?;
            for name in &names {
                environment.await_ready(name).await?;
            }
        }
    }
    ensure!(of_one[0] == of_one[1], "it takes more among many: {of_one:?}");

    let mark = environment.audit()?.mark().await?;
    let sequence = environment.simulator.journal_mark().await?;
    let told = plan(&environment, &list(&many), &[]).await?;
    ensure!(
        told["summary"]["actions"] == json!({"nothing": 130}),
        "{:#}",
        told["summary"]
    );
    let journal = environment
        .simulator
        .journal(&JournalQuery::new().since(sequence))
        .await?;
    let lists = journal
        .iter()
        .filter(|entry| entry.operation == Operation::List)
        .count();
    ensure!(lists <= 4, "{lists} pages of 131 accounts were read");
    ensure!(
        journal.iter().all(|entry| entry.operation == Operation::List),
        "{journal:?}"
    );
    let asked = asked(&environment, mark).await?;
    println!(
        "of 130: {} requests to Kubernetes ({}), {lists} pages of Vobiz",
        asked.len(),
        asked.join(", ")
    );
    ensure!(asked.len() <= 6, "{asked:?}");
    Ok(())
}

async fn mended(bed: Arc<TestBed>) -> Result<()> {
    let bed = bed.apart().await?;
    let environment = bed.environment(environment("vobiz-mended", Api::Gen2)).await?;
    environment.create_ready("acme", json!({"rateLimit": 4})).await?;
    // Paused, what it asks for now was never applied.
    let paused = json!({"metadata": {"annotations": {"vobiz.ai/paused": "true"}}, "spec": {"rateLimit": 5}});
    environment
        .objects
        .merge(Kind::Subaccount, "acme", &paused)
        .await?;
    let directory = TemporaryDirectory::new("vobiz-mended")?;
    let rules =
        json!([{"apiGroups": ["vobiz.ai"], "resources": ["subaccounts", "accounts"], "verbs": ["get"]}]);
    let kubeconfig = person(&environment, &directory, rules).await?;
    let as_person = |arguments: Vec<String>, input: String| {
        let (environment, kubeconfig) = (&environment, kubeconfig.clone());
        async move {
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            run_as(environment, kubeconfig.as_ref(), &arguments, &input).await
        }
    };
    let words = |arguments: &[&str]| arguments.iter().map(|word| (*word).to_owned()).collect();

    let listed = as_person(words(&["status"]), String::new()).await?;
    let remedy = "ask for that right, or use another --context";
    ensure!(listed.code == 3 && listed.stderr.contains(remedy), "{listed:?}");
    let listed = run(&environment, &["status"], "").await?;
    ensure!(listed.stdout.contains("acme"), "{listed:?}");

    let mut manifest = manifest(&environment, "acme", &json!({"rateLimit": 6}));
    manifest["metadata"]["annotations"] = json!({"vobiz.ai/paused": null});
    let plan = words(&["plan", "-f", "-"]);
    let untold = as_person(plan, manifest.to_string()).await?;
    let remedy = "give --auth-id and --auth-token-file";
    let told = untold.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    ensure!(untold.code == 3 && told.contains(remedy), "{untold:?}");

    let parent = &environment.parent;
    for (token, code, words) in [
        (
            "0".repeat(40),
            3,
            "correct the pair in the credentials Secret, or give --auth-id and --auth-token-file",
        ),
        (parent.auth_token.clone(), 1, "rateLimit: 6"),
    ] {
        let file = directory.path().join("token");
        std::fs::write(&file, token)?;
        let arguments = [
            "plan",
            "-f",
            "-",
            "--auth-id",
            &parent.auth_id,
            "--auth-token-file",
            &file.display().to_string(),
        ];
        let arguments = arguments.map(str::to_owned).to_vec();
        let planned = as_person(arguments, manifest.to_string()).await?;
        let told = format!("{}{}", planned.stdout, planned.stderr);
        ensure!(planned.code == code && told.contains(words), "{planned:?}");
    }
    Ok(())
}

async fn unseen(bed: Arc<TestBed>) -> Result<()> {
    let bed = bed.apart().await?;
    let environment = bed.environment(environment("vobiz-unseen", Api::Gen2)).await?;
    environment.create_ready("acme", json!({"rateLimit": 4})).await?;
    let directory = TemporaryDirectory::new("vobiz-unseen")?;
    let rules = json!([{"apiGroups": ["vobiz.ai"], "resources": ["subaccounts", "accounts"], "verbs": ["get", "list"]}]);
    let kubeconfig = person(&environment, &directory, rules).await?;
    let planned = |manifest: Value| {
        let (environment, kubeconfig) = (&environment, kubeconfig.clone());
        async move {
            let arguments = ["plan", "-f", "-", "-o", "json"];
            run_as(
                environment,
                kubeconfig.as_ref(),
                &arguments,
                &manifest.to_string(),
            )
            .await
        }
    };
    let edited = planned(manifest(&environment, "acme", &json!({"rateLimit": 5}))).await?;
    ensure!(edited.code == 1, "{edited:?}");
    let told = edited.json()?;
    let acme = prospect(&told, "acme")?;
    ensure!(acme["action"] == "update", "{acme:#}");
    ensure!(
        acme["changes"] == json!([{"field": "rateLimit", "from": 4, "to": 5}]),
        "{acme:#}"
    );
    let unseen = acme["unseen"].to_string();
    for what in ["credentials Secret", "Records", "you may not change it"] {
        ensure!(
            unseen.contains(what),
            "it does not say that it did not see the {what}: {unseen}"
        );
    }
    let text = run_as(
        &environment,
        kubeconfig.as_ref(),
        &["plan", "-f", "-"],
        &manifest(&environment, "acme", &json!({"rateLimit": 5})).to_string(),
    )
    .await?;
    println!("{}", text.stdout);
    fits(&text)?;
    let page = run_as(&environment, kubeconfig.as_ref(), &["status", "acme"], "").await?;
    println!("{}", page.stdout);
    ensure!(page.code == 0 && page.stdout.contains("not seen"), "{page:?}");
    Ok(())
}

async fn refused(bed: Arc<TestBed>) -> Result<()> {
    // Its own control plane: the audit log then shows this caller alone.
    let bed = bed.apart().await?;
    let environment = bed.environment(environment("vobiz-refused", Api::Gen2)).await?;
    environment
        .create_ready("acme", json!({"description": "ours"}))
        .await?;
    environment.create_ready("kept", json!({})).await?;
    let mut moved = manifest(&environment, "acme", &json!({}));
    moved["spec"]["accountRef"]["name"] = json!("other");
    let misspelt = manifest(&environment, "kept", &json!({"nmae": "Acme"}));
    let made = manifest(
        &environment,
        "globex",
        &json!({"rateLimit": 0, "kycMode": "customer_use"}),
    );
    let list = json!({"apiVersion": "v1", "kind": "List", "items": [moved, misspelt, made]});
    let mark = environment.audit()?.mark().await?;
    let told = plan(&environment, &list, &[]).await?;
    for (name, lines) in [
        (
            "acme",
            &[
                "spec.accountRef: Invalid value: accountRef cannot be changed: an account at Vobiz stays under its parent",
            ][..],
        ),
        (
            "kept",
            &["unknown field \"spec.nmae\"; correct its name, or take it out"],
        ),
        (
            "globex",
            &[
                "spec.rateLimit: Invalid value: 0: spec.rateLimit in body should be greater than or equal to 1; correct it",
                "spec: Invalid value: kycMode customer_use needs an email: set spec.email",
            ],
        ),
    ] {
        let object = prospect(&told, name)?;
        let message = object["message"].as_str().unwrap_or_default();
        let said: Vec<&str> = message.lines().collect();
        let is_it =
            said.len() == lines.len() && said.iter().zip(lines).all(|(said, line)| said.starts_with(line));
        ensure!(
            object["action"] == "refuse" && object["reason"] == "Rejected" && is_it,
            "{object:#}"
        );
    }
    let asked = asked(&environment, mark).await?;
    ensure!(
        asked
            .iter()
            .all(|request| request.starts_with("get ") || request.starts_with("list ")),
        "the API server was asked about what cannot be: {asked:?}"
    );
    let shown = run(&environment, &["plan", "-f", "-"], &list.to_string()).await?;
    println!("{}", shown.stdout);
    fits(&shown)
}
