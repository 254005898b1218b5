//! What a quorum read proves: that an object is still what a pass took it for, what became of a bind, what two lists of
//! a parent's accounts cannot have missed. PURE.

use super::facts::{Confirmation, Object};
use super::ledger::Ledger;
use std::collections::HashSet;
use std::hash::Hash;

/// What a pass believes of its object, or what a quorum read of it shows.
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent marks of one object; each pair of values can occur"
)]
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Seen<Id> {
    /// It is being deleted.
    pub deleting: bool,
    /// Our finalizer is on it.
    pub finalizer: bool,
    /// The account that its status names.
    pub identity: Option<Id>,
    /// It may take over what an earlier object of its name left.
    pub reclaim: bool,
    /// Its account is only looked at.
    pub observes: bool,
}

/// Whether the object is still what the pass took it for. `found` is what a quorum read of this very uid shows.
#[must_use]
pub fn confirm<Id: PartialEq>(object: Object, believed: &Seen<Id>, found: Option<&Seen<Id>>) -> Confirmation {
    let confirmed = match (object, found) {
        (_, None) => false,
        (Object::Unseen, Some(_)) => true,
        (Object::Deleting, Some(found)) => found.deleting && found.observes == believed.observes,
        (Object::Live, Some(found)) => {
            !found.deleting
                && found.finalizer
                && found.identity == believed.identity
                && found.reclaim == believed.reclaim
                && found.observes == believed.observes
        }
    };
    if confirmed {
        Confirmation::Confirmed
    } else {
        Confirmation::Refuted
    }
}

/// What a quorum read of the Record says about a bind that failed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Bind {
    /// The pair is there: the write was carried out.
    Done,
    /// The attempt was fenced: its account is ours to delete.
    Fenced,
    /// The Record is gone or another one, which proves nothing: the account is reported, not deleted.
    Lost,
    /// Still open with our epoch: try again.
    Again,
}

/// What became of a bind of `made` under the ledger that this pass had `claimed`.
#[must_use]
pub fn bind<Series: Copy + PartialEq, Id: PartialEq, Token, Generation>(
    claimed: &Ledger<Series, Id, Token, Generation>,
    made: &Id,
    found: Option<&Ledger<Series, Id, Token, Generation>>,
) -> Bind {
    match found {
        None => Bind::Lost,
        Some(found) if found.auth_id.as_ref() == Some(made) => Bind::Done,
        Some(found) if found.series != claimed.series => Bind::Lost,
        Some(found) if found.fenced_through >= claimed.epoch => Bind::Fenced,
        Some(_) => Bind::Again,
    }
}

/// Whether two lists together missed nothing: pages shift while accounts come and go, so one list proves no absence.
///
/// No id stands twice in the first, and the second shows all of the first. What the first list skipped, it skipped
/// because an account that it had shown was deleted before it ended, and the second list lacks that one. A proof that it is gone
/// tells nothing about when it went, and so does not count.
#[must_use]
pub fn misses_nothing<Id: Eq + Hash>(first: &[Id], second: &[Id]) -> bool {
    let mut seen = HashSet::with_capacity(first.len());
    let no_duplicate = first.iter().all(|id| seen.insert(id));
    let second: HashSet<_> = second.iter().collect();
    no_duplicate && first.iter().all(|id| second.contains(id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::Decision;

    type Small = Ledger<u8, u8, u8, u8>;

    const SEEN: Seen<u8> = Seen {
        deleting: false,
        finalizer: true,
        identity: None,
        reclaim: false,
        observes: false,
    };

    #[test]
    fn a_living_object_is_confirmed_only_if_nothing_that_the_pass_relies_on_has_changed() {
        assert_eq!(confirm(Object::Live, &SEEN, Some(&SEEN)), Confirmation::Confirmed);
        let changed = [
            Seen {
                deleting: true,
                ..SEEN
            },
            Seen {
                finalizer: false,
                ..SEEN
            },
            Seen {
                identity: Some(1),
                ..SEEN
            },
            Seen {
                reclaim: true,
                ..SEEN
            },
            Seen {
                observes: true,
                ..SEEN
            },
        ];
        for found in changed {
            assert_eq!(
                confirm(Object::Live, &SEEN, Some(&found)),
                Confirmation::Refuted,
                "{found:?}"
            );
        }
        for object in [Object::Live, Object::Deleting, Object::Unseen] {
            assert_eq!(
                confirm(object, &SEEN, None),
                Confirmation::Refuted,
                "{object:?} is gone"
            );
        }
    }

    #[test]
    fn only_a_record_of_the_same_series_that_fences_the_epoch_makes_a_created_account_ours_to_delete() {
        let claimed = Small::open(7, 1);
        let table = [
            (None, Bind::Lost),
            (Some(claimed), Bind::Again),
            (Some(claimed.bound(1, 1)), Bind::Done),
            (Some(claimed.taken_over(1)), Bind::Fenced),
            (
                Some(claimed.closed(Decision::Delete { cascade: false }, None)),
                Bind::Fenced,
            ),
            (Some(Small::open(8, 1).taken_over(1)), Bind::Lost),
            (Some(claimed.taken_over(1).bound(2, 2)), Bind::Fenced),
        ];
        for (found, expected) in table {
            assert_eq!(bind(&claimed, &1, found.as_ref()), expected, "{found:?}");
        }
    }

    #[test]
    fn two_lists_prove_an_absence_only_if_nothing_can_have_slipped_between_their_pages() {
        let table: [(&[u8], &[u8], bool); 6] = [
            (&[], &[], true),
            (&[1, 2], &[2, 1], true),
            (&[1], &[1, 9], true),
            (&[1, 2], &[1], false),
            (&[1, 1], &[1], false),
            (&[1], &[1, 1], true),
        ];
        for (first, second, expected) in table {
            assert_eq!(misses_nothing(first, second), expected, "{first:?} {second:?}");
        }
    }
}
