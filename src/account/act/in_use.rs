//! Marks an Account and its credentials Secret as in use, and lets them go again. I/O.
//!
//! Several Accounts may name one Secret: its mark comes off when none of them is used any more.

use crate::account::context::AccountContext;
use crate::account::key::AccountKey;
use crate::account::known::{Found, Hold};
use crate::account::object::AccountObject;
use crate::account::obstacles::Obstacles;
use crate::account::pass::AccountPass;
use crate::account::store::named_secrets::{named_by_status, of_readable};
use crate::account::tell::status;
use crate::account::tell::trouble::Act;
use crate::account::users::Users;
use crate::controller::cluster::{ClusterError, ask};
use crate::controller::guarded_patch::{self, is_on};
use crate::controller::versioned::get_versioned;
use crate::controller::wake::Guarded;
use crate::crd::{IN_USE_FINALIZER, Subaccount};
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt as _;
use kube::api::{Api, ListParams, ObjectList};

impl AccountPass<'_> {
    /// Whether the Account must stay, and its credentials with it.
    pub(in crate::account) fn is_held(&self) -> bool {
        self.users.hold(is_on(self.account, IN_USE_FINALIZER))
    }

    /// An Account that Subaccounts name is held until they are gone.
    pub(in crate::account) async fn mark_account(&self) -> Result<AccountObject, ClusterError> {
        let in_use = self.is_held();
        let deleting = self.account.metadata.deletion_timestamp.is_some();
        match is_on(self.account, IN_USE_FINALIZER) {
            false if in_use && !deleting => {
                Ok(self.note(guarded_patch::add(&self.accounts(), self.account, IN_USE_FINALIZER).await?))
            }
            true if !in_use && is_held_in_truth(self.context, &self.key).await? => Ok(self.account.clone()),
            true if !in_use => {
                for secret in of_readable(self.account) {
                    self.release_secret(&secret).await?;
                }
                let released =
                    guarded_patch::remove(&self.accounts(), self.account, IN_USE_FINALIZER).await?;
                Ok(self.note(released.unwrap_or_else(|| {
                    // It went meanwhile, and its mark with it.
                    let mut gone = self.account.clone();
                    gone.finalizers_mut()
                        .retain(|finalizer| finalizer != IN_USE_FINALIZER);
                    gone
                })))
            }
            _ => Ok(self.account.clone()),
        }
    }

    /// Holds the credentials Secret as the Account is held: first the former one is let go, then this one is named and marked.
    pub(in crate::account) async fn hold_secret(
        &self,
        account: AccountObject,
        secret: Option<&Secret>,
        found: &Found,
        obstacles: &mut Obstacles,
    ) -> Result<Hold, ClusterError> {
        let released = self.release_former_secret(&account).await;
        let is_released = obstacles.pass(Act::ReleaseFormerSecret, released)?.is_some();
        let mut hold = Hold {
            account,
            is_released,
            in_use: false,
        };
        if is_released {
            let named = self.name_secret(hold.account.clone(), secret).await;
            if let Some(named) = obstacles.pass(Act::NameSecret, named)? {
                hold.account = named;
                let marked = self.mark_secret(&hold.account, secret, found).await;
                hold.in_use = obstacles.pass(Act::MarkSecret, marked)?.unwrap_or(false);
            }
        }
        Ok(hold)
    }

    /// The Secret of an earlier `credentialsSecretRef` is let go before the status names the new one.
    async fn release_former_secret(&self, account: &AccountObject) -> Result<(), ClusterError> {
        match named_by_status(account) {
            Some(former) if former != account.spec.credentials_secret_ref.name => {
                self.release_secret(&former).await
            }
            _ => Ok(()),
        }
    }

    async fn release_secret(&self, name: &str) -> Result<(), ClusterError> {
        if let Some(secret) = get_versioned(&self.secrets(), name).await? {
            let_go(self.context, &self.key, &self.secrets(), secret.object()).await?;
        }
        Ok(())
    }

    /// Only a Secret that the status names is ever marked: else nobody would let it go when the reference changes.
    async fn name_secret(
        &self,
        account: AccountObject,
        secret: Option<&Secret>,
    ) -> Result<AccountObject, ClusterError> {
        let name = &account.spec.credentials_secret_ref.name;
        let is_named = named_by_status(&account).as_ref() == Some(name);
        let is_marked = secret.is_none_or(|secret| is_on(secret, IN_USE_FINALIZER));
        if is_named || is_marked || !is_on(&account, IN_USE_FINALIZER) {
            return Ok(account);
        }
        let status = status::naming(&account, name);
        self.patch_status(&account, &status).await
    }

    /// True if the Account and its Secret are both held for their Subaccounts. Only a Secret whose pair was just found good is
    /// marked: whoever names any other Secret in an Account must not make that one stay.
    async fn mark_secret(
        &self,
        account: &AccountObject,
        secret: Option<&Secret>,
        found: &Found,
    ) -> Result<bool, ClusterError> {
        let Some(secret) = secret else { return Ok(false) };
        let is_marked = is_on(secret, IN_USE_FINALIZER);
        if !is_on(account, IN_USE_FINALIZER) {
            if is_marked && !self.is_held() {
                // Left on it by another Account, for this one, which was never marked itself.
                let_go(self.context, &self.key, &self.secrets(), secret).await?;
            }
            return Ok(false);
        }
        // Whose release was just answered by an error may be released all the same, and gone: nobody would ever take the mark off again.
        let is_wanted = self.is_held() && found.is_proved;
        if !is_marked && is_wanted && secret.metadata.deletion_timestamp.is_none() {
            guarded_patch::add(&self.secrets(), secret, IN_USE_FINALIZER).await?;
            return Ok(true);
        }
        Ok(is_marked)
    }
}

/// Whether Subaccounts hold a marked Account, by quorum. A process that stood still may hear of the Account's end before it hears of what
/// another leader has made through it meanwhile: a cache that shows nobody lets nothing go.
async fn is_held_in_truth(context: &AccountContext, account: &AccountKey) -> Result<bool, ClusterError> {
    let objects = context.places.subaccounts(account);
    let mut listed: ObjectList<Guarded<Subaccount>> =
        ask(&objects, |request| request.list(&ListParams::default())).await?;
    listed
        .items
        .retain(|object| context.dependents.can_hold(account, object));
    let found = Users::of(account, &listed.items).hold(true);
    if found {
        tracing::warn!(%account, "an Account stays: a Subaccount holds it that the cache does not show");
    }
    Ok(found)
}

/// Takes the mark off the Secret, unless another Account needs it.
async fn let_go(
    context: &AccountContext,
    account: &AccountKey,
    secrets: &Api<Secret>,
    secret: &Secret,
) -> Result<(), ClusterError> {
    let name = secret.name_any();
    if !is_on(secret, IN_USE_FINALIZER) || !context.dependents.sharers(account, &name).is_empty() {
        return Ok(());
    }
    guarded_patch::remove(secrets, secret, IN_USE_FINALIZER).await?;
    // One whose first Subaccount came meanwhile may have found the mark, and counts on it.
    for sharer in context.dependents.sharers(account, &name) {
        context.registry.wake(&sharer);
    }
    Ok(())
}

/// Lets an Account that cannot be read go, and its Secrets, once no Subaccount needs it: the marks alone tell what to do.
pub async fn release_unreadable(
    context: &AccountContext,
    account: &Guarded<AccountObject>,
    secrets_named: impl IntoIterator<Item = String>,
) -> Result<(), ClusterError> {
    let key = AccountKey::of(account);
    if !is_on(account, IN_USE_FINALIZER)
        || context.dependents.users(&key).hold(true)
        || is_held_in_truth(context, &key).await?
    {
        return Ok(());
    }
    let secrets = context.places.secrets(&key);
    for name in secrets_named {
        if let Some(secret) = get_versioned(&secrets, &name).await? {
            let_go(context, &key, &secrets, secret.object()).await?;
        }
    }
    guarded_patch::remove(
        &context.places.unreadable_accounts(&key),
        account,
        IN_USE_FINALIZER,
    )
    .await?;
    Ok(())
}
