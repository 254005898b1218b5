//! Tables as kubectl prints them. PURE.

use super::output::WIDTH;
use comfy_table::{ContentArrangement, Table, presets};

/// Spaces behind each column.
pub const GAP: usize = 2;

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
        column.set_padding((0, u16::try_from(GAP).unwrap_or(u16::MAX)));
    }
    let mut text = table.trim_fmt();
    if !text.is_empty() {
        text.push('\n');
    }
    text
}
