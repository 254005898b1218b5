//! What the caller may see of a cluster and of Vobiz. What they may not see is said, with the right that is missing.

pub mod account;
pub mod accounts;
pub mod clock;
pub mod objects;
pub mod pages;
pub mod parent;
pub mod records;
pub mod sights;

use super::failure::Failure;
use crate::controller::cluster::ClusterError;

/// What was looked at, or why the caller could not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen<T> {
    /// This is there.
    Shown(T),
    /// The caller may not see it: what that is.
    Hidden(String),
}

impl<T> Seen<T> {
    /// What came of a request for `what`; only a missing right is no failure.
    pub fn of(what: &str, answer: Result<T, ClusterError>) -> Result<Self, Failure> {
        match answer {
            Ok(found) => Ok(Self::Shown(found)),
            Err(error) if error.is_forbidden() => Ok(Self::Hidden(format!("{what}: you may not read it"))),
            Err(error) => Err(Failure::of_cluster(what, &error)),
        }
    }

    /// What is there, as far as it is shown.
    pub fn shown(&self) -> Option<&T> {
        match self {
            Self::Shown(found) => Some(found),
            Self::Hidden(_) => None,
        }
    }
}
