//! What no object keeps, as it is told. PURE.

use serde::Serialize;

/// What it is: what needs a person first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum What {
    /// An account with this installation's marker that no Record knows.
    OrphanedAccount,
    /// A Record that holds an account, and whose object went without proof.
    OrphanedRecord,
    /// A Record that cannot be read.
    DamagedRecord,
    /// A Record of a gone object whose end is still to be proved.
    PendingRecord,
    /// An account of an attempt that its Record has given up.
    Leftover,
    /// A Record whose object is gone, and whose account stays by policy.
    KeptRecord,
    /// An account that nothing here made, names or holds.
    UnownedAccount,
}

impl What {
    /// Every one.
    pub const ALL: [Self; 7] = [
        Self::OrphanedAccount,
        Self::OrphanedRecord,
        Self::DamagedRecord,
        Self::PendingRecord,
        Self::Leftover,
        Self::KeptRecord,
        Self::UnownedAccount,
    ];

    /// As the runbook calls it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OrphanedAccount => "OrphanedAccount",
            Self::OrphanedRecord => "OrphanedRecord",
            Self::DamagedRecord => "DamagedRecord",
            Self::PendingRecord => "PendingRecord",
            Self::Leftover => "Leftover",
            Self::KeptRecord => "KeptRecord",
            Self::UnownedAccount => "UnownedAccount",
        }
    }
}

/// Whether the list of the parent account shows an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum AtVobiz {
    /// It does.
    Shown,
    /// It does not.
    Absent,
}

impl AtVobiz {
    /// As it is printed.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Shown => "Shown",
            Self::Absent => "Absent",
        }
    }
}

/// Something that no object keeps. Never holds a token.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Orphan {
    /// What it is.
    pub what: What,
    /// Namespace and name of the object that its Record served; else the account's name at Vobiz.
    pub name: String,
    /// The account at Vobiz; none of a Record that holds none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth_id: Option<String>,
    /// The parent account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// Kind and name of the Account through which the parent account was seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// The Secret, in the operator's namespace, that is its Record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub record: Option<String>,
    /// Whether Vobiz shows the account; none if nobody has looked, or there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_vobiz: Option<AtVobiz>,
    /// What it means and what may be done, in the runbook's words.
    pub what_to_do: String,
}

/// All that was found, and what was not seen.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// What no object keeps: what needs a person first.
    pub orphans: Vec<Orphan>,
    /// How many accounts carry the marker of another installation.
    pub of_other_installations: usize,
    /// What could not be seen, and what cannot be told therefore.
    pub unseen: Vec<String>,
}
