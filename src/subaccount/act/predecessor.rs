//! Steps on the Record of an earlier object of the same name. I/O.

use super::needs::{must, predecessor};
use super::secret::published_pair;
use super::{lookup, record};
use crate::clock::{now, wall_clock};
use crate::controller::versioned::Versioned;
use crate::crd::RECLAIMED_BY_LABEL;
use crate::subaccount::known::KnownPair;
use crate::subaccount::pass::Pass;
use crate::subaccount::store::record::{Decision, Record};
use crate::subaccount::tell::{Outcome, StepError};
use crate::subaccount::wish::accepts;
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt;

/// Its object is gone, proved by the quorum read of the one that has the name now: its attempt is void.
pub(super) async fn close(pass: &mut Pass<'_>) -> Result<(), Outcome> {
    let (found, secret) = predecessor(pass)?;
    let decision = Decision::Delete { cascade: false };
    let closed = found.with(|ledger| ledger.closed(decision, None), wall_clock());
    record::write(pass, &closed, secret)
        .await
        .map_err(|error| Outcome::of_cluster("close the record of an earlier object", &error))?;
    // There may be another one.
    record::read(pass).await
}

/// From here on it serves this object: account and pair change hands in one write.
pub(super) async fn reclaim(pass: &mut Pass<'_>) -> Result<(), Outcome> {
    let (found, secret) = predecessor(pass)?;
    let subject = lookup::subject(pass, lookup::read_namespace_uid(pass).await?);
    let earlier = found.subject.namespace_uid.clone();
    let proven = match &pass.known.evidence {
        KnownPair::Proven(pair, _) if found.auth_id() == Some(&pair.auth_id) => Some(pair.auth_token.clone()),
        _ => None,
    };
    if subject.namespace_uid != earlier && proven.is_none() && !may_cross(pass, &found, &secret).await? {
        let error = StepError::EarlierNamespace {
            earlier,
            account: pass.account_reference(),
            record: secret.object().name_any(),
        };
        return Err(error.into());
    }
    let served = pass.access().is_some_and(|access| access.serves(&found.parent));
    if !served {
        return Err(StepError::OtherParent.into());
    }
    let ledger = must(found.ledger.clone().reclaimed(proven), "pair to serve with")?;
    let taken = Record {
        subject,
        ledger,
        ..found
    };
    let labelled = secret.map(|mut secret: Secret| {
        let labels = secret.metadata.labels.get_or_insert_default();
        labels.insert(RECLAIMED_BY_LABEL.to_owned(), pass.uid.clone());
        secret
    });
    let at = now();
    let written = record::write(pass, &taken, labelled)
        .await
        .map_err(|error| Outcome::of_cluster("take over the record of an earlier object", &error))?;
    pass.record_name = written.object().metadata.name.clone().unwrap_or_default();
    pass.deeds.reclaimed = true;
    record::take(pass, written, at)
}

/// A name alone gives no right across namespaces of that name: whoever makes a deleted tenant's namespace anew must not inherit it.
/// The word of somebody who administers the operator, or keeps the parent's pair, does; and so does the pair itself.
async fn may_cross(pass: &Pass<'_>, found: &Record, secret: &Versioned<Secret>) -> Result<bool, Outcome> {
    let earlier = found.subject.namespace_uid.as_str();
    if accepts(secret.object(), earlier) || pass.account_accepts(earlier) {
        return Ok(true);
    }
    let pair = published_pair(pass).await?;
    Ok(pair.is_some() && pair == found.pair())
}
