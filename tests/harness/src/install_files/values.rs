//! The table of a chart's values, from what `values.yaml` says about each. PURE.

use std::fmt::Write as _;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

/// What begins the text about a value.
const ABOUT: &str = "# -- ";

/// A value of a chart, as its documentation names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Documented {
    /// Its keys, joined by dots.
    pub path: String,
    /// What is said about it.
    pub about: String,
}

/// The values that the text says something about, in its order. What stands below one of them is told by it.
#[must_use]
pub fn documented(values: &str) -> Vec<Documented> {
    let mut found = Vec::new();
    let mut keys: Vec<(usize, &str)> = Vec::new();
    let mut about: Option<String> = None;
    for line in values.lines() {
        let text = line.trim_start();
        let indentation = line.len() - text.len();
        if let Some(begun) = text.strip_prefix(ABOUT) {
            about = Some(begun.to_owned());
        } else if let Some(more) = text.strip_prefix("# ") {
            if let Some(about) = &mut about {
                about.push(' ');
                about.push_str(more);
            }
        } else if let Some((key, _)) = text.split_once(':').filter(|(key, _)| is_key(key)) {
            keys.retain(|(of, _)| *of < indentation);
            keys.push((indentation, key));
            if let Some(about) = about.take() {
                let path: Vec<&str> = keys.iter().map(|(_, key)| *key).collect();
                let path = path.join(".");
                found.push(Documented { path, about });
            }
        } else {
            about = None;
        }
    }
    found
}

fn is_key(text: &str) -> bool {
    !text.is_empty() && text.chars().all(char::is_alphanumeric)
}

/// The table for a README.
pub fn table(values: &str) -> Result<String> {
    let parsed: Value = serde_saphyr::from_str(values).context("failed to parse the values")?;
    let mut table = "| value | default | what it is |\n|---|---|---|\n".to_owned();
    for Documented { path, about } in documented(values) {
        let default = path.split('.').try_fold(&parsed, |value, key| value.get(key));
        let default = default.with_context(|| format!("{path} is no value"))?;
        ensure!(!about.contains('|'), "{path}: a table cannot hold '|'");
        writeln!(table, "| `{path}` | `{default}` | {about} |")?;
    }
    Ok(table)
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALUES: &str = "# All.

image:
  # -- Where it is,
  # and what it is called.
  repository: a
  tag: b
# -- Who pulls.
pull:
  secrets: [x]
# -- Lost.

# No value follows at once.
last: 1
";

    #[test]
    fn a_value_is_told_with_its_keys_and_all_lines_about_it() {
        let found: Vec<(String, String)> = documented(VALUES)
            .into_iter()
            .map(|value| (value.path, value.about))
            .collect();
        let expected = [
            ("image.repository", "Where it is, and what it is called."),
            ("pull", "Who pulls."),
        ];
        assert_eq!(
            found,
            expected.map(|(path, about)| (path.to_owned(), about.to_owned()))
        );
    }

    #[test]
    fn the_table_shows_what_holds_when_nothing_is_set() {
        let table = table(VALUES).unwrap();
        assert!(
            table.contains("| `image.repository` | `\"a\"` | Where it is"),
            "{table}"
        );
        assert!(
            table.contains("| `pull` | `{\"secrets\":[\"x\"]}` | Who pulls. |"),
            "{table}"
        );
    }
}
