//! The Vobiz API stand-in.
