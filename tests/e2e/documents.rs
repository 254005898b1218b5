//! What the pages of `docs/start` say, typed word for word by somebody who follows them from top to bottom.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use vobiz_harness::directory::TemporaryDirectory;
use vobiz_harness::markdown::fenced;
use vobiz_harness::objects::Kind;
use vobiz_harness::suite::Suite;
use vobiz_harness::test_bed::{Environment, EnvironmentOptions, TestBed};

use crate::runbook::document::file;

pub fn add_to(suite: &mut Suite) {
    suite.test(
        "docs/start, followed word for word, leads from a parent's pair to a Subaccount and back",
        start,
    );
}

/// Somebody who follows a page: in a folder and a namespace of their own, with `kubectl vobiz` installed.
struct Reader<'a> {
    environment: &'a Environment,
    folder: TemporaryDirectory,
}

impl<'a> Reader<'a> {
    fn new(environment: &'a Environment) -> Result<Self> {
        let folder = TemporaryDirectory::new("reader")?;
        let programs = folder.path().join("bin");
        std::fs::create_dir(&programs)?;
        symlink(
            Path::new(env!("CARGO_BIN_EXE_kubectl-vobiz")),
            programs.join("kubectl-vobiz"),
        )?;
        Ok(Self { environment, folder })
    }

    /// Writes what is shown as YAML into the file that its first line names, and types what is shown as commands, in order.
    async fn follows(&self, page: &str) -> Result<()> {
        for (language, block) in fenced(&file(page)?) {
            match language.as_str() {
                "yaml" => self.writes(&block)?,
                "sh" => drop(self.types(&block).await.with_context(|| page.to_owned())?),
                _ => {}
            }
        }
        Ok(())
    }

    fn writes(&self, block: &str) -> Result<()> {
        let name = block.lines().next().and_then(|line| line.strip_prefix("# "));
        let name = name.with_context(|| format!("its first line names no file: {block}"))?;
        std::fs::write(self.folder.path().join(name), block)?;
        Ok(())
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
        let script = exports.concat() + command;
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
    let reader = Reader::new(&environment)?;
    let mark = environment.simulator.journal_mark().await?;
    environment.explain(reader.follows("docs/start/first-subaccount.md").await)?;
    let sent = crate::vobiz_command::writes(&environment, mark).await?;
    let methods: Vec<String> = sent
        .iter()
        .map(|entry| format!("{:?}", entry.operation))
        .collect();
    ensure!(methods == ["Create", "Update", "Delete"], "{methods:?}");
    ensure!(environment.simulator.accounts().await?.is_empty());
    environment.await_gone(Kind::Namespace, NAMESPACE).await
}
