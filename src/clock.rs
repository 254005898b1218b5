//! The clocks of this process. I/O: the one file that reads them; whoever decides takes a moment as a value.

use jiff::Timestamp;
use std::time::Instant;

/// This moment on the monotonic clock, which nobody sets: pauses, deadlines and ages count on it.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the monotonic clock is read here")]
pub fn now() -> Instant {
    Instant::now()
}

/// This moment on the wall clock, which anybody may set: for people, for headers, and for what outlives the process.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the wall clock is read here")]
pub fn wall_clock() -> Timestamp {
    Timestamp::now()
}
