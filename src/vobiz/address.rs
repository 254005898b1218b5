//! Which account a request is about, and by which of its ids the path names it. PURE.

use super::auth_id::AuthId;

/// One account in requests about it. Made of an `auth_id` alone, it is that also in paths.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// What every answer about the account must say.
    pub auth_id: AuthId,
    /// What stands in the path.
    pub in_path: AuthId,
}

impl From<&AuthId> for Address {
    fn from(id: &AuthId) -> Self {
        Self {
            auth_id: id.clone(),
            in_path: id.clone(),
        }
    }
}
