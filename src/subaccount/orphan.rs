//! Tells once of an account whose object went without its finalizer, after a look at what became of it. I/O: one read at
//! Vobiz, and one write that says on the Record that it was told.

use super::pass::{Listed, Pass};
use super::plan::Rest;
use super::report;
use super::tell::Outcome;
use super::tell::news::{Fate, of_orphan};
use crate::controller::cluster::ClusterError;
use crate::controller::refusal::Refusal;
use crate::controller::versioned::{Versioned, get_versioned, replace};
use crate::crd::ORPHAN_TOLD_ANNOTATION;
use crate::vobiz::AuthId;
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt;
use vobiz_protocol::facts::{Confirmation, Remote};

/// What came of it.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// Something could not be done yet: it is to be tried again.
    pub again: bool,
    /// That the Record says so is refused.
    pub refusal: Option<Refusal>,
}

/// A bound account whose object is gone: a restore brings objects back with new uids, so it is reported and kept. Only who
/// watches its namespace tells: others see its Record too.
pub(super) async fn tell(pass: &Pass<'_>, outcome: &Outcome) -> Told {
    let is_bound = pass.known.is_bound();
    let is_gone = pass.known.confirmation == Confirmation::Refuted;
    let is_ours = pass.context.subaccounts.cover(&pass.key.namespace);
    let (true, Some(id)) = (
        is_bound && is_gone && is_ours && outcome.rest == Rest::Settled,
        pass.auth_id(),
    ) else {
        return Told::default();
    };
    let secret = match record_secret(pass).await {
        Ok(Some(secret)) => secret,
        Ok(None) => return Told::default(),
        Err(error) => return failed(pass, &error),
    };
    if secret.object().annotations().get(ORPHAN_TOLD_ANNOTATION) == Some(&pass.uid) {
        return Told::default();
    }
    if !pass.remembered(|remembered| remembered.orphan_reported) {
        let Some(fate) = fate(pass, &id).await else {
            return Told {
                again: true,
                refusal: None,
            };
        };
        tracing::warn!(object = %pass.key, uid = pass.uid, auth_id = %id, "an object is gone without its finalizer");
        report::publish(pass, vec![of_orphan(&id, fate, &pass.record_name)]).await;
        pass.remembered(|remembered| {
            remembered.orphan_reported = true;
            remembered.forget_missing();
        });
    }
    // Another process, or this one after its next start, need not say it again.
    let marked = secret.map(|mut secret| {
        secret
            .annotations_mut()
            .insert(ORPHAN_TOLD_ANNOTATION.to_owned(), pass.uid.clone());
        secret
    });
    match replace(&pass.context.record_api(), marked).await {
        Ok(_) => Told::default(),
        Err(error) => failed(pass, &error),
    }
}

/// The Record's Secret as this pass read it.
async fn record_secret(pass: &Pass<'_>) -> Result<Option<Versioned<Secret>>, ClusterError> {
    match pass.known.read_record() {
        Some(read) => Ok(Some(read.secret.clone())),
        None => get_versioned(&pass.context.record_api(), &pass.record_name).await,
    }
}

fn failed(pass: &Pass<'_>, error: &ClusterError) -> Told {
    tracing::warn!(record = pass.record_name, %error, "failed to note on the record that its orphan was told");
    Told {
        again: true,
        refusal: error.refusal(),
    }
}

/// None: Vobiz cannot be asked now, or its list, without which a 404 proves nothing, is still to be read.
async fn fate(pass: &Pass<'_>, id: &AuthId) -> Option<Fate> {
    if pass.known.remote == Remote::Gone {
        // A list has confirmed the 404 of an earlier pass: another one would want another list.
        return Some(Fate::Gone);
    }
    let Some(access) = pass.access() else {
        let parent = pass.parent()?;
        return pass.context.is_abandoned(&parent).then_some(Fate::Unseen);
    };
    if access.get(pass.generation()?, id).await.ok()?.is_some() {
        return Some(Fate::Kept);
    }
    match pass.note_missing(&access, id) {
        Listed::Absent => Some(Fate::Gone),
        Listed::Shown(_) => Some(Fate::Kept),
        Listed::Unread => {
            access.parent.request_list(pass.missing_since());
            pass.context.registry.wake(&access.account);
            None
        }
    }
}
