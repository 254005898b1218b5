//! What the pages of `docs/start` and `docs/how-to` say, typed word for word by somebody who follows them from top to bottom.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use vobiz_harness::directory::TemporaryDirectory;
use vobiz_harness::markdown::{blocks, fenced};
use vobiz_harness::objects::Kind;
use vobiz_harness::suite::Suite;
use vobiz_harness::test_bed::{ACCOUNT, Environment, EnvironmentOptions, TestBed};

use crate::cluster_accounts::alone;
use crate::runbook::document::{file, filled};
use crate::vobiz_command::writes;

pub fn add_to(suite: &mut Suite) {
    suite.test(
        "docs/start, followed word for word, leads from a parent's pair to a Subaccount and back",
        start,
    );
    suite.test(
        "docs/how-to, followed word for word, has accounts adopted, pairs used, plans told and what was kept taken back",
        how_to,
    );
    suite.test(
        "docs/how-to/share-a-parent, followed word for word, gives a tenant subaccounts of a parent that it does not see",
        share,
    );
}

/// Somebody who follows a page: in a folder and a namespace of their own, with `kubectl vobiz` installed.
struct Reader<'a> {
    environment: &'a Environment,
    folder: TemporaryDirectory,
    /// What the reader types in place of what the page has: ids, for example.
    replaced: Vec<(&'a str, String)>,
}

impl<'a> Reader<'a> {
    fn new(environment: &'a Environment, replaced: Vec<(&'a str, String)>) -> Result<Self> {
        let folder = TemporaryDirectory::new("reader")?;
        let programs = folder.path().join("bin");
        std::fs::create_dir(&programs)?;
        symlink(
            Path::new(env!("CARGO_BIN_EXE_kubectl-vobiz")),
            programs.join("kubectl-vobiz"),
        )?;
        Ok(Self {
            environment,
            folder,
            replaced,
        })
    }

    /// Writes what is shown as YAML into the file that its first line names, and types what is shown as commands, in order.
    async fn follows(&self, page: &str) -> Result<()> {
        self.follows_text(&file(page)?)
            .await
            .with_context(|| page.to_owned())
    }

    async fn follows_text(&self, text: &str) -> Result<()> {
        for (language, block) in fenced(text) {
            match language.as_str() {
                "yaml" => self.writes(&block)?,
                "sh" => drop(self.types(&block).await?),
                _ => {}
            }
        }
        Ok(())
    }

    fn writes(&self, block: &str) -> Result<()> {
        let name = block.lines().next().and_then(|line| line.strip_prefix("# "));
        let name = name.with_context(|| format!("its first line names no file: {block}"))?;
        std::fs::write(self.folder.path().join(name), self.filled(block))?;
        Ok(())
    }

    fn filled(&self, text: &str) -> String {
        let replaced: Vec<(&str, &str)> = self
            .replaced
            .iter()
            .map(|(from, to)| (*from, to.as_str()))
            .collect();
        filled(text, &replaced)
    }

    async fn types(&self, command: &str) -> Result<String> {
        let environment = self.environment;
        let variables = [
            ("VOBIZ_PARENT_AUTH_ID", environment.parent.auth_id.as_str()),
            ("VOBIZ_PARENT_AUTH_TOKEN", environment.parent.auth_token.as_str()),
            ("VOBIZ_API_BASE_URL", environment.simulator.url()),
            ("VOBIZ_ALLOW_INSECURE_API", "true"),
            (
                "VOBIZ_OPERATOR_NAMESPACE",
                environment.installation.namespace.as_str(),
            ),
        ];
        let exports = variables.map(|(name, value)| format!("export {name}='{value}'\n"));
        let script = exports.concat() + &self.filled(command);
        let kubectl = environment.control_plane().kubectl();
        let namespace = environment.objects.namespace();
        let output = kubectl.shell(self.folder.path(), namespace, &script).await?;
        ensure!(output.success, "{command}\nfailed: {}", output.stderr.trim());
        Ok(output.stdout)
    }
}

async fn start(bed: Arc<TestBed>) -> Result<()> {
    const NAMESPACE: &str = "telephony";
    let mut options = EnvironmentOptions::new("start");
    options.account_ready = false;
    options
        .operator_flags
        .push(format!("--watch-namespaces={NAMESPACE}"));
    let environment = bed.environment(options).await?;
    let reader = Reader::new(&environment, Vec::new())?;
    let mark = environment.simulator.journal_mark().await?;
    environment.explain(reader.follows("docs/start/first-subaccount.md").await)?;
    let sent = writes(&environment, mark).await?;
    let methods: Vec<String> = sent
        .iter()
        .map(|entry| format!("{:?}", entry.operation))
        .collect();
    ensure!(methods == ["Create", "Update", "Delete"], "{methods:?}");
    ensure!(environment.simulator.accounts().await?.is_empty());
    environment.await_gone(Kind::Namespace, NAMESPACE).await
}

async fn how_to(bed: Arc<TestBed>) -> Result<()> {
    let environment = bed.environment(EnvironmentOptions::new("how-to")).await?;
    environment.explain(adopt(&environment).await)?;
    environment.explain(use_and_plan(&environment).await)?;
    environment.explain(delete(&environment).await)
}

/// The page on adoption, and what the README says of it, by somebody whose parent account had two subaccounts before.
async fn adopt(environment: &Environment) -> Result<()> {
    let page = file("docs/how-to/adopt.md")?;
    let (all, one) = page
        .split_once("**One, by its pair.**")
        .context("the page tells no more of one account by its pair")?;
    let objects = &environment.objects;
    let mark = environment.simulator.journal_mark().await?;

    let globex = subaccount_of_old(environment, "globex").await?;
    let reader = Reader::new(environment, globex.told())?;
    reader.follows_text(all).await?;
    // Its token is known to nobody.
    let lost = objects
        .await_reason(Kind::Subaccount, "globex", "Stalled", "CredentialsLost")
        .await?;
    ensure!(lost["spec"]["managementPolicy"] == "Full", "{lost:#}");
    for block in blocks(&file("README.md")?, "sh") {
        if block.contains("create secret generic globex-vobiz") {
            reader.types(&block.replace("\"...\"", "\"$AUTH_TOKEN\"")).await?;
        }
    }
    let had = environment.await_ready("globex").await?;
    ensure!(had["status"]["authId"] == globex.auth_id, "{had:#}");

    // It came later, so that no list has it: its pair alone is the right to it.
    let initech = subaccount_of_old(environment, "initech").await?;
    let reader = Reader::new(environment, initech.told())?;
    reader.follows_text(one).await?;
    let observed = objects
        .await_reason(Kind::Subaccount, "initech", "Ready", "Observed")
        .await?;
    ensure!(observed["status"]["authId"] == initech.auth_id, "{observed:#}");

    let sent = writes(environment, mark).await?;
    ensure!(sent.is_empty(), "who takes an account over changes it: {sent:#?}");
    Ok(())
}

/// A pair that was made at the console.
struct Old {
    auth_id: String,
    auth_token: String,
}

impl Old {
    fn told<'a>(&self) -> Vec<(&'a str, String)> {
        vec![
            ("SA_...", self.auth_id.clone()),
            ("$AUTH_ID", self.auth_id.clone()),
            ("$AUTH_TOKEN", self.auth_token.clone()),
        ]
    }
}

async fn subaccount_of_old(environment: &Environment, name: &str) -> Result<Old> {
    let fields = json!({"parent": environment.parent.auth_id, "name": name});
    let made = environment.simulator.create_account(&fields).await?;
    let text = |field: &str| {
        let text = made[field].as_str().map(str::to_owned);
        text.with_context(|| format!("the simulator shows no {field}"))
    };
    Ok(Old {
        auth_id: text("auth_id")?,
        auth_token: text("auth_token")?,
    })
}

/// A manifest of `acme` with these fields.
fn acme(fields: &Value) -> Value {
    let mut manifest = json!({
        "apiVersion": "vobiz.ai/v1alpha1", "kind": "Subaccount", "metadata": {"name": "acme"},
        "spec": fields,
    });
    manifest["spec"]["accountRef"] = json!({"name": ACCOUNT});
    manifest
}

/// The pages on the pair and on plans, by one person in one folder.
async fn use_and_plan(environment: &Environment) -> Result<()> {
    let reader = Reader::new(environment, Vec::new())?;
    reader.follows("docs/how-to/use-the-pair.md").await?;
    let dialer = reader
        .types("kubectl apply --dry-run=server --filename dialer.yaml --output name")
        .await?;
    ensure!(dialer.trim() == "deployment.apps/dialer", "{dialer}");
    // What would be changed, by the page's words.
    reader.writes(&format!("# acme.yaml\n{}", acme(&json!({"enabled": false}))))?;
    reader.writes("# kustomization.yaml\nresources:\n  - acme.yaml\n")?;
    let mark = environment.simulator.journal_mark().await?;
    reader.follows("docs/how-to/look-before-you-apply.md").await?;
    let plan = std::fs::read_to_string(reader.folder.path().join("plan.md"))?;
    ensure!(plan.contains("acme"), "{plan}");
    let sent = writes(environment, mark).await?;
    ensure!(sent.is_empty(), "who looks changes something: {sent:#?}");
    Ok(())
}

/// The page on deletions, by somebody whose object goes and whose subaccount is kept.
async fn delete(environment: &Environment) -> Result<()> {
    let objects = &environment.objects;
    let retain =
        json!({"spec": {"deletion": {"policy": "Retain"}}, "metadata": {"labels": {"team": "voice"}}});
    objects.merge(Kind::Subaccount, "acme", &retain).await?;
    let kept = environment.await_ready("acme").await?;
    objects.delete(Kind::Subaccount, "acme").await?;
    environment.await_gone(Kind::Subaccount, "acme").await?;
    // A plan of what would be changed ends with 1.
    let planned = (
        "--selector team=voice",
        "--selector team=voice || test $? = 1".to_owned(),
    );
    let reader = Reader::new(environment, vec![planned])?;
    reader.writes(&format!("# acme.yaml\n{}", acme(&json!({}))))?;
    reader.follows("docs/how-to/delete.md").await?;
    let back = environment.await_ready("acme").await?;
    ensure!(
        back["status"]["authId"] == kept["status"]["authId"],
        "it has another account: {}",
        back["status"]
    );
    Ok(())
}

async fn share(bed: Arc<TestBed>) -> Result<()> {
    let _alone = alone(&bed).await?;
    let options = EnvironmentOptions {
        operator_flags: vec!["--cluster-accounts=true".to_owned()],
        further_namespaces: vec!["team-a".to_owned()],
        account_ready: false,
        ..EnvironmentOptions::new("share")
    };
    let environment = bed.environment(options).await?;
    let tenant = environment.further("team-a");
    let reader = Reader::new(
        &environment,
        vec![
            ("team-a", tenant.namespace().to_owned()),
            (
                "vobiz-operator-system",
                environment.installation.namespace.clone(),
            ),
        ],
    )?;
    let followed = async {
        let page = reader.follows("docs/how-to/share-a-parent.md");
        tokio::try_join!(page, count(&environment, tenant.namespace()))
    };
    environment.explain(followed.await)?;
    let made = environment.simulator.accounts().await?;
    let names: Vec<&str> = made
        .iter()
        .filter_map(|account| account["name"].as_str())
        .collect();
    ensure!(names == [format!("{}-acme", tenant.namespace())], "{names:?}");
    let secrets = tenant.list(Kind::Secret).await?;
    ensure!(secrets.len() == 1, "the tenant sees {} Secrets", secrets.len());
    let namespace = tenant.namespace();
    environment.objects.delete(Kind::Namespace, namespace).await?;
    environment.await_gone(Kind::Namespace, namespace).await?;
    environment
        .objects
        .delete(Kind::ClusterAccount, "reseller")
        .await?;
    environment.await_gone(Kind::ClusterAccount, "reseller").await
}

/// Counts in the place of the controller of quotas, which does not run here.
async fn count(environment: &Environment, namespace: &str) -> Result<()> {
    let kubectl = environment.control_plane().kubectl();
    let quota = ["resourcequota/subaccounts", "--namespace", namespace];
    let made = ["wait", "--for=create", "--timeout=1m"];
    kubectl.run(&[made.as_slice(), &quota].concat()).await?;
    let counted = |number: &str| json!({"count/subaccounts.vobiz.ai": number});
    let status = json!({"status": {"hard": counted("20"), "used": counted("0")}}).to_string();
    let patch = [
        "patch",
        "--subresource=status",
        "--type=merge",
        "--patch",
        &status,
    ];
    kubectl.run(&[patch.as_slice(), &quota].concat()).await.map(drop)
}
