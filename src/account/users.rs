//! Who holds an Account: the Subaccounts that name it, and those of which nobody can tell. PURE.

/// Names shown of them.
const SHOWN: usize = 3;

/// The Subaccounts of an Account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Users {
    /// Those that name it.
    pub named: Vec<String>,
    /// Those of its namespace whose Account cannot be read: each may be its own.
    pub unreadable: Vec<String>,
}

impl Users {
    /// Whether the Account, and its credentials with it, must stay: it is used; or it was, as its mark says, and nobody can
    /// tell that it is no more.
    #[must_use]
    pub fn hold(&self, is_marked: bool) -> bool {
        !self.named.is_empty() || (is_marked && !self.unreadable.is_empty())
    }

    /// What holds the Account, as a sentence.
    #[must_use]
    pub fn told(&self) -> String {
        let mut sentences = Vec::new();
        if !self.named.is_empty() {
            sentences.push(format!(
                "it is held until these Subaccounts are gone: {}",
                some_of(&self.named)
            ));
        }
        sentences.extend(self.doubt());
        if sentences.is_empty() {
            return "no Subaccount holds it".to_owned();
        }
        sentences.join("; ")
    }

    /// What is to be told of Subaccounts of which nobody can say whose they are.
    #[must_use]
    pub fn doubt(&self) -> Option<String> {
        let doubt = || {
            format!(
                "these Subaccounts cannot be read, may be its own, and hold it until they can be read or are gone: {}",
                some_of(&self.unreadable)
            )
        };
        (!self.unreadable.is_empty()).then(doubt)
    }
}

fn some_of(names: &[String]) -> String {
    let shown: Vec<&str> = names.iter().take(SHOWN).map(String::as_str).collect();
    let more = if names.len() > SHOWN { " and others" } else { "" };
    format!("{}{more}", shown.join(", "))
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

    #[test]
    fn three_are_shown_by_name_and_the_others_mentioned() {
        let told = users(&["a", "b", "c", "d"], &["odd"]).told();
        assert_eq!(
            told,
            "it is held until these Subaccounts are gone: a, b, c and others; these Subaccounts cannot be read, may be its own, \
             and hold it until they can be read or are gone: odd"
        );
        assert_eq!(users(&[], &[]).told(), "no Subaccount holds it");
    }
}
