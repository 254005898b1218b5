//! PURE. What one object more costs, and whether it costs more where there are many.

/// A size, and a cost measured at it.
pub type Point = (f64, f64);

/// The marginal cost in the upper half of the sizes over that in the lower: 1 where every further object costs the same.
/// The halves meet at the measured size nearest to half of the largest. None with fewer than three sizes.
pub fn later_over_earlier(points: &[Point]) -> Option<f64> {
    let (first, last) = (*points.first()?, *points.last()?);
    let inner = points.get(1..points.len().checked_sub(1)?)?;
    let distance = |point: &Point| (point.0 - last.0 / 2.0).abs();
    let middle = *inner
        .iter()
        .min_by(|one, other| distance(one).total_cmp(&distance(other)))?;
    let (earlier, later) = (marginal(first, middle), marginal(middle, last));
    Some(if later <= 0.0 {
        0.0
    } else if earlier <= 0.0 {
        f64::INFINITY
    } else {
        later / earlier
    })
}

/// The highest that an object costs at any size over the lowest that it costs at a smaller one: 1 or less where none costs
/// more for there being many. What is spent once makes it fall. None with fewer than two sizes.
pub fn rise(points: &[Point]) -> Option<f64> {
    let mut lowest: Option<f64> = None;
    let mut highest: Option<f64> = None;
    for (size, cost) in points {
        let per_object = cost / size;
        if let Some(lowest) = lowest {
            let risen = per_object / lowest;
            highest = Some(highest.map_or(risen, |highest| highest.max(risen)));
        }
        lowest = Some(lowest.map_or(per_object, |lowest| lowest.min(per_object)));
    }
    highest
}

/// What each object more costs between two sizes.
pub fn marginal((size, cost): Point, (larger, higher): Point) -> f64 {
    (higher - cost) / (larger - size)
}

/// The highest of some costs over the lowest; none of none.
pub fn spread(costs: &[f64]) -> Option<f64> {
    let highest = costs.iter().copied().max_by(f64::total_cmp)?;
    let lowest = costs.iter().copied().min_by(f64::total_cmp)?;
    Some(highest / lowest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(cost: impl Fn(f64) -> f64) -> Vec<Point> {
        [1000.0, 2000.0, 5000.0, 10_000.0]
            .map(|size| (size, cost(size)))
            .to_vec()
    }

    #[test]
    fn a_straight_line_has_one_slope_whatever_its_base() {
        assert_eq!(later_over_earlier(&points(|size| 500.0 + 3.0 * size)), Some(1.0));
    }

    #[test]
    fn a_cost_that_grows_faster_than_the_size_is_seen() {
        let found = later_over_earlier(&points(|size| size * size)).unwrap();
        assert!(found > 2.0, "{found}");
    }

    #[test]
    fn a_cost_that_stops_growing_is_no_trouble_and_one_that_begins_to_grow_is() {
        assert_eq!(later_over_earlier(&points(|size| size.min(5000.0))), Some(0.0));
        assert_eq!(
            later_over_earlier(&points(|size| size.max(5000.0))),
            Some(f64::INFINITY)
        );
    }

    #[test]
    fn a_cost_per_object_that_rises_is_seen_and_one_that_falls_is_no_trouble() {
        let rise = |cost: fn(f64) -> f64| rise(&points(cost)).unwrap();
        assert!(rise(|size| 500.0 + 3.0 * size) < 1.0);
        assert!((rise(|size| 3.0 * size) - 1.0).abs() < 1e-9);
        assert!(rise(|size| size.powf(1.1)) > 1.2);
        // It need not be the largest size that costs most.
        assert!(
            rise(|size| if (4000.0..6000.0).contains(&size) {
                2.0 * size
            } else {
                size
            }) > 1.9
        );
        assert_eq!(super::rise(&[(1.0, 1.0)]), None);
    }

    #[test]
    fn two_sizes_have_no_halves() {
        assert_eq!(later_over_earlier(&[(1.0, 1.0), (2.0, 2.0)]), None);
        assert_eq!(later_over_earlier(&[]), None);
    }

    #[test]
    fn the_spread_is_the_highest_over_the_lowest() {
        assert_eq!(spread(&[2.0, 1.0, 1.5]), Some(2.0));
        assert_eq!(spread(&[]), None);
    }
}
