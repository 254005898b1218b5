//! What concerns a whole cluster, on one of its own: the rights of the operator, and what its documents say from the first
//! command to the last, typed by somebody who has another product with kinds of the same names.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use vobiz_harness::directory::TemporaryDirectory;
use vobiz_harness::installation::Installation;
use vobiz_harness::kubectl::Kubectl;
use vobiz_harness::markdown::blocks;
use vobiz_harness::objects::{Kind, Objects, condition_of};
use vobiz_harness::operator::{OperatorOptions, OperatorProcess};
use vobiz_harness::simulator::{Api, Parent, Simulator, SimulatorOptions};
use vobiz_harness::simulator_control::Fault;
use vobiz_harness::simulator_journal::Operation;
use vobiz_harness::test_bed::{ACCOUNT, Environment, EnvironmentOptions, TestBed, fast_flags};

use super::document::{self, as_written, block, filled};
use super::{Entry, account_becomes_ready, annotate, becomes_ready, entry, shipped, told};
use crate::at_rest::await_kept_out;
use crate::rule::await_told;

const OPERATOR: &str = "vobiz-operator-system";
const TEAM: &str = "team";
const PATIENCE: Duration = Duration::from_mins(1);
/// The way with kustomize has these words.
const WITH_KUSTOMIZE: &str = "kubectl apply -k .";
/// And that with one file.
const WITH_ONE_FILE: &str = "> install.yaml";

pub fn entries() -> Vec<Entry> {
    vec![
        entry!(
            Some("An Account is in trouble / ProgressingWithRetry"),
            "the right that is named is granted, and a look is asked for",
            &["grant the right"],
            right_to_read
        ),
        entry!(
            Some("Kubernetes refuses a write / the API server: User ... cannot ..."),
            "the right is granted, and a look is asked for",
            &["grant the right"],
            right_to_write
        ),
        entry!(
            None,
            "the right to Leases is granted, and the operator started again",
            &["grant get, create and update of leases in the operator's namespace"],
            right_to_lead
        ),
        entry!(
            None,
            "a watched namespace that took its grant along is granted in the whole cluster until it is gone",
            &[],
            granted_namespace
        ),
        entry!(
            None,
            "README and runbook, followed word for word beside another product with kinds of the same names",
            &[],
            newcomer
        ),
    ]
}

/// The grant is in the namespace and goes at once, while what it is needed for waits for the operator, and that for Vobiz: else it
/// may all be over before the grant goes.
async fn granted_namespace(bed: Arc<TestBed>, _: &'static [&'static str]) -> Result<()> {
    let bed = bed.apart().await?;
    let kubectl = bed.control_plane().kubectl();
    let options = EnvironmentOptions {
        namespaced: true,
        ..EnvironmentOptions::new("granted")
    };
    let environment = bed.environment(options).await?;
    environment.create_subaccount("acme", json!({})).await?;
    environment.await_ready("acme").await?;
    let namespace = environment.objects.namespace();
    let refused = Fault::status(500).operation(Operation::Delete);
    let refused = environment.simulator.add_fault(&refused).await?;
    environment.objects.delete(Kind::Namespace, namespace).await?;
    await_told(
        environment.operator()?,
        200,
        &["subaccounts", namespace, "cannot"],
    )
    .await?;
    environment.simulator.remove_fault(refused).await?;

    // The operator's namespace has another name here.
    let folder = TemporaryDirectory::new("granted")?;
    let base = "vobiz-operator/manifests/base";
    std::fs::create_dir_all(folder.path().join(base))?;
    let role = document::file("manifests/base/cluster-role.yaml")?;
    let role = filled(&role, &[(OPERATOR, environment.installation.namespace.as_str())]);
    std::fs::write(folder.path().join(base).join("cluster-role.yaml"), role)?;
    let remedy = block("kubectl wait --for=delete --timeout=5m namespace/team-a")?;
    for command in filled(&remedy, &[("team-a", namespace)]).lines() {
        let output = kubectl.shell(folder.path(), TEAM, command).await?;
        ensure!(output.success, "{command}\nfailed: {}", output.stderr);
    }
    ensure!(environment.simulator.accounts().await?.is_empty());
    Ok(())
}

/// The operator's `ClusterRole` with these verbs for Secrets.
async fn grant(kubectl: &Kubectl, verbs: &[&str]) -> Result<()> {
    let role = kubectl.get_json(&["clusterrole", "vobiz-operator"]).await?;
    let rules = role["rules"].as_array().context("no rules")?;
    let at = rules
        .iter()
        .position(|rule| rule["resources"] == json!(["secrets"]));
    let at = at.context("no rule for Secrets")?;
    let patch = json!([{"op": "replace", "path": format!("/rules/{at}/verbs"), "value": verbs}]).to_string();
    let arguments = [
        "patch",
        "clusterrole",
        "vobiz-operator",
        "--type=json",
        "--patch",
        &patch,
    ];
    kubectl.run(&arguments).await.map(drop)
}

const ALL: [&str; 6] = ["get", "create", "update", "patch", "watch", "delete"];

async fn right_to_read(bed: Arc<TestBed>, says: &'static [&'static str]) -> Result<()> {
    let bed = bed.apart().await?;
    let kubectl = bed.control_plane().kubectl();
    let mut options = shipped("read");
    options.account_ready = false;
    let environment = bed.environment(options).await?;
    grant(kubectl, &ALL[1..]).await?;
    await_right(
        kubectl,
        &environment,
        &["get", "secrets", "--all-namespaces"],
        false,
    )
    .await?;
    environment.create_account(json!({})).await?;
    told(
        &environment,
        (Kind::Account, ACCOUNT),
        "ProgressingWithRetry",
        says,
    )
    .await?;
    grant(kubectl, &ALL).await?;
    await_right(
        kubectl,
        &environment,
        &["get", "secrets", "--all-namespaces"],
        true,
    )
    .await?;
    annotate(
        &environment,
        (Kind::Account, ACCOUNT),
        "vobiz.ai/reconcile-requested-at",
        "now",
    )
    .await?;
    account_becomes_ready(&environment).await
}

async fn right_to_write(bed: Arc<TestBed>, says: &'static [&'static str]) -> Result<()> {
    let bed = bed.apart().await?;
    let kubectl = bed.control_plane().kubectl();
    let environment = bed.environment(shipped("write")).await?;
    grant(kubectl, &["get", "update", "patch", "watch", "delete"]).await?;
    await_right(
        kubectl,
        &environment,
        &["create", "secrets", "--all-namespaces"],
        false,
    )
    .await?;
    environment.create_subaccount("acme", json!({})).await?;
    await_kept_out(&environment, "acme", says).await?;
    grant(kubectl, &ALL).await?;
    await_right(
        kubectl,
        &environment,
        &["create", "secrets", "--all-namespaces"],
        true,
    )
    .await?;
    annotate(
        &environment,
        (Kind::Subaccount, "acme"),
        "vobiz.ai/reconcile-requested-at",
        "now",
    )
    .await?;
    becomes_ready(&environment, "acme").await.map(drop)
}

async fn right_to_lead(bed: Arc<TestBed>, says: &'static [&'static str]) -> Result<()> {
    let bed = bed.apart().await?;
    let kubectl = bed.control_plane().kubectl();
    let environment = bed.environment(shipped("lead")).await?;
    let role = [
        "role",
        "vobiz-operator",
        "--namespace",
        environment.operator_objects.namespace(),
    ];
    let rules = kubectl.get_json(&role).await?["rules"].clone();
    let mut fewer = rules.clone();
    let all = fewer.as_array_mut().context("no rules")?;
    all.retain(|rule| rule["apiGroups"] != json!(["coordination.k8s.io"]));
    let right = ["create", "leases.coordination.k8s.io", role[2], role[3]];
    set_rules(kubectl, &role, &fewer).await?;
    await_right(kubectl, &environment, &right, false).await?;
    // It may be ready, as one who stands by is, before it ends.
    let words = match environment.start_replica("late", &["--leader-elect"]).await {
        Ok(late) => {
            let code = late.await_exit(PATIENCE).await?;
            format!("it ended with {code}: {}", late.log_tail(5))
        }
        Err(ended) => format!("{ended:#}"),
    };
    ensure!(says.iter().all(|part| words.contains(part)), "{words}");
    set_rules(kubectl, &role, &rules).await?;
    await_right(kubectl, &environment, &right, true).await?;
    environment
        .start_replica("late", &["--leader-elect"])
        .await
        .map(drop)
}

/// The API server takes a moment to hold to a role.
async fn await_right(
    kubectl: &Kubectl,
    environment: &Environment,
    right: &[&str],
    granted: bool,
) -> Result<()> {
    let user = format!("--as={}", environment.installation.user());
    let asked = [&["auth", "can-i"], right, &[user.as_str()]].concat();
    let waited = tokio::time::timeout(PATIENCE, async {
        while kubectl.output(&asked, "").await?.success != granted {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        anyhow::Ok(())
    });
    waited
        .await
        .context("the API server does not take notice of the role")?
}

async fn set_rules(kubectl: &Kubectl, role: &[&str], rules: &Value) -> Result<()> {
    let patch = json!({"rules": rules}).to_string();
    let patch = ["--type=merge", "--patch", &patch];
    kubectl.run(&[&["patch"], role, &patch].concat()).await.map(drop)
}

/// Somebody with a cluster, a folder, and what the documents say.
struct Newcomer {
    bed: TestBed,
    folder: TemporaryDirectory,
    simulator: Simulator,
    parent: Parent,
    /// What they have in the namespace of their team.
    objects: Objects,
}

impl Newcomer {
    async fn new(bed: TestBed) -> Result<Self> {
        let folder = TemporaryDirectory::new("newcomer")?;
        std::os::unix::fs::symlink(bed.repository(), folder.path().join("vobiz-operator"))?;
        pretend_docker(folder.path())?;
        let parent = Parent::new("MA_NEWCOMER", "token-of-the-newcomer");
        let options = SimulatorOptions {
            api: Api::Gen2,
            parents: vec![parent.clone()],
        };
        let log = bed.control_plane().directory().join("simulator-newcomer.log");
        let simulator = Simulator::start(bed.simulator_binary(), &options, &log).await?;
        let objects = Objects::new(bed.control_plane().client(), TEAM, PATIENCE);
        Ok(Self {
            bed,
            folder,
            simulator,
            parent,
            objects,
        })
    }

    fn kubectl(&self) -> &Kubectl {
        self.bed.control_plane().kubectl()
    }

    async fn types(&self, script: &str) -> Result<String> {
        let output = self.kubectl().shell(self.folder.path(), TEAM, script).await?;
        ensure!(
            output.success,
            "{script}\nfailed: {}{}",
            output.stdout,
            output.stderr
        );
        Ok(output.stdout)
    }

    /// Into the file that its first line names.
    fn writes(&self, manifest: &str) -> Result<()> {
        let name = manifest.lines().next().and_then(|line| line.strip_prefix("# "));
        let name = name.with_context(|| format!("its first line names no file: {manifest}"))?;
        std::fs::write(self.folder.path().join(name), manifest).context("failed to write what is shown")
    }

    async fn types_as_written(&self, command: &str, replaced: &[(&str, &str)]) -> Result<String> {
        self.types(&as_written(command, replaced)?).await
    }

    /// What the Deployment would run, with its arguments.
    async fn operator(&self) -> Result<OperatorProcess> {
        let deployment = self
            .kubectl()
            .get_json(&["deployment", "vobiz-operator", "--namespace", OPERATOR])
            .await?;
        let arguments = &deployment["spec"]["template"]["spec"]["containers"][0]["args"];
        let mut flags: Vec<String> = serde_json::from_value(arguments.clone())?;
        ensure!(
            flags.first().is_some_and(|first| first == "run"),
            "it runs {flags:?}"
        );
        flags.remove(0);
        flags.extend(fast_flags());
        flags.push(format!("--api-base-url={}", self.simulator.url()));
        flags.push("--allow-insecure-api".to_owned());
        let installation = Installation {
            namespace: OPERATOR.to_owned(),
            service_account: "vobiz-operator".to_owned(),
        };
        let options = OperatorOptions {
            flags,
            ..OperatorOptions::default()
        };
        let control_plane = self.bed.control_plane();
        let operator =
            OperatorProcess::start(control_plane, &installation, self.bed.operator_binary(), &options)
                .await?;
        operator.await_ready().await?;
        Ok(operator)
    }
}

/// No image can be built here: what is asked for must be there.
fn pretend_docker(folder: &Path) -> Result<()> {
    let script = "#!/bin/sh\ncase \"$1\" in\nbuild) for last; do :; done; test -f \"$last/Dockerfile\" ;;\npush) : ;;\n*) exit 1 ;;\nesac\n";
    let program = folder.join("bin/docker");
    std::fs::create_dir(folder.join("bin"))?;
    std::fs::write(&program, script)?;
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755))?;
    Ok(())
}

/// The blocks of one language below a heading of the README.
fn readme(heading: &str, language: &str) -> Result<Vec<String>> {
    let text = document::file("README.md")?;
    let (_, section) = text
        .split_once(&format!("\n## {heading}\n"))
        .with_context(|| format!("the README has no '{heading}'"))?;
    let section = section.split("\n## ").next().unwrap_or_default();
    Ok(blocks(section, language))
}

/// What the README says with these words, of its ways to install.
fn installing(words: &str) -> Result<String> {
    let mut commands = readme("Install it in a cluster", "sh")?;
    commands.retain(|command| command.contains(words));
    ensure!(commands.len() == 1, "{} blocks have {words:?}", commands.len());
    Ok(commands.remove(0))
}

/// Kinds of other products with our plurals, kinds and short names: one that is known, and one whose accounts are in the way
/// too. Their groups come before and after ours.
const NEIGHBOURS: [(&str, &str, &str, Option<&str>); 3] = [
    ("account.btp.sap.crossplane.io", "subaccounts", "Subaccount", None),
    ("billing.example.com", "accounts", "Account", Some("va")),
    ("zz.example.com", "subaccounts", "Subaccount", Some("vsa")),
];

async fn add_neighbours(kubectl: &Kubectl) -> Result<()> {
    let definitions: Vec<Value> = NEIGHBOURS
        .iter()
        .map(|(group, plural, kind, short)| {
            json!({
                "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
                "metadata": {"name": format!("{plural}.{group}")},
                "spec": {
                    "group": group, "scope": "Namespaced",
                    "names": {"plural": plural, "singular": kind.to_lowercase(), "kind": kind, "shortNames": short.iter().collect::<Vec<_>>()},
                    "versions": [{"name": "v1alpha1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {
                        "type": "object", "x-kubernetes-preserve-unknown-fields": true,
                    }}}],
                },
            })
        })
        .collect();
    kubectl
        .apply(&json!({"apiVersion": "v1", "kind": "List", "items": definitions}).to_string())
        .await?;
    let objects: Vec<Value> = NEIGHBOURS
        .iter()
        .map(|(group, _, kind, _)| {
            json!({
                "apiVersion": format!("{group}/v1alpha1"), "kind": kind, "metadata": {"name": "acme", "namespace": TEAM},
                "spec": {"displayName": "theirs"},
            })
        })
        .collect();
    for (group, plural, ..) in NEIGHBOURS {
        let definition = format!("customresourcedefinition/{plural}.{group}");
        kubectl
            .run(&["wait", "--for=condition=Established", &definition])
            .await?;
    }
    kubectl
        .apply(&json!({"apiVersion": "v1", "kind": "List", "items": objects}).to_string())
        .await
        .map(drop)
}

/// Their objects, whole.
async fn neighbours(kubectl: &Kubectl) -> Result<Vec<Value>> {
    let mut found = Vec::new();
    for (group, plural, ..) in NEIGHBOURS {
        let resource = format!("{plural}.{group}");
        found.push(
            kubectl
                .get_json(&[&resource, "acme", "--namespace", TEAM])
                .await?,
        );
    }
    Ok(found)
}

async fn newcomer(bed: Arc<TestBed>, _: &'static [&'static str]) -> Result<()> {
    let newcomer = Newcomer::new(bed.fresh().await?).await?;
    let kubectl = newcomer.kubectl();
    kubectl.run(&["create", "namespace", TEAM]).await?;
    add_neighbours(kubectl).await?;
    let theirs = neighbours(kubectl).await?;

    install(&newcomer).await.context("the README's installation")?;
    let operator = newcomer.operator().await?;
    first_subaccount(&newcomer)
        .await
        .context("the README's first Subaccount")?;
    let id = newcomer.objects.get(Kind::Subaccount, "acme").await?["status"]["authId"].clone();
    let shown = newcomer.types("kubectl get vobiz --output name").await?;
    ensure!(
        shown == "account.vobiz.ai/vobiz\nsubaccount.vobiz.ai/acme\n",
        "the category shows {shown}"
    );
    restore(&newcomer, operator, &id)
        .await
        .context("the runbook's backup and restore")?;
    newcomer
        .types_as_written(
            "kubectl --namespace vobiz-operator-system scale deployment vobiz-operator --replicas 1",
            &[],
        )
        .await?;
    let operator = newcomer.operator().await?;
    reclaim(&newcomer, &id)
        .await
        .context("the runbook's taking over of what was restored")?;
    uninstall(&newcomer, operator)
        .await
        .context("the runbook's uninstalling")?;

    ensure!(
        neighbours(kubectl).await? == theirs,
        "another product's objects were touched"
    );
    Ok(())
}

async fn install(newcomer: &Newcomer) -> Result<()> {
    let kustomization = readme("Install it in a cluster", "yaml")?;
    newcomer.types(&installing("docker build")?).await?;
    newcomer.writes(&kustomization[0])?;
    newcomer.types(&installing(WITH_KUSTOMIZE)?).await.map(drop)
}

async fn first_subaccount(newcomer: &Newcomer) -> Result<()> {
    let commands = readme("The first Subaccount", "sh")?;
    let manifests = readme("The first Subaccount", "yaml")?;
    let token = format!("auth_token=\"{}\"", newcomer.parent.auth_token);
    let replaced = [
        ("MA_...", newcomer.parent.auth_id.as_str()),
        ("auth_token=\"...\"", token.as_str()),
    ];
    newcomer.types(&filled(&commands[0], &replaced)).await?;
    newcomer.writes(&manifests[0])?;
    for command in &commands[1..] {
        newcomer.types(command).await?;
    }
    Ok(())
}

/// Backs up, loses everything in the cluster, installs anew, and restores; the operator has made an identity of its own before
/// anybody thought of the backup.
async fn restore(newcomer: &Newcomer, operator: OperatorProcess, id: &Value) -> Result<()> {
    newcomer.types(&block("portable()")?).await.context("backup")?;
    operator.terminate(PATIENCE).await?;
    let strip = filled(&block("for object in")?, &[("NAMESPACE", TEAM)]);
    newcomer.types(&strip).await.context("strip finalizers")?;
    for object in ["subaccounts.vobiz.ai/acme", "accounts.vobiz.ai/vobiz"] {
        newcomer.types(&format!("kubectl delete {object}")).await?;
    }
    newcomer
        .types_as_written("kubectl delete namespace vobiz-operator-system", &[])
        .await?;
    newcomer.types("kubectl delete secrets --all").await?;
    newcomer
        .types(&installing(WITH_KUSTOMIZE)?)
        .await
        .context("install anew")?;
    newcomer.operator().await?.terminate(PATIENCE).await?;

    newcomer
        .types_as_written(
            "kubectl --namespace vobiz-operator-system scale deployment vobiz-operator --replicas 0",
            &[],
        )
        .await?;
    let restore = block("kubectl create --filename installation.json")?;
    for command in restore.lines() {
        let output = newcomer
            .kubectl()
            .shell(newcomer.folder.path(), TEAM, command)
            .await?;
        ensure!(
            output.success || output.stderr.lines().all(|line| line.contains("AlreadyExists")),
            "{command}\nfailed: {}",
            output.stderr
        );
    }
    newcomer
        .types_as_written("kubectl replace --force --filename installation.json", &[])
        .await?;
    let object = newcomer.objects.get(Kind::Subaccount, "acme").await?;
    ensure!(
        object["status"]["authId"] == *id,
        "the status was not restored: {}",
        object["status"]
    );
    Ok(())
}

async fn reclaim(newcomer: &Newcomer, id: &Value) -> Result<()> {
    let objects = &newcomer.objects;
    objects
        .await_reason(Kind::Subaccount, "acme", "Stalled", "OrphanFound")
        .await?;
    let shown = newcomer.types(&block("range .items")?).await?;
    let line = shown.lines().next().unwrap_or_default().to_owned();
    let record = line.split(' ').next_back().unwrap_or_default();
    ensure!(
        line.starts_with("team/acme Bound ") && line.contains(id.as_str().unwrap_or_default()),
        "it lists {shown}"
    );
    newcomer
        .types(&filled(
            &block("subaccounts.vobiz.ai --all --namespace NAMESPACE vobiz.ai/reclaim=true")?,
            &[("NAMESPACE", TEAM)],
        ))
        .await?;
    let ready = objects
        .await_condition(Kind::Subaccount, "acme", "Ready", "True")
        .await?;
    ensure!(
        ready["status"]["authId"] == *id,
        "it has another account: {}",
        ready["status"]
    );
    // The namespace is the same, so the word is not needed; the commands are what is tried.
    let word = block("vobiz.ai/accept-restored-namespace=UID")?;
    let replaced = [
        ("NAMESPACE", TEAM),
        ("ACCOUNT", "vobiz"),
        ("RECORD", record),
        ("UID", "00000000-0000-0000-0000-000000000000"),
    ];
    newcomer.types(&filled(&word, &replaced)).await?;
    let taken_off = block("vobiz.ai/accept-restored-namespace-")?;
    newcomer
        .types(&filled(&taken_off, &[("NAMESPACE", TEAM)]))
        .await?;
    let account = objects.get(Kind::Account, "vobiz").await?;
    ensure!(
        !account["metadata"]
            .to_string()
            .contains("accept-restored-namespace"),
        "the word was not taken off"
    );
    ensure!(condition_of(&ready, "Stalled").is_none(), "{}", ready["status"]);
    Ok(())
}

async fn uninstall(newcomer: &Newcomer, operator: OperatorProcess) -> Result<()> {
    let retain = r#"kubectl patch subaccounts.vobiz.ai acme --type=merge --patch '{"spec":{"deletion":{"policy":"Retain"}}}'"#;
    newcomer.types(retain).await?;
    newcomer
        .types_as_written("kubectl delete subaccounts.vobiz.ai --all --all-namespaces", &[])
        .await?;
    newcomer.objects.await_gone(Kind::Subaccount, "acme").await?;
    let shown = newcomer.types(&block("range .items")?).await?;
    let kept = shown.lines().find(|line| line.starts_with("team/acme Kept "));
    let record = kept
        .and_then(|line| line.split(' ').next_back())
        .context("the account is not listed as kept")?;
    let pair = newcomer
        .types(&filled(&block("get secrets RECORD")?, &[("RECORD", record)]))
        .await?;
    ensure!(
        pair.starts_with("SA_") && pair.trim().contains(' '),
        "it shows no pair"
    );
    newcomer
        .types_as_written("kubectl delete accounts.vobiz.ai --all --all-namespaces", &[])
        .await?;
    newcomer.objects.await_gone(Kind::Account, "vobiz").await?;
    operator.terminate(PATIENCE).await?;
    newcomer.types_as_written("kubectl delete -k .", &[]).await?;
    newcomer
        .types_as_written("kubectl delete -k vobiz-operator/crds", &[])
        .await?;
    newcomer
        .types(&installing(WITH_ONE_FILE)?)
        .await
        .context("the way with one file")?;
    newcomer
        .types_as_written("kubectl delete -f install.yaml", &[])
        .await?;
    let left = newcomer
        .types("kubectl get namespaces,customresourcedefinitions,clusterroles --output name")
        .await?;
    ensure!(
        !left
            .lines()
            .any(|line| line.contains("vobiz.ai") || line.contains("/vobiz-operator")),
        "uninstalling leaves {left}"
    );
    Ok(())
}
