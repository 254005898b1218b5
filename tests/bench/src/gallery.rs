//! PURE. A page that shows the pictures of a run, and their figures as a table.

use crate::curve::Curve;
use crate::picture::{number, thousands};

/// The name of the page, in the folder of the pictures.
pub const FILE: &str = "growth.md";

/// The page.
pub fn page(curves: &[Curve]) -> String {
    let mut sizes: Vec<f64> = curves
        .iter()
        .flat_map(|curve| curve.points.iter().map(|point| point.0))
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
    let mut lines = vec![
        "# What grows".to_owned(),
        String::new(),
        "What one run measured while its population grew, by the number of objects; [scale](../scale.md) says how, and what must be reached.".to_owned(),
        "This page and its pictures are made by `cargo xtask bench --plot docs/scale --from docs/scale/growth.json`.".to_owned(),
        String::new(),
        format!("| objects | {} |", cells(&thousands)),
        format!("|---|{}", "---|".repeat(sizes.len())),
    ];
    for curve in curves {
        lines.push(format!(
            "| {} | {} |",
            curve.title(),
            cells(&|size| cell(curve, size))
        ));
    }
    for curve in curves {
        lines.push(String::new());
        lines.push(format!("![{}]({})", description(curve), curve.file()));
    }
    lines.join("\n") + "\n"
}

fn cell(curve: &Curve, size: f64) -> String {
    let point = curve.points.iter().find(|point| point.0.total_cmp(&size).is_eq());
    point.map_or_else(String::new, |point| number(point.1))
}

/// For those who do not see the picture.
fn description(curve: &Curve) -> String {
    let values: Vec<String> = curve.points.iter().map(|point| number(point.1)).collect();
    let sizes: Vec<String> = curve.points.iter().map(|point| thousands(point.0)).collect();
    format!(
        "{}: {} at {} objects",
        curve.title(),
        listed(&values),
        listed(&sizes)
    )
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

    #[test]
    fn the_page_has_each_figure_as_a_number_and_as_a_picture() {
        let curve = |name: &str, unit: &str, points: &[(f64, f64)]| Curve {
            name: name.to_owned(),
            unit: unit.to_owned(),
            points: points.to_vec(),
        };
        let curves = [
            curve("quiet", "s", &[(1000.0, 0.8), (2000.0, 1.1), (10_000.0, 5.0)]),
            curve("reads", "", &[(1000.0, 3.0), (2000.0, 3.0), (5000.0, 3.01)]),
        ];
        let text = page(&curves);
        for line in [
            "| objects | 1,000 | 2,000 | 5,000 | 10,000 |",
            "|---|---|---|---|---|",
            "| quiet, s | 0.8 | 1.1 |  | 5 |",
            "| reads | 3 | 3 | 3.01 |  |",
            "![quiet, s: 0.8, 1.1 and 5 at 1,000, 2,000 and 10,000 objects](quiet.svg)",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is not in {text}");
        }
    }
}
