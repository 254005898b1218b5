//! Where the lines of an axis are. PURE.

/// About how many parts an axis has.
const PARTS: f64 = 5.0;

/// The values at which an axis from nothing has a line, of which the last is not below the highest value: few, even, and round in this unit.
pub fn marks(highest: f64, unit: &str) -> Vec<f64> {
    let base = if unit == "bytes" { 1_048_576.0 } else { 1.0 };
    let step = step(highest / base / PARTS) * base;
    // Half an object is none.
    let step = if unit == "short" { step.max(1.0) } else { step };
    let mut marks = vec![0.0];
    let mut count = 0.0;
    while count * step < highest || count < 1.0 {
        count += 1.0;
        marks.push(count * step);
    }
    marks
}

/// The whole minutes of so many.
pub fn minutes(length: f64) -> Vec<f64> {
    let minutes = std::iter::successors(Some(0.0), |minute| Some(minute + 1.0));
    minutes.take_while(|minute| *minute <= length).collect()
}

/// The next of 1, 2, 5 and their tenfolds that is no smaller.
fn step(least: f64) -> f64 {
    if least <= 0.0 {
        return 1.0;
    }
    let unit = 10_f64.powf(least.log10().floor());
    let steps = [1.0, 2.0, 5.0].map(|step| step * unit);
    let found = steps.into_iter().find(|step| *step >= least * (1.0 - 1e-9));
    found.unwrap_or(10.0 * unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_ends_at_a_round_value_that_is_high_enough() {
        assert_eq!(marks(40.0, "short"), [0.0, 10.0, 20.0, 30.0, 40.0]);
        assert_eq!(marks(1.0, "short"), [0.0, 1.0]);
        assert_eq!(marks(0.0, "s"), [0.0, 1.0]);
        assert_eq!(marks(5.3, "reqps"), [0.0, 2.0, 4.0, 6.0]);
        assert_eq!(marks(42.0, "short").last(), Some(&50.0));
        assert_eq!(marks(3.0 * 1_048_576.0, "bytes").last(), Some(&3_145_728.0));
    }
}
