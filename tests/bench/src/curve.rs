//! PURE. What grew with the number of objects, read from the report that a run writes.

use std::collections::BTreeMap;

use serde_json::Value;

/// The figures of one kind, by size.
#[derive(Clone, Debug, PartialEq)]
pub struct Curve {
    /// What was measured, for example `CPU per create`.
    pub name: String,
    /// Of what; empty for ratios.
    pub unit: String,
    /// Sizes and figures, the smallest size first.
    pub points: Vec<(f64, f64)>,
}

/// Fewer sizes show no course.
const FEWEST_SIZES: usize = 3;

/// Every figure of the report that is told at several sizes: `NAME at SIZE`.
pub fn curves(report: &Value) -> Vec<Curve> {
    let mut found: Vec<Curve> = Vec::new();
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    let rows = report["rows"].as_array().into_iter().flatten();
    for figure in rows.flat_map(|row| row["figures"].as_array().into_iter().flatten()) {
        let told = figure["name"].as_str().and_then(|name| name.rsplit_once(" at "));
        let Some((name, size)) = told.and_then(|(name, size)| Some((name, size.parse::<f64>().ok()?))) else {
            continue;
        };
        let Some(value) = figure["value"].as_f64() else {
            continue;
        };
        let place = *places.entry(name.to_owned()).or_insert_with(|| {
            found.push(Curve {
                name: name.to_owned(),
                unit: figure["unit"].as_str().unwrap_or_default().to_owned(),
                points: Vec::new(),
            });
            found.len() - 1
        });
        found[place].points.push((size, value));
    }
    found.retain(|curve| curve.points.len() >= FEWEST_SIZES);
    for curve in &mut found {
        curve.points.sort_by(|one, other| one.0.total_cmp(&other.0));
    }
    found
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
        assert_eq!(found[0].points, [(1000.0, 0.8), (2000.0, 1.1), (10_000.0, 5.0)]);
        assert_eq!(
            (found[0].file().as_str(), found[0].unit.as_str()),
            ("quiet-after.svg", "s")
        );
    }
}
