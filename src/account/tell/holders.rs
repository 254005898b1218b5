//! What is told of those who hold an Account, and of those who share its parent. PURE.

use crate::account::key::AccountKey;
use crate::account::store::members::SharedTerm;
use crate::account::users::Users;
use crate::crd::AccountKind;

/// Names shown of Subaccounts.
const SHOWN: usize = 3;

/// What holds the Account, as a sentence.
#[must_use]
pub fn held_by(users: &Users) -> String {
    let mut sentences = Vec::new();
    if !users.named.is_empty() {
        sentences.push(format!(
            "it is held until these Subaccounts are gone: {}",
            some_of(&users.named)
        ));
    }
    sentences.extend(doubt(users));
    if sentences.is_empty() {
        return "no Subaccount holds it".to_owned();
    }
    sentences.join("; ")
}

/// What is to be told of Subaccounts of which nobody can say whose they are.
#[must_use]
pub fn doubt(users: &Users) -> Option<String> {
    let doubt = || {
        format!(
            "these Subaccounts cannot be read, may be its own, and hold it until they can be read or are gone: {}",
            some_of(&users.unreadable)
        )
    };
    (!users.unreadable.is_empty()).then(doubt)
}

/// What Accounts of the parent ask for and holds for all of them, as one of them tells it; none if nothing does. Whoever reads an Account
/// may know nothing of another namespace, and whoever reads a `ClusterAccount` may.
#[must_use]
pub fn shared(terms: &[SharedTerm], teller: &AccountKey) -> Option<String> {
    let told = terms.iter().map(|term| {
        let SharedTerm {
            field,
            value,
            account,
        } = term;
        let is_near =
            teller.kind() == AccountKind::ClusterAccount || account.namespace() == teller.namespace();
        let whose = match account.kind() {
            AccountKind::ClusterAccount => "a ClusterAccount".to_owned(),
            AccountKind::Account => "an Account of another namespace".to_owned(),
        };
        let whose = if is_near {
            format!("{} {account}", account.kind().as_str())
        } else {
            whose
        };
        format!("{field} {value} of {whose}")
    });
    (!terms.is_empty()).then(|| {
        format!(
            "Accounts of one parent account share its lowest values: {}",
            told.collect::<Vec<_>>().join(", ")
        )
    })
}

fn some_of(names: &[String]) -> String {
    let shown: Vec<&str> = names.iter().take(SHOWN).map(String::as_str).collect();
    let more = if names.len() > SHOWN { " and others" } else { "" };
    format!("{}{more}", shown.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_tells_nothing_of_another_namespace_and_a_cluster_account_does() {
        let term = |account: &AccountKey| SharedTerm {
            field: "rateLimit.burst",
            value: 1,
            account: account.clone(),
        };
        let (near, far) = (AccountKey::within("team", "a"), AccountKey::within("others", "b"));
        let everywhere = AccountKey::named("", AccountKind::ClusterAccount, "c");
        let told = |of: &AccountKey, teller: &AccountKey| {
            let told = shared(&[term(of)], teller).unwrap();
            told.split_once(" of ")
                .unwrap()
                .1
                .split_once("1 of ")
                .unwrap()
                .1
                .to_owned()
        };
        assert_eq!(told(&near, &near), "Account team/a");
        assert_eq!(told(&far, &near), "an Account of another namespace");
        assert_eq!(told(&everywhere, &near), "a ClusterAccount");
        assert_eq!(told(&far, &everywhere), "Account others/b");
        assert_eq!(told(&everywhere, &everywhere), "ClusterAccount c");
    }

    #[test]
    fn three_are_shown_by_name_and_the_others_mentioned() {
        let users = Users {
            named: ["a", "b", "c", "d"].map(str::to_owned).to_vec(),
            unreadable: vec!["odd".to_owned()],
        };
        assert_eq!(
            held_by(&users),
            "it is held until these Subaccounts are gone: a, b, c and others; these Subaccounts cannot be read, may be its own, \
             and hold it until they can be read or are gone: odd"
        );
        assert_eq!(held_by(&Users::default()), "no Subaccount holds it");
    }
}
