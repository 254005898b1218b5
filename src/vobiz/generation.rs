//! The two generations of the subaccount resource, as a value. PURE.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Which of the two generations of the same resource a parent account is served under.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Generation {
    /// `/api/v1/Account/{auth_id}/Subaccount/`: name and enabled only, tokens readable at any time.
    Gen1,
    /// `/api/v1/accounts/{auth_id}/sub-accounts/`: the full resource, the token shown once.
    Gen2,
}

impl Generation {
    /// The name used in specs, statuses, Records and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gen1 => "Gen1",
            Self::Gen2 => "Gen2",
        }
    }

    /// Accounts on a full page of the list, the largest that is answered.
    #[must_use]
    pub const fn page_size(self) -> u64 {
        match self {
            Self::Gen1 => 20,
            Self::Gen2 => 100,
        }
    }

    /// Whether the parent can read its accounts' tokens at any time.
    #[must_use]
    pub const fn shows_tokens(self) -> bool {
        matches!(self, Self::Gen1)
    }
}

impl fmt::Display for Generation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// The text names no generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an API generation: expected Gen1 or Gen2")]
pub struct UnknownGeneration;

impl FromStr for Generation {
    type Err = UnknownGeneration;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "Gen1" => Ok(Self::Gen1),
            "Gen2" => Ok(Self::Gen2),
            _ => Err(UnknownGeneration),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generation_reads_back_from_what_it_prints_and_from_what_it_serializes() {
        for generation in [Generation::Gen1, Generation::Gen2] {
            assert_eq!(generation.to_string().parse(), Ok(generation));
            let json = serde_json::to_string(&generation).unwrap();
            assert_eq!(json, format!("\"{generation}\""));
            assert_eq!(serde_json::from_str::<Generation>(&json).unwrap(), generation);
        }
        assert_eq!("gen2".parse::<Generation>(), Err(UnknownGeneration));
    }
}
