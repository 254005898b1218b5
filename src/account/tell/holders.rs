//! What is told of those who hold an Account, and of those who share its parent. PURE.

use crate::account::store::members::SharedTerm;
use crate::account::users::Users;

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

/// What other Accounts of the parent ask for and holds for all of them; none if nothing does.
#[must_use]
pub fn shared(terms: &[SharedTerm]) -> Option<String> {
    let told = terms.iter().map(
        |SharedTerm {
             field,
             value,
             account,
         }| { format!("{field} {value} of Account {account}") },
    );
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
