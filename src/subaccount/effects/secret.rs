//! Steps on the user's Secret. I/O.

use super::impossible;
use super::object::object;
use crate::controller::cluster::ClusterError;
use crate::controller::versioned::{create_versioned, delete, get_versioned, replace};
use crate::subaccount::facts::{Evidence, UserSecret};
use crate::subaccount::outcome::Outcome;
use crate::subaccount::pass::{Pass, now};
use crate::subaccount::plan::Wait;
use crate::subaccount::secret;

pub(super) async fn read(pass: &mut Pass<'_>) -> Result<(), Outcome> {
    let object = object(pass)?;
    let name = secret::name_of(&object);
    let read = get_versioned(&pass.secrets(), &name)
        .await
        .map_err(|error| Outcome::of_cluster(&format!("read the Secret {name}"), &error))?;
    let pair = pass.record.as_ref().and_then(|(record, _)| record.pair());
    let Some(read) = read else {
        pass.facts.secret = UserSecret::Absent;
        pass.facts.evidence = Evidence::Nothing;
        pass.secret = None;
        return Ok(());
    };
    if secret::is_of_earlier_object(read.object(), &object) {
        let message = format!("the Secret {name} of an earlier object of this name is still being removed");
        return Err(Outcome::waiting(Wait::StillThere, None, message));
    }
    pass.facts.secret = secret::judge(read.object(), &object, pair.as_ref());
    if pass.facts.secret == UserSecret::Good {
        checked(pass);
    }
    let claimed = secret::pair_in(read.object(), &object.spec.secret_ref.keys)
        .filter(|_| pass.facts.secret != UserSecret::Foreign && pair.is_none());
    pass.facts.evidence = if claimed.is_some() {
        Evidence::Claimed
    } else {
        Evidence::Nothing
    };
    pass.evidence = claimed.map(|pair| (pair, None));
    pass.secret = Some(read);
    Ok(())
}

pub(super) async fn publish(pass: &mut Pass<'_>) -> Result<(), Outcome> {
    let object = object(pass)?;
    let name = secret::name_of(&object);
    let Some(pair) = pass.record.as_ref().and_then(|(record, _)| record.pair()) else {
        return Err(impossible("pair"));
    };
    let written = match pass.secret.take() {
        // A Secret that is there was read in this pass, and is ours.
        Some(read) if pass.facts.secret == UserSecret::Different => {
            let changed = read.map(|mut existing| {
                secret::apply(&mut existing, &object, &pair);
                existing
            });
            replace(&pass.secrets(), changed).await
        }
        _ => create_versioned(&pass.secrets(), &secret::build(&object, &pair)).await,
    };
    let written = written.map_err(|error| refusal(&name, &error))?;
    let published = object
        .status
        .as_ref()
        .and_then(|status| status.secret_name.as_deref())
        == Some(name.as_str());
    pass.deeds.secret_restored |= published && pass.facts.applied;
    pass.secret = Some(written);
    pass.facts.secret = UserSecret::Good;
    checked(pass);
    Ok(())
}

/// The Secret of an earlier `secretRef`, if it is ours, is removed once the new one is there.
pub(super) async fn remove_former(pass: &mut Pass<'_>) -> Result<(), Outcome> {
    let object = object(pass)?;
    let former = object
        .status
        .as_ref()
        .and_then(|status| status.secret_name.clone());
    pass.facts.former_secret = false;
    let Some(name) = former else { return Ok(()) };
    let read = get_versioned(&pass.secrets(), &name)
        .await
        .map_err(|error| Outcome::of_cluster(&format!("read the former Secret {name}"), &error))?;
    let Some(read) = read.filter(|read| secret::is_ours(read.object(), &object)) else {
        return Ok(());
    };
    match delete(&pass.secrets(), &read).await {
        Ok(()) => Ok(()),
        Err(error) if error.is_not_found() => Ok(()),
        Err(error) => Err(Outcome::of_cluster(
            &format!("remove the former Secret {name}"),
            &error,
        )),
    }
}

/// The pair is safe in the Record whatever Kubernetes says; a quota, an admission rule or an immutable Secret is shown.
fn refusal(name: &str, error: &ClusterError) -> Outcome {
    if error.is_denied() {
        let message = format!(
            "Kubernetes refuses to store the Secret {name}: {error}; the pair is safe, allow the write"
        );
        return Outcome::waiting(Wait::SecretForbidden, None, message);
    }
    Outcome::of_cluster(&format!("write the Secret {name}"), error)
}

fn checked(pass: &Pass<'_>) {
    pass.context.memory.with(&pass.uid, |remembered| {
        remembered.secret_checked = Some(now());
        remembered.secret_suspect = false;
    });
}
