//! The Vobiz API stand-in.
fn main() {}
