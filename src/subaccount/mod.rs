//! One Subaccount: facts are gathered, `plan` decides, one effect acts, and again until there is nothing to do.

mod act;
pub mod again;
pub mod context;
pub mod dependents;
pub mod desired;
mod explain;
pub mod facts;
mod holders;
pub mod janitor;
pub mod kept;
pub mod known;
pub mod pass;
pub mod reconcile;
mod report;
pub mod secret;
pub mod store;
pub mod tell;
pub mod traces;
pub mod unreadable;
pub mod watches;
pub mod wish;

pub use vobiz_protocol::plan;
