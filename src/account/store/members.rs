//! Which Accounts share a parent account, what each asks of it, and what holds for all: the slowest of each. PURE.

use crate::account::key::AccountKey;
use crate::account::parent::bucket::Limit;
use crate::crd::ParentSpec;
use crate::vobiz::ParentAuthId;
use std::collections::{BTreeSet, HashMap};
use std::num::NonZeroU32;
use std::time::Duration;

/// What one Account asks of its parent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Terms {
    /// How fast requests may follow each other.
    pub limit: Limit,
    /// The time between two lists.
    pub interval: Duration,
}

impl Terms {
    /// Where a spec has the values.
    const FIELDS: [&'static str; 3] = [
        "rateLimit.requestsPerSecond",
        "rateLimit.burst",
        "resyncIntervalSeconds",
    ];

    fn values(&self) -> [u64; 3] {
        let Limit {
            requests_per_second,
            burst,
        } = self.limit;
        [
            u64::from(requests_per_second.get()),
            u64::from(burst.get()),
            self.interval.as_secs(),
        ]
    }

    /// Those of a spec; the schema admits no zero, and a stored zero means the slowest.
    #[must_use]
    pub fn of(spec: &ParentSpec) -> Self {
        let positive = |value: i32| {
            u32::try_from(value)
                .ok()
                .and_then(NonZeroU32::new)
                .unwrap_or(NonZeroU32::MIN)
        };
        Self {
            limit: Limit {
                requests_per_second: positive(spec.rate_limit.requests_per_second),
                burst: positive(spec.rate_limit.burst),
            },
            interval: Duration::from_secs(u64::try_from(spec.resync_interval_seconds).unwrap_or(300)),
        }
    }
}

/// The lowest value that an Account of a parent asks for, where others ask for more.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SharedTerm {
    /// Where the spec has it.
    pub field: &'static str,
    /// The value.
    pub value: u64,
    /// Who asks for it.
    pub account: AccountKey,
}

/// Every Account whose pair was proved, with its parent. What it costs to find the lowest values does not grow with the
/// number of Accounts.
#[derive(Debug, Default)]
pub struct Members {
    parents: HashMap<AccountKey, (ParentAuthId, Terms)>,
    by_parent: HashMap<ParentAuthId, Group>,
}

/// The Accounts of one parent, ordered by each of the values that they ask for.
#[derive(Debug, Default)]
struct Group([BTreeSet<(u64, AccountKey)>; 3]);

impl Group {
    fn lowest(&self) -> Option<[u64; 3]> {
        let [rate, burst, interval] = &self.0;
        Some([rate.first()?.0, burst.first()?.0, interval.first()?.0])
    }
}

impl Members {
    /// The Account's parent and terms.
    #[must_use]
    pub fn get(&self, account: &AccountKey) -> Option<&(ParentAuthId, Terms)> {
        self.parents.get(account)
    }

    /// The Account is one of this parent's, on these terms, and no other's.
    pub fn join(&mut self, account: &AccountKey, parent: &ParentAuthId, terms: Terms) {
        self.part(account);
        let group = self.by_parent.entry(parent.clone()).or_default();
        for (ordered, value) in group.0.iter_mut().zip(terms.values()) {
            ordered.insert((value, account.clone()));
        }
        self.parents.insert(account.clone(), (parent.clone(), terms));
    }

    /// The Account is nobody's any more.
    pub fn part(&mut self, account: &AccountKey) {
        let Some((parent, terms)) = self.parents.remove(account) else {
            return;
        };
        let Some(group) = self.by_parent.get_mut(&parent) else {
            return;
        };
        for (ordered, value) in group.0.iter_mut().zip(terms.values()) {
            ordered.remove(&(value, account.clone()));
        }
        if group.0[0].is_empty() {
            self.by_parent.remove(&parent);
        }
    }

    /// The Accounts of a parent.
    pub fn of(&self, parent: &ParentAuthId) -> impl Iterator<Item = &AccountKey> + use<'_> {
        let group = self.by_parent.get(parent).into_iter();
        group.flat_map(|group| group.0[0].iter().map(|(_, account)| account))
    }

    /// Whether the parent has any Account.
    #[must_use]
    pub fn has(&self, parent: &ParentAuthId) -> bool {
        self.by_parent.contains_key(parent)
    }

    /// The limit that holds for the parent: the lowest that one of its Accounts asks for.
    #[must_use]
    pub fn limit(&self, parent: &ParentAuthId) -> Option<Limit> {
        let [requests_per_second, burst, _] = self.by_parent.get(parent)?.lowest()?;
        let positive = |value| u32::try_from(value).ok().and_then(NonZeroU32::new);
        Some(Limit {
            requests_per_second: positive(requests_per_second)?,
            burst: positive(burst)?,
        })
    }

    /// What one Account asks for and others of its parent do not: it holds for them too.
    #[must_use]
    pub fn shared(&self, parent: &ParentAuthId) -> Vec<SharedTerm> {
        let of_field = |(ordered, field): (&BTreeSet<(u64, AccountKey)>, &'static str)| {
            let ((value, account), (highest, _)) = (ordered.first()?, ordered.last()?);
            (value != highest).then(|| SharedTerm {
                field,
                value: *value,
                account: account.clone(),
            })
        };
        let group = self.by_parent.get(parent).into_iter();
        group
            .flat_map(|group| group.0.iter().zip(Terms::FIELDS))
            .filter_map(of_field)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::tell::holders;
    use proptest::prelude::*;

    fn account(name: &str) -> AccountKey {
        AccountKey::within("team", name)
    }

    fn parent(name: &str) -> ParentAuthId {
        ParentAuthId::parse(&format!("MA_{name}")).unwrap()
    }

    fn told(members: &Members, of: &str) -> Option<String> {
        holders::shared(&members.shared(&parent(of)), &account("a"))
    }

    fn terms(requests_per_second: u32, burst: u32, seconds: u64) -> Terms {
        Terms {
            limit: Limit {
                requests_per_second: NonZeroU32::new(requests_per_second).unwrap(),
                burst: NonZeroU32::new(burst).unwrap(),
            },
            interval: Duration::from_secs(seconds),
        }
    }

    #[test]
    fn the_lowest_of_each_value_holds_and_is_told_with_the_account_that_asks_for_it() {
        let mut members = Members::default();
        members.join(&account("a"), &parent("ONE"), terms(10, 5, 300));
        assert_eq!(told(&members, "ONE"), None, "it shares with nobody");
        members.join(&account("b"), &parent("ONE"), terms(10, 5, 300));
        members.join(&account("c"), &parent("TWO"), terms(1, 1, 10));
        assert_eq!(told(&members, "ONE"), None, "all want the same");
        members.join(&account("b"), &parent("ONE"), terms(1, 20, 300));
        assert_eq!(members.limit(&parent("ONE")), Some(terms(1, 5, 0).limit));
        assert_eq!(
            told(&members, "ONE").unwrap(),
            "Accounts of one parent account share its lowest values: rateLimit.requestsPerSecond 1 of Account team/b, \
             rateLimit.burst 5 of Account team/a"
        );
        members.join(&account("b"), &parent("TWO"), terms(10, 5, 300));
        assert_eq!(told(&members, "ONE"), None, "it went to another parent");
        assert_eq!(
            told(&members, "TWO").unwrap(),
            "Accounts of one parent account share its lowest values: rateLimit.requestsPerSecond 1 of Account team/c, \
             rateLimit.burst 1 of Account team/c, resyncIntervalSeconds 10 of Account team/c"
        );
        members.part(&account("a"));
        assert_eq!(members.limit(&parent("ONE")), None);
    }

    proptest! {
        #[test]
        fn whatever_accounts_come_and_go_the_same_is_told_and_nobody_is_served_faster_than_one_asks(
            asked in proptest::collection::vec((0_u8..6, 0_u8..2, 1_u32..4, 1_u32..4, 10_u64..13), 1..20)
        ) {
            let mut members = Members::default();
            let mut backwards = Members::default();
            let mut last = HashMap::new();
            for (name, of, rate, burst, seconds) in asked {
                last.insert(name, (parent(["ONE", "TWO"][usize::from(of)]), terms(rate, burst, seconds)));
                let (of, terms) = &last[&name];
                members.join(&account(&name.to_string()), of, *terms);
            }
            let mut order: Vec<_> = last.iter().collect();
            order.sort_by_key(|(name, _)| std::cmp::Reverse(**name));
            for (name, (of, terms)) in order {
                backwards.join(&account(&name.to_string()), of, *terms);
            }
            for of in [parent("ONE"), parent("TWO")] {
                prop_assert_eq!(members.shared(&of), backwards.shared(&of));
                for (_, terms) in last.values().filter(|(other, _)| *other == of) {
                    let limit = members.limit(&of).unwrap();
                    prop_assert!(limit.requests_per_second <= terms.limit.requests_per_second);
                    prop_assert!(limit.burst <= terms.limit.burst);
                }
            }
        }
    }
}
