//! Who holds an Account: the Subaccounts that name it, and those of which nobody can tell. PURE.

use crate::account::key::AccountKey;
use crate::controller::wake::Guarded;
use crate::crd::Subaccount;
use kube::ResourceExt as _;

/// The Subaccounts of an Account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Users {
    /// Those that name it.
    pub named: Vec<String>,
    /// Those of its namespace whose Account cannot be read: each may be its own.
    pub unreadable: Vec<String>,
}

impl Users {
    /// Those of the Account's namespace that hold it.
    pub fn of<'a>(account: &AccountKey, objects: impl IntoIterator<Item = &'a Guarded<Subaccount>>) -> Self {
        let mut users = Self::default();
        for object in objects {
            match account_named_by(object) {
                Some(named) if named == account.name() => users.named.push(object.name_any()),
                Some(_) => {}
                None => users.unreadable.push(object.name_any()),
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

/// The name of the Account that a Subaccount names, also where the rest of it cannot be read.
#[must_use]
pub fn account_named_by(object: &Guarded<Subaccount>) -> Option<&str> {
    match &object.0 {
        Ok(object) => Some(&object.spec.account_ref.name),
        Err(unreadable) => unreadable.text("/spec/accountRef/name"),
    }
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
