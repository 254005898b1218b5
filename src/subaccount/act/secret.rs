//! Steps on the user's Secret. I/O.

use super::needs::{object, recorded_pair};
use crate::controller::contest::{Contest, Part, Ruling, changed_by, difference};
use crate::controller::field_managers::{FieldManager, field_managers};
use crate::controller::versioned::{Versioned, create_versioned, delete, get_versioned, replace};
use crate::crd::{FIELD_MANAGER, Subaccount};
use crate::subaccount::known::{FormerSecret, KnownPair, KnownSecret, ReadSecret};
use crate::subaccount::pass::Pass;
use crate::subaccount::secret;
use crate::subaccount::store::record::Record;
use crate::subaccount::tell::outcome::{failure, unpublished};
use crate::subaccount::tell::{Outcome, StepError};
use crate::vobiz::Credentials;
use k8s_openapi::api::core::v1::Secret;
use std::collections::BTreeSet;
use vobiz_protocol::facts::{Object, UserSecret};

pub(super) async fn read(pass: &mut Pass<'_>) -> Result<(), Outcome> {
    let object = object(pass)?;
    let name = secret::name_of(&object);
    let read = get(pass, &name).await?;
    let pair = pass.known.record().and_then(Record::pair);
    // What others insisted on counts no more once a person asks for a look, or names other labels or another Secret.
    if pass.is_requested() || !is_changed_by_others(&object, &name) {
        pass.remembered(|remembered| remembered.contest = Contest::default());
    }
    let Some(read) = read else {
        pass.known.secret = KnownSecret::Absent;
        pass.known.evidence = KnownPair::Nothing;
        if pair.is_some() && is_changed_by_others(&object, &name) {
            hold(pass, &name, BTreeSet::from([Part::Whole]));
        }
        return Ok(());
    };
    if secret::is_of_earlier_object(read.object(), &object) {
        return Err(StepError::FormerSecret(name).into());
    }
    let managers = if secret::needs_managers(read.object(), &object.spec.secret_ref) {
        managers(pass, &name).await?
    } else {
        Vec::new()
    };
    let (found, claimed) = pass
        .known
        .weigh_secret(read.object(), &object, pair.as_ref(), &managers);
    let is_claimed = claimed.is_some();
    pass.known.evidence = claimed.map_or(KnownPair::Nothing, KnownPair::Claimed);
    match found {
        UserSecret::Good => pass.note_good_secret(),
        UserSecret::Foreign => pass.known.secret = KnownSecret::Foreign,
        // Without an owner, what the pair proves decides whether it may be written.
        _ => {
            let recorded = pair.filter(|_| !is_claimed && is_changed_by_others(&object, &name));
            let change = recorded.map(|pair| secret::wanted(read.object(), &object, &pair, &managers));
            pass.known.secret = KnownSecret::Different(Box::new(ReadSecret {
                secret: read.clone(),
                managers,
                is_dead: false,
            }));
            if let Some(wanted) = change {
                contest(pass, &name, read.object(), &wanted).await?;
            }
        }
    }
    Ok(())
}

/// Somebody else changed what was written: it may be left alone for a while, and who it is, is asked once.
async fn contest(pass: &mut Pass<'_>, name: &str, found: &Secret, wanted: &Secret) -> Result<(), Outcome> {
    hold(pass, name, difference(found, wanted));
    if pass.remembered(|remembered| remembered.contest.is_nameless()) {
        let by = changed_by(found, wanted, &managers(pass, name).await?, FIELD_MANAGER);
        pass.remembered(|remembered| remembered.contest.name(by));
    }
    Ok(())
}

/// The pair that the user's Secret holds, whatever it proves.
pub(super) async fn published_pair(pass: &Pass<'_>) -> Result<Option<Credentials>, Outcome> {
    let object = object(pass)?;
    let read = get(pass, &secret::name_of(&object)).await?;
    Ok(read.and_then(|read| secret::pair_in(read.object(), &object.spec.secret_ref.keys)))
}

async fn get(pass: &Pass<'_>, name: &str) -> Result<Option<Versioned<Secret>>, Outcome> {
    let read = get_versioned(&pass.secrets(), name).await;
    read.map_err(|error| Outcome::of_cluster(&format!("read the Secret {name}"), &error))
}

/// Who wrote the Secret.
async fn managers(pass: &Pass<'_>, name: &str) -> Result<Vec<FieldManager>, Outcome> {
    let managers = field_managers(&pass.secrets(), name).await;
    managers.map_err(|error| Outcome::of_cluster(&format!("read who wrote the Secret {name}"), &error))
}

/// Whether a Secret that is not as it should be was changed by somebody else: it was published, and the spec is the one that it was
/// published for.
fn is_changed_by_others(object: &Subaccount, name: &str) -> bool {
    let observed = object.status.as_ref().map(|status| status.observed_generation);
    published_as(object) == Some(name) && observed == object.metadata.generation
}

/// The name of the Secret that holds the pair, as the status tells.
fn published_as(object: &Subaccount) -> Option<&str> {
    object.status.as_ref()?.secret_name.as_deref()
}

/// Leaves the Secret as it is for a while, if somebody insists on that.
fn hold(pass: &mut Pass<'_>, name: &str, changed: BTreeSet<Part>) {
    if pass.known.life == Object::Live && pass.rule_on_secret(name, changed) == Ruling::Hold {
        pass.take_secret_for_good();
    }
}

pub(super) async fn publish(pass: &mut Pass<'_>) -> Result<(), Outcome> {
    let object = object(pass)?;
    let name = secret::name_of(&object);
    let pair = recorded_pair(pass)?;
    let written = match pass.known.secret.read().cloned() {
        // What it holds beside the pair would be lost.
        Some(read)
            if !read.is_dead
                && secret::judge(read.secret.object(), &object, Some(&pair), &[]) == UserSecret::Foreign =>
        {
            pass.known.secret = KnownSecret::Foreign;
            return Ok(());
        }
        Some(read) => {
            let changed = read.secret.map(|mut existing| {
                secret::apply(&mut existing, &object, &pair, &read.managers);
                existing
            });
            replace(&pass.secrets(), changed).await.map(drop)
        }
        None => {
            let built = secret::build(&object, &pair);
            create_versioned(&pass.secrets(), &built).await.map(drop)
        }
    };
    match written {
        Ok(()) => {}
        // The pair is safe in the Record whatever Kubernetes says: all else goes on, and it is told at the end.
        Err(error) if error.is_denied() => {
            pass.known.secret = KnownSecret::Refused;
            pass.note_refusal(&error, unpublished(&name, &error));
            return Ok(());
        }
        Err(error) => return Err(Outcome::of_cluster(&format!("write the Secret {name}"), &error)),
    }
    let published = published_as(&object) == Some(&name);
    if is_changed_by_others(&object, &name) {
        pass.note_repair();
    }
    if published && pass.known.applied {
        pass.context.metrics.secret_repaired();
        pass.deeds.secret_restored |= pass.told_of_contest().is_none();
    }
    pass.note_good_secret();
    Ok(())
}

/// The Secret of an earlier `secretRef`, if it is ours, is removed once the new one is there.
pub(super) async fn remove_former(pass: &mut Pass<'_>) -> Result<(), Outcome> {
    let object = object(pass)?;
    let Some(name) = published_as(&object) else {
        return Ok(());
    };
    let read = get_versioned(&pass.secrets(), name)
        .await
        .map_err(|error| Outcome::of_cluster(&format!("read the former Secret {name}"), &error))?;
    let removed = match read.filter(|read| secret::is_ours(read.object(), &object)) {
        Some(read) => delete(&pass.secrets(), &read).await,
        None => Ok(()),
    };
    let act = format!("remove the former Secret {name}");
    pass.known.former_secret = match removed {
        Ok(()) => FormerSecret::Gone,
        Err(error) if error.is_not_found() => FormerSecret::Gone,
        Err(error) if error.is_denied() => {
            pass.note_refusal(&error, failure(&act, &error));
            FormerSecret::Refused
        }
        Err(error) => return Err(Outcome::of_cluster(&act, &error)),
    };
    Ok(())
}

/// Whether the Secret of an object that is going, and with it its account, stays behind: with a pair that no longer works.
pub(in super::super) async fn stays_behind(pass: &Pass<'_>) -> Option<String> {
    let object = pass.object()?;
    let name = secret::name_of(object);
    let read = get_versioned(&pass.secrets(), &name).await.ok()??;
    let found = secret::pair_in(read.object(), &object.spec.secret_ref.keys)?;
    (secret::is_unowned(read.object()) && Some(found.auth_id) == pass.auth_id()).then_some(name)
}
