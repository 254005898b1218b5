//! What a step comes upon, other than a request that failed, that ends the pass: each with its rest and its words. PURE.

use super::outcome::Outcome;
use crate::crd::ACCEPT_RESTORED_NAMESPACE_ANNOTATION;
use crate::subaccount::plan::{Block, Rest, Wait};
use crate::subaccount::store::record::Damaged;
use crate::vobiz::{AuthId, UnknownOutcome};

/// What ends a pass.
#[derive(Debug)]
pub enum Trouble {
    /// The Secret of an earlier object of this name is still being removed.
    FormerSecret(String),
    /// A pair cannot be proved: that of a disabled account is refused as any wrong one is.
    DisabledAccount,
    /// A Record cannot be read.
    DamagedRecord {
        /// What is wrong with it.
        damaged: Damaged,
        /// Name of its Secret.
        record: String,
    },
    /// Status and Record name two accounts: one of them came back from a backup, and nothing may be written over on its word.
    TurnedBack {
        /// The account that the status names.
        named: AuthId,
        /// The one that the Record holds.
        held: AuthId,
        /// Name of the Record's Secret.
        record: String,
    },
    /// An earlier object in an earlier namespace of this name left an account, and a name alone gives no right to it.
    EarlierNamespace {
        /// uid of that namespace.
        earlier: String,
        /// Name of the Account.
        account: String,
        /// Name of the Record's Secret.
        record: String,
    },
    /// An earlier object left an account of another parent account.
    OtherParent,
    /// Nobody knows what became of a create.
    Created(UnknownOutcome),
}

impl Trouble {
    fn rest(&self) -> Rest {
        match self {
            Self::FormerSecret(_) => Rest::Waiting(Wait::StillThere),
            Self::DisabledAccount | Self::DamagedRecord { .. } => Rest::Blocked(Block::CredentialsLost),
            Self::TurnedBack { .. } => Rest::Blocked(Block::AuthIdConflict),
            Self::EarlierNamespace { .. } | Self::OtherParent => Rest::Blocked(Block::OrphanFound),
            Self::Created(_) => Rest::Waiting(Wait::OutcomeUnknown),
        }
    }

    fn message(&self) -> String {
        match self {
            Self::FormerSecret(name) => {
                format!("the Secret {name} of an earlier object of this name is still being removed")
            }
            Self::DisabledAccount => {
                "the pair in the Secret cannot be proved while the subaccount is disabled: enable it at Vobiz".to_owned()
            }
            Self::DamagedRecord { damaged, record } => {
                format!("{damaged}: correct or delete the Secret {record} of the operator")
            }
            Self::TurnedBack { named, held, record } => format!(
                "status.authId names {named}, and the record {record} of the operator holds {held}: one of them is older than the other. If it is the \
                 record, delete that: it is made again from the pair in the Secret; or delete this object, which does with {held} as its \
                 deletion policy says"
            ),
            Self::EarlierNamespace { earlier, account, record } => format!(
                "an object of this name in an earlier namespace of this name left an account: put its pair into the Secret that \
                 spec.secretRef names, or have the annotation {ACCEPT_RESTORED_NAMESPACE_ANNOTATION} set to \"{earlier}\" on the Account \
                 {account} or on the record {record} of the operator; or choose another name"
            ),
            Self::OtherParent => {
                "an earlier object of this name left an account of another parent account: name an Account of it".to_owned()
            }
            Self::Created(unknown) => unknown.to_string(),
        }
    }
}

impl From<Trouble> for Outcome {
    fn from(trouble: Trouble) -> Self {
        Self {
            failed_request: matches!(trouble, Trouble::Created(_)),
            ..Self::new(trouble.rest(), trouble.message())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_trouble_names_what_a_person_can_do_and_only_an_unknown_create_was_a_failed_request() {
        let id = |id| AuthId::parse(id).unwrap();
        let record = || "the-record".to_owned();
        let blocked = Rest::Blocked;
        for (trouble, rest, words) in [
            (
                Trouble::FormerSecret("acme".to_owned()),
                Rest::Waiting(Wait::StillThere),
                "the Secret acme of an earlier object",
            ),
            (
                Trouble::DisabledAccount,
                blocked(Block::CredentialsLost),
                ": enable it at Vobiz",
            ),
            (
                Trouble::DamagedRecord {
                    damaged: Damaged { key: "phase" },
                    record: record(),
                },
                blocked(Block::CredentialsLost),
                "`phase` is missing or malformed: correct or delete the Secret the-record of the operator",
            ),
            (
                Trouble::TurnedBack {
                    named: id("SA_ONE"),
                    held: id("SA_TWO"),
                    record: record(),
                },
                blocked(Block::AuthIdConflict),
                "names SA_ONE, and the record the-record of the operator holds SA_TWO: ",
            ),
            (
                Trouble::EarlierNamespace {
                    earlier: "u-0".to_owned(),
                    account: "main".to_owned(),
                    record: record(),
                },
                blocked(Block::OrphanFound),
                "set to \"u-0\" on the Account main or on the record the-record of the operator; or choose",
            ),
            (
                Trouble::OtherParent,
                blocked(Block::OrphanFound),
                ": name an Account of it",
            ),
        ] {
            let outcome = Outcome::from(trouble);
            assert_eq!((outcome.rest, outcome.failed_request), (rest, false));
            assert!(outcome.message.contains(words), "{}", outcome.message);
        }
        let unknown = Trouble::Created(UnknownOutcome::Unanswered(crate::vobiz::Error::NotFound));
        let outcome = Outcome::from(unknown);
        assert!(outcome.failed_request && outcome.rest == Rest::Waiting(Wait::OutcomeUnknown));
    }
}
