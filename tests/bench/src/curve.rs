//! PURE. What a picture shows, read from the report that a run writes: what grew with the number of objects, and what came in
//! the course of a scenario. The operator that a run was held against has lines of its own in the same pictures.

use serde_json::Value;

/// A picture's worth of figures.
#[derive(Clone, Debug, PartialEq)]
pub struct Curve {
    /// What was measured, for example `CPU per create`.
    pub name: String,
    /// Of what; empty for counts and ratios.
    pub unit: String,
    /// What it runs along: [`OBJECTS`], or a time and its unit.
    pub along: String,
    /// This tree's operator first, then the one that it was held against, then others.
    pub lines: Vec<Line>,
}

/// Those of one operator.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// Whose they are.
    pub of: String,
    /// Places and figures, the smallest place first.
    pub points: Vec<(f64, f64)>,
}

/// Along the size of the population.
pub const OBJECTS: &str = "objects";
/// This tree's operator.
pub const THIS: &str = "this build";

/// Fewer sizes show no course.
const FEWEST_SIZES: usize = 3;

/// Every figure of the report that is told at several sizes, `NAME at SIZE`, and every series. Of several turns the first is
/// taken that came to the end of its scenario with both operators.
pub fn curves(report: &Value) -> Vec<Curve> {
    let mut found = Vec::new();
    let earlier = report["against"].as_str().unwrap_or("the earlier build");
    for scenario in scenarios(report) {
        for (of, row) in [THIS, earlier].into_iter().zip(turn(report, scenario)) {
            sizes(&mut found, of, row);
            series(&mut found, of, row);
        }
    }
    for curve in &mut found {
        let fewest = if curve.is_by_size() { FEWEST_SIZES } else { 1 };
        curve.lines.retain(|line| line.points.len() >= fewest);
        let place = |line: &Line| [THIS, earlier].iter().position(|of| line.of == *of);
        curve.lines.sort_by_key(|line| place(line).unwrap_or(usize::MAX));
        for line in &mut curve.lines {
            line.points.sort_by(|one, other| one.0.total_cmp(&other.0));
        }
    }
    found.retain(|curve| curve.lines.first().is_some_and(|line| line.of == THIS));
    found
}

/// Each once.
fn scenarios(report: &Value) -> Vec<&str> {
    let mut names = Vec::new();
    for row in report["rows"].as_array().into_iter().flatten() {
        let name = row["scenario"].as_str().unwrap_or_default();
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// The rows of this scenario that are drawn: this tree's, and the earlier operator's of the same turn if it has one.
fn turn<'a>(report: &'a Value, scenario: &str) -> Vec<&'a Value> {
    let rows = |key: &str| -> Vec<&'a Value> {
        let rows = report[key].as_array().into_iter().flatten();
        rows.filter(|row| row["scenario"].as_str().unwrap_or_default() == scenario)
            .collect()
    };
    let is_whole = |row: &&Value| row["trouble"].is_null();
    let (this, earlier) = (rows("rows"), rows("earlier"));
    let mut pairs = this.iter().zip(&earlier);
    if let Some((this, earlier)) = pairs.find(|(this, earlier)| is_whole(this) && is_whole(earlier)) {
        return vec![this, earlier];
    }
    this.into_iter().filter(is_whole).take(1).collect()
}

fn sizes(found: &mut Vec<Curve>, of: &str, row: &Value) {
    for figure in row["figures"].as_array().into_iter().flatten() {
        let told = figure["name"].as_str().and_then(|name| name.rsplit_once(" at "));
        let size = told.and_then(|(name, size)| Some((name, size.parse::<f64>().ok()?)));
        let (Some((name, size)), Some(value)) = (size, figure["value"].as_f64()) else {
            continue;
        };
        let unit = figure["unit"].as_str().unwrap_or_default();
        line(found, [name, unit, OBJECTS], of).push((size, value));
    }
}

fn series(found: &mut Vec<Curve>, of: &str, row: &Value) {
    for series in row["series"].as_array().into_iter().flatten() {
        let text = |key: &str| series[key].as_str().unwrap_or_default();
        let of = series["of"].as_str().unwrap_or(of);
        let points = line(found, [text("name"), text("unit"), text("along")], of);
        if points.is_empty() {
            let all = series["points"].as_array().into_iter().flatten();
            points.extend(all.filter_map(|point| Some((point[0].as_f64()?, point[1].as_f64()?))));
        }
    }
}

/// The points of this line of this curve, which may be new.
fn line<'a>(found: &'a mut Vec<Curve>, [name, unit, along]: [&str; 3], of: &str) -> &'a mut Vec<(f64, f64)> {
    let place = found.iter().position(|curve| curve.name == name);
    let place = place.unwrap_or_else(|| {
        found.push(Curve {
            name: name.to_owned(),
            unit: unit.to_owned(),
            along: along.to_owned(),
            lines: Vec::new(),
        });
        found.len() - 1
    });
    let lines = &mut found[place].lines;
    let place = lines.iter().position(|line| line.of == of);
    let place = place.unwrap_or_else(|| {
        lines.push(Line {
            of: of.to_owned(),
            points: Vec::new(),
        });
        lines.len() - 1
    });
    &mut lines[place].points
}

impl Curve {
    /// What was measured, and of what.
    pub fn title(&self) -> String {
        if self.unit.is_empty() {
            self.name.clone()
        } else {
            format!("{}, {}", self.name, self.unit)
        }
    }

    /// Whether it shows what grew with the number of objects.
    pub fn is_by_size(&self) -> bool {
        self.along == OBJECTS
    }

    /// The name of its picture.
    pub fn file(&self) -> String {
        let words = self
            .name
            .split(|letter: char| !letter.is_ascii_alphanumeric())
            .filter(|word| !word.is_empty());
        let slug = words.map(str::to_lowercase).collect::<Vec<_>>().join("-");
        format!("{slug}.svg")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn figure(name: &str, value: f64) -> Value {
        json!({"name": name, "value": value, "unit": "s"})
    }

    fn points<'a>(curve: &'a Curve, of: &str) -> &'a [(f64, f64)] {
        &curve.lines.iter().find(|line| line.of == of).unwrap().points
    }

    #[test]
    fn a_figure_that_is_told_at_three_sizes_is_a_curve_and_no_other() {
        let report = json!({"rows": [{"figures": [
            figure("quiet after at 2000", 1.1),
            figure("quiet after at 1000", 0.8),
            figure("quiet after at 10000", 5.0),
            figure("ready after at 1000", 0.5),
            figure("writes per create, highest over lowest", 1.0),
            figure("look at everything", 1.0),
        ]}]});
        let found = curves(&report);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(
            points(&found[0], THIS),
            [(1000.0, 0.8), (2000.0, 1.1), (10_000.0, 5.0)]
        );
        assert_eq!(
            (found[0].file().as_str(), found[0].unit.as_str()),
            ("quiet-after.svg", "s")
        );
    }

    #[test]
    fn the_operator_it_was_held_against_has_a_line_in_the_same_picture() {
        let sizes = |factor: f64| {
            let at = |size: u32| figure(&format!("quiet after at {size}"), factor * f64::from(size));
            json!({"figures": [at(1), at(2), at(3)]})
        };
        let report =
            json!({"against": "abc", "rows": [sizes(1.0), sizes(5.0)], "earlier": [sizes(2.0), sizes(6.0)]});
        let found = curves(&report);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(points(&found[0], THIS), [(1.0, 1.0), (2.0, 2.0), (3.0, 3.0)]);
        assert_eq!(points(&found[0], "abc"), [(1.0, 2.0), (2.0, 4.0), (3.0, 6.0)]);
        let mut ended_early = report;
        ended_early["earlier"][0] = json!({"figures": [], "trouble": "it ended"});
        let found = curves(&ended_early);
        assert_eq!(points(&found[0], THIS), [(1.0, 5.0), (2.0, 10.0), (3.0, 15.0)]);
        assert_eq!(points(&found[0], "abc"), [(1.0, 6.0), (2.0, 12.0), (3.0, 18.0)]);
    }

    #[test]
    fn series_of_one_name_are_lines_of_one_picture() {
        let series = |of: Option<&str>, points: &[[f64; 2]]| {
            let mut series = json!({"name": "made", "unit": "", "along": "seconds", "points": points});
            if let Some(of) = of {
                series["of"] = json!(of);
            }
            series
        };
        let report = json!({
            "against": "abc",
            "rows": [{"series": [
                series(None, &[[0.0, 0.0], [1.0, 5.0]]),
                series(Some("plain loader"), &[[0.0, 0.0], [1.0, 6.0]]),
            ]}],
            "earlier": [{"series": [
                series(None, &[[0.0, 0.0], [2.0, 5.0]]),
                series(Some("plain loader"), &[[0.0, 0.0], [9.0, 6.0]]),
            ]}],
        });
        let found = curves(&report);
        assert_eq!(found.len(), 1, "{found:?}");
        let of: Vec<&str> = found[0].lines.iter().map(|line| line.of.as_str()).collect();
        assert_eq!(of, [THIS, "abc", "plain loader"]);
        assert_eq!(points(&found[0], "plain loader"), [(0.0, 0.0), (1.0, 6.0)]);
        assert!(!found[0].is_by_size());
    }
}
