//! Rows as a table. PURE.

use super::row::{Row, Standing};
use crate::kubectl::output::WIDTH;
use comfy_table::{Cell, Color, ContentArrangement, Table, presets};

/// A table without lines, as kubectl prints one.
#[must_use]
pub fn plain_table(is_terminal: bool) -> Table {
    let mut table = Table::new();
    table
        .load_preset(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic);
    if is_terminal {
        table.enforce_styling();
    } else {
        table.force_no_tty();
        table.set_width(u16::try_from(WIDTH).unwrap_or(u16::MAX));
    }
    table
}

/// The table as text, with no space at the ends of its lines.
#[must_use]
pub fn text_of(mut table: Table) -> String {
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    let mut text = table.trim_fmt();
    if !text.is_empty() {
        text.push('\n');
    }
    text
}

/// The rows, in the order in which they are given.
#[must_use]
pub fn rows(rows: &[Row], has_namespaces: bool, has_headers: bool, is_terminal: bool) -> String {
    let mut table = plain_table(is_terminal);
    let with_namespace = |mut cells: Vec<Cell>, namespace: &str| {
        if has_namespaces {
            cells.insert(0, Cell::new(namespace));
        }
        cells
    };
    if has_headers {
        let headers = ["NAME", "READY", "STATUS", "AUTH-ID", "WHAT TO DO"].map(Cell::new);
        table.set_header(with_namespace(headers.to_vec(), "NAMESPACE"));
    }
    for row in rows {
        let reason = Cell::new(&row.reason).fg(color(row.standing));
        let cells = vec![
            Cell::new(&row.name),
            Cell::new(&row.ready),
            reason,
            Cell::new(row.auth_id.as_deref().unwrap_or("-")),
            Cell::new(&row.message),
        ];
        table.add_row(with_namespace(cells, &row.namespace));
    }
    text_of(table)
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
        assert_eq!(summary(&listed), "1 ready, 1 need a person");
    }
}
