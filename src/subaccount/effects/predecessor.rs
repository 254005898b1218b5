//! Steps on the Record of an earlier object of the same name. I/O.

use super::{impossible, lookup, record};
use crate::crd::RECLAIMED_BY_LABEL;
use crate::subaccount::outcome::Outcome;
use crate::subaccount::pass::{Pass, wall_clock};
use crate::subaccount::plan::Block;
use crate::subaccount::record::{Decision, Record};
use k8s_openapi::api::core::v1::Secret;

/// Its object is gone, proved by the quorum read of the one that has the name now: its attempt is void.
pub(super) async fn close(pass: &mut Pass<'_>) -> Result<(), Outcome> {
    let Some((found, secret)) = pass.predecessor.take() else {
        return Err(impossible("predecessor"));
    };
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
    let Some((found, secret)) = pass.predecessor.take() else {
        return Err(impossible("predecessor"));
    };
    let subject = lookup::subject(pass).await?;
    if subject.namespace_uid != found.subject.namespace_uid {
        let message = "an object of this name in an earlier namespace of this name left an account: \
                       it cannot be taken over from here";
        return Err(Outcome::blocked(Block::OrphanFound, message));
    }
    let served = pass
        .access()
        .is_some_and(|access| access.serves(&found.parent, found.generation));
    if !served {
        let message =
            "an earlier object of this name left an account of another parent account: name an Account of it";
        return Err(Outcome::blocked(Block::OrphanFound, message));
    }
    let Some(ledger) = found.ledger.clone().reclaimed() else {
        return Err(impossible("pair"));
    };
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
    let written = record::write(pass, &taken, labelled)
        .await
        .map_err(|error| Outcome::of_cluster("take over the record of an earlier object", &error))?;
    pass.record_name = written.object().metadata.name.clone().unwrap_or_default();
    pass.deeds.reclaimed = true;
    record::take(pass, written)
}
