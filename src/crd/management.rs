//! Whether a subaccount is kept as its manifest says. PURE.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::schema::without_description;

/// Whether a subaccount is kept as its manifest says, or only looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(transform = without_description)]
pub enum ManagementPolicy {
    /// It is kept.
    #[default]
    Full,
    /// It is only looked at.
    ObserveOnly,
}
