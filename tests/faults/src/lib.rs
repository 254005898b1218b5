//! Breaks every write of the shipped operator in every way and judges what is left.
//!
//! A clean run of every workload is recorded first. A plan is one write of it and one way to break it; it has a namespace
//! and a parent account of its own, so that many plans share an operator and each is judged alone.

pub mod actor;
pub mod adopter;
pub mod bystander;
pub mod campaign;
pub mod cluster;
pub mod collect;
pub mod company;
pub mod denier;
pub mod evidence;
pub mod found;
pub mod judge;
pub mod listener;
pub mod mode;
pub mod plan;
pub mod proxy;
pub mod pulse;
pub mod recording;
pub mod refusal;
pub mod registry;
pub mod run;
pub mod secrecy;
pub mod shared_parent;
pub mod stage;
pub mod stream;
pub mod tally;
pub mod telling;
pub mod warden;
pub mod withstand;
pub mod workload;
pub mod write;
