//! PURE. Tables and texts in Markdown.

/// A table with these headings.
pub struct Table {
    columns: usize,
    text: String,
}

impl Table {
    /// Without rows.
    pub fn new(headings: &[&str]) -> Self {
        let rule = "|---".repeat(headings.len());
        Self {
            columns: headings.len(),
            text: format!("| {} |\n{rule}|\n", headings.join(" | ")),
        }
    }

    /// Adds a row of cells, which are Markdown.
    pub fn row(&mut self, cells: &[&str]) {
        assert_eq!(cells.len(), self.columns, "{cells:?}");
        self.text.push('|');
        for cell in cells {
            let cell = cell.split_whitespace().collect::<Vec<_>>().join(" ");
            let cell = cell.replace('|', "\\|");
            self.text.push_str(if cell.is_empty() { "" } else { " " });
            self.text.push_str(&cell);
            self.text.push_str(" |");
        }
        self.text.push('\n');
    }

    /// The table.
    pub fn finish(self) -> String {
        self.text
    }
}

/// As code; nothing for nothing.
pub fn code(text: &str) -> String {
    if text.is_empty() {
        String::new()
    } else if text.contains('`') {
        format!("`` {text} ``")
    } else {
        format!("`{text}`")
    }
}

/// A text of the code as a paragraph: without the line breaks that it has there, a full stop at its end.
pub fn sentence(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match text.chars().last() {
        None | Some('.' | ':' | '?' | '!') => text,
        Some(_) => text + ".",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_cannot_leave_its_column_nor_its_line() {
        let mut table = Table::new(&["a", "b"]);
        table.row(&["x|y", "one\n  two"]);
        assert_eq!(table.finish(), "| a | b |\n|---|---|\n| x\\|y | one two |\n");
    }

    #[test]
    fn code_with_a_back_quote_stays_code() {
        assert_eq!(code("a"), "`a`");
        assert_eq!(code("a`b"), "`` a`b ``");
        assert_eq!(code(""), "");
    }
}
