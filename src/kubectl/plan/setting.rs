//! What surrounds an object, as far as the caller sees it. I/O.

use super::rehearsed::Setting;
use crate::account::generation::recorded;
use crate::account::key::AccountKey;
use crate::account::marker::Installation;
use crate::clock::{now, wall_clock};
use crate::controller::wake::ObjectKey;
use crate::kubectl::failure::Failure;
use crate::kubectl::sight::Seen;
use crate::kubectl::sight::sights::Sights;
use crate::subaccount::known::Known;
use crate::vobiz::ParentAuthId;

/// What surrounds the object. What is taken on trust is noted in `unseen`.
pub async fn setting(
    sights: &mut Sights<'_>,
    key: &AccountKey,
    object: &ObjectKey,
    known: &Known,
    unseen: &mut Vec<String>,
) -> Result<Setting, Failure> {
    let needs_labels = sights
        .account(key)
        .await?
        .stored()
        .is_some_and(|account| account.allows(&object.namespace, || None).is_none());
    let namespace = if needs_labels {
        match sights.namespace(&object.namespace).await? {
            Seen::Shown(namespace) => namespace.clone(),
            Seen::Hidden(why) => {
                unseen.push(why.clone());
                None
            }
        }
    } else {
        None
    };
    let account = sights.account(key).await?;
    if let Seen::Hidden(why) = &account.object {
        unseen.push(why.clone());
    }
    let status = known
        .object
        .as_ref()
        .and_then(|object| object.status.clone())
        .unwrap_or_default();
    let is_bound = status.auth_id.is_some();
    let told_parent = status
        .parent_auth_id
        .as_deref()
        .and_then(|id| ParentAuthId::parse(id).ok());
    let stored = account.stored();
    let granted = known
        .adopts()
        .zip(stored)
        .is_some_and(|(id, account)| account.adoptable.allow(&object.namespace, id.as_str()));
    let mut setting = Setting {
        account: account.fact(&object.namespace, namespace.as_ref(), is_bound),
        parent: account.parent_id().or(told_parent),
        generation: account.generation().or(status.api_generation.map(recorded)),
        name_prefix: stored
            .map(|account| account.spec.name_prefix.clone())
            .unwrap_or_default(),
        defaults: stored
            .map(|account| account.spec.defaults.deletion)
            .unwrap_or_default(),
        granted,
        installation: Installation(0),
        now: now(),
        today: wall_clock(),
    };
    if known.named_id().is_some() && known.adopts().is_some() {
        match sights.installation().await? {
            Seen::Shown(Some(installation)) => setting.installation = installation,
            Seen::Shown(None) => {}
            Seen::Hidden(why) => unseen.push(why),
        }
    }
    Ok(setting)
}
