//! vobiz-operator.

pub mod vobiz;
