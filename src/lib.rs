//! vobiz-operator.
