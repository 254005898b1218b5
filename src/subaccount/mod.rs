//! One Subaccount: facts are gathered, `plan` decides, one effect acts, and again until there is nothing to do.

mod act;
pub mod contest;
pub mod context;
pub mod dependents;
pub mod desired;
mod explain;
pub mod facts;
mod farewell;
mod holders;
mod known;
pub mod news;
mod orphan;
pub mod outcome;
pub mod pass;
pub mod reconcile;
mod report;
pub mod secret;
pub mod status;
pub mod store;
pub mod traces;
pub mod unreadable;
pub mod watches;
pub mod wish;

pub use vobiz_protocol::plan;
