//! PURE. What came one after the other in a scenario, as few points: what pictures of a course are drawn from.

use std::ops::Range;

use serde::Serialize;

use crate::percentile::share;

/// A course of one scenario.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Series {
    /// The name of the picture, for example `requests to Vobiz at rest`. Series of one name are drawn into one.
    pub name: String,
    /// Of what; empty for counts.
    pub unit: &'static str,
    /// What it runs along, with its unit.
    pub along: &'static str,
    /// Whose it is, if it is not the operator's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub of: Option<&'static str>,
    /// Ascending in both.
    pub points: Vec<(f64, f64)>,
}

/// More do not make a picture clearer.
const MOST_POINTS: f64 = 100.0;
/// A rate of less than a second says nothing.
const SHORTEST_STEP_SECONDS: f64 = 1.0;

impl Series {
    /// How many had come, by the seconds since a beginning, up to an end; `times` are seconds on the same clock.
    pub fn arrivals(name: &str, times: &[f64], within: Range<f64>) -> Self {
        let within_it = times.iter().filter(|time| within.contains(time));
        let mut after: Vec<f64> = within_it.map(|time| time - within.start).collect();
        after.sort_by(f64::total_cmp);
        let lasts = within.end - within.start;
        let step = (lasts / MOST_POINTS).max(SHORTEST_STEP_SECONDS).ceil();
        let mut points = vec![(0.0, 0.0)];
        let mut come = 0;
        let mut end = step;
        while come < after.len() {
            let until = after.partition_point(|time| *time < end);
            if until > come {
                // Nothing came up to here: the line must not rise before.
                let last = points.last().copied().unwrap_or_default();
                if last.0 < end - step {
                    points.push((end - step, share(come, 1)));
                }
                points.push((end, share(until, 1)));
                come = until;
            }
            end += step;
        }
        if points.last().is_some_and(|last| last.0 < lasts) {
            points.push((lasts, share(come, 1)));
        }
        Self {
            name: name.to_owned(),
            unit: "",
            along: "seconds",
            of: None,
            points,
        }
    }

    /// Of a hundred, how many took no longer, by the seconds that they took; what never came is not among them.
    pub fn distribution(name: &str, took: &[f64]) -> Self {
        let mut sorted: Vec<f64> = took
            .iter()
            .copied()
            .filter(|seconds| seconds.is_finite())
            .collect();
        sorted.sort_by(f64::total_cmp);
        let points = sorted.iter().zip(1..);
        Self {
            name: name.to_owned(),
            unit: "%",
            along: "seconds",
            of: None,
            points: points
                .map(|(seconds, number)| (*seconds, share(number, took.len()) * 100.0))
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrivals_are_counted_by_the_second_and_a_pause_is_flat() {
        let times = [70.2, 10.1, 10.2, 11.5, 9.0, 99.0];
        let found = Series::arrivals("requests", &times, 10.0..90.0);
        let wanted = [
            (0.0, 0.0),
            (1.0, 2.0),
            (2.0, 3.0),
            (60.0, 3.0),
            (61.0, 4.0),
            (80.0, 4.0),
        ];
        assert_eq!(found.points, wanted);
        let none = Series::arrivals("none", &[], 10.0..15.0);
        assert_eq!(none.points, [(0.0, 0.0), (5.0, 0.0)]);
    }

    #[test]
    fn a_long_course_has_as_few_points_as_a_picture_needs_and_none_is_lost() {
        let times: Vec<f64> = (0..10_000_u32).map(|number| f64::from(number) / 10.0).collect();
        let found = Series::arrivals("requests", &times, 0.0..1000.0);
        assert!(found.points.len() <= 102, "{}", found.points.len());
        assert_eq!(found.points.last(), Some(&(1000.0, 10_000.0)));
    }

    #[test]
    fn a_distribution_ends_below_a_hundred_where_something_never_came() {
        let found = Series::distribution("edits", &[0.3, f64::INFINITY, 0.1, 0.2]);
        assert_eq!(found.points, [(0.1, 25.0), (0.2, 50.0), (0.3, 75.0)]);
    }
}
