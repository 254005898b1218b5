//! What outlives a pass: Records in their Secrets, and what this process remembers of each object.

pub mod held_pairs;
mod kept_record;
pub mod memory;
pub mod overtaken;
pub mod record;
pub mod records;
mod remembered;
mod stored;
