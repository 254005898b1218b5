//! Parts that any controller needs, whatever its kind: nothing here knows a kind of ours, a name of ours, or the API that they stand for.

pub mod backoff;
pub mod changes;
pub mod cluster;
mod cluster_error;
pub mod contest;
pub mod denier;
pub mod event;
pub mod field_managers;
pub mod guarded_patch;
pub mod heartbeat;
pub mod lenient;
pub mod namespaces;
pub mod newest;
pub mod pauses;
pub mod readiness;
pub mod refusal;
pub mod refusals;
mod requests;
pub mod trigger;
mod tunnel;
pub mod versioned;
pub mod wake;
pub mod watch;
mod watch_request;
