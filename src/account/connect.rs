//! From an Account's credentials to a client that works: reads the pair, tries it, finds the API generation. I/O.

use crate::account::access::Access;
use crate::account::reconcile::Context;
use crate::account::registry::{Snapshot, Trouble, limit};
use crate::account::sweep::{SweepError, settled};
use crate::controller::wake::ObjectKey;
use crate::crd::condition::Reason;
use crate::crd::{Account, ApiGeneration, ApiGenerationChoice, CONFIRM_MASS_DELETION_ANNOTATION};
use crate::vobiz::{Error, Generation, ParentAuthId, ParentCredentials};
use k8s_openapi::api::core::v1::Secret;

/// What came of it.
pub enum Connection {
    /// The pair works and the list answers.
    Good(Access),
    /// Not usable now. An access that worked before is kept, so that what it knows is not lost.
    Bad {
        /// The last good access.
        access: Option<Access>,
        /// Why.
        trouble: Trouble,
    },
}

/// Tries the pair only if it is new or was in doubt: at rest this sends nothing.
pub async fn connect(
    account: &Account,
    secret: Option<&Secret>,
    known: Option<&Snapshot>,
    context: &Context,
) -> Connection {
    let before = known.and_then(|snapshot| snapshot.access.clone());
    match try_connect(account, secret, known, context).await {
        Ok(access) => Connection::Good(access),
        Err(trouble) => Connection::Bad {
            access: before,
            trouble,
        },
    }
}

async fn try_connect(
    account: &Account,
    secret: Option<&Secret>,
    known: Option<&Snapshot>,
    context: &Context,
) -> Result<Access, Trouble> {
    let credentials = credentials(account, secret)?;
    let key = ObjectKey::of(account);
    let spec = &account.spec;
    refuse_another_parent(account, &key, &credentials.auth_id, context)?;
    let limit = limit(spec.rate_limit.requests_per_second, spec.rate_limit.burst);
    let recorded = recorded(account);
    let doubted = context.registry.doubts.take_pair(&key);
    if let (Some(generation), Some(before)) = (recorded, known.and_then(|snapshot| snapshot.access.as_ref()))
        && before.client.credentials() == &credentials
        && before.generation == generation
        && !doubted
        && known.is_some_and(Snapshot::is_connected)
    {
        return Ok(context.registry.access(&key, credentials, generation, limit));
    }
    let candidates = match recorded {
        Some(generation) => vec![generation],
        None => vec![Generation::Gen2, Generation::Gen1],
    };
    let access = |generation| {
        context
            .registry
            .access(&key, credentials.clone(), generation, limit)
    };
    check_pair(&access(candidates[0])).await?;
    for generation in candidates {
        let access = access(generation);
        match settled(&access, access.list(0).await) {
            Ok(_) => return Ok(access),
            // With a pair that works, a refusal means a wrong path.
            Err(SweepError::List(Error::Unauthorized | Error::NotFound)) => {}
            Err(error) => return Err(trouble(&error)),
        }
    }
    Err(Trouble {
        reason: Reason::Forbidden,
        message: "the credentials work, but the parent account may not list its subaccounts: check spec.apiGeneration and \
                  the rights of the parent account"
            .to_owned(),
    })
}

/// The pair in the Secret; whatever is wrong with it is named by its key.
fn credentials(account: &Account, secret: Option<&Secret>) -> Result<ParentCredentials, Trouble> {
    let reference = &account.spec.credentials_secret_ref;
    let missing = |message| Trouble {
        reason: Reason::CredentialsMissing,
        message,
    };
    let secret = secret.ok_or_else(|| {
        missing(format!(
            "create the Secret {} with the parent account's pair",
            reference.name
        ))
    })?;
    let value = |key: &str| {
        secret
            .data
            .as_ref()
            .and_then(|data| data.get(key))
            .map(|value| value.0.as_slice())
    };
    ParentCredentials::parse(&reference.auth_id_key, &reference.auth_token_key, value)
        .map_err(|error| missing(format!("correct the Secret {}: {error}", reference.name)))
}

/// Subaccounts live under the parent they were made under: other credentials must not orphan them.
fn refuse_another_parent(
    account: &Account,
    key: &ObjectKey,
    found: &ParentAuthId,
    context: &Context,
) -> Result<(), Trouble> {
    let recorded = account
        .status
        .as_ref()
        .and_then(|status| status.auth_id.as_deref());
    let Some(recorded) = recorded
        .and_then(|id| ParentAuthId::parse(id).ok())
        .filter(|recorded| recorded != found)
    else {
        return Ok(());
    };
    if !context.dependents.any_under(key, &recorded) {
        return Ok(());
    }
    Err(Trouble {
        reason: Reason::ParentChanged,
        message: format!(
            "the credentials now belong to {found}, but Subaccounts of this Account live under {recorded}: put the \
             credentials of {recorded} back, or make another Account for {found}"
        ),
    })
}

async fn check_pair(access: &Access) -> Result<(), Trouble> {
    settled(access, access.check().await).map_err(|error| match error {
        SweepError::List(Error::Unauthorized) => Trouble {
            reason: Reason::Unauthorized,
            message: "Vobiz refuses the parent account's credentials: correct the Secret".to_owned(),
        },
        error => trouble(&error),
    })
}

/// What the Account says about a request of its own pass that failed.
#[must_use]
pub fn trouble(error: &SweepError) -> Trouble {
    let (reason, message) = match error {
        SweepError::List(error @ Error::Forbidden { .. }) => (
            Reason::Forbidden,
            format!("{error}: is the parent account active?"),
        ),
        SweepError::List(Error::InsufficientBalance) => return low_balance(),
        SweepError::List(Error::RateLimited { .. }) => return rate_limited(),
        error => (Reason::VobizUnavailable, error.to_string()),
    };
    Trouble { reason, message }
}

/// Vobiz answered 429.
#[must_use]
pub fn rate_limited() -> Trouble {
    Trouble {
        reason: Reason::RateLimited,
        message: "Vobiz asked to slow down; every request of this parent account waits".to_owned(),
    }
}

/// Vobiz answered 402.
#[must_use]
pub fn low_balance() -> Trouble {
    Trouble {
        reason: Reason::InsufficientBalance,
        message: "the parent account's balance is too low to create subaccounts: top it up".to_owned(),
    }
}

/// Too many accounts read absent at once.
#[must_use]
pub fn mass_deletion(token: &str) -> Trouble {
    Trouble {
        reason: Reason::MassDeletionSuspected,
        message: format!(
            "more than a tenth of the subaccounts that should exist are missing from the parent account's list: none is created or \
             deleted until they are listed again, or until a person confirms that they are gone by setting the annotation \
             {CONFIRM_MASS_DELETION_ANNOTATION} to \"{token}\" on this Account"
        ),
    }
}

fn recorded(account: &Account) -> Option<Generation> {
    match (
        account.spec.api_generation,
        account.status.as_ref().and_then(|status| status.api_generation),
    ) {
        (ApiGenerationChoice::Gen1, _) | (ApiGenerationChoice::Auto, Some(ApiGeneration::Gen1)) => {
            Some(Generation::Gen1)
        }
        (ApiGenerationChoice::Gen2, _) | (ApiGenerationChoice::Auto, Some(ApiGeneration::Gen2)) => {
            Some(Generation::Gen2)
        }
        (ApiGenerationChoice::Auto, None) => None,
    }
}
