//! Every trouble of an Account, and all that is told of each or follows from it: one row for one trouble. PURE.

use crate::account::parent::listing::{Flaw, SweepError};
use crate::controller::refusal::Refusal;
use crate::crd::CONFIRM_MASS_DELETION_ANNOTATION;
use crate::crd::condition::{ConditionType, Reason};
use crate::vobiz::{Error, Generation, InvalidCredentials, ParentAuthId};
use std::fmt;

/// A trouble of the parent account, of the way there, or of what Kubernetes keeps for it. It is told on the Account, once for
/// all its Subaccounts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum AccountTrouble {
    /// Vobiz has not answered yet whether the pair works.
    PairAwaited,
    /// Nor what the list shows.
    ListAwaited,
    /// There is no Secret of this name.
    SecretMissing(String),
    /// The Secret of this name holds no pair.
    SecretInvalid(String, InvalidCredentials),
    /// Vobiz does not know the pair.
    PairRefused,
    /// The pair is of another parent than the one that Subaccounts live under.
    ParentChanged {
        /// The other one, as far as it is known to be an id.
        found: Option<ParentAuthId>,
        /// The one that they live under.
        recorded: ParentAuthId,
    },
    /// The parent may not do this: Vobiz answers 403.
    Inactive(Error),
    /// The pair works, and no list answers.
    Unlisted,
    /// The list in use is not served, and this newer one is: the Account goes over by itself if that lasts.
    Retiring(Unserved),
    /// As above, but a person decides: the one that is served lacks fields.
    Lacking(Unserved),
    /// As above, but the spec must allow the one that is served, which lacks nothing.
    Unserved(Unserved),
    /// Vobiz answered 402.
    LowBalance,
    /// Too many accounts read absent at once; a person confirms them by this token.
    MassDeletion(String),
    /// Vobiz answered 429.
    RateLimited,
    /// The list could not be read.
    Unavailable(SweepError),
    /// Kubernetes refuses this.
    Refused(Act, Refusal),
    /// The API server failed this: what it says.
    Failed(Act, String),
}

/// Generations of the API.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Unserved {
    /// The one in use, which is not served.
    pub first: Generation,
    /// The one that is served.
    pub served: Generation,
}

/// What a pass over an Account does in Kubernetes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Act {
    /// Puts the mark on the Account, or takes it off.
    MarkAccount,
    /// Reads the pair.
    ReadSecret,
    /// Takes the mark off the Secret that the Account named before.
    ReleaseFormerSecret,
    /// Has the status name the Secret that is to be marked.
    NameSecret,
    /// Puts the mark on the Secret.
    MarkSecret,
    /// Tells what the pass found.
    WriteStatus,
    /// Takes both marks off.
    Release,
}

/// What is told of a trouble, and what follows from it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TroubleRow {
    /// Reason of the conditions, and of the event.
    pub reason: Reason,
    /// The condition beside Ready.
    pub second: Option<ConditionType>,
    /// Whether an event tells it, when it is new.
    pub is_news: bool,
    /// What may still be asked of Vobiz.
    pub way: Way,
    /// When the Account is looked at again, if nothing happens before.
    pub again: Again,
    /// What it is, and what to do.
    pub message: String,
}

/// What may be asked of Vobiz for Subaccounts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Way {
    /// Nothing.
    Closed,
    /// All but creates; whether the pair works is asked anew by the next pass.
    Doubted,
    /// The pair works and the list answers. What is held back nevertheless is decided for each Subaccount.
    Open,
}

/// When an Account in trouble is looked at again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Again {
    /// When it would be without the trouble: with the next list.
    AsUsual,
    /// After pauses that grow.
    EverMoreRarely,
    /// Whichever of both is sooner.
    Sooner,
}

impl AccountTrouble {
    /// What it means for the Account that its pair was tried, and the request failed.
    #[must_use]
    pub fn of_pair(error: SweepError) -> Self {
        match error {
            SweepError::List(Error::Unauthorized) => Self::PairRefused,
            error => Self::of_request(error),
        }
    }

    /// What it means for the Account that a request for itself failed.
    #[must_use]
    pub fn of_request(error: SweepError) -> Self {
        match error {
            SweepError::List(error @ Error::Forbidden { .. }) => Self::Inactive(error),
            SweepError::List(Error::InsufficientBalance) => Self::LowBalance,
            SweepError::List(Error::RateLimited { .. }) => Self::RateLimited,
            error => Self::Unavailable(error),
        }
    }

    /// Its row.
    #[must_use]
    pub fn row(&self) -> TroubleRow {
        match self {
            Self::PairAwaited => awaited(
                "the credentials are being tried, as fast as spec.rateLimit allows and one pair after the other",
            ),
            Self::ListAwaited => awaited(
                "the list of subaccounts is being read, page by page, as fast as the parent account's rate limit allows",
            ),
            Self::SecretMissing(name) => {
                missing(format!("create the Secret {name} with the parent account's pair"))
            }
            Self::SecretInvalid(name, error) => missing(format!("correct the Secret {name}: {error}")),
            Self::PairRefused => stalled(
                Reason::Unauthorized,
                "Vobiz refuses the parent account's credentials: correct the Secret, or name another one in \
                 spec.credentialsSecretRef",
            ),
            Self::ParentChanged { found, recorded } => {
                let found = found.as_ref().map_or("another account", ParentAuthId::as_str);
                stalled(
                    Reason::ParentChanged,
                    format!(
                        "the credentials now belong to {found}, but Subaccounts of this Account live under {recorded}: put the \
                         credentials of {recorded} back, or make another Account for {found}"
                    ),
                )
            }
            Self::Inactive(error) => stalled(
                Reason::Forbidden,
                format!("{error}: is the parent account active?"),
            ),
            Self::Unlisted => stalled(
                Reason::Forbidden,
                "the credentials work, but the parent account may not list its subaccounts: check spec.apiGeneration and \
                 the rights of the parent account",
            ),
            Self::Retiring(Unserved { first, served }) => stalled(
                Reason::Forbidden,
                format!(
                    "Vobiz does not serve the list of {first}, which this Account uses, and serves {served}: if that lasts, the \
                     Account goes over to {served}, and its Subaccounts with it"
                ),
            ),
            Self::Lacking(Unserved { first, served }) => stalled(
                Reason::Forbidden,
                format!(
                    "the credentials work, but Vobiz does not serve the list of {first}, and serves {served}: if that lasts, set \
                     spec.apiGeneration to {served}; existing Subaccounts keep their ids and pairs, and what {served} has no \
                     field for must then leave their specs"
                ),
            ),
            Self::Unserved(Unserved { first, served }) => stalled(
                Reason::Forbidden,
                format!(
                    "the credentials work, but Vobiz does not serve the list of {first}, and serves {served}: set \
                     spec.apiGeneration to Auto or {served}; existing Subaccounts keep their ids and pairs"
                ),
            ),
            Self::LowBalance => TroubleRow {
                way: Way::Doubted,
                ..stalled(
                    Reason::InsufficientBalance,
                    "the parent account's balance is too low to create subaccounts: top it up",
                )
            },
            // The list is read at its usual pace: it may show them again.
            Self::MassDeletion(token) => TroubleRow {
                way: Way::Open,
                again: Again::AsUsual,
                ..stalled(
                    Reason::MassDeletionSuspected,
                    format!(
                        "more than a tenth of the subaccounts that should exist are missing from the parent account's list: none \
                         is created or deleted until they are listed again, or until a person confirms that they are gone by \
                         setting the annotation {CONFIRM_MASS_DELETION_ANNOTATION} to \"{token}\" on this Account"
                    ),
                )
            },
            // The gate knows how long Vobiz asked us to stay away, unless another Account's pass has heard it.
            Self::RateLimited => TroubleRow {
                again: Again::Sooner,
                ..retried(
                    Reason::RateLimited,
                    "Vobiz asked to slow down; every request of this parent account waits",
                )
            },
            Self::Unavailable(error) => retried(Reason::VobizUnavailable, error.to_string()),
            Self::Refused(act, refusal) => {
                let message = format!("failed to {act}: {refusal}");
                if refusal.request.verb.is_write() {
                    kubernetes(Reason::WriteRefused, true, message)
                } else {
                    kubernetes(Reason::ProgressingWithRetry, false, message)
                }
            }
            Self::Failed(act, error) => kubernetes(
                Reason::ProgressingWithRetry,
                false,
                format!("failed to {act}: {error}; it is tried again"),
            ),
        }
    }
}

/// Nothing changes before a person acts.
fn stalled(reason: Reason, message: impl Into<String>) -> TroubleRow {
    TroubleRow {
        reason,
        second: Some(ConditionType::Stalled),
        is_news: true,
        way: Way::Closed,
        again: Again::EverMoreRarely,
        message: message.into(),
    }
}

/// It is tried again by itself.
fn retried(reason: Reason, message: impl Into<String>) -> TroubleRow {
    TroubleRow {
        second: Some(ConditionType::Reconciling),
        ..stalled(reason, message)
    }
}

/// Its end wakes the Account.
fn awaited(message: &str) -> TroubleRow {
    TroubleRow {
        is_news: false,
        again: Again::AsUsual,
        ..retried(Reason::Progressing, message)
    }
}

/// Arrives by itself when another tool writes the Secret: neither progress of ours nor a failure.
fn missing(message: String) -> TroubleRow {
    TroubleRow {
        second: None,
        ..stalled(Reason::CredentialsMissing, message)
    }
}

/// Whatever Kubernetes keeps from us, the pair works, and the list is read at its usual pace. What is merely tried again is no news.
fn kubernetes(reason: Reason, is_news: bool, message: String) -> TroubleRow {
    TroubleRow {
        is_news,
        way: Way::Open,
        again: Again::Sooner,
        ..retried(reason, message)
    }
}

impl fmt::Display for Act {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::MarkAccount => "mark the Account as in use",
            Self::ReadSecret => "read the credentials Secret",
            Self::ReleaseFormerSecret => "let the former credentials Secret go",
            Self::NameSecret => "name the credentials Secret in the Account's status",
            Self::MarkSecret => "mark the credentials Secret as in use",
            Self::WriteStatus => "write the Account's status",
            Self::Release => "let the Account and its credentials Secret go",
        })
    }
}

impl fmt::Display for SweepError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("failed to list the subaccounts: ")?;
        match self {
            Self::List(error) => write!(formatter, "{error}"),
            Self::Flawed(Flaw::Incomplete) => formatter.write_str("the list is incomplete"),
            Self::Flawed(Flaw::Repeating) => formatter.write_str(
                "page after page shows the same accounts: does a gateway on the way drop the query?",
            ),
            Self::Flawed(Flaw::Endless(entries)) => {
                write!(
                    formatter,
                    "there is no end of it after {entries} entries: if there really are more subaccounts, divide them among parent \
                     accounts"
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::controller::denier::Denier;
    use crate::controller::refusal::{ClusterRequest, Verb};
    use crate::crd::event::EventReason;
    use crate::crd::vocabulary::OF_ACCOUNT;
    use crate::vobiz::InvalidValue;
    use std::collections::BTreeSet;

    /// One of each; whoever adds a trouble is sent here.
    fn all() -> Vec<AccountTrouble> {
        let generations = Unserved {
            first: Generation::Gen1,
            served: Generation::Gen2,
        };
        let refused = |verb| {
            let request = ClusterRequest::new(verb, "/api/v1/namespaces/dev/secrets", "pair");
            let by = Denier::Quota("no-secrets".to_owned());
            AccountTrouble::Refused(Act::MarkSecret, Refusal { request, by })
        };
        let all = vec![
            AccountTrouble::PairAwaited,
            AccountTrouble::ListAwaited,
            AccountTrouble::SecretMissing("pair".to_owned()),
            AccountTrouble::SecretInvalid(
                "pair".to_owned(),
                InvalidCredentials {
                    key: "auth_id".to_owned(),
                    problem: InvalidValue::Missing,
                },
            ),
            AccountTrouble::PairRefused,
            AccountTrouble::ParentChanged {
                found: None,
                recorded: ParentAuthId::parse("MA_PARENT").unwrap(),
            },
            AccountTrouble::Inactive(Error::Forbidden { code: None }),
            AccountTrouble::Unlisted,
            AccountTrouble::Retiring(generations),
            AccountTrouble::Lacking(generations),
            AccountTrouble::Unserved(generations),
            AccountTrouble::LowBalance,
            AccountTrouble::MassDeletion("1234".to_owned()),
            AccountTrouble::RateLimited,
            AccountTrouble::Unavailable(SweepError::Flawed(Flaw::Repeating)),
            refused(Verb::Update),
            refused(Verb::Get),
            AccountTrouble::Failed(Act::WriteStatus, "no answer".to_owned()),
        ];
        for trouble in &all {
            match trouble {
                AccountTrouble::PairAwaited
                | AccountTrouble::ListAwaited
                | AccountTrouble::SecretMissing(_)
                | AccountTrouble::SecretInvalid(..)
                | AccountTrouble::PairRefused
                | AccountTrouble::ParentChanged { .. }
                | AccountTrouble::Inactive(_)
                | AccountTrouble::Unlisted
                | AccountTrouble::Retiring(_)
                | AccountTrouble::Lacking(_)
                | AccountTrouble::Unserved(_)
                | AccountTrouble::LowBalance
                | AccountTrouble::MassDeletion(_)
                | AccountTrouble::RateLimited
                | AccountTrouble::Unavailable(_)
                | AccountTrouble::Refused(..)
                | AccountTrouble::Failed(..) => {}
            }
        }
        all
    }

    #[test]
    fn the_runbook_has_a_row_for_every_reason_of_a_trouble_and_for_no_other() {
        let runbook = std::fs::read_to_string(concat!(env!("REPOSITORY"), "/docs/runbook.md")).unwrap();
        let (_, section) = runbook.split_once("\n## An Account is in trouble\n").unwrap();
        let section = section.split("\n##").next().unwrap();
        let cells = section
            .lines()
            .filter_map(|line| line.strip_prefix("| `")?.split('`').next());
        let explained: BTreeSet<&str> = cells.collect();
        // An Account that cannot be read has no pass that could tell it.
        let told = all().into_iter().map(|trouble| trouble.row().reason);
        let told: BTreeSet<&str> = told.chain([Reason::Unsupported]).map(Reason::as_str).collect();
        assert_eq!(told, explained);
    }

    #[test]
    fn the_table_of_conditions_has_every_reason_of_a_trouble_and_of_health_and_no_other() {
        let mut told: BTreeSet<(Option<ConditionType>, Reason)> = all()
            .iter()
            .map(AccountTrouble::row)
            .map(|row| (row.second, row.reason))
            .collect();
        told.insert((Some(ConditionType::Stalled), Reason::Unsupported));
        told.insert((Some(ConditionType::Reconciling), Reason::Deleting));
        told.insert((None, Reason::Available));
        for second in [ConditionType::Stalled, ConditionType::Reconciling] {
            let expected: BTreeSet<Reason> = told
                .iter()
                .filter(|(kind, _)| *kind == Some(second))
                .map(|(_, reason)| *reason)
                .collect();
            assert_eq!(reasons(|kind| kind == second), expected, "{second}");
        }
        let expected: BTreeSet<Reason> = told.iter().map(|(_, reason)| *reason).collect();
        assert_eq!(reasons(|kind| kind == ConditionType::Ready), expected);
    }

    fn reasons(of: impl Fn(ConditionType) -> bool) -> BTreeSet<Reason> {
        let said = OF_ACCOUNT.iter().filter(|said| of(said.kind));
        said.flat_map(|said| said.reasons.iter().copied()).collect()
    }

    #[test]
    fn what_a_person_must_end_is_told_by_an_event_and_what_ends_by_itself_is_not_stalled() {
        for trouble in all() {
            let row = trouble.row();
            let is_stalled = row.second == Some(ConditionType::Stalled);
            assert!(row.is_news || !is_stalled, "{trouble:?}");
            assert!(
                row.is_news || row.second == Some(ConditionType::Reconciling),
                "{trouble:?}"
            );
            assert!(
                !row.is_news || EventReason::of(row.reason).is_some(),
                "{trouble:?}"
            );
            assert!(
                !row.message.is_empty() && !row.message.ends_with('.'),
                "{trouble:?}"
            );
        }
    }
}
