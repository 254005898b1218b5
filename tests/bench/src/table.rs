//! PURE. Rows as a table, aligned for a terminal and readable as Markdown.

use crate::row::{Bound, Figure, Row};

const HEAD: [&str; 5] = ["scenario", "figure", "found", "must be", "held"];

/// One line per figure; a row's name stands in its first line.
pub fn table(rows: &[Row]) -> String {
    let mut lines: Vec<[String; 5]> = vec![HEAD.map(str::to_owned)];
    for row in rows {
        let verdict = if row.reached { "" } else { " (not reached)" };
        let mut name = format!("{}{verdict}", row.scenario);
        if let Some(trouble) = &row.trouble {
            let first = trouble.lines().next().unwrap_or_default().replace('|', "/");
            lines.push([
                std::mem::take(&mut name),
                "ended early".to_owned(),
                first,
                String::new(),
                "no".to_owned(),
            ]);
        }
        for figure in &row.figures {
            lines.push(cells(std::mem::take(&mut name), figure));
        }
    }
    align(&lines)
}

/// A line for each figure that is not as it must be and each scenario that ended early, so that the end of the output tells what
/// the table holds far above it.
pub fn unreached(rows: &[Row]) -> Vec<String> {
    let lines = rows.iter().flat_map(|row| {
        let trouble = row.trouble.iter().filter_map(|trouble| trouble.lines().next());
        let early_end = trouble.map(move |line| format!("not reached: {}: {line}", row.scenario));
        let figures = row.figures.iter().filter(|figure| figure.held == Some(false));
        early_end.chain(figures.map(move |figure| {
            let [_, name, found, must, _] = cells(String::new(), figure);
            format!(
                "not reached: {}: {name} is {found} and must be {must}",
                row.scenario
            )
        }))
    });
    lines.collect()
}

/// A table whose first line is its head.
pub fn align<const COLUMNS: usize>(lines: &[[String; COLUMNS]]) -> String {
    let widths: [usize; COLUMNS] = std::array::from_fn(|column| {
        lines
            .iter()
            .map(|line| line[column].chars().count())
            .max()
            .unwrap_or_default()
    });
    let mut text = String::new();
    for (number, line) in lines.iter().enumerate() {
        let padded: [String; COLUMNS] =
            std::array::from_fn(|column| format!("{:width$}", line[column], width = widths[column]));
        text.extend(["| ", &padded.join(" | "), " |\n"]);
        if number == 0 {
            let rule = widths.map(|width| "-".repeat(width + 2));
            text.extend(["|", &rule.join("|"), "|\n"]);
        }
    }
    text
}

fn cells(name: String, figure: &Figure) -> [String; 5] {
    let must = match figure.bound {
        None => String::new(),
        Some(Bound::AtMost(limit)) => format!("at most {}", number(limit)),
        Some(Bound::AtLeast(limit)) => format!("at least {}", number(limit)),
        Some(Bound::Exactly(wanted)) => number(wanted),
    };
    let held = match (figure.bound, figure.held) {
        (None, _) => "",
        (Some(_), None) => "not judged",
        (Some(_), Some(true)) => "yes",
        (Some(_), Some(false)) => "no",
    };
    [
        name,
        figure.name.clone(),
        found(figure.value, figure.unit),
        must,
        held.to_owned(),
    ]
}

/// A value and its unit, if it has one.
pub fn found(value: f64, unit: &str) -> String {
    format!("{} {unit}", number(value)).trim_end().to_owned()
}

/// Whole numbers as such, small ones with three digits after the point, others with two.
fn number(value: f64) -> String {
    if !value.is_finite() {
        "never".to_owned()
    } else if value.fract().abs() < 1e-9 {
        format!("{value:.0}")
    } else if value.abs() < 0.1 {
        format!("{value:.4}")
    } else {
        format!("{value:.2}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_figure_has_a_line_and_the_columns_stand_under_each_other() {
        let mut row = Row::new("create 10", false);
        row.count("POST per object", 1.0, Bound::Exactly(1.0))
            .tell("objects per second", 12.345, "/s")
            .timing("p99", f64::INFINITY, "s", Bound::AtMost(1.0));
        let text = table(&[row, Row::failed("delete", "an end\nmore".to_owned())]);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 6);
        assert!(lines.iter().all(|line| line.len() == lines[0].len()), "{text}");
        assert!(lines[2].contains("create 10 (not reached)") && lines[2].contains("| yes"));
        assert!(lines[3].contains("12.35 /s") && !lines[3].contains("create"));
        assert!(lines[4].contains("never s") && lines[4].contains("at most 1 ") && lines[4].contains("| no"));
        assert!(lines[5].contains("an end") && !text.contains("more"));
    }

    #[test]
    fn what_is_not_reached_has_a_line_of_its_own_with_what_was_found() {
        let mut row = Row::new("create 10", false);
        row.count("POST per object", 1.0, Bound::Exactly(1.0))
            .count("writes", 6.5, Bound::AtMost(5.0));
        assert_eq!(
            unreached(&[row, Row::failed("delete", "an end\nmore".to_owned())]),
            [
                "not reached: create 10: writes is 6.50 and must be at most 5",
                "not reached: delete: an end"
            ]
        );
    }

    #[test]
    fn numbers_are_as_precise_as_they_are_read() {
        let found = [5.0, 0.004_56, 1.005, 123.456].map(number);
        assert_eq!(found, ["5", "0.0046", "1.00", "123.46"]);
    }
}
