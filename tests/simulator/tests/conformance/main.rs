//! I/O. The stand-in behaves as the API's documentation says, fails as it is told, and notes everything.
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, reason = "test code")]

mod bed;
/// What tests and people do behind the API's back.
mod control;
/// Every fault that can be ordered.
mod faults;
/// Generation 1, with what is inconvenient about it.
mod gen1;
/// Generation 2, with what is inconvenient about it.
mod gen2;
/// Answers have the shape of the golden files.
mod golden;
/// The journal.
mod journal;
/// The program.
mod program;
/// What other documents and clients have otherwise.
mod variants;
