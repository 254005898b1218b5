//! Marks an Account and its credentials Secret as in use, and lets them go again. I/O.

use super::Pass;
use crate::account::status;
use crate::controller::cluster::ClusterError;
use crate::controller::guarded_patch::{self, is_on};
use crate::controller::versioned::get_versioned;
use crate::crd::{Account, IN_USE_FINALIZER};
use k8s_openapi::api::core::v1::Secret;

impl Pass<'_> {
    /// An Account that Subaccounts name is held until they are gone.
    pub(super) async fn mark_account(&self) -> Result<Account, ClusterError> {
        let in_use = !self.users.is_empty();
        let deleting = self.account.metadata.deletion_timestamp.is_some();
        match is_on(self.account, IN_USE_FINALIZER) {
            false if in_use && !deleting => {
                Ok(self.note(guarded_patch::add(&self.accounts(), self.account, IN_USE_FINALIZER).await?))
            }
            true if !in_use => {
                self.release_secret(status_secret_name(self.account)).await?;
                let released =
                    guarded_patch::remove(&self.accounts(), self.account, IN_USE_FINALIZER).await?;
                Ok(self.note(released.unwrap_or_else(|| self.account.clone())))
            }
            _ => Ok(self.account.clone()),
        }
    }

    /// The Secret of an earlier `credentialsSecretRef` is let go before the status names the new one.
    pub(super) async fn release_former_secret(&self, account: &Account) -> Result<(), ClusterError> {
        let former = status_secret_name(account);
        if former.as_deref() == Some(account.spec.credentials_secret_ref.name.as_str()) {
            return Ok(());
        }
        self.release_secret(former).await
    }

    async fn release_secret(&self, name: Option<String>) -> Result<(), ClusterError> {
        let Some(name) = name else { return Ok(()) };
        if let Some(secret) = get_versioned(&self.secrets(), &name).await? {
            guarded_patch::remove(&self.secrets(), secret.object(), IN_USE_FINALIZER).await?;
        }
        Ok(())
    }

    /// Only a Secret that the status names is ever marked: else nobody would let it go when the reference changes.
    pub(super) async fn name_secret(
        &self,
        account: Account,
        secret: Option<&Secret>,
    ) -> Result<Account, ClusterError> {
        let name = &account.spec.credentials_secret_ref.name;
        let is_named = status_secret_name(&account).as_ref() == Some(name);
        let is_marked = secret.is_none_or(|secret| is_on(secret, IN_USE_FINALIZER));
        if is_named || is_marked || !is_on(&account, IN_USE_FINALIZER) {
            return Ok(account);
        }
        let status = status::naming(&account, name);
        self.patch_status(&account, &status).await
    }

    /// True if the Account and its Secret are both held for their Subaccounts.
    pub(super) async fn mark_secret(
        &self,
        account: &Account,
        secret: Option<&Secret>,
    ) -> Result<bool, ClusterError> {
        if !is_on(account, IN_USE_FINALIZER) {
            return Ok(false);
        }
        match secret {
            Some(secret) if is_on(secret, IN_USE_FINALIZER) => Ok(true),
            Some(secret) if secret.metadata.deletion_timestamp.is_none() => {
                guarded_patch::add(&self.secrets(), secret, IN_USE_FINALIZER).await?;
                Ok(true)
            }
            _ => Ok(false),
        }
    }
}

pub(super) fn status_secret_name(account: &Account) -> Option<String> {
    account.status.as_ref()?.credentials_secret_name.clone()
}
