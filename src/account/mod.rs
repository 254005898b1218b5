//! One parent account: its credentials, its rate limit, its list, and the Account objects that name it.

pub mod access;
mod addressing;
pub mod breaker;
pub mod bucket;
mod connect;
pub mod credentials_watch;
mod doubts;
pub mod errands;
pub mod gate;
pub mod generation;
mod inherited;
mod items;
mod listing;
pub mod marker;
pub mod members;
pub mod named_secrets;
pub mod parent;
pub mod queue;
pub mod reconcile;
pub mod registry;
pub mod roster;
pub mod slots;
mod snapshot;
pub mod status;
pub mod sweep;
mod trials;
pub mod users;
