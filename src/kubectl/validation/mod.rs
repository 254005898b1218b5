//! What the API server would say of an object, without it: objects held against the schemas and rules of the definitions in `crds/`.
//!
//! A field error names the field, and what is wrong with it, in the API server's words. Its order is kept as well: rules are looked at
//! where the structure is as they expect it, and an update is not blamed for what was stored already.

mod definitions;
mod field_error;
mod structure;

pub use definitions::Definitions;
pub use field_error::FieldError;
