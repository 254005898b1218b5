//! Proves how much heap a cached object takes. A program of its own, because it counts every byte that is allocated in
//! it.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on fails"
)]

#[cfg(test)]
mod cache;

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;
