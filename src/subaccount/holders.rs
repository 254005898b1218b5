//! Which Subaccounts hold which Account, and when the first of them comes or the last one goes. PURE.

use crate::account::key::AccountKey;
use crate::account::users::account_named_by;
use crate::controller::uid::Uid;
use crate::controller::wake::Guarded;
use crate::crd::Subaccount;
use crate::vobiz::AuthId;
use kube::{Resource, ResourceExt as _};
use std::collections::{HashMap, HashSet};

/// What a Subaccount holds.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Holding {
    /// The Account that it names.
    Account(AccountKey),
    /// Whichever Account it may name that its namespace has: it cannot be read so far.
    AnyOf(String),
}

/// The uids of those that hold something.
#[derive(Debug, Default)]
pub(super) struct Holders {
    by_holding: HashMap<Holding, HashSet<Uid>>,
}

impl Holders {
    /// The Subaccount is there. Returns what it is the first to hold, and what nothing holds any more.
    pub(super) fn came(&mut self, object: &Guarded<Subaccount>) -> Vec<Holding> {
        let Some((holding, uid)) = holding(object) else {
            return Vec::new();
        };
        let uids = self.by_holding.entry(holding.clone()).or_default();
        let is_first = uids.insert(uid.clone()) && uids.len() == 1;
        // It may have become readable, or the contrary: its Account cannot change otherwise.
        let mut changed = match &holding {
            Holding::Account(_) => self.drop(&Holding::AnyOf(object.namespace().unwrap_or_default()), &uid),
            Holding::AnyOf(namespace) => {
                let near = |held: &&Holding| matches!(held, Holding::Account(key) if key.reaches(namespace));
                let known: Vec<Holding> = self.by_holding.keys().filter(near).cloned().collect();
                known.iter().flat_map(|held| self.drop(held, &uid)).collect()
            }
        };
        changed.extend(is_first.then_some(holding));
        changed
    }

    /// The Subaccount is gone. Returns what nothing holds any more.
    pub(super) fn went(&mut self, object: &Guarded<Subaccount>) -> Vec<Holding> {
        match holding(object) {
            Some((holding, uid)) => self.drop(&holding, &uid),
            None => Vec::new(),
        }
    }

    fn drop(&mut self, holding: &Holding, uid: &Uid) -> Vec<Holding> {
        let left = self.by_holding.get_mut(holding);
        if left.is_some_and(|uids| uids.remove(uid) && uids.is_empty()) {
            self.by_holding.remove(holding);
            return vec![holding.clone()];
        }
        Vec::new()
    }
}

/// The Account under which a Subaccount keeps an account at Vobiz, if its status names one.
pub(super) fn kept_under(object: &Guarded<Subaccount>) -> Option<AccountKey> {
    let object = object.0.as_ref().ok()?;
    AuthId::parse(object.status.as_ref()?.auth_id.as_deref()?).ok()?;
    AccountKey::of_user(object)
}

/// Whether the object had an account and cannot go on: for want of its Record, perhaps.
pub(super) fn misses_its_record(object: &Guarded<Subaccount>) -> bool {
    object.0.as_ref().is_ok_and(|object| {
        let is_bound = object
            .status
            .as_ref()
            .is_some_and(|status| status.auth_id.is_some());
        is_bound && !object.is_applied()
    })
}

fn holding(object: &Guarded<Subaccount>) -> Option<(Holding, Uid)> {
    let namespace = object.namespace()?;
    let holding = match account_named_by(object) {
        Some(account) => Holding::Account(account),
        None => Holding::AnyOf(namespace),
    };
    Some((holding, Uid::of(object.meta().uid.as_deref()?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn object(uid: &str, account: &Value) -> Guarded<Subaccount> {
        serde_json::from_value(json!({
            "apiVersion": "vobiz.ai/v1alpha1", "kind": "Subaccount",
            "metadata": {"name": "acme", "namespace": "team", "uid": uid},
            "spec": {"accountRef": {"name": account}, "deletion": {"policy": "Archive"}},
        }))
        .unwrap()
    }

    #[test]
    fn it_keeps_an_account_under_the_one_that_it_names_once_its_status_names_an_id() {
        let with_status = |status: Value| -> Guarded<Subaccount> {
            serde_json::from_value(json!({
                "apiVersion": "vobiz.ai/v1alpha1", "kind": "Subaccount",
                "metadata": {"name": "acme", "namespace": "team", "uid": "1"},
                "spec": {"accountRef": {"name": "main"}}, "status": status,
            }))
            .unwrap()
        };
        let main = AccountKey::within("team", "main");
        assert_eq!(kept_under(&with_status(json!({"authId": "SA_1"}))), Some(main));
        assert_eq!(kept_under(&with_status(json!({}))), None);
        assert_eq!(kept_under(&with_status(json!({"authId": "no/id"}))), None);
    }

    #[test]
    fn the_first_and_the_last_of_an_account_are_told_and_those_of_any_account() {
        let main = Holding::Account(AccountKey::within("team", "main"));
        let any = Holding::AnyOf("team".to_owned());
        let (one, two) = (object("1", &json!("main")), object("2", &json!("main")));
        let mut holders = Holders::default();
        assert_eq!(holders.came(&one), std::slice::from_ref(&main));
        assert!(holders.came(&one).is_empty() && holders.came(&two).is_empty());
        assert!(holders.went(&one).is_empty());
        assert_eq!(holders.went(&two), std::slice::from_ref(&main));
        assert!(holders.went(&two).is_empty(), "told once");

        let (odd, mended) = (object("3", &json!({"is": "odd"})), object("3", &json!("main")));
        assert_eq!(holders.came(&odd), std::slice::from_ref(&any));
        assert_eq!(holders.came(&mended), [any.clone(), main.clone()]);
        assert_eq!(holders.came(&odd), [main, any.clone()]);
        assert_eq!(holders.went(&odd), [any]);
    }
}
