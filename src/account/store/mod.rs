//! What outlives a pass over an Account: what passes found, who waits for what, and which Accounts share a parent.

pub(super) mod counts;
pub(super) mod doubts;
pub mod members;
pub mod named_secrets;
pub mod registry;
pub mod slots;
pub(super) mod snapshot;
pub mod tally;
pub(super) mod trials;
