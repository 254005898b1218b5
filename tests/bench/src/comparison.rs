//! PURE. Two operators side by side: what each figure is for either, and their ratio.

use serde::Serialize;

use crate::row::Row;
use crate::table::{align, found};

/// What the two came to in one turn each.
#[derive(Clone, Debug)]
pub struct Pair {
    /// The rows of the earlier operator.
    pub earlier: Vec<Row>,
    /// The rows of this tree's.
    pub this: Vec<Row>,
}

/// One figure of both, over all pairs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Compared {
    /// The scenario.
    pub scenario: String,
    /// What was measured.
    pub figure: String,
    /// Of what; empty for counts and ratios.
    pub unit: &'static str,
    /// The median of the earlier operator's.
    pub earlier: f64,
    /// The median of this tree's.
    pub this: f64,
    /// The median of the pairs' ratios, this over earlier: what befell the machine befell both of a pair. 1 where both are 0.
    pub ratio: f64,
}

/// Every figure that both have in each pair, in the order of the first.
pub fn compare(pairs: &[Pair]) -> Vec<Compared> {
    let first = pairs.first().map(|pair| &pair.this[..]).unwrap_or_default();
    let figures = first
        .iter()
        .flat_map(|row| row.figures.iter().map(move |figure| (row, figure)));
    let compared = figures.filter_map(|(row, figure)| {
        let value = |rows: &[Row]| {
            let row = rows.iter().find(|other| other.scenario == row.scenario)?;
            row.figures
                .iter()
                .find(|other| other.name == figure.name)
                .map(|other| other.value)
        };
        let values: Option<Vec<(f64, f64)>> = pairs
            .iter()
            .map(|pair| Some((value(&pair.earlier)?, value(&pair.this)?)))
            .collect();
        let values = values?;
        Some(Compared {
            scenario: row.scenario.clone(),
            figure: figure.name.clone(),
            unit: figure.unit,
            earlier: median(values.iter().map(|(earlier, _)| *earlier).collect()),
            this: median(values.iter().map(|(_, this)| *this).collect()),
            ratio: median(
                values
                    .iter()
                    .map(|(earlier, this)| ratio(*earlier, *this))
                    .collect(),
            ),
        })
    });
    compared.collect()
}

/// A line for each scenario that either did not bring to its end: what it misses is not compared.
pub fn early_ends(pairs: &[Pair]) -> Vec<String> {
    let sides = pairs.iter().zip(1..).flat_map(|(pair, turn)| {
        let earlier = pair
            .earlier
            .iter()
            .map(move |row| (turn, "the earlier operator", row));
        earlier.chain(
            pair.this
                .iter()
                .map(move |row| (turn, "this tree's operator", row)),
        )
    });
    let ended = sides.filter_map(|(turn, whose, row)| {
        let trouble = row.trouble.as_deref()?.lines().next()?;
        Some(format!(
            "not compared: {}, turn {turn} of {whose} ended early: {trouble}",
            row.scenario
        ))
    });
    ended.collect()
}

/// One line per figure; a scenario's name stands in its first line.
pub fn table(compared: &[Compared], earlier: &str) -> String {
    let head = ["scenario", "figure", earlier, "this tree", "ratio"];
    let mut lines = vec![head.map(str::to_owned)];
    let mut last = "";
    for line in compared {
        let name = if line.scenario == last { "" } else { &line.scenario };
        lines.push([
            name.to_owned(),
            line.figure.clone(),
            found(line.earlier, line.unit),
            found(line.this, line.unit),
            format!("{:.2}", line.ratio),
        ]);
        last = &line.scenario;
    }
    align(&lines)
}

fn ratio(earlier: f64, this: f64) -> f64 {
    // Two counts of nothing are alike.
    if earlier.max(this) <= 0.0 {
        1.0
    } else {
        this / earlier
    }
}

/// The middle one, or the mean of the two in the middle.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    match (values.len() / 2, values.len() % 2) {
        (0, 0) => f64::NAN,
        (middle, 0) => f64::midpoint(values[middle - 1], values[middle]),
        (middle, _) => values[middle],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(value: f64) -> Vec<Row> {
        let mut row = Row::new("create", false);
        row.tell("CPU per object", value, "ms").tell("refused", 0.0, "");
        vec![row]
    }

    fn pair(earlier: f64, this: f64) -> Pair {
        Pair {
            earlier: rows(earlier),
            this: rows(this),
        }
    }

    #[test]
    fn the_ratio_is_the_median_of_the_pairs_whatever_befell_the_machine_between_them() {
        // The machine is three times slower in the second turn of both.
        let compared = compare(&[pair(1.0, 0.5), pair(3.0, 1.5), pair(1.0, 0.9)]);
        let [cpu, refused] = &compared[..] else {
            panic!("{compared:?}")
        };
        let texts = |values: &[f64]| values.iter().map(f64::to_string).collect::<Vec<_>>();
        assert_eq!(texts(&[cpu.earlier, cpu.this, cpu.ratio]), ["1", "0.9", "0.5"]);
        assert_eq!(texts(&[refused.ratio]), ["1"], "none of both");
        let even = compare(&[pair(1.0, 1.0), pair(1.0, 2.0)]);
        assert_eq!(texts(&[even[0].ratio]), ["1.5"]);
    }

    #[test]
    fn what_one_of_them_has_not_measured_is_not_compared() {
        let mut early_end = pair(1.0, 2.0);
        early_end.earlier = vec![Row::failed("create", "it ended".to_owned())];
        let pairs = [pair(1.0, 2.0), early_end];
        assert_eq!(compare(&pairs), []);
        let told = "not compared: create, turn 2 of the earlier operator ended early: it ended";
        assert_eq!(early_ends(&pairs), [told]);
        assert_eq!(compare(&[]), []);
    }

    #[test]
    fn the_table_names_both_and_a_scenario_once() {
        let text = table(&compare(&[pair(2.0, 1.0)]), "2113fae");
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 4, "{text}");
        assert!(lines[0].contains("2113fae") && lines[2].contains("| 2 ms") && lines[2].contains("0.50"));
        assert!(lines[2].contains("create") && !lines[3].contains("create"));
    }
}
