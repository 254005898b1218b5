//! What was examined as a table: a line for each, with what to do below it. PURE.

use super::check::{Check, Summary, Verdict};
use crate::kubectl::table::{plain_table, text_of};
use comfy_table::{Cell, Color, ColumnConstraint};

/// The checks in the order in which they are given.
#[must_use]
pub fn table(checks: &[Check], has_headers: bool, is_terminal: bool) -> String {
    let mut table = plain_table(is_terminal);
    if has_headers {
        table.set_header(["RESULT", "PART", "FOUND, AND WHAT TO DO"].map(Cell::new));
    }
    for check in checks {
        let mut found = format!("{}: {}", check.object, check.message);
        if let Some(remedy) = &check.remedy {
            found.push_str("\n-> ");
            found.push_str(remedy);
        }
        table.add_row([
            Cell::new(check.verdict.as_str()).fg(color(check.verdict)),
            Cell::new(check.part.as_str()),
            Cell::new(found),
        ]);
    }
    // Of columns that are there.
    table.set_constraints([ColumnConstraint::ContentWidth; 2]);
    text_of(table)
}

fn color(verdict: Verdict) -> Color {
    match verdict {
        Verdict::Ok => Color::Green,
        Verdict::Warning => Color::Yellow,
        Verdict::Fault => Color::Red,
    }
}

/// What it comes to, in words.
#[must_use]
pub fn summary(summary: Summary) -> String {
    let Summary { ok, warning, fault } = summary;
    format!("{ok} ok, {warning} warnings, {fault} faults")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubectl::doctor::check::{Part, Report};
    use crate::kubectl::output::WIDTH;

    #[test]
    fn a_line_for_each_fits_eighty_columns_and_has_its_remedy_below() {
        let long = "Vobiz refuses the parent account's credentials, and all that are in need of them wait";
        let report = Report::of(vec![
            Check::ok(Part::Clock, "Vobiz", "as this machine's"),
            Check::unseen(Part::Leader, "Lease", "you may not read it"),
            Check::fault(Part::Account, "Account team/vobiz", long, "rotate its pair"),
        ]);
        let text = table(&report.checks, true, false);
        assert!(text.lines().all(|line| line.chars().count() <= WIDTH), "{text}");
        assert!(
            text.starts_with("RESULT") && text.contains("-> rotate its pair"),
            "{text}"
        );
        assert!(!table(&report.checks, false, false).contains("RESULT"));
        assert_eq!(summary(report.summary), "1 ok, 1 warnings, 1 faults");
        assert!(table(&report.checks, false, true).contains('\u{1b}'));
    }
}
