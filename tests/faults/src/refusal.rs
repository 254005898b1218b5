//! PURE. What is known of a write that was refused for good, and of everybody else meanwhile.

use std::collections::HashMap;

use jiff::Timestamp;
use vobiz_harness::simulator_journal::Operation;

use crate::denier::Denier;
use crate::evidence::Call;
use crate::write::Write;

/// How often each kind of request was sent to the API.
pub type Counts = HashMap<Operation, usize>;

/// One write that was refused again and again.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// Which.
    pub write: Write,
    /// By whom.
    pub by: Denier,
    /// When for the first time.
    pub since: Timestamp,
    /// When it was allowed again.
    pub until: Timestamp,
    /// How often.
    pub times: u32,
    /// Whoever deleted the namespace knows why.
    pub is_expected: bool,
    /// When somebody was told.
    pub told: Option<Timestamp>,
    /// The policy's own words were shown.
    pub is_babbled: bool,
    /// What the object and its Account said at last.
    pub said: String,
    /// What another parent's object went through.
    pub edit: Edit,
    /// What a run without faults asks for.
    pub clean: Counts,
    /// How often an answer came too late for the operator.
    pub given_up: usize,
}

/// An edit of a healthy object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edit {
    /// When the API server had taken it.
    pub asked: Timestamp,
    /// When it was at Vobiz, or was waited for no longer.
    pub until: Timestamp,
}

/// How often each kind was sent before this moment.
#[must_use]
pub fn counts(calls: &[Call], before: Option<Timestamp>) -> Counts {
    let mut counts = Counts::new();
    let is_before = |call: &&Call| before.is_none_or(|before| call.at <= before);
    for call in calls.iter().filter(is_before) {
        *counts.entry(call.operation).or_default() += 1;
    }
    counts
}

/// The greater of both for each kind.
pub fn raise(counts: &mut Counts, other: &Counts) {
    for (operation, count) in other {
        let known = counts.entry(*operation).or_default();
        *known = (*count).max(*known);
    }
}
