//! PURE. A row of the table: what was found in one scenario, and what it must reach.

use serde::Serialize;

use crate::series::Series;

/// A measured value.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Figure {
    /// What it is.
    pub name: String,
    /// How much.
    pub value: f64,
    /// Of what; empty for counts and ratios.
    pub unit: &'static str,
    /// What it must be, if it must be anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bound: Option<Bound>,
    /// Whether it is as it must be; none where nothing is asked or nothing is judged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held: Option<bool>,
}

/// What a value must be.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    /// Not more.
    AtMost(f64),
    /// Not less.
    AtLeast(f64),
    /// This, to the hundredth.
    Exactly(f64),
}

impl Bound {
    fn holds(self, value: f64) -> bool {
        match self {
            Self::AtMost(limit) => value <= limit,
            Self::AtLeast(limit) => value >= limit,
            Self::Exactly(wanted) => (value - wanted).abs() < 0.005,
        }
    }
}

/// What one scenario came to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// The scenario.
    pub scenario: String,
    /// What was measured.
    pub figures: Vec<Figure>,
    /// What came in the course of it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub series: Vec<Series>,
    /// Why it did not come to its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
    /// Whether everything is as it must be.
    pub reached: bool,
    #[serde(skip)]
    counts_only: bool,
}

impl Row {
    /// A row without figures. With `counts_only` times, rates and their ratios are shown and not judged.
    pub fn new(scenario: &str, counts_only: bool) -> Self {
        Self {
            scenario: scenario.to_owned(),
            figures: Vec::new(),
            series: Vec::new(),
            trouble: None,
            reached: true,
            counts_only,
        }
    }

    /// A scenario that ended early.
    pub fn failed(scenario: &str, trouble: String) -> Self {
        let mut row = Self::new(scenario, false);
        row.end_early(trouble);
        row
    }

    /// Says why it does not come to its end; what was measured before is kept.
    pub fn end_early(&mut self, trouble: String) {
        self.trouble = Some(trouble);
        self.reached = false;
    }

    /// Adds a figure that is only told.
    pub fn tell(&mut self, name: &str, value: f64, unit: &'static str) -> &mut Self {
        self.figures.push(Figure {
            name: name.to_owned(),
            value,
            unit,
            bound: None,
            held: None,
        });
        self
    }

    /// Adds a count, or a ratio of counts: it is the same on any machine, and always judged.
    pub fn count(&mut self, name: &str, value: f64, bound: Bound) -> &mut Self {
        self.judge(name, value, "", bound, true)
    }

    /// Adds what depends on how busy the machine is.
    pub fn timing(&mut self, name: &str, value: f64, unit: &'static str, bound: Bound) -> &mut Self {
        self.judge(name, value, unit, bound, !self.counts_only)
    }

    /// Adds a series: it is drawn, and never judged.
    pub fn draw(&mut self, series: Series) -> &mut Self {
        self.series.push(series);
        self
    }

    fn judge(&mut self, name: &str, value: f64, unit: &'static str, bound: Bound, judged: bool) -> &mut Self {
        let held = judged.then(|| bound.holds(value));
        self.reached &= held != Some(false);
        self.figures.push(Figure {
            name: name.to_owned(),
            value,
            unit,
            bound: Some(bound),
            held,
        });
        self
    }
}

/// The line that a run ends with.
pub fn last_line(rows: &[Row]) -> String {
    let reached = rows.iter().filter(|row| row.reached).count();
    format!("bench: {reached}/{} rows reached", rows.len())
}

/// Whether something was measured, and all of it is as it must be.
pub fn all_reached(rows: &[Row]) -> bool {
    !rows.is_empty() && rows.iter().all(|row| row.reached)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_reached_if_every_figure_is_as_it_must_be() {
        let mut row = Row::new("create", false);
        row.tell("objects", 7.0, "")
            .count("POST per object", 1.0, Bound::Exactly(1.0))
            .count("writes per object", 5.0, Bound::AtMost(5.0))
            .timing("of the loader", 0.7, "", Bound::AtLeast(0.7));
        assert!(row.reached);
        row.count("POST per object", 1.01, Bound::Exactly(1.0));
        assert!(!row.reached);
    }

    #[test]
    fn where_counts_alone_are_judged_a_slow_machine_fails_nothing_and_a_wrong_count_does() {
        let mut row = Row::new("create", true);
        row.timing("of the loader", 0.1, "", Bound::AtLeast(0.7));
        assert!(row.reached && row.figures[0].held.is_none());
        row.count("writes per object", 6.0, Bound::AtMost(5.0));
        assert!(!row.reached);
    }

    #[test]
    fn what_is_not_a_number_holds_no_bound() {
        for bound in [Bound::AtMost(1.0), Bound::AtLeast(1.0), Bound::Exactly(1.0)] {
            assert!(!bound.holds(f64::NAN));
        }
    }

    #[test]
    fn the_last_line_counts_rows_and_nothing_measured_is_nothing_reached() {
        let rows = [Row::new("a", false), Row::failed("b", "it ended".to_owned())];
        assert_eq!(last_line(&rows), "bench: 1/2 rows reached");
        assert!(!all_reached(&rows) && !all_reached(&[]) && all_reached(&rows[..1]));
    }
}
