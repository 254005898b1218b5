//! PURE. A page that shows the pictures of a run, and their figures as a table.

use crate::curve::{Curve, Line};
use crate::picture::{number, thousands};

/// The name of the page, in the folder of the pictures.
pub const FILE: &str = "growth.md";

/// The page.
pub fn page(curves: &[Curve]) -> String {
    let by_size = || curves.iter().filter(|curve| curve.is_by_size());
    let lines = by_size().flat_map(|curve| &curve.lines);
    let mut sizes: Vec<f64> = lines
        .flat_map(|line| line.points.iter().map(|point| point.0))
        .collect();
    sizes.sort_by(f64::total_cmp);
    sizes.dedup();
    let cells = |cell: &dyn Fn(f64) -> String| {
        sizes
            .iter()
            .map(|size| cell(*size))
            .collect::<Vec<_>>()
            .join(" | ")
    };
    let mut text = vec![
        "# What grows".to_owned(),
        String::new(),
        "What one run measured while its population grew, by the number of objects, and what came in the course of its scenarios; where two operators ran in turns each has a line, of the first turn that both came to the end of. [Scale](../scale.md) says how, and what must be reached.".to_owned(),
        "This page and its pictures are made by `cargo xtask bench --plot docs/scale --from docs/scale/growth.json`.".to_owned(),
    ];
    if !sizes.is_empty() {
        text.push(String::new());
        text.push(format!("| objects | {} |", cells(&thousands)));
        text.push(format!("|---|{}", "---|".repeat(sizes.len())));
    }
    for curve in by_size() {
        let is_alone = curve.lines.len() == 1;
        for line in &curve.lines {
            let title = curve.title();
            let name = if is_alone {
                title
            } else {
                format!("{title}: {}", line.of)
            };
            text.push(format!("| {name} | {} |", cells(&|size| cell(line, size))));
        }
    }
    for curve in curves {
        text.push(String::new());
        text.push(format!("![{}]({})", description(curve), curve.file()));
    }
    text.join("\n") + "\n"
}

fn cell(line: &Line, size: f64) -> String {
    let point = line.points.iter().find(|point| point.0.total_cmp(&size).is_eq());
    point.map_or_else(String::new, |point| number(point.1))
}

/// For those who do not see the picture.
fn description(curve: &Curve) -> String {
    if !curve.is_by_size() {
        let lines: Vec<String> = curve.lines.iter().map(ends).collect();
        return format!("{}, by {}: {}", curve.title(), curve.along, lines.join("; "));
    }
    let is_alone = curve.lines.len() == 1;
    let lines = curve.lines.iter().map(|line| {
        let values: Vec<String> = line.points.iter().map(|point| number(point.1)).collect();
        let sizes: Vec<String> = line.points.iter().map(|point| thousands(point.0)).collect();
        let told = format!("{} at {} objects", listed(&values), listed(&sizes));
        if is_alone {
            told
        } else {
            format!("{}: {told}", line.of)
        }
    });
    format!("{}: {}", curve.title(), lines.collect::<Vec<_>>().join("; "))
}

/// Where a line ends, which may have a hundred points.
fn ends(line: &Line) -> String {
    let (along, value) = line.points.last().copied().unwrap_or_default();
    format!("{} {} after {}", line.of, number(value), number(along))
}

fn listed(items: &[String]) -> String {
    match items.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        _ => items.concat(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::curve::{OBJECTS, THIS};

    #[test]
    fn the_page_has_each_figure_as_a_number_and_as_a_picture() {
        let line = |of: &str, points: &[(f64, f64)]| Line {
            of: of.to_owned(),
            points: points.to_vec(),
        };
        let curve = |name: &str, unit: &str, along: &str, lines: &[Line]| Curve {
            name: name.to_owned(),
            unit: unit.to_owned(),
            along: along.to_owned(),
            lines: lines.to_vec(),
        };
        let quiet = line(THIS, &[(1000.0, 0.8), (2000.0, 1.1), (10_000.0, 5.0)]);
        let reads = [(1000.0, 3.0), (2000.0, 3.0), (5000.0, 3.01)];
        let curves = [
            curve("quiet", "s", OBJECTS, &[quiet]),
            curve("reads", "", OBJECTS, &[line(THIS, &reads), line("abc", &reads)]),
            curve("made", "", "seconds", &[line(THIS, &[(0.0, 0.0), (12.0, 900.0)])]),
        ];
        let text = page(&curves);
        for line in [
            "| objects | 1,000 | 2,000 | 5,000 | 10,000 |",
            "|---|---|---|---|---|",
            "| quiet, s | 0.8 | 1.1 |  | 5 |",
            "| reads: this build | 3 | 3 | 3.01 |  |",
            "| reads: abc | 3 | 3 | 3.01 |  |",
            "![quiet, s: 0.8, 1.1 and 5 at 1,000, 2,000 and 10,000 objects](quiet.svg)",
            "![made, by seconds: this build 900 after 12](made.svg)",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is not in {text}");
        }
    }
}
