//! The API generation as status spells it and as the client takes it: two layers that know nothing of each other. PURE.

use crate::crd::ApiGeneration;
use crate::vobiz::Generation;

/// As status spells it.
#[must_use]
pub fn stored(generation: Generation) -> ApiGeneration {
    match generation {
        Generation::Gen1 => ApiGeneration::Gen1,
        Generation::Gen2 => ApiGeneration::Gen2,
    }
}

/// As the client takes it.
#[must_use]
pub fn recorded(stored: ApiGeneration) -> Generation {
    match stored {
        ApiGeneration::Gen1 => Generation::Gen1,
        ApiGeneration::Gen2 => Generation::Gen2,
    }
}
