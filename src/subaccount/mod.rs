//! One Subaccount: facts are gathered, `plan` decides, one effect acts, and again until there is nothing to do.

pub mod contest;
pub mod context;
pub mod dependents;
pub mod desired;
mod effects;
mod explain;
mod farewell;
pub mod held_pairs;
mod holders;
pub mod installation;
pub mod memory;
pub mod news;
mod orphan;
pub mod outcome;
pub mod pass;
pub mod reconcile;
pub mod record;
pub mod records;
mod report;
pub mod retention;
pub mod secret;
pub mod status;
pub mod traces;
pub mod unreadable;
pub mod watches;
pub mod wish;

pub use vobiz_protocol::{facts, plan};
