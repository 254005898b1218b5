//! One event to publish. PURE.

use crate::controller::event::EventKind;
use crate::crd::event::EventReason;

/// An event: why, and in which words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct News {
    /// Its reason, which says whether something needs a look.
    pub reason: EventReason,
    /// For people.
    pub note: String,
}

impl News {
    /// News with this reason.
    #[must_use]
    pub fn new(reason: EventReason, note: impl Into<String>) -> Self {
        Self {
            reason,
            note: note.into(),
        }
    }

    /// Normal or Warning.
    #[must_use]
    pub fn kind(&self) -> EventKind {
        if self.reason.is_warning() {
            EventKind::Warning
        } else {
            EventKind::Normal
        }
    }
}
