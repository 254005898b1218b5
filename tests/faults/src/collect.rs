//! I/O. Reads what a plan is judged by.

use std::future::{Future, ready};
use std::sync::Arc;

use anyhow::{Context as _, Result};
use http::Method;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret;
use serde_json::Value;
use vobiz_harness::audit::{AuditLine, AuditQuery};
use vobiz_harness::objects::Kind;
use vobiz_harness::simulator_journal::JournalQuery;

use crate::actor::{Actor, OBJECT, SECRET};
use crate::evidence::{Call, Deed, Evidence, Remains, Values};
use crate::plan::Scene;
use crate::refusal::Refusal;
use crate::stage::Stage;

/// What is there as far as watches have told.
pub async fn remains(stage: &Stage, actor: &Actor<'_>) -> Result<Remains> {
    let find = |(kind, namespace, name): Place| {
        let found = stage.cluster.find(kind, &namespace, &name);
        ready(Ok(found))
    };
    look(stage, actor, find).await
}

/// What is there, read anew: a verdict rests on no watch, which may lag.
pub async fn remains_for_certain(stage: &Stage, actor: &Actor<'_>) -> Result<Remains> {
    let read =
        |(kind, namespace, name): Place| async move { stage.cluster.read(kind, &namespace, &name).await };
    look(stage, actor, read).await
}

type Place = (Kind, String, String);

async fn look<F>(stage: &Stage, actor: &Actor<'_>, find: impl Fn(Place) -> F) -> Result<Remains>
where
    F: Future<Output = Result<Option<Arc<Value>>>>,
{
    let namespace = actor.namespace.as_str();
    let find = |kind, namespace: &str, name: &str| find((kind, namespace.to_owned(), name.to_owned()));
    let values = |found: Option<Arc<Value>>| found.map(|secret| values_of(&secret)).transpose();
    let mut records = Vec::new();
    for uid in actor.uids() {
        let name = format!("subaccount-{uid}");
        records.push(values(
            find(Kind::Secret, &stage.installation.namespace, &name).await?,
        )?);
    }
    let path = format!("/accounts?parent={}", actor.parent);
    let mut accounts = stage.simulator.control(Method::GET, &path, None).await?;
    let accounts = accounts["accounts"]
        .as_array_mut()
        .context("the simulator lists no accounts")?;
    let object = find(Kind::Subaccount, namespace, OBJECT).await?;
    Ok(Remains {
        namespace: find(Kind::Namespace, "", namespace).await?.is_some(),
        object: object.map(|object| (*object).clone()),
        secret: values(find(Kind::Secret, namespace, SECRET).await?)?,
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
    refusal: Option<Refusal>,
) -> Result<Evidence> {
    let remains = remains_for_certain(stage, actor).await?;
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
    let deed = |line: &Arc<AuditLine>| Deed::of(line, &operator);
    let mut deeds: Vec<Deed> = lines.iter().filter_map(deed).collect();
    deeds.sort_by_key(|deed| deed.at);
    Ok(Evidence {
        policy: scene.workload.policy(),
        lives: scene.workload.leaves_an_object(),
        calls: entries.iter().map(Call::of).collect(),
        deeds,
        faults,
        starved: stage.pulse.starved(),
        fences: stage.cluster.fences(),
        refusal,
        scene: remains,
    })
}

fn values_of(secret: &Value) -> Result<Values> {
    let secret: Secret = serde_json::from_value(secret.clone()).context("failed to read a Secret")?;
    let values = secret.data.unwrap_or_default().into_iter();
    values
        .map(|(key, value)| Ok((key, String::from_utf8(value.0)?)))
        .collect()
}
