//! What this process leaves to chance. I/O: the one file that draws random bits; whoever decides takes them as a value.

use rand::distr::{Distribution, StandardUniform};
use uuid::Uuid;

/// A number of any kind; a fraction is at least zero and below one.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "random bits are drawn here")]
pub fn random<T>() -> T
where
    StandardUniform: Distribution<T>,
{
    rand::random()
}

/// A name that nothing else has.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "random bits are drawn here")]
pub fn unique() -> Uuid {
    Uuid::new_v4()
}
