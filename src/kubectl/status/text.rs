//! Rows as a table. PURE.

use super::row::{Row, Standing};
use crate::kubectl::output::WIDTH;
use crate::kubectl::table::{GAP, plain_table, text_of};
use comfy_table::{Cell, Color, ColumnConstraint, Width};

/// Rows of a table at a time: in one it takes many times their memory.
const AT_A_TIME: usize = 500;

/// A column gives way to others until it has so many characters.
const NARROWEST: usize = 8 + GAP;

/// The rows, in the order in which they are given.
#[must_use]
pub fn rows(rows: &[Row], has_namespaces: bool, has_headers: bool, is_terminal: bool) -> String {
    let headers = ["NAMESPACE", "NAME", "READY", "STATUS", "AUTH-ID", "WHAT TO DO"];
    let shown = usize::from(!has_namespaces)..;
    let headers = Some(&headers[shown.clone()]).filter(|_| has_headers);
    let room = plain_table(is_terminal).width().map_or(WIDTH, usize::from);
    let of_rows = rows.iter().map(|row| texts(row)[shown.clone()].to_vec());
    let widths = widths(of_rows.chain(headers.map(<[&str]>::to_vec)), room);
    let mut text = String::new();
    for (number, part) in rows.chunks(AT_A_TIME).enumerate() {
        let mut table = plain_table(is_terminal);
        if let Some(headers) = headers.filter(|_| number == 0) {
            table.set_header(headers.iter().map(Cell::new));
        }
        for row in part {
            let mut cells = texts(row).map(Cell::new);
            cells[STATUS] = Cell::new(&row.reason).fg(color(row.standing));
            table.add_row(cells.into_iter().skip(shown.start));
        }
        for (column, width) in table.column_iter_mut().zip(&widths) {
            let width = Width::Fixed(u16::try_from(*width).unwrap_or(u16::MAX));
            column.set_constraint(ColumnConstraint::Absolute(width));
        }
        text.push_str(&text_of(table));
    }
    text
}

/// Where the reason is among them.
const STATUS: usize = 3;

fn texts(row: &Row) -> [&str; 6] {
    let id = row.auth_id.as_deref().unwrap_or("-");
    [
        &row.namespace,
        &row.name,
        &row.ready,
        &row.reason,
        id,
        &row.message,
    ]
}

/// How wide each column is, with its gap: as its longest text asks for, unless there is no room for that; then the widest give way.
fn widths<'a>(rows: impl Iterator<Item = Vec<&'a str>>, room: usize) -> Vec<usize> {
    let mut widths: Vec<usize> = Vec::new();
    for row in rows {
        widths.resize(row.len(), GAP + 1);
        for (width, text) in widths.iter_mut().zip(row) {
            *width = (*width).max(text.chars().count() + GAP);
        }
    }
    for _ in room..widths.iter().sum() {
        if let Some(widest) = widths.iter_mut().max().filter(|widest| **widest > NARROWEST) {
            *widest -= 1;
        }
    }
    widths
}

fn color(standing: Standing) -> Color {
    match standing {
        Standing::Stalled => Color::Red,
        Standing::Deleting | Standing::Waiting | Standing::Unseen | Standing::Impaired => Color::Yellow,
        Standing::Ready => Color::Green,
    }
}

/// How many stand how, in words.
#[must_use]
pub fn summary(rows: &[Row]) -> String {
    let count = |standings: &[Standing]| {
        rows.iter()
            .filter(|row| standings.contains(&row.standing))
            .count()
    };
    let parts = [
        (count(&[Standing::Ready]), "ready"),
        (count(&[Standing::Stalled]), "need a person"),
        (
            count(&[Standing::Waiting, Standing::Unseen, Standing::Impaired]),
            "wait or are not all well",
        ),
        (count(&[Standing::Deleting]), "are being deleted"),
    ];
    let parts = parts.iter().filter(|(count, _)| *count > 0);
    parts
        .map(|(count, words)| format!("{count} {words}"))
        .collect::<Vec<_>>()
        .join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubectl::output::WIDTH;

    fn row(name: &str, standing: Standing, message: &str) -> Row {
        Row {
            standing,
            namespace: "team".to_owned(),
            name: name.to_owned(),
            ready: "False".to_owned(),
            reason: "ExternalResourceMissing".to_owned(),
            auth_id: Some("SA_XXXXXXXXXX".to_owned()),
            message: message.to_owned(),
        }
    }

    #[test]
    fn a_table_fits_eighty_columns_and_has_color_on_a_terminal_alone() {
        let long =
            "an earlier object of this name left an account that is kept: set the annotation to take it over";
        let listed = [
            row("acme", Standing::Stalled, long),
            row("globex", Standing::Ready, ""),
        ];
        for has_namespaces in [false, true] {
            let text = rows(&listed, has_namespaces, true, false);
            assert!(text.lines().all(|line| line.chars().count() <= WIDTH), "{text}");
            assert!(
                text.starts_with(if has_namespaces { "NAMESPACE" } else { "NAME" }),
                "{text}"
            );
            assert!(!text.contains('\u{1b}'), "{text}");
        }
        assert!(rows(&listed, false, false, true).contains('\u{1b}'));
        assert!(!rows(&listed, false, false, false).contains("STATUS"));
        assert_eq!(rows(&[], false, false, false), "");
        let many: Vec<Row> = (0..=2 * AT_A_TIME)
            .map(|number| row(&format!("n{number:04}"), Standing::Ready, ""))
            .collect();
        let text = rows(&many, false, true, false);
        assert_eq!(text.lines().count(), many.len() + 1);
        let places: std::collections::HashSet<Option<usize>> =
            text.lines().skip(1).map(|line| line.find("SA_X")).collect();
        assert_eq!(
            places.len(),
            1,
            "columns stand where they stand above: {places:?}"
        );
        assert_eq!(summary(&listed), "1 ready, 1 need a person");
    }
}
