//! One pass over an Account, and what each of its steps needs. I/O.

use crate::account::context::AccountContext;
use crate::account::key::AccountKey;
use crate::account::object::AccountObject;
use crate::account::store::members::Terms;
use crate::account::tell::trouble::{AccountTrouble, Again};
use crate::account::users::Users;
use crate::controller::cluster::ClusterError;
use crate::controller::refusals::Requester;
use crate::controller::versioned::{Versioned, get_versioned};
use k8s_openapi::api::core::v1::Secret;
use kube::api::Api;
use std::sync::Arc;
use std::time::Duration;

/// One pass.
pub(super) struct AccountPass<'a> {
    /// The Account as it was when the pass began.
    pub(super) account: &'a AccountObject,
    pub(super) context: &'a AccountContext,
    pub(super) key: AccountKey,
    /// Who held it then.
    pub(super) users: Users,
}

impl AccountPass<'_> {
    /// The Secret that the spec names.
    pub(super) async fn credentials_secret(&self) -> Result<Option<Secret>, ClusterError> {
        let name = &self.account.spec.credentials_secret_ref.name;
        Ok(get_versioned(&self.secrets(), name)
            .await?
            .map(Versioned::into_object))
    }

    /// Keeps what our own write returned: the next pass may come before the cache hears of it.
    pub(super) fn note(&self, written: AccountObject) -> AccountObject {
        self.context.newest.note(Arc::new(written.clone()));
        written
    }

    /// The pause before the next pass; one that grows while the Account is in trouble.
    pub(super) fn pause(&self, trouble: Option<&AccountTrouble>, next: Duration) -> Duration {
        let pauses = &self.context.pauses;
        let again = trouble.map_or(Again::AsUsual, |trouble| trouble.row().again);
        if again == Again::AsUsual {
            pauses.succeeded(&self.key);
            return next;
        }
        let pause = pauses.failed(self.key.clone());
        if again == Again::Sooner {
            next.min(pause)
        } else {
            pause
        }
    }

    /// By which name the refusals of this Account are kept.
    pub(super) fn source(&self) -> Requester {
        self.key.requester()
    }

    pub(super) fn accounts(&self) -> Api<AccountObject> {
        self.context.places.accounts(&self.key)
    }

    pub(super) fn secrets(&self) -> Api<Secret> {
        self.context.places.secrets(&self.key)
    }
}

/// The time between two looks at an Account that is well.
pub(super) fn interval(account: &AccountObject) -> Duration {
    Terms::of(&account.spec).interval
}
