//! The rules of the house, held by reading the sources: who may know whom, which files only decide, what may be built
//! in. Each rule is shown to catch a planted breach beside the check that the tree has none.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on fails"
)]

/// No file needs one that needs it.
mod circles;
/// Crates that must be there once, or not at all.
mod dependencies;
/// Who may import whom.
mod layers;
/// Files stay short enough to be read in one go.
mod length;
/// Files that decide hold no client, no await, no clock and no dice; every file says which kind it is.
mod purity;
/// Packages come from where everybody's package manager gets them.
mod registries;
/// Reads Rust source as text.
mod source;
/// The walk through the code names what is there.
mod walk;
