//! Names of objects, made from names at Vobiz, which may be anything and are not unique. PURE.

use std::collections::HashSet;

/// The longest name of a Subaccount.
const LONGEST: usize = 63;

/// Names that were given, by namespace and name.
#[derive(Debug, Default)]
pub struct Names {
    taken: HashSet<(String, String)>,
}

impl Names {
    /// A name that an object has already.
    pub fn take(&mut self, namespace: &str, name: &str) {
        self.taken.insert((namespace.to_owned(), name.to_owned()));
    }

    /// A name that no other object of the namespace has: made from the account's name, else from its id.
    pub fn give(&mut self, namespace: &str, name: &str, auth_id: &str) -> String {
        let wanted = [name, auth_id]
            .map(label)
            .into_iter()
            .find(|label| !label.is_empty());
        let wanted = wanted.unwrap_or_else(|| "subaccount".to_owned());
        let mut given = wanted.clone();
        let mut number = 2_u32;
        while !self.taken.insert((namespace.to_owned(), given.clone())) {
            let end = format!("-{number}");
            given = format!("{}{end}", cut(&wanted, LONGEST - end.len()));
            number += 1;
        }
        given
    }
}

/// The letters and digits of a text, as the name of an object may have them.
fn label(text: &str) -> String {
    let mut label = String::new();
    for character in text.chars().flat_map(char::to_lowercase) {
        if character.is_ascii_lowercase() || character.is_ascii_digit() {
            label.push(character);
        } else if !label.is_empty() && !label.ends_with('-') {
            label.push('-');
        }
    }
    cut(&label, LONGEST).to_owned()
}

fn cut(label: &str, longest: usize) -> &str {
    label[..label.len().min(longest)].trim_end_matches('-')
}

/// A pattern of names at Vobiz: which part is the namespace, and which the name of the object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    before: String,
    between: String,
    after: String,
    is_namespace_first: bool,
}

impl Pattern {
    /// Of a text that holds `{namespace}` and `{name}`, each once, with something between them.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (namespace, name) = ("{namespace}", "{name}");
        let is_namespace_first = text.find(namespace)? < text.find(name)?;
        let (first, second) = if is_namespace_first {
            (namespace, name)
        } else {
            (name, namespace)
        };
        let (before, rest) = text.split_once(first)?;
        let (between, after) = rest.split_once(second)?;
        let is_whole = !between.is_empty() && !after.contains(['{', '}']);
        is_whole.then(|| Self {
            before: before.to_owned(),
            between: between.to_owned(),
            after: after.to_owned(),
            is_namespace_first,
        })
    }

    /// Namespace and name that a name at Vobiz stands for; none if it does not have that form.
    #[must_use]
    pub fn split<'a>(&self, name: &'a str) -> Option<(&'a str, &'a str)> {
        let inner = name
            .trim()
            .strip_prefix(self.before.as_str())?
            .strip_suffix(self.after.as_str())?;
        let (first, second) = inner.split_once(self.between.as_str())?;
        let (namespace, name) = if self.is_namespace_first {
            (first, second)
        } else {
            (second, first)
        };
        let is_label = |text: &str| !text.is_empty() && text.len() <= LONGEST && label(text) == text;
        (is_label(namespace) && !name.is_empty()).then_some((namespace, name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_are_made_from_what_can_be_read_of_them() {
        let mut names = Names::default();
        names.take("team", "taken");
        for (name, expected) in [
            ("Acme Ltd.", "acme-ltd"),
            ("acme ltd", "acme-ltd-2"),
            ("  --Ünïcode 2--  ", "n-code-2"),
            ("日本", "sa-x1"),
            ("", "sa-x1-2"),
            ("taken", "taken-2"),
        ] {
            assert_eq!(names.give("team", name, "SA_X1"), expected, "{name}");
        }
        let long = "x".repeat(80);
        assert_eq!(names.give("team", &long, "SA_1").len(), 63);
        assert!(names.give("team", &long, "SA_1").ends_with("-2"));
        assert_eq!(names.give("other", "Acme Ltd.", "SA_X1"), "acme-ltd");
    }

    #[test]
    fn a_pattern_tells_namespace_and_name() {
        let pattern = Pattern::parse("prod-{namespace}/{name}").unwrap();
        assert_eq!(pattern.split("prod-team-a/Acme 1"), Some(("team-a", "Acme 1")));
        for other in [
            "dev-team/acme",
            "prod-team",
            "prod-Team A/acme",
            "prod-/acme",
            "prod-team/",
        ] {
            assert_eq!(pattern.split(other), None, "{other}");
        }
        assert_eq!(
            Pattern::parse("{name}.{namespace}").unwrap().split("acme.team"),
            Some(("team", "acme"))
        );
        for wrong in ["{namespace}{name}", "{name}", "{namespace}-{name}-{name}", ""] {
            assert_eq!(Pattern::parse(wrong), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn every_name_that_is_given_is_valid_and_given_once(wanted in proptest::collection::vec("\\PC{0,90}", 1..40)) {
            let mut names = Names::default();
            let mut given = HashSet::new();
            for name in wanted {
                let name = names.give("team", &name, "SA_ONE");
                prop_assert!(!name.is_empty() && name.len() <= 63, "{}", name);
                prop_assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'), "{}", name);
                prop_assert!(!name.starts_with('-') && !name.ends_with('-'), "{}", name);
                prop_assert!(given.insert(name));
            }
        }
    }
}
