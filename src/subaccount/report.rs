//! What a pass tells: in the object's status, in events, in metrics, and among what Kubernetes refuses. I/O.

use super::act;
use super::pass::Pass;
use super::plan::{Rest, Wait};
use super::store::record::{Phase, secret_name};
use super::tell::news::{self, News};
use super::tell::outcome::{Outcome, failure};
use super::tell::{View, refusals, status};
use crate::account::key::AccountKey;
use crate::clock::wall_clock;
use crate::controller::cluster::ClusterError;
use crate::controller::guarded_patch;
use crate::controller::refusal::Refusal;
use crate::controller::refusals::Requester;
use crate::crd::condition::{self, ConditionStatus, ConditionType};
use crate::crd::{Subaccount, SubaccountStatus};
use crate::vobiz::AuthId;
use k8s_openapi::api::core::v1::ObjectReference;
use kube::Resource;
use serde_json::json;
use vobiz_protocol::facts::{Directive, Object};

impl Pass<'_> {
    /// Keeps for the status, and for the process, that Kubernetes refused a write.
    pub fn note_refusal(&mut self, error: &ClusterError, message: String) {
        self.refused.push((error.refusal(), message));
    }
}

/// Status and events of a pass over an object.
pub(super) async fn finish(pass: &mut Pass<'_>, observed: Option<&Subaccount>, outcome: &Outcome) {
    if pass.released {
        note_refusals(pass, outcome, None);
        publish(pass, farewell(pass).await).await;
        return;
    }
    pass.deeds.inherited |= pass.record_name != secret_name(&pass.uid);
    let Some(object) = pass.known.object.clone() else {
        return;
    };
    let (written, refused) = match write_status(pass, &object, outcome).await {
        Ok(written) => (written, None),
        Err(error) => {
            pass.status_failed = true;
            (None, error.refusal().map(|refusal| (refusal, error)))
        }
    };
    let mut news = news::of(
        observed.unwrap_or(&object),
        written.as_ref(),
        &pass.deeds,
        outcome,
    );
    let told =
        pass.remembered(|remembered| std::mem::replace(&mut remembered.refusal_reported, refused.is_some()));
    if let Some((_, error)) = refused.as_ref().filter(|_| !told) {
        let message = failure("write the status", error);
        news.push(news::of_refused_status(&object, message));
    }
    publish(pass, news).await;
    note_refusals(pass, outcome, refused.map(|(refusal, _)| refusal));
    let (rest, reason) = (outcome.rest, outcome.message.as_str());
    match rest {
        Rest::Waiting(Wait::Cluster | Wait::WriteRefused | Wait::SecretForbidden) => {
            tracing::warn!(object = %pass.key, uid = pass.uid, reason, "a pass failed");
        }
        Rest::Waiting(_) | Rest::Blocked(_) if written.is_some() => {
            tracing::info!(object = %pass.key, uid = pass.uid, ?rest, reason, "not ready");
        }
        _ => {}
    }
}

/// What became of the account, and of the Secret, of an object that goes.
async fn farewell(pass: &Pass<'_>) -> Vec<News> {
    let (record, named) = (pass.known.record(), pass.known.named_id());
    let last = if pass.known.directive() == Directive::ForceDelete {
        // The janitor need not say it again.
        pass.remembered(|remembered| remembered.orphan_reported = true);
        let dropped = pass.deeds.pair_dropped.as_ref();
        let left = dropped.or(named.as_ref()).map(AuthId::as_str);
        news::forced(left, dropped.is_some())
    } else {
        news::farewell(record, named.as_ref(), pass.known.is_named())
    };
    let is_deleted =
        record.is_some_and(|record| record.ledger.phase == Phase::Closed && record.auth_id().is_some());
    let left = if is_deleted {
        act::stays_behind(pass).await
    } else {
        None
    };
    let left = left.map(|name| news::of_left_secret(&name));
    [last].into_iter().chain(left).collect()
}

async fn write_status(
    pass: &mut Pass<'_>,
    object: &Subaccount,
    outcome: &Outcome,
) -> Result<Option<SubaccountStatus>, ClusterError> {
    let (auth_id, remote, secret_name) = (
        pass.auth_id(),
        pass.remote_account(),
        super::secret::name_of(object),
    );
    let contested = pass.told_of_contest();
    let parent = pass.known.record().map(|record| record.parent.clone());
    let facts = pass.facts();
    let drift = remote.as_ref().filter(|_| facts.observes);
    let drift = drift.map_or_else(Vec::new, |account| pass.differing(account).names());
    let drift = drift.join(", ");
    let view = View {
        facts: &facts,
        auth_id: auth_id.as_ref(),
        parent: parent.as_ref().filter(|_| auth_id.is_some()),
        generation: pass.generation().filter(|_| auth_id.is_some()),
        policy: pass.policy(),
        secret_name: &secret_name,
        remote: remote.as_ref(),
        drift: &drift,
        refused: &refusals(&pass.refused),
        contested: contested.as_deref(),
    };
    let Some(status) = status::of(object, &view, outcome, wall_clock()) else {
        return Ok(None);
    };
    let mut operations = vec![json!({"op": "add", "path": "/status", "value": status})];
    if auth_id.is_none() {
        // A late write of a pass without a pair must not clear an id that another pass has written.
        let version = json!({"op": "test", "path": "/metadata/resourceVersion", "value": object.metadata.resource_version});
        operations.insert(0, version);
    }
    match guarded_patch::patch_status(&pass.objects(), object, operations).await {
        Ok(written) => {
            act::remember(pass, written);
            Ok(Some(status))
        }
        Err(error) => {
            tracing::debug!(object = %pass.key, %error, "failed to write the status");
            Err(error)
        }
    }
}

/// Tells the process which writes Kubernetes refuses for this object; `status`: that of its status.
pub(super) fn note_refusals(pass: &Pass<'_>, outcome: &Outcome, status: Option<Refusal>) {
    let held_up = pass.refused.iter().filter_map(|(refusal, _)| refusal.clone());
    let refused: Vec<Refusal> = held_up
        .chain(outcome.refusal.as_deref().cloned())
        .chain(status)
        .collect();
    let source = match pass.known.life {
        Object::Unseen => pass.context.source_of_record(&pass.record_name),
        Object::Live | Object::Deleting => Requester::Object("Subaccount", pass.key.clone()),
    };
    pass.context.refusals.set(source.clone(), &refused);
    if pass.known.life != Object::Unseen && !pass.context.is_stored(&pass.key, &pass.uid) {
        // It went meanwhile: no pass comes any more that could say otherwise.
        pass.context.refusals.clear(source);
    }
}

/// Publishes events about the object that the pass was about.
pub(super) async fn publish(pass: &Pass<'_>, news: Vec<News>) {
    let regarding = match pass.object() {
        Some(object) => object.object_ref(&()),
        None => ObjectReference {
            api_version: Some(Subaccount::api_version(&()).into_owned()),
            kind: Some(Subaccount::kind(&()).into_owned()),
            namespace: Some(pass.key.namespace.clone()),
            name: Some(pass.key.name.clone()),
            uid: Some(pass.uid.clone()),
            ..ObjectReference::default()
        },
    };
    for news in news {
        let (kind, reason) = (news.kind(), news.reason.as_str());
        pass.context
            .recorder
            .publish(regarding.clone(), kind, reason, "Reconcile", &news.note)
            .await;
    }
}

/// The series of the object that the pass was about.
pub(super) fn metrics(pass: &Pass<'_>) {
    let Some(object) = pass.object() else { return };
    let status_of = |kind| {
        let conditions = &object.status.as_ref()?.conditions;
        let found = condition::find(conditions, kind)?;
        let status = ConditionStatus::parse(&found.status).unwrap_or(ConditionStatus::Unknown);
        Some(status.as_str())
    };
    let (namespace, name) = (pass.key.namespace.as_str(), pass.key.name.as_str());
    pass.context.metrics.set_conditions(
        namespace,
        name,
        status_of(ConditionType::Ready),
        status_of(ConditionType::Synced),
        status_of(ConditionType::Stalled) == Some(ConditionStatus::True.as_str()),
    );
    if let Some(id) = object
        .status
        .as_ref()
        .and_then(|status| status.auth_id.as_deref())
    {
        let account = AccountKey::referred(namespace, &object.spec.account_ref).to_string();
        pass.context.metrics.set_info(namespace, name, id, &account);
    }
    if let Some(at) = &object.metadata.deletion_timestamp {
        pass.context
            .metrics
            .set_deletion_started(namespace, name, at.0.as_duration().as_secs_f64());
    }
}
