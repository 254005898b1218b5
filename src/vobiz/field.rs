//! What is known of each field that a request may set: a row gives its names, the generation that has it first, and
//! how a difference shows. Everything that is done with fields, one by one, is done through these rows. PURE.
//!
//! A new field costs four edits: itself in `crd::SubaccountSpec`, its reading in `subaccount::desired`, itself in
//! [`Fields`], and its row here.

use super::generation::Generation;
use super::subaccount::Fields;

/// One field.
pub struct Field {
    /// As the API spells it.
    pub name: &'static str,
    /// As a spec spells it.
    pub in_spec: &'static str,
    /// The first generation that has it.
    pub since: Generation,
    is_set: fn(&Fields) -> bool,
    /// Whether it is wanted, and shown otherwise.
    differs: fn(wanted: &Fields, shown: &Fields) -> bool,
    copy: fn(from: &Fields, to: &mut Fields),
}

macro_rules! fields {
    ($($name:ident, $in_spec:literal, $since:ident, $differs:ident;)*) => {
        const FIELDS: &[Field] = &[$(Field {
            name: stringify!($name),
            in_spec: $in_spec,
            since: Generation::$since,
            is_set: |fields| fields.$name.is_some(),
            differs: |wanted, shown| {
                let differs = |wanted| $differs(wanted, shown.$name.as_ref());
                wanted.$name.as_ref().is_some_and(differs)
            },
            copy: |from, to| to.$name.clone_from(&from.$name),
        }),*];
        // Without `..`: a field that has no row does not compile.
        const _: fn(&Fields) = |Fields { $($name: _),* }| {};
    };
}

fields! {
    name, "name", Gen1, text;
    enabled, "enabled", Gen1, value;
    description, "description", Gen2, by_rule;
    email, "email", Gen2, email;
    phone, "phone", Gen2, text;
    rate_limit, "rateLimit", Gen2, value;
    permissions, "permissions", Gen2, by_rule;
    kyc_mode, "kycMode", Gen2, text;
    business_type, "businessType", Gen2, text;
}

fn value<T: PartialEq>(wanted: &T, shown: Option<&T>) -> bool {
    shown != Some(wanted)
}

/// More than space around it must differ; none is an empty one.
fn text(wanted: &impl AsRef<str>, shown: Option<&impl AsRef<str>>) -> bool {
    shown.map_or("", AsRef::as_ref).trim() != wanted.as_ref()
}

fn email(wanted: &impl AsRef<str>, shown: Option<&impl AsRef<str>>) -> bool {
    let shown = shown.map_or("", AsRef::as_ref).trim();
    !shown.eq_ignore_ascii_case(wanted.as_ref())
}

/// Never here: it takes more than the two values to tell, and who knows more (`Desired::changes`) does.
fn by_rule<T>(_: &T, _: Option<&T>) -> bool {
    false
}

impl Field {
    /// Every field that there is, in a fixed order.
    pub fn all() -> impl Iterator<Item = &'static Self> {
        FIELDS.iter()
    }
}

impl Fields {
    /// The rows of the fields that are set, in a fixed order.
    pub fn rows(&self) -> impl Iterator<Item = &'static Field> {
        FIELDS.iter().filter(|field| (field.is_set)(self))
    }

    /// Nothing is set: there is nothing to send.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows().next().is_none()
    }

    /// The API's names of the fields that are set, in a fixed order.
    #[must_use]
    pub fn names(&self) -> Vec<&'static str> {
        self.rows().map(|field| field.name).collect()
    }

    /// The rows of the fields that are set and that this generation does not have.
    pub fn unsupported_by(&self, generation: Generation) -> impl Iterator<Item = &'static Field> {
        self.rows().filter(move |field| field.since > generation)
    }

    /// What of this is shown otherwise, apart from the fields that have a rule of their own.
    #[must_use]
    pub fn differing_from(&self, shown: &Self) -> Self {
        let mut different = Self::default();
        for field in FIELDS.iter().filter(|field| (field.differs)(self, shown)) {
            (field.copy)(self, &mut different);
        }
        different
    }

    /// Takes over what is set in `changes`.
    pub fn overlay(&mut self, changes: &Self) {
        for field in changes.rows() {
            (field.copy)(changes, self);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generation_1_has_only_name_and_enabled() {
        let fields = Fields {
            name: Some("acme".into()),
            enabled: Some(true),
            description: Some(String::new()),
            rate_limit: Some(5),
            ..Fields::default()
        };
        let unsupported = |generation| fields.unsupported_by(generation).map(|field| field.name);
        assert!(unsupported(Generation::Gen1).eq(["description", "rate_limit"]));
        assert_eq!(unsupported(Generation::Gen2).next(), None);
        assert!(!fields.is_empty() && Fields::default().is_empty());
    }
}
