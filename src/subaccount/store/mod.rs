//! What outlives a pass: Records in their Secrets, what this process remembers of each object, and which installation it is.

pub mod held_pairs;
pub mod installation;
pub mod memory;
pub mod record;
pub mod records;
pub mod retention;
