//! vobiz-operator.

pub mod crd;
