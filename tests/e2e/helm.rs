//! A release by Helm from its first version to its end, and what it leaves: on a cluster of its own, with the shipped operator under the
//! release's ServiceAccount.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};
use tokio::task::{JoinHandle, spawn_blocking};
use vobiz_harness::accounts::create_credentials_of;
use vobiz_harness::directory::TemporaryDirectory;
use vobiz_harness::helm::Helm;
use vobiz_harness::installation::Installation;
use vobiz_harness::kubectl::{Kubectl, Output};
use vobiz_harness::markdown::blocks;
use vobiz_harness::objects::{Kind, Objects};
use vobiz_harness::operator::{OperatorOptions, OperatorProcess};
use vobiz_harness::simulator::{Api, Parent, Simulator, SimulatorOptions};
use vobiz_harness::simulator_journal::{JournalQuery, Operation};
use vobiz_harness::suite::Suite;
use vobiz_harness::test_bed::{ACCOUNT, CREDENTIALS, TestBed, fast_flags};

use crate::at_rest::{auth_id_of, record_name, uid_of};

const RELEASE: &str = "vobiz-operator";
const NAMESPACE: &str = "vobiz-operator-system";
const TEAM: &str = "team-a";
const DEADLINE: Duration = Duration::from_mins(1);
/// For a wait that must not end well.
const IN_VAIN: &str = "--timeout=3s";
/// A column that the first version's kind lacks.
const COLUMN: &str = "    - jsonPath: .status.authId\n      name: Auth-ID\n      type: string\n";
const WRITES: [Operation; 3] = [Operation::Create, Operation::Update, Operation::Delete];

pub fn add_to(suite: &mut Suite) {
    suite.test(
        "Helm installs, upgrades, rolls back and removes the operator, waits for what is true, and no Subaccount is touched",
        whole_life,
    );
    suite.test(
        "the operator is installed from one file as the README says, and Helm takes it over",
        one_file,
    );
}

/// A cluster with a Helm.
struct Cluster {
    bed: TestBed,
    helm: Arc<Helm>,
    /// What is in the release's namespace.
    own: Objects,
    /// What is in the team's.
    team: Objects,
}

impl Cluster {
    async fn start(bed: &TestBed) -> Result<Self> {
        let bed = bed.fresh().await?;
        let client = bed.control_plane().client();
        let kubeconfig = bed.control_plane().admin_kubeconfig().to_owned();
        let helm = spawn_blocking(move || Helm::new(&kubeconfig)).await??;
        Ok(Self {
            helm: Arc::new(helm),
            own: Objects::new(client.clone(), NAMESPACE, DEADLINE),
            team: Objects::new(client, TEAM, DEADLINE),
            bed,
        })
    }

    fn kubectl(&self) -> &Kubectl {
        self.bed.control_plane().kubectl()
    }

    /// `helm COMMAND RELEASE ARGUMENTS`, under way.
    fn begin(&self, command: &str, arguments: &[&str]) -> JoinHandle<Result<Output>> {
        let mut all = vec![command.to_owned(), RELEASE.to_owned()];
        all.extend(arguments.iter().map(|argument| (*argument).to_owned()));
        all.push(format!("--namespace={NAMESPACE}"));
        let helm = self.helm.clone();
        spawn_blocking(move || helm.output(&all.iter().map(String::as_str).collect::<Vec<_>>()))
    }

    /// The same to its end, which must be a good one.
    async fn helm(&self, command: &str, arguments: &[&str]) -> Result<String> {
        let output = self.begin(command, arguments).await??;
        ensure!(
            output.success,
            "helm {command}: {}{}",
            output.stderr,
            output.stdout
        );
        Ok(output.stdout)
    }

    /// How the last revision of the release stands.
    async fn status(&self) -> Result<String> {
        let status: Value = serde_json::from_str(&self.helm("status", &["--output=json"]).await?)?;
        let status = status["info"]["status"].as_str();
        status.map(str::to_owned).context("the release has no status")
    }

    /// Writes the status of the Deployment as its controller and the kubelet would: nothing runs Pods here.
    async fn run_pods(&self, deployment: &Value, how: Pods) -> Result<()> {
        let replicas = deployment["spec"]["replicas"].as_u64().unwrap_or(1);
        let available = if how == Pods::Available { replicas } else { 0 };
        let condition = |kind: &str, holds: bool, reason: &str| {
            let status = if holds { "True" } else { "False" };
            json!({"type": kind, "status": status, "reason": reason, "message": reason})
        };
        let (holds, progress) = match how {
            Pods::Available => (true, condition("Progressing", true, "NewReplicaSetAvailable")),
            Pods::Starting => (false, condition("Progressing", true, "ReplicaSetUpdated")),
            Pods::Stuck => (false, condition("Progressing", false, "ProgressDeadlineExceeded")),
        };
        let status = json!({"status": {
            "observedGeneration": deployment["metadata"]["generation"],
            "replicas": replicas,
            "updatedReplicas": replicas,
            "readyReplicas": available,
            "availableReplicas": available,
            "unavailableReplicas": replicas - available,
            "conditions": [condition("Available", holds, "MinimumReplicas"), progress],
        }});
        let status = status.to_string();
        let patch = ["patch", "deployments", RELEASE, "--namespace", NAMESPACE];
        let how = ["--subresource=status", "--type=merge", "--patch", &status];
        self.kubectl().run(&[patch.as_slice(), &how].concat()).await?;
        Ok(())
    }

    /// The Deployment, once it asks for this image and nobody has seen to that yet.
    async fn unseen(&self, image: &str) -> Result<Value> {
        let unseen = |deployment: &Value| {
            deployment["spec"]["template"]["spec"]["containers"][0]["image"] == image
                && deployment["status"]["observedGeneration"] != deployment["metadata"]["generation"]
        };
        self.own
            .await_object(
                Kind::Deployment,
                RELEASE,
                "a Deployment that asks for Pods anew",
                unseen,
            )
            .await
    }

    /// Carries out a command with `--wait`, which may end once the Pods with this image are available and not before.
    async fn waits_for_pods(&self, command: &str, arguments: &[&str], image: &str) -> Result<()> {
        let under_way = self.begin(command, &[arguments, &["--wait", "--timeout=60s"]].concat());
        let deployment = self.unseen(image).await?;
        self.run_pods(&deployment, Pods::Starting).await?;
        let status = self.status().await?;
        ensure!(
            status.starts_with("pending-") && !under_way.is_finished(),
            "helm {command} calls it {status} while no Pod is available"
        );
        self.run_pods(&deployment, Pods::Available).await?;
        let output = under_way.await??;
        ensure!(output.success, "helm {command}: {}", output.stderr);
        let status = self.status().await?;
        ensure!(status == "deployed", "helm {command} leaves it {status}");
        Ok(())
    }

    /// Whether the kind has the column that the first version lacks.
    async fn has_column(&self) -> Result<bool> {
        let kind = ["customresourcedefinitions", "subaccounts.vobiz.ai"];
        let kind = self.kubectl().get_json(&kind).await?;
        let columns = kind["spec"]["versions"][0]["additionalPrinterColumns"].as_array();
        let columns = columns.context("the kind has no columns")?;
        Ok(columns.iter().any(|column| column["name"] == "Auth-ID"))
    }

    /// Starts the shipped operator under the release's ServiceAccount, and waits until it is ready.
    async fn operator(&self, name: &str, simulator: &Simulator, flags: &[&str]) -> Result<OperatorProcess> {
        let installation = Installation {
            namespace: NAMESPACE.to_owned(),
            service_account: RELEASE.to_owned(),
        };
        let mut all = fast_flags();
        all.push(format!("--api-base-url={}", simulator.url()));
        all.push("--allow-insecure-api".to_owned());
        all.extend(flags.iter().map(|flag| (*flag).to_owned()));
        let options = OperatorOptions {
            flags: all,
            replica: format!("-{name}"),
            ..OperatorOptions::default()
        };
        let operator = OperatorProcess::start(
            self.bed.control_plane(),
            &installation,
            self.bed.operator_binary(),
            &options,
        )
        .await?;
        operator.await_ready().await?;
        Ok(operator)
    }

    /// A parent with its Account in the team's namespace.
    async fn vobiz(&self) -> Result<Simulator> {
        let parent = Parent::new("MA_HELM00000000000000", "token-of-the-parent-of-helm");
        let options = SimulatorOptions {
            api: Api::Gen2,
            parents: vec![parent.clone()],
        };
        let log = self.bed.control_plane().directory().join("simulator.log");
        let simulator = Simulator::start(self.bed.simulator_binary(), &options, &log).await?;
        self.team.create(Kind::Namespace, TEAM, json!({})).await?;
        create_credentials_of(&parent, &self.team).await?;
        let account = json!({"spec": {"credentialsSecretRef": {"name": CREDENTIALS}}});
        self.team.create(Kind::Account, ACCOUNT, account).await?;
        Ok(simulator)
    }

    async fn create_ready(&self, name: &str, operator: &OperatorProcess) -> Result<Value> {
        let manifest = json!({"spec": {"accountRef": {"name": ACCOUNT}}});
        self.team.create(Kind::Subaccount, name, manifest).await?;
        self.await_ready(name, operator).await
    }

    async fn await_ready(&self, name: &str, operator: &OperatorProcess) -> Result<Value> {
        let ready = self
            .team
            .await_condition(Kind::Subaccount, name, "Ready", "True")
            .await;
        ready.with_context(|| format!("the operator's last lines:\n{}", operator.log_tail(25)))
    }
}

/// How the Pods of the Deployment stand.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pods {
    Starting,
    Stuck,
    Available,
}

/// The chart as its first version could have been: of another version, and with a kind that lacks a column.
fn first_version(chart: &Path, folder: &Path) -> Result<()> {
    for entry in std::fs::read_dir(chart)? {
        let (from, name) = {
            let entry = entry?;
            (entry.path(), entry.file_name())
        };
        let to = folder.join(&name);
        if from.is_dir() {
            std::fs::create_dir(&to)?;
            first_version(&from, &to)?;
            continue;
        }
        let mut text = std::fs::read_to_string(&from)?;
        match name.to_str() {
            Some("Chart.yaml") => {
                text = replaced(
                    &text,
                    "\nversion: 0.1.0\nappVersion: 0.1.0\n",
                    "\nversion: 0.0.1\nappVersion: 0.0.1\n",
                )?;
            }
            Some("vobiz.ai_subaccounts.yaml") => text = replaced(&text, COLUMN, "")?,
            _ => {}
        }
        std::fs::write(to, text)?;
    }
    Ok(())
}

fn replaced(text: &str, from: &str, to: &str) -> Result<String> {
    ensure!(text.contains(from), "there is no {from:?}");
    Ok(text.replace(from, to))
}

#[expect(clippy::too_many_lines, reason = "one story: the life of a release")]
async fn whole_life(bed: Arc<TestBed>) -> Result<()> {
    let cluster = Cluster::start(&bed).await?;
    let chart = bed.repository().join("charts/vobiz-operator");
    let chart = chart.to_str().context("the path is not UTF-8")?;
    let folder = TemporaryDirectory::new("chart")?;
    first_version(Path::new(chart), folder.path())?;
    let first = folder.path().to_str().context("the path is not UTF-8")?;

    // Nothing starts the Pods: the wait is in vain, and it is said what for.
    let install = ["--create-namespace", "--wait"];
    let failed = cluster
        .begin("install", &[&[first, IN_VAIN], install.as_slice()].concat())
        .await??;
    ensure!(
        !failed.success
            && failed
                .stderr
                .contains("Deployment/vobiz-operator-system/vobiz-operator not ready"),
        "an installation without Pods ends with: {}{}",
        failed.stdout,
        failed.stderr
    );
    ensure!(cluster.status().await? == "failed");
    cluster.helm("uninstall", &["--wait", "--timeout=60s"]).await?;

    let install = [first, "--create-namespace"];
    cluster
        .waits_for_pods("install", &install, "vobiz-operator:0.0.1")
        .await?;
    ensure!(
        !cluster.has_column().await?,
        "the first version's kind has the column"
    );
    let simulator = cluster.vobiz().await?;
    let everywhere = ["--cluster-accounts=true"];
    let operator = cluster.operator("first", &simulator, &everywhere).await?;
    let acme = cluster.create_ready("acme", &operator).await?;
    let (auth_id, uid) = (auth_id_of(&acme)?, uid_of(&acme)?);
    let edit = json!({"spec": {"description": "edited"}});
    cluster.team.merge(Kind::Subaccount, "acme", &edit).await?;
    let is_written = |object: &Value| {
        object["status"]["observedGeneration"] == object["metadata"]["generation"]
            && vobiz_harness::objects::condition_of(object, "Synced")
                .is_some_and(|synced| synced["status"] == "True")
    };
    let edited = cluster
        .team
        .await_object(Kind::Subaccount, "acme", "written at Vobiz", is_written)
        .await?;
    let account = simulator.account(&auth_id).await?;
    let description = account["description"].as_str().unwrap_or_default();
    // The account's marker follows.
    ensure!(description.starts_with("edited "), "Vobiz has {description:?}");
    let before = simulator.journal_mark().await?;

    // An upgrade whose Pods are stuck fails as soon as that is known, and the kind is the new one all the same.
    let broken = [chart, "--set=image.tag=broken", "--wait", "--timeout=60s"];
    let (started, under_way) = (Instant::now(), cluster.begin("upgrade", &broken));
    let deployment = cluster.unseen("vobiz-operator:broken").await?;
    cluster.run_pods(&deployment, Pods::Stuck).await?;
    let failed = under_way.await??;
    ensure!(
        !failed.success && started.elapsed() < Duration::from_secs(45),
        "{failed:?}"
    );
    ensure!(cluster.status().await? == "failed" && cluster.has_column().await?);
    cluster
        .waits_for_pods("rollback", &["1"], "vobiz-operator:0.0.1")
        .await?;
    ensure!(!cluster.has_column().await?, "the kind is not rolled back");
    cluster
        .waits_for_pods("upgrade", &[chart], "vobiz-operator:0.1.0")
        .await?;
    ensure!(cluster.has_column().await?, "the kind is not brought up to date");
    drop(operator);
    let operator = cluster.operator("upgraded", &simulator, &everywhere).await?;
    cluster.create_ready("globex", &operator).await?;

    // The same release with rights in the team's namespace alone.
    drop(operator);
    let narrowed = [
        chart,
        "--set=rbac.scope=namespaced",
        "--set=watchNamespaces={team-a}",
    ];
    cluster
        .waits_for_pods("upgrade", &narrowed, "vobiz-operator:0.1.0")
        .await?;
    let user = format!("--as=system:serviceaccount:{NAMESPACE}:{RELEASE}");
    for (place, expected) in [(TEAM, "yes"), ("default", "no")] {
        let question = [
            "auth",
            "can-i",
            "patch",
            "subaccounts.vobiz.ai",
            "--namespace",
            place,
            &user,
        ];
        let answer = cluster.kubectl().output(&question, "").await?.stdout;
        ensure!(answer.trim() == expected, "it may write in {place}: {answer}");
    }
    let in_team = ["--watch-namespaces=team-a"];
    let operator = cluster.operator("namespaced", &simulator, &in_team).await?;
    cluster.create_ready("initech", &operator).await?;

    // Removed, and back: nobody has lost anything, and nothing was written for it.
    drop(operator);
    cluster.helm("uninstall", &["--wait", "--timeout=60s"]).await?;
    let left = [
        "clusterroles,clusterrolebindings,roles,rolebindings,serviceaccounts,deployments",
        "--all-namespaces",
    ];
    let owned = ["--selector=app.kubernetes.io/managed-by=Helm", "--output=name"];
    let left = cluster
        .kubectl()
        .run(&[&["get"], left.as_slice(), &owned].concat())
        .await?;
    ensure!(left.is_empty(), "it leaves {left}");
    for name in ["acme", "globex", "initech"] {
        let object = cluster.team.get(Kind::Subaccount, name).await?;
        ensure!(object["metadata"]["deletionTimestamp"].is_null());
        ensure!(simulator.find_account(&auth_id_of(&object)?).await?.is_some());
        cluster
            .own
            .get(Kind::Secret, &record_name(&uid_of(&object)?))
            .await?;
        cluster.team.get(Kind::Secret, &format!("{name}-vobiz")).await?;
    }
    cluster
        .waits_for_pods("install", &narrowed, "vobiz-operator:0.1.0")
        .await?;
    let operator = cluster.operator("again", &simulator, &in_team).await?;
    let again = json!({"metadata": {"annotations": {"vobiz.ai/reconcile-requested-at": "now"}}});
    cluster.team.merge(Kind::Subaccount, "acme", &again).await?;
    let acme = cluster.await_ready("acme", &operator).await?;
    ensure!(auth_id_of(&acme)? == auth_id && uid_of(&acme)? == uid && acme["spec"] == edited["spec"]);
    let mut written = 0;
    for write in WRITES {
        written += simulator
            .journal_count(&JournalQuery::new().since(before).operation(write))
            .await?;
    }
    // Those that were made since.
    ensure!(written == 2, "{written} writes at Vobiz");
    ensure!(simulator.accounts().await?.len() == 3);
    Ok(())
}

async fn one_file(bed: Arc<TestBed>) -> Result<()> {
    let cluster = Cluster::start(&bed).await?;
    let readme = std::fs::read_to_string(bed.repository().join("README.md"))?;
    let Some(script) = blocks(&readme, "sh")
        .into_iter()
        .find(|script| script.contains("> install.yaml"))
    else {
        bail!("the README has no way with one file");
    };
    let folder = TemporaryDirectory::new("one-file")?;
    std::os::unix::fs::symlink(
        bed.repository().canonicalize()?,
        folder.path().join("vobiz-operator"),
    )?;
    // Twice: it is also how it is brought up to date.
    for _ in 0..2 {
        let output = cluster.kubectl().shell(folder.path(), "default", &script).await?;
        ensure!(output.success && output.stderr.is_empty(), "{output:?}");
    }
    let deployment = cluster.unseen("REGISTRY/vobiz-operator:0.1.0").await?;
    cluster.run_pods(&deployment, Pods::Available).await?;
    let simulator = cluster.vobiz().await?;
    let operator = cluster
        .operator("one-file", &simulator, &["--cluster-accounts=true"])
        .await?;
    let acme = cluster.create_ready("acme", &operator).await?;
    drop(operator);

    let documented = blocks(
        &std::fs::read_to_string(bed.repository().join("charts/vobiz-operator/README.md"))?,
        "sh",
    );
    let Some(script) = documented
        .into_iter()
        .find(|script| script.contains("--take-ownership"))
    else {
        bail!("the chart's README does not say how Helm takes it over");
    };
    let programs = folder.path().join("bin");
    std::fs::create_dir(&programs)?;
    std::os::unix::fs::symlink(cluster.helm.program(), programs.join("helm"))?;
    let output = cluster.kubectl().shell(folder.path(), "default", &script).await?;
    ensure!(output.success, "{output:?}");
    ensure!(cluster.status().await? == "deployed");
    let chart = bed.repository().join("charts/vobiz-operator");
    let chart = chart.to_str().context("the path is not UTF-8")?;
    // What kubectl owned is Helm's to change.
    cluster.helm("upgrade", &[chart, "--set=image.tag=0.2.0"]).await?;
    cluster.unseen("vobiz-operator:0.2.0").await?;
    let operator = cluster
        .operator("taken-over", &simulator, &["--cluster-accounts=true"])
        .await?;
    let again = cluster.create_ready("globex", &operator).await?;
    ensure!(uid_of(&again)? != uid_of(&acme)?);
    let kept = cluster.team.get(Kind::Subaccount, "acme").await?;
    ensure!(auth_id_of(&kept)? == auth_id_of(&acme)? && uid_of(&kept)? == uid_of(&acme)?);
    Ok(())
}
