//! PURE. Percentiles by nearest rank: a value that was really measured.

/// The smallest value that at least `percent` of all are not above; none of none.
pub fn percentile(values: &[f64], percent: f64) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = sorted
        .iter()
        .enumerate()
        .position(|(index, _)| share(index + 1, sorted.len()) >= percent / 100.0 - f64::EPSILON)?;
    sorted.get(rank).copied()
}

/// `part` of `whole`; 0 of nothing.
#[expect(clippy::cast_precision_loss, reason = "counts of requests are far below 2^52")]
pub fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 {
        0.0
    } else {
        part as f64 / whole as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_the_value_at_its_rank() {
        let hundred: Vec<f64> = (1..=100).rev().map(f64::from).collect();
        assert_eq!(percentile(&hundred, 50.0), Some(50.0));
        assert_eq!(percentile(&hundred, 99.0), Some(99.0));
        assert_eq!(percentile(&hundred, 100.0), Some(100.0));
        assert_eq!(percentile(&[3.0, 1.0], 50.0), Some(1.0));
        assert_eq!(percentile(&[7.0], 99.0), Some(7.0));
        assert_eq!(percentile(&[], 50.0), None);
    }

    #[test]
    fn one_that_never_came_is_the_worst_of_all() {
        assert_eq!(percentile(&[0.1, f64::INFINITY, 0.2], 99.0), Some(f64::INFINITY));
    }
}
