//! How a create and a delete survive crashes, lost answers, stale caches and a second process: the decisions alone.
//!
//! Nothing in here can act: the crate has no dependency, so no client, no clock and no dice. The operator runs it
//! against a cluster and Vobiz, the model checker against every order of faults, and both run these very functions.
//!
//! - [`facts`] is what one pass knows, [`plan`] the next step that follows from it.
//! - [`ledger`] is the Record's content that decides: attempts, fences, phases, and what each transition makes of them.
//! - [`judge`] says what a quorum read proves: of the object, of a bind that failed, of two lists.

pub mod facts;
pub mod judge;
pub mod ledger;
pub mod plan;
