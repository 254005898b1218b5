//! An Account as its last pass left it, and what may be done by its word. I/O (none of its own: holds the way to the parent).

use crate::account::access::Access;
use crate::account::tell::trouble::{Trouble, Way};
use std::time::Instant;

/// An Account as its last pass left it.
#[derive(Clone)]
pub struct Snapshot {
    /// It is being deleted: no more creates.
    pub closing: bool,
    /// It and its credentials Secret are marked as in use, so that neither goes before its Subaccounts.
    pub in_use: bool,
    /// Put before the name of a Subaccount that gives none.
    pub name_prefix: String,
    /// How to reach its parent; absent until credentials were read and found good.
    pub access: Option<Access>,
    /// Why no call should be made now.
    pub trouble: Option<Trouble>,
    /// Which list its Subaccounts were last compared with: when that list was begun.
    pub compared: Option<Instant>,
    /// Which failure to read the list it has told.
    pub failed: Option<Instant>,
}

impl Snapshot {
    /// Whether calls may be made. A low balance holds creates back and nothing else, and so does what Kubernetes keeps
    /// from us; what a suspected mass deletion holds back depends on the account.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        self.way() != Way::Closed
    }

    /// Whether the last pass found that the pair works and the list answers.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.way() == Way::Open
    }

    fn way(&self) -> Way {
        self.trouble
            .as_ref()
            .map_or(Way::Open, |trouble| trouble.row().way)
    }
}
