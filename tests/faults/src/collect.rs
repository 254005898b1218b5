//! I/O. Reads what a plan is judged by.

use anyhow::{Context as _, Result};
use http::Method;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret;
use serde_json::Value;
use vobiz_harness::audit::{AuditLine, AuditQuery};
use vobiz_harness::simulator_journal::JournalQuery;

use crate::actor::{Actor, OBJECT, SECRET};
use crate::cluster::Watched;
use crate::evidence::{Call, Deed, Evidence, Remains, Values};
use crate::plan::Scene;
use crate::stage::Stage;

/// What is there now.
pub async fn remains(stage: &Stage, actor: &Actor<'_>) -> Result<Remains> {
    let namespace = actor.namespace.as_str();
    let find = |kind, namespace: &str, name: &str| stage.cluster.find(kind, namespace, name);
    let values = |namespace: &str, name: &str| {
        let found = find(Watched::Secret, namespace, name);
        found.map(|secret| values_of(&secret)).transpose()
    };
    let mut records = Vec::new();
    for uid in actor.uids() {
        records.push(values(
            &stage.installation.namespace,
            &format!("subaccount-{uid}"),
        )?);
    }
    let path = format!("/accounts?parent={}", actor.parent);
    let mut accounts = stage.simulator.control(Method::GET, &path, None).await?;
    let accounts = accounts["accounts"]
        .as_array_mut()
        .context("the simulator lists no accounts")?;
    Ok(Remains {
        namespace: find(Watched::Namespace, "", namespace).is_some(),
        object: find(Watched::Subaccount, namespace, OBJECT).map(|object| (*object).clone()),
        secret: values(namespace, SECRET)?,
        records,
        accounts: std::mem::take(accounts),
    })
}

/// Everything that a plan is judged by.
pub async fn evidence(
    stage: &Stage,
    actor: &Actor<'_>,
    scene: Scene,
    faults: Vec<Timestamp>,
) -> Result<Evidence> {
    let query = JournalQuery::new().parent(&actor.parent);
    let entries = stage.simulator.journal(&query).await?;
    let operator = stage.installation.user();
    let audit = stage.control_plane.audit()?;
    let mut lines = audit
        .lines(&AuditQuery::new().namespace(&actor.namespace))
        .await?;
    for uid in actor.uids() {
        let record = AuditQuery::new().namespace(&stage.installation.namespace);
        lines.extend(audit.lines(&record.name(&format!("subaccount-{uid}"))).await?);
    }
    let deed = |line: &std::sync::Arc<AuditLine>| Deed::of(line, &operator);
    let mut deeds: Vec<Deed> = lines.iter().filter_map(deed).collect();
    deeds.sort_by_key(|deed| deed.at);
    Ok(Evidence {
        policy: scene.workload.policy(),
        lives: scene.workload.leaves_an_object(),
        calls: entries.iter().map(Call::of).collect(),
        deeds,
        faults,
        scene: remains(stage, actor).await?,
    })
}

fn values_of(secret: &Value) -> Result<Values> {
    let secret: Secret = serde_json::from_value(secret.clone()).context("failed to read a Secret")?;
    let values = secret.data.unwrap_or_default().into_iter();
    values
        .map(|(key, value)| Ok((key, String::from_utf8(value.0)?)))
        .collect()
}
