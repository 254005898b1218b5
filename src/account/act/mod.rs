//! What a pass over an Account does: the marks, the looks at the parent, what is written and published.

mod connect;
pub mod in_use;
pub(super) mod look;
pub mod status;
mod survey;
mod sweep;
