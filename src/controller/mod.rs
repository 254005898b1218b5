//! Parts that any controller needs, whatever its kind: nothing here knows of Vobiz accounts, their objects or their API.

pub mod backoff;
pub mod cluster;
pub mod cluster_error;
pub mod event;
pub mod heartbeat;
pub mod instrument;
pub mod object_series;
pub mod process;
pub mod readiness;
pub mod versioned;
