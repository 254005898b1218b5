//! Closed sets of names that other parts of a cluster see, each with what it means: the reference is made from the same words. PURE.

/// A closed set of names, each spelt as in the code. The comment of each is its meaning.
macro_rules! names {
    ($(#[$documentation:meta])* $name:ident { $($(#[doc = $meaning:literal])+ $variant:ident,)+ }) => {
        $(#[$documentation])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[doc = $meaning])+ $variant,)+ }

        impl $name {
            /// Every name.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The name as it is written.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => stringify!($variant),)+ }
            }

            /// What it means.
            #[must_use]
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$variant => concat!($($meaning),+).trim_ascii(),)+ }
            }

            /// The one that is written so.
            #[must_use]
            pub fn parse(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|known| known.as_str() == name)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str(self.as_str())
            }
        }
    };
}

/// Names that users and tools set or see on objects: each a constant, and all of them one table.
macro_rules! marks {
    ($($(#[doc = $meaning:literal])+ $constant:ident: $sort:ident of $on:literal by $by:ident = $name:literal;)+) => {
        $($(#[doc = $meaning])+ pub const $constant: &str = $name;)+

        /// Every one of them.
        pub const MARKS: &[Mark] = &[$(Mark {
            name: $name,
            sort: Sort::$sort,
            on: $on,
            by: By::$by,
            meaning: concat!($($meaning),+).trim_ascii(),
        },)+];
    };
}

pub(super) use {marks, names};
