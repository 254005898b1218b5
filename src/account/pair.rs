//! The parent's pair, as an Account's credentials Secret holds it. PURE.

use crate::account::object::AccountObject;
use crate::account::tell::trouble::AccountTrouble;
use crate::vobiz::ParentCredentials;
use k8s_openapi::api::core::v1::Secret;

/// The pair in the Secret; whatever is wrong with it is named by its key.
pub fn credentials(
    account: &AccountObject,
    secret: Option<&Secret>,
) -> Result<ParentCredentials, AccountTrouble> {
    let reference = &account.spec.credentials_secret_ref;
    let secret = secret.ok_or_else(|| AccountTrouble::SecretMissing(reference.name.clone()))?;
    let value = |key: &str| {
        secret
            .data
            .as_ref()
            .and_then(|data| data.get(key))
            .map(|value| value.0.as_slice())
    };
    ParentCredentials::parse(&reference.auth_id_key, &reference.auth_token_key, value)
        .map_err(|error| AccountTrouble::SecretInvalid(reference.name.clone(), error))
}
