//! One parent account: its credentials, its rate limit, its list, and the Account objects that name it.

pub mod access;
pub mod act;
pub mod context;
pub mod credentials_watch;
pub mod errands;
pub mod generation;
mod items;
pub mod key;
mod known;
pub mod marker;
pub mod object;
mod obstacles;
pub mod pair;
pub mod parent;
mod pass;
pub mod places;
pub mod reconcile;
pub mod store;
pub mod tell;
pub mod users;
pub mod waker;
pub mod watches;
