//! The field's own tools that judge what the project hands out, each pinned by a Go module in `tests/judges`.

use crate::go_module::GoModule;

/// All of them: they are built before the tests start, so that no test builds one silently.
pub const ALL: &[GoModule] = &[];
