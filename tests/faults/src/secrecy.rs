//! I/O. Whether a token, or what a policy repeated of one, stands in anything that a run has left behind.

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::ByteString;
use vobiz_harness::last_words::{METRICS, files};
use vobiz_harness::needles::Needles;

use crate::denier::NEEDLE;
use crate::stage::Stage;

/// Fails when a log, a metric, an audit line or an object shows a token that the simulator ever issued.
pub async fn ensure_nothing_told(stage: &Stage) -> Result<()> {
    let secrets = stage.simulator.secrets().await?;
    // As a Secret's data shows it.
    let encoded = secrets
        .iter()
        .filter_map(|secret| serde_json::to_value(ByteString(secret.clone().into_bytes())).ok());
    let encoded: Vec<String> = encoded
        .filter_map(|value| Some(value.as_str()?.trim_end_matches('=').to_owned()))
        .collect();
    let needles = Needles::new(secrets.into_iter().chain(encoded).chain([NEEDLE.to_owned()]))?;
    ensure!(!needles.is_empty(), "the simulator has issued nothing");
    let folder = stage.control_plane.directory();
    let logs = files(folder, "operator-", ".log")?;
    ensure!(!logs.is_empty(), "no operator has left a log");
    let metrics = files(folder, "operator-", &format!(".{METRICS}"))?;
    let audit = stage.control_plane.audit()?.path().to_owned();
    for file in logs.iter().chain(&metrics).chain([&audit]) {
        let text = tokio::fs::read(file)
            .await
            .with_context(|| format!("failed to read {}", file.display()))?;
        ensure!(
            needles.find_in(&text).is_none(),
            "{} shows a token",
            file.display()
        );
    }
    for resource in [
        "events.events.k8s.io",
        "subaccounts",
        "accounts",
        "clusteraccounts",
        "configmaps",
    ] {
        let kubectl = stage.control_plane.kubectl();
        let objects = kubectl.get_json(&[resource, "--all-namespaces"]).await?;
        let found = needles.find_in(objects.to_string().as_bytes());
        ensure!(found.is_none(), "one of the {resource} shows a token");
    }
    Ok(())
}
