//! What the whole suite proves together: nothing was refused, no right is idle, no secret was told.

use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::ByteString;
use serde_json::Value;
use vobiz_harness::audit::AuditQuery;
use vobiz_harness::grants::grants_to;
use vobiz_harness::installation::render;
use vobiz_harness::last_words::{METRICS, SECRETS, TRACES, files};
use vobiz_harness::needles::{Needles, SHORTEST};
use vobiz_harness::suite::Suite;
use vobiz_harness::test_bed::TestBed;

const SERVICE_ACCOUNT: &str = "vobiz-operator";

pub fn add_to(suite: &mut Suite) {
    suite.test_last(
        "no operator was ever refused a request by the API server",
        nothing_forbidden,
    );
    suite.test_last("every right that the manifests grant was used", no_idle_right);
    suite.test_last(
        "no token stands in any log, event, status, metric, trace or audit line",
        no_secret_told,
    );
}

/// The namespace of the operator that this user is, if it is one.
fn operator_namespace(user: &str) -> Option<&str> {
    let (namespace, account) = user.strip_prefix("system:serviceaccount:")?.split_once(':')?;
    (account == SERVICE_ACCOUNT).then_some(namespace)
}

async fn nothing_forbidden(bed: Arc<TestBed>) -> Result<()> {
    let lines = bed.control_plane().audit()?.lines(&AuditQuery::new()).await?;
    let of_operators = lines
        .iter()
        .filter(|line| operator_namespace(&line.user.username).is_some());
    let (mut count, mut refused) = (0, Vec::new());
    for line in of_operators {
        count += 1;
        if line.is_forbidden() {
            refused.push(line.summary());
        }
    }
    ensure!(count > 0, "no operator has asked for anything");
    ensure!(refused.is_empty(), "refused:\n{}", refused.join("\n"));
    Ok(())
}

async fn no_idle_right(bed: Arc<TestBed>) -> Result<()> {
    let base = bed.repository().join("manifests/base");
    let manifests = render(bed.control_plane().kubectl(), &base).await?;
    let mut idle = grants_to(&manifests, SERVICE_ACCOUNT);
    ensure!(!idle.is_empty(), "the manifests grant nothing");
    for line in bed.control_plane().audit()?.lines(&AuditQuery::new()).await? {
        if let Some(namespace) = operator_namespace(&line.user.username) {
            idle.retain(|grant| !grant.is_used_by(&line, namespace));
        }
    }
    let idle: Vec<String> = idle.iter().map(ToString::to_string).collect();
    ensure!(idle.is_empty(), "granted and never used:\n{}", idle.join("\n"));
    Ok(())
}

async fn no_secret_told(bed: Arc<TestBed>) -> Result<()> {
    let folder = bed.control_plane().directory();
    let mut secrets = Vec::new();
    for file in files(folder, "", &format!(".{SECRETS}"))? {
        for line in std::fs::read_to_string(&file)?.lines() {
            let issued: Value =
                serde_json::from_str(line).context("failed to read what a simulator issued")?;
            let issued = issued["secrets"].as_array().cloned().unwrap_or_default();
            secrets.extend(issued.iter().filter_map(Value::as_str).map(str::to_owned));
        }
    }
    let short = secrets.iter().filter(|secret| secret.len() < SHORTEST).count();
    ensure!(
        short == 0,
        "{short} tokens are too short to be told from words: give parents longer ones"
    );
    // As a Secret's data shows it.
    let encoded = secrets
        .iter()
        .map(|secret| serde_json::to_value(ByteString(secret.clone().into_bytes())));
    let encoded = encoded.filter_map(|value| {
        value
            .ok()?
            .as_str()
            .map(|text| text.trim_end_matches('=').to_owned())
    });
    let encoded: Vec<String> = encoded.collect();
    let needles = Needles::new(secrets.into_iter().chain(encoded))?;
    ensure!(!needles.is_empty(), "no simulator has issued anything");

    let logs = files(folder, "operator-", ".log")?;
    let metrics = files(folder, "operator-", &format!(".{METRICS}"))?;
    let traces = files(folder, "operator-", &format!(".{TRACES}"))?;
    ensure!(
        !logs.is_empty() && !metrics.is_empty() && !traces.is_empty(),
        "no operator has left a log, metrics and traces"
    );
    let trace = logs
        .iter()
        .any(|log| std::fs::read_to_string(log).is_ok_and(|text| text.contains("\"TRACE\"")));
    ensure!(trace, "no operator has logged at the level trace");
    let audit = bed.control_plane().audit()?.path().to_owned();
    for file in logs.iter().chain(&metrics).chain(&traces).chain([&audit]) {
        let text = std::fs::read(file)?;
        let found = needles.find_in(&text);
        let line = found.map(|at| text[..at].split(|byte| *byte == b'\n').count());
        ensure!(
            line.is_none(),
            "line {line:?} of {} shows a token",
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
        let objects = bed
            .control_plane()
            .kubectl()
            .get_json(&[resource, "--all-namespaces"])
            .await?;
        let items = objects["items"].as_array().context("a list has no items")?;
        for item in items {
            let name = &item["metadata"]["name"];
            ensure!(
                needles.find_in(item.to_string().as_bytes()).is_none(),
                "{resource} {name} shows a token"
            );
        }
    }
    Ok(())
}
