//! What it means that an account shows no permissions: it has its parent's, which the API shows nowhere. PURE.

use crate::vobiz::{AuthId, Fields, Permissions, Subaccount};
use std::collections::HashSet;

/// What is known of a parent's permissions, from how the API answers when an account is given the same ones.
#[derive(Debug, Default)]
pub struct Inherited {
    learned: Option<Permissions>,
    /// Accounts that showed permissions of their own, and show none now: somebody took them off.
    taken_off: HashSet<AuthId>,
}

impl Inherited {
    /// Takes in what the API made of a request: permissions that were sent and are stored as none are the parent's. Where two
    /// different ones were, the API rather keeps none at all, and the first word stands.
    pub fn learn(&mut self, sent: &Fields, shown: &Subaccount) {
        let Some(sent) = sent.permissions else { return };
        match shown.fields.permissions {
            None => {
                self.learned.get_or_insert(sent);
                self.taken_off.remove(&shown.auth_id);
            }
            Some(own) if self.learned.is_some_and(|learned| own == learned) => self.learned = None,
            Some(_) => {}
        }
    }

    /// Takes in how an account shows itself, after how it did before.
    pub fn note(&mut self, before: Option<&Subaccount>, now: &Subaccount) {
        if now.fields.permissions.is_some() {
            self.taken_off.remove(&now.auth_id);
        } else if before.is_some_and(|before| before.fields.permissions.is_some()) {
            self.taken_off.insert(now.auth_id.clone());
        }
    }

    /// Forgets the accounts that are gone.
    pub fn keep(&mut self, lives: impl Fn(&AuthId) -> bool) {
        self.taken_off.retain(|id| lives(id));
    }

    /// What an account that shows no permissions has, as far as is known: where nobody knows the parent's, one that was `applied`
    /// has what it was given.
    #[must_use]
    pub fn of(&self, id: &AuthId, asked: Option<Permissions>, applied: bool) -> Option<Permissions> {
        self.learned
            .or_else(|| asked.filter(|_| applied && !self.taken_off.contains(id)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Permissions = Permissions {
        calls: Some(true),
        cdr: Some(true),
    };
    const NONE: Permissions = Permissions {
        calls: Some(false),
        cdr: Some(false),
    };

    fn remote(permissions: Option<Permissions>) -> Subaccount {
        let fields = Fields {
            permissions,
            ..Fields::default()
        };
        Subaccount::new(AuthId::parse("SA_ONE").unwrap(), fields)
    }

    fn sent(permissions: Permissions) -> Fields {
        Fields {
            permissions: Some(permissions),
            ..Fields::default()
        }
    }

    #[test]
    fn permissions_that_are_stored_as_none_are_the_parents_and_others_are_not() {
        let (mut inherited, id) = (Inherited::default(), remote(None).auth_id);
        assert_eq!(inherited.of(&id, Some(ALL), false), None, "nobody knows yet");
        inherited.learn(&sent(ALL), &remote(None));
        assert_eq!(inherited.of(&id, Some(ALL), false), Some(ALL));
        assert_eq!(inherited.of(&id, Some(NONE), true), Some(ALL));
        inherited.learn(&sent(NONE), &remote(None));
        assert_eq!(
            inherited.of(&id, Some(NONE), false),
            Some(ALL),
            "the API keeps none at all"
        );
        inherited.learn(&sent(ALL), &remote(Some(ALL)));
        assert_eq!(
            inherited.of(&id, Some(NONE), false),
            None,
            "the parent has others now"
        );
    }

    #[test]
    fn what_was_applied_counts_as_kept_unless_it_was_seen_to_be_taken_off() {
        let (mut inherited, id) = (Inherited::default(), remote(None).auth_id);
        inherited.note(None, &remote(None));
        assert_eq!(inherited.of(&id, Some(NONE), true), Some(NONE), "after a restart");
        inherited.note(Some(&remote(Some(NONE))), &remote(None));
        assert_eq!(inherited.of(&id, Some(NONE), true), None, "somebody took it off");
        inherited.note(Some(&remote(None)), &remote(None));
        assert_eq!(inherited.of(&id, Some(NONE), true), None, "and it is still off");
        inherited.note(Some(&remote(None)), &remote(Some(NONE)));
        assert_eq!(inherited.of(&id, Some(NONE), true), Some(NONE));
    }
}
