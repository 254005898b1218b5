//! An axis from nothing, with lines where we say. PURE.

use std::ops::Range;

use plotters::coord::ranged1d::{DefaultFormatting, KeyPointHint, Ranged};
use plotters::coord::types::RangedCoordf64;

/// Plotters can have its own axes of numbers with given lines, but does not write their values then.
pub(super) struct Axis {
    length: RangedCoordf64,
    marks: Vec<f64>,
}

impl Axis {
    /// So long, with lines at these values.
    pub(super) fn new(length: f64, marks: Vec<f64>) -> Self {
        Self {
            length: (0.0..length).into(),
            marks,
        }
    }
}

impl Ranged for Axis {
    type FormatOption = DefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, limit: (i32, i32)) -> i32 {
        self.length.map(value, limit)
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        if hint.weight().allow_light_points() {
            Vec::new()
        } else {
            self.marks.clone()
        }
    }

    fn range(&self) -> Range<f64> {
        self.length.range()
    }
}
