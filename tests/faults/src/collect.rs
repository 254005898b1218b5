//! I/O. Reads what a plan is judged by.

use std::collections::HashSet;
use std::future::{Future, ready};
use std::sync::Arc;

use anyhow::{Context as _, Result};
use http::Method;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret;
use serde_json::Value;
use vobiz_harness::audit::{AuditLine, AuditQuery};
use vobiz_harness::objects::Kind;
use vobiz_harness::simulator_journal::{JournalQuery, Operation};

use crate::actor::{Actor, OBJECT, RIVAL, secret_of};
use crate::company::Companion;
use crate::evidence::{Call, Deed, Evidence, Remains, Values};
use crate::plan::Scene;
use crate::refusal::Refusal;
use crate::stage::Stage;
use crate::workload::{Claim, Policy, Workload};

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
    let companions = actor.companions();
    let mut own = remains_of(stage, &Member::of(actor), &find).await?;
    let others: HashSet<&str> = companions
        .iter()
        .filter_map(|other| other.auth_id.as_deref())
        .collect();
    let is_own = |account: &Value| account["auth_id"].as_str().is_none_or(|id| !others.contains(id));
    own.accounts.retain(is_own);
    let (namespace, name) = actor.credentials_place();
    let credentials = find((Kind::Secret, namespace.to_owned(), name.to_owned())).await?;
    own.credentials_in_use = credentials.map(|secret| is_in_use(&secret));
    for companion in &companions {
        let mut remains = remains_of(stage, &Member::beside(actor, companion), &find).await?;
        let auth_id = companion.auth_id.as_deref();
        remains
            .accounts
            .retain(|account| auth_id.is_some_and(|auth_id| account["auth_id"] == auth_id));
        own.companions.push(remains);
    }
    Ok(own)
}

/// Whose remains are looked at.
struct Member {
    namespace: String,
    object: String,
    /// Another object to which the same happens.
    rival: Option<String>,
    credentials: String,
    parent: String,
    uids: Vec<String>,
}

impl Member {
    fn of(actor: &Actor<'_>) -> Self {
        let is_twice = actor.scene.workload == Workload::AdoptTwice;
        Self {
            namespace: actor.namespace.clone(),
            object: OBJECT.to_owned(),
            rival: is_twice.then(|| RIVAL.to_owned()),
            credentials: actor.credentials_place().1.to_owned(),
            parent: actor.parent.clone(),
            uids: actor.uids(),
        }
    }

    fn beside(actor: &Actor<'_>, companion: &Companion) -> Self {
        Self {
            object: companion.name.to_owned(),
            rival: None,
            parent: companion.parent.clone(),
            uids: vec![companion.uid.clone()],
            ..Self::of(actor)
        }
    }

    fn has(&self, object: &str) -> bool {
        self.object == object || self.rival.as_deref() == Some(object)
    }
}

async fn remains_of<F>(stage: &Stage, member: &Member, find: &impl Fn(Place) -> F) -> Result<Remains>
where
    F: Future<Output = Result<Option<Arc<Value>>>>,
{
    let namespace = member.namespace.as_str();
    let find = |kind, namespace: &str, name: &str| find((kind, namespace.to_owned(), name.to_owned()));
    let values = |found: Option<Arc<Value>>| found.map(|secret| values_of(&secret)).transpose();
    let mut records = Vec::new();
    for uid in &member.uids {
        let name = format!("subaccount-{uid}");
        records.push(values(
            find(Kind::Secret, &stage.installation.namespace, &name).await?,
        )?);
    }
    let path = format!("/accounts?parent={}", member.parent);
    let mut accounts = stage.simulator.control(Method::GET, &path, None).await?;
    let accounts = accounts["accounts"]
        .as_array_mut()
        .context("the simulator lists no accounts")?;
    let object = find(Kind::Subaccount, namespace, &member.object).await?;
    Ok(Remains {
        namespace: find(Kind::Namespace, "", namespace).await?.is_some(),
        object: object.map(|object| (*object).clone()),
        secret: values(find(Kind::Secret, namespace, &secret_of(&member.object)).await?)?,
        records,
        accounts: std::mem::take(accounts),
        credentials_in_use: None,
        companions: Vec::new(),
    })
}

fn is_in_use(secret: &Value) -> bool {
    let finalizers = secret["metadata"]["finalizers"].as_array();
    finalizers.is_some_and(|finalizers| finalizers.iter().any(|finalizer| finalizer == "vobiz.ai/in-use"))
}

/// Everything that a plan is judged by.
pub async fn evidence(
    stage: &Stage,
    actor: &Actor<'_>,
    scene: Scene,
    faults: Vec<Timestamp>,
    refusal: Option<Refusal>,
) -> Result<Evidence> {
    let mut remains = remains_for_certain(stage, actor).await?;
    let companions = actor.companions();
    let collected = Collected {
        scene: std::mem::take(&mut remains.companions),
        lines: lines(stage, actor).await?,
    };
    let series: HashSet<String> = remains
        .records
        .iter()
        .flatten()
        .filter_map(|record| record.get("series").cloned())
        .collect();
    let mut beside = Vec::new();
    for (companion, scene_of) in companions.iter().zip(&collected.scene) {
        let calls = calls(stage, &companion.parent).await?;
        let is_objects = |call: &Call| {
            let marker = call.marker.as_ref();
            marker.is_some_and(|marker| series.contains(&marker.series))
        };
        let is_own = |call: &Call| match (call.operation, &companion.auth_id) {
            (Operation::List, _) => true,
            (_, Some(auth_id)) => call.id.as_ref() == Some(auth_id),
            // All that it can do is to ask for one.
            (operation, None) => operation == Operation::Create && !is_objects(call),
        };
        beside.push(Evidence {
            policy: match companion.claim {
                Claim::Made => scene.workload.policy(),
                Claim::Adopted | Claim::Refused => Policy::Retain,
            },
            claim: companion.claim,
            by_hand: None,
            untouched: None,
            lives: companion.stays && scene.workload.leaves_the_namespace(),
            calls: calls.into_iter().filter(is_own).collect(),
            deeds: collected.deeds_on(stage, &Member::beside(actor, companion)),
            faults: faults.clone(),
            starved: stage.pulse.starved(),
            fences: stage.cluster.fences(),
            refusal: None,
            scene: scene_of.clone(),
            companions: Vec::new(),
        });
    }
    let others: HashSet<&String> = companions
        .iter()
        .filter_map(|other| other.auth_id.as_ref())
        .collect();
    let has_strangers = scene.workload.is_in_company();
    let is_own = |call: &Call| {
        let is_strangers = has_strangers && call.operation == Operation::Me && call.status == Some(401);
        call.id.as_ref().is_none_or(|id| !others.contains(id)) && !is_strangers
    };
    let calls = calls(stage, &actor.parent).await?;
    remains.companions.clone_from(&collected.scene);
    Ok(Evidence {
        policy: scene.workload.policy(),
        claim: scene.workload.claim(),
        by_hand: actor.id_by_hand(),
        untouched: actor.untouched(),
        lives: scene.workload.leaves_an_object(),
        calls: calls.into_iter().filter(is_own).collect(),
        deeds: collected.deeds_on(stage, &Member::of(actor)),
        faults,
        starved: stage.pulse.starved(),
        fences: stage.cluster.fences(),
        refusal,
        scene: remains,
        companions: beside,
    })
}

async fn calls(stage: &Stage, parent: &str) -> Result<Vec<Call>> {
    let query = JournalQuery::new().parent(parent);
    let entries = stage.simulator.journal(&query).await?;
    Ok(entries.iter().map(Call::of).collect())
}

/// What is read once for all objects of a plan.
struct Collected {
    scene: Vec<Remains>,
    lines: Vec<Arc<AuditLine>>,
}

impl Collected {
    /// What was done to one of the objects, oldest first. Deeds that name no object of the namespace are everybody's.
    fn deeds_on(&self, stage: &Stage, member: &Member) -> Vec<Deed> {
        let operator = stage.installation.user();
        let records: HashSet<String> = member
            .uids
            .iter()
            .map(|uid| format!("subaccount-{uid}"))
            .collect();
        let is_own = |line: &&Arc<AuditLine>| {
            let place = &line.object_ref;
            match place.resource.as_str() {
                // A namespace's end asks for the deletion of all of them at once.
                "subaccounts" => member.has(&place.name) || place.name.is_empty(),
                "secrets" if place.name.starts_with("subaccount-") => records.contains(&place.name),
                "secrets" => {
                    let of = place.name.strip_suffix("-vobiz");
                    of.is_some_and(|object| member.has(object)) || place.name == member.credentials
                }
                _ => true,
            }
        };
        let own = self.lines.iter().filter(is_own);
        let mut deeds: Vec<Deed> = own.filter_map(|line| Deed::of(line, &operator)).collect();
        deeds.sort_by_key(|deed| deed.at);
        deeds
    }
}

/// The granted requests of a plan's namespace and to its Records.
async fn lines(stage: &Stage, actor: &Actor<'_>) -> Result<Vec<Arc<AuditLine>>> {
    let audit = stage.control_plane.audit()?;
    let mut lines = audit
        .lines(&AuditQuery::new().namespace(&actor.namespace))
        .await?;
    let companions = actor.companions().into_iter().map(|companion| companion.uid);
    for uid in actor.uids().into_iter().chain(companions) {
        let record = AuditQuery::new().namespace(&stage.installation.namespace);
        lines.extend(audit.lines(&record.name(&format!("subaccount-{uid}"))).await?);
    }
    Ok(lines)
}

fn values_of(secret: &Value) -> Result<Values> {
    let secret: Secret = serde_json::from_value(secret.clone()).context("failed to read a Secret")?;
    let values = secret.data.unwrap_or_default().into_iter();
    values
        .map(|(key, value)| Ok((key, String::from_utf8(value.0)?)))
        .collect()
}
