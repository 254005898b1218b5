//! Which of an account's two ids a parent's paths take, as the answers so far show it. PURE.
//!
//! Documents disagree: the path takes the `auth_id`, or, where that is opaque, what the list calls `id`. It is learned from the first
//! account that has both, at the price of one 404, and again after a restart: the list that shows both ids is read then anyway.

use crate::vobiz::{Address, AuthId};

/// What is known so far. The `auth_id` is tried first until something else is proved.
#[derive(Debug, Default)]
pub struct Addressing {
    takes_other: bool,
    /// The last answer about an account with two ids proved it. A 404 takes that back: the account may be gone, or the server
    /// may have changed; the next 404 tells.
    proved: bool,
}

/// How to reach one account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ways {
    /// The way that is taken.
    pub first: Address,
    /// The way to look at once more, should the first lead nowhere.
    pub second: Option<Address>,
}

impl Addressing {
    /// The ways to an account with this `auth_id` and, as far as the list shows one, another id.
    #[must_use]
    pub fn ways(&self, auth_id: &AuthId, other: Option<AuthId>) -> Ways {
        let plain = Address::from(auth_id);
        let Some(other) = other else {
            return Ways {
                first: plain,
                second: None,
            };
        };
        let aside = Address {
            auth_id: auth_id.clone(),
            in_path: other,
        };
        let (first, second) = if self.takes_other {
            (aside, plain)
        } else {
            (plain, aside)
        };
        Ways {
            first,
            second: (!self.proved).then_some(second),
        }
    }

    /// Folds in whether the account was found on one of two ways.
    pub fn learn(&mut self, way: &Address, found: bool) {
        if found {
            self.takes_other = way.in_path != way.auth_id;
        }
        self.proved = found;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> AuthId {
        AuthId::parse(text).unwrap()
    }

    fn in_paths(ways: Ways) -> (String, Option<String>) {
        let text = |address: Address| address.in_path.to_string();
        (text(ways.first), ways.second.map(text))
    }

    #[test]
    fn what_a_path_takes_is_learned_once_and_again_when_the_server_changes() {
        let mut addressing = Addressing::default();
        let ways = |addressing: &Addressing| addressing.ways(&id("a3f1"), Some(id("SA_1")));
        let (both, turned) = (
            ("a3f1".to_owned(), Some("SA_1".to_owned())),
            ("SA_1".to_owned(), Some("a3f1".to_owned())),
        );
        assert_eq!(in_paths(ways(&addressing)), both);
        let Ways { first, second } = ways(&addressing);
        addressing.learn(&first, false);
        addressing.learn(&second.unwrap(), true);
        assert_eq!(in_paths(ways(&addressing)), ("SA_1".to_owned(), None));
        addressing.learn(&ways(&addressing).first, false);
        assert_eq!(
            in_paths(ways(&addressing)),
            turned,
            "gone, or the server has changed"
        );
        addressing.learn(&ways(&addressing).second.unwrap(), true);
        assert_eq!(in_paths(ways(&addressing)), ("a3f1".to_owned(), None));
    }

    #[test]
    fn an_account_with_one_id_has_one_way() {
        let mut addressing = Addressing::default();
        addressing.learn(
            &addressing.ways(&id("a3f1"), Some(id("SA_1"))).second.unwrap(),
            true,
        );
        assert_eq!(
            in_paths(addressing.ways(&id("a3f1"), None)),
            ("a3f1".to_owned(), None)
        );
    }
}
