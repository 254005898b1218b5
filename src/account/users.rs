//! Who holds an Account: the Subaccounts that name it, and those of which nobody can tell. PURE.

use crate::account::key::AccountKey;
use crate::controller::wake::{Guarded, ObjectKey};
use crate::crd::{AccountKind, Subaccount};
use kube::{Resource as _, ResourceExt as _};
use std::borrow::Borrow;

/// The Subaccounts of an Account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Users {
    /// Those that name it.
    pub named: Vec<String>,
    /// Those of which it cannot be read whose they are: each may be its own.
    pub unreadable: Vec<String>,
}

impl Users {
    /// Those of the Account's namespace, or of the whole cluster, that hold it.
    pub fn of(
        account: &AccountKey,
        objects: impl IntoIterator<Item = impl Borrow<Guarded<Subaccount>>>,
    ) -> Self {
        let name = |object: &Guarded<Subaccount>| match account.kind() {
            AccountKind::Account => object.name_any(),
            AccountKind::ClusterAccount => ObjectKey::of(object).to_string(),
        };
        let mut users = Self::default();
        for object in objects {
            let object = object.borrow();
            match names(object, account) {
                Some(true) => users.named.push(name(object)),
                Some(false) => {}
                None => users.unreadable.push(name(object)),
            }
        }
        users.named.sort();
        users.unreadable.sort();
        users
    }

    /// Whether the Account, and its credentials with it, must stay: it is used; or it was, as its mark says, and nobody can
    /// tell that it is no more.
    #[must_use]
    pub fn hold(&self, is_marked: bool) -> bool {
        !self.named.is_empty() || (is_marked && !self.unreadable.is_empty())
    }
}

/// Kind and name of the Account that a Subaccount names, also where the rest of it cannot be read.
fn reference(object: &Guarded<Subaccount>) -> Option<(AccountKind, &str)> {
    match &object.0 {
        Ok(object) => {
            let reference = &object.spec.account_ref;
            Some((reference.kind, &reference.name))
        }
        Err(unreadable) => {
            let kind = match unreadable.text("/spec/accountRef/kind") {
                Some(kind) => [AccountKind::Account, AccountKind::ClusterAccount]
                    .into_iter()
                    .find(|known| known.as_str() == kind)?,
                None => AccountKind::default(),
            };
            Some((kind, unreadable.text("/spec/accountRef/name")?))
        }
    }
}

/// The Account that a Subaccount names, also where the rest of it cannot be read.
#[must_use]
pub fn account_named_by(object: &Guarded<Subaccount>) -> Option<AccountKey> {
    let (kind, name) = reference(object)?;
    Some(AccountKey::named(object.meta().namespace.as_deref()?, kind, name))
}

/// Whether a Subaccount names the Account; none where nobody can tell.
#[must_use]
pub fn names(object: &Guarded<Subaccount>, account: &AccountKey) -> Option<bool> {
    let (kind, name) = reference(object)?;
    let namespace = object.meta().namespace.as_deref()?;
    Some(kind == account.kind() && name == account.name() && account.reaches(namespace))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn users(named: &[&str], unreadable: &[&str]) -> Users {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Users {
            named: owned(named),
            unreadable: owned(unreadable),
        }
    }

    #[test]
    fn what_cannot_be_read_holds_what_was_in_use_and_brings_nothing_into_use() {
        assert!(users(&["acme"], &[]).hold(false) && users(&["acme"], &["odd"]).hold(true));
        assert!(users(&[], &["odd"]).hold(true), "it may be its own");
        assert!(!users(&[], &["odd"]).hold(false), "nothing was ever made with it");
        assert!(!users(&[], &[]).hold(true));
    }
}
