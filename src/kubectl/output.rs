//! How answers reach people and programs: data on standard output, words on standard error, colour only on a terminal and never with
//! `NO_COLOR`. I/O.

use std::io::{self, IsTerminal as _, Write as _};

use anstyle::{AnsiColor, Style};
use serde::Serialize;

use super::failure::Failure;
use super::flags::Format;

/// Characters of a line where nobody says how wide it may be.
pub const WIDTH: usize = 80;

/// Something new.
pub const ADDED: Style = AnsiColor::Green.on_default();
/// Something other than before.
pub const CHANGED: Style = AnsiColor::Yellow.on_default();
/// Something that goes, or is wrong.
pub const REMOVED: Style = AnsiColor::Red.on_default();
/// Something to be read second.
pub const FAINT: Style = Style::new().dimmed();

/// Prints data; whoever closed the pipe has read enough.
pub fn data(text: &str) -> Result<(), Failure> {
    let mut out = anstream::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::new(
            "standard output",
            error.to_string(),
            "give it a place to write to",
        )),
        _ => Ok(()),
    }
}

/// Says something beside the data.
pub fn word(text: &str) {
    // Nobody is left to be told that it could not be told.
    let _ = writeln!(anstream::stderr().lock(), "{text}");
}

/// Whether a person looks at the data.
#[must_use]
pub fn is_terminal() -> bool {
    io::stdout().is_terminal()
}

/// The value as JSON or YAML.
pub fn written(value: &impl Serialize, format: Format) -> Result<String, Failure> {
    let failed = |cause: String| Failure::new("answer", cause, "print it as a table");
    match format {
        Format::Yaml => serde_saphyr::to_string(value).map_err(|error| failed(error.to_string())),
        Format::Table | Format::Json => {
            let mut text = serde_json::to_string_pretty(value).map_err(|error| failed(error.to_string()))?;
            text.push('\n');
            Ok(text)
        }
    }
}

/// The text in a style.
#[must_use]
pub fn painted(style: Style, text: &str) -> String {
    format!("{style}{text}{style:#}")
}
