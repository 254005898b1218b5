//! The scenarios of the table, each a row.

pub mod attack;
pub mod bulk;
pub mod create;
pub mod delete;
pub mod drift;
pub mod edit;
pub mod growth;
pub mod limit;
pub mod neighbour;
pub mod outage;
pub mod rest;
pub mod restart;
