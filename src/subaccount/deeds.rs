//! What a pass did that a status does not show. PURE.

use crate::vobiz::AuthId;

/// What a pass did that a status does not show.
#[expect(clippy::struct_excessive_bools, reason = "deeds of one pass, each by itself")]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Deeds {
    /// The user's Secret was written again after it had been published.
    pub secret_restored: bool,
    /// Names of the fields that were updated; empty if none.
    pub updated: Vec<&'static str>,
    /// The update repaired what somebody changed at Vobiz, not what the user changed in the spec.
    pub drift: bool,
    /// The account of an earlier object of this name was taken over.
    pub reclaimed: bool,
    /// The Record was an earlier object's, in this pass or since an earlier one, or was made again: nothing was created for this
    /// object.
    pub inherited: bool,
    /// An account with a fenced marker was deleted.
    pub leftovers: usize,
    /// The account whose pair could not be stored and was given up, as a person asked.
    pub pair_dropped: Option<AuthId>,
}
