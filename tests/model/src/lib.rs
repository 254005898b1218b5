//! Explores every order of faults around the operator's own decisions (`vobiz-protocol`), in a small model of Kubernetes
//! and Vobiz.
//!
//! - [`world`] is what the two servers store, [`state`] adds the processes and the faults that may still happen.
//! - [`action`] is everything that can happen next (`people` what is not the operator's doing), [`step`] how a pass takes its steps; `effect` is what each
//!   does, the operator's effects as a table, `promise` what must be true whenever it does.
//! - [`rest`] runs a state to rest, without further faults, and judges what has come of it.
//! - [`request`] is what a step asks of the real servers, [`trace`] a way by the roll of a die, to be replayed against them.
//! - [`check`] explores one of the runs that [`budgets`] and [`adoptions`] list; [`weakness`] drops a rule that must then be missed.
//! - [`walk`] is a model of its own, of a list that is read while accounts come and go.

pub mod action;
pub mod adoptions;
pub mod budgets;
pub mod check;
mod claim;
mod denied;
mod digest;
mod effect;
mod held;
mod normal;
mod people;
mod promise;
mod recall;
pub mod request;
pub mod rest;
pub mod rules;
mod showing;
pub mod state;
pub mod step;
pub mod story;
pub mod trace;
pub mod walk;
pub mod weakness;
pub mod world;
