//! What a command came to, as its exit code tells. PURE.

/// What a command came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// Nothing to do, nothing wrong.
    Nothing,
    /// Something would change, or something is wrong.
    Finding,
}
