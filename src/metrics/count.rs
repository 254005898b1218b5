//! A count as the value of a gauge. PURE.

/// The count; one that no gauge can hold is as good as the largest.
pub(super) fn gauge_value(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
