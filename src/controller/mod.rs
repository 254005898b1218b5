//! Parts that any controller needs, whatever its kind: nothing here knows of Vobiz accounts, their objects or their API.

pub mod backoff;
pub mod changes;
pub mod cluster;
mod cluster_error;
pub mod denier;
pub mod event;
pub mod exposition;
pub mod field_managers;
pub mod guarded_patch;
pub mod heartbeat;
pub mod instrument;
mod label;
pub mod lenient;
pub mod newest;
mod object_series;
mod process;
pub mod readiness;
pub mod refusal;
pub mod refusals;
mod series;
pub mod trigger;
mod tunnel;
pub mod versioned;
pub mod wake;
pub mod watch;
