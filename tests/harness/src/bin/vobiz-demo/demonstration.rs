//! I/O. The life of a Subaccount, shown with kubectl on one side and the simulated API on the other.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use vobiz_harness::directory::TemporaryDirectory;
use vobiz_harness::objects::{Kind, Objects};
use vobiz_harness::products;

use crate::foreground::{Interruption, describe, hold};
use crate::narration::Narration;
use crate::stack::Stack;

/// The namespace of `manifests/subaccounts/overlays/dev`.
const NAMESPACE: &str = "vobiz-dev";
const PATIENCE: Duration = Duration::from_mins(2);
/// The shortest interval that an Account may have: the demonstration does not wait five minutes for a drift repair.
const RESYNC_SECONDS: u32 = 10;

/// Shows every step; with `keep` everything then runs until interrupted.
pub async fn run(keep: bool) -> Result<()> {
    let mut interruption = Interruption::new()?;
    tokio::select! {
        result = show(keep) => result,
        () = interruption.arrived() => if keep { Ok(()) } else { Err(anyhow::anyhow!("interrupted")) },
    }
}

async fn show(keep: bool) -> Result<()> {
    let narration = Narration::begin();
    let stack = Stack::start(&narration, true).await?;
    let demonstration = Demonstration {
        objects: Objects::new(stack.control_plane.client(), NAMESPACE, PATIENCE),
        narration: &narration,
        stack: &stack,
    };
    let shown = demonstration.run().await;
    if let (Err(_), Some(operator)) = (&shown, &stack.operator) {
        narration.heading("The end of the operator's log");
        narration.output(&operator.log_tail(5));
    }
    shown?;
    narration.heading("Done: every step arrived at the simulated API");
    if keep {
        // Kept files go when we go, as what they lead to does.
        let folder = TemporaryDirectory::new("demo")?;
        describe(&stack, &narration, folder.path()).await?;
        hold(&stack, &narration).await?;
    }
    Ok(())
}

struct Demonstration<'a> {
    stack: &'a Stack,
    narration: &'a Narration,
    objects: Objects,
}

impl Demonstration<'_> {
    async fn run(&self) -> Result<()> {
        self.create().await?;
        self.credentials().await?;
        self.edit().await?;
        self.repair().await?;
        self.delete().await
    }

    async fn create(&self) -> Result<()> {
        self.narration.heading("Two Subaccounts, applied as any manifest");
        self.stack.create_credentials(NAMESPACE).await?;
        self.narration.say(&format!(
            "(the parent's pair is in the Secret {NAMESPACE}/vobiz-credentials)"
        ));
        self.kubectl(&["apply", "-k", "manifests/subaccounts/overlays/dev"])
            .await?;
        self.kubectl(&[
            "wait",
            "--for=condition=Ready",
            "subaccounts.vobiz.ai",
            "--all",
            "-n",
            NAMESPACE,
            "--timeout=120s",
        ])
        .await?;
        self.kubectl(&["get", "va,vsa", "-n", NAMESPACE]).await?;
        self.show_simulator().await
    }

    async fn credentials(&self) -> Result<()> {
        self.narration.heading("Each has its credentials in a Secret");
        // `describe` shows the keys and how long their values are, and no value.
        self.kubectl(&["describe", "secret", "acme-vobiz", "-n", NAMESPACE])
            .await?;
        let (auth_id, auth_token) = (
            self.secret_value("auth_id").await?,
            self.secret_value("auth_token").await?,
        );
        let account = self.account().await?;
        ensure!(
            account["auth_id"] == auth_id.as_str(),
            "the Secret names another account"
        );
        ensure!(
            account["auth_token"] == auth_token.as_str(),
            "the Secret's token is not the account's"
        );
        self.narration.say(&format!(
            "auth_id is {auth_id}; auth_token is ********, as the API showed it once"
        ));
        Ok(())
    }

    async fn secret_value(&self, key: &str) -> Result<String> {
        let template = format!("go-template={{{{.data.{key} | base64decode}}}}");
        let arguments = ["get", "secret", "acme-vobiz", "-n", NAMESPACE, "-o", &template];
        self.stack.control_plane.kubectl().run(&arguments).await
    }

    async fn edit(&self) -> Result<()> {
        self.narration.heading("An edit arrives at the API");
        let patch = r#"{"spec":{"description":"Support line of Acme","enabled":false}}"#;
        self.narration.say("what it would do, before it is done:");
        let mut edited = self.objects.get(Kind::Subaccount, "acme").await?;
        edited["spec"]["description"] = json!("Support line of Acme");
        edited["spec"]["enabled"] = json!(false);
        self.plan("plan -f acme.yaml", &["plan", "-f", "-"], &edited.to_string())
            .await?;
        self.kubectl(&[
            "patch",
            "subaccounts.vobiz.ai",
            "acme",
            "-n",
            NAMESPACE,
            "--type=merge",
            "-p",
            patch,
        ])
        .await?;
        self.objects
            .await_reason(Kind::Subaccount, "acme", "Ready", "Disabled")
            .await?;
        let account = self.account().await?;
        ensure!(
            account["enabled"] == false,
            "the edit did not arrive: the account is still enabled"
        );
        self.show_simulator().await
    }

    async fn repair(&self) -> Result<()> {
        self.narration
            .heading("Somebody changes the account behind our back; the next resync repairs it");
        let resync = json!({"spec": {"resyncIntervalSeconds": RESYNC_SECONDS}}).to_string();
        self.kubectl(&[
            "patch",
            "accounts.vobiz.ai",
            "vobiz",
            "-n",
            NAMESPACE,
            "--type=merge",
            "-p",
            &resync,
        ])
        .await?;
        let auth_id = self.auth_id().await?;
        self.stack
            .simulator
            .change_account(&auth_id, &json!({"name": "renamed-by-hand", "enabled": true}))
            .await?;
        self.show_simulator().await?;
        let expected = "dev-acme";
        let repaired = async {
            loop {
                let account = self.account().await?;
                if account["name"] == expected && account["enabled"] == false {
                    return anyhow::Ok(());
                }
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        };
        tokio::time::timeout(PATIENCE, repaired)
            .await
            .context("the drift was not repaired")??;
        self.narration.say("repaired:");
        self.show_simulator().await
    }

    async fn delete(&self) -> Result<()> {
        self.narration
            .heading("A deletion: gone from the API, and its Secret with it");
        let auth_id = self.auth_id().await?;
        self.narration
            .say("what goes with an object that is in no manifest any more, before it is pruned:");
        self.kubectl(&[
            "label",
            "subaccounts.vobiz.ai",
            "acme",
            "-n",
            NAMESPACE,
            "team=voice",
        ])
        .await?;
        let globex = products::repository().join("manifests/subaccounts/base/globex.yaml");
        let manifest = std::fs::read_to_string(globex).context("failed to read a manifest")?;
        let arguments = ["plan", "-f", "-", "--prune", "-l", "team=voice"];
        self.plan("plan -f globex.yaml --prune -l team=voice", &arguments, &manifest)
            .await?;
        self.kubectl(&[
            "delete",
            "subaccounts.vobiz.ai",
            "acme",
            "-n",
            NAMESPACE,
            "--timeout=120s",
        ])
        .await?;
        let left = self.stack.simulator.accounts().await?;
        ensure!(
            left.iter().all(|account| account["auth_id"] != auth_id.as_str()),
            "the account is still there"
        );
        self.objects.await_gone(Kind::Secret, "acme-vobiz").await?;
        self.kubectl(&["get", "vsa,events", "-n", NAMESPACE]).await?;
        self.show_simulator().await
    }

    async fn auth_id(&self) -> Result<String> {
        let object = self.objects.get(Kind::Subaccount, "acme").await?;
        object["status"]["authId"]
            .as_str()
            .map(str::to_owned)
            .context("the Subaccount has no status.authId")
    }

    async fn account(&self) -> Result<Value> {
        let auth_id = self.auth_id().await?;
        let accounts = self.stack.simulator.accounts().await?;
        let found = accounts
            .into_iter()
            .find(|account| account["auth_id"] == auth_id.as_str());
        found.context("the simulator does not know the account")
    }

    async fn show_simulator(&self) -> Result<()> {
        self.narration.say("the simulated API's own view:");
        let row = |auth_id: &str, name: &str, enabled: &str, description: &str| {
            format!("{auth_id:<26} {name:<20} {enabled:<8} {description}")
        };
        let mut table = vec![row("AUTH-ID", "NAME", "ENABLED", "DESCRIPTION")];
        for account in self.stack.simulator.accounts().await? {
            let text = |field: &str| account[field].as_str().unwrap_or_default();
            let enabled = account["enabled"].to_string();
            table.push(row(text("auth_id"), text("name"), &enabled, text("description")));
        }
        let table = table.join("\n");
        self.narration.output(&table);
        Ok(())
    }

    /// `kubectl vobiz` with these manifests. `typed`: as a reader would type it, who has them in a file.
    async fn plan(&self, typed: &str, arguments: &[&str], manifests: &str) -> Result<()> {
        self.narration
            .command(&format!("kubectl vobiz {typed} -n {NAMESPACE}"));
        let Stack {
            simulator,
            control_plane,
            ..
        } = self.stack;
        let mut child = tokio::process::Command::new(products::kubectl_vobiz()?)
            .args(arguments)
            .args(["-n", NAMESPACE, "--allow-insecure-api"])
            .arg(format!("--api-base-url={}", simulator.url()))
            .arg(format!(
                "--kubeconfig={}",
                control_plane.admin_kubeconfig().display()
            ))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("failed to run kubectl-vobiz")?;
        let mut stdin = child.stdin.take().context("it has no standard input")?;
        stdin.write_all(manifests.as_bytes()).await?;
        drop(stdin);
        let output = child.wait_with_output().await?;
        ensure!(
            output.status.code() == Some(1),
            "a plan that changes something ends with 1, not {}",
            output.status
        );
        self.narration.output(&String::from_utf8_lossy(&output.stdout));
        Ok(())
    }

    async fn kubectl(&self, arguments: &[&str]) -> Result<()> {
        let typed: Vec<String> = arguments.iter().map(|argument| quoted(argument)).collect();
        self.narration.command(&format!("kubectl {}", typed.join(" ")));
        // Paths are meant from the repository's root, as a reader would type them.
        let root = products::repository();
        let absolute: Vec<String> = arguments.iter().map(|argument| below(root, argument)).collect();
        let absolute: Vec<&str> = absolute.iter().map(String::as_str).collect();
        self.narration
            .output(&self.stack.control_plane.kubectl().run(&absolute).await?);
        Ok(())
    }
}

fn quoted(argument: &str) -> String {
    if argument.contains(['{', ' ', '"']) {
        format!("'{argument}'")
    } else {
        argument.to_owned()
    }
}

fn below(root: &Path, argument: &str) -> String {
    if argument.starts_with("manifests/") {
        root.join(argument).display().to_string()
    } else {
        argument.to_owned()
    }
}
