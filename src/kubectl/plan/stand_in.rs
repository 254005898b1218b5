//! What stands for what is not there yet, or not seen: a pass that writes nothing needs its place alone. PURE.

use crate::account::generation::recorded;
use crate::account::marker::Series;
use crate::controller::versioned::Versioned;
use crate::controller::wake::ObjectKey;
use crate::subaccount::known::Known;
use crate::subaccount::store::record::{Ledger, Record, Subject};
use crate::vobiz::{AuthId, AuthToken, Credentials, ParentAuthId};
use k8s_openapi::api::core::v1::Secret;

/// Stands for the id that Vobiz will give an account.
const ID_TO_COME: &str = "SA_to-come";
/// Stands for a token that is not there yet, or not seen. It is never sent.
const TOKEN_TO_COME: &str = "to-come";

/// A Secret of which the name alone matters.
#[must_use]
pub fn secret_named(name: &str) -> Option<Versioned<Secret>> {
    let mut secret = Secret::default();
    secret.metadata.name = Some(name.to_owned());
    secret.metadata.resource_version = Some("0".to_owned());
    Versioned::read(secret).ok()
}

/// Stands for a pair that is not there yet, or not seen.
#[must_use]
pub fn pair_to_come() -> Option<Credentials> {
    Some(Credentials {
        auth_id: AuthId::parse(ID_TO_COME).ok()?,
        auth_token: token_to_come()?,
    })
}

/// Stands for a token that is not there yet, or not seen.
#[must_use]
pub fn token_to_come() -> Option<AuthToken> {
    AuthToken::parse(TOKEN_TO_COME).ok()
}

/// Whether the id stands for one that Vobiz will give.
#[must_use]
pub fn is_to_come(id: &AuthId) -> bool {
    id.as_str() == ID_TO_COME
}

/// The Record of an object of which the status says that it has an account.
#[must_use]
pub fn presumed(known: &Known, key: &ObjectKey, uid: &str) -> Option<Record> {
    let status = known.object.as_ref()?.status.as_ref()?;
    let auth_id = AuthId::parse(status.auth_id.as_deref()?).ok()?;
    let parent = ParentAuthId::parse(status.parent_auth_id.as_deref()?).ok()?;
    let generation = recorded(status.api_generation?);
    let ledger = Ledger::open(Series(0), generation);
    Some(Record {
        subject: Subject {
            namespace: key.namespace.clone(),
            namespace_uid: String::new(),
            name: key.name.clone(),
            uid: uid.to_owned(),
        },
        parent,
        ledger: if known.adopts().is_some() {
            ledger.adopted(auth_id, token_to_come(), None)
        } else {
            ledger.bound(auth_id, token_to_come()?)
        },
        last_fenced_at: None,
    })
}
