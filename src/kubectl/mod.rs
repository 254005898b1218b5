//! `kubectl vobiz`: what people ask before and after they change something, with their own rights and without a write anywhere.
//!
//! Nothing is decided here that the operator decides: what would be done is what [`vobiz_protocol::plan`] says of facts that are
//! gathered here (a *rehearsal*: a pass that reads, and foresees what its writes would make of what it knows), words are those of
//! [`crate::subaccount::tell`], and requests are made by [`crate::vobiz::Client`].
//!
//! - `flags` is the command line, `run` leads from it to a command, `session` is whom it is run against; `completion` and `manual`
//!   are made of `flags`.
//! - `sight` is what the caller may see of a cluster and of Vobiz; what they may not is said, never guessed in silence.
//! - `validation` is what the API server would say of a manifest, without a cluster.
//! - `plan`, `status`, `import`, `orphans` and `doctor` are commands, each with what it decides in PURE files.

pub mod answer;
pub mod completion;
mod doctor;
pub mod failure;
pub mod flags;
mod import;
pub mod manual;
mod orphans;
mod output;
mod plan;
mod progress;
pub mod run;
pub mod runbook;
mod session;
mod sight;
mod status;
mod table;
pub mod validation;
