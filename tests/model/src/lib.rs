//! Explores every order of faults around the operator's own decisions (`vobiz-protocol`), in a small model of Kubernetes
//! and Vobiz.

pub mod action;
pub mod budgets;
pub mod check;
mod normal;
pub mod rest;
pub mod rules;
pub mod state;
pub mod step;
pub mod walk;
pub mod weakness;
pub mod world;
