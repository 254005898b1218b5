//! What people and their tools are told of a pass, and when the next one is due: a row of one table for each way in which a pass ends.

mod findings;
pub mod news;
pub mod outcome;
pub mod rows;
pub mod status;
mod step_error;

pub use findings::{AccountState, Conflict, Findings, View, contested, refusals};
pub use outcome::Outcome;
pub use step_error::StepError;
