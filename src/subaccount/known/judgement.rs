//! Whose an account was found to be that an object names. PURE.

use crate::subaccount::tell::Conflict;
use crate::vobiz;

/// Whose the account is that the status names.
#[derive(Clone, Debug)]
pub struct Judgement {
    /// Who else keeps it; none: it is this object's.
    pub conflict: Option<Conflict>,
    /// Others are about to keep it, and give way to this object.
    pub is_contested: bool,
    /// Vobiz knows no such account, and it is to be there already.
    pub is_missing: bool,
    /// It does not carry this installation's mark: only its pair takes it over.
    pub is_unmarked: bool,
    /// What it shows, if Vobiz was asked for it.
    pub account: Option<vobiz::Subaccount>,
}

impl Judgement {
    /// Of an account that nobody need be asked about.
    #[must_use]
    pub fn without_look(conflict: Option<Conflict>) -> Self {
        Self {
            conflict,
            is_contested: false,
            is_missing: false,
            is_unmarked: false,
            account: None,
        }
    }
}
