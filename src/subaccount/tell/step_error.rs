//! What a step comes upon, other than a request that failed, that ends the pass: each with its rest and its words. PURE.

use super::outcome::Outcome;
use crate::crd::ACCEPT_RESTORED_NAMESPACE_ANNOTATION;
use crate::subaccount::plan::{Block, Rest, Wait};
use crate::subaccount::store::record::Damaged;
use crate::vobiz::{AuthId, UnknownOutcome};

/// What ends a pass.
#[derive(Debug)]
pub enum StepError {
    /// The Secret of an earlier object of this name is still being removed.
    FormerSecret(String),
    /// A pair cannot be proved: that of a disabled subaccount is refused as any wrong one is.
    DisabledRemote,
    /// A Record cannot be read.
    DamagedRecord {
        /// What is wrong with it.
        damaged: Damaged,
        /// Name of its Secret.
        name: String,
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
        /// Kind and name of the Account.
        account: String,
        /// Name of the Record's Secret.
        record: String,
    },
    /// An earlier object left an account of another parent account.
    OtherParent,
    /// Nobody knows what became of a create.
    Created(UnknownOutcome),
}

impl From<StepError> for Outcome {
    fn from(error: StepError) -> Self {
        let failed_request = matches!(error, StepError::Created(_));
        let (rest, message) = match error {
            StepError::FormerSecret(name) => (
                Rest::Waiting(Wait::StillThere),
                format!("the Secret {name} of an earlier object of this name is still being removed"),
            ),
            StepError::DisabledRemote => (
                Rest::Blocked(Block::CredentialsLost),
                "the pair in the Secret cannot be proved while the subaccount is disabled: enable it at Vobiz".to_owned(),
            ),
            StepError::DamagedRecord { damaged, name } => (
                Rest::Blocked(Block::CredentialsLost),
                format!("{damaged}: correct or delete the Secret {name} of the operator"),
            ),
            StepError::TurnedBack { named, held, record } => (
                Rest::Blocked(Block::AuthIdConflict),
                format!(
                    "status.authId names {named}, and the record {record} of the operator holds {held}: one of them is older than the \
                     other. If it is the record, delete that: it is made again from the pair in the Secret; or delete this object, which \
                     does with {held} as its deletion policy says"
                ),
            ),
            StepError::EarlierNamespace { earlier, account, record } => (
                Rest::Blocked(Block::OrphanFound),
                format!(
                    "an object of this name in an earlier namespace of this name left an account: put its pair into the Secret that \
                     spec.secretRef names, or have the annotation {ACCEPT_RESTORED_NAMESPACE_ANNOTATION} set to \"{earlier}\" on the \
                     {account} or on the record {record} of the operator; or choose another name"
                ),
            ),
            StepError::OtherParent => (
                Rest::Blocked(Block::OrphanFound),
                "an earlier object of this name left an account of another parent account: name an Account of it".to_owned(),
            ),
            StepError::Created(unknown) => (Rest::Waiting(Wait::OutcomeUnknown), unknown.to_string()),
        };
        Self {
            failed_request,
            ..Self::new(rest, message)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_error_names_what_a_person_can_do_and_only_an_unknown_create_was_a_failed_request() {
        let id = |id| AuthId::parse(id).unwrap();
        let record = || "the-record".to_owned();
        let blocked = Rest::Blocked;
        for (error, rest, words) in [
            (
                StepError::FormerSecret("acme".to_owned()),
                Rest::Waiting(Wait::StillThere),
                "the Secret acme of an earlier object",
            ),
            (
                StepError::DisabledRemote,
                blocked(Block::CredentialsLost),
                ": enable it at Vobiz",
            ),
            (
                StepError::DamagedRecord {
                    damaged: Damaged { key: "phase" },
                    name: record(),
                },
                blocked(Block::CredentialsLost),
                "`phase` is missing or malformed: correct or delete the Secret the-record of the operator",
            ),
            (
                StepError::TurnedBack {
                    named: id("SA_ONE"),
                    held: id("SA_TWO"),
                    record: record(),
                },
                blocked(Block::AuthIdConflict),
                "names SA_ONE, and the record the-record of the operator holds SA_TWO: ",
            ),
            (
                StepError::EarlierNamespace {
                    earlier: "u-0".to_owned(),
                    account: "Account main".to_owned(),
                    record: record(),
                },
                blocked(Block::OrphanFound),
                "set to \"u-0\" on the Account main or on the record the-record of the operator; or choose",
            ),
            (
                StepError::OtherParent,
                blocked(Block::OrphanFound),
                ": name an Account of it",
            ),
        ] {
            let outcome = Outcome::from(error);
            assert_eq!((outcome.rest, outcome.failed_request), (rest, false));
            assert!(outcome.message.contains(words), "{}", outcome.message);
        }
        let unknown = StepError::Created(UnknownOutcome::Unanswered(crate::vobiz::Error::NotFound));
        let outcome = Outcome::from(unknown);
        assert!(outcome.failed_request && outcome.rest == Rest::Waiting(Wait::OutcomeUnknown));
    }
}
