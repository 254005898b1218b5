//! PURE. What must hold for whatever bytes arrive from outside: one function per reader. `cargo xtask fuzz` feeds them
//! bytes that a fuzzer makes up; a test feeds them the bytes in `corpus/` again.

mod answers;
mod own;

pub use answers::{create_gen1, create_gen2, error_envelope, list_page, retry_after, subaccount};
pub use own::{auth_id, marker, record};

/// A reader under test. It panics where a promise is broken.
pub type Target = fn(&[u8]);

/// Every target by its name, which is also that of its folder in `corpus/`.
pub const TARGETS: &[(&str, Target)] = &[
    ("auth_id", auth_id),
    ("create_gen1", create_gen1),
    ("create_gen2", create_gen2),
    ("error_envelope", error_envelope),
    ("list_page", list_page),
    ("marker", marker),
    ("record", record),
    ("retry_after", retry_after),
    ("subaccount", subaccount),
];
