//! What a pass reads on its way, read with the caller's rights.

mod record;
mod remote;
mod secret;
