//! Finds the Record of an object by quorum, and what an earlier object of its name left. I/O.
//!
//! A Record lies under the uid of the object that it first served. One that a later object took over keeps its name, so
//! that 'there is none' is said only after the places where such a one can be were looked at too.

use crate::account::marker::Series;
use crate::controller::cluster::ask;
use crate::controller::lenient::Guarded;
use crate::controller::versioned::{Versioned, get_versioned};
use crate::crd::{AUTH_ID_LABEL, RECLAIMED_BY_LABEL, Subaccount};
use crate::subaccount::known::KnownPredecessor;
use crate::subaccount::pass::{Pass, names};
use crate::subaccount::store::record::{self, Phase, RECORD_TYPE, Record, Subject, secret_name};
use crate::subaccount::tell::Outcome;
use crate::subaccount::tell::StepError;
use crate::vobiz::AuthId;
use k8s_openapi::api::core::v1::{Namespace, Secret};
use kube::ResourceExt;
use kube::api::{Api, ListParams, ObjectList};
use std::collections::BTreeMap;
use vobiz_protocol::facts::Object;

/// Records that are read at a time where all are looked at.
const PAGE: u32 = 500;

/// The Record that serves the object of this pass. Notes on the way what an earlier object left.
pub(super) async fn find(pass: &mut Pass<'_>) -> Result<Option<Versioned<Secret>>, Outcome> {
    let name = pass.record_name.clone();
    let mut found = get(pass, &name).await?;
    if pass.known.life == Object::Unseen {
        return Ok(found);
    }
    let own = secret_name(&pass.uid);
    if name != own && !found.as_ref().is_some_and(|secret| serves(pass, secret)) {
        pass.record_name.clone_from(&own);
        found = get(pass, &own).await?;
    }
    pass.known.predecessor = KnownPredecessor::Nothing;
    // One that was taken over counts before an open one that this object opened itself.
    let settled = found
        .as_ref()
        .is_some_and(|secret| decode(secret.object()).is_ok_and(|record| record.ledger.phase != Phase::Open));
    if settled {
        return Ok(found);
    }
    match taken_over(pass).await? {
        Some(secret) => {
            pass.record_name = secret.object().name_any();
            Ok(Some(secret))
        }
        None => Ok(found),
    }
}

/// The uid of the namespace, by quorum.
pub(super) async fn read_namespace_uid(pass: &Pass<'_>) -> Result<String, Outcome> {
    let namespaces: Api<Namespace> = Api::all(pass.context.cluster.clone());
    let namespace = get_versioned(&namespaces, &pass.key.namespace)
        .await
        .map_err(|error| Outcome::of_cluster("read the namespace", &error))?;
    let uid = namespace.and_then(|namespace| namespace.into_object().metadata.uid);
    uid.ok_or_else(Outcome::outdated)
}

/// Whom a Record of this object serves.
pub(super) fn subject(pass: &Pass<'_>, namespace_uid: String) -> Subject {
    Subject {
        namespace: pass.key.namespace.clone(),
        namespace_uid,
        name: pass.key.name.clone(),
        uid: pass.uid.clone(),
    }
}

/// A Record that this object took over. The cache names the candidates; where the object itself says that there may be
/// one, the label does, by quorum.
async fn taken_over(pass: &mut Pass<'_>) -> Result<Option<Versioned<Secret>>, Outcome> {
    let hints = pass
        .context
        .records
        .predecessors(&pass.key.namespace, &pass.key.name, &pass.uid);
    for hint in hints {
        let Some(secret) = get(pass, &hint.secret).await? else {
            continue;
        };
        if serves(pass, &secret) {
            return Ok(Some(secret));
        }
        if let Ok(record) = decode(secret.object()) {
            pass.known.note_predecessor(record, secret);
        }
    }
    if !pass.known.reclaims() && pass.known.named_id().is_none() {
        return Ok(None);
    }
    let labelled = ListParams::default().labels(&format!("{RECLAIMED_BY_LABEL}={}", pass.uid));
    let listed: ObjectList<Guarded<Secret>> =
        ask(&pass.context.record_api(), |request| request.list(&labelled))
            .await
            .map_err(|error| Outcome::of_cluster("look for a record that was taken over", &error))?;
    for secret in listed {
        // What a list shows is read once more by itself: only that can be written back.
        if let Some(secret) = get(pass, &secret.name_any())
            .await?
            .filter(|secret| serves(pass, secret))
        {
            return Ok(Some(secret));
        }
    }
    Ok(None)
}

/// Who else's Record holds an account, or is about to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Holder {
    /// Nobody's.
    Nobody,
    /// Those of objects alone that give way to this one.
    Rivals,
    /// Another object's, or one that cannot be read: it may be another's.
    Another,
}

/// Who else's Record holds the account, by quorum: every Record that names an account carries its id as a label, or as much of it as can
/// be one.
pub(super) async fn holder(pass: &Pass<'_>, id: &AuthId) -> Result<Holder, Outcome> {
    let labelled = ListParams::default().labels(&format!("{AUTH_ID_LABEL}={}", id.as_label()));
    let listed: ObjectList<Guarded<Secret>> =
        ask(&pass.context.record_api(), |request| request.list(&labelled))
            .await
            .map_err(|error| Outcome::of_cluster("look for other records of the account", &error))?;
    let mut holder = Holder::Nobody;
    for secret in &listed {
        let Some(record) = secret.0.as_ref().ok().and_then(|secret| decode(secret).ok()) else {
            return Ok(Holder::Another);
        };
        if record.subject.uid == pass.uid || !record.ledger.names(id) {
            continue;
        }
        if !record.gives_way_to(&pass.uid) {
            return Ok(Holder::Another);
        }
        holder = Holder::Rivals;
    }
    Ok(holder)
}

/// Whether an attempt of another object's Record made the account with this series in its marker, by quorum.
pub(super) async fn is_made_by_another(pass: &Pass<'_>, series: Series) -> Result<bool, Outcome> {
    let of_type = ListParams::default().fields(&format!("type={RECORD_TYPE}"));
    let mut page = of_type.limit(PAGE);
    loop {
        let listed: ObjectList<Guarded<Secret>> =
            ask(&pass.context.record_api(), |request| request.list(&page))
                .await
                .map_err(|error| Outcome::of_cluster("look for the record that made the account", &error))?;
        // One that cannot be read may be that.
        let is_no_matter = |secret: &Secret| {
            decode(secret)
                .is_ok_and(|record| record.subject.uid == pass.uid || record.ledger.series != series)
        };
        if !listed
            .iter()
            .all(|secret| secret.0.as_ref().is_ok_and(is_no_matter))
        {
            return Ok(true);
        }
        match listed.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => page = page.continue_token(&token),
            None => return Ok(false),
        }
    }
}

/// Whether the status of another object names the account: the cache names it, a quorum read proves it.
pub(super) async fn is_named_by_another(pass: &Pass<'_>, id: &AuthId) -> Result<bool, Outcome> {
    let Some(key) = pass.context.named_by_another(id, &pass.uid) else {
        return Ok(false);
    };
    let objects: Api<Guarded<Subaccount>> = Api::namespaced(pass.context.cluster.clone(), &key.namespace);
    let found = get_versioned(&objects, &key.name).await.map_err(|error| {
        Outcome::of_cluster("read the other object whose status names the account", &error)
    })?;
    Ok(found
        .is_some_and(|found| found.object().uid().as_deref() != Some(&pass.uid) && names(found.object(), id)))
}

fn serves(pass: &Pass<'_>, secret: &Versioned<Secret>) -> bool {
    decode(secret.object()).is_ok_and(|record| record.subject.uid == pass.uid)
}

async fn get(pass: &Pass<'_>, name: &str) -> Result<Option<Versioned<Secret>>, Outcome> {
    get_versioned(&pass.context.record_api(), name)
        .await
        .map_err(|error| Outcome::of_cluster("read the record", &error))
}

/// The Record in a Secret that was read.
pub(super) fn decode(secret: &Secret) -> Result<Record, Outcome> {
    let empty = BTreeMap::new();
    record::decode(secret.data.as_ref().unwrap_or(&empty)).map_err(|damaged| {
        let name = secret.name_any();
        StepError::DamagedRecord { damaged, name }.into()
    })
}
