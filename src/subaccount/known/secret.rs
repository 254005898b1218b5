//! The user's Secret and the pair in it, as a pass knows them. PURE.

use crate::controller::field_managers::FieldManager;
use crate::controller::versioned::Versioned;
use crate::vobiz::{self, Credentials};
use k8s_openapi::api::core::v1::Secret;
use vobiz_protocol::facts::{Evidence, UserSecret};

/// The user's Secret.
#[derive(Clone, Debug)]
pub enum KnownSecret {
    /// Not read, and it need not be in this pass.
    NotDue,
    /// Not read.
    Unread,
    /// There is none.
    Absent,
    /// It is as it should be, or is left as it is for now.
    Good,
    /// It is ours, or may be, and is not as it should be.
    Different(Box<ReadSecret>),
    /// Somebody else's.
    Foreign,
    /// It is to be written, and Kubernetes refuses to store it.
    Refused,
    /// Somebody keeps changing it, and it does not hold the pair, or will not for long.
    Contested,
}

/// A Secret of the user's that may be written over.
#[derive(Clone, Debug)]
pub struct ReadSecret {
    /// As read.
    pub secret: Versioned<Secret>,
    /// Who wrote it, where that was asked.
    pub managers: Vec<FieldManager>,
    /// The account in it is gone: nothing that it holds can be lost.
    pub is_dead: bool,
}

/// The Secret of an earlier `secretRef`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FormerSecret {
    /// Not looked at.
    Unseen,
    /// It is not there, or not ours.
    Gone,
    /// Kubernetes refuses to have it removed.
    Refused,
}

/// A pair that is not the Record's.
#[derive(Clone, Debug)]
pub enum KnownPair {
    /// Not looked at.
    Unread,
    /// There is none.
    Nothing,
    /// It stands in the user's Secret; Vobiz was not asked about it yet.
    Claimed(Credentials),
    /// One stands there, and proves nothing.
    Disproved,
    /// It works, or Vobiz showed it. With it: the account, as far as that was shown.
    Proven(Credentials, Option<Box<vobiz::Subaccount>>),
}

impl KnownSecret {
    /// What `plan` is told of it.
    #[must_use]
    pub fn fact(&self) -> UserSecret {
        match self {
            Self::NotDue => UserSecret::NotDue,
            Self::Unread => UserSecret::Unread,
            Self::Absent => UserSecret::Absent,
            Self::Good => UserSecret::Good,
            Self::Different(_) => UserSecret::Different,
            Self::Foreign => UserSecret::Foreign,
            Self::Refused => UserSecret::Refused,
            Self::Contested => UserSecret::Contested,
        }
    }

    /// The Secret, if it may be written over.
    #[must_use]
    pub fn read(&self) -> Option<&ReadSecret> {
        match self {
            Self::Different(read) => Some(read),
            _ => None,
        }
    }
}

impl KnownPair {
    /// What `plan` is told of it.
    #[must_use]
    pub fn fact(&self) -> Evidence {
        match self {
            Self::Unread => Evidence::Unread,
            Self::Nothing | Self::Disproved => Evidence::Nothing,
            Self::Claimed(_) => Evidence::Claimed,
            Self::Proven(..) => Evidence::Proven,
        }
    }
}
