//! Which generation of the API an Account uses; and how status spells it: two layers that know nothing of each other. PURE.

use crate::account::object::AccountObject;
use crate::account::tell::trouble::{AccountTrouble, Unserved};
use crate::crd::{ApiGeneration, ApiGenerationChoice};
use crate::vobiz::Generation;

/// As status spells it.
#[must_use]
pub fn stored(generation: Generation) -> ApiGeneration {
    match generation {
        Generation::Gen1 => ApiGeneration::Gen1,
        Generation::Gen2 => ApiGeneration::Gen2,
    }
}

/// As the client takes it.
#[must_use]
pub fn recorded(stored: ApiGeneration) -> Generation {
    match stored {
        ApiGeneration::Gen1 => Generation::Gen1,
        ApiGeneration::Gen2 => Generation::Gen2,
    }
}

/// What the spec asks for, with what was found out earlier.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Choice {
    /// Nothing is known: the newer one first.
    Open,
    /// It was found out, and may be retired.
    Found(Generation),
    /// The spec names it.
    Pinned(Generation),
}

impl Choice {
    /// Of an Account.
    #[must_use]
    pub fn of(account: &AccountObject) -> Self {
        let found = account.status.as_ref().and_then(|status| status.api_generation);
        match account.spec.api_generation {
            ApiGenerationChoice::Gen1 => Self::Pinned(Generation::Gen1),
            ApiGenerationChoice::Gen2 => Self::Pinned(Generation::Gen2),
            ApiGenerationChoice::Auto => found.map_or(Self::Open, |found| Self::Found(recorded(found))),
        }
    }

    /// The one that is used as long as it is served.
    #[must_use]
    pub fn first(self) -> Option<Generation> {
        match self {
            Self::Open => None,
            Self::Found(generation) | Self::Pinned(generation) => Some(generation),
        }
    }

    /// Whose lists are asked for, until one answers. The other one is asked only to say what a person can do, or to go over to it.
    #[must_use]
    pub fn asked(self) -> [Generation; 2] {
        match self.first() {
            Some(Generation::Gen1) => [Generation::Gen1, Generation::Gen2],
            Some(Generation::Gen2) | None => [Generation::Gen2, Generation::Gen1],
        }
    }

    /// Whether this one, which was found to be served, may be used without asking again.
    #[must_use]
    pub fn accepts(self, generation: Generation) -> bool {
        // Only from generation 1 an Account goes over by itself.
        matches!(self, Self::Open | Self::Found(Generation::Gen1)) || self.first() == Some(generation)
    }

    /// What is used, where only this one is `served`; or what is wrong. `is_retired`: the one that was found out is refused again and
    /// again.
    ///
    /// A path that a gateway has lost looks like one that is retired. To go over to generation 2 costs nothing: it shows the same accounts
    /// under the same ids, and all that generation 1 does. The other way fields would be lost, and so a person decides.
    pub fn decide(self, served: Option<Generation>, is_retired: bool) -> Result<Generation, AccountTrouble> {
        let (Some(first), Some(served)) = (self.first(), served) else {
            return served.ok_or(AccountTrouble::Unlisted);
        };
        let generations = Unserved { first, served };
        match self {
            _ if first == served => Ok(served),
            Self::Found(Generation::Gen1) if is_retired => Ok(served),
            Self::Found(Generation::Gen1) => Err(AccountTrouble::Retiring(generations)),
            Self::Found(_) | Self::Pinned(Generation::Gen2) => Err(AccountTrouble::Lacking(generations)),
            Self::Open | Self::Pinned(Generation::Gen1) => Err(AccountTrouble::Unserved(generations)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Generation::{Gen1, Gen2};

    #[test]
    fn an_account_goes_over_to_another_generation_only_where_that_loses_nothing_or_a_person_says_so() {
        let table = [
            (Choice::Open, Some(Gen2), false, Some(Gen2)),
            (Choice::Open, Some(Gen1), false, Some(Gen1)),
            (Choice::Open, None, true, None),
            (Choice::Found(Gen1), Some(Gen1), false, Some(Gen1)),
            (Choice::Found(Gen1), Some(Gen2), false, None),
            (Choice::Found(Gen1), Some(Gen2), true, Some(Gen2)),
            (Choice::Found(Gen1), None, true, None),
            (Choice::Found(Gen2), Some(Gen1), true, None),
            (Choice::Pinned(Gen1), Some(Gen2), true, None),
            (Choice::Pinned(Gen2), Some(Gen1), true, None),
            (Choice::Pinned(Gen2), Some(Gen2), false, Some(Gen2)),
        ];
        for (choice, served, is_retired, expected) in table {
            let decided = choice.decide(served, is_retired);
            assert_eq!(
                decided.as_ref().ok().copied(),
                expected,
                "{choice:?} {served:?} {is_retired}"
            );
        }
    }

    #[test]
    fn an_account_whose_generation_is_not_served_names_the_way() {
        let ways = [
            (Choice::Pinned(Gen1), Gen2, "to Auto or Gen2"),
            (Choice::Pinned(Gen2), Gen1, "to Gen1"),
            (Choice::Found(Gen2), Gen1, "to Gen1"),
            (Choice::Found(Gen1), Gen2, "goes over to Gen2"),
        ];
        for (choice, served, way) in ways {
            let trouble = choice.decide(Some(served), false).unwrap_err();
            let message = trouble.row().message;
            assert!(message.contains(way), "{choice:?}: {message}");
        }
    }
}
