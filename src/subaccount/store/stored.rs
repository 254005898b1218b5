//! A Record and the Secret that it is in. PURE.

use super::record::Record;

/// A Record as it is stored. The name of its Secret is made from the uid of the object that it first served; one that
/// was taken over by a later object keeps it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Stored {
    /// Name of the Secret.
    pub secret: String,
    /// Its uid.
    pub(super) secret_uid: String,
    /// What it says.
    pub record: Record,
}
